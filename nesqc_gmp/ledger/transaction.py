"""One transaction: records appended in it are committed together under one signed checkpoint, or not at all."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import sqlite

from nesqc_gmp import merkle, store
from nesqc_gmp.errors import OutOfSequenceError
from nesqc_gmp.ledger.body import Body, compose
from nesqc_gmp.ledger.projections import PROJECTIONS
from nesqc_gmp.ledger.reader import Reader
from nesqc_gmp.ledger.signer import LogSigner
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.entry import Actor, Record, Subject


def _append_sql(model: type[Any]) -> str:
    return str(insert(model.__table__).compile(dialect=sqlite.dialect(paramstyle="qmark")))


# Core builds each statement once; the driver's cursor runs it, since an append makes about seven and executing them
# through the connection would cost more than hashing and signing together (benchmarks/ledger.py).
_LEAF, _NODE, _CHECKPOINT = map(_append_sql, (store.Leaf, store.Node, store.Checkpoint))
_READ_MODELS = tuple(
    (_append_sql(model), PROJECTIONS[model.__tablename__]) for model in (store.EntryRow, store.ImageRow, store.ScoreRow)
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of an append: index and leaf hash of the entry. It is valid once its transaction has ended well."""

    index: int
    leaf_hash: bytes


class Transaction(Reader):
    """A view of the ledger that can append."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor, origin: str, edge: merkle.CompactRange) -> None:
        super().__init__(connection)
        self._run = cursor.execute
        self._origin = origin
        self._edge = edge
        self._sound = True
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
            InvalidInputError: The reason or a value of the record cannot be recorded; nothing was changed.
            OutOfSequenceError: The transaction has ended, or an append in it broke off.
        """
        self._require_sound()
        index = self._edge.size
        body, data = compose(self._origin, index, time, actor, subject, reason, record)
        leaf_hash = merkle.leaf_hash(data)
        # From the first row to the last the tree and the tables disagree; an error between them must not be committed.
        self._sound = False
        self._insert(index, body, data, leaf_hash)
        self._sound = True
        self.appended += 1
        return Receipt(index, leaf_hash)

    def _insert(self, index: int, body: Body, data: bytes, leaf_hash: bytes) -> None:
        run = self._run
        run(_LEAF, (index, data, leaf_hash))
        for level, place, value in self._edge.append(leaf_hash):
            run(_NODE, (store.node_id(level, place), level, place, value))
        for statement, project in _READ_MODELS:
            row = project(body)
            if row is not None:
                run(statement, row)

    def seal(self, signer: LogSigner) -> str | None:
        """Sign the head and store the checkpoint; called once by the ledger, just before the commit.

        Returns:
            The signed checkpoint, ``None`` where nothing was appended.

        Raises:
            OutOfSequenceError: An append broke off; nothing may be committed.
        """
        self._require_sound()
        self.end()
        if not self.appended:
            return None
        size, root = self._edge.size, self._edge.root()
        note = signer.sign(size, root)
        self._run(_CHECKPOINT, (size, root, note))
        return note

    def end(self) -> None:
        """Let nothing more be appended."""
        self._sound = False

    def _require_sound(self) -> None:
        if not self._sound:
            raise OutOfSequenceError("the transaction has ended or broke off", remedy="Begin a new one.")
