"""What repeated imaging does to scores and outcomes: variance within a culture, and cultures that keep one outcome.

Analysis of variance of images in conditions in cultures, conditions and images at random (Searle, Casella and
McCulloch, Variance Components, 1992, ch. 5): repeatability is the spread of images of one condition, intermediate
precision that of images of one culture under any condition (ICH Q2(R2), 3.3.2). What differs between cultures is no
error of imaging and stays out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nesqc_gmp.statistics.auroc import RESAMPLES
from nesqc_gmp.statistics.interval import LEVEL, Interval, not_estimable, proportion, reaching
from nesqc_gmp.statistics.outcomes import WORST_FIRST, ScoredOutcome

_METHOD = "nested analysis of variance, cultures drawn again"


@dataclass(frozen=True, slots=True)
class RepeatedImage:
    """One image of a culture that was imaged under several conditions; a refused image has no score."""

    culture: str
    condition: str
    score: float | None
    outcome: ScoredOutcome


@dataclass(frozen=True, slots=True)
class Spread:
    """Spread of scores within cultures.

    Attributes:
        cultures: Cultures with scores under at least two conditions.
        images: Their images.
        conditions: Variance between conditions of one culture, at least 0; ``None`` where no condition has two images,
            so that it cannot be told from that of images.
        repeats: Variance of images of one condition, ``None`` in the same case.
        deviation: Standard deviation of images of one culture under any condition, with its interval.
    """

    cultures: int
    images: int
    conditions: float | None
    repeats: float | None
    deviation: Interval


@dataclass(frozen=True, slots=True)
class SameOutcome:
    """Cultures that keep their outcome under every condition.

    Attributes:
        cultures: Cultures that were imaged under at least two conditions.
        differing: Those with more than one outcome, or with one that is no decision.
        share: Share of the others.
    """

    cultures: int
    differing: tuple[str, ...]
    share: Interval


def repeated(images: Sequence[RepeatedImage]) -> dict[str, dict[str, tuple[RepeatedImage, ...]]]:
    """Images by culture and condition, of the cultures with at least two conditions."""
    found: dict[str, dict[str, tuple[RepeatedImage, ...]]] = {}
    for image in images:
        conditions = found.setdefault(image.culture, {})
        conditions[image.condition] = (*conditions.get(image.condition, ()), image)
    return {culture: conditions for culture, conditions in found.items() if len(conditions) > 1}


def same_outcome(images: Sequence[RepeatedImage]) -> SameOutcome:
    """Cultures whose least favourable outcome is one and the same decision under every condition."""
    cultures = repeated(images)
    differing = tuple(culture for culture, conditions in cultures.items() if not _decided_alike(conditions))
    return SameOutcome(len(cultures), differing, proportion(len(cultures) - len(differing), len(cultures)))


def _decided_alike(conditions: Mapping[str, Sequence[RepeatedImage]]) -> bool:
    outcomes = {
        next(worst for worst in WORST_FIRST if any(image.outcome == worst for image in images))
        for images in conditions.values()
    }
    return outcomes in ({"conforming"}, {"not conforming"})


def spread(images: Sequence[RepeatedImage], *, seed: int) -> Spread:
    """Variance components of the scores within cultures.

    The interval draws whole cultures again. It says how far the spread that was seen may be off; that another culture
    may keep no outcome is what ``same_outcome`` bounds.

    Args:
        images: Every image, refused ones too.
        seed: Of the draw.
    """
    cultures = repeated([image for image in images if image.score is not None])
    sums = np.array([_sums([[i.score for i in each] for each in c.values()]) for c in cultures.values()])
    count = sum(len(each) for conditions in cultures.values() for each in conditions.values())
    if len(cultures) < 3:
        return Spread(len(cultures), count, None, None, not_estimable(_METHOD, "fewer than three cultures", len(sums)))
    conditions, repeats = _components(sums.sum(axis=0))
    drawn = np.random.Generator(np.random.PCG64(seed)).integers(0, len(sums), (RESAMPLES, len(sums)))
    deviations = [_deviation(total) for total in sums[drawn].sum(axis=1)]
    low, high = np.quantile(deviations, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    estimate = _deviation(sums.sum(axis=0))
    found = Interval(estimate, float(low), float(high), _METHOD, len(sums))
    return Spread(len(cultures), count, conditions, repeats, reaching(found, estimate, estimate))


def _sums(conditions: Sequence[Sequence[float | None]]) -> tuple[float, ...]:
    """Sums of squares, degrees of freedom and the coefficient of one culture; all of them add up over cultures."""
    groups = [np.asarray(group, dtype=np.float64) for group in conditions]
    everything = np.concatenate(groups)
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    between = sum(len(group) * float(group.mean() - everything.mean()) ** 2 for group in groups)
    coefficient = len(everything) - sum(len(group) ** 2 for group in groups) / len(everything)
    return within, len(everything) - len(groups), between, len(groups) - 1, coefficient


def _components(total: np.ndarray) -> tuple[float | None, float | None]:
    """Variance between conditions and of images, from sums over cultures; ``None`` where they cannot be told apart."""
    within, images, between, conditions, coefficient = map(float, total)
    if images == 0:
        return None, None
    repeats = within / images
    return max(0.0, (between / conditions - repeats) * conditions / coefficient), repeats


def _deviation(total: np.ndarray) -> float:
    conditions, repeats = _components(total)
    if conditions is None or repeats is None:
        return math.sqrt(float(total[2] / total[3]))
    return math.sqrt(conditions + repeats)
