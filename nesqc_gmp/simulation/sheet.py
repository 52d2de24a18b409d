"""Cells to an optical path map: each pixel belongs to the nearest cell, measured in that cell's own axes.

The map of a field is an anisotropic Voronoi diagram, cut off where no cell is near: cells press against each other as
in an epithelial sheet and end round where they lie alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.simulation.cells import Cells

Map = NDArray[np.float32]


def smooth_noise(random: np.random.Generator, size: int, scale: float) -> Map:
    """Gaussian noise with unit variance and a correlation length of ``scale`` pixels, ``(size, size)``.

    A cubic B-spline through random knots, in element-wise sums: a matrix product would depend on its threads.
    """
    coarse = int(size / scale) + 4
    knots = random.standard_normal((coarse, coarse)).astype(np.float32)
    place = np.arange(size, dtype=np.float32) / np.float32(scale)
    field = _spline(_spline(knots, place).T, place).T
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def _spline(knots: Map, place: Map) -> Map:
    """Cubic B-spline along the first axis of ``(knots, n)`` at ``(size,)`` places, as ``(size, n)``."""
    first = place.astype(np.intp)
    t = (place - first)[:, None]
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return np.asarray(sum(weight * knots[first + index] for index, weight in enumerate(weights)) / 6, dtype=np.float32)


def optical_path(random: np.random.Generator, cells: Cells, size: int) -> Map:
    """Optical path of the sheet, ``(size, size)``: 0 where there is no cell, about 1 inside a packed cell."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    wobble = np.float32(1.3)
    x = columns + wobble * smooth_noise(random, size, 9.0)
    y = rows + wobble * smooth_noise(random, size, 9.0)
    nearest, second, owner = _owners(cells, x, y)
    table = {name: getattr(cells, name).astype(np.float32)[owner] for name in ("short", "height")}
    first = np.sqrt(nearest)
    border_px = (np.sqrt(second) - first) * table["short"]
    inside = 1 / (1 + np.exp(np.clip((first - 1.45) * 14, -30, 30)))
    dome = np.clip(1.15 - 0.30 * nearest, 0.25, None)
    cleft = 1 - 0.62 * np.exp(-((border_px / 1.5) ** 2))
    body = inside * table["height"] * dome * cleft
    grain = 1 + 0.20 * random.standard_normal((size, size), dtype=np.float32)
    return np.asarray(body * grain + inside * _nuclei(random, cells, x, y, owner), dtype=np.float32)


def _owners(cells: Cells, x: Map, y: Map) -> tuple[Map, Map, NDArray[np.intp]]:
    """Squared distance to the nearest and second nearest cell, in units of the cell's axes, and the nearest cell."""
    size = len(x)
    nearest, second = np.full((2, size, size), 9.0, dtype=np.float32)
    owner = np.zeros((size, size), dtype=np.intp)
    columns = np.stack((np.cos(cells.angle), np.sin(cells.angle), 1 / cells.long, 1 / cells.short), 1)
    for index, (cosine, sine, per_long, per_short) in enumerate(columns.astype(np.float32)):
        box = _box(cells, index, size)
        if box is None:
            continue
        dx, dy = x[box] - np.float32(cells.x[index]), y[box] - np.float32(cells.y[index])
        along, across = (dx * cosine + dy * sine) * per_long, (dy * cosine - dx * sine) * per_short
        distance = along * along + across * across
        best, runner_up = nearest[box], second[box]
        owner[box][distance < best] = index
        np.minimum(runner_up, np.maximum(best, distance), out=runner_up)
        np.minimum(best, distance, out=best)
    return nearest, second, owner


def _box(cells: Cells, index: int, size: int) -> tuple[slice, slice] | None:
    reach = int(cells.long[index] * 1.75) + 3
    column, row = int(cells.x[index]), int(cells.y[index])
    left, right, top, bottom = max(column - reach, 0), column + reach, max(row - reach, 0), row + reach
    return (slice(top, bottom), slice(left, right)) if right > 0 and bottom > 0 and left < size and top < size else None


def _nuclei(random: np.random.Generator, cells: Cells, x: Map, y: Map, owner: NDArray[np.intp]) -> Map:
    """Extra optical path of each nucleus and its nucleolus."""
    count = cells.x.size
    radius = np.clip(cells.short * random.uniform(0.50, 0.62, count), 2.4, 6.5)
    length = np.minimum(radius * np.clip(cells.long / cells.short, 1, 1.9), 11.0)
    depth = random.uniform(0.10, 0.50, count)
    shift = random.normal(0, 0.3, (2, count)) * radius

    def pick(column: NDArray[np.float64]) -> Map:
        return np.asarray(column.astype(np.float32)[owner], dtype=np.float32)

    dx, dy = x - pick(cells.x), y - pick(cells.y)
    cosine, sine = pick(np.cos(cells.angle)), pick(np.sin(cells.angle))
    along, across = dx * cosine + dy * sine, dy * cosine - dx * sine
    ellipse = (along / pick(length)) ** 2 + (across / pick(radius)) ** 2
    spot = ((along - pick(shift[0])) ** 2 + (across - pick(shift[1])) ** 2) / np.float32(2.2)
    return np.asarray(pick(depth) * np.exp(-(ellipse**2)) + pick(1.6 * depth) * np.exp(-spot), dtype=np.float32)
