"""The traceability matrix: every link in both directions, with the last result of each test and case.

Results come from two places: the file that the test run of a release writes (``pytest --requirement-results FILE``),
and the last run of each case on a site. What was not run says so; what was skipped is no pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import ValidationError

import nesqc_gmp
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.qualification.citations import Citation, FoundCase
from nesqc_gmp.qualification.clauses import Clause
from nesqc_gmp.qualification.requirements import Requirement
from nesqc_gmp.qualification.traceability import Problem, Trace, problems
from nesqc_gmp.records.base import Frozen
from nesqc_gmp.records.qualification import CaseVerdict

FORMAT: Final = "nesqc-traceability-matrix/1"

Result: TypeAlias = Literal["failed", "not run", "skipped, not a pass", "passed"]
"""What became of a test, a case, or all that verify a requirement."""

_WORST_FIRST: Final[tuple[Result, ...]] = ("failed", "not run", "skipped, not a pass", "passed")
_OF_OUTCOME: Final[dict[str, Result]] = {"failed": "failed", "skipped": "skipped, not a pass", "passed": "passed"}
_OF_VERDICT: Final[dict[CaseVerdict, Result]] = {"failed": "failed", "not executed": "not run", "passed": "passed"}


class Outcome(Frozen):
    """What became of one test, with its parameters."""

    test: str
    requirements: tuple[str, ...]
    outcome: Literal["passed", "skipped", "failed"]


class Results(Frozen):
    """The file that a test run writes.

    Attributes:
        format: Its form.
        software: The version that was tested.
        ended: When the run ended, UTC.
        tests: Every test that cites a requirement and was run.
    """

    format: Literal["nesqc-requirement-results/1"]
    software: str
    ended: str
    tests: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The last execution of a case: verdict, number of the run, and day."""

    verdict: CaseVerdict
    run: str
    date: str


@dataclass(frozen=True, slots=True)
class Verified:
    """One test or case with its last result, and in which run or how many parameters."""

    source: str
    kind: str
    negative: bool
    result: Result
    detail: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a noun is found: command, procedure and standard operating procedure."""

    noun: str
    command: str
    procedure: str
    sop: str


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """A requirement with all that leads to it and all that verifies it."""

    requirement: Requirement
    place: Place
    tests: tuple[Verified, ...]
    cases: tuple[Verified, ...]

    @property
    def result(self) -> Result:
        """The worst of all results."""
        return worst(each.result for each in (*self.tests, *self.cases))


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A test or case with the requirements it cites."""

    verified: Verified
    requirements: tuple[str, ...]
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """A clause with the requirements that cover it and the cases that execute it."""

    clause: Clause
    requirements: tuple[str, ...]
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every link in both directions.

    Attributes:
        trace: What is linked.
        problems: Links that are broken.
        results: The test run whose results are in it; ``None`` without one.
        requirements: By requirement.
        tests: By test.
        cases: By case.
        clauses: By clause.
    """

    trace: Trace
    problems: tuple[Problem, ...]
    results: Results | None
    requirements: tuple[RequirementRow, ...]
    tests: tuple[SourceRow, ...]
    cases: tuple[SourceRow, ...]
    clauses: tuple[ClauseRow, ...]


def worst(results: Iterable[Result]) -> Result:
    """The worst of several results; without any, nothing was run."""
    return min(results, key=_WORST_FIRST.index, default="not run")


def read_results(file: Path) -> Results:
    """The results of a test run.

    Raises:
        InvalidInputError: The file cannot be read or is no such file.
    """
    try:
        return Results.model_validate_json(read_given_file(file))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise InvalidInputError(
            f"this is no file of results: {field}: {first['msg']}", where=str(file),
            remedy="Write it with `pytest --requirement-results FILE`.",
        ) from error  # fmt: skip


def executed_cases(session: Session) -> dict[str, CaseResult]:
    """The last execution of each case on a site; a later run counts, also where it is the worse one.

    Raises:
        NotAuthorisedError: The roles of the person do not allow to see it.
    """
    with session.viewing("qualify.status") as reader:
        runs = load_validation(reader).runs.values()
    return {
        case.case: CaseResult(case.verdict, run.number, case.ended.local[:10]) for run in runs for case in run.cases
    }


def build_matrix(trace: Trace, release: Path, results: Results | None, executed: Mapping[str, CaseResult]) -> Matrix:
    """Join links and results.

    Args:
        trace: What is linked.
        release: The folder of the release, in which commands, procedures and documents lie.
        results: The test run; ``None`` without one.
        executed: The last execution of each case, by its id.
    """
    outcomes = _by_test(results)
    tests = {each.source: _test(each, outcomes.get(each.source, ())) for each in trace.marks}
    cases = {found.case.id: _case(found, executed.get(found.case.id)) for found in trace.cases}
    places = {noun: _place(noun, release) for noun in sorted({each.noun for each in trace.requirements})}
    return Matrix(
        trace=trace,
        problems=tuple(problems(trace)),
        results=results,
        requirements=tuple(
            _requirement_row(each, places[each.noun], trace, tests, cases) for each in trace.requirements
        ),
        tests=tuple(
            SourceRow(verified, tuple(sorted({each.requirement for each in trace.marks if each.source == source})))
            for source, verified in sorted(tests.items())
        ),
        cases=tuple(
            SourceRow(cases[found.case.id], found.case.requirements, found.case.findings) for found in trace.cases
        ),
        clauses=tuple(
            ClauseRow(
                clause,
                tuple(each.id for each in trace.by_clause[clause.id]),
                tuple(found.case.id for found in trace.executing(clause)),
            )
            for clause in trace.clauses.clauses
        ),
    )


def _requirement_row(
    requirement: Requirement, place: Place, trace: Trace, tests: Mapping[str, Verified], cases: Mapping[str, Verified]
) -> RequirementRow:
    citations = trace.by_requirement[requirement.id]
    return RequirementRow(
        requirement,
        place,
        _cited(citations, tests, "test"),
        tuple(each for kind in ("IQ", "OQ", "PQ") for each in _cited(citations, cases, kind)),
    )


def _cited(citations: tuple[Citation, ...], known: Mapping[str, Verified], kind: str) -> tuple[Verified, ...]:
    """Each source once; it attacks for this requirement where its mark for it says so."""
    attacking = {each.source for each in citations if each.kind == kind and each.negative}
    sources = dict.fromkeys(each.source for each in citations if each.kind == kind)
    return tuple(
        Verified(source, kind, source in attacking, known[source].result, known[source].detail) for source in sources
    )


def _by_test(results: Results | None) -> dict[str, tuple[str, ...]]:
    """Outcomes by test, those of all its parameters together."""
    found: dict[str, tuple[str, ...]] = {}
    for each in results.tests if results else ():
        name = each.test.split("[", 1)[0]
        found[name] = (*found.get(name, ()), each.outcome)
    return found


def _test(citation: Citation, outcomes: tuple[str, ...]) -> Verified:
    counted = [(outcome, outcomes.count(outcome)) for outcome in ("passed", "failed", "skipped")]
    detail = ", ".join(f"{count} {outcome}" for outcome, count in counted if count) if len(outcomes) > 1 else ""
    result = worst(_OF_OUTCOME[outcome] for outcome in outcomes)
    return Verified(citation.source, "test", citation.negative, result, detail)


def _case(found: FoundCase, executed: CaseResult | None) -> Verified:
    result: Result = _OF_VERDICT[executed.verdict] if executed else "not run"
    detail = f"{executed.run}, {executed.date}" if executed else ""
    return Verified(found.case.id, found.stage, found.case.negative, result, detail)


def _place(noun: str, release: Path) -> Place:
    """By the one name that a subject has everywhere (sops/README.md)."""
    name = "qualification" if noun == "qualify" else noun.replace("-", "_")
    rooms = (f"nesqc_gmp/procedures/{name}/", f"nesqc_gmp/procedures/{name}.py")
    procedures = [room for room in rooms if (release / room).exists()]
    sops = sorted(file.stem for file in (release / "sops").glob(f"SOP-*-{noun}.md"))
    return Place(noun, f"nesqc {noun}", ", ".join(procedures) or "none", ", ".join(sops) or "none")


def matrix_content(matrix: Matrix) -> dict[str, Any]:
    """The matrix as JSON values."""
    clauses = matrix.trace.clauses
    status = {each.id: each for each in clauses.documents}
    return {
        "format": FORMAT,
        "software": nesqc_gmp.__version__,
        "clause_map": {"version": clauses.version, "date": clauses.date, "note": clauses.note},
        "test_run": {"software": matrix.results.software, "ended": matrix.results.ended} if matrix.results else None,
        "problems": [str(each) for each in matrix.problems],
        "requirements": [
            {
                **row.requirement.model_dump(mode="json"),
                "fingerprint": row.requirement.fingerprint,
                "priority": row.requirement.risk.priority,
                "command": row.place.command,
                "procedure": row.place.procedure,
                "sop": row.place.sop,
                "tests": [_verified(each) for each in row.tests],
                "cases": [_verified(each) for each in row.cases],
                "result": row.result,
            }
            for row in matrix.requirements
        ],
        "tests": [{**_verified(row.verified), "requirements": row.requirements} for row in matrix.tests],
        "cases": [
            {**_verified(row.verified), "requirements": row.requirements, "findings": row.findings}
            for row in matrix.cases
        ],
        "clauses": [
            {
                **row.clause.model_dump(mode="json"),
                "document_title": status[row.clause.document].title,
                "document_status": status[row.clause.document].status,
                "requirements": row.requirements,
                "cases": row.cases,
            }
            for row in matrix.clauses
        ],
    }


def _verified(each: Verified) -> dict[str, Any]:
    return {
        "source": each.source,
        "kind": each.kind,
        "attacks": each.negative,
        "result": each.result,
        "in": each.detail,
    }
