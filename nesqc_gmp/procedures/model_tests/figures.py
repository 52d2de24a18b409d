"""Scored images and the frozen plan to figures and verdicts; pure, and nothing but the plan sets a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.model_tests import (
    CriterionResult,
    Figure,
    ImageTested,
    PlannedCriterion,
    TestImage,
    TestPlanFrozen,
    TestSetContent,
    TestVerdict,
)
from nesqc_gmp.statistics import acceptance
from nesqc_gmp.statistics.acceptance import Criterion, Metric
from nesqc_gmp.statistics.auroc import cluster_bootstrap, obuchowski
from nesqc_gmp.statistics.calibration import brier_score
from nesqc_gmp.statistics.interval import Interval
from nesqc_gmp.statistics.outcomes import Label, ScoredRow, at_threshold, by_culture

DECIMALS = 6
BY_IMAGE: frozenset[Metric] = frozenset({"AUROC", "Brier score", "non-inferiority"})
"""Figures of images whose interval draws whole cultures; all others are figures of cultures."""


def scored_rows(content: TestSetContent, results: Mapping[str, ImageTested]) -> tuple[ScoredRow, ...]:
    """Every image of the set with its label and what the model said; a refused one has no score.

    Raises:
        KeyError: An image has no result.
    """
    return tuple(_row(image, results[image.image]) for image in content.images)


def _row(image: TestImage, result: ImageTested) -> ScoredRow:
    judged = result.prediction is not None and result.outcome != "rejected by input check"
    return ScoredRow(
        image=image.image,
        culture=image.culture,
        donor=image.donor,
        label=image.label,
        score=float(result.prediction.score) if judged and result.prediction is not None else None,
        outcome=result.outcome,
        attributes=image.subgroups,
        readings=image.readings,
    )


def assess(plan: TestPlanFrozen, rows: Sequence[ScoredRow]) -> tuple[tuple[CriterionResult, ...], TestVerdict]:
    """The result of every criterion of the plan, in its order, and the verdict of the whole test."""
    found = acceptance.assess([_criterion(each) for each in plan.criteria], rows, seed=plan.seed)
    results = tuple(
        CriterionResult(criterion=planned, found=_figure(planned.metric, each.found), verdict=each.verdict)
        for planned, each in zip(plan.criteria, found, strict=True)
    )
    return results, acceptance.overall(found)


def _criterion(planned: PlannedCriterion) -> Criterion:
    return Criterion(
        metric=planned.metric,
        level="image" if planned.metric in BY_IMAGE else "culture",
        limit=Decimal(planned.limit),
        units_min=planned.cultures_min,
        subgroup=planned.subgroup,
    )


def figures(rows: Sequence[ScoredRow], seed: int) -> tuple[Figure, ...]:
    """The figures over all images: those of cultures first, and those of images beside them."""
    return tuple(_figure(name, interval) for name, interval in _named(rows, seed))


def _named(rows: Sequence[ScoredRow], seed: int) -> Iterator[tuple[str, Interval]]:
    judged = [(row, row.score) for row in rows if row.score is not None]
    labels, scores = [row.label == "conforming" for row, _ in judged], [score for _, score in judged]
    cultures = [row.culture for row, _ in judged]
    yield "AUROC of images, cultures drawn again", cluster_bootstrap(labels, scores, cultures, seed=seed)
    yield "AUROC of images, Obuchowski by cultures", obuchowski(labels, scores, cultures)
    yield "Brier score, cultures drawn again", brier_score(labels, scores, cultures, seed=seed)
    for level, units in (("cultures", by_culture(rows)), ("images, as if independent", tuple(rows))):
        names: tuple[tuple[Label, str], ...] = (("not conforming", "sensitivity"), ("conforming", "specificity"))
        for label, name in names:
            found = at_threshold(units, label)
            yield f"{name} of {level}, undecided counted as wrong", found.counted_wrong
            yield f"{name} of {level}, undecided left out", found.excluding
            yield f"undecided rate of {label} {level}, refused counted", found.undecided_rate
        yield f"not conforming {level} not missed", at_threshold(units, "not conforming").not_missed


def _figure(name: str, found: Interval) -> Figure:
    return Figure(
        name=name,
        estimate=_text(found.estimate),
        low=_text(found.low),
        high=_text(found.high),
        method=found.method,
        units=found.units,
        reason=found.reason or None,
    )


def _text(value: float | None) -> str | None:
    return None if value is None else decimal_text(value, DECIMALS)
