"""Measures of image quality as pure functions of samples: saturation, focus and illumination."""

from __future__ import annotations

import numpy as np

from nesqc_gmp.imaging.area import area_means
from nesqc_gmp.imaging.bands import Values, band_rows, differences, product
from nesqc_gmp.imaging.frame import Gray, Samples, scaled_luminance

_CAMERA_MAXIMA = frozenset((1023, 4095, 16383))
"""Full scale of cameras with 10, 12 and 14 bits, whose values lie in 16-bit files."""

_GRID = 32
_ABSCISSA = np.arange(_GRID) - (_GRID - 1) / 2
_SQUARE = _ABSCISSA**2 - (_ABSCISSA**2).mean()
_CONSTANT = np.ones(_GRID)
_TERMS = tuple(
    np.multiply.outer(down, across)
    for down, across in (
        (_CONSTANT, _CONSTANT),
        (_CONSTANT, _ABSCISSA),
        (_ABSCISSA, _CONSTANT),
        (_ABSCISSA, _ABSCISSA),
        (_CONSTANT, _SQUARE),
        (_SQUARE, _CONSTANT),
    )
)
"""Orthogonal polynomials of the second order on the grid: each coefficient is one projection."""


def saturated_share(samples: Samples) -> float:
    """Share of pixels with a sample at the lower or upper end of the range, 0 to 1.

    The upper end of a 16-bit file is 65535, or 1023, 4095 or 16383 where that is the largest value in it.
    """
    top = int(samples.max())
    full_scale = top if top in _CAMERA_MAXIMA and samples.dtype == np.uint16 else np.iinfo(samples.dtype).max
    height, width = samples.shape[:2]
    rows, saturated = band_rows(width), 0
    for first in range(0, height, rows):
        band = samples[first : first + rows]
        ends = (band == 0) | (band >= full_scale)
        saturated += int(np.count_nonzero(ends if ends.ndim == 2 else ends.any(axis=2)))
    return float(saturated / (height * width))


def focus_measure(image: Samples | Gray) -> float:
    """Energy of the Laplacian over energy of the gradient, 0 to 8; 0 for a flat image.

    The energy of the gradient is the mean square of the differences to the right and the lower neighbour, summed. Both
    energies grow with the square of the contrast, so the ratio does not depend on it. Blur lowers it; white noise
    alone has 5, so a noisy blurred image can pass: the image statistics are there for that.

    Args:
        image: Samples, or luminance ``(height, width)``; at least 3 x 3 pixels.
    """
    height, width = image.shape[:2]
    rows, energies = band_rows(width), np.zeros(3)
    for top in range(0, height, rows):
        down, across, curvature = differences(_values(image[top : top + rows + 2]))
        down, across = down[:rows], across[:rows]
        energies += product(down, down), product(across, across), product(curvature, curvature)
    gradient = float(energies[0]) / ((height - 1) * width) + float(energies[1]) / (height * (width - 1))
    if gradient <= np.finfo(np.float64).tiny:
        return 0.0
    return float(energies[2] / ((height - 2) * (width - 2)) / gradient)


def _values(band: Samples | Gray) -> Values:
    """A band of rows as floats; gray samples in their own unit, which is exact in 32 bits."""
    if band.dtype == np.float64:
        return np.asarray(band, dtype=np.float64)
    return band.astype(np.float32) if band.ndim == 2 else scaled_luminance(band, 1.0)


def illumination_unevenness(image: Samples | Gray) -> float:
    """Largest minus smallest value of the best second-order surface, over its mean; 1 for a black image.

    The surface is fitted by least squares to the means of a 32 x 32 grid.

    Args:
        image: Samples, or luminance ``(height, width)``.
    """
    cells = area_means(image, _GRID, _GRID)
    mean = float(cells.mean())
    if mean <= 0.0:
        return 1.0
    surface = sum((float((cells * term).sum() / (term * term).sum()) * term for term in _TERMS), np.zeros_like(cells))
    return float(surface.max() - surface.min()) / mean
