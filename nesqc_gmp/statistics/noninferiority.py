"""Is the model at least as good as the process it replaces, whose performance must be known?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.statistics.auroc import RESAMPLES
from nesqc_gmp.statistics.boundary import no_difference
from nesqc_gmp.statistics.interval import LEVEL, Interval, not_estimable, reaching

_METHOD = "cluster bootstrap, paired"


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """The comparison with the manual baseline.

    Attributes:
        verdict: ``not assessable`` without a baseline or with too few clusters; never a pass then.
        difference: Model minus baseline, share of right answers, with a cluster bootstrap interval.
        margin: How much worse the model may be, set before the test.
    """

    verdict: Literal["non-inferior", "not shown", "not assessable"]
    difference: Interval | None
    margin: float


def non_inferiority(
    model_right: Sequence[bool],
    baseline_right: Sequence[bool] | None,
    clusters: Sequence[str],
    *,
    margin: float,
    seed: int,
) -> NonInferiority:
    """Compare the model with the baseline on the same units, whole clusters resampled together.

    Args:
        model_right: Whether the model was right, unit by unit; undecided counts as not right.
        baseline_right: The same for the manual process; ``None`` where it was never measured.
        clusters: Culture of each unit.
        margin: How much worse the model may be, above 0 and below 1.
        seed: Of the bootstrap.

    Raises:
        InvalidInputError: The margin is impossible, or the units are not paired.
    """
    if not 0 < margin < 1:
        raise InvalidInputError(f"a margin of {margin} is none", where="margin", remedy="Set it between 0 and 1.")
    if baseline_right is None:
        return NonInferiority("not assessable", None, margin)
    interval = paired_difference(model_right, baseline_right, clusters, seed=seed)
    if interval.low is None:
        return NonInferiority("not assessable", None, margin)
    return NonInferiority("non-inferior" if interval.low > -margin else "not shown", interval, margin)


def paired_difference(
    model_right: Sequence[bool], baseline_right: Sequence[bool], clusters: Sequence[str], *, seed: int
) -> Interval:
    """Share of right answers, model minus baseline, with a bootstrap of whole clusters; none with fewer than three.

    The interval reaches at least as far to both sides as that of clusters without any difference
    (``statistics.boundary.no_difference``).

    Raises:
        InvalidInputError: The units are not paired.
    """
    if not len(model_right) == len(baseline_right) == len(clusters):
        raise InvalidInputError("model, baseline and cultures are not paired", remedy="Give one of each a unit.")
    difference = np.asarray(model_right, dtype=np.float64) - np.asarray(baseline_right, dtype=np.float64)
    names, of_unit = np.unique(np.asarray(clusters), return_inverse=True)
    count = len(names)
    if count < 3:
        return not_estimable(_METHOD, "fewer than three clusters", count)
    sums, sizes = np.bincount(of_unit, difference, count), np.bincount(of_unit, minlength=count)
    drawn = np.random.Generator(np.random.PCG64(seed)).integers(0, count, (RESAMPLES, count))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    estimate, reach = float(difference.mean()), no_difference(count)
    found = Interval(estimate, float(low), float(high), _METHOD, count)
    return reaching(found, max(-1.0, estimate - reach), min(1.0, estimate + reach))
