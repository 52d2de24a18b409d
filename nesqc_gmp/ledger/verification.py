"""Checking a whole ledger, read-only and in constant memory.

One pass over the leaves computes everything again, in this order for each entry:

1. its index is the next one, in the table and inside the entry, and its origin is this log;
2. its leaf hash is the hash of its bytes;
3. the subtrees it completes are the stored ones;
4. its rows in the read models are the stored ones;
5. where a checkpoint was signed, root and signature hold;
6. where a checkpoint is kept elsewhere (a certificate, a file, the log key's state), its root is the same.

Tables and guards are compared with those of a new ledger before, and the file's own structure, its search indexes
included, is checked after: a record that a search does not find is a record withheld.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel

from nesqc_gmp import merkle, store
from nesqc_gmp.errors import IntegrityError, NotFoundError
from nesqc_gmp.ledger.heads import Heads
from nesqc_gmp.ledger.ordered_rows import OrderedRows, Row
from nesqc_gmp.ledger.projections import PROJECTIONS
from nesqc_gmp.ledger.report import FINDINGS_LIMIT, Finding, FindingList, LedgerReport
from nesqc_gmp.notes import Checkpoint, NoteVerifier
from nesqc_gmp.notes.checkpoint import MAX_SIZE

__all__ = ["Finding", "LedgerReport", "reading_copy", "verify_database"]

_PLACE = "ledger.sqlite"
_PROGRESS_EVERY = 2000
_LONGEST_VALUE = 1_000_000


@contextmanager
def reading_copy(path: Path) -> Iterator[Engine]:
    """An engine on a database that may lie where nothing can be written.

    Entries that are still in the side file (``-wal``) are read too; on a read-only folder the two files are first
    copied to a temporary one.

    Raises:
        NotFoundError: There is no such file, or it cannot be read.
    """
    # SQLite looks for the side file beside the file that a link leads to.
    path = path.resolve()
    if not path.is_file():
        raise NotFoundError("there is no ledger", where=str(path), remedy="Name the site folder with --site.")
    alone = not _side_file(path).exists()
    with tempfile.TemporaryDirectory(prefix="nesqc-verify-") as folder:
        writable = os.access(path.parent, os.W_OK)
        if not writable and (copy := _copy_with_side_file(path, Path(folder))) is not None:
            path, writable = copy, True
        engine = store.reading_engine(path, immutable=not writable)
        try:
            yield engine
        finally:
            engine.dispose()
            if alone and writable:
                _remove_empty_side_files(path)


def _side_file(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _remove_empty_side_files(path: Path) -> None:
    """Leave the folder as it was: a reader makes side files but may not remove them; the last writer does."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")


def _copy_with_side_file(path: Path, folder: Path) -> Path | None:
    """Copy a database whose side file holds entries; ``None`` where there is none."""
    side = _side_file(path)
    if not side.is_file() or not side.stat().st_size:
        return None
    try:
        copies = [Path(shutil.copyfile(source, folder / source.name)) for source in (path, side)]
    except OSError as error:
        what = f"the ledger cannot be copied ({error.strerror})"
        raise NotFoundError(what, where=str(error.filename), remedy="Check who may read it.") from error
    return copies[0]


def verify_database(
    engine: Engine,
    verifier: NoteVerifier,
    *,
    anchors: Mapping[str, Checkpoint],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LedgerReport:
    """Compute everything in a ledger again and compare.

    Args:
        engine: Where to read.
        verifier: Public key of the log.
        anchors: Checkpoints kept elsewhere, by the name under which to report them.
        progress: Called with entries done and entries in all.

    Raises:
        IntegrityError: The file is no ledger at all.
        LedgerBusyError: Another program has locked it.
        NotFoundError: It cannot be opened.
        InvalidInputError: A checkpoint kept elsewhere is of another log.
    """
    with store.refusals(_PLACE), engine.connect() as connection:
        return _Pass(connection, verifier, anchors, progress).run()


class _Pass:
    """The state of one pass; its size does not depend on the size of the log."""

    def __init__(
        self,
        connection: Connection,
        verifier: NoteVerifier,
        anchors: Mapping[str, Checkpoint],
        progress: Callable[[int, int], None],
    ) -> None:
        self._connection = connection
        self._driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        self._origin = verifier.name
        self._progress = progress
        self._found = FindingList()
        self._edge = merkle.CompactRange()
        # One view for all tables, whatever is appended meanwhile; and no value so large that memory would grow with it.
        connection.exec_driver_sql("BEGIN")
        self._driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        self._tables_stand = self._check_schema()
        stored = self._rows("checkpoint") if self._tables_stand else iter(())
        self._heads = Heads(verifier, stored, anchors, self._found)

    def run(self) -> LedgerReport:
        if self._tables_stand:
            try:
                self._walk()
            except store.DATABASE_ERRORS as error:
                self._unreadable(error)
        heads, found = self._heads, self._found
        size, root = self._edge.size, self._edge.root()
        return LedgerReport(
            size, root, heads.checked, tuple(heads.agreed), tuple(found.listed), heads.last_good, found.more
        )

    def _rows(self, table: str) -> Iterator[Row]:
        # The driver's own cursor: it fetches row by row, so memory does not grow with the log.
        columns = [column.name for column in SQLModel.metadata.tables[table].columns]
        query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {columns[0]}"  # noqa: S608 - own table names
        return self._driver.cursor().execute(query)

    def _check_schema(self) -> bool:
        """Compare tables, indexes and guards; whether the tables themselves are there to be read."""
        differing = set(store.present_schema(self._connection)).symmetric_difference(store.expected_schema())
        for kind, name in sorted({(kind, name) for kind, name, _ in differing}):
            self._found.add(f"the {kind} {name} of the database is not as it was made", 0, exact=False)
        return not any(kind in ("table", "view") for kind, _, _ in differing)

    def _walk(self) -> None:
        total = self._driver.execute("SELECT count(*) FROM leaf").fetchone()[0]
        self._nodes = OrderedRows(self._rows("node"), self._surplus_subtree)
        self._node_count = 0
        self._altered: list[int] = []
        self._models = [
            (table, project, OrderedRows(self._rows(table), partial(self._surplus_row, table)))
            for table, project in PROJECTIONS.items()
        ]
        edge, heads = self._edge, self._heads
        for index, body, stored in self._rows("leaf"):
            if index != edge.size:
                self._found.add(f"entry {edge.size} is missing; entry {index} stands in its place", edge.size)
                return
            self._entry(index, body, stored)
            if edge.size == heads.next_size:
                heads.compare(edge.size, edge.root())
            if not index % _PROGRESS_EVERY:
                self._progress(index, total)
        self._end()
        self._progress(total, total)

    def _entry(self, index: int, body: Any, stored: Any) -> None:
        if isinstance(body, bytes) and merkle.leaf_hash(body) == stored:
            self._subtrees(index, stored)
            self._read_models(index, body)
            return
        self._pass_over(index, f"the bytes of entry {index} are not those of its leaf hash")
        # The tree goes on with the stored hash, so that one edited entry is one finding.
        self._subtrees(index, stored if isinstance(stored, bytes) and len(stored) == merkle.HASH_SIZE else bytes(32))

    def _subtrees(self, index: int, leaf_hash: bytes) -> None:
        for level, place, value in self._edge.append(leaf_hash):
            wrong = self._nodes.take((self._node_count, level, place, value))
            self._node_count += 1
            # What lies above an altered subtree differs with it.
            if wrong is not None and not any(start >> level == place for start in self._altered):
                self._found.add(f"the stored hash of subtree {level}/{place} {wrong}", place << level, exact=False)
                if len(self._altered) < FINDINGS_LIMIT:
                    self._altered.append(place << level)

    def _read_models(self, index: int, body: bytes) -> None:
        try:
            value = json.loads(body.decode())
            in_place = value["index"] == index and value["origin"] == self._origin
            expected = [project(value) for _, project, _ in self._models]
        except (ValueError, KeyError, TypeError, RecursionError):
            self._pass_over(index, f"entry {index} cannot be read")
            return
        if not in_place:
            self._pass_over(index, f"entry {index} was written for another place or another log")
            return
        for (table, _, rows), row in zip(self._models, expected, strict=True):
            if row is not None and (wrong := rows.take(row)) is not None:
                self._found.add(f"the row of entry {index} in the table {table} {wrong}", index)

    def _pass_over(self, index: int, what: str) -> None:
        """Report an entry; rows made from it would say nothing more."""
        self._found.add(what, index)
        for _, _, rows in self._models:
            rows.drop(index)

    def _surplus_row(self, table: str, key: int) -> None:
        self._found.add(f"the table {table} has a row {key} that no entry made", max(key, 0))

    def _surplus_subtree(self, key: int) -> None:
        self._found.add(f"there is a stored subtree {key} that no entry completed", self._edge.size, exact=False)

    def _end(self) -> None:
        self._heads.end(self._edge.size)
        for _, _, rows in self._models:
            rows.skip_to(MAX_SIZE)
        self._nodes.skip_to(MAX_SIZE)
        if not self._found.listed:
            for (message,) in self._driver.execute("PRAGMA integrity_check(1)"):
                if message != "ok":
                    self._found.add(f"the database file is damaged: {message}", 0, exact=False)

    def _unreadable(self, error: Exception) -> None:
        refusal = store.refusal(error, _PLACE)
        if not isinstance(refusal, IntegrityError):
            raise refusal from error
        size = self._edge.size
        self._found.add(f"the database cannot be read from entry {size} on: {error}", size, exact=False)
