"""Sixteen statistics of an image that say whether it looks like the development images at all.

A network's own embedding can call white noise a good culture. These explicit measures see noise, blur, another
magnification, inverted contrast and strong compression; the distance is Mahalanobis' (1936). The pixel scale is
kept (nothing is resized), so the magnification counts; the size of the field hardly does. Contrast, brightness
and bit depth cancel except where a statistic is about them.

Moments, energies and block contrasts use every pixel, percentiles and the saturated share an even grid of pixels, the
spectrum every second tile like the black fields of a chessboard.
The models lock limits on these numbers: who changes the definition has to fit the limits of every model again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.bands import Values, band_rows, differences, product
from nesqc_gmp.imaging.frame import Samples
from nesqc_gmp.imaging.measures import saturated_share

Statistics = NDArray[np.float64]

_BANDS = (0.02, 0.04, 0.08, 0.16, 0.25, 0.35, 0.5)
"""Borders of the frequency bands, in cycles per pixel."""

_TILE = 128
_BLOCK = 32
_GRID = 128
"""The grid of pixels has at least so many rows and columns, where the image has."""

_FLOOR = 1e-12

STATISTICS_NAMES = (
    "log contrast",
    "skewness",
    "log kurtosis",
    "position of the median",
    "root of the saturated share",
    *(f"log power {low:g} to {high:g} cycles per pixel" for low, high in pairwise(_BANDS)),
    "log gradient energy",
    "log Laplacian energy",
    "skewness of the Laplacian",
    "log kurtosis of the Laplacian",
    "variation of block contrast",
)
"""What each statistic is, in order; logarithms are decadic. The moments of the Laplacian are taken about zero."""


def image_statistics(samples: Samples) -> Statistics:
    """The statistics of gray samples, ``(16,)`` float64, always finite.

    Args:
        samples: ``(height, width)``, uint8 or uint16, each edge at least 32 pixels; 8 bits count as 257 times as many.
    """
    wide = samples * np.uint16(257) if samples.dtype == np.uint8 else samples
    height, width = wide.shape
    rows = band_rows(width, _BLOCK)
    # Whole numbers, so the mean is exact; 32 bits hold the sum of any row.
    mean = int(wide.sum(axis=1, dtype=np.uint32).sum(dtype=np.uint64)) / wide.size
    bands = [_measured(wide[top : top + rows + 2], rows, mean) for top in range(0, height, rows)]
    square, cube, fourth, down, across, curved, curved_cube, curved_fourth = (
        sum(values) for values in zip(*(band.sums for band in bands), strict=True)
    )
    inner = (height - 2) * (width - 2)
    variance, curvature = max(square / wide.size, _FLOOR), max(curved / inner, _FLOOR)
    contrasts = np.concatenate([band.contrasts for band in bands])
    low, median, high = _percentiles(grid := _even_grid(wide), (1, 50, 99))
    return np.array(
        [
            _log(variance**0.5 / max(mean, _FLOOR)),
            cube / wide.size / variance**1.5,
            _log(fourth / wide.size / variance**2),
            (median - low) / max(high - low, _FLOOR),
            saturated_share(grid) ** 0.5,
            *_band_powers(wide),
            _log((down / ((height - 1) * width) + across / (height * (width - 1))) / variance),
            _log(curvature / variance),
            curved_cube / inner / curvature**1.5,
            _log(curved_fourth / inner / curvature**2),
            float(contrasts.std()) / max(float(contrasts.mean()), _FLOOR),
        ],
        dtype=np.float64,
    )


@dataclass(frozen=True, slots=True)
class _Band:
    """What a band of rows adds.

    Attributes:
        sums: Second to fourth powers of the centred samples, squares of the differences to the lower and the right
            neighbour, second to fourth powers of the five-point Laplacian.
        contrasts: Standard deviation of each whole block.
    """

    sums: tuple[float, ...]
    contrasts: NDArray[np.float64]


def _measured(samples: Samples, rows: int, mean: float) -> _Band:
    """Sums over a band of rows.

    Args:
        samples: ``(rows + 2, width)``: the band and the two rows below, which differences and Laplacian reach into;
            fewer at the end of the image.
        rows: Rows of the band.
        mean: Mean of the image.
    """
    centred = samples.astype(np.float32)
    centred -= np.float32(mean)
    own = centred[:rows]
    squares = own * own
    down, across, curvature = differences(centred)
    curved = curvature * curvature
    return _Band(
        (
            float(squares.sum()),
            product(squares, own),
            product(squares, squares),
            product(down[:rows], down[:rows]),
            product(across[:rows], across[:rows]),
            float(curved.sum()),
            product(curved, curvature),
            product(curved, curved),
        ),
        _contrasts(_block_sums(own), _block_sums(squares)),
    )


def _block_sums(values: Values) -> NDArray[np.float64]:
    """Sum over each whole block from the upper left; a rest stays out."""
    down, across = values.shape[0] // _BLOCK, values.shape[1] // _BLOCK
    of_rows = values[: down * _BLOCK].reshape(down, _BLOCK, values.shape[1]).sum(axis=1)
    inside = of_rows[:, : across * _BLOCK].reshape(down * across, _BLOCK)
    return np.asarray(inside.sum(axis=1), dtype=np.float64)


def _contrasts(sums: NDArray[np.float64], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviations of blocks from their sums and sums of squares."""
    return np.sqrt(np.maximum(squares / _BLOCK**2 - (sums / _BLOCK**2) ** 2, 0.0))


def _even_grid(samples: Samples) -> Samples:
    """Every so many rows and columns."""
    step = max(1, min(samples.shape) // _GRID)
    return samples[::step, ::step]


def _percentiles(samples: Samples, shares: tuple[int, ...]) -> tuple[float, ...]:
    """Smallest level at or below which at least this share of the samples lies, in percent."""
    ordered = np.sort(samples, axis=None)
    return tuple(float(ordered[-(-share * ordered.size // 100) - 1]) for share in shares)


def statistics_distance(statistics: Statistics, mean: Statistics, precision: Statistics) -> float:
    """Mahalanobis distance of statistics from the development images.

    Args:
        statistics: ``(n,)`` statistics of one image.
        mean: ``(n,)`` mean over the development images.
        precision: ``(n, n)`` inverse covariance of the same.
    """
    difference = statistics - mean
    # einsum without optimisation adds in one order; a threaded matrix product need not.
    square = float(np.einsum("i,ij,j->", difference, precision, difference, optimize=False))
    return float(np.sqrt(max(square, 0.0)))


def _band_powers(samples: Samples) -> list[float]:
    """Share of the power in each frequency band, as logarithms, over every second tile under a Hann window."""
    edge = min(_TILE, *samples.shape)
    window, band = _spectrum(edge)
    power = np.zeros(band.shape, np.float32)
    for row, top in enumerate(_origins(samples.shape[0], edge)):
        for left in _origins(samples.shape[1], edge)[row % 2 :: 2]:
            tile = samples[top : top + edge, left : left + edge].astype(np.float32)
            tile -= tile.mean()
            tile *= window
            parts = np.fft.rfft2(tile).view(np.float32)
            power += parts * parts
    powers = np.bincount(band.ravel(), weights=power.ravel(), minlength=len(_BANDS) + 1)[1 : len(_BANDS)]
    total = max(float(powers.sum()), _FLOOR)
    return [_log(float(value) / total) for value in powers]


def _origins(size: int, edge: int) -> list[int]:
    """Where tiles begin that cover an edge evenly, with as little overlap as goes."""
    tiles = -(-size // edge)
    return [tile * (size - edge) // max(tiles - 1, 1) for tile in range(tiles)]


@lru_cache(maxsize=4)
def _spectrum(edge: int) -> tuple[Values, NDArray[np.intp]]:
    """The window of a tile ``(edge, edge)``, and the band of the real and imaginary part of each coefficient.

    Bands count from 1; 0 and the last number are in none.
    """
    window = np.hanning(edge).astype(np.float32)
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None, :])
    return np.outer(window, window), np.repeat(np.digitize(frequency, _BANDS), 2, axis=1)


def _log(value: float) -> float:
    """Decadic logarithm, not below that of the floor."""
    return float(np.log10(max(value, _FLOOR)))
