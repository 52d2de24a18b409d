"""The whole input check is counted: an image that the locked package refuses has no verdict in any figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.decision.input_check import FOCUS, ILLUMINATION, SATURATION
from nesqc_gmp.imaging.check import check
from nesqc_gmp.imaging.frame import Frame
from nesqc_gmp.records.images import FrameFacts, InputSpace
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.input_check import outside_light, outside_size
from nesqc_gmp.training.judge import Judged
from nesqc_gmp.training.outside import Gray
from nesqc_gmp.training.results import outcomes

RANDOM = np.random.default_rng(11)
SPACE = InputSpace(
    formats=("TIFF", "PNG"),
    bit_depths=(8, 16),
    channels=(1, 3),
    width_min=64,
    width_max=128,
    height_min=64,
    height_max=128,
    pixel_size_um_min="0.9",
    pixel_size_um_max="1.1",
    saturated_share_max="0.01",
    focus_min="1.0",
    illumination_max="0.2",
)


def _sharp(height: int = 64, width: int = 64) -> Gray:
    """Noise: its focus measure is about 5, and its light is even."""
    return RANDOM.normal(30_000, 2_000, (height, width)).clip(0, 65_535).astype(np.uint16)


def _blurred() -> Gray:
    """A wave of 32 pixels: by hand, its Laplacian is far weaker than its gradient."""
    wave = np.sin(np.arange(64) * 2 * np.pi / 32)
    return (30_000 + 5_000 * (wave[:, None] + wave[None, :])).astype(np.uint16)


def _tilted() -> Gray:
    return (_sharp() * np.linspace(0.7, 1.3, 64)).clip(0, 65_535).astype(np.uint16)


def _saturated() -> Gray:
    image = _sharp()
    image[:2] = 65_535
    return image


IMAGES: dict[str, tuple[Callable[[], Gray], bool, bool]] = {
    "as it should be": (_sharp, False, False),
    "at the largest edge": (lambda: _sharp(128, 128), False, False),
    "too small": (lambda: _sharp(63, 64), True, False),
    "too wide": (lambda: _sharp(64, 129), True, False),
    "out of focus": (_blurred, False, True),
    "lit from one side": (_tilted, False, True),
    "saturated": (_saturated, False, True),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_verdict_is_that_of_the_check_of_a_batch(name: str) -> None:
    """What is wrong with each image follows from how it was made; the check of a batch says the same."""
    make, size, light = IMAGES[name]
    samples = make()
    assert (outside_size(samples, SPACE), outside_light(samples, SPACE)) == (size, light)
    height, width = samples.shape
    facts = FrameFacts.model_construct(
        format="PNG", width=width, height=height, bit_depth=16, channels=1, pixel_size_um=None
    )
    frame = Frame(samples=samples, facts=facts)
    passed = {found.rule: found.passed for found in check(frame, SPACE, pixel_size_um="1.0").findings}
    assert passed["INPUT-SIZE"] != size
    assert all(passed[rule] for rule in (SATURATION, FOCUS, ILLUMINATION)) != light


def test_light_focus_and_size_are_refused_whatever_the_score_and_the_distances() -> None:
    images = [make() for make, _, _ in IMAGES.values()]
    count = len(images)
    description = ModelDescription.model_construct(
        score_decimals=4,
        distance_limit="2.000",
        statistics_limit="2.000",
        conforming_from="0.8",
        not_conforming_below="0.2",
        input_space=SPACE,
    )
    # The distances are recorded with three decimals: 2.0004 is 2.000 and inside, 2.0006 is 2.001 and outside.
    distance, none, told = np.full(count, 2.0004), np.zeros(count), np.full(count, -np.inf)
    found = outcomes(Judged(np.full(count, 0.9), distance, none, told), images, description)
    refused = "rejected by input check"
    assert found == ["conforming", "conforming", *[refused] * 5]
    found = outcomes(Judged(np.full(count, 0.9), distance + 0.0002, none, told), images, description)
    assert found == [refused] * count
