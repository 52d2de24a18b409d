"""The tables: their schema, the order of subtrees, and which refusal a database error becomes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from nesqc_gmp import merkle, store
from nesqc_gmp.errors import IntegrityError, LedgerBusyError, NesqcError, NotFoundError


def test_schema_digest_is_that_of_the_schema() -> None:
    assert store.schema_digest(store.expected_schema()) == store.SCHEMA_SHA256


@pytest.mark.requirement("UR-AUDIT-09", reviewed="8e98d038")
def test_every_table_has_its_three_guards() -> None:
    triggers = {name for kind, name, _ in store.expected_schema() if kind == "trigger"}
    assert triggers == {
        f"{table}_{what}" for table in store.TABLES for what in ("no_update", "no_delete", "only_append")
    }


def test_schema_digest_cannot_be_met_by_moving_text_between_fields() -> None:
    whole = [("a", "b", "c"), ("d", "e", "f")]
    joined = [("a", "b", "c\nd\x00e\x00f")]
    assert store.schema_digest(whole) == store.schema_digest(whole[::-1])
    assert store.schema_digest(whole) != store.schema_digest(joined)


@given(st.integers(1, 3000))
@settings(max_examples=20)
def test_node_ids_count_subtrees_in_the_order_of_completion(size: int) -> None:
    """Against a tree that grows leaf by leaf."""
    edge = merkle.CompactRange()
    completed = [place for index in range(size) for place in edge.append(merkle.leaf_hash(b"%d" % index))]
    assert [store.node_id(level, index) for level, index, _ in completed] == list(range(len(completed)))


@given(st.integers(1, 40), st.integers(0, 2**40))
@settings(max_examples=50)
def test_node_id_follows_its_children(level: int, index: int) -> None:
    """A subtree is completed right after its right child (or the leaf, which has no id)."""
    if level > 1:
        assert store.node_id(level, index) == store.node_id(level - 1, 2 * index + 1) + 1
    # Among n leaves with k one bits n - k subtrees are complete: RFC 6962's tree has n - 1 nodes, k - 1 of them ragged.
    leaves = (index + 1) << level
    highest = (leaves & -leaves).bit_length() - 1
    assert store.node_id(highest, (leaves >> highest) - 1) == leaves - leaves.bit_count() - 1


def _error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("message")
    error.sqlite_errorcode = code  # type: ignore[misc]
    return error


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (sqlite3.SQLITE_BUSY, LedgerBusyError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LedgerBusyError),
        (sqlite3.SQLITE_CANTOPEN, NotFoundError),
        (sqlite3.SQLITE_READONLY, NotFoundError),
        (sqlite3.SQLITE_FULL, NesqcError),
        (sqlite3.SQLITE_IOERR_FSYNC, NesqcError),
        (sqlite3.SQLITE_CORRUPT, IntegrityError),
        (sqlite3.SQLITE_NOTADB, IntegrityError),
        (sqlite3.SQLITE_CONSTRAINT_TRIGGER, IntegrityError),
    ],
)
def test_refusals(code: int, refusal: type[NesqcError]) -> None:
    """Codes of the SQLite result code table; extended codes count as their first byte."""
    error = _error(code)
    assert type(store.refusal(error, "place")) is refusal
    assert type(store.refusal(DBAPIError("SELECT", None, error), "place")) is refusal
    with pytest.raises(refusal), store.refusals("place"):
        raise error


def test_misuse_of_the_driver_is_no_refusal() -> None:
    with pytest.raises(sqlite3.ProgrammingError), store.refusals("place"):
        raise sqlite3.ProgrammingError("wrong thread")


def test_durability_is_asked_for(tmp_path: Path) -> None:
    """SQLite documentation of the pragmas: journal_mode wal; synchronous 2 is FULL."""
    engine = store.writing_engine(tmp_path / "x.sqlite")
    with engine.connect() as connection:
        names = ("journal_mode", "synchronous", "recursive_triggers", "trusted_schema")
        assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names] == ["wal", 2, 1, 0]
    engine.dispose()


def test_reading_engine_cannot_write(tmp_path: Path) -> None:
    engine = store.writing_engine(tmp_path / "x.sqlite")
    with engine.connect() as connection:
        store.create_tables(connection)
    engine.dispose()
    reading = store.reading_engine(tmp_path / "x.sqlite", immutable=False)
    with reading.connect() as connection, pytest.raises(DBAPIError, match="readonly"):
        connection.exec_driver_sql("INSERT INTO leaf VALUES (0, x'00', x'00')")
    reading.dispose()
