"""What reports of validation say: frozen contents, attached to each file as canonical JSON.

A content is computed from the log, so the same log gives the same bytes; the printed page is computed from the content.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.ledger import SOFTWARE
from nesqc_gmp.procedures.context import instant_of
from nesqc_gmp.records.base import Frozen, Instant
from nesqc_gmp.records.qualification import (
    CaseExecuted,
    ChangeRecorded,
    PlannedCase,
    ProtocolContent,
    Stage,
    StateLine,
)
from nesqc_gmp.records.signatures import MEANING_SENTENCES, Meaning
from nesqc_gmp.records.site import MARKS, Purpose, SiteFounded
from nesqc_gmp.state.qualification import Change, Deviation, Run, Signed, Validation, ValidationDocument


class SiteLines(Frozen):
    """The site, as its log was founded.

    Attributes:
        name: Name.
        address: Address.
        authorisation: Number of the manufacturing authorisation.
        purpose: What the site is for.
        zone: Its time zone.
        origin: Origin of its log.
        software: Name and version of what made the content.
    """

    name: str
    address: str
    authorisation: str
    purpose: Purpose
    zone: str
    origin: str
    software: str

    @property
    def mark(self) -> str:
        """What stands on every page of a site that is not for GMP use."""
        return MARKS[self.purpose]


class SignatureLine(Frozen):
    """One electronic signature (21 CFR 11.50).

    Attributes:
        act: What was signed.
        person: Person id.
        name: Printed name.
        role: Role in which the person signed.
        meaning: Meaning in one sentence.
        time: When.
        index: Entry of the log.
        reason: Why, where the act asks for it.
    """

    act: str
    person: str
    name: str
    role: str
    meaning: str
    time: Instant
    index: int
    reason: str | None


class DocumentLine(Frozen):
    """A document with who wrote and who approved it."""

    number: str
    kind: str
    title: str
    content_sha256: str
    subject_sha256: str
    prepared: SignatureLine
    approved: SignatureLine | None
    pdf_sha256: str | None


class DeviationLine(Frozen):
    """A deviation of one execution of a case; ``accepted`` is ``None`` until QA assessed it."""

    number: str
    run: str
    case: str
    description: str
    impact: str
    recorded: SignatureLine
    accepted: bool | None
    assessed: SignatureLine | None


class RunLine(Frozen):
    """A run in one line: counts of the last execution of each case, and what QA concluded.

    Attributes:
        not_executed: Cases that were not executed or have no result.
        conclusion: Empty until QA concluded.
    """

    run: str
    stage: Stage
    opened: Instant
    tester: str
    protocol: str
    state_sha256: str
    model_sha256: str | None
    cases: int
    passed: int
    failed: int
    not_executed: int
    ending: str
    conclusion: str
    concluded: SignatureLine | None
    pdf_sha256: str | None


class RunContent(Frozen):
    """What a report of a run says.

    Attributes:
        site: The site.
        run: The run in one line.
        release_sha256: Digest of the release manifest that was installed.
        protocol: The protocol, approved before the run.
        protocol_sha256: Digest of what was executed.
        lines: The installed state.
        cases: Every execution, in the order in which they were recorded.
        without_result: Planned cases that were never executed.
        detail: How the run ended.
        deviations: Deviations of this run.
        outstanding: What stands against acceptance.
        signatures: Performed and reviewed, as far as they are given.
        review_comment: What the reviewer said.
        earlier: Earlier runs of the stage.
    """

    format: Literal["nesqc qualification report v1"] = "nesqc qualification report v1"
    site: SiteLines
    run: RunLine
    release_sha256: str
    protocol: DocumentLine
    protocol_sha256: str
    lines: tuple[StateLine, ...]
    cases: tuple[CaseExecuted, ...]
    without_result: tuple[PlannedCase, ...]
    detail: str
    deviations: tuple[DeviationLine, ...]
    outstanding: tuple[str, ...]
    signatures: tuple[SignatureLine, ...]
    review_comment: str
    earlier: tuple[RunLine, ...]


class DeviationLog(Frozen):
    """Every deviation of every run of a site."""

    format: Literal["nesqc deviation log v1"] = "nesqc deviation log v1"
    site: SiteLines
    made: Instant
    deviations: tuple[DeviationLine, ...]


class ChangeContent(Frozen):
    """A change under change control, with its signatures."""

    format: Literal["nesqc change record v1"] = "nesqc change record v1"
    site: SiteLines
    change: ChangeRecorded
    prepared: SignatureLine
    approved: SignatureLine | None


def content_bytes(content: Frozen) -> bytes:
    """A content as canonical JSON."""
    return canonical_json(content.model_dump(mode="json"))


def site_lines(founded: SiteFounded, origin: str) -> SiteLines:
    """The site."""
    return SiteLines(
        name=founded.name,
        address=founded.address,
        authorisation=founded.authorisation,
        purpose=founded.purpose,
        zone=founded.zone,
        origin=origin,
        software=SOFTWARE,
    )


def signature_line(site: SiteLines, act: str, meaning: Meaning, signed: Signed) -> SignatureLine:
    """A signed act as a line."""
    return SignatureLine(
        act=act,
        person=signed.person,
        name=signed.name,
        role=signed.role,
        meaning=MEANING_SENTENCES[meaning],
        time=instant_of(datetime.fromisoformat(signed.at), site.zone),
        index=signed.index,
        reason=signed.reason,
    )


def document_line(site: SiteLines, document: ValidationDocument) -> DocumentLine:
    """A document as a line."""
    prepared, approved = document.prepared, document.approved
    return DocumentLine(
        number=prepared.document,
        kind=prepared.document_kind,
        title=prepared.title,
        content_sha256=prepared.content_sha256,
        subject_sha256=prepared.subject_sha256,
        prepared=signature_line(site, "Prepared", "prepared", document.by),
        approved=signature_line(site, "Approved", "approved", approved) if approved else None,
        pdf_sha256=document.pdf_sha256,
    )


def deviation_line(site: SiteLines, deviation: Deviation) -> DeviationLine:
    """A deviation as a line."""
    recorded, assessed = deviation.recorded, deviation.assessed
    return DeviationLine(
        number=recorded.deviation,
        run=recorded.run,
        case=recorded.case,
        description=recorded.description,
        impact=recorded.impact,
        recorded=signature_line(site, "Recorded", "performed", deviation.by),
        accepted=deviation.accepted,
        assessed=signature_line(site, "Assessed", "reviewed", assessed) if assessed else None,
    )


def run_line(site: SiteLines, run: Run) -> RunLine:
    """A run as a line; what has no result counts as not executed."""
    verdicts = [case.verdict for case in run.last.values()]
    passed, failed = verdicts.count("passed"), verdicts.count("failed")
    concluded = run.conclusion
    return RunLine(
        run=run.number,
        stage=run.opened.stage,
        opened=instant_of(datetime.fromisoformat(run.by.at), site.zone),
        tester=f"{run.by.name} ({run.by.person})",
        protocol=run.opened.protocol,
        state_sha256=run.opened.state_sha256,
        model_sha256=run.opened.model_sha256,
        cases=run.opened.cases,
        passed=passed,
        failed=failed,
        not_executed=run.opened.cases - passed - failed,
        ending="open" if run.closed is None else run.closed.ending,
        conclusion=concluded.conclusion if concluded else "",
        concluded=signature_line(site, "Approved", "approved", run.approved) if run.approved else None,
        pdf_sha256=concluded.pdf_sha256 if concluded else None,
    )


def run_content(site: SiteLines, validation: Validation, number: str, protocol: ProtocolContent) -> RunContent:
    """What the report of a run says.

    Args:
        site: The site.
        validation: What is known.
        number: The run.
        protocol: The protocol it executed.

    Raises:
        NotFoundError: There is no such run.
    """
    run = validation.run(number)
    signed = ((run.submitted, "Performed", "performed"), (run.reviewed, "Reviewed", "reviewed"))
    return RunContent(
        site=site,
        run=run_line(site, run),
        release_sha256=run.opened.release_sha256,
        protocol=document_line(site, validation.documents[run.opened.protocol]),
        protocol_sha256=run.opened.protocol_sha256,
        lines=run.opened.lines,
        cases=run.cases,
        without_result=tuple(case for case in protocol.cases if case.case not in run.last),
        detail="the run is open" if run.closed is None else run.closed.detail,
        deviations=tuple(deviation_line(site, each) for each in run.deviations),
        outstanding=run.outstanding(),
        signatures=tuple(signature_line(site, act, meaning, by) for by, act, meaning in signed if by),  # type: ignore[arg-type]
        review_comment=run.review_comment,
        earlier=tuple(run_line(site, each) for each in _earlier(validation, run)),
    )


def _earlier(validation: Validation, run: Run) -> Iterable[Run]:
    for each in validation.runs.values():
        if each.number == run.number:
            return
        if each.opened.stage == run.opened.stage:
            yield each


def deviation_log(site: SiteLines, validation: Validation, made: Instant) -> DeviationLog:
    """Every deviation, in the order in which they were recorded."""
    found = sorted(
        (deviation_line(site, each) for run in validation.runs.values() for each in run.deviations),
        key=lambda line: line.number,
    )
    return DeviationLog(site=site, made=made, deviations=tuple(found))


def change_content(site: SiteLines, change: Change) -> ChangeContent:
    """What the record of a change says."""
    return ChangeContent(
        site=site,
        change=change.recorded,
        prepared=signature_line(site, "Prepared", "prepared", change.by),
        approved=signature_line(site, "Approved", "approved", change.approved) if change.approved else None,
    )
