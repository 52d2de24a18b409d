"""What differs between cultures and is no defect: nuisance that a model must not mistake for quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class CultureLook:
    """How one culture looks under one microscope on one day; shared by all pictures of that culture.

    Attributes:
        confluence: Share of the field that the cell sheet covers, 0 to 1.
        spacing_px: Distance between neighbouring cells, in pixels.
        rosettes: Rosettes that a conforming field of 512 x 512 pixels holds, on average.
        passage: Passage number; later passages are slightly less even.
        illumination: Relative fall of the light from one side of the field to the other.
        illumination_angle: Direction of that fall, in radians.
        focus_sigma_px: Blur by the optics and slight defocus: sigma of a Gaussian, in pixels.
        debris: Specks of debris in a field of 512 x 512 pixels, on average.
        dead_cells: Rounded dead cells in the same field that any culture has, on average.
        noise: Standard deviation of the camera noise, in grey levels of 255.
        brightness: Mean grey level of the background, of 255.
        contrast: Grey levels (of 255) for one unit of optical path.
        halo: Strength of the phase-contrast halo, 0 to 1.
    """

    confluence: float
    spacing_px: float
    rosettes: float
    passage: int
    illumination: float
    illumination_angle: float
    focus_sigma_px: float
    debris: float
    dead_cells: float
    noise: float
    brightness: float
    contrast: float
    halo: float


def draw_look(seed: int) -> CultureLook:
    """The look of the culture with this number; the same number gives the same look.

    Args:
        seed: Number of the culture, 0 or more.
    """
    random = np.random.default_rng([seed, 0x100C])

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    return CultureLook(
        confluence=between(0.86, 1.0),
        spacing_px=between(11.0, 13.5),
        rosettes=between(9.0, 15.0),
        passage=int(random.integers(8, 31)),
        illumination=between(0.0, 0.25),
        illumination_angle=between(0.0, 2 * np.pi),
        focus_sigma_px=between(0.7, 1.2),
        debris=between(0.0, 14.0),
        dead_cells=between(0.0, 5.0),
        noise=between(1.5, 4.5),
        brightness=between(108.0, 140.0),
        contrast=between(95.0, 135.0),
        halo=between(0.8, 1.0),
    )
