"""Acceptance criteria as confidence bounds, computed from the plan and the scored rows, never from arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from nesqc_gmp.statistics.agreement import agreement
from nesqc_gmp.statistics.auroc import cluster_bootstrap
from nesqc_gmp.statistics.calibration import brier_score
from nesqc_gmp.statistics.interval import Interval, not_estimable, proportion
from nesqc_gmp.statistics.noninferiority import paired_difference
from nesqc_gmp.statistics.outcomes import ScoredRow, at_threshold, by_culture

Metric = Literal[
    "AUROC",
    "sensitivity",
    "not missed",
    "specificity",
    "undecided rate",
    "refused rate",
    "Brier score",
    "kappa",
    "non-inferiority",
]
"""``sensitivity`` and ``specificity`` count undecided and refused units as wrong; ``not missed`` is the share of not
conforming units that were not called conforming. The ``undecided rate`` is the share of all units without a decision,
refused ones among them; the ``refused rate`` is that of the refused alone. ``kappa`` is the lowest agreement of the
model with one reader on *conforming* or not; ``non-inferiority`` is the share of images that the model calls rightly
minus that of a reader, of the reader who leaves the lowest bound. Without readers neither can be assessed."""

CriterionVerdict = Literal["passed", "failed", "not assessable"]
UPPER: frozenset[Metric] = frozenset({"undecided rate", "refused rate", "Brier score"})
"""Figures that must stay below their limit: their upper bound is compared."""

OF_READERS: frozenset[Metric] = frozenset({"kappa", "non-inferiority"})
"""Figures that compare with people."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One acceptance criterion, frozen before the test.

    Attributes:
        metric: The figure.
        level: Whether images or cultures are the units.
        limit: What the confidence bound must reach, or must not exceed for a rate or the Brier score; for
            ``non-inferiority`` the margin, below whose negative the bound must not lie.
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
    value, limit = Decimal(repr(bound)), criterion.limit
    if criterion.metric == "non-inferiority":
        met = value > -limit
    else:
        met = value <= limit if criterion.metric in UPPER else value >= limit
    return CriterionResult(criterion, found, "passed" if met else "failed")


def _in(row: ScoredRow, subgroup: tuple[str, str]) -> bool:
    return row.stratum(subgroup[0]) == subgroup[1]


def _measure(metric: Metric, units: Sequence[ScoredRow], seed: int) -> Interval:
    if metric == "AUROC":
        scored = [row for row in units if row.score is not None]
        if not scored:
            return not_estimable("cluster bootstrap", "every unit was refused")
        labels = [row.label == "conforming" for row in scored]
        scores = [row.score for row in scored if row.score is not None]
        return cluster_bootstrap(labels, scores, [row.culture for row in scored], seed=seed)
    if metric == "Brier score":
        scored = [row for row in units if row.score is not None]
        labels = [row.label == "conforming" for row in scored]
        scores = [row.score for row in scored if row.score is not None]
        return brier_score(labels, scores, [row.culture for row in scored], seed=seed)
    if metric in OF_READERS:
        return _against_readers(metric, units, seed)
    if metric == "specificity":
        return at_threshold(units, "conforming").counted_wrong
    if metric in {"sensitivity", "not missed"}:
        found = at_threshold(units, "not conforming")
        return found.counted_wrong if metric == "sensitivity" else found.not_missed
    counted = {"rejected by input check"} if metric == "refused rate" else {"undecided", "rejected by input check"}
    return proportion(sum(row.outcome in counted for row in units), len(units))


def _against_readers(metric: Metric, units: Sequence[ScoredRow], seed: int) -> Interval:
    """The comparison with the reader who leaves the lowest bound; what one reader leaves open stays open."""
    readers = sorted({reader for row in units for reader, _ in row.readings})
    found = [_against(metric, reader, units, seed) for reader in readers]
    if not found:
        return not_estimable("comparison with readers", "no readings of people")
    return min(found, key=lambda each: -2.0 if each.low is None else each.low)


def _against(metric: Metric, reader: str, units: Sequence[ScoredRow], seed: int) -> Interval:
    rows = [(row, dict(row.readings)[reader]) for row in units if reader in dict(row.readings)]
    if metric == "kappa":
        model = [row.outcome == "conforming" for row, _ in rows]
        return agreement(model, [reading == "conforming" for _, reading in rows]).kappa
    right, read = [row.outcome == row.label for row, _ in rows], [reading == row.label for row, reading in rows]
    return paired_difference(right, read, [row.culture for row, _ in rows], seed=seed)
