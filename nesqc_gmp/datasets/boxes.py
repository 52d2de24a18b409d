"""Boxes around single objects, from a Pascal VOC file (Everingham et al. 2010)."""

from __future__ import annotations

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
    remedy = "Export the boxes again as Pascal VOC, in UTF-8."
    try:
        data = file.read_bytes()
        if len(data) > BYTES_MAX:
            raise InvalidInputError(f"is larger than {BYTES_MAX} bytes", where=str(file), remedy=remedy)
        parser = ElementTree.XMLParser(target=_WithoutDoctype())  # noqa: S314 - a document type is refused below
        root = ElementTree.fromstring(data, parser)  # noqa: S314
    except (OSError, ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: unknown encodings
        raise InvalidInputError(f"is not a file of boxes: {error}", where=str(file), remedy=remedy) from error
    if root.tag != "annotation":
        raise InvalidInputError(f"begins with {root.tag!r}, not annotation", where=str(file), remedy=remedy)
    return tuple(_box(item, width, height, file) for item in root.iter("object"))


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Stops at a document type before it can declare an entity, whatever the encoding of the file."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Refuse; called by the parser."""
        raise ValueError("it has a document type")


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
