"""Appending: the one way anything is written, and the transaction in which it happens."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, insert
from sqlalchemy.dialects import sqlite

from nesqc_gmp import __version__, merkle, store
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import IntegrityError, LedgerBusyError, RecordTooLargeError
from nesqc_gmp.ledger import projections
from nesqc_gmp.ledger.reader import Reader
from nesqc_gmp.ledger.signer import LogSigner
from nesqc_gmp.records.base import Frozen, Instant, Reason
from nesqc_gmp.records.entry import Actor, Entry, Record, Subject

ENTRY_LIMIT = 65_535
"""Largest entry, in bytes: the length field of a tlog-tiles entry bundle has 16 bits."""

SOFTWARE = f"nesqc_gmp {__version__}"
_REASON: TypeAdapter[str | None] = TypeAdapter(Reason | None)


def _append_sql(model: type[Any]) -> str:
    return str(insert(model.__table__).compile(dialect=sqlite.dialect(paramstyle="qmark")))


# Core builds each statement once; the driver's cursor runs it, since an append makes about seven and executing them
# through the connection would cost more than hashing and signing together (benchmarks/ledger.py).
_INSERT = {
    "leaf": _append_sql(store.Leaf),
    "node": _append_sql(store.Node),
    "checkpoint": _append_sql(store.Checkpoint),
    "entry": _append_sql(store.EntryRow),
    "image": _append_sql(store.ImageRow),
    "score": _append_sql(store.ScoreRow),
}


@lru_cache(maxsize=256)
def _canonical_part(value: Frozen | str) -> bytes:
    return canonical_json(value.model_dump(mode="json") if isinstance(value, Frozen) else value)


def canonical_entry(entry: Entry, body: dict[str, Any]) -> bytes:
    """The canonical JSON of an entry; parts that repeat from entry to entry are canonicalised once.

    The member names are ASCII, so RFC 8785 section 3.2.3 sorts them as they stand here.
    """
    return b"".join(
        (
            b'{"actor":',
            _canonical_part(entry.actor),
            b',"index":%d,"origin":' % entry.index,
            _canonical_part(entry.origin),
            b',"reason":',
            canonical_json(entry.reason),
            b',"record":',
            canonical_json(body["record"]),
            b',"software":',
            _canonical_part(entry.software),
            b',"subject":',
            _canonical_part(entry.subject),
            b',"time":',
            canonical_json(body["time"]),
            b',"version":1}',
        )
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of an append: index and leaf hash of the entry. It is valid once its transaction has ended well."""

    index: int
    leaf_hash: bytes


class Transaction(Reader):
    """A view of the ledger that can append; everything in it is committed together or not at all."""

    def __init__(
        self, connection: Connection, cursor: sqlite3.Cursor, origin: str, edge: merkle.CompactRange
    ) -> None:
        super().__init__(connection)
        self._cursor = cursor
        self._origin = origin
        self._edge = edge
        self.appended = 0

    @property
    def size(self) -> int:
        """Count of entries, those of this transaction included."""
        return self._edge.size

    def append(
        self, *, time: Instant, actor: Actor, subject: Subject, record: Record, reason: str | None = None
    ) -> Receipt:
        """Append one record.

        Args:
            time: When.
            actor: Who.
            subject: About which record.
            record: What.
            reason: Why, where the act asks for it.

        Returns:
            The receipt, valid when the transaction has ended well.

        Raises:
            RecordTooLargeError: The entry is larger than the limit; nothing was changed.
        """
        # The parts were validated when they were made, so the entry is put together without validating them again.
        entry = Entry.model_construct(
            version=1,
            origin=self._origin,
            index=self._edge.size,
            time=time,
            actor=actor,
            subject=subject,
            reason=_REASON.validate_python(reason),
            software=SOFTWARE,
            record=record,
        )
        body = entry.model_dump(mode="json")
        data = canonical_entry(entry, body)
        if len(data) > ENTRY_LIMIT:
            raise RecordTooLargeError(
                f"the record would take {len(data)} bytes; the limit is {ENTRY_LIMIT}",
                where=f"{subject.type} {subject.id}",
                remedy="Shorten the text, or attach a file as evidence instead.",
            )
        return self._insert(body, data)

    def _insert(self, body: dict[str, Any], data: bytes) -> Receipt:
        run = self._cursor.execute
        index, leaf_hash = self._edge.size, merkle.leaf_hash(data)
        run(_INSERT["leaf"], (index, data, leaf_hash))
        for level, place, value in self._edge.append(leaf_hash):
            run(_INSERT["node"], (store.node_id(level, place), level, place, value))
        for table, project in projections.PROJECTIONS.items():
            if (row := project(body)) is not None:
                run(_INSERT[table], row)
        self.appended += 1
        return Receipt(index, leaf_hash)

    def seal(self, signer: LogSigner) -> str:
        """Sign the head and store the checkpoint; called once by the ledger, just before the commit."""
        root = self._edge.root()
        note = signer.sign(self._edge.size, root)
        self._cursor.execute(_INSERT["checkpoint"], (self._edge.size, root, note))
        return note


class Ledger:
    """An open ledger.

    Args:
        path: The database file.
        signer: The log key with its state.

    Raises:
        IntegrityError: The database contradicts what the log key signed last, or its guards were changed.
    """

    def __init__(self, path: Path, signer: LogSigner) -> None:
        self._signer = signer
        self._engine: Engine = store.writing_engine(path)
        self._connection = self._engine.connect()
        driver = self._connection.connection.dbapi_connection
        if driver is None:
            raise IntegrityError("the ledger could not be opened", where=str(path))
        self._cursor: sqlite3.Cursor = driver.cursor()
        self._edge: merkle.CompactRange | None = None
        with signer.lock():
            self._check_guards()
            self._check_continuity()

    @classmethod
    def create(cls, path: Path, signer: LogSigner) -> Ledger:
        """Make an empty ledger."""
        engine = store.writing_engine(path)
        store.create_tables(engine)
        engine.dispose()
        path.chmod(0o600)
        return cls(path, signer)

    @property
    def origin(self) -> str:
        """Origin of the log."""
        return self._signer.origin

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """One consistent view; nothing can be written in it."""
        self._connection.exec_driver_sql("BEGIN")
        try:
            yield Reader(self._connection)
        finally:
            self._connection.exec_driver_sql("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction: what is appended in it is committed with one signed checkpoint, or not at all.

        Raises:
            LedgerBusyError: The ledger could not be locked in time.
            IntegrityError: The database contradicts what was signed last.
        """
        with self._signer.lock():
            self._begin()
            try:
                transaction = Transaction(self._connection, self._cursor, self.origin, self._present_edge())
                yield transaction
                note = transaction.seal(self._signer) if transaction.appended else None
                self._cursor.execute("COMMIT")
            except BaseException:
                self._edge = None
                self._cursor.execute("ROLLBACK")
                raise
            if note is not None:
                self._signer.remember(note)

    def close(self) -> None:
        """Fold the side file into the database and let go of it."""
        try:
            self._connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._connection.close()
            self._engine.dispose()
            self._signer.close()

    def _begin(self) -> None:
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise LedgerBusyError(
                "the ledger is locked by another program", remedy="Close it, then try again."
            ) from error

    def _present_edge(self) -> merkle.CompactRange:
        """The right edge of the tree as it is in the database; another process may have appended."""
        last = self._cursor.execute("SELECT max(idx) FROM leaf").fetchone()[0]
        size = 0 if last is None else int(last) + 1
        if self._edge is None or self._edge.size != size:
            if self._edge is not None and size < self._edge.size:
                raise _cut(size, self._edge.size)
            reader = Reader(self._connection)
            hashes = [reader.node(level, index) for level, index in merkle.range_nodes(size)]
            self._edge = merkle.CompactRange(size, hashes)
        return self._edge

    def _check_guards(self) -> None:
        rows = self._connection.exec_driver_sql(store.SCHEMA_QUERY).all()
        if store.schema_digest([(str(a), str(b), str(c)) for a, b, c in rows]) != store.SCHEMA_SHA256:
            raise IntegrityError(
                "the tables or guards of the ledger were changed",
                where="ledger.sqlite",
                remedy="Stop work on this site, run `nesqc audit verify` and tell QA.",
            )

    def _check_continuity(self) -> None:
        last = self._signer.last()
        reader = Reader(self._connection)
        size = reader.size
        if last is None:
            if size:
                raise IntegrityError("the ledger holds entries that its key never signed", where="keys/log.state")
            return
        if size < last.size:
            raise _cut(size, last.size)
        if reader.root(last.size) != last.root:
            raise IntegrityError(
                f"the first {last.size} entries are not those that were signed",
                where="ledger.sqlite",
                remedy="The ledger was rewritten. Run `nesqc audit verify` to find the first altered record.",
            )


def _cut(size: int, signed: int) -> IntegrityError:
    return IntegrityError(
        f"the ledger holds {size} entries, but {signed} were signed: the tail was cut or an older copy was put back",
        where="ledger.sqlite",
        remedy="Stop work on this site, keep the files as they are and tell QA.",
        first_bad=size,
    )
