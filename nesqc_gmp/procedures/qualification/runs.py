"""Runs of a qualification: opened before the first case, every case recorded as it ends, signed by three people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError, NotAuthorisedError, NotQualifiedError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader, Transaction
from nesqc_gmp.procedures.context import SYSTEM, Site
from nesqc_gmp.procedures.process import running, this_process
from nesqc_gmp.procedures.qualification.common import load_validation, require_other, subject
from nesqc_gmp.procedures.qualification.signing import Rendered, sign_with_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Record
from nesqc_gmp.records.qualification import (
    CaseExecuted,
    Conclusion,
    ProtocolContent,
    QualificationApproved,
    QualificationClosed,
    QualificationOpened,
    QualificationReviewed,
    QualificationSubmitted,
    RunEnding,
    Stage,
    StateLine,
)
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.people import Person
from nesqc_gmp.state.qualification import Run, Validation, number, require_standing


@dataclass(frozen=True, slots=True)
class Installed:
    """The installed state that a run is of.

    Attributes:
        lines: Line by line.
        sha256: Digest of the lines that are the qualified state.
        release_sha256: Digest of the release manifest it is compared with.
    """

    lines: tuple[StateLine, ...]
    sha256: str
    release_sha256: str


class Execution:
    """A run that is being executed; a context manager, so that it is closed whatever happens.

    Args:
        session: A validation engineer.
        content: The protocol.
        subject_sha256: Digest of the files that are executed.
        installed: The installed state.
        model_sha256: The package that a PQ is of.

    Raises:
        OutOfSequenceError: Plan or protocol is not approved in this form, or a run of this stage is open.
        NotQualifiedError: The stage before is not approved on the installed state.
    """

    def __init__(
        self,
        session: Session,
        content: ProtocolContent,
        subject_sha256: str,
        installed: Installed,
        model_sha256: str | None = None,
    ) -> None:
        recover(session.site)
        self._session = session
        self._right = f"qualify.{content.stage.lower()}"
        with session.acting(self._right) as act:
            validation = load_validation(act.transaction)
            protocol = require_startable(validation, content.stage, subject_sha256, installed.sha256, model_sha256)
            self.run = number(validation, content.stage)
            opened = QualificationOpened(
                run=self.run,
                stage=content.stage,
                protocol=protocol,
                protocol_sha256=subject_sha256,
                release_sha256=installed.release_sha256,
                lines=installed.lines,
                state_sha256=installed.sha256,
                model_sha256=model_sha256,
                cases=len(content.cases),
                process=this_process(),
            )
            act.append(subject(self.run), opened)

    def record(self, case: CaseExecuted, files: Sequence[bytes] = ()) -> None:
        """Record one case; its evidence is kept first."""
        record_case(self._session, self._right, case, files)

    def __enter__(self) -> Execution:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is None:
            self.close("completed", "every case was gone through")
        elif kind is KeyboardInterrupt:
            self.close("aborted", "stopped by the person")
        else:
            self.close("failed", f"{kind.__name__}: {error}"[:2000])

    def close(self, ending: RunEnding, detail: str) -> None:
        """Close the run with the counts of what was recorded."""
        close_run(self._session.site, self.run, ending, detail)


def record_case(session: Session, right: str, case: CaseExecuted, files: Sequence[bytes] = ()) -> None:
    """Record one case of an open run; its evidence is kept first.

    Raises:
        OutOfSequenceError: The run was closed meanwhile.
        IntegrityError: A file is not the evidence that the case names.
    """
    if tuple(sha256_hex(data) for data in files) != tuple(each.sha256 for each in case.evidence):
        raise IntegrityError("a file of evidence was changed after the case ended", where=f"{case.run}, {case.case}")
    for data in files:
        session.site.objects.put(data)
    with session.acting(right, subject(case.run)) as act:
        if load_validation(act.transaction).run(case.run).closed is not None:
            raise OutOfSequenceError("the run was closed meanwhile", where=case.run)
        act.append(subject(case.run), case)


def close_run(site: Site, name: str, ending: RunEnding, detail: str) -> None:
    """Close a run with the counts of what was recorded.

    Raises:
        OutOfSequenceError: It was closed meanwhile.
    """
    with site.ledger.writing() as transaction:
        _close(site, transaction, name, ending, detail)


def require_startable(
    validation: Validation, stage: Stage, subject_sha256: str, state_sha256: str, model_sha256: str | None
) -> str:
    """Nothing stands against a run.

    Returns:
        The number of the approved protocol.

    Raises:
        OutOfSequenceError: Plan or protocol is not approved in this form, or a run of this stage is open.
        NotQualifiedError: The stage before is not approved on the installed state.
    """
    if validation.approved_document("validation plan") is None:
        raise OutOfSequenceError(
            "no validation plan is approved", remedy="Write one with `nesqc qualify prepare plan`; QA approves it."
        )
    protocol = validation.approved_document(f"{stage} protocol")  # type: ignore[arg-type]
    if protocol is None or protocol.prepared.subject_sha256 != subject_sha256:
        what = "no" if protocol is None else "another"
        raise OutOfSequenceError(
            f"{what} {stage} protocol is approved; a protocol is approved before it is executed",
            remedy=f"Write it with `nesqc qualify prepare {stage.lower()}`; QA approves it.",
        )
    for run in validation.runs.values():
        if run.opened.stage == stage and run.closed is None and run.opened.model_sha256 == model_sha256:
            raise OutOfSequenceError("a run of this stage is open", where=run.number)
    require_before(validation, stage, state_sha256)
    return protocol.prepared.document


_BEFORE: dict[Stage, Stage] = {"OQ": "IQ", "PQ": "OQ"}


def require_before(validation: Validation, stage: Stage, state_sha256: str) -> None:
    """The qualification that comes before a stage is approved on the installed state.

    Raises:
        NotQualifiedError: It is not.
    """
    before, qualified = _BEFORE.get(stage), validation.qualified
    if before is None:
        return
    if qualified is None or qualified.state_sha256 != state_sha256 or before not in qualified.stages:
        raise NotQualifiedError(
            f"the {before} of the installed state is not approved; the {stage} comes after it",
            remedy=f"Run and approve it: `nesqc qualify {before.lower()}`.",
        )


def _close(site: Site, transaction: Transaction, name: str, ending: RunEnding, detail: str) -> None:
    run = load_validation(transaction).run(name)
    if run.closed is not None:
        raise OutOfSequenceError("the run was closed meanwhile", where=name)
    counts = Counter(case.verdict for case in run.last.values())
    record = QualificationClosed(
        run=name,
        ending=ending,
        passed=counts["passed"],
        failed=counts["failed"],
        not_executed=counts["not executed"] + run.opened.cases - len(run.last),
        detail=detail,
    )
    site.append(transaction, SYSTEM, subject(name), record)


def _abandoned(validation: Validation) -> list[Run]:
    """Open runs whose process is gone; the cases of a PQ are done by people over days, in many processes."""
    return [
        run
        for run in validation.runs.values()
        if run.closed is None and run.opened.stage != "PQ" and not running(run.opened.process)
    ]


def recover(site: Site) -> None:
    """Close runs whose process is gone as aborted, each with an incident; what they recorded stays."""
    with site.ledger.reading() as reader:
        if not _abandoned(load_validation(reader)):
            return
    with site.ledger.writing() as transaction:
        for run in _abandoned(load_validation(transaction)):
            detail = f"the program ended without closing the run; {len(run.last)} of {run.opened.cases} cases recorded"
            _close(site, transaction, run.number, "aborted", detail)
            site.open_incident(transaction, "interrupted attempt", f"{run.number}: {detail}", run.number)


def _shown(conclusion: Conclusion, data: bytes, run: Run) -> tuple[str, ...]:
    return (f"Conclusion: {conclusion}", f"Content SHA-256 {sha256_hex(data)}", *_lines(run))


def _lines(run: Run) -> tuple[str, ...]:
    counts = Counter(case.verdict for case in run.last.values())
    return (
        f"Run {run.number}, protocol {run.opened.protocol}, installed state {run.opened.state_sha256}",
        f"{run.opened.cases} cases: {counts['passed']} passed, {counts['failed']} failed, "
        f"{run.opened.cases - counts['passed'] - counts['failed']} not executed",
        *(f"{case.case} {case.verdict}: {case.title}" for case in run.not_passed),
        *(
            f"Deviation {d.recorded.deviation} of {d.recorded.case}: "
            f"{'not assessed' if d.accepted is None else 'accepted' if d.accepted else 'not accepted'}"
            for d in run.deviations
        ),
    )


def submit(session: Session, name: str, ceremony: Ceremony) -> None:
    """The tester signs that the run is complete and that every case that did not pass has its deviation.

    Raises:
        OutOfSequenceError: It is open or submitted, or a deviation is missing.
        NotAuthorisedError: Another person ran it.
    """

    def ready(reader: Reader, person: Person) -> Prepared:
        run = load_validation(reader).run(name)
        require_standing(run, "closed", "submit")
        _require_tester(run, person)
        missing = run.without_deviation()
        if missing:
            raise OutOfSequenceError(
                f"{missing[0].case} {missing[0].verdict} and has no deviation",
                where=name,
                remedy=f"Record it: `nesqc qualify deviation {name} {missing[0].case}`.",
            )

        def make(signature: ElectronicSignature) -> Record:
            return QualificationSubmitted(run=name, signature=signature)

        return make, Signer("performed", _lines(run))

    session.sign("qualify.submit", subject(name), ready, ceremony)


def _require_tester(run: Run, person: Person) -> None:
    if run.by.person != person.id:
        raise NotAuthorisedError(
            f"{run.by.name} ran it and signs it as performed", where=run.number, remedy="That person submits it."
        )


def check(session: Session, name: str, comment: str, ceremony: Ceremony) -> None:
    """A second person signs that cases, evidence and deviations were reviewed.

    Raises:
        OutOfSequenceError: It is not submitted in its present form.
        NotAuthorisedError: They worked on it.
    """

    def ready(reader: Reader, person: Person) -> Prepared:
        run = load_validation(reader).run(name)
        require_standing(run, "submitted", "check")
        require_other(person.id, _workers(run), "reviews", name)

        def make(signature: ElectronicSignature) -> Record:
            return QualificationReviewed(run=name, comment=comment, signature=signature)

        return make, Signer("reviewed", (*_lines(run), f"Comment: {comment}"))

    session.sign("qualify.check", subject(name), ready, ceremony)


def _workers(run: Run) -> set[str]:
    return {run.by.person} | {each.by.person for each in run.deviations}


def approve_run(session: Session, name: str, *, accept: bool, reason: str, ceremony: Ceremony) -> str:
    """QA concludes on a run and signs its report.

    Args:
        session: A QA person who neither ran nor reviewed it.
        name: The run.
        accept: Whether it is accepted; what stands against it refuses that.
        reason: The conclusion in words.
        ceremony: Shows the statement and asks for id and passphrase.

    Returns:
        The conclusion.

    Raises:
        OutOfSequenceError: It is not reviewed in its present form, or something stands against acceptance.
        NotAuthorisedError: They worked on it or reviewed it.
    """
    from nesqc_gmp.procedures.qualification.reports.files import run_content, run_pdf

    concluded = []

    def ready(reader: Reader, person: Person) -> Prepared:
        validation = load_validation(reader)
        run = validation.run(name)
        require_standing(run, "reviewed", "approve")
        reviewer = {run.reviewed.person} if run.reviewed else set()
        require_other(person.id, _workers(run) | reviewer, "approves", name)
        against = run.outstanding()
        if accept and against:
            raise OutOfSequenceError(
                f"the run cannot be accepted: {'; '.join(against)}",
                where=name,
                remedy="Mend it and run it again; or conclude with --not-accepted.",
            )
        conclusion = run.possible if accept else "not accepted"
        concluded.append(conclusion)
        data = canonical_json(run_content(session.site, reader, validation, name))

        def make(signature: ElectronicSignature, pdf_sha256: str = "0" * 64) -> Record:
            return QualificationApproved(
                run=name,
                conclusion=conclusion,
                content_sha256=sha256_hex(data),
                pdf_sha256=pdf_sha256,
                signature=signature,
            )

        session.site.objects.put(data)
        return make, Signer("approved", _shown(conclusion, data, run))

    def render(rendered: Rendered) -> bytes:
        return run_pdf(session.site, name, concluded[-1], rendered)

    sign_with_file(session, "qualify.approve", subject(name), ready, ceremony, reason, render)
    return concluded[-1]
