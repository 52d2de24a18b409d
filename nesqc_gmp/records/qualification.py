"""Records of validation: documents, runs of qualification with every case, deviations, changes, periodic reviews.

A run and a document are records with a number; what they say is content, so a signature on them covers exactly what
was there, and a case or deviation entered later unsigns them. Large evidence (transcripts, files) lies in the object
store and is named by digest.
"""

from __future__ import annotations

from typing import Literal

from nesqc_gmp.records.base import Frozen, Identifier, Instant, Line, Sha256, Text
from nesqc_gmp.records.signatures import ElectronicSignature

Stage = Literal["IQ", "OQ", "PQ"]
"""Installation, operational and performance qualification."""

CaseVerdict = Literal["passed", "failed", "not executed"]
"""What became of a case; one that was not executed is not passed."""

RunEnding = Literal["completed", "aborted", "failed"]

Priority = Literal["high", "medium", "low"]

DocumentKind = Literal[
    "validation plan", "IQ protocol", "OQ protocol", "PQ protocol", "deviation log", "summary report"
]

Conclusion = Literal["accepted", "accepted with deviations", "not accepted"]

ChangeKind = Literal[
    "software",
    "runtime library",
    "operating system or processor",
    "model",
    "specification or threshold",
    "preprocessing",
    "microscope or objective",
    "medium or vessel",
    "site configuration",
    "procedure",
]
"""What a change touches (EU GMP Annex 22 draft 10.1 names model, system, process and physical inputs)."""


class StateLine(Frozen):
    """One line of the installed state.

    Attributes:
        group: What it belongs to, such as ``dependencies``.
        name: What was looked at.
        value: What was found; a version, a digest, a mode.
    """

    group: Line
    name: Line
    value: Line


class StepResult(Frozen):
    """One step of a case: what was done, what had to be seen, what was seen."""

    do: Text
    expected: Text
    actual: Text
    verdict: CaseVerdict


class Evidence(Frozen):
    """A file kept as evidence."""

    name: Line
    sha256: Sha256


class QualificationOpened(Frozen):
    """A run begins; recorded before the first case.

    Attributes:
        run: Number, such as ``OQ-0001``.
        stage: Which qualification.
        protocol: Number of the approved protocol.
        protocol_sha256: Digest of the protocol that is executed; the one that was approved.
        release_sha256: Digest of the release manifest.
        lines: The installed state.
        state_sha256: Digest of the lines that are the qualified state.
        model_sha256: The package that a PQ is of.
        cases: How many cases there are to execute.
        process: The process that executes it; a run whose process is gone was aborted.
    """

    kind: Literal["qualification_opened"] = "qualification_opened"
    run: Identifier
    stage: Stage
    protocol: Identifier
    protocol_sha256: Sha256
    release_sha256: Sha256
    lines: tuple[StateLine, ...]
    state_sha256: Sha256
    model_sha256: Sha256 | None
    cases: int
    process: Text


class CaseExecuted(Frozen):
    """One case was executed, or why it was not."""

    kind: Literal["case_executed"] = "case_executed"
    run: Identifier
    case: Identifier
    title: Line
    requirements: tuple[Identifier, ...]
    findings: tuple[Identifier, ...]
    risk: Priority
    prerequisites: Text
    steps: tuple[StepResult, ...]
    verdict: CaseVerdict
    reason: Text | None
    evidence: tuple[Evidence, ...]
    started: Instant
    ended: Instant


class QualificationClosed(Frozen):
    """A run ended. ``completed`` says that every case was gone through, not that it passed."""

    kind: Literal["qualification_closed"] = "qualification_closed"
    run: Identifier
    ending: RunEnding
    passed: int
    failed: int
    not_executed: int
    detail: Text


class DeviationRecorded(Frozen):
    """A case did not go as expected (EU GMP Annex 15 cl. 2.8; Annex 11 cl. 4.2).

    Attributes:
        deviation: Number, such as ``DV-0001``.
        run: The run.
        case: The case.
        description: What happened.
        impact: What it means for the use of the software.
    """

    kind: Literal["deviation_recorded"] = "deviation_recorded"
    deviation: Identifier
    run: Identifier
    case: Identifier
    description: Line
    impact: Line


class DeviationAssessed(Frozen):
    """QA assessed a deviation; the reason is the assessment."""

    kind: Literal["deviation_assessed"] = "deviation_assessed"
    deviation: Identifier
    run: Identifier
    accepted: bool
    signature: ElectronicSignature


class QualificationSubmitted(Frozen):
    """The tester signs that the run is complete."""

    kind: Literal["qualification_submitted"] = "qualification_submitted"
    run: Identifier
    signature: ElectronicSignature


class QualificationReviewed(Frozen):
    """A second person signs that the run was reviewed."""

    kind: Literal["qualification_reviewed"] = "qualification_reviewed"
    run: Identifier
    comment: Line
    signature: ElectronicSignature


class QualificationApproved(Frozen):
    """QA concludes on a run; the signed report is a file in the object store."""

    kind: Literal["qualification_approved"] = "qualification_approved"
    run: Identifier
    conclusion: Conclusion
    content_sha256: Sha256
    pdf_sha256: Sha256
    signature: ElectronicSignature


class DocumentPrepared(Frozen):
    """A document was written and is signed by who wrote it.

    Attributes:
        document: Number, such as ``VP-0001``.
        document_kind: What it is.
        title: Its title.
        content_sha256: Digest of its content, canonical JSON in the object store.
        subject_sha256: Digest of what a protocol executes; of a plan or a summary report, of its content.
    """

    kind: Literal["document_prepared"] = "document_prepared"
    document: Identifier
    document_kind: DocumentKind
    title: Line
    content_sha256: Sha256
    subject_sha256: Sha256
    signature: ElectronicSignature


class DocumentApproved(Frozen):
    """QA approves a document; the signed file is in the object store."""

    kind: Literal["document_approved"] = "document_approved"
    document: Identifier
    pdf_sha256: Sha256
    signature: ElectronicSignature


class StateDifference(Frozen):
    """One line of the installed state that a change alters; a line that is new or gone has an empty side."""

    group: Line
    name: Line
    before: Line | None
    after: Line | None


class ChangeRecorded(Frozen):
    """A change under change control (EU GMP Annex 11 cl. 10; Annex 22 draft 10.1).

    Attributes:
        change: Number, such as ``CC-0001``.
        kinds: What it touches.
        description: What is changed, and why.
        impact: What it may do to results and records.
        differences: The lines of the installed state that differ from the qualified one.
        from_sha256: The qualified state before it; ``None`` for a change that no line of the state shows.
        to_sha256: The state after it.
        lines: The state after it, line by line.
        retest: Which qualifications are repeated before use.
        retest_reason: Why these, and why not the others.
    """

    kind: Literal["change_recorded"] = "change_recorded"
    change: Identifier
    kinds: tuple[ChangeKind, ...]
    description: Line
    impact: Line
    differences: tuple[StateDifference, ...]
    from_sha256: Sha256
    to_sha256: Sha256
    lines: tuple[StateLine, ...]
    retest: tuple[Stage, ...]
    retest_reason: Line
    signature: ElectronicSignature


class ChangeApproved(Frozen):
    """QA approves a change."""

    kind: Literal["change_approved"] = "change_approved"
    change: Identifier
    signature: ElectronicSignature


class InstallationVerified(Frozen):
    """Every installed file was hashed again; the system does it on a schedule.

    Attributes:
        state_sha256: The state that was found.
        differing: Names of the lines that differ from the qualified state; empty where none does.
    """

    kind: Literal["installation_verified"] = "installation_verified"
    state_sha256: Sha256
    differing: tuple[Line, ...]


class PeriodicReviewSigned(Frozen):
    """A periodic review of the validated state (EU GMP Annex 11 cl. 11).

    Attributes:
        review: Number, such as ``PR-0001``.
        since: First day that was looked at.
        until: Last day.
        conclusion: Whether the system remains in its validated state.
        content_sha256: Digest of the report's content.
        pdf_sha256: Digest of the signed report.
    """

    kind: Literal["periodic_review_signed"] = "periodic_review_signed"
    review: Identifier
    since: Line
    until: Line
    remains_valid: bool
    conclusion: Line
    content_sha256: Sha256
    pdf_sha256: Sha256
    signature: ElectronicSignature


class PlannedStep(Frozen):
    """One step of a case as it is planned: what is done, and what has to be seen."""

    do: Text
    expected: Text


class PlannedCase(Frozen):
    """One case of a protocol before it is executed."""

    case: Identifier
    title: Line
    requirements: tuple[Identifier, ...]
    findings: tuple[Identifier, ...]
    risk: Priority
    prerequisites: Text
    steps: tuple[PlannedStep, ...]


class ProtocolContent(Frozen):
    """What a protocol says; the content of its document.

    Attributes:
        stage: Which qualification.
        files: Name and digest of every file that is executed.
        cases: Every case.
        release_key: Of an IQ: the key of the releases as the site received it another way; else ``None``.
    """

    stage: Stage
    files: tuple[Evidence, ...]
    cases: tuple[PlannedCase, ...]
    release_key: Line | None = None
