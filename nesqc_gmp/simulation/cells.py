"""Where cells lie, how they are shaped and turned: rosettes, the packed sheet between them, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.simulation.look import CultureLook

Floats = NDArray[np.float64]

FIELD_PX = 512
"""Edge of the field for which counts of a CultureLook are stated, in pixels."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells as columns of equal length.

    Attributes:
        x: Columns of the centres, in pixels.
        y: Rows of the centres, in pixels.
        long: Half of the long axis, in pixels.
        short: Half of the short axis, in pixels.
        angle: Direction of the long axis, in radians.
        height: Optical path at the centre, relative to a cell of the packed sheet.
    """

    x: Floats
    y: Floats
    long: Floats
    short: Floats
    angle: Floats
    height: Floats

    def chosen(self, keep: NDArray[np.bool_]) -> Cells:
        """The cells where ``keep`` is true."""
        return Cells(*(getattr(self, name)[keep] for name in self.__slots__))


def joined(*groups: Cells) -> Cells:
    """Several groups of cells as one."""
    return Cells(*(np.concatenate([getattr(group, name) for group in groups]) for name in Cells.__slots__))


def place_rosettes(random: np.random.Generator, count: int, size: int) -> Floats:
    """Centres and lumen radii of rosettes that do not overlap.

    Returns:
        ``(n, 3)`` x, y and lumen radius in pixels; n may be below ``count`` where the field is full.
    """
    placed: list[tuple[float, float, float]] = []
    for _ in range(count * 12):
        x, y = random.uniform(-10, size + 10, 2)
        lumen = random.uniform(5.0, 10.0)
        if all((x - px) ** 2 + (y - py) ** 2 > (54 + lumen + pl) ** 2 for px, py, pl in placed):
            placed.append((float(x), float(y), float(lumen)))
        if len(placed) == count:
            break
    return np.asarray(placed, dtype=np.float64).reshape(-1, 3)


def rosette_cells(random: np.random.Generator, rosettes: Floats, spacing: float) -> Cells:
    """Elongated cells around each lumen, in two rings, their long axes towards the lumen."""
    groups = [_ring(random, x, y, lumen, spacing, ring) for x, y, lumen in rosettes for ring in (0, 1)]
    return joined(_none(), *groups)


def _ring(random: np.random.Generator, x: float, y: float, lumen: float, spacing: float, ring: int) -> Cells:
    long = spacing * (1.0 if ring == 0 else 0.75)
    distance = lumen + (0.9 * long if ring == 0 else 2.6 * spacing)
    count = max(6, round(2 * np.pi * distance / (spacing * (0.62 if ring == 0 else 0.85))))
    turn = np.arange(count) * 2 * np.pi / count + random.uniform(0, 2 * np.pi) + random.normal(0, 0.05, count)
    oval = 1 + 0.15 * np.cos(2 * (turn - random.uniform(0, np.pi)))
    radius = distance * oval + random.normal(0, 0.07 * spacing, count)
    return Cells(
        x=x + radius * np.cos(turn),
        y=y + radius * np.sin(turn),
        long=long * random.uniform(0.9, 1.1, count),
        short=spacing * random.uniform(0.36, 0.44, count),
        angle=turn + random.normal(0, 0.10 + 0.08 * ring, count),
        height=random.uniform(0.95, 1.15, count),
    )


def sheet_cells(random: np.random.Generator, look: CultureLook, size: int, scatter: float) -> Cells:
    """The packed sheet: a jittered hexagonal grid of small cells.

    Args:
        random: The generator.
        look: The culture.
        size: Edge of the field, in pixels.
        scatter: Unevenness of place, size and height: 0 even, 1 wild.
    """
    step = look.spacing_px
    rows, columns = np.mgrid[-2 : size / (step * 0.866) + 2, -2 : size / step + 2]
    x = ((columns + 0.5 * (rows % 2)) * step).ravel()
    y = (rows * step * 0.866).ravel()
    uneven = 0.18 + 0.22 * scatter
    x, y = x + random.normal(0, uneven * step, x.size), y + random.normal(0, uneven * step, x.size)
    scale = np.exp(random.normal(0, 0.10 + 0.28 * scatter, x.size)) * step * 0.60
    stretch = np.exp(np.abs(random.normal(0, 0.16 + 0.22 * scatter, x.size)))
    return Cells(
        x=x,
        y=y,
        long=scale * stretch,
        short=scale / stretch,
        angle=random.uniform(0, np.pi, x.size),
        height=np.exp(random.normal(0, 0.08 + 0.30 * scatter, x.size)),
    )


def spindle_cells(random: np.random.Generator, count: int, size: int) -> Cells:
    """Long thin cells that turn with their neighbours, as cells do that leave the epithelial state."""
    x, y = random.uniform(0, size, (2, count))
    flow = random.uniform(0, np.pi) + 1.2 * np.sin(x / 90 + random.uniform(0, 6)) + 1.2 * np.cos(y / 110)
    return Cells(
        x=x,
        y=y,
        long=random.uniform(24, 48, count),
        short=random.uniform(2.8, 4.6, count),
        angle=flow + random.normal(0, 0.2, count),
        height=random.uniform(0.9, 1.5, count),
    )


def flat_cells(random: np.random.Generator, count: int, size: int) -> Cells:
    """Wide flat cells with little optical path."""
    x, y = random.uniform(0, size, (2, count))
    return Cells(
        x=x,
        y=y,
        long=random.uniform(22, 38, count),
        short=random.uniform(15, 26, count),
        angle=random.uniform(0, np.pi, count),
        height=random.uniform(0.30, 0.5, count),
    )


def dead_cells(random: np.random.Generator, count: int, size: int) -> Cells:
    """Rounded, detached cells, alone or in small heaps; drawn on top of the sheet by the optics."""
    heaps = random.uniform(0, size, (max(1, count // 3), 2))
    heap = random.integers(0, len(heaps), count)
    radius = random.uniform(4.0, 6.5, count)
    return Cells(
        x=heaps[heap, 0] + random.normal(0, 14, count),
        y=heaps[heap, 1] + random.normal(0, 14, count),
        long=radius,
        short=radius * random.uniform(0.85, 1.0, count),
        angle=random.uniform(0, np.pi, count),
        height=random.uniform(0.9, 1.5, count),
    )


def outside(cells: Cells, circles: Floats) -> Cells:
    """The cells whose centres lie outside every circle ``(n, 3)`` of x, y, radius in pixels."""
    keep = np.ones(cells.x.size, dtype=bool)
    for x, y, radius in circles:
        keep &= (cells.x - x) ** 2 + (cells.y - y) ** 2 > radius**2
    return cells.chosen(keep)


def _none() -> Cells:
    return Cells(*(np.empty(0) for _ in Cells.__slots__))
