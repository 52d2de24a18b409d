"""How unlike the places of an image, the images of a culture, the cultures of a batch are: exact, and without numpy.

The heterogeneity of an image is the standard deviation of its tiles about their mean, once of their scores and once of
their embeddings. It is not a robust measure on purpose: one bad corner is what it has to see, and a median would not.

Every sum is exactly rounded or decimal arithmetic, so no processor differs, and the order of the tiles does not matter.
What is decided is computed again from the entries alone: from the heat map and the distances of the tiles.
"""

from __future__ import annotations

import base64
import bisect
import decimal
import itertools
import math
import struct
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from nesqc_gmp.records.base import DecimalText, decimal_text
from nesqc_gmp.records.images import HeatMap, Heterogeneity, Prediction, Spread, TileHeterogeneity

TILES = 4
"""Tiles of the map along each edge of the image."""

LOG_ODDS_MAX = 1000.0
"""Beyond this a score is 0 or 1 to more decimals than any score has; the exponential would overflow."""

DECIMALS = 3
"""Decimals of a spread and of its bounds; the bounds are rounded outwards."""

STUDENT = {
    1: "12.706", 2: "4.303", 3: "3.182", 4: "2.776", 5: "2.571", 6: "2.447", 7: "2.365", 8: "2.306", 9: "2.262",
    10: "2.228", 11: "2.201", 12: "2.179", 13: "2.160", 14: "2.145", 15: "2.131", 16: "2.120", 17: "2.110",
    18: "2.101", 19: "2.093", 20: "2.086", 21: "2.080", 22: "2.074", 23: "2.069", 24: "2.064", 25: "2.060",
    26: "2.056", 27: "2.052", 28: "2.048", 29: "2.045", 30: "2.042", 40: "2.021", 60: "2.000", 120: "1.980",
}  # fmt: skip
"""Quantiles 0.975 of Student's t by degrees of freedom, as printed tables give them. Between two of them, and beyond
the last, the smaller number of degrees counts: the interval is then a little too wide, never too narrow."""

_CONTEXT = decimal.Context(prec=40, rounding=decimal.ROUND_HALF_EVEN)


def student(degrees: int) -> Decimal:
    """Quantile 0.975 of Student's t.

    Args:
        degrees: Degrees of freedom, at least 1.
    """
    known = list(STUDENT)
    return Decimal(STUDENT[known[bisect.bisect_right(known, degrees) - 1]])


def tile_log_odds(rows: int, columns: int, values: Sequence[float]) -> tuple[float, ...]:
    """Mean of a map inside each of 4 x 4 tiles, row by row, at most 1000 from 0.

    Args:
        rows: Rows of the map, at least 4.
        columns: Columns of the map, at least 4.
        values: The map, row by row.
    """
    down, across = (tuple(tile * count // TILES for tile in range(TILES + 1)) for count in (rows, columns))
    found = []
    for top, bottom in itertools.pairwise(down):
        for left, right in itertools.pairwise(across):
            lines = (values[row * columns + left : row * columns + right] for row in range(top, bottom))
            inside = list(itertools.chain.from_iterable(lines))
            found.append(max(-LOG_ODDS_MAX, min(LOG_ODDS_MAX, math.fsum(inside) / len(inside))))
    return tuple(found)


def standard_deviation(distances: Sequence[Decimal]) -> Decimal:
    """Standard deviation of parts, from their distances from their mean; of points the root of the total variance.

    Args:
        distances: ``n`` distances, at least two.
    """
    with decimal.localcontext(_CONTEXT):
        return _variance([distance * distance for distance in distances]).sqrt()


def spread(distances: Sequence[Decimal]) -> Spread | None:
    """Standard deviation of parts about their mean, with its interval; ``None`` of fewer than two parts.

    The standard error of the variance is that of the jackknife over the parts (Efron 1982, *The Jackknife, the
    Bootstrap and Other Resampling Plans*, chapter 3), here in closed form. The interval is Student's on the scale of
    the logarithm (Miller 1968, Ann. Math. Stat. 39:567, jackknifes the logarithm of a variance), so no bound is below
    0. Neighbours are taken as independent; where they are alike the interval is too narrow. Fewer than three parts, or
    parts that all lie equally far from their mean, give no interval: the jackknife sees no error there.

    Args:
        distances: ``n`` distances of the parts from their mean.
    """
    n = len(distances)
    if n < 2:
        return None
    with decimal.localcontext(_CONTEXT):
        squares = [distance * distance for distance in distances]
        variance = _variance(squares)
        value = variance.sqrt()
        mean = sum(squares, Decimal(0)) / n
        off = sum(((square - mean) ** 2 for square in squares), Decimal(0))
        if n < 3 or not off:
            return Spread(value=decimal_text(value, DECIMALS), low=None, high=None, units=n)
        error = (off * n / (n - 1)).sqrt() / (n - 2)
        factor = (student(n - 1) * error / variance / 2).exp()
        return _with_bounds(value, value / factor, value * factor, n)


def _variance(squares: Sequence[Decimal]) -> Decimal:
    return sum(squares, Decimal(0)) / (len(squares) - 1)


def mean_spread(parts: Sequence[Spread]) -> Spread | None:
    """Mean of spreads with its interval by Student's t, the parts being the units; ``None`` of no part.

    Args:
        parts: Spreads of the images of a culture, or of the cultures of a batch; one alone gives no interval.
    """
    n = len(parts)
    if not n:
        return None
    with decimal.localcontext(_CONTEXT):
        values = [Decimal(part.value) for part in parts]
        mean = sum(values, Decimal(0)) / n
        if n < 2:
            return Spread(value=decimal_text(mean, DECIMALS), low=None, high=None, units=n)
        variance = sum(((value - mean) ** 2 for value in values), Decimal(0)) / (n - 1)
        reach = student(n - 1) * (variance / n).sqrt()
        return _with_bounds(mean, max(mean - reach, Decimal(0)), mean + reach, n)


def _with_bounds(value: Decimal, low: Decimal, high: Decimal, units: int) -> Spread:
    step = Decimal(1).scaleb(-DECIMALS)
    return Spread(
        value=decimal_text(value, DECIMALS),
        low=decimal_text(low.quantize(step, ROUND_FLOOR), DECIMALS),
        high=decimal_text(high.quantize(step, ROUND_CEILING), DECIMALS),
        units=units,
    )


def of_image(heat_map: HeatMap, tile_distances: tuple[DecimalText, ...]) -> TileHeterogeneity:
    """The heterogeneity of one image, from what its record holds.

    Args:
        heat_map: The map.
        tile_distances: Relative distance of each tile's embedding from their mean; empty where not measured.

    Raises:
        ValueError: The map is not one of its size, or smaller than 4 x 4, or holds a value that is not a number.
    """
    count = heat_map.rows * heat_map.columns
    if min(heat_map.rows, heat_map.columns) < TILES:
        raise ValueError(f"a heat map of {heat_map.rows} x {heat_map.columns} has no {TILES} x {TILES} tiles")
    try:
        values = struct.unpack(f"<{count}f", base64.b64decode(heat_map.values, validate=True))
    except struct.error as error:
        raise ValueError(f"the heat map is not one of {heat_map.rows} x {heat_map.columns}") from error
    if not all(map(math.isfinite, values)):
        raise ValueError("the heat map holds a value that is not a number")
    log_odds = [Decimal(value) for value in tile_log_odds(heat_map.rows, heat_map.columns, values)]
    with decimal.localcontext(_CONTEXT):
        mean = sum(log_odds, Decimal(0)) / len(log_odds)
        distances = [abs(value - mean) for value in log_odds]
    return TileHeterogeneity(
        appearance=spread([Decimal(distance) for distance in tile_distances]),
        score=spread(distances),
        tile_distances=tile_distances,
    )


def follows(prediction: Prediction) -> bool:
    """Whether the heterogeneity of a recorded prediction follows from its heat map and the distances of its tiles."""
    recorded = prediction.heterogeneity
    try:
        return of_image(prediction.heat_map, recorded.tile_distances) == recorded
    except ValueError:
        return False


def mean_heterogeneity(parts: Iterable[Heterogeneity]) -> Heterogeneity:
    """The mean over images or cultures; each measure over the parts that have it."""
    found = tuple(parts)
    return Heterogeneity(
        appearance=mean_spread([part.appearance for part in found if part.appearance]),
        score=mean_spread([part.score for part in found if part.score]),
    )


def largest(attempts: Sequence[Heterogeneity]) -> Heterogeneity:
    """Of several measurements of one image the least favourable, each measure by itself.

    Args:
        attempts: At least one; a measure that one of them lacks counts as not measured.
    """
    return Heterogeneity(
        appearance=_largest([each.appearance for each in attempts]), score=_largest([each.score for each in attempts])
    )


def _largest(spreads: Sequence[Spread | None]) -> Spread | None:
    known = [each for each in spreads if each is not None]
    return max(known, key=lambda each: Decimal(each.value)) if len(known) == len(spreads) else None
