"""Calibration, thresholds and limits: numbers from scores, in numpy, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

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

    The band is never narrower than ``rule.narrowest``, however far apart the classes are.

    Args:
        score: ``(n,)`` probabilities.
        conforming: ``(n,)`` classes; both must be there.
        groups: ``(n,)`` the share holds in each group by itself; a group may lack a class.
        decimals: Decimals of a score; the band is widened to whole steps.
        rule: The declared shares.
    """
    step = Decimal(1).scaleb(-decimals)
    highest_wrong = max(
        np.quantile(part, 1 - rule.wrong_conforming) for part in _parts(score, groups, chosen=~conforming)
    )
    lowest_right = min(
        np.quantile(part, rule.wrong_not_conforming) for part in _parts(score, groups, chosen=conforming)
    )
    narrowest = Decimal(rule.narrowest[0]), Decimal(rule.narrowest[1])
    upper = max(narrowest[1], Decimal(float(highest_wrong)).quantize(step, rounding=ROUND_CEILING))
    lower = min(narrowest[0], Decimal(float(lowest_right)).quantize(step, rounding=ROUND_FLOOR))
    return Thresholds(min(upper, 1 - step), max(lower, step))


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


def distance_limit(distances: Floats, false_alarm: float, decimals: int) -> Decimal:
    """The distance that the given share of the calibration images exceeds, rounded up."""
    limit = Decimal(float(np.quantile(distances, 1 - false_alarm)))
    return limit.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING)
