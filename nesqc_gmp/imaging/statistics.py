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

from nesqc_gmp.imaging.frame import Gray, Samples, luminance
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
    """The statistics of gray or RGB samples, ``(16,)`` float64, always finite.

    Args:
        samples: ``(height, width)`` or ``(height, width, 3)``, each edge at least 32 pixels.
    """
    image = luminance(samples)
    mean, spread = float(image.mean()), float(image.std())
    centred = (image - mean) / max(spread, _FLOOR)
    low, median, high = np.percentile(centred, (1, 50, 99))
    curvature = laplacian(centred)
    curvature_spread = float(curvature.std())
    curvature = (curvature - curvature.mean()) / max(curvature_spread, _FLOOR)
    contrasts = blocks(centred, _BLOCK).std(axis=(1, 3))
    return np.array(
        [
            _log(spread / max(mean, _FLOOR)),
            _moment(centred, 3),
            _log(_moment(centred, 4)),
            (median - low) / max(high - low, _FLOOR),
            np.sqrt(saturated_share(samples)),
            *_band_powers(centred),
            _log(gradient_energy(centred)),
            _log(curvature_spread**2),
            _moment(curvature, 3),
            _log(_moment(curvature, 4)),
            float(contrasts.std()) / max(float(contrasts.mean()), _FLOOR),
        ],
        dtype=np.float64,
    )


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


def _moment(standardised: Gray, order: int) -> float:
    """Mean of a power of standardised values: 3 gives skewness, 4 kurtosis (3 for a normal distribution)."""
    powers = standardised * standardised
    powers *= standardised if order == 3 else powers
    return float(powers.mean())


def _log(value: float) -> float:
    """Decadic logarithm, not below that of the floor."""
    return float(np.log10(max(value, _FLOOR)))
