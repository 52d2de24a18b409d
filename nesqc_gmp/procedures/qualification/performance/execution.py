"""One case: what the log knows and what the tester gave to steps with verdicts, and the evidence that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.qualification.performance import steps
from nesqc_gmp.procedures.qualification.performance.material import Found, Material
from nesqc_gmp.procedures.qualification.performance.model import judge_intended_use, judge_model_acceptance
from nesqc_gmp.procedures.qualification.performance.people import judge_people, judge_procedures
from nesqc_gmp.records.base import Instant, Line
from nesqc_gmp.records.performance import (
    ConclusionCase,
    ConcordanceCase,
    IntendedUseCase,
    ModelAcceptanceCase,
    PeopleCase,
    PerformanceCase,
    ProceduresCase,
    ReaderStudyCase,
    RobustnessCase,
)
from nesqc_gmp.records.qualification import CaseExecuted, CaseVerdict, Evidence, StepResult

VALUE_MAX: Final = 1500
"""Longest value that a tester states, in characters."""

CONCLUSION_MIN: Final = 20
"""Shortest text that is a conclusion and not a word, in characters."""

_LINE: TypeAdapter[str] = TypeAdapter(Line)


@dataclass(frozen=True, slots=True)
class Given:
    """What the tester gave.

    Attributes:
        values: What they stated, by the names of ``steps.questions``.
        files: Name and bytes of each evidence file; where a case wants a table, it is the first one.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, bytes], ...] = ()


def read_given(values: Sequence[str], files: Sequence[Path]) -> Given:
    """What the tester typed as ``name=text``, and the files they name.

    Raises:
        InvalidInputError: A value is not of that form or stands twice, or a file cannot be read.
    """
    stated: dict[str, str] = {}
    for value in values:
        name, equals, text = (part.strip() for part in value.partition("="))
        if not equals or name in stated:
            what = "stands twice" if equals else "is not name=text"
            raise InvalidInputError(f"{value[:80]!r} {what}", where="--value", remedy="Write each once, as name=text.")
        stated[name] = text
    return Given(stated, tuple((path.name, read_given_file(path)) for path in files))


@dataclass(frozen=True, slots=True)
class Executed:
    """A result, and the bytes of its evidence in the order in which it names them."""

    case: CaseExecuted
    files: tuple[bytes, ...]


def require_given(case: PerformanceCase, given: Given) -> None:
    """What was given belongs to the case; asked before anything is recorded.

    Raises:
        InvalidInputError: A value is unknown, no visible line, too long or no possible answer; or a file is empty, has
            the name of another, or is missing.
    """
    known = {question.name: question for question in steps.questions(case)}
    for name, value in given.values.items():
        if name not in known:
            asked = ", ".join(known) or "nothing"
            raise InvalidInputError(
                f"{case.id} asks for no value {name!r}", where="--value", remedy=f"It asks for {asked}."
            )
        _require_value(value, known[name])
    seen: set[str] = {_summary_name(case)}
    for name, data in given.files:
        if not data or name in seen or not name.isprintable():
            what = "is empty" if not data else "has the name of another, or no printable one"
            raise InvalidInputError(f"the evidence file {what}", where=name, remedy="Name another file.")
        seen.add(name)
    wanted = steps.table_wanted(case)
    if wanted and not given.files:
        raise InvalidInputError(f"{case.id} needs a table", where="--evidence", remedy=f"{wanted}.")


def _require_value(value: str, question: steps.Question) -> None:
    try:
        good = len(_LINE.validate_python(value)) <= VALUE_MAX
    except ValidationError:
        good = False
    if not good:
        raise InvalidInputError(
            f"the value is not one visible line of 1 to {VALUE_MAX} characters", where=question.name,
            remedy="Write it without line breaks and control characters.",
        )  # fmt: skip
    if question.choices and value not in question.choices:
        raise InvalidInputError(
            f"{value!r} is no answer", where=question.name, remedy=f"Say {' or '.join(question.choices)}."
        )


def executed(case: PerformanceCase, material: Material, given: Given, started: Instant, ended: Instant) -> Executed:
    """The result of a case.

    Raises:
        InvalidInputError: The table that was handed in is wrong.
    """
    found, figures = _judged(case, material, given)
    planned = steps.planned_steps(case)
    results = tuple(
        StepResult(do=step.do, expected=step.expected, actual=each.actual, verdict=each.verdict)
        for step, each in zip(planned, found, strict=True)
    )
    summary = canonical_json({"case": case.id, "values": dict(given.values), "figures": figures})
    files = (*given.files, (_summary_name(case), summary))
    verdict = _worst([each.verdict for each in found])
    reasons = [each.actual for each in found if each.verdict != "passed"]
    record = CaseExecuted(
        run=material.run.number,
        case=case.id,
        title=case.title,
        requirements=case.requirements,
        findings=case.findings,
        risk=case.risk,
        prerequisites=case.prerequisites,
        steps=results,
        verdict=verdict,
        reason=reasons[0] if reasons else None,
        evidence=tuple(Evidence(name=name, sha256=sha256_hex(data)) for name, data in files),
        started=started,
        ended=ended,
    )
    return Executed(record, tuple(data for _, data in files))


def _summary_name(case: PerformanceCase) -> str:
    return f"{case.id}.json"


def _worst(verdicts: Sequence[CaseVerdict]) -> CaseVerdict:
    order: tuple[CaseVerdict, ...] = ("failed", "not executed", "passed")
    return next(each for each in order if each in verdicts)


def _judged(case: PerformanceCase, material: Material, given: Given) -> tuple[tuple[Found, ...], dict[str, object]]:
    match case:
        case PeopleCase():
            return judge_people(case, material, given.values), {}
        case ProceduresCase():
            return judge_procedures(case, given.values), {}
        case IntendedUseCase():
            return judge_intended_use(material), {}
        case ModelAcceptanceCase():
            return judge_model_acceptance(material), {}
        case ConclusionCase():
            return _judge_conclusion(case, material, given.values), {}
        case _:
            return _judge_study(case, material, given)


def _judge_study(
    case: ReaderStudyCase | RobustnessCase | ConcordanceCase, material: Material, given: Given
) -> tuple[tuple[Found, ...], dict[str, object]]:
    # numpy and scipy; people and procedures are recorded without them.
    from nesqc_gmp.procedures.qualification.performance import studies

    completed = material.tests.completed
    if material.tested is None or completed is None:
        return studies.not_tested(material, len(case.steps))
    match case:
        case ReaderStudyCase():
            return studies.judge_reader_study(case, material.tested)
        case RobustnessCase():
            return studies.judge_robustness(case, material.tested)
        case ConcordanceCase():
            table = studies.read_table(*given.files[0], material.tested, material.today)
            return studies.judge_concordance(case, material.tested, table, (completed.closed_at or "")[:10])


def _judge_conclusion(case: ConclusionCase, material: Material, values: Mapping[str, str]) -> tuple[Found, ...]:
    others = {number: each for number, each in material.run.last.items() if number != case.id}
    missing = material.run.opened.cases - 1 - len(others)
    counts = ", ".join(f"{number} {each.verdict}" for number, each in sorted(others.items()))
    complete = Found(
        "not executed" if missing else "passed", f"{missing} cases without a result; {counts}" if missing else counts
    )
    text, acceptable = values.get("conclusion", ""), values.get("acceptable", "")
    if len(text) < CONCLUSION_MIN or not acceptable:
        return complete, Found(
            "not executed", f"No conclusion was stated: {text!r}" if text else "No conclusion was stated"
        )
    said = f"{'Acceptable' if acceptable == 'yes' else 'Not acceptable'} for its intended use: {text}"
    return complete, Found("passed" if acceptable == "yes" else "failed", said)
