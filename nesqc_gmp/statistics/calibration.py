"""How far a score can be read as a probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nesqc_gmp.statistics.auroc import RESAMPLES, checked
from nesqc_gmp.statistics.boundary import no_loss
from nesqc_gmp.statistics.interval import LEVEL, Interval, not_estimable, proportion, reaching, unbounded


@dataclass(frozen=True, slots=True)
class Bin:
    """Units of similar score: their mean score and the share that is conforming."""

    mean_score: float
    observed: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of a score.

    Attributes:
        brier: Mean squared difference of score and truth (Brier 1950).
        expected_error: Mean distance of score and observed share over the bins, weighted by their sizes.
        bins: Bins of equal counts, in the order of the score.
    """

    brier: float
    expected_error: float
    bins: tuple[Bin, ...]


def calibration(conforming: ArrayLike, scores: ArrayLike, bins: int = 10) -> Calibration | None:
    """Calibration of scores that are probabilities of conforming; ``None`` without any unit."""
    labels, values = checked(conforming, scores)
    if len(values) == 0:
        return None
    order = np.argsort(values, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    found = tuple(Bin(float(values[p].mean()), proportion(int(labels[p].sum()), len(p), "Wilson")) for p in parts)
    error = sum(abs(float(values[p].mean() - labels[p].mean())) * len(p) for p in parts) / len(values)
    return Calibration(float(((values - labels) ** 2).mean()), error, found)


def brier_score(conforming: ArrayLike, scores: ArrayLike, clusters: ArrayLike, *, seed: int) -> Interval:
    """Mean squared difference of score and truth (Brier 1950), with an interval over resampled clusters.

    The upper bound is never below that of clusters that all lost nothing (``statistics.boundary.no_loss``).

    Args:
        conforming: ``(n,)`` whether each unit is conforming.
        scores: ``(n,)`` probabilities of conforming.
        clusters: ``(n,)`` cluster of each unit, for example its culture; fewer than three give no interval.
        seed: Of the bootstrap.
    """
    labels, values = checked(conforming, scores)
    names, of_unit = np.unique(np.asarray(clusters), return_inverse=True)
    count = len(names)
    if count == 0:
        return not_estimable("cluster bootstrap", "no unit")
    squares = (values - labels) ** 2
    if count < 3:
        return unbounded(float(squares.mean()), "cluster bootstrap", "fewer than three clusters", count)
    sums, sizes = np.bincount(of_unit, squares, count), np.bincount(of_unit, minlength=count)
    drawn = np.random.Generator(np.random.PCG64(seed)).integers(0, count, (RESAMPLES, count))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    found = Interval(float(squares.mean()), float(low), float(high), "cluster bootstrap", count)
    return reaching(found, found.low or 0.0, no_loss(count))
