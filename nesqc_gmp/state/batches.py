"""One batch, folded from the records about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar, cast

from nesqc_gmp.errors import NotFoundError
from nesqc_gmp.records import batches as records
from nesqc_gmp.records.entry import CONTENT_KINDS, Entry
from nesqc_gmp.state.fold import Fold, Steps

Value = TypeVar("Value")
Stage = Literal["registered", "sealed", "analysed", "submitted", "reviewed", "released", "rejected", "on hold"]


@dataclass(frozen=True, slots=True)
class Image:
    """One received image: when, by whom (printed name), and what people explained about it."""

    index: int
    received: records.ImageReceived
    received_at: str
    received_by: str
    explained: bool = False

    @property
    def blocked(self) -> bool:
        """Whether a likeness to another image waits for an explanation."""
        return bool(self.received.duplicates) and not self.explained


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at analysis with every result it brought."""

    number: int
    index: int
    opened: records.AttemptOpened
    opened_at: str
    opened_by: str
    opened_by_name: str
    reason: str | None
    scores: Mapping[str, records.ImageScored] = field(default_factory=dict)
    closed: records.AttemptClosed | None = None
    closed_at: str | None = None

    @property
    def completed(self) -> bool:
        """Whether every image has a result."""
        return self.closed is not None and self.closed.ending == "completed"


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of an image by a person."""

    index: int
    person: str
    name: str
    time: str
    reason: str | None
    read: records.ImageRead


@dataclass(frozen=True, slots=True)
class Result:
    """One recorded result of a test done elsewhere, and its verification."""

    index: int
    person: str
    name: str
    entered_at: str
    reason: str | None
    recorded: records.ResultRecorded
    verified_by: str | None = None
    verified_name: str | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed act on the batch: who, when, on which version of the content."""

    index: int
    person: str
    content_version: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything known of one batch.

    Attributes:
        registered: The registration.
        registered_by: Who registered it.
        images: Received images by id.
        refused: Files that were refused at receipt.
        sealed: The seal.
        attempts: Every attempt.
        readings: Every reading.
        results: Every recorded result, repeats included.
        submitted: The performer's signature.
        reviewed: The reviewer's signature.
        deviations: References of deviations.
        audit_review: The review of the audit trail.
        audit_reviewed: Who signed it.
        disposition: The decision.
        disposed: Who signed it.
        version: Count of content entries.
        review_comment: What the reviewer noted.
        performers: People who did the work: everyone but reviewers who entered content.
        contributors: Everyone who entered content, in whatever role.
        reviewers: Everyone who signed a review, of whatever earlier form.
        heat_maps_shown: Person and image of every heat map that somebody was shown; it shows the score too.
        last: Index of the last entry about the batch.
    """

    registered: records.BatchRegistered
    registered_by: str
    images: Mapping[str, Image] = field(default_factory=dict)
    refused: tuple[records.ImageRefused, ...] = ()
    sealed: records.ImageSetSealed | None = None
    attempts: tuple[Attempt, ...] = ()
    readings: tuple[Reading, ...] = ()
    results: tuple[Result, ...] = ()
    submitted: Signed | None = None
    reviewed: Signed | None = None
    deviations: tuple[str, ...] = ()
    review_comment: str | None = None
    audit_review: records.AuditTrailReviewed | None = None
    audit_reviewed: Signed | None = None
    disposition: records.BatchDisposed | None = None
    disposed: Signed | None = None
    version: int = 0
    performers: frozenset[str] = frozenset()
    contributors: frozenset[str] = frozenset()
    reviewers: frozenset[str] = frozenset()
    heat_maps_shown: frozenset[tuple[str, str]] = frozenset()
    last: int = 0

    @property
    def stage(self) -> Stage:
        """Where the batch stands; a signature counts only while the content is what was signed."""
        if self.disposition is not None:
            return self.disposition.decision
        if self.in_present_form(self.reviewed):
            return "reviewed"
        if self.in_present_form(self.submitted):
            return "submitted"
        if any(attempt.completed for attempt in self.attempts):
            return "analysed"
        return "sealed" if self.sealed else "registered"

    def in_present_form(self, signed: Signed | None) -> bool:
        """Whether a signature stands over the content as it is now (21 CFR 11.70)."""
        return signed is not None and signed.content_version == self.version

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt that has not ended."""
        return next((attempt for attempt in self.attempts if attempt.closed is None), None)

    @property
    def cultures(self) -> tuple[str, ...]:
        """Cultures in the order of receipt."""
        return tuple(dict.fromkeys(image.received.culture for image in self.images.values()))

    def result(self, test: str) -> Result | None:
        """The last recorded result of a test."""
        return next((result for result in reversed(self.results) if result.recorded.test == test), None)


def fold_batch(entries: Iterable[Entry], batch: str, known: Batch | None = None) -> Batch:
    """One batch, from the entries about it.

    Args:
        entries: Entries about the batch, oldest first.
        batch: Its number.
        known: The batch as the entries before these left it; it stays as it is.

    Raises:
        NotFoundError: There is no such batch.
    """
    return _folded(_FOLD, entries, batch, None if known is None else _own_copy(known))


def repeats(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Attempts and results that were made again, each with its reason; a first result that has one is no repeat."""
    tests: set[str] = set()
    for entry in entries:
        if isinstance(entry.record, records.AttemptOpened) and entry.reason:
            yield entry
        elif isinstance(entry.record, records.ResultRecorded):
            if entry.record.test in tests:
                yield entry
            tests.add(entry.record.test)


def outline_batch(entries: Iterable[Entry], batch: str) -> Batch:
    """The same without images and scores, so that its memory does not grow with them; every rule about stages holds.

    Raises:
        NotFoundError: There is no such batch.
    """
    return _folded(_OUTLINE, entries, batch, None)


def _folded(fold: Fold[Batch], entries: Iterable[Entry], batch: str, state: Batch | None) -> Batch:
    for entry in entries:
        if isinstance(entry.record, records.BatchRegistered):
            state = Batch(entry.record, entry.actor.person)
        if state is not None:
            state = fold.apply(_counted(state, entry), entry)
    if state is None:
        raise NotFoundError("there is no such batch", where=batch, remedy="See `nesqc batches list`.")
    return state


def _own_copy(state: Batch) -> Batch:
    """The same batch with mappings that this fold may let grow."""
    attempts = tuple(replace(attempt, scores=dict(attempt.scores)) for attempt in state.attempts)
    return replace(state, images=dict(state.images), attempts=attempts)


def _growing(mapping: Mapping[str, Value]) -> dict[str, Value]:
    """A mapping of the state under way; nobody sees it before the fold ends.

    Images and scores grow in place, since a copy for each entry would make the time quadratic in the images.
    """
    return cast(dict[str, Value], mapping)


def _counted(state: Batch, entry: Entry) -> Batch:
    if entry.kind not in CONTENT_KINDS:
        return replace(state, last=entry.index)
    person = frozenset() if entry.actor.role == "system" else frozenset({entry.actor.person})
    worked = frozenset() if entry.actor.role == "reviewer" else person
    return replace(
        state,
        last=entry.index,
        version=state.version + 1,
        performers=state.performers | worked,
        contributors=state.contributors | person,
    )


def _received(state: Batch, entry: Entry, record: records.ImageReceived) -> Batch:
    _growing(state.images)[record.image] = Image(entry.index, record, entry.time.local, entry.actor.name)
    return state


def _refused(state: Batch, _: Entry, record: records.ImageRefused) -> Batch:
    return replace(state, refused=(*state.refused, record))


def _explained(state: Batch, _: Entry, record: records.DuplicateExplained) -> Batch:
    _growing(state.images)[record.image] = replace(state.images[record.image], explained=True)
    return state


def _sealed(state: Batch, _: Entry, record: records.ImageSetSealed) -> Batch:
    return replace(state, sealed=record)


def _opened(state: Batch, entry: Entry, record: records.AttemptOpened) -> Batch:
    actor = entry.actor
    attempt = Attempt(record.attempt, entry.index, record, entry.time.local, actor.person, actor.name, entry.reason)
    return replace(state, attempts=(*state.attempts, attempt))


def _scored(state: Batch, _: Entry, record: records.ImageScored) -> Batch:
    _growing(state.attempts[-1].scores)[record.image] = record
    return state


def _closed(state: Batch, entry: Entry, record: records.AttemptClosed) -> Batch:
    attempt = replace(state.attempts[-1], closed=record, closed_at=entry.time.local)
    return replace(state, attempts=(*state.attempts[:-1], attempt))


def _read(state: Batch, entry: Entry, record: records.ImageRead) -> Batch:
    reading = Reading(entry.index, entry.actor.person, entry.actor.name, entry.time.local, entry.reason, record)
    return replace(state, readings=(*state.readings, reading))


def _shown(state: Batch, entry: Entry, record: records.HeatMapShown) -> Batch:
    return replace(state, heat_maps_shown=state.heat_maps_shown | {(entry.actor.person, record.image)})


def _recorded(state: Batch, entry: Entry, record: records.ResultRecorded) -> Batch:
    actor = entry.actor
    result = Result(entry.index, actor.person, actor.name, entry.time.local, entry.reason, record)
    return replace(state, results=(*state.results, result))


def _verified(state: Batch, entry: Entry, record: records.ResultVerified) -> Batch:
    done = tuple(
        replace(result, verified_by=entry.actor.person, verified_name=entry.actor.name)
        if result.index == record.recorded_index
        else result
        for result in state.results
    )
    return replace(state, results=done)


def _signed(state: Batch, entry: Entry) -> Signed:
    return Signed(entry.index, entry.actor.person, state.version)


def _submitted(state: Batch, entry: Entry, _: records.BatchSubmitted) -> Batch:
    return replace(state, submitted=_signed(state, entry))


def _reviewed(state: Batch, entry: Entry, record: records.BatchReviewed) -> Batch:
    return replace(
        state,
        reviewed=_signed(state, entry),
        reviewers=state.reviewers | {entry.actor.person},
        deviations=record.deviations,
        review_comment=record.comment,
    )


def _audited(state: Batch, entry: Entry, record: records.AuditTrailReviewed) -> Batch:
    return replace(state, audit_review=record, audit_reviewed=_signed(state, entry))


def _disposed(state: Batch, entry: Entry, record: records.BatchDisposed) -> Batch:
    return replace(state, disposition=record, disposed=_signed(state, entry))


_STAGES: Steps[Batch] = {
    records.ImageRefused: _refused,
    records.ImageSetSealed: _sealed,
    records.AttemptOpened: _opened,
    records.AttemptClosed: _closed,
    records.ImageRead: _read,
    records.HeatMapShown: _shown,
    records.ResultRecorded: _recorded,
    records.ResultVerified: _verified,
    records.BatchSubmitted: _submitted,
    records.BatchReviewed: _reviewed,
    records.AuditTrailReviewed: _audited,
    records.BatchDisposed: _disposed,
}
_IMAGES: Steps[Batch] = {
    records.ImageReceived: _received,
    records.DuplicateExplained: _explained,
    records.ImageScored: _scored,
}
_FOLD: Fold[Batch] = Fold({**_STAGES, **_IMAGES})
_OUTLINE: Fold[Batch] = Fold(_STAGES)
