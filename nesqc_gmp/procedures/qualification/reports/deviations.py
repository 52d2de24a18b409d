"""The deviation log: every deviation of every run, what it means, and what QA said."""

from __future__ import annotations

from nesqc_gmp.procedures.qualification.reports.common import (
    deviation_blocks,
    how_to_check,
    moment,
    numbered,
    signatures,
)
from nesqc_gmp.procedures.qualification.reports.content import DeviationLog, DocumentLine
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.reports.document import Block, Document, Heading, Paragraph, Table

_STANDINGS = {None: "not assessed", True: "accepted", False: "not accepted"}


def document(line: DocumentLine, content: DeviationLog, approval: Statement | None) -> Document:
    """The log, as of a moment.

    Args:
        line: Number, title and signatures of the document.
        content: What it says.
        approval: The statement that QA signs; ``None`` before.
    """
    lines = content.deviations
    waiting = sum(each.accepted is None for each in lines)
    rows = tuple(
        (each.number, each.run, each.case, each.description, _STANDINGS[each.accepted],
         each.assessed.name if each.assessed else "")
        for each in lines
    )  # fmt: skip
    table: tuple[Block, ...] = (Paragraph("No deviation is recorded."),)
    if rows:
        table = (Table(("Deviation", "Run", "Case", "What happened", "Standing", "Assessed by"), rows),)
    return numbered(
        content,
        content.site,
        kind="Deviation log No.",
        number=line.number,
        notes=(),
        title="Deviation log",
        subtitle=line.title,
        conclusion=(
            "OPEN" if waiting else "NOTHING OPEN",
            "open" if waiting else "good",
            (
                f"{len(lines)} deviations, {waiting} not assessed.",
                "A deviation is recorded by who found it and assessed by QA, never by the same person. A run with a "
                "deviation that is not accepted cannot be accepted.",
            ),
        ),
        facts=(
            ("Purpose of the site", content.site.purpose),
            ("Software", content.site.software),
            ("As of", moment(content.made)),
            ("Deviations", str(len(lines))),
            ("Origin of the log", content.site.origin),
        ),
        blocks=(
            *signatures((line.prepared,), ("Prepared",), approval),
            Heading("Overview"),
            *table,
            *((Heading("Each deviation"), *deviation_blocks(lines)) if lines else ()),
            *how_to_check(),
        ),
        approval=approval,
    )
