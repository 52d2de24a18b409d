"""How many independent units a test needs, and what clustering costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.statistics.interval import LEVEL, proportion

UNITS_MAX = 100_000
"""Largest number of units that a plan looks for."""


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Units of one class that a claim needs.

    Attributes:
        bound: The lower confidence bound to be shown.
        errors: Errors allowed among them.
        units: Independent units needed.
        design_effect: By how much images of one culture must outnumber independent ones.
        images: Images needed, the design effect counted.
        power: Chance to pass at the true value given, ``None`` without one.
    """

    bound: float
    errors: int
    units: int
    design_effect: float
    images: int
    power: float | None


def sample_size(
    bound: float,
    errors: int,
    *,
    images_per_culture: float = 1.0,
    correlation: float = 0.0,
    true_value: float | None = None,
) -> SampleSize:
    """Fewest units of which all but ``errors`` right give a lower Clopper-Pearson bound of at least ``bound``.

    Args:
        bound: Lower bound of the two-sided 95 % interval, 0 to 1.
        errors: Errors allowed.
        images_per_culture: Images of one culture.
        correlation: Intra-class correlation of images of one culture.
        true_value: Sensitivity or specificity believed true, for the power.

    Raises:
        InvalidInputError: The bound cannot be shown.
    """
    if not 0 < bound < 1 or errors < 0:
        raise InvalidInputError(f"a bound of {bound} with {errors} errors cannot be planned", where="sample size")
    low, high = errors + 1, errors + 2
    while not _shows(high, errors, bound):
        low, high = high, high * 2
        if high > UNITS_MAX:
            raise InvalidInputError(f"more than {UNITS_MAX} units are needed", where="sample size")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _shows(middle, errors, bound) else (middle + 1, high)
    effect = design_effect(images_per_culture, correlation)
    return SampleSize(bound, errors, low, effect, math.ceil(low * effect - 1e-9), _power(low, errors, true_value))


def design_effect(images_per_culture: float, correlation: float) -> float:
    """Factor by which clustering widens a variance: 1 + (m - 1) rho (Kish 1965)."""
    return 1 + (images_per_culture - 1) * correlation


def intraclass_correlation(groups: Sequence[Sequence[float]]) -> float | None:
    """Intra-class correlation of one-way analysis of variance (Shrout and Fleiss 1979, form 1,1); 0 at the least.

    Args:
        groups: Values by group; groups may differ in size.

    Returns:
        ``None`` where there are fewer than two groups, or no group has two values.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups if len(group)]
    count, total = len(arrays), sum(map(len, arrays))
    if count < 2 or total == count:
        return None
    mean = np.concatenate(arrays).mean()
    between = sum(len(a) * (a.mean() - mean) ** 2 for a in arrays) / (count - 1)
    within = sum(((a - a.mean()) ** 2).sum() for a in arrays) / (total - count)
    size = (total - sum(len(a) ** 2 for a in arrays) / total) / (count - 1)
    denominator = between + (size - 1) * within
    return max(0.0, float((between - within) / denominator)) if denominator > 0 else None


def _shows(units: int, errors: int, bound: float) -> bool:
    low = proportion(units - errors, units, level=LEVEL).low
    return low is not None and low >= bound


def _power(units: int, errors: int, true_value: float | None) -> float | None:
    if true_value is None:
        return None
    from scipy.stats import binom

    return float(binom.cdf(errors, units, 1 - true_value))
