"""Figures of the performance qualification, by hand and by scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy.stats import beta
from sklearn.metrics import cohen_kappa_score

from nesqc_gmp.statistics.concordance import concordance
from nesqc_gmp.statistics.readers import ReadCulture, reader_study
from nesqc_gmp.statistics.variance import RepeatedImage, repeated, same_outcome, spread

GOOD, BAD, OPEN, REFUSED = "conforming", "not conforming", "undecided", "rejected by input check"


def lower(right: int, total: int) -> float:
    """Clopper and Pearson's lower bound by the quantile of the beta distribution."""
    return 0.0 if right == 0 else float(beta.ppf(0.025, right, total - right + 1))


def upper(wrong: int, total: int) -> float:
    return 1 - lower(total - wrong, total)


def images(culture: str, **conditions: tuple[Any, ...]) -> list[RepeatedImage]:
    """Images of a culture; a score below 0.4 is not conforming, one above 0.6 conforming, ``None`` refused."""

    def outcome(score: float | None) -> Any:
        if score is None:
            return REFUSED
        return BAD if score < 0.4 else GOOD if score > 0.6 else OPEN

    return [
        RepeatedImage(culture, condition, score, outcome(score))
        for condition, scores in conditions.items()
        for score in scores
    ]


# --- spread -----------------------------------------------------------------------------------------------------------

BALANCED = [
    *images("A", x=(0.1, 0.3), y=(0.5, 0.7)),
    *images("B", x=(0.5, 0.5), y=(0.5, 0.5)),
    *images("C", x=(0.2, 0.4), y=(0.2, 0.4)),
]


def test_components_of_a_balanced_design_by_hand() -> None:
    """Within conditions: 0.04 + 0 + 0.04 on 6 degrees of freedom; between: 0.16 on 3; two images a condition."""
    found = spread(BALANCED, seed=1)
    assert (found.cultures, found.images) == (3, 12)
    assert found.repeats == pytest.approx(0.08 / 6)
    assert found.conditions == pytest.approx((0.16 / 3 - 0.08 / 6) / 2)
    assert found.deviation.estimate == pytest.approx(math.sqrt(0.02 + 0.08 / 6))
    assert found.deviation.low is not None
    assert found.deviation.high is not None
    assert found.deviation.low < found.deviation.estimate < found.deviation.high
    assert spread(BALANCED, seed=1) == found


def test_components_of_an_unbalanced_design_by_hand() -> None:
    """Conditions of one and two images: the coefficient of a culture is 3 - (1 + 4) / 3 = 4/3 (Searle, ch. 5)."""
    one = images("A", x=(0.9,), y=(0.3, 0.5))
    found = spread([*one, *images("B", x=(0.5,), y=(0.5, 0.5)), *images("C", x=(0.5,), y=(0.5, 0.5))], seed=1)
    within = 2 * 0.1**2
    mean = 1.7 / 3
    between = (0.9 - mean) ** 2 + 2 * (0.4 - mean) ** 2
    repeats = within / 3
    assert found.repeats == pytest.approx(repeats)
    assert found.conditions == pytest.approx((between / 3 - repeats) / (3 * (4 / 3) / 3))


def test_one_image_a_condition_gives_the_whole_spread_alone() -> None:
    """Pairs: the variance of a pair is half its squared difference, 0.02, 0 and 0.005."""
    pairs = [*images("A", x=(0.1,), y=(0.3,)), *images("B", x=(0.5,), y=(0.5,)), *images("C", x=(0.2,), y=(0.3,))]
    found = spread(pairs, seed=1)
    assert (found.conditions, found.repeats) == (None, None)
    assert found.deviation.estimate == pytest.approx(math.sqrt((0.02 + 0 + 0.005) / 3))


def test_what_differs_between_cultures_is_no_spread() -> None:
    shifted = [
        RepeatedImage(i.culture, i.condition, (i.score or 0) + {"A": 0.0, "B": 0.2, "C": -0.1}[i.culture], i.outcome)
        for i in BALANCED
    ]
    assert spread(shifted, seed=1).deviation.estimate == pytest.approx(spread(BALANCED, seed=1).deviation.estimate)


def test_too_little_gives_no_bound() -> None:
    assert spread(BALANCED[:8], seed=1).deviation.high is None
    same = [image for name in "ABC" for image in images(name, x=(0.9,), y=(0.9,))]
    assert spread(same, seed=1).deviation.estimate == 0
    assert spread(same, seed=1).deviation.high is None
    assert spread([], seed=1).deviation.estimate is None


def test_a_culture_seen_once_is_no_repeat() -> None:
    assert set(repeated([*BALANCED, *images("D", x=(0.9, 0.1))])) == {"A", "B", "C"}


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ({"x": (0.9,), "y": (0.8,)}, True),
        ({"x": (0.1,), "y": (0.2,)}, True),
        ({"x": (0.9,), "y": (0.1,)}, False),
        ({"x": (0.9,), "y": (0.5,)}, False),
        ({"x": (0.5,), "y": (0.5,)}, False),
        ({"x": (0.9,), "y": (None,)}, False),
        ({"x": (None,), "y": (None,)}, False),
        ({"x": (0.9, 0.1), "y": (0.1,)}, True),
    ],
)
def test_only_one_and_the_same_decision_is_kept(conditions: dict[str, Any], kept: bool) -> None:
    found = same_outcome(images("A", **conditions))
    assert found.differing == (() if kept else ("A",))
    assert found.share.estimate == kept


def test_the_share_of_kept_outcomes_has_clopper_pearson_bounds() -> None:
    found = same_outcome(
        [*images("A", x=(0.9,), y=(0.1,)), *[i for n in "BCDE" for i in images(n, x=(0.9,), y=(0.9,))]]
    )
    assert found.share.low == pytest.approx(lower(4, 5))


# --- concordance ------------------------------------------------------------------------------------------------------


def test_concordance_by_hand() -> None:
    pairs: list[Any] = (
        [(BAD, BAD)] * 7 + [(BAD, GOOD)] + [(BAD, OPEN)] * 2 + [(GOOD, GOOD)] * 9 + [(GOOD, REFUSED)] + [(OPEN, GOOD)]
    )
    bad, good = concordance(pairs)
    assert (bad.decided, bad.agreeing, bad.opposite, bad.without_decision, bad.other_undecided) == (10, 7, 1, 2, 1)
    assert (good.decided, good.agreeing, good.opposite, good.without_decision) == (10, 9, 0, 1)
    assert bad.share.estimate == pytest.approx(7 / 11)
    assert bad.share.low == pytest.approx(lower(7, 11))
    assert good.share.low == pytest.approx(lower(9, 11))


def test_undecided_is_never_agreement() -> None:
    bad, good = concordance([(OPEN, OPEN)] * 20)
    assert (bad.agreeing, good.agreeing, bad.share.estimate) == (0, 0, 0)
    for model in (OPEN, REFUSED):
        bad, _ = concordance([(BAD, model)] * 20)  # type: ignore[list-item]
        assert (bad.agreeing, bad.without_decision) == (0, 20)
    assert concordance([])[0].share.estimate is None


# --- readers ----------------------------------------------------------------------------------------------------------


def read(**said: str) -> tuple[ReadCulture, ...]:
    """Cultures by what each reader said: ``g`` conforming, ``b`` not, ``-`` not read; ``label`` is the label."""
    words: dict[str, Any] = {"g": GOOD, "b": BAD}
    count = len(said["label"])
    return tuple(
        ReadCulture(
            f"C{n}", words[said["label"][n]],
            tuple((name, words[text[n]]) for name, text in said.items() if name != "label" and text[n] != "-"),
        )
        for n in range(count)
    )  # fmt: skip


def test_kappa_of_readers_is_that_of_scikit_learn() -> None:
    anna, bo, label = "gggggbbbbbgb", "ggggbbbbbbgg", "ggggggbbbbbb"
    study = reader_study(read(label=label, anna=anna, bo=bo))
    (pair,) = study.pairs
    assert pair.found.kappa.estimate == pytest.approx(cohen_kappa_score(list(anna), list(bo)))
    raw = sum(a == b for a, b in zip(anna, bo, strict=True)) / 12
    assert pair.found.raw.estimate == pytest.approx(raw)
    assert pair.found.prevalence_adjusted == pytest.approx(2 * raw - 1)
    first = study.readers[0]
    assert first.found.kappa.estimate == pytest.approx(cohen_kappa_score(list(anna), list(label)))
    assert (first.missed, first.alarms) == (1, 1)
    assert first.error.high == pytest.approx(upper(2, 12))


def test_the_pair_that_agrees_least_counts() -> None:
    study = reader_study(read(label="ggggbbbb", anna="ggggbbbb", bo="ggggbbbb", cai="bgggbbbg"))
    assert study.lowest is not None
    assert "cai" in {study.lowest.first, study.lowest.second}
    assert study.worst is not None
    assert study.worst.reader == "cai"


def test_a_pair_without_a_bound_is_the_lowest() -> None:
    study = reader_study(read(label="ggggbbbb", anna="ggggbbbb", bo="ggggbbbb", cai="gggggggg"))
    assert study.lowest is not None
    assert study.lowest.found.kappa.low is None


def test_pairs_rest_on_what_both_read_and_fleiss_on_what_all_read() -> None:
    study = reader_study(read(label="ggggbbbb", anna="ggggbbbb", bo="gg--bb--", cai="ggggbbbb"))
    assert {(p.first, p.second): p.cultures for p in study.pairs} == {
        ("anna", "bo"): 4, ("anna", "cai"): 8, ("bo", "cai"): 4,
    }  # fmt: skip
    assert (study.read_by_all, study.fleiss) == (4, pytest.approx(1.0))
    nobody = reader_study(read(label="gb"))
    assert (nobody.readers, nobody.pairs, nobody.lowest, nobody.worst, nobody.fleiss) == ((), (), None, None, None)
