"""Calibration, thresholds and limits: numbers from scores, in numpy, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.training.plan import CalibrationSection

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TEMPERATURES = (0.5, 5.0)
"""Range of the calibration temperature: perfectly separated scores would otherwise ask for 0."""


def temperature(logit: Floats, conforming: Flags) -> float:
    """The temperature that divides the logit for the smallest log loss, to two decimals (Guo et al. 2017)."""
    sign = np.where(conforming, 1.0, -1.0)
    candidates = np.arange(round(TEMPERATURES[0] * 100), round(TEMPERATURES[1] * 100) + 1) / 100
    losses = [float(np.logaddexp(0, -sign * logit / candidate).mean()) for candidate in candidates]
    return float(candidates[int(np.argmin(losses))])


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores at or above ``conforming_from`` conform, below ``not_conforming_below`` do not; between, undecided."""

    conforming_from: Decimal
    not_conforming_below: Decimal


def thresholds(
    score: Floats, conforming: Flags, groups: NDArray[np.str_], decimals: int, rule: CalibrationSection
) -> Thresholds:
    """The undecided band: no more than the declared share of either class lies beyond it on the wrong side.

    Counted and not interpolated: of 52 images and a share of 0.1, 5 may lie beyond. The band is never narrower than
    ``rule.narrowest``, however far apart the classes are, and at the ends of the scale a score of 0 or 1 itself cannot
    be kept inside.

    Args:
        score: ``(n,)`` probabilities.
        conforming: ``(n,)`` classes; both must be there.
        groups: ``(n,)`` the share holds in each group by itself; a group may lack a class.
        decimals: Decimals to which a score is rounded before it is compared.
        rule: The declared shares.
    """
    step = Decimal(1).scaleb(-decimals)
    rounded = np.round(score, decimals)
    above = max(_exceeded(part, rule.wrong_conforming) for part in _parts(rounded, groups, chosen=~conforming))
    below = max(_exceeded(-part, rule.wrong_not_conforming) for part in _parts(rounded, groups, chosen=conforming))
    narrowest = Decimal(rule.narrowest[0]), Decimal(rule.narrowest[1])
    # A score equal to conforming_from conforms, so the first score that may not conform lies one step below it.
    upper = max(narrowest[1], Decimal(above).quantize(step) + step)
    lower = min(narrowest[0], Decimal(-below).quantize(step))
    return Thresholds(min(upper, 1 - step), max(lower, step))


def _exceeded(scores: Floats, share: float) -> float:
    """The smallest of the scores above which no more than this share of them lies."""
    return float(np.sort(scores)[::-1][int(np.floor(share * scores.size + 1e-9))])


def _parts(score: Floats, groups: NDArray[np.str_], *, chosen: Flags) -> list[Floats]:
    """Scores of the chosen images, group by group."""
    return [score[chosen & (groups == group)] for group in np.unique(groups[chosen])]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A normal distribution of ``n`` features: mean ``(n,)`` and inverse covariance ``(n, n)``."""

    mean: Floats
    precision: Floats

    def distance(self, features: Floats) -> Floats:
        """Mahalanobis distance of each row of ``(m, n)`` features."""
        centred = features - self.mean
        return np.asarray(np.sqrt(np.einsum("mi,ij,mj->m", centred, self.precision, centred, optimize=True)))

    def whitened(self, features: Floats) -> Floats:
        """Rows of ``(m, n)`` features, centred and uncorrelated, with variance 1."""
        return np.asarray((features - self.mean) @ self.whitening)

    @property
    def whitening(self) -> Floats:
        """The matrix ``w`` for which the distance is the length of ``(features - mean) @ w``."""
        return np.asarray(np.linalg.cholesky(self.precision))


def fit_gaussian(features: Floats, shrinkage: float) -> Gaussian:
    """Mean and inverse covariance, the correlations shrunk towards none (Ledoit and Wolf 2004, weight given).

    Args:
        features: ``(m, n)``.
        shrinkage: Weight of the diagonal, 0 to 1.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    correlation = np.cov((features - mean).T / spread[:, None])
    shrunk = (1 - shrinkage) * correlation + shrinkage * np.eye(len(mean))
    precision = np.linalg.inv(shrunk) / np.outer(spread, spread)
    return Gaussian(mean, (precision + precision.T) / 2)


def upper_limit(values: Floats, false_alarm: float, decimals: int) -> Decimal:
    """The smallest value that no more than the given share of the images exceeds, rounded up."""
    limit = Decimal(_exceeded(values, false_alarm))
    return limit.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING)
