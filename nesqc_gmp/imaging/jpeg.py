"""JPEG: 8-bit gray and colour, baseline or progressive Huffman (ITU-T T.81).

The format is lossy and has no check sum: a specification should accept it only where the recording protocol was
validated with it.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass

import numpy as np
import PIL
from PIL import Image

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.frame import Header, Samples
from nesqc_gmp.imaging.orientation import ORIENTATION_TAG, refuse_orientation

MAGIC = (b"\xff\xd8\xff",)
DECODER = f"Pillow {PIL.__version__}"

_SCANS_MAX = 64
"""A progressive image has about ten scans; thousands are an attack on time."""

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ACCEPTED_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_START_OF_SCAN, _END = 0xDA, 0xD9
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_COPY_AGAIN = "Copy the file again from the instrument."


@dataclass(frozen=True)
class _Segment:
    """One marker segment: its code and the bytes after its length."""

    code: int
    body: bytes


def read(data: bytes) -> tuple[Header, Samples]:
    """Header and samples of a JPEG file.

    Raises:
        ImageRejectedError: The file is cut short or holds something that is not accepted.
    """
    header = _header(_segments(data))
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if image.format != "JPEG" or image.size != (header.width, header.height):
            raise ImageRejectedError(
                f"The decoder sees {str(image.format)[:8]} {image.size}, not the one image of the header.",
                remedy="Export one image a file.",
            )
        if image.mode != ("L" if header.channels == 1 else "RGB"):
            raise ImageRejectedError(
                f"The colours are of mode {image.mode}.", remedy="Export the image as gray or RGB."
            )
        refuse_orientation(image.getexif().get(ORIENTATION_TAG, 1))
        return header, np.array(image)


def _segments(data: bytes) -> list[_Segment]:
    """All marker segments; the image must end with the end marker and nothing after it."""
    segments: list[_Segment] = []
    place = 2
    while True:
        found = _NEXT_MARKER.search(data, place)
        if found is None:
            raise ImageRejectedError("The file is cut short.", remedy=_COPY_AGAIN)
        code = found.group(1)[0]
        if code == _END:
            if found.end() != len(data):
                raise ImageRejectedError(
                    f"{len(data) - found.end()} bytes follow the end of the image.", remedy="Export the image again."
                )
            return segments
        body, place = _body(data, found.end())
        segments.append(_Segment(code, body))


def _body(data: bytes, place: int) -> tuple[bytes, int]:
    """The content of the segment whose length stands at a place, and where the next one begins."""
    length = struct.unpack_from(">H", data, place)[0] if place + 2 <= len(data) else 0
    if length < 2 or place + length > len(data):
        raise ImageRejectedError("A segment is cut short.", remedy=_COPY_AGAIN)
    return data[place + 2 : place + length], place + length


def _header(segments: list[_Segment]) -> Header:
    """The header, after everything that is not accepted was refused."""
    frames = [segment for segment in segments if segment.code in _START_OF_FRAME]
    scans = sum(segment.code == _START_OF_SCAN for segment in segments)
    if len(frames) != 1 or len(frames[0].body) < 6 or not 1 <= scans <= _SCANS_MAX:
        raise ImageRejectedError(
            f"The file holds {len(frames)} frames and {scans} scans; one frame with 1 to {_SCANS_MAX} is accepted.",
            remedy="Export the image again.",
        )
    precision, height, width, components = struct.unpack_from(">BHHB", frames[0].body)
    if frames[0].code not in _ACCEPTED_FRAMES:
        raise ImageRejectedError(
            "The file uses a rare kind of JPEG (lossless, hierarchical or arithmetic).",
            remedy="Export the image as TIFF or PNG.",
        )
    if components not in (1, 3):
        raise ImageRejectedError(
            f"The image has {components} colour components (CMYK?).", remedy="Export the image as gray or RGB."
        )
    return Header("JPEG", width, height, components, precision, None)
