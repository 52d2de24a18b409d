"""OME-XML inside a TIFF file: is it one plane, and how large is a pixel (OME data model 2016-06)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from decimal import Decimal, InvalidOperation

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.resolution import square_size

_LENGTH_MAX = 4 * 1024 * 1024
_UNIT_UM = {
    "m": Decimal(1_000_000),
    "cm": Decimal(10_000),
    "mm": Decimal(1_000),
    "\u00b5m": Decimal(1),
    "\u03bcm": Decimal(1),
    "nm": Decimal("0.001"),
}
_NO_LENGTH = frozenset(("pixel", "reference frame"))
_ONE_PLANE = "Export each plane and channel as an image of its own."


def is_ome(description: str) -> bool:
    """Whether an image description is OME-XML."""
    return description.rstrip().endswith("OME>")


def read_ome(description: str, *, width: int, height: int, channels: int) -> str | None:
    """The pixel size in micrometres that OME-XML gives for the one plane of a file, or ``None``.

    Args:
        description: The XML text.
        width: Columns of the page in the file.
        height: Rows of the page in the file.
        channels: Samples per pixel of the page in the file.

    Raises:
        ImageRejectedError: The XML is unsafe, describes more than one plane, or contradicts the page.
    """
    pixels = _pixels(_parse(description))
    planes = {name: pixels.get(name) for name in ("SizeZ", "SizeT", "SizeC")}
    if planes != {"SizeZ": "1", "SizeT": "1", "SizeC": str(channels)}:
        extent = ", ".join(f"{name} {str(value)[:12]}" for name, value in planes.items())
        raise ImageRejectedError(
            f"The OME metadata describe more than one plane ({extent}; the page has {channels} samples per pixel).",
            remedy=_ONE_PLANE,
        )
    if (pixels.get("SizeX"), pixels.get("SizeY")) != (str(width), str(height)):
        raise ImageRejectedError(
            f"The OME metadata say another size than the page of {width} x {height} pixels.",
            remedy="Export the image again.",
        )
    return _pixel_size(pixels)


def _parse(description: str) -> ElementTree.Element:
    """The root element of XML without a document type, so that no entity can be expanded."""
    if len(description) > _LENGTH_MAX or "<!DOCTYPE" in description or "<!ENTITY" in description:
        raise ImageRejectedError(
            "The OME metadata are too long or declare entities.", remedy="Export the image again without them."
        )
    try:
        return ElementTree.fromstring(description)  # noqa: S314  entities were refused above
    except (ElementTree.ParseError, ValueError) as problem:
        raise ImageRejectedError(
            "The OME metadata are not well-formed XML.", remedy="Export the image again."
        ) from problem


def _pixels(root: ElementTree.Element) -> ElementTree.Element:
    """The one Pixels element."""
    found = [element for element in root.iter() if element.tag.rpartition("}")[2] == "Pixels"]
    if len(found) != 1:
        raise ImageRejectedError(f"The OME metadata describe {len(found)} images, not one.", remedy=_ONE_PLANE)
    return found[0]


def _pixel_size(pixels: ElementTree.Element) -> str | None:
    """Edge of a pixel in micrometres, where both edges are given as lengths."""
    edges = [_edge(pixels, axis) for axis in "XY"]
    x, y = edges
    if x is None or y is None:
        return None
    return square_size(x, y)


def _edge(pixels: ElementTree.Element, axis: str) -> Decimal | None:
    """One edge of a pixel in micrometres; ``None`` where it is absent or its unit is no length."""
    text = pixels.get(f"PhysicalSize{axis}")
    unit = pixels.get(f"PhysicalSize{axis}Unit", "\u00b5m")
    if text is None or unit in _NO_LENGTH:
        return None
    if unit not in _UNIT_UM:
        raise ImageRejectedError(
            f"The OME metadata give the pixel size in {unit[:20]!r}.", remedy="Give it in micrometres."
        )
    try:
        return Decimal(text) * _UNIT_UM[unit]
    except InvalidOperation as problem:
        raise ImageRejectedError(
            f"The OME metadata give the pixel size {text[:20]!r}, which is no number.", remedy="Export the image again."
        ) from problem
