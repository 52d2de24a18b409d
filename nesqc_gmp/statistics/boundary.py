"""What the best possible result of few units can show: no interval is better than that.

Where every unit gives the same value, a bootstrap draws the same value for ever and an estimated variance is zero. The
interval then has no width, though another culture may well differ. Each function gives the bound that perfect results
of so many independent units leave open, by a method that holds at the boundary. The other intervals of this package
are never better than it, so that a perfect result never shows less than one that is nearly so.
"""

from __future__ import annotations

from nesqc_gmp.statistics.interval import LEVEL, proportion


def perfect_separation(positive: int, other: int, level: float = LEVEL) -> float:
    """Lower bound of the AUROC where every positive unit scores above every other one; 0 where a class has none.

    Newcombe, Statistics in Medicine 2006, 25: 559-573, method 5, at an AUROC of 1. Unlike Wald's interval it solves for
    the AUROC at which the variance of Hanley and McNeil (exponential scores) just reaches the observed one.

    Args:
        positive: Independent units of the class that should score high.
        other: Independent units of the other class.
        level: Two-sided confidence level.
    """
    if positive == 0 or other == 0:
        return 0.0
    from scipy.optimize import brentq

    half, square, pairs = (positive + other) / 2 - 1, _z(level) ** 2, positive * other

    def excess(area: float) -> float:
        spread = 1 + half * ((1 - area) / (2 - area) + area / (1 + area))
        return pairs * (1 - area) - square * area * spread

    return float(brentq(excess, 0.0, 1.0, xtol=1e-12))


def perfect_agreement(units: int, share: float, level: float = LEVEL) -> float:
    """Lower bound of Cohen's kappa where all units agree, at least -1: Clopper and Pearson's of the raw agreement.

    The agreement by chance is that of two readers who both give one answer to this share of the units. With one answer
    only kappa is not estimable and the bound is -1.

    Args:
        units: Independent units, at least one.
        share: Share of the units that got one of the two answers; the bound is highest at one half.
        level: Two-sided confidence level.
    """
    by_chance_apart = 2 * share * (1 - share)
    apart = no_loss(units, level)
    return -1.0 if by_chance_apart == 0 else max(-1.0, 1 - apart / by_chance_apart)


def perfect_disagreement(units: int, share: float, level: float = LEVEL) -> float:
    """Upper bound of Cohen's kappa where no unit agrees, made in the same way.

    Args:
        units: Independent units, at least one.
        share: Share of the units to which the first reader gave one of the two answers, and the second the other one.
        level: Two-sided confidence level.
    """
    by_chance = 2 * share * (1 - share)
    return (no_loss(units, level) - by_chance) / (1 - by_chance)


def no_difference(units: int, level: float = LEVEL) -> float:
    """How far from zero a paired difference of shares may lie where no unit differs.

    The score interval of Tango, Statistics in Medicine 1998, 17: 891-908, without a discordant pair: z² / (n + z²).

    Args:
        units: Independent units.
        level: Two-sided confidence level.
    """
    square = _z(level) ** 2
    return square / (units + square)


def no_loss(units: int, level: float = LEVEL) -> float:
    """Upper bound of the mean of a loss between 0 and 1 where every unit lost nothing: Clopper and Pearson's.

    Args:
        units: Independent units, at least one.
        level: Two-sided confidence level.
    """
    high = proportion(0, units, level=level).high
    return 1.0 if high is None else high


def _z(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + level / 2))
