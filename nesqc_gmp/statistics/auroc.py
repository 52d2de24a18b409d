"""Area under the receiver operating characteristic curve, with intervals that know of clusters.

Images of one culture are alike, so an interval that counts images as independent is too narrow. Three intervals:
DeLong, DeLong and Clarke-Pearson (Biometrics 1988) for independent images, in the fast form of Sun and Xu (IEEE
Signal Processing Letters 2014); Obuchowski (Biometrics 1997) for clusters; and a bootstrap of whole clusters. All
three have no width where the classes are separated perfectly, so none of them is better than Newcombe's bound there
(``statistics.boundary.perfect_separation``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.statistics.boundary import perfect_separation
from nesqc_gmp.statistics.interval import LEVEL, Interval, normal_interval, not_estimable, reaching, unbounded

Floats = NDArray[np.float64]

RESAMPLES = 2000
"""Resamples of a bootstrap."""

_ONE_CLASS = "units of one class only"
_FEW = "a class has fewer than two independent units"


def checked(positive: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Labels and scores as arrays of one length.

    Raises:
        InvalidInputError: The lengths differ, or a score is not a finite number.
    """
    labels, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != values.shape:
        raise InvalidInputError(f"{labels.shape} labels do not fit {values.shape} scores", remedy="Give one of each.")
    if not np.isfinite(values).all():
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidInputError("a score is not a finite number", where=f"score {place}", remedy="Score it again.")
    return labels, values


def auroc(positive: ArrayLike, scores: ArrayLike) -> float | None:
    """Share of pairs of a positive and another unit in which the positive has the higher score; a tie counts half.

    Args:
        positive: ``(n,)`` whether each unit is of the class that should score high.
        scores: ``(n,)`` scores.

    Returns:
        ``None`` where there is one class only.
    """
    labels, values = checked(positive, scores)
    components = _components(labels, values)
    return None if components is None else float(components[0].mean())


def delong(positive: ArrayLike, scores: ArrayLike, level: float = LEVEL) -> Interval:
    """AUROC with the interval of DeLong et al. (1988): every unit counts as independent."""
    labels, values = checked(positive, scores)
    components = _components(labels, values)
    if components is None:
        return not_estimable("DeLong", _ONE_CLASS, len(labels))
    of_positive, of_other = components
    if min(len(of_positive), len(of_other)) < 2:
        return unbounded(float(of_positive.mean()), "DeLong", _FEW, len(labels), level)
    variance = float(of_positive.var(ddof=1) / len(of_positive) + of_other.var(ddof=1) / len(of_other))
    found = normal_interval(float(of_positive.mean()), variance, "DeLong", len(labels), level)
    return _no_better_than_perfect(found, len(of_positive), len(of_other))


def delong_difference(positive: ArrayLike, first: ArrayLike, second: ArrayLike, level: float = LEVEL) -> Interval:
    """Difference of two AUROC on the same units, first minus second, with DeLong's paired interval."""
    labels, one = checked(positive, first)
    _, other = checked(positive, second)
    found = [_components(labels, values) for values in (one, other)]
    if found[0] is None or found[1] is None:
        return not_estimable("DeLong, paired", _ONE_CLASS, len(labels))
    difference = [a - b for a, b in zip(found[0], found[1], strict=True)]
    estimate = float(difference[0].mean())
    if min(map(len, difference)) < 2:
        return unbounded(estimate, "DeLong, paired", _FEW, len(labels), level)
    variance = sum(float(part.var(ddof=1)) / len(part) for part in difference)
    if variance == 0:
        return unbounded(
            estimate, "DeLong, paired", "every pair of units gives the same difference", len(labels), level
        )
    shifted = normal_interval(estimate / 2 + 0.5, variance / 4, "DeLong, paired", len(labels), level)
    low, high = shifted.low, shifted.high
    if low is None or high is None:
        return unbounded(estimate, "DeLong, paired", shifted.reason, len(labels), level)
    return Interval(estimate, 2 * low - 1, 2 * high - 1, "DeLong, paired", len(labels), level)


def obuchowski(positive: ArrayLike, scores: ArrayLike, clusters: ArrayLike, level: float = LEVEL) -> Interval:
    """AUROC with Obuchowski's (1997) interval for clustered units.

    Args:
        positive: ``(n,)`` whether each unit is of the class that should score high.
        scores: ``(n,)`` scores.
        clusters: ``(n,)`` cluster of each unit, for example its culture; a cluster may hold both classes.
        level: Two-sided confidence level.
    """
    labels, values = checked(positive, scores)
    components = _components(labels, values)
    names, of_unit = np.unique(np.asarray(clusters), return_inverse=True)
    if components is None:
        return not_estimable("Obuchowski", _ONE_CLASS, len(names))
    of_positive, of_other = components
    estimate, count = float(of_positive.mean()), len(names)
    with_positive, with_other = len(np.unique(of_unit[labels])), len(np.unique(of_unit[~labels]))
    if min(with_positive, with_other) < 2:
        return unbounded(estimate, "Obuchowski", _FEW, count, level)
    sums = [
        np.bincount(of_unit[chosen], part - estimate, count)
        for chosen, part in ((labels, of_positive), (~labels, of_other))
    ]
    sizes = len(of_positive), len(of_other)
    spread = [
        clusters_with / (clusters_with - 1) * float((total**2).sum()) / size**2
        for clusters_with, total, size in zip((with_positive, with_other), sums, sizes, strict=True)
    ]
    shared = count / (count - 1) * float((sums[0] * sums[1]).sum()) / (sizes[0] * sizes[1])
    found = normal_interval(estimate, sum(spread) + 2 * shared, "Obuchowski", count, level)
    return _no_better_than_perfect(found, with_positive, with_other)


def cluster_bootstrap(
    positive: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """AUROC with a percentile interval over resampled clusters, for example cultures or donors.

    Clusters are drawn apart for those that hold a positive unit and those that hold none, so that a resample keeps
    both classes; a resample of one class only is left out.
    """
    labels, values = checked(positive, scores)
    estimate = auroc(labels, values)
    names, of_unit = np.unique(np.asarray(clusters), return_inverse=True)
    if estimate is None:
        return not_estimable("cluster bootstrap", _ONE_CLASS, len(names))
    members = [np.flatnonzero(of_unit == cluster) for cluster in range(len(names))]
    groups = [[unit for unit in members if labels[unit].any() == kind] for kind in (True, False)]
    if len(names) < 3 or max(map(len, groups)) < 2:
        return unbounded(estimate, "cluster bootstrap", "fewer than three clusters to draw", len(names), level)
    generator = np.random.Generator(np.random.PCG64(seed))
    found: list[float] = []
    for _ in range(resamples):
        chosen = [group[place] for group in groups if group for place in generator.integers(0, len(group), len(group))]
        units = np.concatenate(chosen)
        value = auroc(labels[units], values[units])
        if value is not None:
            found.append(value)
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    interval = Interval(estimate, float(low), float(high), "cluster bootstrap", len(names), level)
    with_each = (len(np.unique(of_unit[chosen])) for chosen in (labels, ~labels))
    return _no_better_than_perfect(interval, *with_each)


def _no_better_than_perfect(found: Interval, positive: int, other: int) -> Interval:
    """The interval, reaching as far as perfect separation of so many independent units does."""
    best = perfect_separation(positive, other, found.level)
    return reaching(found, best, 1 - best)


def curve(positive: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """False and true positive share at every threshold, from (0, 0) to (1, 1)."""
    from sklearn.metrics import roc_curve

    labels, values = checked(positive, scores)
    false_share, true_share, _ = roc_curve(labels, values)
    return np.asarray(false_share, dtype=np.float64), np.asarray(true_share, dtype=np.float64)


def _components(labels: NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats] | None:
    """DeLong's structural components: share of the other class that each unit is on the right side of."""
    positive, other = values[labels], values[~labels]
    if len(positive) == 0 or len(other) == 0:
        return None
    from scipy.stats import rankdata

    everyone = rankdata(np.concatenate([positive, other]))
    of_positive = (everyone[: len(positive)] - rankdata(positive)) / len(other)
    of_other = 1 - (everyone[len(positive) :] - rankdata(other)) / len(positive)
    return np.asarray(of_positive), np.asarray(of_other)
