"""The traceability matrix as a document for page and screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

import nesqc_gmp
from nesqc_gmp.qualification.clauses import EXECUTED
from nesqc_gmp.qualification.matrix import ClauseRow, Matrix, RequirementRow, Result, SourceRow, Verified
from nesqc_gmp.reports.document import Block, Document, Heading, Paragraph, Table

_NOT_RUN = (
    "No results of a test run or of a qualification are in this matrix: it shows what is linked, not what passed."
)
_NO_TESTS = (
    "No results of a test run are in this matrix: cases show what a qualification found, and a requirement that tests "
    "cite shows as not run."
)


def matrix_document(matrix: Matrix) -> Document:
    """The whole matrix; the same matrix gives the same document."""
    return Document(
        title="Traceability matrix",
        subtitle=f"User requirements of nesqc {nesqc_gmp.__version__}: to clauses, risk, procedures, tests, cases and "
        "last results, and back. Designed to support the clauses named here; whether a site meets them depends on its "
        "validation.",
        mark=_mark(matrix),
        facts=_facts(matrix),
        blocks=tuple(_blocks(matrix)),
    )


def _mark(matrix: Matrix) -> str:
    """What a reader of any page has to know: broken links, else which results are missing."""
    if matrix.problems:
        return f"{len(matrix.problems)} broken links"
    if matrix.results is not None:
        return ""
    return _NOT_RUN if all(row.verified.result == "not run" for row in matrix.cases) else _NO_TESTS


def _facts(matrix: Matrix) -> tuple[tuple[str, str], ...]:
    clauses, results = matrix.trace.clauses, matrix.results
    priorities = Counter(row.requirement.risk.priority for row in matrix.requirements)
    runs = sorted({row.verified.detail for row in matrix.cases if row.verified.detail})
    return (
        ("Map of clauses", f"version {clauses.version} of {clauses.date}. {clauses.note}"),
        (
            "Requirements",
            f"{len(matrix.requirements)}: " + ", ".join(f"{priorities[p]} {p}" for p in ("high", "medium", "low")),
        ),
        ("Results", _counted(row.result for row in matrix.requirements)),
        ("Tests", f"{len(matrix.tests)} cite a requirement: {_counted(row.verified.result for row in matrix.tests)}"),
        ("Cases", _counted(row.verified.result for row in matrix.cases) or "none"),
        ("Test run", f"nesqc {results.software}, ended {results.ended}" if results else "none given"),
        ("Runs of cases", "; ".join(runs) or "none"),
        ("Broken links", str(len(matrix.problems))),
    )


def _blocks(matrix: Matrix) -> Iterator[Block]:
    if matrix.problems:
        yield Heading("Broken links")
        broken = tuple((each.subject, each.what, each.remedy) for each in matrix.problems)
        yield Table(("Where", "What is broken", "What to do"), broken)
    yield Heading("From requirements")
    yield Paragraph(
        "Priority follows from severity, likelihood and detectability (GAMP 5, Appendix M3); high needs a test or case "
        "that attacks. The result is the worst of all tests and cases. What was skipped is no pass."
    )
    for _, rows in groupby(matrix.requirements, key=lambda row: row.place.noun):
        yield from _noun(tuple(rows))
    yield Heading("From clauses")
    for document in matrix.trace.clauses.documents:
        yield Heading(f"{document.title} ({document.status})", 2)
        yield Paragraph(document.note)
        found = [row for row in matrix.clauses if row.clause.document == document.id]
        yield _executed(found) if document.id in EXECUTED else _clauses(found)
    yield Heading("From cases")
    if not matrix.cases:
        yield Paragraph("There are none.")
    for stage, cases in groupby(matrix.cases, key=lambda row: row.verified.kind):
        yield Heading(stage, 2)
        yield _cases(cases)
    yield Heading("From tests")
    yield Paragraph("By folder; the name of a test is its file and its function, without “test_” and with blanks.")
    for folder, tests in groupby(matrix.tests, key=_folder):
        yield Heading(folder, 2)
        yield _tests(tests)


def _folder(row: SourceRow) -> str:
    return row.verified.source.split("::", 1)[0].rpartition("/")[0]


def _name(row: SourceRow) -> str:
    file, function = row.verified.source.split("::", 1)
    words = function.removeprefix("test_").replace("_", " ")
    return f"{file.rpartition('/')[2].removeprefix('test_').removesuffix('.py')}: {words}"


def _noun(rows: tuple[RequirementRow, ...]) -> Iterator[Block]:
    place = rows[0].place
    yield Heading(place.noun.replace("-", " ").capitalize(), 2)
    yield Paragraph(f"Command {place.command}; procedure {place.procedure}; standard operating procedure {place.sop}.")
    yield Table(
        ("Requirement", "The system shall", "Clauses", "Priority", "Tests", "Cases", "Result"),
        tuple(
            (
                row.requirement.id,
                row.requirement.shall.removeprefix("The system shall "),
                " ".join(row.requirement.sources),
                row.requirement.risk.priority,
                _tested(row.tests),
                _executions(row.cases),
                _unbroken(row.result),
            )
            for row in rows
        ),
        verdict=6,
    )


def _tested(tests: tuple[Verified, ...]) -> str:
    """How many, how many of them attack, and their results where these differ."""
    if not tests:
        return "none"
    attacks = sum(each.negative for each in tests)
    mixed = len({each.result for each in tests}) > 1
    results = f": {_counted(each.result for each in tests)}" if mixed else ""
    return f"{len(tests)}, {attacks or 'none'} attacking{results}"


def _executions(cases: tuple[Verified, ...]) -> str:
    mixed = len({each.result for each in cases}) > 1
    return "; ".join(f"{each.source} {each.result}" if mixed else each.source for each in cases) or "none"


def _clauses(rows: Iterable[ClauseRow]) -> Table:
    return Table(
        ("Row", "Clause", "What is asked", "Met", "Requirements", "What is missing; what the site does"),
        tuple(
            (
                row.clause.id,
                row.clause.clause,
                row.clause.asks,
                row.clause.met,
                ", ".join(row.requirements) or "none",
                _left(row),
            )
            for row in rows
        ),
    )


def _left(row: ClauseRow) -> str:
    site = row.clause.site
    parts = (row.clause.lacks, site and f"Site: {site[:1].lower()}{site[1:]}")
    return ". ".join(part for part in parts if part)


def _executed(rows: Iterable[ClauseRow]) -> Table:
    return Table(
        ("Row", "What is asked", "Met", "Requirements", "Executed by", "What is missing; what the site does"),
        tuple(
            (
                row.clause.id,
                row.clause.asks,
                row.clause.met,
                ", ".join(row.requirements) or "none",
                ", ".join(row.cases) or f"not executed: {row.clause.not_executed or 'no case'}",
                _left(row),
            )
            for row in rows
        ),
    )


def _cases(rows: Iterable[SourceRow]) -> Table:
    return Table(
        ("Case", "Requirements", "Findings and traps", "Attacks", "Run", "Result"),
        tuple(
            (
                row.verified.source,
                ", ".join(row.requirements),
                ", ".join(row.findings) or "none",
                _attacks(row),
                row.verified.detail or "none",
                _unbroken(row.verified.result),
            )
            for row in rows
        ),
        verdict=5,
    )


def _tests(rows: Iterable[SourceRow]) -> Table:
    return Table(
        ("Test", "Requirements", "Attacks", "Result", "Runs"),
        tuple(
            (
                _name(row),
                ", ".join(row.requirements),
                _attacks(row),
                _unbroken(row.verified.result),
                row.verified.detail,
            )
            for row in rows
        ),
        verdict=3,
    )


def _unbroken(result: Result) -> str:
    """A result of two words stays on one line."""
    return result.replace("not run", "not\u00a0run")


def _attacks(row: SourceRow) -> str:
    return "yes" if row.verified.negative else "no"


def _counted(results: Iterable[str]) -> str:
    counts = Counter(results)
    return ", ".join(
        f"{counts[name]} {name}" for name in ("passed", "failed", "skipped, not a pass", "not run") if counts[name]
    )
