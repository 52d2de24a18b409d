"""The review of a batch's audit trail: exceptions first, a random sample, a conclusion, a signature.

The reviewer has done nothing on the batch. Every exception is assessed on its own; there is no way to accept them all
at once. The last entry reviewed is the bound against which a release is checked (EU GMP Annex 11 draft 12.5 to 12.8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.batches.analysis import recover
from nesqc_gmp.procedures.batches.common import load_batch, subject
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records import batches as batch_records
from nesqc_gmp.records import site as site_records
from nesqc_gmp.records.batches import AuditTrailReviewed, ExceptionAssessed, ImageOutcome
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch, repeats
from nesqc_gmp.state.late_entry import is_late_result, late_entries
from nesqc_gmp.state.people import Person

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class AuditException:
    """One entry that a reviewer must look at: its index, what it is, and what it says."""

    index: int
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class ReviewSheet:
    """What a reviewer goes through.

    Attributes:
        first: Index of the first entry about the batch.
        last: Index of the last one: the bound of the review.
        entries: Count of entries about the batch.
        exceptions: What must be assessed one by one, the gravest kinds first.
        sample_seed: Seed of the sample: the root hash of the log at that moment.
        sample: Indexes of the sampled entries.
    """

    first: int
    last: int
    entries: int
    exceptions: tuple[AuditException, ...]
    sample_seed: str
    sample: tuple[int, ...]


def sheet(session: Session, batch: str) -> ReviewSheet:
    """What there is to review in the audit trail of a batch."""
    recover(session.site, batch)
    with session.viewing("audit.review") as reader:
        return _sheet(reader, batch)


def _sheet(reader: Reader, batch: str) -> ReviewSheet:
    entries = list(reader.entries("batch", batch))
    state, _ = load_batch(reader, batch)
    first, last = entries[0].index, entries[-1].index
    around = (entry for entry in reader.entries("site", "site") if first <= entry.index)
    exceptions = sorted(
        {*_batch_exceptions(state, entries), *_late_exceptions(state, entries), *_site_exceptions(around, batch)},
        key=lambda e: (_rank(e.what), e.index),
    )
    seed = reader.root(last + 1).hex()
    plain = [entry.index for entry in entries]
    chosen = sorted(plain, key=lambda index: hashlib.sha256(f"{seed}/{index}".encode()).digest())[:SAMPLE]
    return ReviewSheet(first, last, len(entries), tuple(exceptions), seed, tuple(sorted(chosen)))


_RANKED = (
    "act refused",
    "attempt not completed",
    "analysis repeated",
    "result recorded again",
    "late entry",
    "reading differs from the model",
    "image undecided",
    "image outside the input check",
    "file refused",
    "likeness explained",
    "incident",
)


def _rank(what: str) -> int:
    return _RANKED.index(what)


def _batch_exceptions(state: Batch, entries: Sequence[Entry]) -> Iterator[AuditException]:
    alike: dict[str, str] = {}
    differing = {
        r.index: release.model_outcome(state, r.read.image) for r in state.readings if release.differs(state, r)
    }
    again = {entry.index for entry in repeats(entries)}
    for entry in entries:
        if isinstance(entry.record, batch_records.ImageReceived):
            duplicates = entry.record.duplicates
            alike[entry.record.image] = "; ".join(f"{d.kind} of {d.image} in {d.batch}" for d in duplicates)
        found = _differing(entry, differing) or _exception(entry, alike, again=entry.index in again)
        if found is not None:
            yield AuditException(entry.index, *found)


def _differing(entry: Entry, differing: Mapping[int, ImageOutcome | None]) -> tuple[str, str] | None:
    """A reading that is not the model's outcome, also where the model spoke after it."""
    if entry.index not in differing or not isinstance(entry.record, batch_records.ImageRead):
        return None
    read, who = entry.record, f"{entry.actor.name}: {entry.reason}" if entry.reason else entry.actor.name
    outcome = read.model_outcome or differing[entry.index]
    return "reading differs from the model", f"{read.image}: {read.reading} instead of {outcome}, {who}"


def _exception(entry: Entry, alike: Mapping[str, str], *, again: bool) -> tuple[str, str] | None:
    who = f"{entry.actor.name}: {entry.reason}" if entry.reason else entry.actor.name
    match entry.record:
        case site_records.ActRefused(act=act, why=why):
            return "act refused", f"{entry.actor.person}, {act}: {why}"
        case batch_records.AttemptClosed(ending="aborted" | "failed" as ending, attempt=number, detail=detail):
            return "attempt not completed", f"attempt {number} {ending}: {detail}"
        case batch_records.AttemptOpened(attempt=number) if again:
            return "analysis repeated", f"attempt {number}, {who}"
        case batch_records.ResultRecorded(test=test, value=value, performed_on=day) if again:
            late = f", entered late: performed {day}" if is_late_result(day, entry.time.local) else ""
            return "result recorded again", f"{test} = {value}{late}, {who}"
        case batch_records.ImageScored(image=image, outcome="undecided"):
            return "image undecided", image
        case batch_records.ImageScored(image=image, outcome="rejected by input check"):
            return "image outside the input check", image
        case batch_records.ImageRefused(file_name=name, why=why):
            return "file refused", f"{name}: {why}"
        case batch_records.DuplicateExplained(image=image):
            return "likeness explained", f"{image}, {alike.get(image, '-')}, {who}"
        case _:
            return None


def _late_exceptions(batch: Batch, entries: Iterable[Entry]) -> Iterator[AuditException]:
    """Late entries; of one that is a repeat too, the exception about the repeat says both."""
    again = {entry.index for entry in repeats(entries)}
    for late in late_entries(batch):
        if late.index not in again:
            images = f"{len(late.images)} of {len(batch.images)} images, captured"
            what = f"{late.test}, performed" if late.test else images
            who = f"{late.person}: {late.reason}" if late.reason else late.person
            yield AuditException(late.index, "late entry", f"{what} {late.happened}, entered {late.entered}, {who}")


def _site_exceptions(entries: Iterable[Entry], batch: str) -> Iterator[AuditException]:
    for entry in entries:
        match entry.record:
            case site_records.IncidentOpened(incident=name, incident_kind=kind, detail=detail, batch=touched):
                if touched in {None, batch}:
                    yield AuditException(entry.index, "incident", f"{name}, {kind}: {detail}")
            case _:
                continue


def review(
    session: Session,
    batch: str,
    assessments: Mapping[int, str],
    conclusion: str,
    acceptable: bool,
    ceremony: Ceremony,
) -> None:
    """Sign the review of a batch's audit trail.

    Args:
        session: A person who did nothing on the batch.
        batch: The batch.
        assessments: What the reviewer says of each exception, by index of its entry.
        conclusion: What the reviewer concludes.
        acceptable: Whether nothing stands against a decision.
        ceremony: Shows the statement and asks for id and passphrase.

    Raises:
        InvalidInputError: An exception was not assessed.
        NotAuthorisedError: The reviewer acted on the batch.
    """

    def prepare(reader: Reader, person: Person) -> Prepared:
        state, _ = load_batch(reader, batch)
        release.require_audit_reviewable(state, person.id)
        found = _sheet(reader, batch)
        missing = [str(e.index) for e in found.exceptions if len(assessments.get(e.index, "").strip()) < 3]
        if missing:
            raise InvalidInputError(
                f"exceptions wait for an assessment: entries {', '.join(missing)}",
                where=batch,
                remedy="Assess each one on its own.",
            )

        def make(signature: ElectronicSignature) -> AuditTrailReviewed:
            return AuditTrailReviewed(
                first=found.first,
                last=found.last,
                entries=found.entries,
                exceptions=tuple(
                    ExceptionAssessed(
                        index=e.index, what=f"{e.what}: {e.detail}"[:2000], assessment=assessments[e.index]
                    )
                    for e in found.exceptions
                ),
                sample_seed=found.sample_seed,
                sample=found.sample,
                conclusion=conclusion,
                acceptable=acceptable,
                signature=signature,
            )

        lines = (
            f"Batch {batch}: entries {found.first} to {found.last}, {found.entries} about the batch",
            f"Exceptions: {len(found.exceptions)}, each assessed; sample: {', '.join(map(str, found.sample))}",
            f"Conclusion: {conclusion}",
            "Nothing stands against a decision" if acceptable else "The trail is not acceptable",
        )
        return make, Signer("audit trail reviewed", lines)

    session.sign("audit.review", subject(batch), prepare, ceremony)
