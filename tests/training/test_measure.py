"""Numbers from scores: calculated by hand, or by the definition in another way."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.training.measure import Thresholds, fit_gaussian, temperature, thresholds, upper_limit
from nesqc_gmp.training.plan import CalibrationSection

RULE = CalibrationSection()


def _band(score: np.ndarray, conforming: np.ndarray, decimals: int) -> Thresholds:
    return thresholds(score, conforming, np.full(score.size, ""), decimals, RULE)


def test_temperature_recovers_the_factor_of_overconfident_logits() -> None:
    """Labels drawn from the logistic model itself; the logits are then doubled, so the temperature is 2."""
    random = np.random.default_rng(3)
    logit = random.normal(0, 2, 20_000)
    conforming = random.random(20_000) < 1 / (1 + np.exp(-logit))
    assert temperature(2 * logit, conforming) == pytest.approx(2.0, abs=0.08)


def test_temperature_of_separated_scores_stops_at_its_range() -> None:
    assert temperature(np.array([-9.0, 9.0]), np.array([False, True])) == 0.5


def test_thresholds_hold_both_shares() -> None:
    """By hand: of 1001 scores 10 may be wrong; the eleventh highest of 0 to 0.9 is 0.891, one step above it 0.90."""
    score = np.concatenate([np.linspace(0.0, 0.9, 1001), np.linspace(0.1, 1.0, 1001)])
    found = _band(score, np.arange(2002) > 1000, 2)
    assert (found.conforming_from, found.not_conforming_below) == (Decimal("0.90"), Decimal("0.11"))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.01, 0.05, 0.1, 0.25]), size=st.integers(4, 80))
def test_no_more_than_the_declared_share_of_either_class_is_wrong(seed: int, share: float, size: int) -> None:
    """Counted again with the comparison of the decision itself, in each of two groups."""
    random = np.random.default_rng(seed)
    score = np.round(random.uniform(0.01, 0.98, 4 * size), 2)
    conforming, groups = np.arange(4 * size) % 2 == 0, np.where(np.arange(4 * size) < 2 * size, "a", "b")
    rule = CalibrationSection(wrong_conforming=share, wrong_not_conforming=share, narrowest=("0.5", "0.5"))
    found = thresholds(score, conforming, groups, 2, rule)
    for group in "ab":
        members = groups == group
        wrong = (score >= float(found.conforming_from)) & ~conforming & members
        missed = (score < float(found.not_conforming_below)) & conforming & members
        assert wrong.sum() <= share * (~conforming & members).sum()
        assert missed.sum() <= share * (conforming & members).sum()


def test_thresholds_of_separated_scores_keep_the_narrowest_band() -> None:
    found = _band(np.array([0.0, 0.0, 1.0, 1.0]), np.array([False, False, True, True]), 4)
    assert (found.conforming_from, found.not_conforming_below) == (Decimal("0.8"), Decimal("0.2"))


def test_thresholds_may_hold_in_each_group_by_itself() -> None:
    """Group b alone has not conforming images that score 0.95; over all images they are too few to count."""
    score = np.concatenate([np.full(980, 0.1), np.full(20, 0.95), np.full(1000, 0.99)])
    conforming, groups = np.arange(2000) >= 1000, np.where((np.arange(2000) // 20) == 49, "b", "a")
    rule = CalibrationSection(wrong_conforming=0.05, wrong_not_conforming=0.05)
    together = thresholds(score, conforming, np.full(2000, ""), 2, rule)
    each = thresholds(score, conforming, groups, 2, rule)
    assert (together.conforming_from, each.conforming_from) == (Decimal("0.8"), Decimal("0.96"))


def test_thresholds_stay_inside_0_and_1() -> None:
    found = _band(np.array([1.0, 1.0, 0.0, 0.0]), np.array([False, False, True, True]), 4)
    assert (found.conforming_from, found.not_conforming_below) == (Decimal("0.9999"), Decimal("0.0001"))


def test_distance_of_independent_features_is_the_length_in_standard_deviations() -> None:
    random = np.random.default_rng(1)
    features = random.normal([1.0, -2.0], [0.5, 3.0], (200_000, 2))
    fitted = fit_gaussian(features, 0.0)
    assert fitted.distance(np.array([[1.0 + 3 * 0.5, -2.0 + 4 * 3.0]]))[0] == pytest.approx(5.0, rel=0.01)


def test_whitening_gives_the_distance() -> None:
    random = np.random.default_rng(2)
    features = random.normal(size=(300, 6)) @ random.normal(size=(6, 6))
    fitted = fit_gaussian(features, 0.05)
    white = (features - fitted.mean) @ fitted.whitening
    assert np.sqrt((white**2).sum(axis=1)) == pytest.approx(fitted.distance(features))


@pytest.mark.parametrize(("count", "share"), [(52, 0.01), (150, 0.01), (150, 0.05), (3, 0.3)])
def test_no_more_than_the_stated_share_exceeds_the_limit(count: int, share: float) -> None:
    distances = np.random.default_rng(count).gamma(4, size=count)
    assert (distances > float(upper_limit(distances, share, 3))).sum() <= share * count


def test_the_limit_is_exceeded_by_the_stated_share() -> None:
    distances = np.arange(1, 1001, dtype=float)
    limit = float(upper_limit(distances, 0.01, 3))
    assert int((distances > limit).sum()) == 10
