"""Lines on how a site stands: people, audit-trail reviews, incidents, changes, the qualified state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nesqc_gmp.procedures.qualification.reports.common import moment
from nesqc_gmp.procedures.qualification.reports.content import DocumentLine
from nesqc_gmp.records.base import Frozen, Instant
from nesqc_gmp.records.qualification import Stage
from nesqc_gmp.reports.document import Block, Facts, Heading, Paragraph, Table

DORMANT_DAYS = 90
"""An account that nobody logged in to for so long is dormant."""


class AccessLine(Frozen):
    """A person and what they may do.

    Attributes:
        roles: Each role with its last day, empty where it has none.
        last_login: ``None`` where there was none.
        dormant: Whether the account is open and was not used for 90 days.
    """

    person: str
    name: str
    standing: str
    roles: tuple[tuple[str, str], ...]
    last_login: Instant | None
    dormant: bool


class AuditReviewLine(Frozen):
    """A review of the audit trail of a batch."""

    batch: str
    reviewer: str
    time: Instant
    first: int
    last: int
    exceptions: int
    acceptable: bool


class IncidentLine(Frozen):
    """An incident; ``assessment`` is ``None`` while nobody has assessed it."""

    incident: str
    kind: str
    detail: str
    batch: str | None
    opened: Instant
    assessment: str | None
    assessed_by: str


class ChangeLine(Frozen):
    """A change in one line."""

    change: str
    kinds: tuple[str, ...]
    description: str
    retest: tuple[Stage, ...]
    recorded: Instant
    approved: bool


class QualifiedLine(Frozen):
    """The state that is qualified.

    Attributes:
        stages: Qualifications approved on it.
        models: Packages whose performance qualification is approved on it, by name and digest.
        verified: When every installed file was last hashed again; ``None`` where it never was.
        differing: Lines that differed then.
    """

    state_sha256: str
    basis: str
    since: Instant
    stages: tuple[Stage, ...]
    models: tuple[tuple[str, str], ...]
    verified: Instant | None
    differing: tuple[str, ...]


def _roles(line: AccessLine) -> str:
    return ", ".join(f"{role} until {day}" if day else role for role, day in line.roles) or "none"


def access_blocks(lines: Iterable[AccessLine], heading: str) -> Iterator[Block]:
    """Who may do what."""
    yield Heading(heading)
    rows = tuple(
        (line.name, line.person, _roles(line),
         line.standing, moment(line.last_login) if line.last_login else "never",
         f"no login for {DORMANT_DAYS} days" if line.dormant else "")
        for line in lines
    )  # fmt: skip
    yield Table(("Name", "Id", "Roles", "Standing", "Last login", "Dormant"), rows)


def audit_review_blocks(lines: tuple[AuditReviewLine, ...], outstanding: tuple[str, ...]) -> Iterator[Block]:
    """Reviews of audit trails, and the batches that wait for one."""
    yield Heading("Reviews of the audit trail")
    if lines:
        rows = tuple(
            (line.batch, line.reviewer, moment(line.time), f"{line.first} to {line.last}", str(line.exceptions),
             "yes" if line.acceptable else "no")
            for line in lines
        )  # fmt: skip
        yield Table(("Batch", "Reviewer", "Signed", "Entries", "Exceptions", "Acceptable"), rows, "", (4,))
    else:
        yield Paragraph("None.")
    waiting = ", ".join(outstanding)
    yield Paragraph(f"Batches that wait for a review: {waiting}." if waiting else "No batch waits for a review.")


def incident_blocks(lines: tuple[IncidentLine, ...]) -> Iterator[Block]:
    """Incidents with their assessments."""
    yield Heading("Incidents")
    if not lines:
        yield Paragraph("None.")
        return
    rows = tuple(
        (line.incident, moment(line.opened), line.kind, line.detail, line.batch or "every batch",
         "NOT ASSESSED" if line.assessment is None else f"{line.assessment} ({line.assessed_by})")
        for line in lines
    )  # fmt: skip
    yield Table(("Incident", "Opened", "Kind", "What was seen", "Touches", "Assessment"), rows)


def change_blocks(lines: tuple[ChangeLine, ...]) -> Iterator[Block]:
    """Changes under change control."""
    yield Heading("Changes")
    if not lines:
        yield Paragraph("None is recorded.")
        return
    rows = tuple(
        (line.change, moment(line.recorded), ", ".join(line.kinds), line.description,
         ", ".join(line.retest) or "nothing", "approved" if line.approved else "NOT APPROVED")
        for line in lines
    )  # fmt: skip
    yield Table(("Change", "Recorded", "Touches", "What and why", "Tested again", "Standing"), rows)


def qualified_blocks(line: QualifiedLine | None) -> Iterator[Block]:
    """The state that is qualified."""
    yield Heading("Qualified state")
    if line is None:
        yield Paragraph("No installed state of this site is qualified.")
        return
    verified = "never"
    if line.verified:
        found = "; ".join(line.differing)
        verified = f"{moment(line.verified)}: {f'differs: {found}' if found else 'nothing differs'}"
    yield Facts(
        (
            ("Installed state, SHA-256", line.state_sha256),
            ("Rests on", f"{line.basis}, {moment(line.since)}"),
            ("Approved on it", ", ".join(line.stages) or "nothing"),
            ("Every installed file hashed again", verified),
        )
    )
    if line.models:
        caption = "Models whose performance qualification is approved on this state"
        yield Table(("Model", "Package, SHA-256"), line.models, caption)


def document_blocks(lines: tuple[DocumentLine, ...]) -> Iterator[Block]:
    """Documents with their signatures."""
    yield Heading("Documents")
    if not lines:
        yield Paragraph("None.")
        return
    rows = tuple(
        (line.number, line.kind, line.title, f"{line.prepared.name}, {moment(line.prepared.time)}",
         f"{line.approved.name}, {moment(line.approved.time)}" if line.approved else "NOT APPROVED",
         line.content_sha256[:16])
        for line in lines
    )  # fmt: skip
    yield Table(("Number", "Kind", "Title", "Prepared", "Approved", "Content"), rows,
                "The first 16 digits of the SHA-256 of the content; all of it stands in record.json.")  # fmt: skip
