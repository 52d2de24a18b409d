"""Class-activation map to heat map and tile scores; tile embeddings to the distances of the tiles."""

from __future__ import annotations

import base64
import decimal
import math
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.decision.heterogeneity import TILES, tile_log_odds
from nesqc_gmp.records.base import DecimalText, decimal_text
from nesqc_gmp.records.images import HeatMap

TILE_DECIMALS = 4
"""Decimals of the relative distance of a tile."""

TILE_DISTANCE_MAX = 1e6
"""Beyond this a tile is as far from all images as it can be; a larger number would say no more."""


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
    rows, columns = activation.shape
    scores = [_score(value, decimals) for value in tile_log_odds(rows, columns, activation.ravel().tolist())]
    return tuple(tuple(scores[start : start + TILES]) for start in range(0, len(scores), TILES))


def _score(log_odds: float, decimals: int) -> DecimalText:
    with decimal.localcontext() as context:
        context.prec = _DIGITS
        return decimal_text(1 / (1 + (-Decimal(log_odds)).exp()), decimals)


def tile_distances(embeddings: NDArray[np.float32]) -> tuple[float, ...]:
    """Euclidean distance of the embedding of each tile from the mean of all tiles, row by row.

    Differences and squares are of single numbers and every sum is exactly rounded, so no processor differs and the
    order of the tiles does not matter.

    Args:
        embeddings: ``(channels, tile rows, tile columns)``.
    """
    tiles = embeddings.reshape(embeddings.shape[0], -1).astype(np.float64)
    mean = np.array([math.fsum(channel) / tiles.shape[1] for channel in tiles.tolist()])
    off = tiles - mean[:, None]
    return tuple(math.sqrt(math.fsum(squares)) for squares in (off * off).T.tolist())


def relative_distances(distances: tuple[float, ...], scale: DecimalText) -> tuple[DecimalText, ...]:
    """Distances over the scale of the package, as they are recorded."""
    return tuple(decimal_text(min(distance / float(scale), TILE_DISTANCE_MAX), TILE_DECIMALS) for distance in distances)
