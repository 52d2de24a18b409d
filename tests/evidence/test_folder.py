"""Writing and strict reading of a bundle folder; the bundle is made up and needs no site."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError
from nesqc_gmp.evidence import EvidenceBundle, EvidenceEntry, read, write

PICTURE = b"simulated picture bytes"
DIGEST = hashlib.sha256(PICTURE).hexdigest()
STATEMENT, SIGNATURE = "made up statement\n", b"made up signature"


def signed_body() -> bytes:
    """An entry with a signature; nothing in it is true, but it has the shape."""
    entry = {
        "version": 1, "origin": "example.org/log", "index": 12, "reason": None, "software": "test",
        "time": {"utc": "2026-01-01T00:00:00.000000Z", "local": "2026-01-01T00:00:00.000000+00:00", "zone": "UTC"},
        "actor": {"person": "a.b", "name": "A B", "role": "qa", "authentication": "passphrase", "session": None},
        "subject": {"type": "batch", "id": "B-1"},
        "record": {
            "kind": "batch_submitted",
            "signature": {
                "statement": STATEMENT, "signature": base64.b64encode(SIGNATURE).decode(),
                "certificate_sha256": "0" * 64,
            },
        },
    }  # fmt: skip
    return json.dumps(entry).encode()


BUNDLE = EvidenceBundle(
    log_key="example.org/log+00000000+AAAA",
    authority=b"-----BEGIN CERTIFICATE-----\n",
    checkpoint="example.org/log\n13\n\n",
    record=b"{}",
    entries=(EvidenceEntry(0, b"no record at all", "proof 0\n"), EvidenceEntry(12, signed_body(), "proof 12\n")),
    objects={DIGEST: PICTURE},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A written bundle."""
    write(tmp_path / "bundle", BUNDLE)
    return tmp_path / "bundle"


def rewrite_manifest(folder: Path) -> None:
    """Name every file as it is now, as a forger would."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"]
    lines = {
        p.relative_to(folder).as_posix(): {
            "bytes": p.stat().st_size, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()
        } for p in files
    }  # fmt: skip
    # RFC 8785 for ASCII names and whole numbers is what the standard library writes with these settings.
    overwrite(folder / "manifest.json", json.dumps(lines, sort_keys=True, separators=(",", ":")).encode())


def overwrite(path: Path, data: bytes) -> None:
    """Replace a read-only file."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def test_what_was_written_is_read_back(folder: Path) -> None:
    found = read(folder)
    assert dict(found.objects) == {DIGEST: PICTURE}
    assert (found.log_key, found.authority, found.checkpoint) == (BUNDLE.log_key, BUNDLE.authority, BUNDLE.checkpoint)
    assert (found.record, found.entries) == (BUNDLE.record, BUNDLE.entries)


def test_the_layout_is_the_documented_one(folder: Path) -> None:
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "README.txt", "authority.pem", "checkpoint", "entries/000000.json", "entries/000012.json", "log.vkey",
        "manifest.json", f"objects/{DIGEST}", "proofs/000000.tlog-proof", "proofs/000012.tlog-proof", "record.json",
        "signatures/000012-a.b.der", "signatures/000012-a.b.txt",
    ]  # fmt: skip
    assert (folder / "signatures/000012-a.b.txt").read_bytes() == STATEMENT.encode()
    assert (folder / "signatures/000012-a.b.der").read_bytes() == SIGNATURE
    assert all(p.stat().st_mode & 0o222 == 0 for p in folder.rglob("*") if p.is_file())


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine")
    with pytest.raises(InvalidInputError, match="not empty"):
        write(tmp_path, BUNDLE)
    with pytest.raises(InvalidInputError, match="cannot be written"):
        write(tmp_path / "other" / "below", BUNDLE)


def test_an_original_under_a_wrong_name_is_not_written(tmp_path: Path) -> None:
    wrong = EvidenceBundle(**{f: getattr(BUNDLE, f) for f in BUNDLE.__slots__} | {"objects": {"0" * 64: PICTURE}})
    with pytest.raises(IntegrityError, match="does not have its digest"):
        write(tmp_path / "bundle", wrong)
    assert not (tmp_path / "bundle" / "manifest.json").exists()
    with pytest.raises(IntegrityError):
        read(tmp_path / "bundle")


def test_every_file_flipped_deleted_or_truncated_is_seen(folder: Path) -> None:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        good = path.read_bytes()
        for bad in (bytes([good[0] ^ 1]) + good[1:], good[:-1], good + b"\n", None):
            path.unlink()
            if bad is not None:
                path.write_bytes(bad)
            with pytest.raises(IntegrityError):
                read(folder)
            overwrite(path, good)
    assert read(folder).record == BUNDLE.record


@pytest.mark.parametrize(
    "name", ["extra", "entries/000001.json", "entries/0000012.json", "proofs/x", "objects/" + "0" * 64, "signatures/x"]
)
def test_an_added_file_is_seen_with_and_without_the_manifest(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"added")
    with pytest.raises(IntegrityError, match="not in the manifest"):
        read(folder)
    rewrite_manifest(folder)
    with pytest.raises(IntegrityError):
        read(folder)


@pytest.mark.parametrize("name", ["signatures/000012-a.b.txt", "signatures/000012-a.b.der", "log.vkey"])
def test_a_derived_file_that_differs_from_its_entry_is_seen(folder: Path, name: str) -> None:
    overwrite(folder / name, b"another text")
    rewrite_manifest(folder)
    with pytest.raises(IntegrityError, match="not what the entries say"):
        read(folder)


def test_links_folders_and_pipes_are_refused(folder: Path, tmp_path: Path) -> None:
    record = folder / "record.json"
    (tmp_path / "copy").write_bytes(record.read_bytes())
    record.unlink()
    record.symlink_to(tmp_path / "copy")
    with pytest.raises(IntegrityError, match="plain file"):
        read(folder)
    record.unlink()
    os.mkfifo(record)
    with pytest.raises(IntegrityError, match="plain file"):
        read(folder)
    record.unlink()
    record.mkdir()
    with pytest.raises(IntegrityError):
        read(folder)


def test_an_empty_folder_among_the_files_is_refused(folder: Path) -> None:
    (folder / "notes").mkdir()
    with pytest.raises(IntegrityError, match="not in the manifest"):
        read(folder)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        read(tmp_path / "absent")


def test_an_original_altered_between_reading_and_use_is_seen(folder: Path) -> None:
    bundle = read(folder)
    overwrite(folder / "objects" / DIGEST, b"something else")
    with pytest.raises(IntegrityError, match="while it was checked"):
        bundle.objects[DIGEST]
    with pytest.raises(KeyError):
        bundle.objects["0" * 64]


def test_a_manifest_that_is_not_canonical_is_refused(folder: Path) -> None:
    good = (folder / "manifest.json").read_bytes()
    bad = (good.replace(b'{"README', b'{ "README'), b"[]", b"", b"\xff", good.replace(b'"bytes":', b'"bytes":-', 1))
    for data in (*bad, b"[" * 10_000):
        overwrite(folder / "manifest.json", data)
        with pytest.raises(IntegrityError):
            read(folder)


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=200), where=st.integers(min_value=0, max_value=12))
def test_whatever_stands_in_a_file_only_our_errors_leave(tmp_path_factory, data: bytes, where: int) -> None:
    folder = tmp_path_factory.mktemp("fuzz") / "bundle"
    write(folder, BUNDLE)
    path = sorted(p for p in folder.rglob("*") if p.is_file())[where]
    overwrite(path, data)
    if path.name != "manifest.json":
        rewrite_manifest(folder)
    try:
        read(folder)
    except NesqcError:
        return
    # What nothing is derived from may hold anything here; the verifier judges it.
    assert path.suffix in {".pem", ".tlog-proof", ".json", ".txt", ".vkey", ""}
