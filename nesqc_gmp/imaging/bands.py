"""Images worked on in bands of whole rows that stay in the cache of the processor.

Temporary arrays as large as the image cost more in fresh memory than the arithmetic on them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

BAND_PIXELS = 65_536
"""About so many pixels are worked on at a time; as 32-bit floats, a few such arrays fit the cache of one core."""

Values: TypeAlias = NDArray[np.floating[Any]]
"""Floats of either width; results have the width of what was given."""


def band_rows(width: int, multiple: int = 1) -> int:
    """Rows of a band of an image: at least one multiple.

    Args:
        width: Columns of the image.
        multiple: The rows are a multiple of this.
    """
    return multiple * max(1, BAND_PIXELS // (multiple * width))


def differences(values: Values) -> tuple[Values, Values, Values]:
    """Differences to the lower and the right neighbour, and the five-point Laplacian.

    Args:
        values: ``(height, width)``, at least one row.

    Returns:
        ``(height - 1, width)``, ``(height, width - 1)`` and ``(height - 2, width - 2)``, or no rows where that is less.
    """
    down, across = values[1:] - values[:-1], values[:, 1:] - values[:, :-1]
    curvature = down[1:, 1:-1] - down[:-1, 1:-1]
    curvature += across[1:-1, 1:]
    curvature -= across[1:-1, :-1]
    return down, across, curvature


def product(first: Values, second: Values) -> float:
    """Sum of the products of two arrays: each row in the type of the arrays, the rows in 64 bits.

    einsum without optimisation adds in one order; a threaded matrix product need not.
    """
    return float(np.einsum("ij,ij->i", first, second, optimize=False).sum(dtype=np.float64))
