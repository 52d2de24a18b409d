"""Bytes of an image file to a frame, or one clear refusal.

The bytes are read once by the caller; their digest and the samples come from the same bytes. One named decoder
for each format:

======  ====================================  ==============================================================
format  decoder                               damage it can see
======  ====================================  ==============================================================
TIFF    tifffile (codecs of imagecodecs)      deflate: all (Adler-32); LZW, PackBits, none: lengths only
PNG     imagecodecs (libpng)                  all (CRC-32 of every chunk, checked here as well)
JPEG    Pillow (libjpeg-turbo)                missing data; changed data mostly not: the format has no check
BMP     Pillow                                missing data only
======  ====================================  ==============================================================

What a format cannot see, the digest of the original bytes does. Nothing is converted silently: samples are as
stored, colour profiles and gamma are not applied, a rotation tag leads to refusal. Two ways of storing the same
samples are taken for the samples: an alpha channel that is opaque everywhere is dropped, and the palette of a PNG
without transparency is expanded to RGB. A warning of a decoder is a
reason to refuse. The warnings filter of Python is one for all threads, so decode in one thread of a process.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging import bmp, jpeg, png, tiff
from nesqc_gmp.imaging.frame import (
    BYTES_MAX,
    Frame,
    Header,
    Samples,
    bit_depth,
    channel_count,
    pixels_sha256,
    without_opaque_alpha,
)
from nesqc_gmp.imaging.perceptual import perceptual_hash
from nesqc_gmp.records.images import FrameFacts

_DECODERS: tuple[tuple[tuple[bytes, ...], Callable[[bytes], tuple[Header, Samples]], str], ...] = (
    (tiff.MAGIC, tiff.read, tiff.DECODER),
    (png.MAGIC, png.read, png.DECODER),
    (jpeg.MAGIC, jpeg.read, jpeg.DECODER),
    (bmp.MAGIC, bmp.read, bmp.DECODER),
)
_LOGGERS = ("tifffile", "imagecodecs", "PIL")
_EXPORT_AGAIN = "Export the image again as TIFF or PNG from the original recording."


def decode(data: bytes, *, name: str) -> Frame:
    """Decode the bytes of one image file.

    Args:
        data: The whole file.
        name: Name of the file, for the refusal; nothing is opened by it.

    Returns:
        The frame; its samples cannot be written to.

    Raises:
        ImageRejectedError: The file is no acceptable image; every failure of a decoder ends here.
    """
    with _refusals(name):
        read, decoder = _decoder_of(data)
        header, stored = read(data)
        if stored.shape != header.shape or stored.dtype.name != f"uint{header.bit_depth}":
            raise ImageRejectedError(
                f"The header promises {header.shape} samples of {header.bit_depth} bits, but {stored.shape} of "
                f"{stored.dtype.name} were found.",
                remedy=_EXPORT_AGAIN,
            )
        samples = without_opaque_alpha(stored)
        samples.flags.writeable = False
        return Frame(facts=_facts(data, header, decoder, samples), samples=samples)


def _facts(data: bytes, header: Header, decoder: str, samples: Samples) -> FrameFacts:
    """The facts of a decoded file."""
    return FrameFacts(
        sha256=sha256_hex(data),
        byte_length=len(data),
        format=header.format,
        decoder=decoder,
        width=header.width,
        height=header.height,
        channels=channel_count(samples),
        bit_depth=bit_depth(samples),
        pixel_size_um=header.pixel_size_um,
        pixels_sha256=pixels_sha256(samples),
        perceptual_hash=perceptual_hash(samples),
    )


def _decoder_of(data: bytes) -> tuple[Callable[[bytes], tuple[Header, Samples]], str]:
    """The reader for the first bytes of a file, and the name of its decoder."""
    if not data:
        raise ImageRejectedError("The file is empty.", remedy="Copy the file again from the instrument.")
    if len(data) > BYTES_MAX:
        raise ImageRejectedError(
            f"The file is larger than {BYTES_MAX} bytes.", remedy="Give single fields, one image a file."
        )
    for magics, read, decoder in _DECODERS:
        if data.startswith(magics):
            return read, decoder
    raise ImageRejectedError("The file is not a TIFF, PNG, JPEG or BMP image.", remedy=_EXPORT_AGAIN)


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises, warns or logs into one refusal that names the file."""
    try:
        with _heard() as complaints, warnings.catch_warnings():
            warnings.simplefilter("error")
            # These speak of the library's own future, not of the file.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            yield
            complaints.refuse_any()
    except ImageRejectedError as refusal:
        raise ImageRejectedError(refusal.what, where=name, remedy=refusal.remedy) from refusal.__cause__
    except Exception as problem:  # libraries raise at least a dozen types, MemoryError and RecursionError among them
        raise ImageRejectedError(_sentence(problem), where=name, remedy=_EXPORT_AGAIN) from problem


@contextmanager
def _heard() -> Iterator[_Complaints]:
    """Listen to the loggers of the decoders, and keep them from writing to the terminal."""
    complaints = _Complaints(logging.WARNING)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(complaints)
        logger.propagate = False
    try:
        yield complaints
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(complaints)
            logger.propagate = propagate


def _sentence(problem: Exception) -> str:
    """One printable sentence for an exception of a library."""
    text = _printable(str(problem))
    detail = f"{type(problem).__name__}: {text}" if text else type(problem).__name__
    return f"The file is damaged or of a kind that is not accepted ({detail})."


def _printable(text: str) -> str:
    """At most 200 characters of a library's text on one line, none of which a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:200])


class _Complaints(logging.Handler):
    """Keeps the first record that a library logs at warning level or above."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._first: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of the first record."""
        if self._first is None:
            self._first = _printable(record.getMessage())

    def refuse_any(self) -> None:
        """Refuse the file if anything was logged.

        Raises:
            ImageRejectedError: Something was logged.
        """
        if self._first is not None:
            raise ImageRejectedError(f"The decoder warned: {self._first}.", remedy=_EXPORT_AGAIN)
