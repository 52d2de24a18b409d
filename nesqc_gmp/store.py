"""The tables of the ledger, their guards, and the connections to them.

Three tables are the log (RFC 6962): ``leaf``, ``node``, ``checkpoint``. Three are read models, each row a pure
function of one leaf: ``entry`` (the audit index), ``image`` and ``score``. All six only ever grow: triggers refuse
update, delete and any insert that is not at the end, which also stops ``INSERT OR REPLACE``. Triggers guard against
accidents; against a person who owns the file stand the signed checkpoints and the copies of them kept elsewhere.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import NullPool
from sqlmodel import Field, SQLModel, create_engine

BUSY_TIMEOUT_SECONDS = 60


class Leaf(SQLModel, table=True):
    """One entry: its exact canonical bytes and its leaf hash."""

    idx: int = Field(primary_key=True)
    body: bytes
    hash: bytes


class Node(SQLModel, table=True):
    """One perfect subtree of two or more leaves: level, index at that level, hash.

    Its id is its place in the order of completion, so it follows from level and index (:func:`node_id`).
    """

    id: int = Field(primary_key=True)
    level: int
    idx: int
    hash: bytes


class Checkpoint(SQLModel, table=True):
    """One signed checkpoint: size, root hash, the whole note."""

    size: int = Field(primary_key=True)
    root: bytes
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
    "CREATE INDEX entry_by_subject ON entry (subject_type, subject_id, idx)",
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
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_only_append BEFORE INSERT ON {table} "
        f"WHEN NEW.{key} <= (SELECT max({key}) FROM {table}) {refuse}",
    ]


def _configure(connection: sqlite3.Connection, *_: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.execute("PRAGMA trusted_schema=OFF")
    cursor.close()


def writing_engine(path: Path) -> Engine:
    """An engine whose connections are in WAL with synchronous FULL; transactions are begun by the ledger alone."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    event.listen(engine, "connect", _configure)
    return engine


def reading_engine(path: Path, *, immutable: bool) -> Engine:
    """An engine that cannot write.

    Args:
        path: The database file.
        immutable: The file lies where nobody writes, so no lock is taken and no side file made.
    """
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    uri = f"file:{path}?{options}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def create_tables(engine: Engine) -> None:
    """Make the tables, indexes and guards of a new ledger."""
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables[name] for name in TABLES])
    with engine.connect() as connection:
        for statement in (*_INDEXES, *(guard for table in TABLES for guard in _guards(table))):
            connection.exec_driver_sql(statement)


def schema_digest(rows: list[tuple[str, str, str]]) -> str:
    """Digest of a schema: type, name and text of everything in it."""
    lines = sorted("\x00".join(row) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


SCHEMA_QUERY = "SELECT type, name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"


def expected_schema() -> list[tuple[str, str, str]]:
    """Everything a ledger's schema holds, as the present software would make it."""
    engine = create_engine("sqlite://")
    create_tables(engine)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(SCHEMA_QUERY).all()
    engine.dispose()
    return [(str(kind), str(name), str(sql)) for kind, name, sql in rows]


SCHEMA_SHA256 = "eb3d631388b8b2437a4391401045d0e9f708906239c59e4f8a98800e97284bac"
"""Digest of :func:`expected_schema`; a test compares the two."""
