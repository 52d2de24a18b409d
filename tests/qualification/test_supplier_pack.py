"""The supplier pack: everything in it by digest, the same bytes each time, and what is missing named."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import IntegrityError, InvalidInputError, NotFoundError
from nesqc_gmp.installation.release import Dependency, open_release
from nesqc_gmp.qualification.supplier_pack import RESULTS, Missing, Pack, Part, _licences, write_pack

ROOT = Path(__file__).parents[2]
VALIDATION = ROOT / "validation"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return write_pack(VALIDATION, tmp_path_factory.mktemp("pack") / "supplier", None)


@pytest.fixture(scope="module")
def release_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of the release that a pack is made from; not altered."""
    folder = tmp_path_factory.mktemp("release")
    for name in ("audit", "validation", "sops", "nesqc_gmp"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "pictures"))
    for name in ("CHANGELOG.md", "LICENSE", "requirements.lock", ".importlinter"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    for model in (ROOT / "models").glob("*/manifest.json"):
        target = folder / "models" / model.parent.name
        target.mkdir(parents=True)
        for name in ("manifest.json", "CARD.md"):
            shutil.copy(model.parent / name, target / name)
    return folder


def listed(pack: Pack) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((pack.folder / "manifest.json").read_bytes())
    return value


@pytest.mark.requirement("UR-QUALIFY-17", reviewed="af61869a")
def test_every_file_is_listed_with_its_digest_and_nothing_else_is_there(pack: Pack) -> None:
    files = {line["path"]: line["sha256"] for line in listed(pack)["files"]}
    found = {
        path.relative_to(pack.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in pack.folder.rglob("*")
        if path.is_file()
    }
    del found["manifest.json"]
    assert files == found
    assert all(line["what"] for line in listed(pack)["files"])


def test_the_one_file_holds_the_same(pack: Pack) -> None:
    with zipfile.ZipFile(pack.file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        for name in archive.namelist():
            assert archive.read(name) == (pack.folder / name).read_bytes()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert len(archive.namelist()) == len(listed(pack)["files"]) + 1


def test_the_same_release_gives_the_same_bytes(pack: Pack, release_copy: Path, tmp_path: Path) -> None:
    """From a copy in another folder, with other times of its files."""
    again = write_pack(release_copy / "validation", tmp_path / "other-name", None)
    mine, theirs = ({line["path"]: line["sha256"] for line in listed(each)["files"]} for each in (pack, again))
    # The tests are not in the copy, so it has no matrix.
    assert {path for path in mine if mine[path] != theirs.get(path)} == {
        f"traceability/matrix.{ending}" for ending in ("html", "json", "pdf")
    }
    assert "traceability" in {each.path for each in again.missing}
    third = write_pack(release_copy / "validation", tmp_path / "third", None)
    assert again.file.read_bytes() == third.file.read_bytes()


def test_everything_that_an_assessment_needs_is_in_it(pack: Pack) -> None:
    paths = {part.path for part in pack.parts}
    assert paths >= {
        "release-notes.md", "known-issues.md", "development-procedure.md", "release/sbom.cdx.json",
        "release/manifest.json", "release/manifest.note", "clause-map.toml", "traceability/matrix.pdf",
        "traceability/matrix.json", "threats.md", "trust-model.md", "byte-formats.md",
        "test-evidence/how-this-is-tested.md", "licences/nesqc-gmp/LICENSE",
    }  # fmt: skip
    assert any(path.endswith("CARD.md") for path in paths)
    assert sum(path.startswith("requirements/") for path in paths) == len(
        list(VALIDATION.glob("requirements/**/*.toml"))
    )
    release = open_release(VALIDATION / "release")
    with_licence = {path.split("/")[1] for path in paths if path.startswith("licences/")}
    absent = {each.path.split("/")[1] for each in pack.missing if each.path.startswith("licences/")}
    wanted = {f"{each.name}-{each.version}" for each in release.manifest.dependencies} | {"nesqc-gmp"}
    assert with_licence | absent == wanted


def test_results_are_for_the_caller_to_hand_in(pack: Pack, tmp_path: Path) -> None:
    assert [(each.path, each.from_caller) for each in pack.missing if each.from_caller] == [(RESULTS, True)]
    assert {line["path"] for line in listed(pack)["missing"]} == {each.path for each in pack.missing}
    results = tmp_path / "results.json"
    results.write_text('{"format":"something else"}')
    with pytest.raises(InvalidInputError):
        write_pack(VALIDATION, tmp_path / "pack", results)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json"]


def nesqc(out: Path, validation: Path) -> subprocess.CompletedProcess[str]:
    """The command, as somebody types it who has no site and no login."""
    words = ["qualify", "supplier-pack", "--out", str(out), "--validation", str(validation)]
    return subprocess.run(
        [sys.executable, "-m", "nesqc_gmp", *words], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_a_missing_part_is_named_and_ends_with_10(release_copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(release_copy, folder)
    (folder / "audit" / "threats.md").unlink()
    ended = nesqc(tmp_path / "pack", folder / "validation")
    assert ended.returncode == NotFoundError.exit_code
    assert "Missing: threats.md" in ended.stdout
    said = json.loads((tmp_path / "pack" / "manifest.json").read_bytes())["missing"]
    assert "threats.md" in {line["path"] for line in said}


def test_a_whole_release_needs_no_login(tmp_path: Path, pack: Pack) -> None:
    ended = nesqc(tmp_path / "pack", VALIDATION)
    here = [each for each in pack.missing if not each.from_caller]
    assert ended.returncode == (NotFoundError.exit_code if here else 0)
    assert RESULTS in ended.stdout


@pytest.mark.requirement("UR-QUALIFY-17", reviewed="af61869a", negative=True)
def test_an_altered_release_is_refused_and_nothing_is_written(release_copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(release_copy, folder)
    sbom = folder / "validation" / "release" / "sbom.cdx.json"
    sbom.write_bytes(sbom.read_bytes().replace(b"MIT", b"GPL", 1))
    with pytest.raises(IntegrityError, match="another manifest or another list of components"):
        write_pack(folder / "validation", tmp_path / "pack", None)
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


@pytest.mark.parametrize("taken", ["pack", "pack.zip"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")
    with pytest.raises(InvalidInputError, match="nothing is overwritten"):
        write_pack(VALIDATION, tmp_path / "pack", None)
    assert (tmp_path / taken).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_dependency_in_another_version_or_not_there_is_named() -> None:
    version = metadata.version("rfc8785")
    asked = [
        Dependency(name="rfc8785", version=version, wheels=()),
        Dependency(name="rfc8785", version="0.0.1", wheels=()),
        Dependency(name="no-such-distribution", version="1", wheels=()),
    ]
    found = list(_licences(asked))
    assert isinstance(found[0], Part)
    assert b"Apache" in found[0].data
    assert [each for each in found if isinstance(each, Missing)] == [
        Missing("licences/rfc8785-0.0.1", f"version {version} is installed here"),
        Missing("licences/no-such-distribution-1", "the distribution is not installed here"),
    ]


def test_the_pack_names_no_path_of_this_computer(pack: Pack) -> None:
    for part in pack.parts:
        assert str(ROOT).encode() not in part.data, part.path
        assert str(Path.home()).encode() + b"/" not in part.data, part.path
