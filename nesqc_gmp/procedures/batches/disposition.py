"""The signatures on a batch: performed, reviewed, and the decision about it."""

from __future__ import annotations

from collections.abc import Sequence

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.esign import Ceremony, check_signatures
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.batches.analysis import recover
from nesqc_gmp.procedures.batches.common import load_batch, subject
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.qualification.enforcement import present_for_use, require_validated
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.batches import BatchDisposed, BatchReviewed, BatchSubmitted, Decision
from nesqc_gmp.records.products import Specification
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state import release as rules
from nesqc_gmp.state.batches import Batch
from nesqc_gmp.state.incidents import require_no_incident
from nesqc_gmp.state.models import fold_models
from nesqc_gmp.state.people import Person
from nesqc_gmp.state.products import fold_specifications


def submit(session: Session, batch: str, ceremony: Ceremony) -> None:
    """The operator signs that the work is complete."""
    recover(session.site, batch)

    def prepare(reader: Reader, person: Person) -> Prepared:
        state, specification = load_batch(reader, batch)
        rules.require_submittable(state, specification, person.id)

        def make(signature: ElectronicSignature) -> BatchSubmitted:
            return BatchSubmitted(signature=signature)

        return make, Signer("performed", summary(state, specification))

    session.sign("batches.submit", subject(batch), prepare, ceremony)


def review(session: Session, batch: str, deviations: Sequence[str], comment: str, ceremony: Ceremony) -> None:
    """The reviewer signs that data, attempts and exceptions were gone through."""

    def prepare(reader: Reader, person: Person) -> Prepared:
        state, specification = load_batch(reader, batch)
        rules.require_reviewable(state, person.id)

        def make(signature: ElectronicSignature) -> BatchReviewed:
            return BatchReviewed(deviations=tuple(deviations), comment=comment, signature=signature)

        named = [f"Deviation: {reference}" for reference in deviations] or ["Deviations: none"]
        return make, Signer("reviewed", (*summary(state, specification), *named, f"Comment: {comment}"))

    session.sign("batches.review", subject(batch), prepare, ceremony)


def release(session: Session, batch: str, comment: str, ceremony: Ceremony) -> None:
    """QA releases a batch whose every test conforms and whose every step is signed."""
    _dispose(session, batch, "released", comment, None, ceremony)


def reject(session: Session, batch: str, comment: str, reason: str, ceremony: Ceremony) -> None:
    """QA rejects a batch."""
    _dispose(session, batch, "rejected", comment, reason, ceremony)


def hold(session: Session, batch: str, comment: str, reason: str, ceremony: Ceremony) -> None:
    """QA places a batch on hold; it can go on later."""
    _dispose(session, batch, "on hold", comment, reason, ceremony)


_RIGHTS: dict[Decision, str] = {
    "released": "batches.release",
    "rejected": "batches.reject",
    "on hold": "batches.hold",
}


def _dispose(
    session: Session, batch: str, decision: Decision, comment: str, reason: str | None, ceremony: Ceremony
) -> None:
    recover(session.site, batch)
    present = present_for_use(session.site) if decision == "released" else None

    def prepare(reader: Reader, person: Person) -> Prepared:
        state, specification = load_batch(reader, batch)
        rules.require_disposable(state, specification, person.id, decision)
        if decision == "released":
            require_validated(reader, present, specification.morphology.model_sha256, "releasing a batch")
            require_no_incident(session.site.state(reader), batch)
            require_evidence(session.site, reader, state)
        outcome = rules.outcome(state, specification)

        def make(signature: ElectronicSignature) -> BatchDisposed:
            return BatchDisposed(decision=decision, outcome=outcome, comment=comment, signature=signature)

        lines = (*summary(state, specification), *_no_longer_in_use(reader, specification), f"Comment: {comment}")
        return make, Signer(decision, lines)

    session.sign(_RIGHTS[decision], subject(batch), prepare, ceremony, reason)


def _no_longer_in_use(reader: Reader, specification: Specification) -> tuple[str, ...]:
    """What the deciding person must know: specification or model was retired after the batch was tested with it."""
    name, digest = specification.identifier, specification.morphology.model_sha256
    standing = fold_specifications(reader.entries("specification", name))[name].standing
    model = fold_models(reader.entries("model", digest))[digest]
    retired = [f"Specification {name}"] if standing == "retired" else []
    retired += [f"Model {model.label}"] if model.standing == "retired" else []
    return tuple(f"{what} is retired now" for what in retired)


def require_evidence(site: Site, reader: Reader, batch: Batch) -> None:
    """Every original and every piece of evidence is byte for byte what was recorded, and every signature holds.

    Raises:
        IntegrityError: One is not.
    """
    for image in batch.images.values():
        site.objects.read(image.received.facts.sha256)
    for result in batch.results:
        site.objects.read(result.recorded.evidence_sha256)
    for finding in check_signatures(reader):
        raise IntegrityError(
            f"a signature does not hold: {finding.what}",
            where=f"entry {finding.index}",
            remedy="Run `nesqc audit verify`.",
            first_bad=finding.index,
        )


def summary(state: Batch, specification: Specification) -> tuple[str, ...]:
    """What a signing person is shown of a batch; every number is computed from the records."""
    verdict = rules.morphology(state, specification)
    outcomes = list(verdict.images.values())
    counts = ", ".join(
        f"{outcomes.count(outcome)} {outcome}"
        for outcome in ("conforming", "not conforming", "undecided", "rejected by input check")
    )
    endings = ", ".join(f"{a.number} {a.closed.ending if a.closed else 'open'}" for a in state.attempts) or "none"
    manual = [f"Test {t.test}: {rules.manual_outcome(state, t)}" for t in specification.manual]
    return (
        f"Batch {state.registered.batch}, specification {specification.identifier}",
        f"Images: {len(outcomes)} sealed, {len(state.refused)} files refused; after readings {counts}",
        f"Attempts: {endings}"[:390],
        f"Readings: {len(state.readings)}, of which {sum(rules.differs(state, r) for r in state.readings)} differ",
        f"Test {specification.morphology.test}: {verdict.outcome}",
        *manual,
        f"All tests: {rules.outcome(state, specification)}",
    )
