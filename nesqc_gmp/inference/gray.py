"""Samples of a frame to the 16-bit gray samples that the graph takes, in whole numbers only."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.errors import ImageRejectedError

GraySamples: TypeAlias = NDArray[np.uint16]
"""``(height, width)`` gray, 16 bits, C order."""

RED, GREEN, BLUE = 19_595, 38_470, 7_471
"""Weights of the gray value in 1/65536 (ITU-R BT.601-7, 2.5.1, rounded); their sum is 65536."""


def gray_samples(samples: NDArray[np.uint8] | NDArray[np.uint16]) -> GraySamples:
    """The 16-bit gray samples of a frame.

    8-bit samples are multiplied by 257, so 0 and 255 become 0 and 65535 and an 8-bit image gives the same score as
    the 16-bit image that is 257 times it. Gray of RGB is ``(19595 R + 38470 G + 7471 B + 32768) >> 16``.

    Args:
        samples: ``(height, width)`` or ``(height, width, 3)``, uint8 or uint16.

    Raises:
        ImageRejectedError: The array has another shape or type.
    """
    if samples.dtype not in (np.uint8, np.uint16) or not (samples.ndim == 2 or samples.shape[2:] == (3,)):
        raise ImageRejectedError(
            f"the samples are {samples.dtype} of shape {samples.shape}, not 8- or 16-bit gray or RGB",
            remedy="Decode the file with nesqc_gmp.imaging.",
        )
    wide = samples.astype(np.uint16) * np.uint16(257) if samples.dtype == np.uint8 else samples.astype(np.uint16)
    if wide.ndim == 2:
        return np.ascontiguousarray(wide)
    red, green, blue = (wide[..., channel].astype(np.uint32) for channel in range(3))
    weighted = np.uint32(RED) * red + np.uint32(GREEN) * green + np.uint32(BLUE) * blue + np.uint32(32_768)
    return np.ascontiguousarray((weighted >> np.uint32(16)).astype(np.uint16))
