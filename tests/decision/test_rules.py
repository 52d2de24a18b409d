"""Every rule at its limit, just below and just above; limits and shares are calculated by hand in the comments."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.decision.manual import judge_manual
from nesqc_gmp.decision.rules import (
    ConformingShareRule,
    RejectedShareRule,
    ScoreRule,
    ValidImagesRule,
    share_text,
    worst,
)
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.products import ManualTest

GOOD, BAD, OPEN, OUT = "conforming", "not conforming", "undecided", "rejected by input check"


@pytest.mark.requirement("UR-BATCHES-13", reviewed="50a9bc16")
@pytest.mark.parametrize(
    ("score", "outcome"),
    [
        ("0", BAD),
        ("0.1999", BAD),
        ("0.2", OPEN),
        ("0.20000", OPEN),
        ("0.2001", OPEN),
        ("0.7999", OPEN),
        ("0.79999999999999999999", OPEN),
        ("0.8", GOOD),
        ("0.8000", GOOD),
        ("0.8001", GOOD),
        ("1", GOOD),
    ],
)
def test_score_at_its_limits(score: str, outcome: str) -> None:
    result = ScoreRule("0.8", "0.2").apply("C01_F01", score)
    assert (result.rule, result.about, result.measured, result.outcome) == ("IMAGE-SCORE", "C01_F01", score, outcome)
    assert result.limit == "conforming from 0.8, not conforming below 0.2"


def test_score_with_one_threshold_has_no_undecided() -> None:
    rule = ScoreRule("0.5", "0.5")
    assert [rule.apply("i", score).outcome for score in ("0.4999", "0.5", "0.5001")] == [BAD, GOOD, GOOD]


@pytest.mark.parametrize(
    ("outcomes", "outcome"),
    [
        ([GOOD] * 3 + [OUT] * 9, OPEN),
        ([GOOD] * 4, GOOD),
        ([BAD] * 2 + [OPEN] * 2 + [OUT], GOOD),
        ([GOOD] * 5, GOOD),
        ([], OPEN),
    ],
)
def test_valid_images_at_the_limit_of_four(outcomes: list[str], outcome: str) -> None:
    assert ValidImagesRule(4).apply("C01", outcomes).outcome == outcome


@pytest.mark.parametrize(
    ("good", "bad", "open_", "outcome"),
    [
        (9, 1, 0, GOOD),  # 9/10 = 0.9, the limit itself
        (8, 1, 0, BAD),  # 8/9 = 0.888…
        (10, 1, 0, GOOD),  # 10/11 = 0.909…
        (8, 1, 1, OPEN),  # 8/10 to 9/10
        (9, 0, 1, GOOD),  # 9/10 to 10/10
        (8, 2, 1, BAD),  # 8/11 to 9/11 = 0.818…
        (0, 0, 3, OPEN),  # 0 to 1
        (0, 0, 0, OPEN),  # nothing to divide by
        (899_999, 100_001, 0, BAD),  # 0.899999, closer than any rounding
        (900_000, 100_000, 0, GOOD),
    ],
)
def test_conforming_share_at_the_limit_of_nine_tenths(good: int, bad: int, open_: int, outcome: str) -> None:
    outcomes = [GOOD] * good + [BAD] * bad + [OPEN] * open_ + [OUT] * 7
    assert ConformingShareRule("0.90").apply("C01", outcomes).outcome == outcome


@pytest.mark.requirement("UR-PRODUCTS-05", reviewed="97b5af22")
@pytest.mark.parametrize("outcome", [GOOD, BAD])
def test_a_third_is_not_point_three_three(outcome: str) -> None:
    """1/3 lies above 0.333333 and below 0.333334; binary floating point or four decimals would not tell."""
    limit = "0.333333" if outcome == GOOD else "0.333334"
    assert ConformingShareRule(limit).apply("C01", [GOOD, BAD, BAD]).outcome == outcome


@pytest.mark.requirement("UR-BATCHES-13", reviewed="50a9bc16")
@settings(max_examples=50, deadline=None)
@given(
    outcomes=st.lists(st.sampled_from([GOOD, BAD, OPEN, OUT]), max_size=9),
    limit=st.sampled_from(["0", "0.25", "0.333333", "0.5", "0.75", "0.9", "1"]),
)
def test_undecided_images_by_every_way_they_can_turn_out(outcomes: list[str], limit: str) -> None:
    """The independent judge tries all assignments of undecided images: decided only where all agree."""
    valid = [outcome for outcome in outcomes if outcome != OUT]
    choices = [{GOOD: (1,), BAD: (0,), OPEN: (0, 1)}[outcome] for outcome in valid]
    verdicts = {Fraction(sum(turned), len(valid)) >= Fraction(limit) for turned in product(*choices) if valid}
    expected = {frozenset({True}): GOOD, frozenset({False}): BAD}.get(frozenset(verdicts), OPEN)
    assert ConformingShareRule(limit).apply("C01", outcomes).outcome == expected


@pytest.mark.parametrize(
    ("kept", "out", "refused", "outcome"),
    [
        (9, 1, 0, GOOD),  # 1/10, the limit itself
        (9, 0, 1, GOOD),  # a refused file counts the same
        (8, 1, 0, OPEN),  # 1/9 = 0.111…
        (8, 0, 1, OPEN),
        (10, 1, 0, GOOD),  # 1/11 = 0.0909…
        (18, 1, 1, GOOD),  # 2/20
        (17, 1, 1, OPEN),  # 2/19
        (0, 0, 0, OPEN),
        (0, 4, 0, OPEN),
    ],
)
def test_rejected_share_at_the_limit_of_one_tenth(kept: int, out: int, refused: int, outcome: str) -> None:
    assert RejectedShareRule("0.10").apply([GOOD] * kept + [OUT] * out, refused).outcome == outcome


def test_too_many_rejected_is_never_a_verdict_against_the_batch() -> None:
    """Nothing can be said of it; that is not the same as not conforming."""
    assert RejectedShareRule("0").apply([OUT] * 5, 5).outcome == OPEN


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], OPEN),
        ([GOOD], GOOD),
        ([GOOD, OPEN], OPEN),
        ([OPEN, BAD], BAD),
        ([GOOD, BAD, OPEN], BAD),
        ([GOOD] * 3, GOOD),
    ],
)
def test_worst(outcomes: list[str], expected: str) -> None:
    assert worst(outcomes) == expected


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "none"), (1, 3, "0.3333"), (2, 3, "0.6667"), (1, 1, "1.0000"), (0, 4, "0.0000"), (1, 32, "0.0312")],
)
def test_share_for_the_eye(part: int, whole: int, text: str) -> None:
    """1/32 = 0.03125 is rounded half to even."""
    assert share_text(part, whole) == text


def numeric(minimum: str | None, maximum: str | None) -> ManualTest:
    return ManualTest(
        kind="manual", test="t", name="n", method="m", sop="s", criterion="c", minimum=minimum, maximum=maximum
    )


@pytest.mark.parametrize(
    ("minimum", "maximum", "value", "outcome"),
    [
        ("80", None, "79.999999999999999999999", BAD),
        ("80", None, "80", GOOD),
        ("80", None, "80.0", GOOD),
        ("80", None, "8e1", GOOD),
        ("80", None, "80.01", GOOD),
        (None, "0.5", "0.5", GOOD),
        (None, "0.5", "0.50001", BAD),
        (None, "0.5", "-3", GOOD),
        ("6.8", "7.4", "6.79", BAD),
        ("6.8", "7.4", "6.8", GOOD),
        ("6.8", "7.4", "7.4", GOOD),
        ("6.8", "7.4", "7.41", BAD),
    ],
)
def test_number_at_its_limits(minimum: str | None, maximum: str | None, value: str, outcome: str) -> None:
    assert judge_manual(numeric(minimum, maximum), value) == outcome


@pytest.mark.parametrize("value", ["", "about 80", "NaN", "Infinity", "-inf", "sNaN", "80 %", "8O", "80,5", "٨٠x"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a number"):
        judge_manual(numeric("80", None), value)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("not detected", GOOD),
        (" Not Detected ", GOOD),
        ("detected", BAD),
        ("not  detected", BAD),
        ("not detected in 1 of 2", BAD),
    ],
)
def test_result_in_words(value: str, outcome: str) -> None:
    words = ManualTest(
        kind="manual", test="t", name="n", method="m", sop="s", criterion="not detected", expected="not detected"
    )
    assert judge_manual(words, value) == outcome
