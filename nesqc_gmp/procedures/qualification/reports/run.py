"""The report of one run of a qualification, printed from its content.

What did not pass comes first. A case that was not executed is never counted, worded or coloured as passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nesqc_gmp.procedures.qualification.reports.common import (
    Tone,
    deviation_blocks,
    how_to_check,
    moment,
    numbered,
    run_table,
    signatures,
)
from nesqc_gmp.procedures.qualification.reports.content import RunContent
from nesqc_gmp.records.qualification import CaseExecuted, Conclusion
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.reports.document import Block, Document, Facts, Heading, Paragraph, Table, Tally

STAGES: Final = {
    "IQ": "Installation qualification",
    "OQ": "Operational qualification",
    "PQ": "Performance qualification",
}
_ORDER: Final = {"failed": 0, "not executed": 1, "passed": 2}
_TONES: Final[dict[Conclusion, Tone]] = {
    "accepted": "good",
    "accepted with deviations": "open",
    "not accepted": "bad",
}


def document(content: RunContent, conclusion: Conclusion | None, approval: Statement | None) -> Document:
    """The report.

    Args:
        content: What was done.
        conclusion: What QA concludes; ``None`` where nobody has concluded yet.
        approval: The statement that QA signs; ``None`` for a report that nobody signs.
    """
    run, site = content.run, content.site
    stage = STAGES[run.stage]
    return numbered(
        content,
        site,
        kind=f"{run.stage} report No.",
        number=run.run,
        notes=(f"Protocol {run.protocol}",),
        title=f"{stage}: report",
        subtitle=f"{stage} of the software installed at this site, executed as its approved protocol says",
        conclusion=_conclusion(content, conclusion),
        facts=_facts(content),
        blocks=(
            *_summary(content),
            *signatures(content.signatures, ("Performed", "Reviewed"), approval),
            *_cases_table(content),
            *_deviations(content),
            *_cases(content),
            *_environment(content),
            *_earlier(content),
            *how_to_check(),
        ),
        approval=approval,
    )


def _conclusion(content: RunContent, conclusion: Conclusion | None) -> tuple[str, Tone, tuple[str, ...]]:
    run = content.run
    counted = (
        f"{run.passed} of {run.cases} cases passed, {run.failed} failed, {run.not_executed} were not executed; "
        f"deviations recorded: {len(content.deviations)}."
    )
    scope = (
        "This concludes one qualification of one installed state. Whether the system is fit for its intended use is "
        "the conclusion of the validation summary report, which a person signs."
    )
    if conclusion is None:
        against = "; ".join(content.outstanding)
        stands = f"Against acceptance stands: {against}." if against else "Nothing stands against acceptance."
        return "NOT CONCLUDED", "open", ("Nobody has concluded on this run.", counted, stands, scope)
    sentence = f"The {run.stage} is concluded: {conclusion}."
    return conclusion.upper(), _TONES[conclusion], (sentence, counted, scope)


def _facts(content: RunContent) -> Iterator[tuple[str, str]]:
    run, site, protocol = content.run, content.site, content.protocol
    approved = protocol.approved
    yield "Purpose of the site", site.purpose
    yield "Software", site.software
    yield "Tester", run.tester
    yield "Opened", moment(run.opened)
    by = f", approved by {approved.name} on {moment(approved.time)} (entry {approved.index})" if approved else ""
    yield "Protocol", f"{protocol.number}{by}"
    yield "Origin of the log", site.origin
    yield "Files that were executed, SHA-256", content.protocol_sha256
    yield "Release manifest, SHA-256", content.release_sha256
    yield "Installed state, SHA-256", run.state_sha256
    if run.model_sha256:
        yield "Model package, SHA-256", run.model_sha256


def _summary(content: RunContent) -> Iterator[Block]:
    run = content.run
    yield Tally(run.passed, run.failed, run.not_executed)
    yield Paragraph(f"How the run ended: {run.ending}, {content.detail.removesuffix('.')}.")
    if content.without_result:
        names = ", ".join(case.case for case in content.without_result)
        yield Paragraph(f"Without any result, and so counted as not executed: {names}.")
    if content.review_comment:
        yield Paragraph(f"The reviewer says: {content.review_comment}")


def _executions(content: RunContent) -> list[tuple[CaseExecuted, ...]]:
    """Every execution of each case, cases whose last one did not pass first, then those that failed before."""
    found: dict[str, tuple[CaseExecuted, ...]] = {}
    for case in content.cases:
        found[case.case] = (*found.get(case.case, ()), case)
    return sorted(found.values(), key=lambda done: (_ORDER[done[-1].verdict], len(done) == 1, done[-1].case))


def _cases_table(content: RunContent) -> Iterator[Block]:
    yield Heading("Cases")
    deviations: dict[str, list[str]] = {}
    for line in content.deviations:
        deviations.setdefault(line.case, []).append(line.number)
    rows = []
    for done in _executions(content):
        last, before = done[-1], ", ".join(case.verdict for case in done[:-1])
        numbers = ", ".join(deviations.get(last.case, ()))
        rows.append((last.case, last.title, ", ".join(last.requirements), last.risk, last.verdict, before, numbers))
    rows += [
        (case.case, case.title, ", ".join(case.requirements), case.risk, "not executed", "", "")
        for case in content.without_result
    ]
    rows.sort(key=lambda row: _ORDER[row[4]])
    head = ("Case", "Title", "Requirements", "Risk", "Verdict", "Before that", "Deviation")
    caption = "The verdict is that of the last execution; what earlier ones came to stands beside it. Not passed first."
    yield Table(head, tuple(rows), caption, verdict=4)


def _deviations(content: RunContent) -> Iterator[Block]:
    yield Heading("Deviations")
    if not content.deviations:
        yield Paragraph("None is recorded.")
    yield from deviation_blocks(content.deviations)


def _cases(content: RunContent) -> Iterator[Block]:
    yield Heading("Each case")
    if not content.cases:
        yield Paragraph("No case has a result.")
    for done in _executions(content):
        for number, case in reversed(list(enumerate(done, start=1))):
            which = "execution" if number == len(done) else "earlier execution"
            yield from _case(content, case, f"{which} {number} of {len(done)}")


def _case(content: RunContent, case: CaseExecuted, which: str) -> Iterator[Block]:
    yield Heading(f"{case.case} {case.title}, {which}", 2, verdict=case.verdict)
    rows = [
        ("Requirements", ", ".join(case.requirements) or "none"),
        ("Findings and traps", ", ".join(case.findings) or "none"),
        ("Risk", case.risk),
        ("Prerequisites", case.prerequisites),
        ("Executed", f"{content.run.tester}, {moment(case.started)} to {moment(case.ended)}"),
    ]
    if case.reason:
        rows.append(("Reason", case.reason))
    yield Facts(tuple(rows))
    steps = tuple(
        (str(number), step.do, step.expected, step.actual, step.verdict)
        for number, step in enumerate(case.steps, start=1)
    )
    yield Table(("No.", "Do", "Expected", "Actual", "Verdict"), steps, "", (0,), verdict=4)
    if case.evidence:
        yield Table(("Evidence", "SHA-256"), tuple((each.name, each.sha256) for each in case.evidence))


def _environment(content: RunContent) -> Iterator[Block]:
    yield Heading("Installed state")
    groups: dict[str, list[tuple[str, str]]] = {}
    for line in content.lines:
        groups.setdefault(line.group, []).append((line.name, line.value))
    for group, rows in groups.items():
        yield Heading(group.capitalize(), 2)
        yield Table(("What", "Found"), tuple(rows))


def _earlier(content: RunContent) -> Iterator[Block]:
    yield Heading(f"Earlier runs of the {content.run.stage}")
    if content.earlier:
        yield run_table(content.earlier)
    else:
        yield Paragraph("There is none.")
