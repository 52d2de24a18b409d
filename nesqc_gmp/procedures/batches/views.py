"""Looking at batches: what is known of one, and the list of all."""

from __future__ import annotations

from dataclasses import dataclass

from nesqc_gmp.decision.morphology import MorphologyVerdict
from nesqc_gmp.esign import SignatureFinding, check_signatures
from nesqc_gmp.procedures.batches.analysis import recover
from nesqc_gmp.procedures.batches.common import load_batch
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.images import Outcome
from nesqc_gmp.records.products import Specification
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch


@dataclass(frozen=True, slots=True)
class BatchView:
    """One batch as a person sees it.

    Attributes:
        batch: The folded records.
        specification: The specification that decides.
        morphology: The image test as it stands.
        manual: Outcome of each test done elsewhere.
        outcome: Outcome of all tests.
        unsigned: Signatures in the log that do not hold.
    """

    batch: Batch
    specification: Specification
    morphology: MorphologyVerdict
    manual: tuple[tuple[str, Outcome], ...]
    outcome: Outcome
    unsigned: tuple[SignatureFinding, ...]


def show(session: Session, batch: str) -> BatchView:
    """One batch; an attempt whose process is gone is closed first, so none is ever shown as running that is not."""
    recover(session.site, batch)
    with session.viewing("batches.show") as reader:
        state, specification = load_batch(reader, batch)
        return BatchView(
            state,
            specification,
            release.morphology(state, specification),
            tuple((test.test, release.manual_outcome(state, test)) for test in specification.manual),
            release.outcome(state, specification),
            tuple(check_signatures(reader)),
        )


def batches(session: Session) -> tuple[Batch, ...]:
    """All batches, in the order of registration."""
    with session.viewing("batches.list") as reader:
        return tuple(load_batch(reader, name)[0] for name in reader.batches())
