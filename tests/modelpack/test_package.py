"""Attacks on a package: one byte, one file, one link, one space too many, and it is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.modelpack.layout import MANIFEST, MODEL, part_paths
from nesqc_gmp.modelpack.lock import lock
from nesqc_gmp.modelpack.package import LockedModel, open_package, open_package_bytes, parse_manifest
from nesqc_gmp.records.models import ModelDescription


@pytest.fixture
def folder(tmp_path: Path, shipped: LockedModel) -> Path:
    """A copy of the shipped package that a test may damage."""
    for path, data in shipped.files().items():
        (tmp_path / "package" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "package" / path).write_bytes(data)
    return tmp_path / "package"


def _description(model: LockedModel) -> ModelDescription:
    return ModelDescription(**{name: getattr(model.manifest, name) for name in ModelDescription.model_fields})


@pytest.mark.requirement("UR-MODELS-01", reviewed="b323a7a6")
def test_the_digest_is_that_of_the_manifest_file(folder: Path, shipped: LockedModel) -> None:
    """hashlib over the file, as sha256sum would give it."""
    assert open_package(folder).digest == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest() == shipped.digest


@pytest.mark.requirement("UR-MODELS-02", reviewed="7d0442eb")
def test_a_package_in_memory_is_the_same_package(shipped: LockedModel) -> None:
    assert open_package_bytes(shipped.files(), shipped.digest) == shipped


@pytest.mark.requirement("UR-MODELS-01", reviewed="b323a7a6", negative=True)
def test_one_flipped_byte_in_any_file_is_refused(shipped: LockedModel) -> None:
    files = shipped.files()
    for path, data in files.items():
        for place in (0, len(data) // 2, len(data) - 1):
            broken = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            with pytest.raises(ModelRefusedError):
                open_package_bytes({**files, path: broken}, shipped.digest)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_a_damaged_manifest_never_leaks_another_error(shipped: LockedModel, seed: int) -> None:
    data = shipped.manifest_bytes
    place, bit = seed % len(data), 1 << (seed % 8)
    broken = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
    with pytest.raises(ModelRefusedError):
        open_package_bytes({**shipped.files(), MANIFEST: broken}, shipped.digest)


@pytest.mark.requirement("UR-MODELS-21", reviewed="6092db03", negative=True)
def test_a_missing_file_is_refused_by_name(shipped: LockedModel) -> None:
    for path in shipped.parts:
        files = shipped.files()
        del files[path]
        with pytest.raises(ModelRefusedError, match="missing") as caught:
            open_package_bytes(files, shipped.digest)
        assert caught.value.where == path


@pytest.mark.requirement("UR-MODELS-21", reviewed="6092db03", negative=True)
@pytest.mark.parametrize("path", ["extra.txt", ".hidden", "golden/extra.npy", "model.onnx.data", "sub/extra.txt"])
def test_an_extra_file_is_refused_by_name(folder: Path, path: str) -> None:
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_bytes(b"x")
    with pytest.raises(ModelRefusedError, match="not in the manifest") as caught:
        open_package(folder)
    assert caught.value.where == path


def test_an_empty_or_a_nested_folder_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(ModelRefusedError, match="empty"):
        open_package(folder)
    (folder / "empty" / "deeper").mkdir()
    with pytest.raises(ModelRefusedError, match="folder inside"):
        open_package(folder)


@pytest.mark.parametrize("path", [MODEL, MANIFEST, "golden"])
def test_a_symbolic_link_is_refused_even_to_the_right_bytes(folder: Path, tmp_path: Path, path: str) -> None:
    kept = tmp_path / "kept"
    shutil.move(folder / path, kept)
    (folder / path).symlink_to(kept)
    with pytest.raises(ModelRefusedError, match="neither a plain file nor a folder"):
        open_package(folder)


def test_a_pipe_is_refused_without_waiting(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(ModelRefusedError, match="neither"):
        open_package(folder)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefusedError, match="cannot be read"):
        open_package(tmp_path / "absent")


@pytest.mark.requirement("UR-MODELS-02", reviewed="7d0442eb", negative=True)
def test_a_swapped_model_with_a_fitting_manifest_has_another_digest(folder: Path, shipped: LockedModel) -> None:
    """The strongest forger rewrites everything; the approved digest is in the ledger, not in the folder."""
    model = bytearray((folder / MODEL).read_bytes())
    model[-60] ^= 1
    (folder / MODEL).write_bytes(model)
    (folder / MANIFEST).unlink()
    forged = lock(folder, _description(shipped))
    assert forged.digest != shipped.digest
    with pytest.raises(ModelRefusedError, match="not the approved"):
        open_package_bytes(forged.files(), shipped.digest)


def test_a_manifest_that_is_not_canonical_is_refused(shipped: LockedModel) -> None:
    loose = json.dumps(json.loads(shipped.manifest_bytes), indent=1).encode()
    with pytest.raises(ModelRefusedError, match="canonical"):
        parse_manifest(loose)


@pytest.mark.parametrize("path", ["../model.onnx", "/etc/passwd", "golden/../../x", ".hidden", "a\\b", "golden//x", ""])
def test_a_path_out_of_the_package_is_refused(shipped: LockedModel, path: str) -> None:
    content = json.loads(shipped.manifest_bytes)
    content["parts"][0]["path"] = path
    with pytest.raises(ModelRefusedError, match="not a manifest"):
        parse_manifest(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("conforming_from", "0.2"),
        ("not_conforming_below", "0"),
        ("conforming_from", 0.9),
        ("statistics_mean", ["1"]),
        ("golden", []),
        ("golden", ["blank", "blank"]),
        ("unknown", "x"),
        ("version", 2),
    ],
)
def test_an_inconsistent_manifest_is_refused(shipped: LockedModel, field: str, value: object) -> None:
    content = json.loads(shipped.manifest_bytes)
    content["not_conforming_below"] = "0.3"
    content[field] = value
    with pytest.raises(ModelRefusedError, match="not a manifest"):
        parse_manifest(json.dumps(content).encode())


def test_locking_twice_is_refused(folder: Path, shipped: LockedModel) -> None:
    with pytest.raises(ModelRefusedError, match="locked already"):
        lock(folder, _description(shipped))


@pytest.mark.requirement("UR-MODELS-21", reviewed="6092db03", negative=True)
def test_locking_with_a_part_missing_or_too_much_writes_nothing(folder: Path, shipped: LockedModel) -> None:
    (folder / MANIFEST).unlink()
    (folder / "notes.txt").write_text("x")
    with pytest.raises(ModelRefusedError, match="does not name the parts"):
        lock(folder, _description(shipped))
    assert not (folder / MANIFEST).exists()


@pytest.mark.requirement("UR-MODELS-01", reviewed="b323a7a6", negative=True)
@pytest.mark.requirement("UR-MODELS-06", reviewed="e5fd1ec1", negative=True)
def test_a_locked_model_cannot_be_changed(shipped: LockedModel) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        shipped.digest = "0" * 64  # type: ignore[misc]
    with pytest.raises(TypeError):
        shipped.parts[MODEL] = b""  # type: ignore[index]


def test_the_shipped_package_is_small_and_complete(shipped: LockedModel) -> None:
    assert set(shipped.parts) == set(part_paths(shipped.manifest))
    assert sum(map(len, shipped.files().values())) < 5_000_000
    assert len(shipped.manifest.golden) >= 4


@pytest.mark.requirement("UR-SITE-10", reviewed="2ff7c07d")
def test_the_shipped_package_says_that_it_is_a_simulated_demonstration(shipped: LockedModel) -> None:
    card = shipped.parts["CARD.md"].decode()
    assert shipped.manifest.demonstration
    assert "Not for GMP use" in card
    assert "simulated" in card
    assert "not for gmp use" in shipped.manifest.intended_use.lower()
    assert json.loads(shipped.parts["training.json"])["simulated"] is True
