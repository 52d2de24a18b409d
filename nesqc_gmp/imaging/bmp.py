"""BMP: uncompressed 24-bit RGB, and 8-bit gray (a palette that is the gray scale itself)."""

from __future__ import annotations

import io
import struct

import numpy as np
import PIL
from PIL import Image

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.frame import Header, Samples

MAGIC = (b"BM",)
DECODER = f"Pillow {PIL.__version__}"

_HEADER_SIZES = frozenset((40, 108, 124))
_UNCOMPRESSED = 0
_FILE_HEADER = 14
_CHANNELS = {8: 1, 24: 3}


def read(data: bytes) -> tuple[Header, Samples]:
    """Header and samples of a BMP file.

    Raises:
        ImageRejectedError: The file is cut short or holds something that is not accepted.
    """
    header = _header(data)
    with Image.open(io.BytesIO(data), formats=("BMP",)) as image:
        if image.size != (header.width, header.height):
            raise ImageRejectedError(f"The decoder sees an image of {image.size}.", remedy="Export the image again.")
        if image.mode != ("L" if header.channels == 1 else "RGB"):
            raise ImageRejectedError(
                "The image has a colour palette, not measured values.", remedy="Export the image as gray or RGB."
            )
        return header, np.array(image)


def _header(data: bytes) -> Header:
    """The header, after everything that is not accepted was refused."""
    if len(data) < _FILE_HEADER + 40:
        raise ImageRejectedError("The file is cut short.", remedy="Copy the file again from the instrument.")
    offset, size, width, height, planes, bits, compression = struct.unpack_from("<IIiiHHI", data, 10)
    if size not in _HEADER_SIZES or planes != 1 or compression != _UNCOMPRESSED or bits not in _CHANNELS:
        raise ImageRejectedError(
            f"This kind of BMP is not accepted (header {size}, {bits} bits per pixel, compression {compression}).",
            remedy="Export the image as TIFF or PNG.",
        )
    header = Header("BMP", width, abs(height), _CHANNELS[bits], 8, None)
    row_bytes = (width * bits + 31) // 32 * 4
    if offset < _FILE_HEADER + size or offset + row_bytes * abs(height) > len(data):
        raise ImageRejectedError("The file is cut short.", remedy="Copy the file again from the instrument.")
    return header
