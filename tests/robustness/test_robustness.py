"""Disturbances: what must be exact is exact, and what changed is counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.robustness.perturbations import CATALOGUE, NAMES, Perturbation, apply
from nesqc_gmp.robustness.run import Limit, Scored, judge, measure
from nesqc_gmp.robustness.segmentation import PARTS, foreground, segmented


def picture(seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    field = generator.normal(30_000, 300, (96, 80))
    field[30:50, 20:44] += generator.normal(0, 9_000, (20, 24))
    return field.clip(0, 65_535).astype(np.uint16)


def test_rotations_are_every_fifteen_degrees() -> None:
    assert sorted(p.strength for p in CATALOGUE if p.name == "rotation") == [float(d) for d in range(15, 360, 15)]


@pytest.mark.parametrize("name", NAMES)
def test_strength_nothing_is_the_image_itself(name: str) -> None:
    assert apply(Perturbation(name, 0.0), picture()).tobytes() == picture().tobytes()


@pytest.mark.parametrize("perturbation", CATALOGUE, ids=str)
def test_type_stays_and_the_same_seed_gives_the_same_bytes(perturbation: Perturbation) -> None:
    first, again = (apply(perturbation, picture(), seed=5) for _ in range(2))
    assert first.dtype == np.uint16
    assert first.tobytes() == again.tobytes()
    turned = perturbation.name == "rotation" and perturbation.strength % 180 == 90
    assert first.shape == (picture().shape[::-1] if turned else picture().shape)


def test_quarter_turns_and_mirrors_move_samples_only() -> None:
    for strength in (90.0, 180.0, 270.0):
        turned = apply(Perturbation("rotation", strength), picture())
        back = apply(Perturbation("rotation", 360 - strength), turned)
        assert back.tobytes() == picture().tobytes()
    for name in ("mirror left and right", "mirror up and down"):
        assert apply(Perturbation(name, 1), apply(Perturbation(name, 1), picture())).tobytes() == picture().tobytes()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 255))
def test_eight_bits_keep_what_was_eight_bits(level: int) -> None:
    flat = np.full((40, 40), level * 257, dtype=np.uint16)
    assert (apply(Perturbation("8 bits", 1), flat) == flat).all()


def test_blur_conserves_light_and_gradient_its_mean() -> None:
    """A convolution and a balanced gradient leave the mean, but for rounding."""
    for perturbation in (Perturbation("focus blur", 2.0), Perturbation("illumination gradient", 20.0)):
        assert apply(perturbation, picture()).mean() == pytest.approx(picture().mean(), rel=0.01)


@pytest.mark.parametrize("wrong", [Perturbation("spin", 1), Perturbation("rotation", float("nan"))])
def test_unknown_disturbance_is_refused(wrong: Perturbation) -> None:
    with pytest.raises(InvalidInputError, match="rotation"):
        apply(wrong, picture())


def test_foreground_is_where_the_structure_is() -> None:
    found = foreground(picture())
    assert found[34:46, 24:40].all()
    assert not found[70:, 60:].any()


def test_parts_taken_away_leave_the_rest_untouched() -> None:
    image, cells = picture(), foreground(picture())
    assert (segmented(image, "background masked")[cells] == image[cells]).all()
    assert (segmented(image, "cells masked")[~cells] == image[~cells]).all()
    half = segmented(image, "half of the image", seed=2)
    assert 0.4 < (half == image).mean() < 0.65
    assert abs(float(segmented(image, "cells masked").mean()) - 30_000) < 200


def test_flat_image_survives_everything() -> None:
    flat = np.full((40, 40), 1_000, dtype=np.uint16)
    for perturbation in CATALOGUE:
        assert np.isfinite(apply(perturbation, flat).astype(float)).all()
    for part in PARTS:
        assert segmented(flat, part).shape == flat.shape


def by_brightness(samples: np.ndarray) -> Scored:
    """A model that calls bright images conforming, and refuses very bright ones."""
    mean = float(samples.mean()) / 65_535
    outcome = "rejected by input check" if mean > 0.9 else "conforming" if mean > 0.5 else "not conforming"
    return Scored(None if mean > 0.9 else mean, outcome)


@pytest.mark.requirement("UR-MODELS-24", reviewed="39797023")
def test_changes_are_counted_by_hand() -> None:
    """Levels 0.30, 0.45, 0.60, 0.80, 0.95, a fifth brighter: 0.36, 0.54 (worse), 0.72, 0.96 (refused), refused before.

    Four images had a verdict, two changed; shifts 0.06, 0.09, 0.12.
    """
    images = [(f"{v}", np.full((40, 40), round(v * 65_535), np.uint16)) for v in (0.30, 0.45, 0.60, 0.80, 0.95)]
    (effect,) = measure(images, by_brightness, [Perturbation("brightness", 20.0)], ())
    assert (effect.images, effect.changed, effect.refused, effect.worse) == (4, 2, 1, ("0.45",))
    assert effect.largest_shift == pytest.approx(0.12, abs=1e-4)
    assert effect.mean_shift == pytest.approx(0.09, abs=1e-4)


def test_limit_that_was_not_measured_is_not_passed() -> None:
    images = [("a", np.full((40, 40), 40_000, np.uint16))]
    effects = measure(images, by_brightness, [Perturbation("rotation", 90.0), Perturbation("brightness", -50.0)], ())
    limits = [Limit("rotation 90 degrees", 0.0), Limit("brightness -50 %", 0.5), Limit("noise 1 %", 1.0)]
    assert list(judge(effects, limits).values()) == ["passed", "failed", "not assessed"]
    refused = [("b", np.full((40, 40), 65_000, np.uint16))]
    nothing = measure(refused, by_brightness, [Perturbation("rotation", 90.0)], ())
    assert judge(nothing, limits[:1]) == {"rotation 90 degrees": "not assessed"}
