"""The validation summary report: assembled from the live system, concluded by a person (PIC/S PI 041 9.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from nesqc_gmp.procedures.qualification.reports.common import (
    deviation_blocks,
    how_to_check,
    moment,
    numbered,
    numbered_points,
    run_table,
    signatures,
)
from nesqc_gmp.procedures.qualification.reports.content import DeviationLine, DocumentLine, RunLine, SiteLines
from nesqc_gmp.procedures.qualification.reports.standing import (
    AccessLine,
    AuditReviewLine,
    ChangeLine,
    IncidentLine,
    QualifiedLine,
    access_blocks,
    audit_review_blocks,
    change_blocks,
    document_blocks,
    incident_blocks,
    qualified_blocks,
)
from nesqc_gmp.records.base import Frozen, Instant
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.reports.document import Block, Document, Facts, Heading, Paragraph, Table


class ProcedureLine(Frozen):
    """A procedure that the site works by."""

    number: str
    title: str
    sha256: str


class SummaryContent(Frozen):
    """What the report says.

    Attributes:
        made: When it was assembled.
        fit: Whether its author concludes that the system is fit for its intended use.
        conclusion: Why.
        open_points: What is still to be done: found by the software, then named by the author.
        size: Size of the log it was assembled from.
        root: Root hash at that size, Base64.
        qualified: The qualified state.
        roles: Each role with its rights.
        exclusions: Roles that one person never holds together.
        waiting: Batches that wait for a review of their audit trail.
        traceability: Facts of the matrix from requirements to results.
        clauses: Documents of the clause map with their status.
    """

    format: Literal["nesqc validation summary report v1"] = "nesqc validation summary report v1"
    site: SiteLines
    made: Instant
    fit: bool
    conclusion: str
    open_points: tuple[str, ...]
    size: int
    root: str
    qualified: QualifiedLine | None
    documents: tuple[DocumentLine, ...]
    runs: tuple[RunLine, ...]
    deviations: tuple[DeviationLine, ...]
    changes: tuple[ChangeLine, ...]
    incidents: tuple[IncidentLine, ...]
    access: tuple[AccessLine, ...]
    roles: tuple[tuple[str, str], ...]
    exclusions: tuple[str, ...]
    audit_reviews: tuple[AuditReviewLine, ...]
    waiting: tuple[str, ...]
    procedures: tuple[ProcedureLine, ...]
    traceability: tuple[tuple[str, str], ...]
    clauses: tuple[tuple[str, str], ...]


def document(line: DocumentLine, content: SummaryContent, approval: Statement | None) -> Document:
    """The report.

    Args:
        line: Number, title and signatures of the document.
        content: What it says.
        approval: The statement that QA signs; ``None`` before.
    """
    site = content.site
    fit = "fit for its intended use" if content.fit else "NOT fit for its intended use"
    who, standing = ("QA concludes", "") if approval else ("The author concludes", "; QA has not approved it")
    points = len(content.open_points)
    tone: Literal["good", "bad", "open"] = "bad" if not content.fit else "good" if approval and not points else "open"
    word = "NOT FIT FOR USE" if not content.fit else "FIT, WITH OPEN POINTS" if points else "FIT FOR USE"
    return numbered(
        content,
        site,
        kind="Summary report No.",
        number=line.number,
        notes=(),
        title="Validation summary report",
        subtitle=line.title,
        conclusion=(
            word if approval else "NOT APPROVED",
            tone,
            (
                f"{who} that the system is {fit}, with {points} open points{standing}.",
                f"Why: {content.conclusion}",
                "The conclusion holds for the installed state, the documents and the people named here. It is the "
                "site's, not the software's, and it does not claim that any rule is met.",
            ),
        ),
        facts=(
            ("Purpose of the site", site.purpose),
            ("Software", site.software),
            ("Assembled", moment(content.made)),
            ("Entries of the log", str(content.size)),
            ("Root hash of the log", content.root),
            ("Origin of the log", site.origin),
        ),
        blocks=(
            *signatures((line.prepared,), ("Prepared",), approval),
            *numbered_points("Open points", content.open_points, "None."),
            *qualified_blocks(content.qualified),
            *document_blocks(content.documents),
            *_runs(content),
            *_deviations(content),
            *change_blocks(content.changes),
            *_traceability(content),
            *access_blocks(content.access, "Approved users and their roles"),
            *_roles(content),
            *audit_review_blocks(content.audit_reviews, content.waiting),
            *incident_blocks(content.incidents),
            *_procedures(content),
            *_clauses(content),
            *how_to_check(),
        ),
        approval=approval,
    )


def _runs(content: SummaryContent) -> Iterator[Block]:
    yield Heading("Runs of qualification")
    yield run_table(content.runs) if content.runs else Paragraph("None.")


def _deviations(content: SummaryContent) -> Iterator[Block]:
    yield Heading("Deviations")
    if not content.deviations:
        yield Paragraph("None is recorded.")
    yield from deviation_blocks(content.deviations)


def _traceability(content: SummaryContent) -> Iterator[Block]:
    yield Heading("Traceability")
    if content.traceability:
        yield Facts(content.traceability)
    else:
        yield Paragraph("No matrix was given to this report.")


def _roles(content: SummaryContent) -> Iterator[Block]:
    yield Heading("Rights of the roles")
    yield Table(("Role", "May"), content.roles)
    yield Paragraph(f"Never held together by one person: {'; '.join(content.exclusions)}.")


def _procedures(content: SummaryContent) -> Iterator[Block]:
    yield Heading("Procedures")
    if content.procedures:
        yield Table(("Number", "Title", "SHA-256"), tuple((p.number, p.title, p.sha256) for p in content.procedures))
    else:
        yield Paragraph("No procedure was given to this report.")


def _clauses(content: SummaryContent) -> Iterator[Block]:
    yield Heading("Rules and guides the system was designed against")
    if content.clauses:
        yield Table(("Document", "Status when the map was made"), content.clauses)
    else:
        yield Paragraph("No map of clauses was given to this report.")
