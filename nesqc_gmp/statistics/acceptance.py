"""Acceptance criteria as confidence bounds, computed from the plan and the scored rows, never from arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from nesqc_gmp.statistics.auroc import cluster_bootstrap
from nesqc_gmp.statistics.interval import Interval, not_estimable, proportion
from nesqc_gmp.statistics.outcomes import ScoredRow, at_threshold, by_culture

Metric = Literal["AUROC", "sensitivity", "not missed", "specificity", "undecided rate", "refused rate"]
"""``sensitivity`` and ``specificity`` count undecided and refused units as wrong; ``not missed`` is the share of not
conforming units that were not called conforming."""

CriterionVerdict = Literal["passed", "failed", "not assessable"]
UPPER: frozenset[Metric] = frozenset({"undecided rate", "refused rate"})
"""Figures that must stay below their limit: their upper bound is compared."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One acceptance criterion, frozen before the test.

    Attributes:
        metric: The figure.
        level: Whether images or cultures are the units.
        limit: What the confidence bound must reach, or must not exceed for a rate.
        units_min: Fewest units of the class in question; with fewer it is not assessable.
        subgroup: Attribute and value, or ``None`` for all.
    """

    metric: Metric
    level: Literal["image", "culture"]
    limit: Decimal
    units_min: int
    subgroup: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """What a criterion came to."""

    criterion: Criterion
    found: Interval
    verdict: CriterionVerdict


def assess(criteria: Sequence[Criterion], rows: Sequence[ScoredRow], *, seed: int) -> tuple[CriterionResult, ...]:
    """Apply every criterion; what cannot be estimated or rests on too few units is not assessable, never passed.

    Args:
        criteria: The criteria of the plan.
        rows: Every image of the test set, refused ones too.
        seed: Of the bootstrap of the AUROC.
    """
    return tuple(_assess(criterion, rows, seed) for criterion in criteria)


def overall(results: Sequence[CriterionResult]) -> CriterionVerdict:
    """Failed where one failed; not assessable where one is, or none was set; else passed."""
    verdicts = {result.verdict for result in results}
    if "failed" in verdicts:
        return "failed"
    return "passed" if verdicts == {"passed"} else "not assessable"


def _assess(criterion: Criterion, rows: Sequence[ScoredRow], seed: int) -> CriterionResult:
    chosen = [row for row in rows if criterion.subgroup is None or _in(row, criterion.subgroup)]
    units = by_culture(chosen) if criterion.level == "culture" else tuple(chosen)
    found = _measure(criterion.metric, units, seed)
    bound = found.high if criterion.metric in UPPER else found.low
    if bound is None or found.units < criterion.units_min:
        return CriterionResult(criterion, found, "not assessable")
    value = Decimal(repr(bound))
    met = value <= criterion.limit if criterion.metric in UPPER else value >= criterion.limit
    return CriterionResult(criterion, found, "passed" if met else "failed")


def _in(row: ScoredRow, subgroup: tuple[str, str]) -> bool:
    return row.stratum(subgroup[0]) == subgroup[1]


def _measure(metric: Metric, units: Sequence[ScoredRow], seed: int) -> Interval:
    if metric == "AUROC":
        scored = [row for row in units if row.score is not None]
        if not scored:
            return not_estimable("cluster bootstrap")
        labels = [row.label == "conforming" for row in scored]
        scores = [row.score for row in scored if row.score is not None]
        return cluster_bootstrap(labels, scores, [row.culture for row in scored], seed=seed)
    if metric == "specificity":
        return at_threshold(units, "conforming").counted_wrong
    if metric in {"sensitivity", "not missed"}:
        found = at_threshold(units, "not conforming")
        return found.counted_wrong if metric == "sensitivity" else found.not_missed
    refused = sum(row.outcome == "rejected by input check" for row in units)
    if metric == "refused rate":
        return proportion(refused, len(units))
    return proportion(sum(row.outcome == "undecided" for row in units), len(units) - refused)
