"""The input check: each measure against a hand calculation, each rule below, at and above its limit."""

from __future__ import annotations

import io
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from nesqc_gmp.imaging.bands import differences, product
from nesqc_gmp.imaging.check import check
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.frame import Frame, Samples, luminance
from nesqc_gmp.imaging.measures import (
    focus_measure,
    illumination_unevenness,
    saturated_share,
)
from nesqc_gmp.records.images import InputFinding, InputSpace

SPACE = InputSpace(
    formats=("PNG",),
    bit_depths=(8,),
    channels=(1,),
    width_min=64,
    width_max=64,
    height_min=64,
    height_max=64,
    pixel_size_um_min="0.5",
    pixel_size_um_max="0.8",
    saturated_share_max="0.01",
    focus_min="0.05",
    illumination_max="0.5",
)
STEP = Decimal("0.000001")


def image() -> Samples:
    """Simulated noise on gray, 64 x 64, no pixel saturated, one pixel in 64 to be saturated by hand."""
    return np.random.default_rng(4).integers(90, 160, (64, 64), dtype=np.uint8)


def frame(samples: Samples | None = None) -> Frame:
    stream = io.BytesIO()
    Image.fromarray(image() if samples is None else samples).save(stream, "PNG")
    return decode(stream.getvalue(), name="a.png")


def with_facts(**changes: object) -> Frame:
    given = frame()
    return Frame(facts=given.facts.model_copy(update=changes), samples=given.samples)


def finding(rule: str, of: Frame, space: InputSpace = SPACE, size: str | None = "0.65") -> InputFinding:
    return next(found for found in check(of, space, pixel_size_um=size).findings if found.rule == rule)


def test_a_good_image_passes_every_rule_once_and_in_order() -> None:
    result = check(frame(), SPACE, pixel_size_um="0.65")
    assert [found.rule for found in result.findings] == [
        "INPUT-FORMAT",
        "INPUT-SIZE",
        "INPUT-DEPTH",
        "INPUT-CHANNELS",
        "INPUT-PIXEL-SIZE",
        "INPUT-SATURATION",
        "INPUT-FOCUS",
        "INPUT-ILLUMINATION",
    ]
    assert result.passed


@pytest.mark.parametrize(
    ("rule", "changes", "passed"),
    [
        ("INPUT-FORMAT", {"format": "JPEG"}, False),
        ("INPUT-DEPTH", {"bit_depth": 16}, False),
        ("INPUT-CHANNELS", {"channels": 3}, False),
        ("INPUT-SIZE", {"width": 63}, False),
        ("INPUT-SIZE", {"width": 64}, True),
        ("INPUT-SIZE", {"width": 65}, False),
        ("INPUT-SIZE", {"height": 63}, False),
        ("INPUT-SIZE", {"height": 65}, False),
    ],
)
def test_rules_of_the_facts(rule: str, changes: dict[str, object], passed: bool) -> None:
    assert finding(rule, with_facts(**changes)).passed is passed


@pytest.mark.parametrize(
    ("file", "sheet", "passed", "measured"),
    [
        (None, None, False, "absent"),
        (None, "0.5", True, "0.500000"),
        (None, "0.499999", False, "0.499999"),
        (None, "0.8", True, "0.800000"),
        (None, "0.800001", False, "0.800001"),
        ("0.650000", None, True, "0.650000"),
        ("0.9", None, False, "0.900000"),
        ("0.600000", "0.606", True, "0.600000"),
        ("0.600000", "0.606001", False, "file 0.600000, sample sheet 0.606001"),
        ("0.606001", "0.600000", False, "file 0.606001, sample sheet 0.600000"),
        ("0.6", "6.0", False, "file 0.6, sample sheet 6.0"),
    ],
)
def test_pixel_size(file: str | None, sheet: str | None, passed: bool, measured: str) -> None:
    """One percent of 0.6 is 0.006, so 0.606 still agrees."""
    found = finding("INPUT-PIXEL-SIZE", with_facts(pixel_size_um=file), size=sheet)
    assert (found.passed, found.measured) == (passed, measured)


LIMITS = (
    ("INPUT-SATURATION", "saturated_share_max", -1),
    ("INPUT-FOCUS", "focus_min", 1),
    ("INPUT-ILLUMINATION", "illumination_max", -1),
)


@pytest.mark.requirement("UR-BATCHES-12", reviewed="53decca5")
@pytest.mark.parametrize(("rule", "field", "direction"), LIMITS)
def test_measured_rules_at_their_limits(rule: str, field: str, direction: int) -> None:
    samples = image()
    samples[0, :7] = 255
    of = frame(samples)
    measured = Decimal(finding(rule, of).measured)
    assert measured.as_tuple().exponent == -6
    assert measured > 0
    for steps, passed in ((-direction, True), (0, True), (direction, False)):
        space = SPACE.model_copy(update={field: str(measured + steps * STEP)})
        assert finding(rule, of, space).passed is passed, steps


def test_saturated_share_by_hand() -> None:
    samples = image()
    assert saturated_share(samples) == 0.0
    samples[0, :10] = 0
    samples[1, :6] = 255
    assert saturated_share(samples) == 16 / 4096
    colour = np.dstack([image()] * 3)
    colour[5, 5] = 255, 100, 100
    assert saturated_share(colour) == 1 / 4096


@pytest.mark.parametrize(("top", "share"), [(1023, 5), (4095, 5), (16383, 5), (65535, 5), (4094, 0), (4096, 0)])
def test_saturation_of_cameras_with_fewer_bits(top: int, share: int) -> None:
    samples = np.full((64, 64), 500, np.uint16)
    samples[0, :5] = top
    assert saturated_share(samples) == share / 4096


def test_laplacian_and_gradient_by_hand() -> None:
    """A single 1 on a 5 x 5 field of 0: Laplacian -4 and four 1; two differences of size 1 in each direction."""
    point = np.zeros((5, 5))
    point[2, 2] = 1.0
    down, across, curvature = differences(point)
    np.testing.assert_array_equal(curvature, [[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    assert product(down, down) / down.size + product(across, across) / across.size == pytest.approx(2 / 20 + 2 / 20)
    assert focus_measure(point) == pytest.approx((16 + 4) / 9 / 0.2)


def test_focus_of_a_wave_follows_from_its_frequency() -> None:
    """For sin(k x): Laplacian energy (2 - 2 cos k)^2 / 2, gradient energy (2 - 2 cos k) / 2; ratio 2 - 2 cos k."""
    k = 2 * np.pi * 5 / 500
    wave = np.tile(np.sin(k * np.arange(501)), (40, 1))
    assert focus_measure(wave) == pytest.approx(2 - 2 * np.cos(k), rel=0.02)


def test_focus_does_not_depend_on_contrast_and_falls_with_blur() -> None:
    sharp = luminance(image())
    assert focus_measure(0.3 * sharp + 0.2) == pytest.approx(focus_measure(sharp))
    blurred = (sharp[:-1, :-1] + sharp[1:, :-1] + sharp[:-1, 1:] + sharp[1:, 1:]) / 4
    assert focus_measure(blurred) < 0.7 * focus_measure(sharp)
    assert focus_measure(np.full((64, 64), 0.5)) == 0.0


@pytest.mark.parametrize("shape", [(512, 512), (513, 500), (1639, 40), (32, 3000), (300, 400, 3)])
def test_measures_of_samples_are_those_of_their_luminance(shape: tuple[int, ...]) -> None:
    """Bands of rows and exact sums of samples give what the whole luminance gives in 64-bit floats."""
    samples = np.random.default_rng(len(shape)).integers(100, 60_000, shape, dtype=np.uint16)
    light = luminance(samples)
    gradient = (np.diff(light, axis=0) ** 2).mean() + (np.diff(light, axis=1) ** 2).mean()
    curvature = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:] - 4 * light[1:-1, 1:-1]
    assert focus_measure(samples) == pytest.approx((curvature**2).mean() / gradient, rel=1e-6)
    assert illumination_unevenness(samples) == pytest.approx(illumination_unevenness(light), rel=1e-9)
    ends = np.where(samples < 6000, samples.dtype.type(0), samples)
    assert saturated_share(ends) == ((ends == 0) if ends.ndim == 2 else (ends == 0).any(axis=2)).mean()


def test_focus_of_white_noise_is_five() -> None:
    """By hand: the Laplacian's weights squared sum to 20, those of the two differences to 4."""
    noise = np.random.default_rng(8).normal(size=(512, 512))
    assert focus_measure(noise) == pytest.approx(5.0, rel=0.02)


def test_illumination_by_hand() -> None:
    """A ramp from 0.5 to 1.5: cell centres on a grid of 32 reach from 0.5 + 1/64 to 1.5 - 1/64; the mean is 1."""
    ramp = np.tile(0.5 + (np.arange(320) + 0.5) / 320, (64, 1))
    assert illumination_unevenness(ramp) == pytest.approx(1 - 1 / 32)
    assert illumination_unevenness(ramp.T) == pytest.approx(1 - 1 / 32)
    assert illumination_unevenness(np.full((64, 64), 0.25)) == pytest.approx(0.0, abs=1e-12)
    assert illumination_unevenness(np.zeros((64, 64))) == 1.0


def test_illumination_surface_is_the_least_squares_fit() -> None:
    cells = np.random.default_rng(2).random((32, 32))
    y, x = (np.mgrid[:32, :32] - 15.5).reshape(2, -1)
    design = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)
    fit = design @ np.linalg.lstsq(design, cells.reshape(-1), rcond=None)[0]
    assert illumination_unevenness(cells) == pytest.approx(np.ptp(fit) / cells.mean())


def test_luminance_by_hand() -> None:
    """Weights 0.299, 0.587, 0.114 of ITU-R BT.601; gray is only scaled."""
    colour = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    np.testing.assert_allclose(luminance(colour), [[0.299, 0.587, 0.114, 1.0]])
    np.testing.assert_allclose(luminance(np.array([[0, 65535]], np.uint16)), [[0.0, 1.0]])
