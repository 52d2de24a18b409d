"""The deviation log: every deviation of every run, what it means, and what QA said."""

from __future__ import annotations

from nesqc_gmp.procedures.qualification.reports.common import deviation_blocks, how_to_check, moment, numbered
from nesqc_gmp.procedures.qualification.reports.content import DeviationLog
from nesqc_gmp.reports.document import Block, Document, Heading, Paragraph, Table

_STANDINGS = {None: "not assessed", True: "accepted", False: "not accepted"}


def document(content: DeviationLog) -> Document:
    """The log, as of a moment; it is a view and nobody signs it."""
    lines = content.deviations
    waiting = sum(line.accepted is None for line in lines)
    rows = tuple(
        (line.number, line.run, line.case, line.description, _STANDINGS[line.accepted],
         line.assessed.name if line.assessed else "")
        for line in lines
    )  # fmt: skip
    table: tuple[Block, ...] = (Paragraph("No deviation is recorded."),)
    if rows:
        table = (Table(("Deviation", "Run", "Case", "What happened", "Standing", "Assessed by"), rows),)
    return numbered(
        content,
        content.site,
        kind="Deviation log",
        number=content.made.local[:10],
        notes=(),
        title="Deviation log",
        subtitle="Every execution of a case of qualification that did not pass, with its assessment",
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
        blocks=(Heading("Overview"), *table, Heading("Each deviation"), *deviation_blocks(lines), *how_to_check())
        if lines
        else (Heading("Overview"), *table, *how_to_check()),
        approval=None,
    )
