"""The second check of the paper: does the model look at the cells? Parts of an image are taken away.

The foreground is where local contrast is high; what is taken away is filled with the median and a noise of the same
spread, so that neither a hole nor an edge enters.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint16]
Mask = NDArray[np.bool_]
Part = Literal["background masked", "cells masked", "half of the image"]
PARTS: tuple[Part, ...] = ("background masked", "cells masked", "half of the image")

_WINDOW = 9
_BLOCKS = 8


def foreground(samples: Gray) -> Mask:
    """Where the standard deviation in a window of 9 pixels is above Otsu's (1979) threshold, closed by 5 pixels."""
    from scipy.ndimage import binary_dilation, uniform_filter

    image = samples.astype(np.float64)
    mean = uniform_filter(image, _WINDOW, mode="reflect")
    spread = np.sqrt(np.maximum(uniform_filter(image * image, _WINDOW, mode="reflect") - mean * mean, 0.0))
    return np.asarray(binary_dilation(spread > _otsu(spread), iterations=5))


def segmented(samples: Gray, part: Part, seed: int = 0, cells: Mask | None = None) -> Gray:
    """The image with a part taken away.

    Args:
        samples: ``(height, width)`` 16-bit gray.
        part: What is taken away; ``half of the image`` keeps every second of 8 x 8 blocks, drawn at random.
        seed: Of the draw and of the noise.
        cells: Where the cells are, if known better than by contrast.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    found = foreground(samples) if cells is None else cells
    if part == "half of the image":
        kept = generator.permutation(_BLOCKS * _BLOCKS).reshape(_BLOCKS, _BLOCKS) % 2 == 0
        rows = np.arange(samples.shape[0]) * _BLOCKS // samples.shape[0]
        columns = np.arange(samples.shape[1]) * _BLOCKS // samples.shape[1]
        away = ~kept[np.ix_(rows, columns)]
    else:
        away = ~found if part == "background masked" else found
    quiet = samples[~found] if (~found).any() else samples.ravel()
    noise = generator.normal(float(np.median(quiet)), float(quiet.std()), samples.shape)
    filled = np.asarray(np.clip(np.rint(noise), 0, 65535), dtype=np.uint16)
    return np.where(away, filled, samples)


def _otsu(values: NDArray[np.float64]) -> float:
    """The threshold that parts values into two classes of least variance within."""
    counts, edges = np.histogram(values, 256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    between[~np.isfinite(between)] = -1.0
    return float(middles[int(between.argmax())])
