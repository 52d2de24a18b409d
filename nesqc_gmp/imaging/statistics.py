"""Sixteen statistics of an image that say whether it looks like the development images at all.

A network's own embedding can call white noise a good culture. These explicit measures see noise, blur, another
magnification, inverted contrast and strong compression; the distance is Mahalanobis' (1936). The pixel scale is
kept (nothing is resized), so the magnification counts; the size of the field hardly does. Contrast, brightness
and bit depth cancel except where a statistic is about them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.frame import Gray, Samples
from nesqc_gmp.imaging.measures import blocks, gradient_energy, laplacian, saturated_share

Statistics = NDArray[np.float64]

_BANDS = (0.02, 0.04, 0.08, 0.16, 0.25, 0.35, 0.5)
"""Borders of the frequency bands, in cycles per pixel."""

_TILE = 128
_BLOCK = 32
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
"""What each statistic is, in order; logarithms are decadic."""


def image_statistics(samples: Samples) -> Statistics:
    """The statistics of gray samples, ``(16,)`` float64, always finite.

    Moments and percentiles come from the histogram of the samples, which is exact and much faster than sorting.

    Args:
        samples: ``(height, width)``, uint8 or uint16, each edge at least 32 pixels.
    """
    levels = _Levels(samples)
    centred = samples.astype(np.float64)
    centred -= levels.mean
    centred *= 1 / max(levels.spread, _FLOOR)
    low, median, high = levels.percentiles((1, 50, 99))
    curvature = laplacian(centred)
    curvature -= curvature.mean()
    energy = _mean_of_product(curvature, curvature)
    curvature *= 1 / max(np.sqrt(energy), _FLOOR)
    squares = curvature * curvature
    contrasts = blocks(centred, _BLOCK).std(axis=(1, 3))
    return np.array(
        [
            _log(levels.spread / max(levels.mean, _FLOOR)),
            levels.moment(3),
            _log(levels.moment(4)),
            (median - low) / max(high - low, _FLOOR),
            np.sqrt(saturated_share(samples)),
            *_band_powers(centred),
            _log(gradient_energy(centred)),
            _log(energy),
            _mean_of_product(squares, curvature),
            _log(_mean_of_product(squares, squares)),
            float(contrasts.std()) / max(float(contrasts.mean()), _FLOOR),
        ],
        dtype=np.float64,
    )


class _Levels:
    """The histogram of gray samples: moments and percentiles without a pass over the pixels for each."""

    def __init__(self, samples: Samples) -> None:
        counts = np.bincount(samples.ravel())
        self._values = np.flatnonzero(counts).astype(np.float64)
        self._counts = counts[counts > 0].astype(np.float64)
        self._pixels = float(samples.size)
        self.mean = float((self._values * self._counts).sum()) / self._pixels
        self._centred = self._values - self.mean
        self.spread = float(np.sqrt((self._centred**2 * self._counts).sum() / self._pixels))

    def moment(self, order: int) -> float:
        """Mean of a power of the standardised samples: 3 gives skewness, 4 kurtosis (3 for a normal distribution)."""
        standardised = self._centred / max(self.spread, _FLOOR)
        return float((standardised**order * self._counts).sum()) / self._pixels

    def percentiles(self, shares: tuple[float, ...]) -> tuple[float, ...]:
        """Smallest level at or below which at least this share of the samples lies, in percent."""
        places = np.searchsorted(np.cumsum(self._counts), np.array(shares) / 100 * self._pixels)
        return tuple(float(value) for value in self._values[np.minimum(places, len(self._values) - 1)])


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


def _band_powers(centred: Gray) -> list[float]:
    """Share of the power in each frequency band, as logarithms, over tiles under a Hann window."""
    edge = min(_TILE, *centred.shape)
    tiles = blocks(centred, edge).transpose(0, 2, 1, 3)
    window = np.hanning(edge)
    power = np.zeros((edge, edge // 2 + 1))
    for row in tiles:
        flat = row - row.mean(axis=(1, 2), keepdims=True)
        spectrum = np.fft.rfft2(flat * window[:, None] * window[None, :])
        power += (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None, :])
    bands = [float(power[(low <= frequency) & (frequency < high)].sum()) for low, high in pairwise(_BANDS)]
    total = max(sum(bands), _FLOOR)
    return [_log(band / total) for band in bands]


def _mean_of_product(first: Gray, second: Gray) -> float:
    """Mean of the products of two images, added pairwise in one order."""
    return float((first * second).mean())


def _log(value: float) -> float:
    """Decadic logarithm, not below that of the floor."""
    return float(np.log10(max(value, _FLOOR)))
