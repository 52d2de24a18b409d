"""The corner label ``SIM``: every simulated picture carries it, whatever its class, so it can tell nothing apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LETTERS = (
    ".####.#####.#...#",
    "#.......#...##.##",
    "#.......#...#.#.#",
    ".###....#...#.#.#",
    "....#...#...#...#",
    "....#...#...#...#",
    "####..#####.#...#",
)
_DARK, _BRIGHT = 70, 190
_SCALE, _BORDER = 2, 2


def _drawn() -> NDArray[np.uint8]:
    letters = np.array([[_BRIGHT if dot == "#" else _DARK for dot in row] for row in _LETTERS], dtype=np.uint8)
    large = letters.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
    return np.pad(large, _BORDER, constant_values=_DARK)


def labelled(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of the picture ``(H, W)`` with the label in its lower right corner."""
    label = _drawn()
    copy = samples.copy()
    copy[-label.shape[0] :, -label.shape[1] :] = label
    return copy
