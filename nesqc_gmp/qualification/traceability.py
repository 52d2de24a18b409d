"""Traceability in both directions, and every place where it is broken.

The build fails where this finds something (``tests/qualification/test_traceability.py``): EU GMP Annex 11 (2011) 4.4
asks for user requirements that are traceable throughout the life cycle. Nothing here runs a test; whether one passed
is asked by the matrix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from nesqc_gmp.errors import NotFoundError
from nesqc_gmp.qualification.citations import Citation, FoundCase, read_cases, read_marks
from nesqc_gmp.qualification.clauses import EXECUTED, Clause, ClauseMap, read_clauses
from nesqc_gmp.qualification.requirements import Requirement, read_requirements

TESTS: Final = "tests"


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken link: what it is about, what is wrong, and what to do."""

    subject: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}. {self.remedy}"


@dataclass(frozen=True)
class Trace:
    """Everything that is linked.

    Attributes:
        clauses: The map of clauses.
        requirements: The requirements, by id.
        cases: The cases of the protocols.
        marks: The citations by tests.
    """

    clauses: ClauseMap
    requirements: tuple[Requirement, ...]
    cases: tuple[FoundCase, ...]
    marks: tuple[Citation, ...]

    @cached_property
    def citations(self) -> tuple[Citation, ...]:
        """Citations by tests and cases."""
        return (*self.marks, *(citation for case in self.cases for citation in case.citations))

    @cached_property
    def by_requirement(self) -> Mapping[str, tuple[Citation, ...]]:
        """The citations of each requirement."""
        return {
            each.id: tuple(citation for citation in self.citations if citation.requirement == each.id)
            for each in self.requirements
        }

    @cached_property
    def by_clause(self) -> Mapping[str, tuple[Requirement, ...]]:
        """The requirements that name each clause."""
        return {
            clause.id: tuple(each for each in self.requirements if clause.id in each.sources)
            for clause in self.clauses.clauses
        }

    def executing(self, clause: Clause) -> tuple[FoundCase, ...]:
        """The cases that execute a finding or trap."""
        return tuple(each for each in self.cases if clause.id in each.case.findings)


def read_trace(validation: Path) -> Trace:
    """Read everything that is linked; tests lie beside the validation folder.

    Raises:
        NotFoundError: Tests or requirements are not there.
        InvalidInputError: A file or a mark is wrong.
    """
    tests = validation.resolve().parent / TESTS
    if not tests.is_dir():
        raise NotFoundError(
            "there are no tests beside the validation folder",
            where=str(tests),
            remedy="Work in a clone of the project.",
        )
    return Trace(read_clauses(validation), read_requirements(validation), read_cases(validation), read_marks(tests))


def problems(trace: Trace) -> Iterator[Problem]:
    """Every broken link."""
    yield from _broken_citations(trace)
    yield from _broken_cases(trace)
    for requirement in trace.requirements:
        yield from _broken_requirement(requirement, trace)
    for clause in trace.clauses.clauses:
        yield from _broken_clause(clause, trace)


def _broken_citations(trace: Trace) -> Iterator[Problem]:
    known = {each.id: each for each in trace.requirements}
    for citation in trace.citations:
        subject = f"{citation.source} ({citation.place})"
        requirement = known.get(citation.requirement)
        if requirement is None:
            yield Problem(subject, f"there is no requirement {citation.requirement}", "Correct the id.")
        elif citation.reviewed is None:
            yield Problem(
                subject, f"{requirement.id} is cited without the fingerprint of what was reviewed",
                f"Compare both, then write {requirement.fingerprint} beside it.",
            )  # fmt: skip
        elif citation.reviewed != requirement.fingerprint:
            yield Problem(
                subject, f"{requirement.id} was changed after it was compared with this",
                f"Compare them again, then write {requirement.fingerprint} instead of {citation.reviewed}.",
            )  # fmt: skip


def _broken_cases(trace: Trace) -> Iterator[Problem]:
    rows = {clause.id for clause in trace.clauses.clauses}
    for found in trace.cases:
        for finding in sorted(set(found.case.findings) - rows):
            yield Problem(
                f"{found.case.id} ({found.place})", f"there is no row {finding} in the map of clauses",
                "Correct the id.",
            )  # fmt: skip
        for requirement_id in sorted(set(found.case.reviewed) - set(found.case.requirements)):
            yield Problem(
                f"{found.case.id} ({found.place})", f"reviewed names {requirement_id}, which the case does not cite",
                "Cite it, or take it out.",
            )  # fmt: skip
        if not found.case.requirements:
            yield Problem(f"{found.case.id} ({found.place})", "the case cites no requirement", "Cite what it shows.")
    for case, times in Counter(found.case.id for found in trace.cases).items():
        if times > 1:
            places = ", ".join(found.place for found in trace.cases if found.case.id == case)
            yield Problem(case, f"the id stands in {places}", "Give each case a number of its own.")


def _broken_requirement(requirement: Requirement, trace: Trace) -> Iterator[Problem]:
    if requirement.reviewed != requirement.fingerprint:
        yield Problem(
            requirement.id, "its text is not the one that was reviewed",
            f"Read it, then accept it with `python validation/review.py {requirement.id} --accept`.",
        )  # fmt: skip
    known = {clause.id: clause for clause in trace.clauses.clauses}
    for source in requirement.sources:
        if source not in known:
            yield Problem(requirement.id, f"there is no source {source} in the map of clauses", "Correct the source.")
        elif not known[source].needs_requirement:
            yield Problem(
                requirement.id, f"its source {source} is one that the software does not meet",
                "Correct `met` in the map of clauses, or take the source out.",
            )  # fmt: skip
    citations = trace.by_requirement[requirement.id]
    if not citations:
        yield Problem(requirement.id, "no test and no case cites it", "Write a test, and mark it.")
    elif requirement.risk.priority == "high" and not any(citation.negative for citation in citations):
        yield Problem(
            requirement.id, "its priority is high and no test or case attacks it",
            "Write one that does, and mark it negative.",
        )  # fmt: skip


def _broken_clause(clause: Clause, trace: Trace) -> Iterator[Problem]:
    if clause.needs_requirement and not trace.by_clause[clause.id]:
        yield Problem(clause.id, "no requirement covers it", "Write a requirement, or say that it is not met.")
    if clause.document not in EXECUTED:
        return
    executing = trace.executing(clause)
    if not executing and not clause.not_executed:
        yield Problem(
            clause.id, "no case executes it", "Write a case that names it in `findings`, or `not_executed` and why."
        )
    if executing and clause.not_executed:
        cases = ", ".join(found.case.id for found in executing)
        yield Problem(clause.id, f"`not_executed` stands there, and {cases} executes it", "Take the line out.")
