"""Scale bars and text that a program drew into an image.

A model may learn the drawing in place of the cells, so an image with one is refused for development and test unless
the manifest excludes it with a reason. There is no mask: a drawing hides what lies below it.

What a program draws has exactly one value and a sharp edge; what a camera records has noise. So only areas of one
exact value, at least two pixels thick, are looked at:

- a bar is such an area that fills its upright box, is at least three pixels thick, five times as long as thick and a
  twentieth of the edge of the image long, and does not touch the border, as lines of a counting chamber do (where
  they are overexposed, two of their pixels may have one exact value);
- text is at least three such areas of one value that stand on one base line, close to each other, in the outer third
  of the image.

Measured: no drawing was called in 1,852 real brightfield images of 220 x 220 pixels (none is known there), nor in 100
simulated fields without the corner label; the label was found in all of 100 fields with it, and a bar of 4 x 60 pixels
in all of 100. The limits were chosen on the same images.

Not found: a drawing with soft edges, in thin strokes of one pixel, or in an image saved as JPEG since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.frame import Samples

_Ints = NDArray[np.int64]

_STEP_MIN = 0.1
"""Smallest mean step at the edge of a drawn area, as a share of full scale."""

_AREA_MIN, _LETTER_MIN, _LETTER_MAX, _LETTERS_MIN = 8, 5, 96, 3
"""Smallest area and smallest and largest height of a letter, in pixels, and fewest letters of a text."""

_BAR_THICK, _BAR_LONG, _BAR_SLIM, _BAR_FILLED = 3, 0.05, 5, 0.98
_OUTER = 1 / 3


@dataclass(frozen=True, slots=True)
class BurntIn:
    """One drawing.

    Attributes:
        kind: What it looks like.
        left: First column.
        top: First row.
        right: Column after the last.
        bottom: Row after the last.
    """

    kind: Literal["bar", "text"]
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class _Area:
    value: int
    pixels: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def find_burnt_in(samples: Samples) -> tuple[BurntIn, ...]:
    """Bars and text in gray ``(height, width)`` or RGB ``(height, width, 3)`` samples."""
    areas = _areas(samples)
    height, width = samples.shape[:2]
    bars = tuple(BurntIn("bar", a.left, a.top, a.right, a.bottom) for a in areas if _is_bar(a, height, width))
    return (*bars, *_texts(areas, height, width))


def require_nothing_burnt_in(samples: Samples, name: str) -> None:
    """Refuse an image that a program drew into.

    Raises:
        InvalidInputError: There is a bar or text; the first is named with its place.
    """
    found = find_burnt_in(samples)
    if found:
        place = f"columns {found[0].left} to {found[0].right - 1}, rows {found[0].top} to {found[0].bottom - 1}"
        raise InvalidInputError(
            f"a {found[0].kind} is drawn into the image ({place}); a model may learn it in place of the cells",
            where=name,
            remedy='Export the image without scale bar and text, or give the reason in the column "excluded".',
        )


def _areas(samples: Samples) -> list[_Area]:
    """Areas of one exact value, at least two pixels thick, with a sharp edge."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    values = _values(samples)
    solid = _solid(values)
    number = np.full(values.shape, -1, dtype=np.int64)
    number[solid] = np.arange(np.count_nonzero(solid))
    gray = samples.astype(np.int64) if samples.ndim == 2 else samples.astype(np.int64).mean(axis=2)
    ones, others, ends, steps = [], [], [], []
    for one, other in _neighbours():
        same = (values[one] == values[other]) & solid[one] & solid[other]
        ones.append(number[one][same])
        others.append(number[other][same])
        differ = values[one] != values[other]
        step = np.abs(gray[one] - gray[other])
        for side in (one, other):
            edge = differ & solid[side]
            ends.append(number[side][edge])
            steps.append(step[edge])
    count = int(np.count_nonzero(solid))
    if count == 0:
        return []
    first, second = np.concatenate(ones), np.concatenate(others)
    links = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(count, count))
    found, owner = connected_components(links, directed=False)
    edge_owner = owner[np.concatenate(ends)]
    total = np.bincount(edge_owner, weights=np.concatenate(steps), minlength=found)
    mean_step = total / np.maximum(np.bincount(edge_owner, minlength=found), 1)
    sharp = mean_step >= _STEP_MIN * np.iinfo(samples.dtype).max
    return _boxes(values, solid, owner, sharp & (np.bincount(owner) >= _AREA_MIN))


def _boxes(values: _Ints, solid: NDArray[np.bool_], owner: NDArray[np.int32], kept: NDArray[np.bool_]) -> list[_Area]:
    rows, columns = np.nonzero(solid)
    of_kept = kept[owner]
    rows, columns, owner = rows[of_kept], columns[of_kept], owner[of_kept]
    order = np.argsort(owner, kind="stable")
    areas = []
    for members in np.split(order, np.flatnonzero(np.diff(owner[order])) + 1):
        if len(members):
            r, c = rows[members], columns[members]
            box = (int(c.min()), int(r.min()), int(c.max()) + 1, int(r.max()) + 1)
            areas.append(_Area(int(values[r[0], c[0]]), len(members), *box))
    return areas


def _values(samples: Samples) -> _Ints:
    """One whole number a pixel; equal numbers are equal colours."""
    if samples.ndim == 2:
        return samples.astype(np.int64)
    red, green, blue = (samples[..., channel].astype(np.int64) for channel in range(3))
    return (red << 32) | (green << 16) | blue


def _solid(values: _Ints) -> NDArray[np.bool_]:
    """Pixels that belong to a square of two by two pixels of one value."""
    corner = values[:-1, :-1]
    square = (corner == values[1:, :-1]) & (corner == values[:-1, 1:]) & (corner == values[1:, 1:])
    solid = np.zeros(values.shape, dtype=bool)
    for row in (slice(None, -1), slice(1, None)):
        for column in (slice(None, -1), slice(1, None)):
            solid[row, column] |= square
    return solid


_Place = tuple[slice, slice]


def _neighbours() -> tuple[tuple[_Place, _Place], ...]:
    """Each pixel with its right, lower, and two lower diagonal neighbours."""
    every, first, last = slice(None), slice(None, -1), slice(1, None)
    return (
        ((every, first), (every, last)),
        ((first, every), (last, every)),
        ((first, first), (last, last)),
        ((first, last), (last, first)),
    )


def _is_bar(area: _Area, height: int, width: int) -> bool:
    long, thick = max(area.width, area.height), min(area.width, area.height)
    edge = width if area.width >= area.height else height
    return (
        thick >= _BAR_THICK
        and long >= max(_BAR_SLIM * thick, _BAR_LONG * edge)
        and area.left > 0
        and area.top > 0
        and area.right < width
        and area.bottom < height
        and area.pixels >= _BAR_FILLED * area.width * area.height
    )


def _texts(areas: list[_Area], height: int, width: int) -> tuple[BurntIn, ...]:
    """Rows of letters of one value on one base line."""
    letters = sorted(
        (a for a in areas if _LETTER_MIN <= a.height <= _LETTER_MAX and a.width <= 2 * a.height),
        key=lambda a: (a.value, a.bottom, a.left),
    )
    found: list[BurntIn] = []
    row: list[_Area] = []
    for letter in (*letters, None):
        if row and letter is not None and _follows(row[-1], letter):
            row.append(letter)
            continue
        if len(row) >= _LETTERS_MIN:
            text = BurntIn(
                "text", row[0].left, min(a.top for a in row), max(a.right for a in row), max(a.bottom for a in row)
            )
            found += [text] if _is_outside(text, height, width) else []
        row = [letter] if letter is not None else []
    return tuple(found)


def _follows(before: _Area, letter: _Area) -> bool:
    """Whether a letter stands right of another, on its base line, of like height, and close."""
    gap = letter.left - before.right
    tall = max(before.height, letter.height)
    return (
        letter.value == before.value
        and letter.bottom == before.bottom
        and 0 <= gap <= tall
        and min(before.height, letter.height) >= 0.6 * tall
    )


def _is_outside(text: BurntIn, height: int, width: int) -> bool:
    """Whether the middle of a text lies in the outer third."""
    row, column = (text.top + text.bottom) / (2 * height), (text.left + text.right) / (2 * width)
    return min(row, column, 1 - row, 1 - column) <= _OUTER
