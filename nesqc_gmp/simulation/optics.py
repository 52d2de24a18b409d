"""An optical path map to the picture of a positive phase-contrast microscope.

Positive phase contrast shows path as darkness against its surroundings and puts bright halos around it; rounded cells,
thicker than the contrast can follow, come out bright (Zernike 1942; the halo as a low-pass term after Yin et al. 2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.simulation.cells import Cells
from nesqc_gmp.simulation.look import CultureLook
from nesqc_gmp.simulation.sheet import Map

HALO_SIGMAS_PX = (4.0, 14.0)
"""The halo is the mean of a narrow and a wide Gaussian, in pixels."""


def add_dead(path: Map, shine: Map, cells: Cells) -> None:
    """Draw rounded dead cells on top: a dark rim into ``path`` and a bright body into ``shine``, both in place."""
    size = len(path)
    for x, y, long, short, angle, height in zip(
        cells.x, cells.y, cells.long, cells.short, cells.angle, cells.height, strict=True
    ):
        reach = int(long * 2.5) + 2
        top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
        bottom, right = min(int(y) + reach, size), min(int(x) + reach, size)
        if bottom <= top or right <= left:
            continue
        rows, columns = np.mgrid[top:bottom, left:right]
        dx, dy = columns - x, rows - y
        along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        radius = np.sqrt((along / long) ** 2 + (across / short) ** 2)
        path[top:bottom, left:right] += 1.5 * height * np.exp(-(((radius - 1.0) / 0.22) ** 2))
        shine[top:bottom, left:right] += height * np.exp(-((radius / 0.72) ** 4))


def add_debris(random: np.random.Generator, path: Map, shine: Map, count: int) -> None:
    """Draw small specks, dark or bright, in place."""
    size = len(path)
    for _ in range(count):
        row, column = random.integers(4, size - 4, 2)
        target = shine if random.random() < 0.5 else path
        rows, columns = np.mgrid[-4:4, -4:4]
        turn = random.uniform(0, np.pi)
        along = columns * np.cos(turn) + rows * np.sin(turn)
        across = rows * np.cos(turn) - columns * np.sin(turn)
        spread = random.uniform(0.5, 1.3)
        spot = np.exp(-((along / (1.8 * spread)) ** 2) - (across / spread) ** 2)
        target[row - 4 : row + 4, column - 4 : column + 4] += random.uniform(0.6, 1.6) * spot


def picture(random: np.random.Generator, path: Map, shine: Map, look: CultureLook, margin: int) -> NDArray[np.uint8]:
    """The camera's 8-bit picture.

    Args:
        random: The generator, for the camera noise.
        path: Optical path, ``(h, h)``, margin included.
        shine: Light of rounded cells and specks, ``(h, h)``.
        look: The culture.
        margin: Pixels to cut on each side; they hold the wrap-around of the filters.

    Returns:
        ``(h - 2 * margin, h - 2 * margin)`` gray.
    """
    seen = _filtered(np.tanh(path * 0.85), look) + _blurred(shine, look)
    cut = seen[margin:-margin, margin:-margin]
    size = len(cut)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    slope = np.cos(look.illumination_angle) * columns + np.sin(look.illumination_angle) * rows
    light = 1 + look.illumination * (slope - 0.5 * (rows**2 + columns**2))
    grey = (look.brightness + look.contrast * cut) * light
    shot = np.sqrt(np.clip(grey, 1, None) / 128)
    noise = random.standard_normal(grey.shape, dtype=np.float32) * look.noise * shot
    return np.asarray(np.clip(np.rint(grey + noise), 0, 255), dtype=np.uint8)


def _gaussian(size: int, sigma: float) -> NDArray[np.float32]:
    rows, columns = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    return np.exp(-2 * (np.pi * sigma) ** 2 * (rows**2 + columns**2)).astype(np.float32)


def _halo(size: int) -> NDArray[np.float32]:
    narrow, wide = (_gaussian(size, sigma) for sigma in HALO_SIGMAS_PX)
    return np.asarray((narrow + wide) / 2, dtype=np.float32)


def _filtered(path: Map, look: CultureLook) -> NDArray[np.float64]:
    transfer = _gaussian(len(path), look.focus_sigma_px) * (1 - look.halo * _halo(len(path)))
    return np.asarray(np.fft.irfft2(-np.fft.rfft2(path) * transfer, s=path.shape))


def _blurred(shine: Map, look: CultureLook) -> NDArray[np.float64]:
    size = len(shine)
    transfer = _gaussian(size, look.focus_sigma_px) - 0.25 * look.halo * _halo(size)
    return np.asarray(np.fft.irfft2(np.fft.rfft2(shine) * transfer, s=shine.shape))
