"""The open ledger: what it refuses at opening, and the one way anything is written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sqlalchemy import Connection, Engine

from nesqc_gmp import merkle, store
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NotFoundError, OutOfSequenceError
from nesqc_gmp.ledger.reader import Reader
from nesqc_gmp.ledger.signer import LogSigner
from nesqc_gmp.ledger.transaction import Transaction
from nesqc_gmp.notes import open_checkpoint

_COPIED_AT_ONCE = 256
"""Pages of the database between two looks at the progress of a copy."""

Kept = TypeVar("Kept")


class Ledger:
    """An open ledger.

    Args:
        path: The database file.
        signer: The log key with its state.

    Raises:
        NotFoundError: There is no such file, or it cannot be opened.
        IntegrityError: The database contradicts what the log key signed last, or its guards were changed.
        LedgerBusyError: Another process held the ledger for a minute.
    """

    def __init__(self, path: Path, signer: LogSigner) -> None:
        if not path.is_file():
            raise NotFoundError("there is no ledger", where=str(path), remedy="Name the site folder with --site.")
        self._place = str(path)
        self._signer = signer
        self._lock = signer.lock()
        self._edge: merkle.CompactRange | None = None
        self._engine: Engine = store.writing_engine(path)
        try:
            with store.refusals(self._place):
                self._connection: Connection = self._engine.connect()
                self._cursor = _driver(self._connection).cursor()
                with self._lock, self.reading():
                    self._check_guards()
                    self._edge = self._stored_edge()
        except BaseException:
            self._engine.dispose()
            raise

    @classmethod
    def create(cls, path: Path, signer: LogSigner) -> Ledger:
        """Make an empty ledger; only its owner can read it.

        Raises:
            InvalidInputError: There is a file of this name already.
        """
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            raise InvalidInputError(
                "there is a ledger already", where=str(path), remedy="Choose a new folder."
            ) from error
        engine = store.writing_engine(path)
        with store.refusals(str(path)), engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            store.create_tables(connection)
            connection.exec_driver_sql("COMMIT")
        engine.dispose()
        return cls(path, signer)

    @property
    def origin(self) -> str:
        """Origin of the log."""
        return self._signer.origin

    def reading(self) -> AbstractContextManager[Reader]:
        """One consistent view; nothing can be written in it.

        Raises:
            IntegrityError: The database is damaged.
        """
        return _Reading(self._connection, self._place)

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction: what is appended in it is committed with one signed checkpoint, or not at all.

        Raises:
            LedgerBusyError: The ledger could not be locked in time.
            IntegrityError: The database contradicts what was signed last.
            NesqcError: The disk is full or failed; nothing was changed.
        """
        return _Writing(self)

    def copy_to(self, target: Path, meanwhile: Callable[[], Kept], progress: Callable[[int, int], None]) -> Kept:
        """Copy the database as it is now to a new file, while other processes go on reading and writing.

        The copy is made by SQLite's own backup from one view, on a connection of its own: the file by itself lacks
        what is still in the side file. The writer lock is held only until the view stands.

        Args:
            target: A file that does not exist; only its owner can read it.
            meanwhile: Called while nothing can be written, to take what has to agree with the view.
            progress: Called with pages done and pages in all.

        Returns:
            What ``meanwhile`` gave.

        Raises:
            LedgerBusyError: Another process held the writer lock for a minute.
            NesqcError: The disk of the target is full or failed.
        """
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        uri = f"{Path(self._place).absolute().as_uri()}?mode=ro"
        connected = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=store.BUSY_TIMEOUT_SECONDS)
        with store.refusals(str(target)), closing(connected) as source:
            with self._lock:
                source.execute("BEGIN")
                source.execute("SELECT max(idx) FROM leaf").fetchone()  # the first read fixes the view
                kept = meanwhile()
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                source.backup(
                    copy,
                    pages=_COPIED_AT_ONCE,
                    progress=lambda _, remaining, total: progress(total - remaining, total),
                    sleep=0,
                )
        return kept

    def close(self) -> None:
        """Let go of the database; the last process to do so folds the side file into it."""
        self._connection.close()
        self._engine.dispose()
        self._signer.close()

    def _begin(self) -> Transaction:
        """Take the writer lock and open a transaction at the present end of the log."""
        cursor = self._cursor
        _require_idle(cursor.connection)
        self._lock.acquire()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            last = cursor.execute("SELECT max(idx) FROM leaf").fetchone()[0]
            # Another process may have appended since.
            if self._edge is None or self._edge.size != (0 if last is None else last + 1):
                self._edge = self._stored_edge()
            return Transaction(self._connection, cursor, self.origin, self._edge)
        except BaseException:
            self._abandon()
            raise

    def _commit(self, transaction: Transaction) -> None:
        note = transaction.seal(self._signer)
        self._cursor.execute("COMMIT")
        if note is not None:
            self._signer.remember(note)
        self._lock.release()

    def _abandon(self) -> None:
        """Undo the open transaction; the tree is read from the database again before the next."""
        self._edge = None
        try:
            # SQLite itself has rolled back after some errors, such as a full disk.
            if self._cursor.connection.in_transaction:
                self._cursor.execute("ROLLBACK")
        finally:
            self._lock.release()

    def _check_guards(self) -> None:
        if store.schema_digest(store.present_schema(self._connection)) != store.SCHEMA_SHA256:
            raise IntegrityError("the tables or guards of the ledger were changed", where=self._place, remedy=_STOP)

    def _stored_edge(self) -> merkle.CompactRange:
        """The right edge of the tree in the database, after checking that it continues what was signed last.

        After a crash between the commit and the keeping of its checkpoint the log key remembers less than the database
        holds: then the database must end with a checkpoint of its own that this key signed.

        Raises:
            IntegrityError: It does not continue it.
        """
        reader = Reader(self._connection)
        signed, size = self._signer.last(), reader.size
        if size < signed.size:
            what = (
                f"the ledger holds {size} entries, but {signed.size} were signed: it was cut or an older copy put back"
            )
            raise IntegrityError(what, where=self._place, remedy=_STOP, first_bad=size)
        if reader.root(signed.size) != signed.root:
            what = f"the first {signed.size} entries are not those that were signed"
            raise IntegrityError(what, where=self._place, remedy=_STOP)
        edge = merkle.CompactRange(size, [reader.node(*place) for place in merkle.range_nodes(size)])
        if size > signed.size:
            self._check_signed_since(reader, edge, signed.size)
        return edge

    def _check_signed_since(self, reader: Reader, edge: merkle.CompactRange, signed: int) -> None:
        try:
            checkpoint = open_checkpoint(reader.checkpoint_note(), self._signer.verifier)
        except (IntegrityError, NotFoundError):
            checkpoint = None
        if checkpoint is None or (checkpoint.size, checkpoint.root) != (edge.size, edge.root()):
            what = f"entries {signed} to {edge.size - 1} were added without the log key"
            raise IntegrityError(what, where=self._place, remedy=_STOP, first_bad=signed)


_STOP = "Stop work on this site, keep the files as they are, run `nesqc audit verify` and tell QA."


class _Reading(AbstractContextManager[Reader]):
    """One view of a ledger."""

    def __init__(self, connection: Connection, place: str) -> None:
        self._connection = connection
        self._place = place

    def __enter__(self) -> Reader:
        _require_idle(_driver(self._connection))
        self._connection.exec_driver_sql("BEGIN")
        return Reader(self._connection)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _driver(self._connection).in_transaction:
            self._connection.exec_driver_sql("ROLLBACK")
        if isinstance(error, store.DATABASE_ERRORS):
            raise store.refusal(error, self._place) from error


class _Writing(AbstractContextManager[Transaction]):
    """One transaction of a ledger, from the lock to the kept checkpoint."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self) -> Transaction:
        try:
            self._transaction = self._ledger._begin()
        except store.DATABASE_ERRORS as error:
            raise store.refusal(error, self._ledger._place) from error
        return self._transaction

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._ledger._commit(self._transaction)
                return
            except BaseException as failure:
                error = failure
        self._transaction.end()
        self._ledger._abandon()
        if isinstance(error, store.DATABASE_ERRORS):
            raise store.refusal(error, self._ledger._place) from error
        if kind is None:
            raise error


def _driver(connection: Connection) -> sqlite3.Connection:
    """The driver's connection under the library's."""
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("a ledger is kept in SQLite")
    return driver


def _require_idle(driver: sqlite3.Connection) -> None:
    if driver.in_transaction:
        raise OutOfSequenceError("a view or transaction of this ledger is still open", remedy="End it first.")
