"""The performance qualification of a model as data: one case a file, a small vocabulary of kinds.

A site edits the files before the protocol is approved; what was approved is executed. The kinds say what is computed
from the log and what a person states, the fields say what has to be reached. Each kind has its own checks, and a case
has a step for every one of them, so no check can be left out by editing.

Sources: EU GMP Annex 15 cl. 3.12 to 3.14 (performance qualification); Annex 22 draft 4.3 (at least as good as the
process that is replaced, whose performance is known) and 7 (execution of the approved plan).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from nesqc_gmp.records.base import LINE_PATTERN, Frozen, Identifier, Line
from nesqc_gmp.records.people import Role
from nesqc_gmp.records.qualification import Priority

CASES_MAX = 99
"""Most cases of a protocol."""

CaseId = Annotated[str, StringConstraints(pattern=r"^PQ-[0-9]{3}$")]
"""Number of a case, as its file name begins."""

Share = Annotated[str, StringConstraints(pattern=r"^0\.[0-9]{1,6}$")]
"""A share above or equal to 0 and below 1, as decimal text."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
"""First digits of the SHA-256 of the text of a requirement."""

Column = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=LINE_PATTERN)]
"""A column of the manifest of the test set."""

Cultures = Annotated[int, Field(ge=2, le=100_000)]

Check = Literal[
    "holder",
    "reference",
    "signed",
    "tested under it",
    "readers",
    "agreement",
    "baseline",
    "test",
    "criteria",
    "compared with people",
    "features",
    "repeats",
    "same outcome",
    "spread",
    "cultures",
    "complete",
    "conclusion",
]
"""What a step looks at."""


class PerformanceStep(Frozen):
    """One step: what is looked at, what the tester does, what has to be seen."""

    check: Check
    do: Line
    expected: Line


class _Case(Frozen):
    """What every case has.

    Attributes:
        id: Number.
        title: What it shows.
        requirements: Requirements it verifies.
        reviewed: Fingerprint of each requirement with whose text the case was compared.
        findings: Inspector findings and traps it answers.
        risk: Priority of what it verifies.
        prerequisites: What has to be there before.
        steps: Its steps, one for each check of its kind.
    """

    CHECKS: ClassVar[tuple[Check, ...]] = ()

    id: CaseId
    title: Line
    requirements: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    reviewed: dict[Identifier, Fingerprint] = Field(default_factory=dict)
    findings: tuple[Identifier, ...] = ()
    risk: Priority
    prerequisites: Line
    steps: tuple[PerformanceStep, ...]

    @model_validator(mode="after")
    def _one_step_a_check(self) -> Self:
        found = tuple(step.check for step in self.steps)
        if found != self.CHECKS:
            raise ValueError(f"the checks of this kind are, in this order: {', '.join(self.CHECKS)}")
        return self

    def step(self, check: Check) -> PerformanceStep:
        """The step of a check."""
        return next(step for step in self.steps if step.check == check)


class PeopleCase(_Case):
    """Each role that the site needs is held by an active, trained person.

    Attributes:
        roles: The roles.
    """

    CHECKS: ClassVar[tuple[Check, ...]] = ("holder",)

    kind: Literal["people"]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_role_once(self) -> Self:
        if len(set(self.roles)) < len(self.roles):
            raise ValueError("a role is named twice")
        return self


class CoveredStep(Frozen):
    """A step of the site's process that one of its procedures has to describe."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z -]{1,39}$")]
    step: Line


class ProceduresCase(_Case):
    """Every step of the process is described by a procedure of the site.

    Attributes:
        covered: The steps.
    """

    CHECKS: ClassVar[tuple[Check, ...]] = ("reference",)

    kind: Literal["procedures"]
    covered: Annotated[tuple[CoveredStep, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_step_once(self) -> Self:
        if len({each.name for each in self.covered}) < len(self.covered):
            raise ValueError("a step is named twice")
        return self


class IntendedUseCase(_Case):
    """The intended use of the package is signed, and the package was tested under it."""

    CHECKS: ClassVar[tuple[Check, ...]] = ("signed", "tested under it")

    kind: Literal["intended-use"]


class ReaderStudyCase(_Case):
    """How well the readers of the test set agree, and how often they err: the process that the model replaces.

    Attributes:
        readers_min: Fewest readers who read alone.
        cultures_min: Fewest cultures that each of them read completely.
        kappa_min: What the lower bound of the lowest kappa of two readers has to reach.
        error_max: What the upper bound of the highest share of wrong readings must not exceed.
    """

    CHECKS: ClassVar[tuple[Check, ...]] = ("readers", "agreement", "baseline")

    kind: Literal["reader-study"]
    readers_min: Annotated[int, Field(ge=2, le=50)]
    cultures_min: Cultures
    kappa_min: Share
    error_max: Share


class ModelAcceptanceCase(_Case):
    """The frozen plan was run to its end and passed, against people too, and its features make sense."""

    CHECKS: ClassVar[tuple[Check, ...]] = ("test", "criteria", "compared with people", "features")

    kind: Literal["model-acceptance"]


class RobustnessCase(_Case):
    """Cultures that were imaged again give the same outcome and nearly the same score.

    Attributes:
        factors: Columns of the test set that say under which condition an image was made.
        cultures_min: Fewest cultures that were imaged under at least two conditions, for each factor.
        same_outcome_min: What the lower bound of the share of cultures with one outcome has to reach.
        spread_max: What the upper bound of the standard deviation of scores within a culture must not exceed.
    """

    CHECKS: ClassVar[tuple[Check, ...]] = ("repeats", "same outcome", "spread")

    kind: Literal["robustness"]
    factors: Annotated[tuple[Column, ...], Field(min_length=1, max_length=6)]
    cultures_min: Cultures
    same_outcome_min: Share
    spread_max: Share

    @model_validator(mode="after")
    def _factors_can_repeat(self) -> Self:
        if len(set(self.factors)) < len(self.factors) or {"culture", "donor", "label"} & set(self.factors):
            raise ValueError("a factor is named twice, or is what a culture has once: culture, donor, label")
        return self


class ConcordanceCase(_Case):
    """The outcomes of the recorded test agree with those of a test by another principle.

    Attributes:
        other_test: What the other test is.
        cultures_min: Fewest cultures of each outcome of the other test.
        agreement_min: What the lower bound of the agreement has to reach, for each outcome of the other test.
    """

    CHECKS: ClassVar[tuple[Check, ...]] = ("cultures", "agreement")

    kind: Literal["concordance"]
    other_test: Line
    cultures_min: Cultures
    agreement_min: Share


class ConclusionCase(_Case):
    """The tester concludes in their own words, after every other case."""

    CHECKS: ClassVar[tuple[Check, ...]] = ("complete", "conclusion")

    kind: Literal["conclusion"]


PerformanceCase = Annotated[
    PeopleCase
    | ProceduresCase
    | IntendedUseCase
    | ReaderStudyCase
    | ModelAcceptanceCase
    | RobustnessCase
    | ConcordanceCase
    | ConclusionCase,
    Field(discriminator="kind"),
]
"""A case of a protocol."""


class OtherResult(Frozen):
    """One line of the table of another test, as a person hands it in.

    Attributes:
        culture: The culture.
        outcome: What the other test said; ``undecided`` where it gave no valid result.
        reference: Where its raw data are kept.
        performed_on: Day on which it was done.
    """

    culture: Identifier
    outcome: Literal["conforming", "not conforming", "undecided"]
    reference: Line
    performed_on: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
