"""Files that are damaged, of the wrong type or in the wrong place: refusals and findings, never a traceback."""

from __future__ import annotations

import os
import random
import sqlite3
from typing import Any

import pytest

from nesqc_gmp import store
from nesqc_gmp.errors import IntegrityError, InvalidInputError, LedgerBusyError, NesqcError, NotFoundError
from nesqc_gmp.ledger import Ledger, reading_copy, verify_database
from nesqc_gmp.notes import Checkpoint


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, pristine: Any) -> Any:
    site = type(pristine).founded(tmp_path_factory.mktemp("small"))
    site.extend(60)
    return site


def _outcome(site: Any) -> str:
    try:
        return "whole" if site.verify_with_state().whole else "found"
    except IntegrityError:
        return "refused"


def _use(site: Any) -> None:
    """Open, read everything, append; only refusals may come out."""
    try:
        ledger = site.open()
    except NesqcError:
        return
    try:
        with ledger.reading() as reader:
            for entry in reader.entries_about("batch"):
                reader.inclusion(entry.index)
            list(reader.index_rows())
            reader.content("batch", "B-0")
    except NesqcError:
        pass
    finally:
        ledger.close()


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_flipped(small: Any, tmp_path: Any, seed: int) -> None:
    site = small.copy(tmp_path / "site")
    data = bytearray(site.path.read_bytes())
    chooser = random.Random(seed)
    for _ in range(1 + seed % 5):
        data[chooser.randrange(len(data))] ^= chooser.randrange(1, 256)
    site.path.write_bytes(data)
    _outcome(site)
    _use(site)


@pytest.mark.requirement("UR-AUDIT-06", reviewed="3b2a38d3", negative=True)
def test_every_flip_inside_a_row_is_found(small: Any, tmp_path: Any) -> None:
    """A flipped byte of an entry's text is always found, at its entry."""
    whole = small.path.read_bytes()
    for number in (3, 30, 59):
        site = small.copy(tmp_path / f"site{number}")
        place = whole.index(b'"index":%d,' % number) - 30
        site.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert site.verify().first_bad == number


@pytest.mark.parametrize("content", [b"", b"no database at all" * 200, b"SQLite format 3\x00" + bytes(4000)])
def test_other_files(small: Any, tmp_path: Any, content: bytes) -> None:
    site = small.copy(tmp_path / "site")
    site.path.write_bytes(content)
    assert _outcome(site) in ("found", "refused")
    with pytest.raises(IntegrityError):
        site.open()


def test_cut_file(small: Any, tmp_path: Any) -> None:
    site = small.copy(tmp_path / "site")
    os.truncate(site.path, site.path.stat().st_size // 2)
    assert _outcome(site) in ("found", "refused")
    _use(site)


@pytest.mark.parametrize(
    ("table", "key", "column", "first_bad"),
    [
        ("leaf", 30, "body", 30),
        ("leaf", 30, "hash", 30),
        ("node", 0, "hash", 0),
        ("node", 0, "level", 0),
        ("checkpoint", 30, "note", 29),
        ("checkpoint", 30, "root", 29),
        ("entry", 30, "kind", 30),
        ("score", 30, "attempt", 30),
        ("image", 31, "sha256", 31),
    ],
)
@pytest.mark.parametrize("value", ["'text'", "7", "1.5", "x'00ff'", "CAST(x'ff' AS TEXT)", "zeroblob(2000000)"])
def test_values_of_the_wrong_type(
    small: Any, tmp_path: Any, attacker: Any, table: str, key: int, column: str, first_bad: int, value: str
) -> None:
    site = small.copy(tmp_path / "site")
    with attacker(site) as attack:
        attack.sql(f"UPDATE {table} SET {column} = {value} WHERE rowid = {key}")
    report = site.verify()
    assert not report.whole
    assert report.first_bad is not None
    # A value that cannot be read at all is noticed while the row before it, up to four entries back, is in hand.
    assert first_bad - 4 <= report.first_bad <= first_bad
    _use(site)


def test_null_where_the_schema_was_loosened(small: Any, tmp_path: Any, attacker: Any) -> None:
    site = small.copy(tmp_path / "site")
    with attacker(site) as attack:
        attack.database.execute("PRAGMA writable_schema = ON")
        attack.sql("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'leaf'")
    assert "table leaf" in site.verify().findings[0].what


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b"\xff",
        b"[" * 60_000,
        b'{"index":30,"origin":"example.org/nesqc/test/1","record":{"kind":[]}}',
        b'{"index":30,"origin":"example.org/nesqc/test/1","record":{"kind":"image_received"},"subject":[]}',
        b'{"index":' + b"9" * 5000 + b"}",
    ],
)
def test_entries_that_are_no_entries(small: Any, tmp_path: Any, attacker: Any, body: bytes) -> None:
    site = small.copy(tmp_path / "site")
    with attacker(site) as attack:
        bodies = attack.bodies()
        bodies[30] = body
        attack.rewrite(bodies)
        attack.sign_again(with_state=True)
    report = site.verify()
    assert [(finding.first_bad, finding.exact) for finding in report.findings] == [(30, True)]
    ledger = site.open()
    with ledger.reading() as reader, pytest.raises(IntegrityError):
        reader.entry(30)
    ledger.close()


def test_read_errors_inside_a_view_are_refusals(small: Any, tmp_path: Any, attacker: Any) -> None:
    site = small.copy(tmp_path / "site")
    with attacker(site) as attack:
        attack.sql("UPDATE entry SET kind = CAST(x'ff' AS TEXT) WHERE idx = 30")
    ledger = site.open()
    with pytest.raises(IntegrityError, match="altered or is damaged"), ledger.reading() as reader:
        list(reader.index_rows())
    with ledger.reading() as reader:
        assert reader.size == 60
    ledger.close()


def test_missing_file(small: Any, tmp_path: Any) -> None:
    site = small.copy(tmp_path / "site")
    site.path.unlink()
    with pytest.raises(NotFoundError):
        site.verify()
    with pytest.raises(NotFoundError):
        site.open()
    assert not site.path.exists()


def test_create_keeps_what_is_there(small: Any, tmp_path: Any) -> None:
    site = small.copy(tmp_path / "site")
    with pytest.raises(InvalidInputError, match="already"):
        Ledger.create(site.path, site.signer())
    assert site.verify_with_state().whole


@pytest.mark.requirement("UR-SITE-04", reviewed="e31eedd9")
def test_new_ledger_is_for_its_owner_alone(small: Any) -> None:
    assert [path.stat().st_mode & 0o777 for path in (small.path, small.key, small.state)] == [0o600] * 3


def test_awkward_folder_names(pristine: Any, tmp_path: Any) -> None:
    folder = tmp_path / "a ?b#c%41 å"
    folder.mkdir()
    site = type(pristine).founded(folder)
    site.extend(3)
    assert site.verify_with_state().size == 3


def test_link_to_a_ledger_with_a_side_file(small: Any, tmp_path: Any) -> None:
    site = small.copy(tmp_path / "site")
    ledger = site.open()
    _append_one(ledger, site)
    link = tmp_path / "link.sqlite"
    link.symlink_to(site.path)
    with reading_copy(link) as engine:
        assert verify_database(engine, site.signer().verifier, anchors={}).size == 61
    ledger.close()


def _append_one(ledger: Ledger, site: Any) -> None:
    with ledger.reading() as reader:
        entry = reader.entry(1)
    with ledger.writing() as transaction:
        transaction.append(time=entry.time, actor=entry.actor, subject=entry.subject, record=entry.record)


@pytest.mark.parametrize("pending", [False, True])
def test_read_only_folder(small: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, pending: bool) -> None:
    """A copy on a medium that cannot be written; with entries in the side file, or without."""
    site = small.copy(tmp_path / "site")
    ledger = site.open()
    if pending:
        _append_one(ledger, site)
    medium = tmp_path / "medium"
    medium.mkdir()
    for path in site.folder.glob("ledger.sqlite*"):
        if not path.name.endswith("-shm"):
            (medium / path.name).write_bytes(path.read_bytes())
    ledger.close()
    before = {path.name: path.read_bytes() for path in medium.iterdir()}
    for path in medium.iterdir():
        path.chmod(0o400)
    medium.chmod(0o500)
    # The owner of the machine may write even there; the medium is told to say no to everybody.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with reading_copy(medium / "ledger.sqlite") as engine:
        report = verify_database(engine, site.signer().verifier, anchors={})
    medium.chmod(0o700)
    assert report.whole
    assert report.size == (61 if pending else 60)
    assert {path.name: path.read_bytes() for path in medium.iterdir()} == before


def test_verification_leaves_the_folder_as_it_was(small: Any, tmp_path: Any) -> None:
    site = small.copy(tmp_path / "site")
    before = {path.name: path.read_bytes() for path in site.folder.iterdir()}
    assert site.verify_with_state().whole
    assert {path.name: path.read_bytes() for path in site.folder.iterdir()} == before
    assert sorted(before) == ["ledger.sqlite", "log.key", "log.state"]


def test_verification_beside_a_writer(small: Any, tmp_path: Any) -> None:
    """What is appended after the verification began does not trouble it."""
    site = small.copy(tmp_path / "site")
    ledger = site.open()

    def append(done: int, total: int) -> None:
        _append_one(ledger, site)

    with reading_copy(site.path) as engine:
        report = verify_database(engine, site.signer().verifier, anchors={}, progress=append)
    assert report.whole
    assert report.size == 60
    ledger.close()
    assert site.verify_with_state().size == 62


def test_anchor_of_another_log_and_of_the_empty_log(small: Any) -> None:
    empty = small.checkpoint(0)
    assert small.verify(empty=empty).anchors == ("empty",)
    other = Checkpoint("example.org/other", 3, bytes(32))
    with pytest.raises(InvalidInputError, match="checkpoint of the log"):
        small.verify(other=other)


def test_database_locked_by_another_program(small: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT_SECONDS", 0.05)
    site = small.copy(tmp_path / "site")
    ledger = site.open()
    other = sqlite3.connect(site.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerBusyError):
        _append_one(ledger, site)
    other.execute("ROLLBACK")
    other.close()
    _append_one(ledger, site)
    ledger.close()
    assert site.verify_with_state().size == 61
