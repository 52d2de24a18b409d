"""A decoded image with the facts of its file, and the limits that every file must keep."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.records.images import FrameFacts, ImageFormat

Samples: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""Gray ``(height, width)`` or RGB ``(height, width, 3)``."""

Gray: TypeAlias = NDArray[np.float64]
"""Luminance ``(height, width)``; full scale is 1."""

EDGE_MIN = 32
"""Smallest edge, in pixels: below it no measure of an image means anything."""

EDGE_MAX = 16384
"""Largest edge, in pixels."""

PIXELS_MAX = 64 * 1024 * 1024
"""Most pixels in one image; with 16-bit RGB the samples then take 384 MiB."""

BYTES_MAX = 512 * 1024 * 1024
"""Largest file, in bytes."""

_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luminance (ITU-R BT.601-7, 2.5.1)."""


@dataclass(frozen=True)
class Header:
    """What a file says of its samples before any of them is decoded.

    Attributes:
        format: Container format.
        width: Columns, in pixels.
        height: Rows, in pixels.
        channels: Samples of a pixel as stored, an alpha channel included.
        bit_depth: Bits per sample.
        pixel_size_um: Edge of a pixel in micrometres as decimal text, or ``None``.
    """

    format: ImageFormat
    width: int
    height: int
    channels: int
    bit_depth: int
    pixel_size_um: str | None

    def __post_init__(self) -> None:
        if self.width < EDGE_MIN or self.height < EDGE_MIN:
            raise ImageRejectedError(
                f"The image is {self.width} x {self.height} pixels, smaller than {EDGE_MIN} on an edge.",
                remedy="Give the whole field as the camera recorded it.",
            )
        if max(self.width, self.height) > EDGE_MAX or self.width * self.height > PIXELS_MAX:
            raise ImageRejectedError(
                f"The image is {self.width} x {self.height} pixels; the limits are {EDGE_MAX} on an edge and "
                f"{PIXELS_MAX} pixels.",
                remedy="Give single fields, not a stitched overview.",
            )
        if self.bit_depth not in (8, 16):
            raise ImageRejectedError(
                f"The image has {self.bit_depth} bits per sample; only 8 and 16 are accepted.",
                remedy="Export the image with 8 or 16 bits per sample.",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the decoded array."""
        return (self.height, self.width) if self.channels == 1 else (self.height, self.width, self.channels)


@dataclass(frozen=True)
class Frame:
    """One decoded image.

    Attributes:
        facts: Facts of the file and of the samples.
        samples: Gray ``(height, width)`` or RGB ``(height, width, 3)``, uint8 or uint16, C order, not writable.
    """

    facts: FrameFacts
    samples: Samples


def luminance(samples: Samples) -> Gray:
    """Luminance of gray or RGB samples as ``(height, width)`` float64; full scale of the depth is 1."""
    return scaled_luminance(samples, float(np.iinfo(samples.dtype).max))


def scaled_luminance(values: Samples | Gray, full_scale: float) -> Gray:
    """Luminance of samples or of means of samples, ``(height, width)`` or ``(height, width, 3)``; full scale is 1."""
    if values.ndim == 2:
        return values / full_scale
    gray = np.zeros(values.shape[:2])
    for channel, weight in enumerate(_LUMA):
        gray += values[..., channel] * (weight / full_scale)
    return gray


def pixels_sha256(samples: Samples) -> str:
    """SHA-256 of the samples row by row, little-endian; width, height and depth are not part of it."""
    little = samples if sys.byteorder == "little" else samples.astype(samples.dtype.newbyteorder("<"))
    return hashlib.sha256(np.ascontiguousarray(little).data).hexdigest()


def without_opaque_alpha(samples: Samples) -> Samples:
    """Gray or RGB samples of an image whose alpha channel, if it has one, is opaque everywhere.

    An alpha channel that is at its maximum everywhere says nothing, so it is dropped and no sample changes.

    Raises:
        ImageRejectedError: Some pixel is transparent.
    """
    if samples.ndim == 2 or samples.shape[2] == 3:
        return samples
    if samples[..., -1].min() != np.iinfo(samples.dtype).max:
        raise ImageRejectedError(
            "The image has transparent pixels, so what it shows depends on the viewer.",
            remedy="Export the image without an alpha channel.",
        )
    opaque: Samples = samples[..., 0] if samples.shape[2] == 2 else samples[..., :3]
    return opaque.copy()


def channel_count(samples: Samples) -> Literal[1, 3]:
    """1 for gray and 3 for RGB samples."""
    return 1 if samples.ndim == 2 else 3


def bit_depth(samples: Samples) -> Literal[8, 16]:
    """Bits per sample of the array."""
    return 8 if samples.dtype == np.uint8 else 16
