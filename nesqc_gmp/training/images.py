"""The labelled images of a run, as the network takes them, and those that were left out, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle around one cell, in pixels; right and bottom lie outside.

    Attributes:
        left: First column.
        top: First row.
        right: Column after the last.
        bottom: Row after the last.
        conforming: Whether the cell is a living one.
    """

    left: int
    top: int
    right: int
    bottom: int
    conforming: bool


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """One labelled image.

    Attributes:
        name: As the manifest names it.
        samples: ``(height, width)`` 16-bit gray samples, as the graph takes them.
        conforming: The label.
        culture: Its culture.
        donor: Its donor or line.
        family: Its family, for cross-validation; empty where the manifest has none.
        attributes: Values of the columns by which results are also given, by name.
        boxes: Rectangles around its cells; ``None`` where nobody drew any.
    """

    name: str
    samples: NDArray[np.uint16]
    conforming: bool
    culture: str
    donor: str
    family: str
    attributes: Mapping[str, str]
    boxes: tuple[Box, ...] | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image of the manifest that is not used, and why."""

    name: str
    reason: str
