"""Disturbances of an image that must not decide about it: turned, moved, lit, focused, stored otherwise.

Each has a strength and a unit, keeps type and shape unless it says otherwise, is the same for the same seed, and is the
image itself at strength 0. Turns by multiples of 90 degrees, mirrors, and the change of depth move samples without
changing one.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nesqc_gmp.errors import InvalidInputError

Gray = NDArray[np.uint16]

FULL: Final = 65535.0


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One disturbance.

    Attributes:
        name: What is done; one of ``NAMES``.
        strength: How much of it, in the unit of its name.
    """

    name: str
    strength: float

    def __str__(self) -> str:
        return f"{self.name} {self.strength:g} {UNITS[self.name]}".rstrip()


def apply(perturbation: Perturbation, samples: Gray, seed: int = 0) -> Gray:
    """The image after a disturbance.

    Args:
        perturbation: What is done.
        samples: ``(height, width)`` 16-bit gray.
        seed: Of noise.

    Raises:
        InvalidInputError: No disturbance has this name, or the strength is none.
    """
    if perturbation.name not in _CATALOGUE or not math.isfinite(perturbation.strength):
        raise InvalidInputError(
            f"there is no disturbance {perturbation.name!r} of strength {perturbation.strength}",
            where="robustness",
            remedy=f"Name one of: {', '.join(NAMES)}.",
        )
    if perturbation.strength == 0:
        return samples
    changed = _CATALOGUE[perturbation.name][1](
        samples, perturbation.strength, np.random.Generator(np.random.PCG64(seed))
    )
    return np.ascontiguousarray(changed)


def _rounded(values: NDArray[np.floating[Any]]) -> Gray:
    return np.asarray(np.clip(np.rint(values), 0, FULL), dtype=np.uint16)


def _rotation(samples: Gray, degrees: float, _: np.random.Generator) -> Gray:
    """Exact for multiples of 90; else cubic spline, the border reflected, so that no black corner enters."""
    if degrees % 90 == 0:
        return np.rot90(samples, int(degrees // 90) % 4)
    from scipy.ndimage import rotate

    return _rounded(rotate(samples.astype(np.float64), degrees, reshape=False, mode="reflect", order=3))


def _shift(samples: Gray, pixels: float, _: np.random.Generator) -> Gray:
    """Down and to the right, the border reflected."""
    from scipy.ndimage import shift

    return _rounded(shift(samples.astype(np.float64), (pixels, pixels), mode="reflect", order=1))


def _scale(samples: Gray, percent: float, _: np.random.Generator) -> Gray:
    """Magnified about the middle at the same size; a smaller image is continued by reflection."""
    from scipy.ndimage import affine_transform

    factor = 1 + percent / 100
    offset = [(edge - 1) / 2 * (1 - 1 / factor) for edge in samples.shape]
    return _rounded(affine_transform(samples.astype(np.float64), np.eye(2) / factor, offset, mode="reflect", order=3))


def _blur(samples: Gray, sigma: float, _: np.random.Generator) -> Gray:
    from scipy.ndimage import gaussian_filter

    return _rounded(gaussian_filter(samples.astype(np.float64), sigma, mode="reflect"))


def _contrast(samples: Gray, percent: float, _: np.random.Generator) -> Gray:
    mean = float(samples.mean())
    return _rounded((samples - mean) * (1 + percent / 100) + mean)


def _noise(samples: Gray, percent: float, generator: np.random.Generator) -> Gray:
    """Shot noise, so proportional to the root of the light; the strength is its deviation at full scale."""
    light = np.sqrt(samples / FULL)
    return _rounded(samples + generator.normal(0, percent / 100 * FULL, samples.shape) * light)


def _jpeg(samples: Gray, loss: float, _: np.random.Generator) -> Gray:
    """Saved as 8-bit JPEG of quality 100 less the strength, and read again."""
    stream = io.BytesIO()
    Image.fromarray(_eight_bits(samples)).save(stream, "JPEG", quality=max(1, round(100 - loss)))
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        return np.asarray(image, dtype=np.uint16) * np.uint16(257)


def _illumination(samples: Gray, percent: float, _: np.random.Generator) -> Gray:
    """Light that falls by the strength from the left to the right edge, its mean unchanged."""
    across = np.linspace(0.5, -0.5, samples.shape[1])
    return _rounded(samples * (1 + percent / 100 * across)[None, :])


def _eight_bits(samples: Gray) -> NDArray[np.uint8]:
    return np.asarray((samples.astype(np.uint32) + 128) // 257, dtype=np.uint8)


_CATALOGUE: Final[dict[str, tuple[str, Callable[[Gray, float, np.random.Generator], Gray]]]] = {
    "rotation": ("degrees", _rotation),
    "mirror left and right": ("", lambda samples, _, __: samples[:, ::-1]),
    "mirror up and down": ("", lambda samples, _, __: samples[::-1]),
    "shift": ("pixels", _shift),
    "magnification": ("%", _scale),
    "brightness": ("%", lambda samples, percent, _: _rounded(samples * (1 + percent / 100))),
    "contrast": ("%", _contrast),
    "focus blur": ("pixels sigma", _blur),
    "noise": ("% of full scale", _noise),
    "JPEG loss": ("below quality 100", _jpeg),
    "illumination gradient": ("%", _illumination),
    "8 bits": ("", lambda samples, _, __: _eight_bits(samples).astype(np.uint16) * np.uint16(257)),
}

NAMES: Final = tuple(_CATALOGUE)
UNITS: Final = {name: unit for name, (unit, _) in _CATALOGUE.items()}

_STRENGTHS: Final[dict[str, tuple[float, ...]]] = {
    "rotation": tuple(float(degrees) for degrees in range(15, 360, 15)),
    "mirror left and right": (1.0,),
    "mirror up and down": (1.0,),
    "shift": (1.0, 4.0, 16.0),
    "magnification": (-10.0, -5.0, 5.0, 10.0),
    "brightness": (-20.0, -10.0, 10.0, 20.0),
    "contrast": (-30.0, -15.0, 15.0, 30.0),
    "focus blur": (0.5, 1.0, 2.0),
    "noise": (0.5, 1.0, 2.0),
    "JPEG loss": (5.0, 20.0, 50.0),
    "illumination gradient": (10.0, 20.0, 40.0),
    "8 bits": (1.0,),
}
CATALOGUE: Final = tuple(
    Perturbation(name, strength) for name, strengths in _STRENGTHS.items() for strength in strengths
)
"""Every disturbance of the robustness report; rotations every 15 degrees."""
