"""Where the weight of a heat map lies: on cells, on background, near the border of the image.

A model that looks at the culture has its weight where the cells are. The shares are of each sign on its own, since what
speaks for a verdict and what speaks against it can lie in different places; beside them stands the share of the area,
which is what a weight spread evenly would have (EU GMP Annex 22 draft 8.1, 8.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.area import area_means
from nesqc_gmp.robustness.segmentation import Gray, Mask, foreground

BORDER = 0.1
"""The border is the outer tenth of the image at each of its four edges."""

Map = NDArray[np.float64]
"""``(rows, columns)`` values; positive speaks for conforming."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares from 0 to 1; cells and background add up to 1, the border lies over both.

    Attributes:
        cells: On cells.
        background: Between them.
        border: In the outer tenth of the image.
    """

    cells: float
    background: float
    border: float


@dataclass(frozen=True, slots=True)
class Weight:
    """Where the weight of one map lies.

    Attributes:
        positive: Of what speaks for conforming, ``None`` where nothing does.
        negative: Of what speaks against it, ``None`` where nothing does.
        area: Of the area of the image.
    """

    positive: Shares | None
    negative: Shares | None
    area: Shares


def weight(samples: Gray, values: Map, cells: Mask | None = None) -> Weight:
    """Where the weight of a map lies in its image.

    A value of the map counts for the whole rectangle of the image that it covers, and is divided by area where that is
    partly cell or partly border.

    Args:
        samples: ``(height, width)`` 16-bit gray.
        values: ``(rows, columns)`` map; it covers the whole image.
        cells: Where the cells are, if known better than by contrast (``robustness.segmentation``).
    """
    mask = foreground(samples) if cells is None else cells
    on_cells = area_means(mask.astype(np.float64), *values.shape)
    inside = np.outer(_inner(values.shape[0]), _inner(values.shape[1]))
    return Weight(
        positive=_shares(np.maximum(values, 0.0), on_cells, inside),
        negative=_shares(np.maximum(-values, 0.0), on_cells, inside),
        area=Shares(float(mask.mean()), float(1.0 - mask.mean()), 1.0 - (1.0 - 2.0 * BORDER) ** 2),
    )


def _inner(count: int) -> Map:
    """Share of each row (or column) of a map that lies between the two borders."""
    edges = np.linspace(0.0, 1.0, count + 1)
    inside: Map = np.diff(np.clip(edges, BORDER, 1.0 - BORDER)) * count
    return inside


def _shares(weights: Map, on_cells: Map, inside: Map) -> Shares | None:
    total = float(weights.sum())
    if total == 0.0:
        return None
    cells = float((weights * on_cells).sum()) / total
    return Shares(cells, 1.0 - cells, 1.0 - float((weights * inside).sum()) / total)
