"""The limits of size, saturation, focus and illumination of a finished model on the gray samples of an image.

With the distances of ``judge`` they are the whole input check of the locked package. They are measured here on the gray
samples by which they were set, by the rules of an analysis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.check import check_samples
from nesqc_gmp.records.images import InputSpace


def outside_size(samples: NDArray[np.uint16], space: InputSpace) -> bool:
    """Whether ``(height, width)`` samples are smaller or larger than the model takes."""
    height, width = samples.shape
    return not (space.width_min <= width <= space.width_max and space.height_min <= height <= space.height_max)


def outside_light(samples: NDArray[np.uint16], space: InputSpace) -> bool:
    """Whether one of the limits of saturation, focus and illumination is exceeded."""
    return not all(finding.passed for finding in check_samples(samples, space))
