"""What every stage of a batch needs: the folded batch with the specification it was registered against."""

from __future__ import annotations

from nesqc_gmp.ledger import Reader
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.products import Specification
from nesqc_gmp.state.batches import Batch, fold_batch, outline_batch
from nesqc_gmp.state.products import fold_specifications, get


def subject(batch: str) -> Subject:
    """The batch as an entry names it."""
    return Subject(type="batch", id=batch)


def load_batch(reader: Reader, batch: str) -> tuple[Batch, Specification]:
    """A batch and the specification that decides about it.

    Raises:
        NotFoundError: There is no such batch.
    """
    return _with_specification(reader, fold_batch(reader.entries("batch", batch), batch))


def load_outline(reader: Reader, batch: str) -> tuple[Batch, Specification]:
    """The same without images and scores, which a batch may have by the thousand.

    Raises:
        NotFoundError: There is no such batch.
    """
    return _with_specification(reader, outline_batch(reader.entries("batch", batch), batch))


def _with_specification(reader: Reader, state: Batch) -> tuple[Batch, Specification]:
    name = state.registered.specification_id
    return state, get(fold_specifications(reader.entries("specification", name)), name).specification
