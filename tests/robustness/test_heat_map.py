"""Deletion, insertion and random weights on made-up models whose right answers follow from how they are made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from nesqc_gmp.robustness.heat_map import STEPS, Curves, Gray, Map, area, deletion_and_insertion, likeness, mean_curves

SPOT = (slice(12, 18), slice(24, 30))
"""One cell of a map of 10 x 10 over 60 x 60 pixels: row 2, column 4."""


def picture() -> Gray:
    samples = np.full((60, 60), 20_000, np.uint16)
    samples[SPOT] = 60_000
    return samples


def seeing(samples: Gray, *, honest: bool, conforming: bool = True) -> tuple[float, Map]:
    """A model that looks at the spot alone: sure while it is bright, the opposite while it is not."""
    bright = bool(samples[SPOT].mean() > 50_000)
    evidence = np.zeros((10, 10))
    evidence[(2, 4) if honest else (9, 9)] = 1.0
    return (0.9 if bright == conforming else 0.1), evidence if conforming else -evidence


@pytest.mark.parametrize("conforming", [True, False])
def test_a_true_map_takes_the_verdict_away_and_brings_it_back_at_the_first_step(conforming: bool) -> None:
    (found,) = deletion_and_insertion([picture()], lambda samples: seeing(samples, honest=True, conforming=conforming))
    assert found.deletion == pytest.approx((0.9, *[0.1] * STEPS))
    assert found.insertion == pytest.approx((0.1, *[0.9] * STEPS))
    # By hand: one trapezoid of mean height 0.5 and nineteen of 0.1 (0.9), each 1/20 wide.
    assert area(found.deletion) == pytest.approx(0.12)
    assert area(found.insertion) == pytest.approx(0.88)


@pytest.mark.requirement("UR-MODELS-17", reviewed="6af3b575")
def test_a_map_of_another_place_does_no_better_than_random_order() -> None:
    (found,) = deletion_and_insertion([picture()], lambda samples: seeing(samples, honest=False))
    # The place is among the last in the order of the map: cells with equal evidence follow row by row.
    assert found.deletion.index(pytest.approx(0.1)) > 4
    assert area(found.deletion) > 0.12
    assert area(found.insertion) < 0.88


def test_random_orders_are_the_same_in_every_run() -> None:
    runs = [deletion_and_insertion([picture()] * 2, lambda samples: seeing(samples, honest=True)) for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0][0].random_deletion != runs[0][1].random_deletion


def test_the_area_of_a_straight_line_is_a_half() -> None:
    assert area([step / STEPS for step in range(STEPS + 1)]) == pytest.approx(0.5)


def test_curves_are_averaged_point_by_point() -> None:
    zero, one = ((value,) * (STEPS + 1) for value in (0.0, 1.0))
    found = mean_curves([Curves(zero, one, zero, one), Curves(one, one, zero, zero)])
    assert (found.deletion[0], found.insertion[3], found.random_deletion[9], found.random_insertion[-1]) == (
        0.5,
        1,
        0,
        0.5,
    )


def test_likeness_is_the_rank_correlation_of_scipy_without_sign() -> None:
    generator = np.random.default_rng(2)
    one, other = generator.normal(size=(7, 9)), generator.normal(size=(7, 9))
    expected = np.mean([abs(spearmanr(one.ravel(), each.ravel()).statistic) for each in (other, -one)])
    assert likeness([one, one], [other, -one]) == pytest.approx(expected)


def test_a_flat_map_of_the_trained_network_does_not_pass_for_unlike() -> None:
    flat, slope = np.ones((3, 3)), np.arange(9.0).reshape(3, 3)
    assert (likeness([flat], [slope]), likeness([slope], [flat])) == (1, 0)
