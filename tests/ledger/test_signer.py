"""The log key and its memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from nesqc_gmp.errors import IntegrityError, InvalidInputError, NotFoundError
from nesqc_gmp.ledger import LogSigner
from nesqc_gmp.ledger.signer import read_state
from nesqc_gmp.merkle import EMPTY_ROOT
from nesqc_gmp.notes import Checkpoint, NoteVerifier, open_checkpoint

ORIGIN = "example.org/nesqc/test/1"


@pytest.fixture
def signer(tmp_path: Path) -> LogSigner:
    return LogSigner.create(tmp_path / "key", tmp_path / "state", ORIGIN)


def test_first_memory_is_the_empty_log(signer: LogSigner) -> None:
    assert signer.last() == Checkpoint(ORIGIN, 0, EMPTY_ROOT)


def test_memory_is_shared_and_always_the_last(signer: LogSigner, tmp_path: Path) -> None:
    other = LogSigner(tmp_path / "key", tmp_path / "state")
    for size in (10**15, 7, 8):
        note = signer.sign(size, bytes([size % 251]) * 32)
        signer.remember(note)
        assert other.last() == open_checkpoint(note, signer.verifier)
        assert read_state((tmp_path / "state").read_bytes(), signer.verifier).size == size
    other.close()
    signer.close()


def test_create_never_replaces_a_key(signer: LogSigner, tmp_path: Path) -> None:
    before = (tmp_path / "key").read_text()
    with pytest.raises(FileExistsError):
        LogSigner.create(tmp_path / "key", tmp_path / "other", ORIGIN)
    assert (tmp_path / "key").read_text() == before


def test_origin_that_the_memory_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="too long"):
        LogSigner.create(tmp_path / "key", tmp_path / "state", "x" * 500)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", ["key", "state"])
def test_missing_files(signer: LogSigner, tmp_path: Path, missing: str) -> None:
    (tmp_path / missing).unlink()
    with pytest.raises(NotFoundError, match="cannot be opened"):
        LogSigner(tmp_path / "key", tmp_path / "state")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"PRIVATE+KEY+x+00000000+AAAA"])
def test_damaged_key(signer: LogSigner, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(IntegrityError):
        LogSigner(tmp_path / "key", tmp_path / "state")


@pytest.mark.parametrize("place", [0, 30, 60, 100, 160])
def test_any_edit_of_the_memory_is_noticed(signer: LogSigner, tmp_path: Path, place: int) -> None:
    data = bytearray((tmp_path / "state").read_bytes())
    data[place] ^= 1
    (tmp_path / "state").write_bytes(data)
    with pytest.raises(IntegrityError, match="state was altered"):
        signer.last()


def test_memory_signed_by_another_key_of_the_same_name(signer: LogSigner, tmp_path: Path) -> None:
    other = LogSigner.create(tmp_path / "key2", tmp_path / "state2", ORIGIN)
    (tmp_path / "state").write_bytes((tmp_path / "state2").read_bytes())
    with pytest.raises(IntegrityError, match="state was altered"):
        signer.last()
    assert isinstance(other.verifier, NoteVerifier)
