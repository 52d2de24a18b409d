"""A seed and a culture to the gray samples of one simulated field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.simulation.cells import (
    FIELD_PX,
    Cells,
    Floats,
    dead_cells,
    flat_cells,
    joined,
    outside,
    place_rosettes,
    rosette_cells,
    sheet_cells,
    spindle_cells,
)
from nesqc_gmp.simulation.label import labelled
from nesqc_gmp.simulation.look import CultureLook
from nesqc_gmp.simulation.optics import add_dead, add_debris, picture
from nesqc_gmp.simulation.sheet import optical_path, smooth_noise

PIXEL_SIZE_UM = "1"
"""Edge of a simulated pixel, in micrometres: cells lie 11 to 13.5 micrometres apart."""

_MARGIN = 32
_SCATTER_A_PASSAGE = 0.002
"""Small beside the mildest defect: a late passage is no defect."""


def simulate(
    seed: int, *, good: bool, severity: float, culture: CultureLook, size: int = FIELD_PX
) -> NDArray[np.uint8]:
    """One field of a simulated NES cell culture in phase contrast, with the corner label.

    Args:
        seed: Number of the field within its culture, 0 or more.
        good: Whether the culture is conforming (rosettes in an even sheet).
        severity: How far a culture that is not conforming has gone, 0 to 1; without effect where ``good``.
        culture: What differs between cultures and is no defect.
        size: Edge of the picture, 128 to 4096 pixels.

    Returns:
        ``(size, size)`` gray, 8 bits.

    Raises:
        InvalidInputError: The severity or the size is outside its range.
    """
    return labelled(unlabelled(seed, good=good, severity=severity, culture=culture, size=size))


def unlabelled(
    seed: int, *, good: bool, severity: float, culture: CultureLook, size: int = FIELD_PX
) -> NDArray[np.uint8]:
    """The same field without the corner label, for training only: a model must not learn the label."""
    if not 0 <= severity <= 1:
        raise InvalidInputError(f"severity {severity} is not between 0 and 1", remedy="Give a share.")
    if not 128 <= size <= 4096:
        raise InvalidInputError(f"size {size} is not between 128 and 4096 pixels", remedy="Choose another size.")
    random = np.random.default_rng([seed, 0xF1E1D])
    defect = 0.0 if good else severity
    edge = size + 2 * _MARGIN
    fields = (edge / FIELD_PX) ** 2
    path = optical_path(random, _living(random, culture, defect, edge, fields), edge)
    shine = np.zeros_like(path)
    dead = random.poisson((culture.dead_cells + 42 * defect**1.3) * fields)
    add_dead(path, shine, dead_cells(random, int(dead), edge))
    add_debris(random, path, shine, int(random.poisson(culture.debris * fields)))
    return picture(random, path, shine, culture, _MARGIN)


def _living(random: np.random.Generator, culture: CultureLook, defect: float, edge: int, fields: float) -> Cells:
    """Rosettes lost, sizes scattered, spindle and flat cells and gaps gained as the defect grows."""
    kept = culture.rosettes * (1 - min(1.0, 1.3 * defect))
    rosettes = place_rosettes(random, int(random.poisson(kept * fields) if defect else round(kept * fields)), edge)
    reach = rosettes + np.array([0, 0, 3.1 * culture.spacing_px]) if len(rosettes) else rosettes
    scatter = min(1.0, _SCATTER_A_PASSAGE * culture.passage + 0.95 * defect)
    spindle = spindle_cells(random, int(random.poisson(95 * defect * fields)), edge)
    flat = flat_cells(random, int(random.poisson(26 * defect * fields)), edge)
    strangers = joined(spindle, flat)
    crowd = np.stack((strangers.x, strangers.y, 0.45 * np.sqrt(strangers.long * strangers.short)), 1)
    sheet = outside(outside(sheet_cells(random, culture, edge, scatter), reach), crowd)
    groups = joined(rosette_cells(random, rosettes, culture.spacing_px), outside(strangers, reach), sheet)
    return groups.chosen(_covered(random, groups, culture.confluence - 0.30 * defect, edge, rosettes))


def _covered(
    random: np.random.Generator, cells: Cells, confluence: float, edge: int, rosettes: Floats
) -> NDArray[np.bool_]:
    """Which cells stay when the sheet has gaps: those where a smooth random field is below its quantile."""
    field = smooth_noise(random, edge, 34.0)
    for x, y, lumen in rosettes:
        field[max(int(y - 40 - lumen), 0) : int(y + 40 + lumen), max(int(x - 40 - lumen), 0) : int(x + 40 + lumen)] -= 1
    rows, columns = np.clip(cells.y, 0, edge - 1).astype(int), np.clip(cells.x, 0, edge - 1).astype(int)
    return np.asarray(field[rows, columns] <= np.quantile(field, min(confluence, 1.0)))
