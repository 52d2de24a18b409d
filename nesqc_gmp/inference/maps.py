"""Class-activation map to heat map and tile scores."""

from __future__ import annotations

import base64
import decimal
import itertools
import math
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.records.base import DecimalText, decimal_text
from nesqc_gmp.records.images import HeatMap

TILES = 4
"""Tiles along each edge of the image."""

LOG_ODDS_MAX = 1000.0
"""Beyond this a score is 0 or 1 to more decimals than any score has; the exponential would overflow."""


_DIGITS = 20
"""Digits of the decimal arithmetic; a score has at most six."""


def heat_map(activation: NDArray[np.float32]) -> HeatMap:
    """The map ``(rows, columns)`` as a record: little-endian 32-bit floats in base64."""
    rows, columns = activation.shape
    data = np.ascontiguousarray(activation, dtype="<f4").tobytes()
    return HeatMap(rows=rows, columns=columns, values=base64.b64encode(data).decode("ascii"))


def tile_scores(activation: NDArray[np.float32], decimals: int) -> tuple[tuple[DecimalText, ...], ...]:
    """Score of each of 4 x 4 tiles: the logistic function of the mean of the map inside the tile.

    The mean is the exactly rounded sum and the logistic function is decimal arithmetic, so no processor differs.

    Args:
        activation: ``(rows, columns)`` calibrated map, at least 4 x 4.
        decimals: Decimals of a score.
    """
    rows, columns = (_edges(count) for count in activation.shape)
    return tuple(
        tuple(_score(activation[top:bottom, left:right], decimals) for left, right in itertools.pairwise(columns))
        for top, bottom in itertools.pairwise(rows)
    )


def _edges(count: int) -> list[int]:
    return [tile * count // TILES for tile in range(TILES + 1)]


def _score(tile: NDArray[np.float32], decimals: int) -> DecimalText:
    log_odds = max(-LOG_ODDS_MAX, min(LOG_ODDS_MAX, math.fsum(tile.ravel().tolist()) / tile.size))
    with decimal.localcontext() as context:
        context.prec = _DIGITS
        return decimal_text(1 / (1 + (-Decimal(log_odds)).exp()), decimals)
