"""Checking a whole ledger, read-only and in constant memory.

One pass over the leaves computes everything again, in this order for each entry:

1. its index is the next one, in the table and inside the entry, and its origin is this log;
2. its leaf hash is the hash of its bytes;
3. the subtrees it completes are the stored ones;
4. its rows in the read models are the stored ones;
5. where a checkpoint was signed, root and signature hold;
6. where a checkpoint is kept elsewhere (a certificate, a file, the log key's state), its root is the same.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from nesqc_gmp import merkle, store
from nesqc_gmp.errors import IntegrityError, NotFoundError
from nesqc_gmp.ledger import projections
from nesqc_gmp.notes import Checkpoint, NoteVerifier, open_checkpoint

FINDINGS_LIMIT = 20
_PROGRESS_EVERY = 2000


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction.

    Attributes:
        what: What contradicts what.
        first_bad: Lowest index the altered record can have.
        exact: Whether that is the altered record itself, or only the lowest it can be.
    """

    what: str
    first_bad: int
    exact: bool


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What a verification found.

    Attributes:
        size: Entries read.
        root: Root hash over them.
        checkpoints: Signed checkpoints checked.
        anchors: Checkpoints kept elsewhere that agree.
        findings: Contradictions; none means the ledger is whole.
    """

    size: int
    root: bytes
    checkpoints: int
    anchors: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def first_bad(self) -> int | None:
        """Lowest index among the findings."""
        return min((finding.first_bad for finding in self.findings), default=None)


@contextmanager
def reading_copy(path: Path) -> Iterator[Engine]:
    """An engine on a database that may lie where nothing can be written.

    Entries that are still in the side file (``-wal``) are read too; on a read-only folder the two files are first
    copied to a temporary one.

    Raises:
        NotFoundError: There is no such file.
    """
    if not path.is_file():
        raise NotFoundError("there is no ledger", where=str(path), remedy="Name the site folder with --site.")
    side = path.with_name(path.name + "-wal")
    pending = side.is_file() and side.stat().st_size > 0
    with tempfile.TemporaryDirectory(prefix="nesqc-verify-") as folder:
        if pending and not os.access(path.parent, os.W_OK):
            path = Path(shutil.copy(path, folder))
            shutil.copy(side, folder)
            path.chmod(0o600)
        engine = store.reading_engine(path, immutable=not pending)
        try:
            yield engine
        finally:
            engine.dispose()


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
    """
    with engine.connect() as connection:
        return _Pass(connection, verifier, anchors, progress).run()


@dataclass
class _Pass:
    """The state of one pass; its size does not depend on the size of the log."""

    connection: Connection
    verifier: NoteVerifier
    anchors: Mapping[str, Checkpoint]
    progress: Callable[[int, int], None]
    edge: merkle.CompactRange = field(default_factory=merkle.CompactRange)
    findings: list[Finding] = field(default_factory=list)
    good: int = 0
    checkpoints: int = 0
    agreed: list[str] = field(default_factory=list)

    def run(self) -> LedgerReport:
        self._guards()
        total = self.connection.exec_driver_sql("SELECT count(*) FROM leaf").scalar() or 0
        self._open_cursors()
        for index, body, leaf_hash in self._rows("SELECT idx, body, hash FROM leaf ORDER BY idx"):
            if not self._entry(index, body, leaf_hash) or len(self.findings) >= FINDINGS_LIMIT:
                break
            if index % _PROGRESS_EVERY == 0:
                self.progress(index, total)
        else:
            self._end()
        self.progress(total, total)
        size, root = self.edge.size, self.edge.root()
        return LedgerReport(size, root, self.checkpoints, tuple(self.agreed), tuple(self.findings))

    def _rows(self, query: str) -> Iterator[Any]:
        # The driver's own cursor: it fetches row by row, so memory does not grow with the log.
        connection = self.connection.connection.dbapi_connection
        if connection is None:
            raise IntegrityError("the ledger was closed while it was being verified")
        return iter(connection.cursor().execute(query))

    def _open_cursors(self) -> None:
        self._nodes = self._rows("SELECT id, level, idx, hash FROM node ORDER BY id")
        self._node_count = 0
        self._signed = self._rows("SELECT size, root, note FROM checkpoint ORDER BY size")
        self._next_signed = next(self._signed, None)
        self._models = {table: self._rows(_ordered(table)) for table in store.PROJECTIONS}
        self._anchors_at: dict[int, list[str]] = {}
        for name, checkpoint in self.anchors.items():
            self._anchors_at.setdefault(checkpoint.size, []).append(name)

    def _found(self, what: str, first_bad: int, *, exact: bool = True) -> None:
        self.findings.append(Finding(what, first_bad, exact))

    def _guards(self) -> None:
        present = {tuple(map(str, row)) for row in self.connection.exec_driver_sql(store.SCHEMA_QUERY)}
        for kind, name, _ in sorted(present.symmetric_difference(store.expected_schema())):
            self._found(f"the {kind} {name} of the database is not as it was made", 0, exact=False)

    def _entry(self, index: int, body: bytes, leaf_hash: bytes) -> bool:
        size = self.edge.size
        if index != size:
            self._found(f"entry {size} is missing; entry {index} stands in its place", size)
            return False
        if merkle.leaf_hash(body) != leaf_hash:
            self._found(f"the bytes of entry {index} were edited", index)
        self._subtrees(index, leaf_hash)
        try:
            value = json.loads(body)
            in_place = value["index"] == index and value["origin"] == self.verifier.name
            rows = {table: project(value) for table, project in projections.PROJECTIONS.items()}
        except (ValueError, KeyError, TypeError):
            self._found(f"entry {index} cannot be read", index)
            return False
        if not in_place:
            self._found(f"entry {index} was written for another place or another log", index)
        self._read_models(index, rows)
        self._checkpoint(index + 1)
        return True

    def _subtrees(self, index: int, leaf_hash: bytes) -> None:
        for expected in self.edge.append(leaf_hash):
            if next(self._nodes, None) != (self._node_count, *expected):
                self._found(f"the stored hash of subtree {expected[0]}/{expected[1]} was edited", index, exact=False)
            self._node_count += 1

    def _read_models(self, index: int, rows: Mapping[str, projections.Row | None]) -> None:
        for table, expected in rows.items():
            if expected is not None and next(self._models[table], None) != expected:
                self._found(f"the row of entry {index} in the table {table} was edited", index)
                self._models[table] = self._rows(f"{_ordered(table, after=index)}")

    def _checkpoint(self, size: int) -> None:
        root = self.edge.root() if self._wanted(size) else b""
        if self._next_signed is not None and self._next_signed[0] == size:
            self._signed_checkpoint(size, root, self._next_signed)
            self._next_signed = next(self._signed, None)
        for name in self._anchors_at.pop(size, ()):
            if self.anchors[name].root == root:
                self.agreed.append(name)
                self.good = size
            else:
                self._found(
                    f"entries {self.good} to {size - 1} are not those that {name} recorded", self.good, exact=False
                )

    def _wanted(self, size: int) -> bool:
        return size in self._anchors_at or (self._next_signed is not None and self._next_signed[0] == size)

    def _signed_checkpoint(self, size: int, root: bytes, row: Any) -> None:
        self.checkpoints += 1
        try:
            signed = open_checkpoint(row[2], self.verifier)
        except IntegrityError as error:
            self._found(f"the checkpoint of size {size} is not one that this log signed: {error.what}", size - 1)
            return
        if (signed.size, signed.root, row[1]) != (size, root, root):
            first, last = self.good, size - 1
            what = f"entry {last}" if first == last else f"entries {first} to {last}"
            self._found(f"{what} are not what was signed at size {size}", first, exact=first == last)
        elif not self.anchors:
            self.good = size
        self.good = max(self.good, size) if not self.findings else self.good

    def _end(self) -> None:
        size = self.edge.size
        if self._next_signed is not None:
            self._found(f"entries from {size} on were cut: a checkpoint of size {self._next_signed[0]} was signed", size)
        for later in sorted(self._anchors_at):
            if later:
                names = ", ".join(self._anchors_at[later])
                self._found(f"entries from {size} on were cut: {names} recorded {later} entries", size)
        if size and not self._ends_signed(size):
            self._found("the last entries were never signed", self.good, exact=False)
        for table in store.PROJECTIONS:
            if (row := next(self._models[table], None)) is not None:
                self._found(f"the table {table} has a row that no entry made", int(row[0]), exact=False)
        if next(self._nodes, None) is not None:
            self._found("there is a stored subtree that no entry completed", size, exact=False)

    def _ends_signed(self, size: int) -> bool:
        last = self.connection.exec_driver_sql("SELECT max(size) FROM checkpoint").scalar()
        return last == size


def _ordered(table: str, after: int = -1) -> str:
    columns = ", ".join(column.name for column in store.SQLModel.metadata.tables[table].columns)
    return f"SELECT {columns} FROM {table} WHERE idx > {int(after)} ORDER BY idx"  # noqa: S608 - own table names


__all__: Sequence[str] = ("Finding", "LedgerReport", "reading_copy", "verify_database")
