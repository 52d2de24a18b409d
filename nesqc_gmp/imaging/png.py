"""PNG: gray and RGB, 8 and 16 bits, and palettes of 8 bits (ISO/IEC 15948:2004, PNG second edition).

The chunks are walked and every CRC is checked here; the decoder gets only the chunks that hold samples, so that
colour profiles, gamma and text are neither applied nor parsed. An image with a palette and without transparency
stores RGB samples by number: the numbers are decoded like gray samples and looked up here, so nothing is lost and no
library decides what a number beyond the palette means (such a file is refused).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from decimal import Decimal

import imagecodecs
import numpy as np

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.frame import Header, Samples
from nesqc_gmp.imaging.orientation import refuse_rotation
from nesqc_gmp.imaging.resolution import believable_size, edge_um

MAGIC = (b"\x89PNG\r\n\x1a\n",)
DECODER = f"imagecodecs {imagecodecs.__version__}"

_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_GRAY, _PALETTE = 0, 3
_METRE_UM = Decimal(1_000_000)
_FOR_DECODER = frozenset((b"IHDR", b"IDAT", b"IEND"))
_REFUSED = {
    b"tRNS": "The image marks a colour as transparent, so what it shows depends on the viewer.",
    b"acTL": "The file is an animation; only one image a file is accepted.",
}


@dataclass(frozen=True)
class _Chunk:
    """One chunk: its type, its content, and its whole bytes."""

    kind: bytes
    body: bytes
    whole: bytes


def read(data: bytes) -> tuple[Header, Samples]:
    """Header and samples of a PNG file; an alpha channel is still there, a palette is expanded to RGB.

    Raises:
        ImageRejectedError: The file is damaged or holds something that is not accepted.
    """
    chunks = _chunks(data)
    header = _header(chunks)
    if _colour(chunks) == _PALETTE:
        return header, _looked_up(chunks)
    return header, _decoded(chunks)


def _decoded(chunks: list[_Chunk]) -> Samples:
    """What the decoder makes of the chunks that hold samples."""
    samples = imagecodecs.png_decode(MAGIC[0] + b"".join(chunk.whole for chunk in chunks if chunk.kind in _FOR_DECODER))
    return np.ascontiguousarray(samples)


def _looked_up(chunks: list[_Chunk]) -> Samples:
    """RGB samples ``(height, width, 3)`` of an image whose pixels are numbers of palette entries.

    Raises:
        ImageRejectedError: There is not one whole palette, or a pixel has a number that is not in it.
    """
    palettes = [chunk.body for chunk in chunks if chunk.kind == b"PLTE"]
    if len(palettes) != 1 or not palettes[0] or len(palettes[0]) % 3 or len(palettes[0]) > 3 * 256:
        raise ImageRejectedError("The image has not one whole palette.", remedy="Export the image as gray or RGB.")
    entries = np.frombuffer(palettes[0], dtype=np.uint8).reshape(-1, 3)
    first = chunks[0].body
    numbers = _decoded([_chunk(b"IHDR", first[:9] + bytes([_GRAY]) + first[10:]), *chunks[1:]])
    if numbers.max() >= len(entries):
        raise ImageRejectedError(
            f"A pixel has entry {numbers.max()} of a palette of {len(entries)}.",
            remedy="Export the image as gray or RGB.",
        )
    return np.ascontiguousarray(entries[numbers])


def _chunk(kind: bytes, body: bytes) -> _Chunk:
    """A chunk with its length and CRC."""
    return _Chunk(kind, body, struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))


def _colour(chunks: list[_Chunk]) -> int:
    """Colour type of a header that was found whole."""
    return chunks[0].body[9]


def _chunks(data: bytes) -> list[_Chunk]:
    """All chunks up to the end of the file, each with a right CRC, the last one IEND."""
    chunks: list[_Chunk] = []
    place = len(MAGIC[0])
    while not chunks or chunks[-1].kind != b"IEND":
        if place + 12 > len(data):
            raise ImageRejectedError("The file is cut short.", remedy="Copy the file again from the instrument.")
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 12 + length
        if end > len(data):
            raise ImageRejectedError("The file is cut short.", remedy="Copy the file again from the instrument.")
        kind, body = data[place + 4 : place + 8], data[place + 8 : end - 4]
        if zlib.crc32(data[place + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise ImageRejectedError(
                f"The file is damaged: the check sum of chunk {kind!r} at byte {place} is wrong.",
                remedy="Copy the file again from the instrument.",
            )
        chunks.append(_Chunk(kind, body, data[place:end]))
        place = end
    if place != len(data):
        raise ImageRejectedError(
            f"{len(data) - place} bytes follow the end of the image.", remedy="Export the image again."
        )
    return chunks


def _header(chunks: list[_Chunk]) -> Header:
    """The header, after everything that is not accepted was refused."""
    first = chunks[0]
    if first.kind != b"IHDR" or len(first.body) != 13 or sum(chunk.kind == b"IHDR" for chunk in chunks) != 1:
        raise ImageRejectedError("The file does not begin with one header.", remedy="Export the image again.")
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", first.body)
    if interlace:
        raise ImageRejectedError("The image is interlaced, made for slow networks.", remedy="Export without interlace.")
    if colour not in _CHANNELS:
        raise ImageRejectedError(f"The colour type {colour} does not exist.", remedy="Export the image again.")
    for chunk in chunks:
        if chunk.kind in _REFUSED:
            raise ImageRejectedError(_REFUSED[chunk.kind], remedy="Export one gray or RGB image without transparency.")
        if chunk.kind == b"eXIf":
            refuse_rotation(chunk.body)
    return Header("PNG", width, height, _CHANNELS[colour], depth, _pixel_size(chunks))


def _pixel_size(chunks: list[_Chunk]) -> str | None:
    """Pixel size from the pHYs chunk, where its unit is the metre and the size is believable."""
    for chunk in chunks:
        if chunk.kind == b"pHYs" and len(chunk.body) == 9 and chunk.body[8] == 1:
            x, y = struct.unpack_from(">II", chunk.body)
            return believable_size(edge_um(x, _METRE_UM), edge_um(y, _METRE_UM))
    return None
