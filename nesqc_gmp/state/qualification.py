"""Validation folded from the log: documents, runs, deviations, changes, and the state that is qualified now.

The qualified state is the installed state of the last approved installation qualification or change. It holds the
qualifications that were approved on it; a change carries them over but for those it says are repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nesqc_gmp.errors import NotFoundError, NotQualifiedError, OutOfSequenceError
from nesqc_gmp.records import qualification as records
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.qualification import Conclusion, Stage, StateDifference, StateLine

Standing = Literal["open", "closed", "submitted", "reviewed", "approved"]


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed a step, when, and at which entry."""

    person: str
    name: str
    role: str
    at: str
    index: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Deviation:
    """A deviation of one case; ``accepted`` is ``None`` until QA assessed it."""

    recorded: records.DeviationRecorded
    by: Signed
    accepted: bool | None = None
    assessed: Signed | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a qualification with every case as often as it was executed.

    Attributes:
        opened: Its first record.
        by: Who ran it.
        cases: Executions in the order in which they were recorded.
        closed: How it ended; ``None`` while it is open.
        deviations: Its deviations.
        submitted: The tester's signature, while nothing was added after it.
        reviewed: The second person's, likewise.
        approved: QA's conclusion.
        content_index: Last entry that is content of the run.
    """

    opened: records.QualificationOpened
    by: Signed
    content_index: int
    cases: tuple[records.CaseExecuted, ...] = ()
    closed: records.QualificationClosed | None = None
    deviations: tuple[Deviation, ...] = ()
    submitted: Signed | None = None
    reviewed: Signed | None = None
    review_comment: str = ""
    approved: Signed | None = None
    conclusion: records.QualificationApproved | None = None

    @property
    def number(self) -> str:
        """Number of the run."""
        return self.opened.run

    @property
    def standing(self) -> Standing:
        """How far it is."""
        if self.closed is None:
            return "open"
        if self.approved is not None:
            return "approved"
        return "reviewed" if self.reviewed else "submitted" if self.submitted else "closed"

    @property
    def last(self) -> dict[str, records.CaseExecuted]:
        """The last execution of each case."""
        return {case.case: case for case in self.cases}

    @property
    def not_passed(self) -> tuple[records.CaseExecuted, ...]:
        """Every execution that did not pass, earlier ones of a case that passed later included."""
        return tuple(case for case in self.cases if case.verdict != "passed")

    def without_deviation(self) -> tuple[records.CaseExecuted, ...]:
        """Executions that did not pass and have no deviation of their own; a deviation answers for one execution."""
        named = Counter(deviation.recorded.case for deviation in self.deviations)
        found = []
        for case in self.not_passed:
            if named[case.case] == 0:
                found.append(case)
            named[case.case] -= 1
        return tuple(found)

    def outstanding(self) -> tuple[str, ...]:
        """What stands against acceptance, in words; empty where nothing does."""
        found = [] if self.closed and self.closed.ending == "completed" else ["the run was not completed"]
        missing = self.opened.cases - len(self.last)
        if missing > 0:
            found.append(f"{missing} of {self.opened.cases} cases have no result")
        found += [f"{c.case} {c.verdict}, without a deviation" for c in self.without_deviation()]
        last = self.last.values()
        found += [
            f"{c.case} {c.verdict}, and its risk is high" for c in last if c.verdict != "passed" and c.risk == "high"
        ]
        for deviation in self.deviations:
            if deviation.accepted is not True:
                word = "not assessed" if deviation.accepted is None else "not accepted"
                found.append(f"deviation {deviation.recorded.deviation} is {word}")
        return tuple(found)

    @property
    def possible(self) -> Conclusion:
        """The best conclusion that what was found allows."""
        if self.outstanding():
            return "not accepted"
        return "accepted with deviations" if self.deviations else "accepted"


@dataclass(frozen=True, slots=True)
class ValidationDocument:
    """A plan, protocol or summary report."""

    prepared: records.DocumentPrepared
    by: Signed
    approved: Signed | None = None
    pdf_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change under change control."""

    recorded: records.ChangeRecorded
    by: Signed
    approved: Signed | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A periodic review."""

    signed: records.PeriodicReviewSigned
    by: Signed


@dataclass(frozen=True, slots=True)
class Qualified:
    """The state that is qualified.

    Attributes:
        state_sha256: Its digest.
        lines: Line by line.
        stages: Qualifications approved on it, or carried over by a change.
        models: Packages whose performance qualification was approved on it, or carried over.
        basis: Number of the run or change it rests on.
        since: When that was approved (UTC).
    """

    state_sha256: str
    lines: tuple[StateLine, ...]
    stages: frozenset[Stage]
    models: frozenset[str]
    basis: str
    since: str


@dataclass(frozen=True, slots=True)
class Validation:
    """Everything that is known of the validation of a site."""

    documents: dict[str, ValidationDocument] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    reviews: dict[str, Review] = field(default_factory=dict)
    qualified: Qualified | None = None
    verified_at: str | None = None
    verified_sha256: str | None = None

    def deviation(self, number: str) -> Deviation:
        """One deviation.

        Raises:
            NotFoundError: There is none of this number.
        """
        for run in self.runs.values():
            for deviation in run.deviations:
                if deviation.recorded.deviation == number:
                    return deviation
        raise NotFoundError("there is no such deviation", where=number, remedy="See `nesqc qualify status`.")

    def run(self, number: str) -> Run:
        """One run.

        Raises:
            NotFoundError: There is none of this number.
        """
        if number not in self.runs:
            raise NotFoundError("there is no such run", where=number, remedy="See `nesqc qualify status`.")
        return self.runs[number]

    def approved_document(self, kind: records.DocumentKind) -> ValidationDocument | None:
        """The last approved document of a kind."""
        found = [d for d in self.documents.values() if d.approved and d.prepared.document_kind == kind]
        return found[-1] if found else None

    def count(self, prefix: str) -> int:
        """How many numbers of a kind were given."""
        deviations = [d.recorded.deviation for run in self.runs.values() for d in run.deviations]
        return sum(
            number.startswith(f"{prefix}-")
            for number in (*self.documents, *self.runs, *self.changes, *self.reviews, *deviations)
        )


def number(validation: Validation, prefix: str) -> str:
    """The next number of a kind, such as ``OQ-0001``."""
    return f"{prefix}-{validation.count(prefix) + 1:04d}"


def _signed(entry: Entry) -> Signed:
    actor = entry.actor
    return Signed(actor.person, actor.name, actor.role, entry.time.utc, entry.index, entry.reason)


def fold_validation(entries: Iterable[Entry]) -> Validation:
    """Validation, from the entries about it."""
    state = Validation()
    for entry in entries:
        state = _apply(state, entry)
    return state


def _apply(state: Validation, entry: Entry) -> Validation:
    record, by = entry.record, _signed(entry)
    match record:
        case records.DocumentPrepared(document=name):
            return replace(state, documents=state.documents | {name: ValidationDocument(record, by)})
        case records.DocumentApproved(document=name, pdf_sha256=pdf):
            approved = replace(state.documents[name], approved=by, pdf_sha256=pdf)
            return replace(state, documents=state.documents | {name: approved})
        case records.QualificationOpened(run=name):
            return replace(state, runs=state.runs | {name: Run(record, by, entry.index)})
        case records.ChangeRecorded(change=name):
            return replace(state, changes=state.changes | {name: Change(record, by)})
        case records.ChangeApproved(change=name):
            change = replace(state.changes[name], approved=by)
            changed = replace(state, changes=state.changes | {name: change})
            return replace(changed, qualified=_after_change(state.qualified, change, entry.time.utc))
        case records.InstallationVerified(state_sha256=digest):
            return replace(state, verified_at=entry.time.utc, verified_sha256=digest)
        case records.PeriodicReviewSigned(review=name):
            return replace(state, reviews=state.reviews | {name: Review(record, by)})
        case _:
            return _apply_to_run(state, entry, by)


def _apply_to_run(state: Validation, entry: Entry, by: Signed) -> Validation:
    record = entry.record
    if not isinstance(
        record,
        records.CaseExecuted
        | records.QualificationClosed
        | records.DeviationRecorded
        | records.DeviationAssessed
        | records.QualificationSubmitted
        | records.QualificationReviewed
        | records.QualificationApproved,
    ):
        return state
    run = state.runs[record.run]
    match record:
        case records.CaseExecuted():
            run = _added(replace(run, cases=(*run.cases, record)), entry)
        case records.QualificationClosed():
            run = _added(replace(run, closed=record), entry)
        case records.DeviationRecorded():
            run = _added(replace(run, deviations=(*run.deviations, Deviation(record, by))), entry)
        case records.DeviationAssessed(deviation=name, accepted=accepted):
            assessed = tuple(
                replace(each, accepted=accepted, assessed=by) if each.recorded.deviation == name else each
                for each in run.deviations
            )
            run = replace(run, deviations=assessed)
        case records.QualificationSubmitted():
            run = replace(run, submitted=by)
        case records.QualificationReviewed(comment=comment):
            run = replace(run, reviewed=by, review_comment=comment)
        case records.QualificationApproved():
            run = replace(run, approved=by, conclusion=record)
    changed = replace(state, runs=state.runs | {run.number: run})
    if isinstance(record, records.QualificationApproved):
        return replace(changed, qualified=_after_run(state.qualified, run, record.conclusion, entry.time.utc))
    return changed


def _added(run: Run, entry: Entry) -> Run:
    """What is added to a run unsigns it."""
    return replace(run, content_index=entry.index, submitted=None, reviewed=None, review_comment="")


def _after_run(before: Qualified | None, run: Run, conclusion: Conclusion, when: str) -> Qualified | None:
    """The qualified state after QA concluded on a run."""
    opened, same = run.opened, before is not None and before.state_sha256 == run.opened.state_sha256
    if conclusion == "not accepted":
        if before is None or not same:
            return before
        # What was shown not to hold on this state holds no longer, whatever an earlier run said.
        if opened.stage == "PQ":
            return replace(before, models=before.models - {opened.model_sha256 or ""})
        return replace(before, stages=before.stages - {opened.stage})
    if opened.stage == "IQ":
        kept = before if before is not None and same else None
        stages: frozenset[Stage] = (kept.stages if kept else frozenset[Stage]()) | {"IQ"}
        models = kept.models if kept else frozenset[str]()
        return Qualified(opened.state_sha256, opened.lines, stages, models, run.number, when)
    if before is None or not same:
        return before
    if opened.stage == "PQ":
        return replace(before, models=before.models | {opened.model_sha256 or ""})
    return replace(before, stages=before.stages | {opened.stage})


def _after_change(before: Qualified | None, change: Change, when: str) -> Qualified | None:
    """The qualified state after a change: what is not repeated is carried over."""
    recorded = change.recorded
    if before is None or before.state_sha256 != recorded.from_sha256:
        return before
    repeated = frozenset(recorded.retest)
    models = frozenset[str]() if "PQ" in repeated else before.models
    return Qualified(recorded.to_sha256, recorded.lines, before.stages - repeated, models, recorded.change, when)


def differences(before: Sequence[StateLine], after: Sequence[StateLine]) -> tuple[StateDifference, ...]:
    """The lines that two states do not have in common."""
    old = {(line.group, line.name): line.value for line in before}
    new = {(line.group, line.name): line.value for line in after}
    return tuple(
        StateDifference(group=key[0], name=key[1], before=old.get(key), after=new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


def difference_words(difference: StateDifference) -> str:
    """One difference in words."""
    return f"{difference.group}, {difference.name}: {difference.before or 'nothing'} -> {difference.after or 'nothing'}"


def require_qualified(
    validation: Validation, lines: Sequence[StateLine], state_sha256: str, model_sha256: str | None, act: str
) -> None:
    """The installed state is the one that was qualified, and every qualification it needs was approved on it.

    Args:
        validation: What is known.
        lines: The installed state now.
        state_sha256: Its digest.
        model_sha256: The package that is to run; ``None`` where none does.
        act: What is refused otherwise.

    Raises:
        NotQualifiedError: It is not; names the lines that differ or the qualification that is missing.
    """
    qualified = validation.qualified
    if qualified is None:
        raise NotQualifiedError(
            f"no installed state of this site is qualified: {act} is refused",
            where="installation",
            remedy="Run and approve the installation qualification: `nesqc qualify iq`.",
        )
    if qualified.state_sha256 != state_sha256:
        found = differences(qualified.lines, lines)
        named = "; ".join(difference_words(each) for each in found[:5])
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        raise NotQualifiedError(
            f"the installed state is not the one qualified by {qualified.basis}: {named}{more}",
            where="installation",
            remedy="Put it back, or bring the change under control with `nesqc qualify change`.",
        )
    for stage in ("IQ", "OQ"):
        if stage not in qualified.stages:
            raise NotQualifiedError(
                f"the {stage} of the installed state is not approved: {act} is refused",
                where=qualified.basis,
                remedy=f"Run and approve it: `nesqc qualify {stage.lower()}`.",
            )
    if model_sha256 is not None and model_sha256 not in qualified.models:
        raise NotQualifiedError(
            f"the performance qualification of the model is not approved: {act} is refused",
            where=model_sha256[:16],
            remedy="Run and approve it: `nesqc qualify pq`.",
        )


def require_standing(run: Run, standing: Standing, act: str) -> None:
    """A run stands where an act needs it.

    Raises:
        OutOfSequenceError: It does not.
    """
    if run.standing != standing:
        raise OutOfSequenceError(
            f"cannot {act} a run that is {run.standing}; it has to be {standing}",
            where=run.number,
            remedy="The order is: run, `submit`, `check`, `approve`; see `nesqc qualify status`.",
        )
