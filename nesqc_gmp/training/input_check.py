"""The limits of size, saturation, focus and illumination of a finished model on the gray samples of an image.

With the distances of ``judge`` they are the whole input check of the locked package. They are measured here on the gray
samples by which they were set; for gray files that is what ``imaging.check`` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.measures import focus_measure, illumination_unevenness, saturated_share
from nesqc_gmp.records.images import InputSpace

_DECIMALS = 6
"""As ``imaging.check``: what is compared is rounded first, and a value exactly at a limit passes."""


def outside_size(samples: NDArray[np.uint16], space: InputSpace) -> bool:
    """Whether ``(height, width)`` samples are smaller or larger than the model takes."""
    height, width = samples.shape
    return not (space.width_min <= width <= space.width_max and space.height_min <= height <= space.height_max)


def outside_light(samples: NDArray[np.uint16], space: InputSpace) -> bool:
    """Whether one of the limits of saturation, focus and illumination is exceeded."""
    return (
        round(saturated_share(samples), _DECIMALS) > float(space.saturated_share_max)
        or round(focus_measure(samples), _DECIMALS) < float(space.focus_min)
        or round(illumination_unevenness(samples), _DECIMALS) > float(space.illumination_max)
    )
