"""Area means on a coarse grid: the exact mean of the image over each cell, cut pixels counted by their share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nesqc_gmp.imaging.frame import Gray, Samples, scaled_luminance


def area_means(image: Samples | Gray, rows: int, columns: int) -> Gray:
    """Mean luminance of an image over each cell of a grid.

    Args:
        image: Samples, whose full scale is 1 in the result, or ``(height, width)`` luminance.
        rows: Cells from top to bottom.
        columns: Cells from left to right.

    Returns:
        ``(rows, columns)`` means.
    """
    bands = _means_of_rows(image, rows)
    if image.dtype != np.float64:
        # Luminance is linear, so it may follow the sums, which are exact in whole numbers.
        bands = scaled_luminance(bands, 255.0 if image.dtype == np.uint8 else 65_535.0)
    return _means_of_rows(np.ascontiguousarray(bands.T), columns).T


def _means_of_rows(image: Samples | Gray, cells: int) -> Gray:
    """Mean of each of so many equal bands of rows; a row cut by a border counts on both sides by its share."""
    height, *others = image.shape
    exact = image.dtype if image.dtype == np.float64 else np.uint32
    if height % cells == 0:
        sums: Gray = image.reshape(cells, height // cells, *others).sum(axis=1, dtype=exact)
        return np.asarray(sums / (height // cells))
    borders = [height * cell / cells for cell in range(cells + 1)]
    bands = np.empty((cells, *others))
    for cell, (start, stop) in enumerate(pairwise(borders)):
        first, last = int(start), min(int(np.ceil(stop)), height)
        bands[cell] = image[first:last].sum(axis=0, dtype=exact)
        if start > first:
            bands[cell] -= (start - first) * image[first]
        if last > stop:
            bands[cell] -= (last - stop) * image[last - 1]
        bands[cell] /= stop - start
    return bands
