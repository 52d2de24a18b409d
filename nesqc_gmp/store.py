"""The tables of the ledger, their guards, and the connections to them.

Three tables are the log (RFC 6962): ``leaf``, ``node``, ``checkpoint``. Three are read models, each row a pure
function of one leaf: ``entry`` (the audit index), ``image`` and ``score``. All six only ever grow: triggers refuse
update, delete and any insert that is not at the end, which also stops ``INSERT OR REPLACE``. Triggers guard against
accidents; against a person who owns the file stand the signed checkpoints and the copies of them kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel, create_engine

from nesqc_gmp.errors import IntegrityError, LedgerBusyError, NesqcError, NotFoundError

BUSY_TIMEOUT_SECONDS = 60


class Blob(UserDefinedType[bytes]):
    """A column whose values come back exactly as they are stored.

    The library's own type turns what it reads into bytes; a number put there by hand would pass for zeros.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in the schema."""
        return "BLOB"


class Leaf(SQLModel, table=True):
    """One entry: its exact canonical bytes and its leaf hash."""

    idx: int = Field(primary_key=True)
    body: bytes = Field(sa_type=Blob)
    hash: bytes = Field(sa_type=Blob)


class Node(SQLModel, table=True):
    """One perfect subtree of two or more leaves: level, index at that level, hash.

    Its id is its place in the order of completion, so it follows from level and index (:func:`node_id`).
    """

    id: int = Field(primary_key=True)
    level: int
    idx: int
    hash: bytes = Field(sa_type=Blob)


class Checkpoint(SQLModel, table=True):
    """One signed checkpoint: size, root hash, the whole note."""

    size: int = Field(primary_key=True)
    root: bytes = Field(sa_type=Blob)
    note: str


class EntryRow(SQLModel, table=True):
    """The audit index: one row an entry."""

    __tablename__ = "entry"

    idx: int = Field(primary_key=True)
    kind: str
    subject_type: str
    subject_id: str
    person: str
    role: str
    utc: str
    reason: str | None
    content: int


class ImageRow(SQLModel, table=True):
    """Every image ever received, for the search of duplicates across batches."""

    __tablename__ = "image"

    idx: int = Field(primary_key=True)
    batch: str
    image: str
    sha256: str
    pixels_sha256: str
    perceptual_hash: str


class ScoreRow(SQLModel, table=True):
    """Every result of an image in every attempt."""

    __tablename__ = "score"

    idx: int = Field(primary_key=True)
    batch: str
    attempt: int
    image: str
    score: str | None
    outcome: str


TABLES = ("leaf", "node", "checkpoint", "entry", "image", "score")
PROJECTIONS = ("entry", "image", "score")
_KEYS = {"leaf": "idx", "node": "id", "checkpoint": "size", "entry": "idx", "image": "idx", "score": "idx"}
_INDEXES = (
    # Rows of one subject stand in the order of their index without naming it: an index ends with the row's key.
    "CREATE INDEX entry_by_subject ON entry (subject_type, subject_id)",
    "CREATE INDEX entry_registered ON entry (idx) WHERE kind = 'batch_registered'",
)


def node_id(level: int, index: int) -> int:
    """Place of a perfect subtree in the order in which subtrees are completed, counted from 0.

    A tree of n leaves has completed n minus (one bits of n) subtrees of two or more leaves; the leaf that completes
    this one completes all its lower right descendants first.
    """
    leaves_before = ((index + 1) << level) - 1
    return leaves_before - leaves_before.bit_count() + level - 1


def _guards(table: str) -> list[str]:
    key = _KEYS[table]
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table}: records are never changed'); END"
    not_last = f"NEW.{key} <= (SELECT max({key}) FROM {table})"  # noqa: S608 - own table names
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_only_append BEFORE INSERT ON {table} WHEN {not_last} {refuse}",
    ]


def _configure(connection: sqlite3.Connection, *_: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.execute("PRAGMA trusted_schema=OFF")
    cursor.close()


def writing_engine(path: Path) -> Engine:
    """An engine whose connections are in WAL with synchronous FULL; transactions are begun by the ledger alone."""
    options = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": True}
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args=options, poolclass=NullPool)
    event.listen(engine, "connect", _configure)
    return engine


def reading_engine(path: Path, *, immutable: bool) -> Engine:
    """An engine that cannot write.

    Args:
        path: The database file.
        immutable: The file lies where nobody writes, so no lock is taken and no side file made.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def create_tables(connection: Connection) -> None:
    """Make the tables, indexes and guards of a new ledger."""
    SQLModel.metadata.create_all(connection, tables=[SQLModel.metadata.tables[name] for name in TABLES])
    for statement in (*_INDEXES, *(guard for table in TABLES for guard in _guards(table))):
        connection.exec_driver_sql(statement)


Schema = list[tuple[str, str, str]]
"""Type, name and text of everything a database holds."""


def present_schema(connection: Connection) -> Schema:
    """The schema of a database, the names that SQLite keeps for itself included: nothing may hide behind them."""
    rows = connection.exec_driver_sql("SELECT type, name, coalesce(sql, '') FROM sqlite_master")
    return [(str(kind), str(name), str(sql)) for kind, name, sql in rows]


def schema_digest(schema: Schema) -> str:
    """Digest of a schema, whatever order it is listed in."""
    return hashlib.sha256(json.dumps(sorted(schema)).encode()).hexdigest()


def expected_schema() -> Schema:
    """The schema of a ledger, as the present software would make it."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        create_tables(connection)
        schema = present_schema(connection)
    engine.dispose()
    return schema


SCHEMA_SHA256 = "dba63a62f2ef5d218d339c0225e168445eba7a044ac44566ee3ca27e39bc989e"
"""Digest of :func:`expected_schema`; a test compares the two."""

DATABASE_ERRORS = (sqlite3.DatabaseError, DBAPIError)
"""What the driver and the library above it raise."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CLOSED_OFF = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY}
_NO_SPACE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}


def refusal(error: Exception, where: str) -> Exception:
    """The refusal that a database error stands for; misuse of the driver is no refusal and stays as it is."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return error
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in _BUSY:
        return LedgerBusyError("the ledger is locked by another program", where=where, remedy="Try again.")
    if code in _CLOSED_OFF:
        remedy = "Check the path and who may read and write there."
        return NotFoundError(f"the ledger cannot be opened ({cause})", where=where, remedy=remedy)
    if code in _NO_SPACE:
        remedy = "Nothing was changed. Make room on the disk or repair it, then try again."
        return NesqcError(f"the ledger could not be written ({cause})", where=where, remedy=remedy)
    remedy = "Stop work on this site, keep the files as they are, run `nesqc audit verify` and tell QA."
    return IntegrityError(f"the ledger was altered or is damaged ({cause})", where=where, remedy=remedy)


@contextmanager
def refusals(where: str) -> Iterator[None]:
    """Turn database errors inside into refusals."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise refusal(error, where) from error
