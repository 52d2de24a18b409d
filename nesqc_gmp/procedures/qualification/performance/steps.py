"""What a case does and expects, step by step, with what was declared; and what it asks the tester for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nesqc_gmp.records.performance import (
    ConclusionCase,
    ConcordanceCase,
    PeopleCase,
    PerformanceCase,
    PerformanceStep,
    ProceduresCase,
    ReaderStudyCase,
    RobustnessCase,
)
from nesqc_gmp.records.qualification import PlannedStep


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that the tester states.

    Attributes:
        name: Name of the value.
        text: What is asked.
        choices: The possible answers; none where it is free text.
    """

    name: str
    text: str
    choices: tuple[str, ...] = ()


def planned_steps(case: PerformanceCase) -> tuple[PlannedStep, ...]:
    """The steps of a case in the order of their results, each limit in words."""
    match case:
        case PeopleCase():
            (step,) = case.steps
            return tuple(_planned(step, subject=role) for role in case.roles)
        case ProceduresCase():
            (step,) = case.steps
            return tuple(_planned(step, subject=covered.step) for covered in case.covered)
        case _:
            return tuple(_planned(step, declared=_declared(case, step)) for step in case.steps)


def _planned(step: PerformanceStep, subject: str = "", declared: str = "") -> PlannedStep:
    return PlannedStep(
        do=f"{subject}: {step.do}" if subject else step.do,
        expected=f"{step.expected.removesuffix('.')}. Declared: {declared}" if declared else step.expected,
    )


def _declared(case: PerformanceCase, step: PerformanceStep) -> str:
    """What a field of the case asks of a step, in words; empty where the step has no limit of its own."""
    match case, step.check:
        case ReaderStudyCase(), "readers":
            return f"at least {case.readers_min} readers, each of at least {case.cultures_min} cultures"
        case ReaderStudyCase(), "agreement":
            return f"lower bound of the lowest kappa of two readers at least {case.kappa_min}"
        case ReaderStudyCase(), "baseline":
            return f"upper bound of the highest share of wrong readings at most {case.error_max}"
        case RobustnessCase(), "repeats":
            factors = ", ".join(case.factors)
            return f"for each of {factors}, at least {case.cultures_min} cultures under two or more conditions"
        case RobustnessCase(), "same outcome":
            return f"lower bound of the share of cultures with one outcome at least {case.same_outcome_min}"
        case RobustnessCase(), "spread":
            return f"upper bound of the standard deviation within a culture at most {case.spread_max}"
        case ConcordanceCase(), "cultures":
            return f"{case.other_test}; at least {case.cultures_min} cultures of each outcome"
        case ConcordanceCase(), "agreement":
            return f"lower bound of the agreement on each outcome at least {case.agreement_min}"
        case _:
            return ""


def questions(case: PerformanceCase) -> tuple[Question, ...]:
    """What the tester states for a case, in the order in which it is asked."""
    return tuple(_questions(case))


def _questions(case: PerformanceCase) -> Iterator[Question]:
    match case:
        case PeopleCase():
            for role in case.roles:
                yield Question(f"{role} person", f"{role}: id of a person who holds the role and was trained")
                yield Question(f"{role} training", f"{role}: reference of the training record")
                yield Question(f"{role} SOP", f"{role}: number and version of the procedure they were trained in")
        case ProceduresCase():
            for covered in case.covered:
                yield Question(f"{covered.name} SOP", f"{covered.step}: number of your procedure")
                yield Question(f"{covered.name} version", f"{covered.step}: version of your procedure")
        case ConclusionCase():
            yield Question("conclusion", "Your conclusion: what was shown, what was not, what it means for the use")
            yield Question("acceptable", "Is the model acceptable for its intended use at this site?", ("yes", "no"))
        case _:
            return


def table_wanted(case: PerformanceCase) -> str:
    """The table that the tester hands in as evidence, in words; empty where a case needs none."""
    if isinstance(case, ConcordanceCase):
        return f"Results of {case.other_test}: CSV with the columns culture, outcome, reference, performed_on"
    return ""
