"""A protocol before it is executed: every case with its steps and what has to be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nesqc_gmp.procedures.qualification.reports.common import how_to_check, numbered, signatures
from nesqc_gmp.procedures.qualification.reports.content import DocumentLine, SiteLines
from nesqc_gmp.procedures.qualification.reports.run import STAGES
from nesqc_gmp.records.qualification import ProtocolContent
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.reports.document import Block, Document, Facts, Heading, Paragraph, Table


def document(site: SiteLines, line: DocumentLine, content: ProtocolContent, approval: Statement | None) -> Document:
    """The protocol.

    Args:
        site: The site.
        line: Number, title and signatures of the document.
        content: Its cases.
        approval: The statement that QA signs; ``None`` before.
    """
    stage = STAGES[content.stage]
    word = "APPROVED" if approval else "NOT APPROVED"
    sentences = (
        f"{len(content.cases)} cases, approved before they are executed."
        if approval
        else f"{len(content.cases)} cases, not approved: nothing may be executed by this protocol yet.",
        "A case passes only when every step was done and its expected result was seen. What was not done counts as not "
        "executed, never as passed. A case that did not pass needs a deviation that QA assesses. Results are recorded "
        "as they arise, and no run is ever deleted.",
        "The approval covers the files named below, by digest. Another file needs another protocol.",
    )
    return numbered(
        content,
        site,
        kind=f"{content.stage} protocol No.",
        number=line.number,
        notes=(),
        title=f"{stage}: protocol",
        subtitle=line.title,
        conclusion=(word, "good" if approval else "open", sentences),
        facts=(
            ("Purpose of the site", site.purpose),
            ("Software", site.software),
            ("Cases", str(len(content.cases))),
            ("Files", str(len(content.files))),
            ("Files that are executed, SHA-256", line.subject_sha256),
            ("Origin of the log", site.origin),
        ),
        blocks=(
            *signatures((line.prepared,), ("Prepared",), approval),
            *_overview(content),
            *_cases(content),
            *_files(content),
            *how_to_check(),
        ),
        approval=approval,
    )


def _overview(content: ProtocolContent) -> Iterator[Block]:
    yield Heading("Cases")
    counts = Counter(case.risk for case in content.cases)
    words = ", ".join(f"{counts[risk]} of {risk} risk" for risk in ("high", "medium", "low"))
    yield Paragraph(f"{words}. Functions of high risk are attacked as well as used.")
    rows = tuple(
        (case.case, case.title, ", ".join(case.requirements), ", ".join(case.findings), case.risk, str(len(case.steps)))
        for case in content.cases
    )
    yield Table(("Case", "Title", "Requirements", "Findings and traps", "Risk", "Steps"), rows, "", (5,))


def _cases(content: ProtocolContent) -> Iterator[Block]:
    yield Heading("Each case")
    for case in content.cases:
        yield Heading(f"{case.case} {case.title}", 2)
        yield Facts(
            (
                ("Requirements", ", ".join(case.requirements) or "none"),
                ("Findings and traps", ", ".join(case.findings) or "none"),
                ("Risk", case.risk),
                ("Prerequisites", case.prerequisites),
            )
        )
        steps = tuple((str(number), step.do, step.expected) for number, step in enumerate(case.steps, start=1))
        yield Table(("No.", "Do", "Expected"), steps, "", (0,))


def _files(content: ProtocolContent) -> Iterator[Block]:
    yield Heading("Files that are executed")
    yield Table(("File", "SHA-256"), tuple((each.name, each.sha256) for each in content.files))
