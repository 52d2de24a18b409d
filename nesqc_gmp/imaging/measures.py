"""Measures of image quality as pure functions of samples: saturation, focus and illumination."""

from __future__ import annotations

import numpy as np

from nesqc_gmp.imaging.area import area_means
from nesqc_gmp.imaging.frame import Gray, Samples

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
    ends = (samples == 0) | (samples >= full_scale)
    return float((ends if ends.ndim == 2 else ends.any(axis=2)).mean())


def laplacian(image: Gray) -> Gray:
    """Five-point Laplacian of an image, without its border: ``(height - 2, width - 2)``."""
    result = -4.0 * image[1:-1, 1:-1]
    for neighbour in (image[:-2, 1:-1], image[2:, 1:-1], image[1:-1, :-2], image[1:-1, 2:]):
        result += neighbour
    return result


def gradient_energy(image: Gray) -> float:
    """Mean square of the differences to the right and lower neighbour, summed."""
    across, down = np.diff(image, axis=1), np.diff(image, axis=0)
    return float(np.square(across, out=across).mean() + np.square(down, out=down).mean())


def focus_measure(image: Gray) -> float:
    """Energy of the Laplacian over energy of the gradient, 0 to 8; 0 for a flat image.

    Both energies grow with the square of the contrast, so the ratio does not depend on it. Blur lowers it; white
    noise alone has 5, so a noisy blurred image can pass: the image statistics are there for that.
    """
    energy = gradient_energy(image)
    if energy <= np.finfo(np.float64).tiny:
        return 0.0
    curvature = laplacian(image)
    return float(np.square(curvature, out=curvature).mean()) / energy


def illumination_unevenness(image: Gray) -> float:
    """Largest minus smallest value of the best second-order surface, over its mean; 1 for a black image.

    The surface is fitted by least squares to the means of a 32 x 32 grid.
    """
    cells = area_means(image, _GRID, _GRID)
    mean = float(cells.mean())
    if mean <= 0.0:
        return 1.0
    surface = sum((float((cells * term).sum() / (term * term).sum()) * term for term in _TERMS), np.zeros_like(cells))
    return float(surface.max() - surface.min()) / mean
