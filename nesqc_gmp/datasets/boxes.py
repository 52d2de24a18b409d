"""Boxes around single objects, from a Pascal VOC file (Everingham et al. 2010)."""

from __future__ import annotations

import xml.parsers.expat
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from nesqc_gmp.errors import InvalidInputError

BYTES_MAX = 4 * 2**20
"""Largest file of boxes, in bytes."""


@dataclass(frozen=True, slots=True)
class Box:
    """One object.

    Attributes:
        name: What it is, as the file says.
        left: First column, from 0.
        top: First row, from 0.
        right: Column after the last.
        bottom: Row after the last.
    """

    name: str
    left: int
    top: int
    right: int
    bottom: int


def read_boxes(file: Path, width: int, height: int) -> tuple[Box, ...]:
    """The boxes of an image, cut at its border.

    Args:
        file: The XML file; a document type is refused, so that no entity is expanded.
        width: Columns of the image.
        height: Rows of the image.

    Raises:
        InvalidInputError: The file is not XML of this kind, or a box is none.
    """
    try:
        data = file.read_bytes()
        if len(data) > BYTES_MAX or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise InvalidInputError("is too large or has a document type", where=str(file))
        root = ElementTree.fromstring(data)  # noqa: S314 - no document type, so no entity
        return tuple(_box(item, width, height, file) for item in root.iter("object"))
    except (OSError, ElementTree.ParseError, xml.parsers.expat.ExpatError) as error:
        raise InvalidInputError(f"is not a file of boxes: {error}", where=str(file)) from error


def _box(item: ElementTree.Element, width: int, height: int, file: Path) -> Box:
    name = (item.findtext("name") or "").strip()
    try:
        left, top, right, bottom = (int(item.findtext(f"bndbox/{side}") or "") for side in _SIDES)
    except ValueError as error:
        raise InvalidInputError("a box has no whole numbers", where=str(file), remedy="Correct the box.") from error
    box = Box(name, max(left, 0), max(top, 0), min(right, width), min(bottom, height))
    if not name or box.right <= box.left or box.bottom <= box.top:
        raise InvalidInputError(
            f"the box {name!r} ({left}, {top}) to ({right}, {bottom}) holds nothing of an image of {width} x {height}",
            where=str(file),
            remedy="Correct the box.",
        )
    return box


_SIDES = ("xmin", "ymin", "xmax", "ymax")
