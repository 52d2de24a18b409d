"""The limits of light and focus leave every image inside by which they were set, however uneven its light."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.imaging.measures import illumination_unevenness
from nesqc_gmp.training.description import Calibration, describe
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.input_check import outside_light
from nesqc_gmp.training.judge import Judged
from nesqc_gmp.training.measure import fit_gaussian
from tests.training import plans


def _image(number: int) -> LabelledImage:
    """Noise, dark but for one bright corner in the later ones, and clipped in the last."""
    random = np.random.default_rng(number)
    samples = random.integers(900, 1100, (96, 96))
    samples[:48, :48] *= 1 + 12 * number
    return LabelledImage(
        name=f"{number}.png",
        samples=np.clip(samples * (9 if number == 5 else 1), 0, 65_535).astype(np.uint16),
        conforming=number % 2 == 0,
        culture=f"C{number}",
        donor=f"D{number}",
        family="",
        attributes={},
        boxes=None,
    )


def test_every_development_image_is_inside_the_limits_that_it_set() -> None:
    images = [_image(number) for number in range(6)]
    unevenness = [illumination_unevenness(image.samples) for image in images]
    # Spread over mean of nine parts can be more than 1: a limit that stopped there would refuse the images that set it.
    assert max(unevenness) > 1
    flat = np.linspace(0.1, 0.9, 6)
    statistics = fit_gaussian(np.random.default_rng(0).normal(size=(20, 16)), 0.5)
    columns = Judged(flat, flat, flat, np.full(6, -np.inf))
    found = Calibration(1.0, statistics, columns, np.arange(6) % 2 == 0, images, None)
    space = describe(plans.plan(), found, ("01",)).input_space
    assert not any(outside_light(image.samples, space) for image in images)
    assert float(space.saturated_share_max) <= 1
