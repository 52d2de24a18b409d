"""What the log knows that a case looks at; what is not there stays empty, and no case passes on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures import test_sets
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.model_tests import ImageTested, TestSetContent
from nesqc_gmp.records.performance import ConcordanceCase, PerformanceCase, ReaderStudyCase, RobustnessCase
from nesqc_gmp.records.qualification import CaseVerdict
from nesqc_gmp.state.model_tests import NO_TESTS, PackageTests, fold_results, fold_tests, results_id
from nesqc_gmp.state.models import ModelState, fold_models
from nesqc_gmp.state.people import People
from nesqc_gmp.state.qualification import Run


@dataclass(frozen=True, slots=True)
class Found:
    """What a step came to."""

    verdict: CaseVerdict
    actual: str


@dataclass(frozen=True, slots=True)
class Tested:
    """The completed test of the last frozen plan, with the set it ran on."""

    content: TestSetContent
    results: Mapping[str, ImageTested]
    seed: int


@dataclass(frozen=True, slots=True)
class Material:
    """What a case looks at.

    Attributes:
        people: The people of the site.
        today: The day of the site.
        model: The package.
        tests: Its plans and tests.
        tested: The completed test; only for the kinds that compute from it, and ``None`` where there is none.
        run: The run so far.
    """

    people: People
    today: str
    model: ModelState
    tests: PackageTests
    tested: Tested | None
    run: Run


def load(session: Session, case: PerformanceCase, run: Run) -> Material:
    """Gather what a case looks at; the opening of the test set is recorded.

    A set is opened only after its test was completed, so nobody who qualifies sees a label before.

    Raises:
        IntegrityError: The content of the set was altered; recorded.
    """
    digest = run.opened.model_sha256 or ""
    with session.viewing("qualify.pq") as reader:
        people, model, tests = session.site.people(reader), *_about(reader, digest)
    needed = isinstance(case, ReaderStudyCase | RobustnessCase | ConcordanceCase)
    tested = _tested(session, digest, tests) if needed else None
    return Material(people, session.site.today().isoformat(), model, tests, tested, run)


def _about(reader: Reader, digest: str) -> tuple[ModelState, PackageTests]:
    entries = list(reader.entries("model", digest))
    return fold_models(entries)[digest], fold_tests(entries).get(digest, NO_TESTS)


def _tested(session: Session, digest: str, tests: PackageTests) -> Tested | None:
    if tests.completed is None or tests.plan is None:
        return None
    plan, number = tests.plan.frozen, tests.completed.opened.test
    _, content = test_sets.open_content(
        session, "qualify.pq", plan.test_set, "performance qualification", digest, number
    )  # fmt: skip
    with session.viewing("qualify.pq") as reader:
        results = fold_results(reader.entries("model-test", results_id(digest, number)))
    return Tested(content, results, plan.seed)


def some(names: list[str], most: int = 12) -> str:
    """Names for a text of bounded length; the rest is counted."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
