"""Area means on a coarse grid: the exact mean of the image over each cell, cut pixels counted by their share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nesqc_gmp.imaging.frame import Gray


def area_means(image: Gray, rows: int, columns: int) -> Gray:
    """Mean of an image over each cell of a grid.

    Args:
        image: ``(height, width)`` values.
        rows: Cells from top to bottom.
        columns: Cells from left to right.

    Returns:
        ``(rows, columns)`` means, in the unit of the image.
    """
    return _means_of_rows(_means_of_rows(image, rows).T, columns).T


def _means_of_rows(image: Gray, cells: int) -> Gray:
    """Mean of each of so many equal bands of rows; a row cut by a border counts on both sides by its share."""
    height = image.shape[0]
    borders = [height * cell / cells for cell in range(cells + 1)]
    bands = np.empty((cells, image.shape[1]))
    for cell, (start, stop) in enumerate(pairwise(borders)):
        first, last = int(start), min(int(np.ceil(stop)), height)
        band = image[first:last].sum(axis=0)
        if start > first:
            band -= (start - first) * image[first]
        if last > stop:
            band -= (last - stop) * image[last - 1]
        bands[cell] = band / (stop - start)
    return bands
