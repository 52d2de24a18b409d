"""Pictures that no model may call conforming: noise, blank fields, and test pictures made unlike the training ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def blurred(picture: Picture, sigma: float) -> Picture:
    """A Gaussian blur with ``sigma`` in pixels; the borders wrap around."""
    rows, columns = np.fft.fftfreq(picture.shape[0])[:, None], np.fft.rfftfreq(picture.shape[1])[None, :]
    transfer = np.exp(-2 * (np.pi * sigma) ** 2 * (rows**2 + columns**2))
    return _eight_bit(np.fft.irfft2(np.fft.rfft2(picture.astype(np.float64)) * transfer, s=picture.shape))


def magnified(picture: Picture, factor: float) -> Picture:
    """The middle of the picture at ``factor`` times the magnification, bilinear, same size."""
    edge = min(picture.shape)
    place = (np.arange(edge) - (edge - 1) / 2) / factor + (edge - 1) / 2
    low = np.clip(np.floor(place).astype(int), 0, edge - 2)
    part = place - low
    rows = picture[low] * (1 - part)[:, None] + picture[low + 1] * part[:, None]
    return _eight_bit(rows[:, low] * (1 - part) + rows[:, low + 1] * part)


def noisy(picture: Picture, sigma: float) -> Picture:
    """Camera noise with ``sigma`` in grey levels; the picture's own mean seeds it."""
    random = np.random.default_rng(int(picture.sum()))
    return _eight_bit(picture + random.normal(0, sigma, picture.shape))


def _white_noise(picture: Picture) -> Picture:
    random = np.random.default_rng(int(picture.sum()))
    return random.integers(0, 256, picture.shape, dtype=np.uint8)


def overexposed(picture: Picture, factor: float) -> Picture:
    """Light times ``factor``: what was brighter than ``255 / factor`` is lost."""
    return _eight_bit(picture.astype(np.float64) * factor)


def _eight_bit(values: NDArray[np.float64]) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


CORRUPTIONS: dict[str, Callable[[Picture], Picture]] = {
    "white noise": _white_noise,
    "blank field": lambda picture: np.full_like(picture, round(float(picture.mean()))),
    "inverted contrast": lambda picture: np.asarray(255 - picture, dtype=np.uint8),
    "saturated, mean light at full scale": lambda picture: overexposed(picture, 255 / max(float(picture.mean()), 1.0)),
    "blur, sigma 3 pixels": lambda picture: blurred(picture, 3.0),
    "blur, sigma 1.5 pixels": lambda picture: blurred(picture, 1.5),
    "magnification 2": lambda picture: magnified(picture, 2.0),
    "magnification 1.25": lambda picture: magnified(picture, 1.25),
    "camera noise, 20 grey levels": lambda picture: noisy(picture, 20.0),
}
"""Each corruption by the name under which the model card lists it; each takes and gives ``(edge, edge)``."""
