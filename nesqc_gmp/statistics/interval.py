"""An estimate with its interval, and the intervals of a proportion."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from nesqc_gmp.errors import InvalidInputError

LEVEL = 0.95
"""Two-sided confidence level of every interval, unless a plan says otherwise."""

_NO_WIDTH = 1e-6
"""An interval narrower than the decimals that are reported has no width."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with a two-sided confidence interval.

    Attributes:
        estimate: The estimate, or ``None`` where it is not estimable (nothing was observed, or one class only).
        low: Lower confidence bound, ``None`` where it is not estimable.
        high: Upper confidence bound, ``None`` where it is not estimable.
        method: How the interval was made.
        units: Independent units that it rests on (images, cultures or donors, as the method says).
        level: Confidence level.
        reason: Why there are no bounds, empty where there are.
    """

    estimate: float | None
    low: float | None
    high: float | None
    method: str
    units: int
    level: float = LEVEL
    reason: str = ""

    def __str__(self) -> str:
        if self.estimate is None:
            return f"not estimable: {self.reason}"
        if self.low is None or self.high is None:
            return f"{self.estimate:.4f} (interval not assessable: {self.reason})"
        return f"{self.estimate:.4f} ({self.low:.4f} to {self.high:.4f})"


def not_estimable(method: str, reason: str, units: int = 0) -> Interval:
    """The interval of a figure that nothing observed can estimate."""
    return Interval(None, None, None, method, units, reason=reason)


def unbounded(estimate: float, method: str, reason: str, units: int, level: float = LEVEL) -> Interval:
    """An estimate without an interval, and why."""
    return Interval(estimate, None, None, method, units, level, reason)


def reaching(found: Interval, low: float, high: float) -> Interval:
    """An interval that reaches at least from ``low`` to ``high``; without bounds where it has no width even so.

    Args:
        found: The interval; one without bounds stays as it is.
        low: The highest lower bound that its units can show at their best (``statistics.boundary``).
        high: The lowest upper bound that they can show.
    """
    if found.estimate is None or found.low is None or found.high is None:
        return found
    lowest, highest = min(found.low, low), max(found.high, high)
    if highest - lowest < _NO_WIDTH:
        return unbounded(found.estimate, found.method, "its interval has no width", found.units, found.level)
    return replace(found, low=lowest, high=highest)


def proportion(
    successes: int, trials: int, method: Literal["Clopper-Pearson", "Wilson"] = "Clopper-Pearson", level: float = LEVEL
) -> Interval:
    """A proportion of independent trials with its interval.

    Args:
        successes: How many succeeded.
        trials: How many there were; with none the proportion is not estimable.
        method: Clopper and Pearson (1934), never too narrow, for claims; Wilson (1927) as a second view.
        level: Two-sided confidence level.

    Raises:
        InvalidInputError: The counts are impossible.
    """
    if not 0 <= successes <= trials:
        raise InvalidInputError(f"{successes} of {trials} is no proportion", remedy="Count again.")
    if trials == 0:
        return not_estimable(method, "no unit")
    from scipy.stats import binomtest

    found = binomtest(successes, trials).proportion_ci(level, "exact" if method == "Clopper-Pearson" else "wilson")
    return Interval(successes / trials, float(found.low), float(found.high), method, trials, level)


def normal_interval(estimate: float, variance: float, method: str, units: int, level: float = LEVEL) -> Interval:
    """A normal interval, cut to 0 to 1; where the variance is not known only the estimate is given."""
    if not math.isfinite(variance) or variance < 0:
        return unbounded(estimate, method, "the variance is not known", units, level)
    from scipy.stats import norm

    reach = float(norm.ppf(0.5 + level / 2)) * math.sqrt(variance)
    return Interval(estimate, max(0.0, estimate - reach), min(1.0, estimate + reach), method, units, level)
