"""The image test of a batch: readings, attempts, cultures."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.decision.morphology import ReadingOf, after_readings, judge
from nesqc_gmp.records.products import MorphologyTest

GOOD, BAD, OPEN, OUT = "conforming", "not conforming", "undecided", "rejected by input check"
ORDER = {BAD: 0, OUT: 0, OPEN: 1, GOOD: 2}


def rule(**changes: Any) -> MorphologyTest:
    values: dict[str, Any] = {
        "kind": "morphology",
        "test": "morphology",
        "name": "Morphology",
        "sop": "SOP-1",
        "model": "m",
        "model_version": "1",
        "model_sha256": "0" * 64,
        "conforming_share_min": "0.5",
        "rejected_share_max": "0.25",
        "valid_images_min": 2,
        "undecided_images": "two readings",
        "reading": "undecided images",
    }
    return MorphologyTest(**values | changes)


def readings(*given_: str) -> list[ReadingOf]:
    """``a+`` is a conforming reading by a, ``a-`` the contrary, ``a?`` undecided."""
    return [ReadingOf(text[0], {"+": GOOD, "-": BAD, "?": OPEN}[text[1]]) for text in given_]


@pytest.mark.parametrize(
    ("model", "read", "expected"),
    [
        (GOOD, [], GOOD),
        (GOOD, ["a+"], GOOD),
        (GOOD, ["a-"], OPEN),
        (GOOD, ["a?"], OPEN),
        (GOOD, ["a+", "b-"], OPEN),
        (GOOD, ["a-", "b-"], OPEN),
        (OPEN, [], OPEN),
        (OPEN, ["a+"], OPEN),
        (OPEN, ["a+", "a+"], OPEN),
        (OPEN, ["a+", "b+"], GOOD),
        (OPEN, ["a+", "b+", "c-"], OPEN),
        (OPEN, ["a+", "b-"], OPEN),
        (OPEN, ["a+", "b?"], OPEN),
        (OPEN, ["a?", "b?"], OPEN),
        (OPEN, ["a-"], BAD),
        (OPEN, ["a-", "b-"], BAD),
        (OPEN, ["a-", "b+", "a+"], OPEN),
        (OPEN, ["a?", "b+", "a+"], OPEN),
        (BAD, ["a+", "b+", "c+"], BAD),
        (OUT, ["a+", "b+", "c+"], OUT),
    ],
)
def test_readings(model: str, read: list[str], expected: str) -> None:
    """Two readers who agree decide only what the model left open; a reading is not taken back by a later one."""
    assert after_readings(model, readings(*read), rule()) == expected


@pytest.mark.requirement("UR-BATCHES-13", reviewed="50a9bc16", negative=True)
def test_no_reading_makes_an_undecided_image_conform_where_the_specification_says_so() -> None:
    assert after_readings(OPEN, readings("a+", "b+"), rule(undecided_images="count")) == OPEN


@pytest.mark.requirement("UR-BATCHES-14", reviewed="ae7ce173", negative=True)
@settings(max_examples=50, deadline=None)
@given(
    model=st.sampled_from([GOOD, BAD, OPEN, OUT]),
    read=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([GOOD, BAD, OPEN])), max_size=6),
)
def test_readings_never_improve_what_was_decided(model: str, read: list[tuple[str, str]]) -> None:
    after = after_readings(model, [ReadingOf(*one) for one in read], rule())
    if model != OPEN:
        assert ORDER[after] <= ORDER[model]
    if after == GOOD and model == OPEN:
        assert len({who for who, _ in read}) >= 2
        assert {reading for _, reading in read} == {GOOD}


def verdict(attempts: list[dict[str, str]], cultures: dict[str, str], **more: Any) -> Any:
    given_ = {name: readings(*texts) for name, texts in more.pop("read", {}).items()}
    measured = more.pop("measured", {})
    return judge(rule(**more.pop("rule", {})), attempts, measured, cultures, given_, more.pop("refused", 0))


ONE = {"i1": "C1", "i2": "C1"}


@pytest.mark.requirement("UR-BATCHES-11", reviewed="66e6dc84")
@pytest.mark.parametrize(("first", "second"), list(product([GOOD, BAD, OPEN, OUT], repeat=2)))
def test_the_least_favourable_attempt_counts(first: str, second: str) -> None:
    """A repeat can lose what was won, never win what was lost."""
    found = verdict([{"i1": first, "i2": GOOD}, {"i1": second, "i2": GOOD}], ONE)
    expected = BAD if BAD in (first, second) else OUT if OUT in (first, second) else None
    expected = expected or (GOOD if first == second == GOOD else OPEN)
    assert found.images["i1"] == expected


def test_nothing_is_decided_without_an_attempt() -> None:
    """Nor by any number of people: what the model never saw is undecided."""
    found = verdict([], ONE, read={"i1": ["a+", "b+"], "i2": ["a+", "b+"]})
    assert set(found.images.values()) == {OPEN}
    assert found.outcome == OPEN


def test_an_image_that_one_attempt_lacks_is_undecided() -> None:
    found = verdict([{"i1": GOOD}], ONE, read={"i2": ["a+", "b+"]})
    assert found.images == {"i1": GOOD, "i2": OPEN}


def test_every_culture_has_to_conform() -> None:
    cultures = {"i1": "C1", "i2": "C1", "i3": "C2", "i4": "C2"}
    found = verdict([{"i1": GOOD, "i2": GOOD, "i3": BAD, "i4": BAD}], cultures)
    assert found.cultures == {"C1": GOOD, "C2": BAD}
    assert found.outcome == BAD


def test_a_culture_with_too_few_valid_images_is_undecided_even_if_all_are_bad() -> None:
    found = verdict([{"i1": BAD, "i2": OUT}], ONE, rule={"rejected_share_max": "1"})
    assert found.cultures == {"C1": OPEN}


@pytest.mark.requirement("UR-BATCHES-19", reviewed="11f19144")
def test_a_bad_culture_outweighs_too_many_rejected_files() -> None:
    found = verdict([{"i1": BAD, "i2": BAD}], ONE, refused=9)
    assert found.outcome == BAD
    assert [result.outcome for result in found.rules] == [GOOD, BAD, OPEN]


@pytest.mark.requirement("UR-BATCHES-05", reviewed="4b724c4e")
def test_refused_files_alone_leave_a_good_batch_undecided() -> None:
    """1 of 3 files is more than a quarter."""
    assert verdict([{"i1": GOOD, "i2": GOOD}], ONE, refused=1).outcome == OPEN
    assert verdict([{"i1": GOOD, "i2": GOOD}], ONE, refused=1, rule={"rejected_share_max": "0.333334"}).outcome == GOOD


def test_no_images_at_all() -> None:
    assert verdict([], {}).outcome == OPEN
