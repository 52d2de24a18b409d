"""Reading the ledger: entries of a record, the audit index, proofs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Select, bindparam, select
from sqlmodel import col

from nesqc_gmp import merkle
from nesqc_gmp.errors import IntegrityError, NotFoundError
from nesqc_gmp.notes import InclusionProof
from nesqc_gmp.records.content import Content
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.store import Checkpoint, EntryRow, ImageRow, Leaf, Node, node_id

_LEAF_COLUMNS: tuple[Any, ...] = (col(Leaf.idx), col(Leaf.body), col(Leaf.hash))

# Asked at every append: a statement built once runs in a seventh of the time of one that is built each time.
_ONE_LEAF = select(*_LEAF_COLUMNS).where(col(Leaf.idx) == bindparam("index"))
_SINCE = (
    select(col(EntryRow.kind), col(EntryRow.subject_type), col(EntryRow.subject_id))
    .where(col(EntryRow.idx) >= bindparam("index"))
    .order_by(col(EntryRow.idx))
)
_KNOWN_IMAGES = (
    select(
        col(ImageRow.batch),
        col(ImageRow.image),
        col(ImageRow.sha256),
        col(ImageRow.pixels_sha256),
        col(ImageRow.perceptual_hash),
    )
    .where(col(ImageRow.idx) >= bindparam("index"))
    .order_by(col(ImageRow.idx))
)


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One line of the audit index, as the table ``entry`` holds it."""

    index: int
    kind: str
    subject_type: str
    subject_id: str
    person: str
    role: str
    utc: str
    reason: str | None
    content: bool


class Reader:
    """One consistent view of the ledger.

    Args:
        connection: A connection inside a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def size(self) -> int:
        """Count of entries."""
        last = self._connection.exec_driver_sql("SELECT max(idx) FROM leaf").scalar()
        return 0 if last is None else int(last) + 1

    def checkpoint_note(self, size: int | None = None) -> str:
        """The signed checkpoint at a size, or the last one.

        Raises:
            NotFoundError: There is no checkpoint of this size.
        """
        statement = select(col(Checkpoint.note)).order_by(col(Checkpoint.size).desc()).limit(1)
        if size is not None:
            statement = statement.where(col(Checkpoint.size) == size)
        note = self._connection.execute(statement).scalar()
        if note is None:
            raise NotFoundError("there is no such checkpoint", where=f"size {size}")
        return str(note)

    def root(self, size: int) -> bytes:
        """The root hash of the tree of the first ``size`` leaves, from the stored subtrees."""
        hashes = [self.node(level, index) for level, index in merkle.range_nodes(size)]
        return merkle.CompactRange(size, hashes).root()

    def node(self, level: int, index: int) -> bytes:
        """The stored hash of one perfect subtree.

        Raises:
            IntegrityError: It is missing.
        """
        if level == 0:
            statement = select(col(Leaf.hash)).where(col(Leaf.idx) == index)
        else:
            statement = select(col(Node.hash)).where(col(Node.id) == node_id(level, index))
        value = self._connection.execute(statement).scalar()
        if not isinstance(value, bytes):
            raise IntegrityError(
                "a stored hash is missing", where=f"node {level}/{index}", remedy="Run `nesqc audit verify`."
            )
        return value

    def body(self, index: int) -> bytes:
        """The exact bytes of one entry, checked against its leaf hash.

        Raises:
            NotFoundError: There is no such entry.
            IntegrityError: The bytes were altered.
        """
        row = self._connection.execute(_ONE_LEAF, {"index": index}).one_or_none()
        if row is None:
            raise NotFoundError("there is no such entry", where=f"index {index}")
        return _checked(row)

    def entry(self, index: int) -> Entry:
        """One entry."""
        return _parsed(self.body(index), index)

    def entries(
        self, subject_type: str, subject_id: str, *, before: int | None = None, after: int | None = None
    ) -> Iterator[Entry]:
        """Every entry about one record, oldest first, before and after an index where given."""
        statement = _of_subject(subject_type, subject_id, before)
        if after is not None:
            # On the index of the subject, whose rows end with the entry; the same on the leaf would read them all.
            statement = statement.where(col(EntryRow.idx) > after)
        for row in self._connection.execute(statement.order_by(col(Leaf.idx))):
            yield _parsed(_checked(row), row[0])

    def entries_about(
        self, subject_type: str, *, before: int | None = None, after: int | None = None
    ) -> Iterator[Entry]:
        """Every entry about any record of one type, oldest first, before and after an index where given."""
        statement = _of_subject(subject_type, None, before)
        if after is not None:
            statement = statement.where(col(Leaf.idx) > after)
        for row in self._connection.execute(statement.order_by(col(Leaf.idx))):
            yield _parsed(_checked(row), row[0])

    def since(self, index: int) -> Iterator[tuple[str, str, str]]:
        """Kind, subject type and subject of every entry from an index on, oldest first."""
        yield from map(tuple, self._connection.execute(_SINCE, {"index": index}))

    def entries_of(self, kinds: Iterable[str]) -> Iterator[Entry]:
        """Every entry of some kinds, oldest first; reads the whole audit index."""
        statement: Select[Any] = select(*_LEAF_COLUMNS).join(EntryRow, col(EntryRow.idx) == col(Leaf.idx))
        statement = statement.where(col(EntryRow.kind).in_(sorted(kinds)))
        for row in self._connection.execute(statement.order_by(col(Leaf.idx))):
            yield _parsed(_checked(row), row[0])

    def batches(self) -> tuple[str, ...]:
        """Numbers of all batches, in the order of registration."""
        statement = select(col(EntryRow.subject_id)).where(col(EntryRow.kind) == "batch_registered")
        return tuple(str(row[0]) for row in self._connection.execute(statement.order_by(col(EntryRow.idx))))

    def content(self, subject_type: str, subject_id: str, *, before: int | None = None) -> Content:
        """The content of one record, now or before an index."""
        statement = _of_subject(subject_type, subject_id, before).where(col(EntryRow.content) == 1)
        rows = self._connection.execute(statement.order_by(col(Leaf.idx)))
        return Content.of(merkle.leaf_hash(_checked(row)) for row in rows)

    def index_rows(self, *conditions: Any, newest_first: bool = False, limit: int | None = None) -> Iterator[IndexRow]:
        """Lines of the audit index under SQLAlchemy conditions on ``store.EntryRow``."""
        order = col(EntryRow.idx).desc() if newest_first else col(EntryRow.idx)
        table = SQLTable.c
        statement = select(
            table.idx,
            table.kind,
            table.subject_type,
            table.subject_id,
            table.person,
            table.role,
            table.utc,
            table.reason,
            table.content,
        )
        for row in self._connection.execute(statement.where(*conditions).order_by(order).limit(limit)):
            yield IndexRow(*row[:8], content=bool(row[8]))

    def known_images(self, *, since: int = 0) -> Iterator[tuple[str, str, str, str, str]]:
        """Batch, image, digest, pixel digest and perceptual hash of every image received from an index on."""
        yield from map(tuple, self._connection.execute(_KNOWN_IMAGES, {"index": since}))

    def inclusion(self, index: int, size: int | None = None) -> InclusionProof:
        """Proof that an entry stands in the log of a given size (default: now), with its signed checkpoint."""
        size = self.size if size is None else size
        hashes = merkle.inclusion_proof(index, size, self.node)
        return InclusionProof(index, tuple(hashes), self.checkpoint_note(size))

    def consistency(self, old: int, new: int | None = None) -> Sequence[bytes]:
        """Proof that the log of size ``new`` (default: now) extends the one of size ``old``."""
        return merkle.consistency_proof(old, self.size if new is None else new, self.node)


SQLTable = EntryRow.__table__  # type: ignore[attr-defined]


def _of_subject(subject_type: str, subject_id: str | None, before: int | None) -> Select[Any]:
    statement: Select[Any] = select(*_LEAF_COLUMNS).join(EntryRow, col(EntryRow.idx) == col(Leaf.idx))
    statement = statement.where(col(EntryRow.subject_type) == subject_type)
    if subject_id is not None:
        statement = statement.where(col(EntryRow.subject_id) == subject_id)
    return statement if before is None else statement.where(col(Leaf.idx) < before)


def _checked(row: Any) -> bytes:
    index, body, leaf_hash = row
    if not isinstance(body, bytes) or merkle.leaf_hash(body) != leaf_hash:
        raise IntegrityError(
            "the entry's bytes do not match its leaf hash",
            where=f"entry {index}",
            remedy="Stop work on this site and run `nesqc audit verify`.",
            first_bad=index,
        )
    return body


def _parsed(body: bytes, index: int) -> Entry:
    try:
        entry = Entry.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "entry"
        what = f"the entry is not a record this software knows: {field}: {first['msg']}"
        remedy = "Use the version of the software that wrote it; see the entry's field `software`."
        raise IntegrityError(what, where=f"entry {index}", remedy=remedy, first_bad=index) from error
    if entry.index != index:
        what = f"the entry was written at index {entry.index}"
        raise IntegrityError(what, where=f"entry {index}", remedy="Run `nesqc audit verify`.", first_bad=index)
    return entry
