"""Heterogeneity: by hand, by other implementations, under turns and shuffles, and how often its intervals hold."""

from __future__ import annotations

import base64
import decimal
import math
import struct
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nesqc_gmp.decision import heterogeneity
from nesqc_gmp.decision.heterogeneity import mean_heterogeneity, mean_spread, of_image, spread, student, tile_log_odds
from nesqc_gmp.decision.morphology import judge
from nesqc_gmp.decision.rules import HeterogeneityRule
from nesqc_gmp.records.images import HeatMap, Heterogeneity, Spread, spread_words
from nesqc_gmp.records.products import MorphologyTest

GOOD, BAD, OPEN, OUT = "conforming", "not conforming", "undecided", "rejected by input check"
NOTHING = Heterogeneity(appearance=None, score=None)


def record(activation: NDArray[Any]) -> HeatMap:
    data = np.ascontiguousarray(activation, dtype="<f4").tobytes()
    return HeatMap(rows=activation.shape[0], columns=activation.shape[1], values=base64.b64encode(data).decode())


def decimals(*values: float | str) -> list[Decimal]:
    return [Decimal(str(value)) for value in values]


def of(value: str, low: str | None = None, high: str | None = None, units: int = 3) -> Spread:
    return Spread(value=value, low=low, high=high, units=units)


def test_three_parts_by_hand() -> None:
    """Distances 1, 0, 1: variance (1 + 0 + 1) / 2 = 1, from 0.1163 to 8.5977, rounded outwards.

    The squares lie 1/3, 2/3, 1/3 off their mean, together 2/3 when squared; n / (n - 1) of that is 1, so the standard
    error of the variance is 1. Half of t = 4.303 on the logarithm is a factor of exp(2.1515) = 8.5977.
    """
    assert spread(decimals(1, 0, 1)) == of("1.000", "0.116", "8.598")


def test_tiles_of_a_map_by_hand() -> None:
    """Columns of tiles at 0, 1, 2, 3: mean 1.5, squares 4 (2.25 + 0.25 + 0.25 + 2.25) = 20, 20 / 15 = 4 / 3."""
    levels = np.array([[0.0, 1.0, 2.0, 3.0]] * 4).repeat(3, axis=0).repeat(2, axis=1)
    found = of_image(record(levels), ()).score
    assert found is not None
    assert (found.value, found.units) == ("1.155", 16)


def test_a_culture_by_hand() -> None:
    """1.0, 1.2, 1.4: mean 1.2, standard deviation 0.2, reach 4.303 x 0.2 / sqrt 3 = 0.4969."""
    parts = [of("1.000"), of("1.200"), of("1.400")]
    assert mean_spread(parts) == of("1.200", "0.703", "1.697")


def test_no_bound_of_a_culture_is_below_zero() -> None:
    """0.1 and 1.1: mean 0.6, standard deviation 0.7071, reach 12.706 x 0.5 = 6.353."""
    assert mean_spread([of("0.100"), of("1.100")]) == of("0.600", "0.000", "6.953", 2)


def test_too_few_parts_have_no_interval() -> None:
    assert spread(decimals(1)) is None
    assert spread(decimals(1, 1)) == of("1.414", units=2)  # sqrt 2
    assert mean_spread([]) is None
    assert mean_spread([of("1.234")]) == of("1.234", units=1)


def test_parts_that_are_alike_have_no_interval() -> None:
    assert of_image(record(np.full((9, 5), 2.5)), ("0.0000",) * 6) == heterogeneity.TileHeterogeneity(
        appearance=of("0.000", units=6), score=of("0.000", units=16), tile_distances=("0.0000",) * 6
    )


def test_one_tile_is_not_measured_and_the_smallest_map_is() -> None:
    found = of_image(record(np.arange(16.0).reshape(4, 4)), ("0.0000",))
    assert found.appearance is None
    assert found.score is not None
    assert found.score.value == f"{np.arange(16.0).std(ddof=1):.3f}"


@pytest.mark.parametrize("level", [3e38, -3e38])
def test_a_map_of_extremes_stays_finite(level: float) -> None:
    """Log-odds end at 1000: one tile of 16 off by 2000 has the standard deviation 2000 / 4."""
    activation = np.full((4, 4), -level)
    activation[0, 0] = level
    found = of_image(record(activation), ())
    assert found.score is not None
    assert found.score.value == "500.000"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [(4, 4), (16, 16), (7, 22)])
def test_the_interval_is_the_jackknife(seed: int, shape: tuple[int, int]) -> None:
    """Another implementation: every tile is left out in turn, in NumPy, with SciPy's t."""
    stats = pytest.importorskip("scipy.stats")
    activation = np.random.default_rng(seed).gamma(2, 3, shape).astype(np.float32)
    tiles = np.array([
        part.astype(float).mean() for rows in np.split(activation, [i * shape[0] // 4 for i in (1, 2, 3)])
        for part in np.split(rows, [i * shape[1] // 4 for i in (1, 2, 3)], axis=1)
    ])  # fmt: skip
    assert tile_log_odds(*shape, activation.ravel().tolist()) == pytest.approx(tiles, rel=1e-12)
    without = np.array([np.delete(tiles, number).var(ddof=1) for number in range(16)])
    error = math.sqrt(15 / 16 * ((without - without.mean()) ** 2).sum())
    variance = tiles.var(ddof=1)
    reach = stats.t.ppf(0.975, 15) * error / variance
    found = of_image(record(activation), ()).score
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    expected = [math.sqrt(variance * math.exp(part)) for part in (0, -reach, reach)]
    # The printed table has t to three decimals, and the bounds are rounded outwards.
    assert [float(v) for v in (found.value, found.low, found.high)] == pytest.approx(expected, rel=1e-3, abs=2e-3)


def test_the_table_is_students_t() -> None:
    stats = pytest.importorskip("scipy.stats")
    for degrees, quantile in heterogeneity.STUDENT.items():
        assert float(quantile) == pytest.approx(stats.t.ppf(0.975, degrees), abs=5.1e-4)
    for degrees in (31, 39, 41, 59, 61, 119, 121, 9999):
        assert float(student(degrees)) >= stats.t.ppf(0.975, degrees)
    assert (student(39), student(40), student(9999)) == tuple(decimals("2.042", "2.021", "1.980"))


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_map_is_as_heterogeneous(turns: int, mirrored: bool) -> None:
    activation = np.random.default_rng(turns).normal(0, 5, (16, 24)).astype(np.float32)
    turned = np.rot90(activation[::-1] if mirrored else activation, turns)
    assert of_image(record(turned), ()) == of_image(record(activation), ())


def test_the_order_of_tiles_does_not_matter() -> None:
    random = np.random.default_rng(9)
    distances = [Decimal(f"{value:.4f}") for value in random.gamma(3, 1, 40)]
    assert {spread([distances[i] for i in random.permutation(40)]) for _ in range(20)} == {spread(distances)}
    levels = random.normal(0, 4, 16).astype(np.float32)
    maps = (levels[random.permutation(16)].reshape(4, 4).repeat(3, axis=0).repeat(5, axis=1) for _ in range(20))
    assert len({of_image(record(each), ()).score for each in maps}) == 1


def test_a_mosaic_is_more_heterogeneous_the_more_it_is_one() -> None:
    """k of 16 tiles of another kind: the variance is k (16 - k) / (16 x 15) times the squared difference, by hand."""
    values = []
    for count in range(9):
        levels = np.zeros(16, dtype=np.float32)
        levels[:count] = 6.0
        found = of_image(record(levels.reshape(4, 4)), ()).score
        assert found is not None
        values.append(float(found.value))
        assert values[-1] == pytest.approx(6 * math.sqrt(count * (16 - count) / 240), abs=5e-4)
    assert values == sorted(values)
    assert len(set(values)) == 9


def test_the_arithmetic_is_not_that_of_the_caller() -> None:
    activation = record(np.random.default_rng(3).normal(0, 5, (16, 16)))
    expected = of_image(activation, ("1.0000", "2.0000", "3.0000"))
    with decimal.localcontext() as context:
        context.prec, context.rounding = 3, decimal.ROUND_UP
        assert of_image(activation, ("1.0000", "2.0000", "3.0000")) == expected


@pytest.mark.parametrize(
    "change",
    [{"rows": 5}, {"rows": 3}, {"rows": -4, "columns": -4}, {"values": "####"},
     {"values": base64.b64encode(struct.pack("<16f", *[math.nan] * 16)).decode()}],
)  # fmt: skip
def test_a_map_that_is_none_is_refused(change: dict[str, Any]) -> None:
    activation = record(np.zeros((4, 4))).model_copy(update=change)
    with pytest.raises(ValueError, match=r"."):
        of_image(activation, ())


@pytest.mark.parametrize("images", [3, 6, 12])
def test_the_interval_of_a_culture_holds_its_mean(images: int) -> None:
    """Log-normal images of a quarter of scatter, 1000 cultures, a fixed seed: about 95 of 100 hold the true mean."""
    drawn = np.random.default_rng(images).lognormal(0, 0.25, (1000, images))
    held = 0
    for culture in drawn:
        found = mean_spread([of(f"{value:.3f}") for value in culture])
        assert found is not None
        held += float(found.low or 0) <= math.exp(0.25**2 / 2) <= float(found.high or 0)
    assert 920 <= held <= 980


@pytest.mark.parametrize(("tiles", "least"), [(16, 900), (64, 920)])
def test_the_interval_of_an_image_holds_its_spread(tiles: int, least: int) -> None:
    """Independent normal tiles, 1000 images with a fixed seed; the jackknife of few tiles holds a little less often."""
    drawn = np.random.default_rng(tiles).normal(0, 1, (1000, tiles))
    held = 0
    for image in drawn:
        found = spread([Decimal(float(value)) for value in np.abs(image - image.mean())])
        assert found is not None
        held += float(found.low or 0) <= 1 <= float(found.high or 0)
    assert least <= held <= 980


def test_a_measure_that_one_attempt_lacks_is_not_measured() -> None:
    one = Heterogeneity(appearance=of("1.000"), score=of("2.000"))
    two = Heterogeneity(appearance=None, score=of("3.000"))
    assert heterogeneity.largest([one, two]) == Heterogeneity(appearance=None, score=of("3.000"))


def test_words() -> None:
    assert [spread_words(each) for each in (None, of("1.000"), of("1.000", "0.900", "1.200"))] == [
        "not measured", "1.000 (no interval)", "1.000 (0.900 to 1.200)",
    ]  # fmt: skip


# --- the rule -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "valid", "outcome"),
    [
        (of("1.0", "0.5", "1.5"), 3, GOOD),
        (of("1.0", "0.5", "1.501"), 3, OPEN),
        (of("1.9", "1.5", "2.0"), 3, OPEN),
        (of("1.9", "1.501", "2.0"), 3, BAD),
        (of("0.1"), 3, OPEN),
        (of("9.9"), 3, OPEN),
        (None, 3, OPEN),
        (of("1.0", "0.5", "1.5"), 4, OPEN),
    ],
)
def test_the_limit_holds_for_the_bounds(found: Spread | None, valid: int, outcome: str) -> None:
    """A limit belongs to the better side; without an interval, or with a valid image not measured, it is undecided."""
    result = HeterogeneityRule("1.5").apply("C1", found, valid)
    assert (result.outcome, result.rule, result.about) == (outcome, "CULTURE-HETEROGENEITY", "C1")
    assert result.measured == spread_words(found)


def rule(**changes: Any) -> MorphologyTest:
    values: dict[str, Any] = {
        "kind": "morphology", "test": "morphology", "name": "Morphology", "sop": "SOP-1", "model": "m",
        "model_version": "1", "model_sha256": "0" * 64, "conforming_share_min": "0.5", "rejected_share_max": "1",
        "valid_images_min": 2, "undecided_images": "count", "reading": "undecided images",
    }  # fmt: skip
    return MorphologyTest(**values | changes)


def measured(*values: str) -> dict[str, Heterogeneity]:
    return {f"i{n}": Heterogeneity(appearance=of(value), score=None) for n, value in enumerate(values)}


ORDER = {BAD: 0, OPEN: 1, GOOD: 2}


@pytest.mark.parametrize("outcomes", list(product([GOOD, BAD, OPEN, OUT], repeat=3)))
@pytest.mark.parametrize("values", [("1.0", "1.0", "1.0"), ("0.1", "1.5", "9.0"), ("9.0", "9.0", "9.1"), ()])
def test_a_limit_never_improves_an_outcome(outcomes: tuple[str, ...], values: tuple[str, ...]) -> None:
    """Against the same batch without the limit, for every way three images can turn out."""
    attempt = {f"i{n}": outcome for n, outcome in enumerate(outcomes)}
    cultures = dict.fromkeys(attempt, "C1")
    without = judge(rule(), [attempt], measured(*values), cultures, {}, 0)
    limited = judge(rule(heterogeneity_max="2.0"), [attempt], measured(*values), cultures, {}, 0)
    assert ORDER[limited.outcome] <= ORDER[without.outcome]
    assert ORDER[limited.cultures["C1"]] <= ORDER[without.cultures["C1"]]
    assert [r for r in limited.rules if r.rule != "CULTURE-HETEROGENEITY"] == list(without.rules)
    assert len(limited.rules) == len(without.rules) + 1
    assert limited.heterogeneity == without.heterogeneity


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        (("1.0", "1.1", "1.05"), GOOD),
        (("3.0", "3.1", "3.05"), BAD),
        (("1.0", "2.5", "3.0"), OPEN),
        (("1.0", "1.1"), OPEN),
        ((), OPEN),
    ],
)
def test_a_good_culture_under_a_limit(values: tuple[str, ...], outcome: str) -> None:
    attempt = dict.fromkeys(("i0", "i1", "i2"), GOOD)
    found = judge(rule(heterogeneity_max="2.0"), [attempt], measured(*values), dict.fromkeys(attempt, "C1"), {}, 0)
    assert found.cultures == {"C1": outcome}


def test_an_image_outside_the_input_check_does_not_count() -> None:
    attempt = {"i0": GOOD, "i1": GOOD, "i2": OUT}
    found = judge(rule(), [attempt], measured("1.0", "1.2", "50.0"), dict.fromkeys(attempt, "C1"), {}, 0)
    assert list(found.heterogeneity.images) == ["i0", "i1"]
    assert found.heterogeneity.cultures["C1"].appearance == mean_spread([of("1.0"), of("1.2")])


def test_the_batch_is_the_mean_of_its_cultures() -> None:
    """By hand: cultures 1.0 and 2.0 from three images and one; mean 1.5, not the mean of four images."""
    cultures = {"i0": "C1", "i1": "C1", "i2": "C1", "i3": "C2"}
    found = judge(rule(), [dict.fromkeys(cultures, GOOD)], measured("1.0", "1.0", "1.0", "2.0"), cultures, {}, 0)
    batch = found.heterogeneity.batch.appearance
    assert batch is not None
    assert (batch.value, batch.units) == ("1.500", 2)
    assert found.heterogeneity.cultures["C2"].appearance == of("2.000", units=1)
    assert mean_heterogeneity([]) == NOTHING


@pytest.mark.requirement("UR-PRODUCTS-04", reviewed="d20b7bfa")
@pytest.mark.parametrize("limit", ["0", "0.0", "-1", "1e3", "", "01", "1.", "0.0000001", "nan"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match="heterogeneity_max"):
        rule(heterogeneity_max=limit)


@pytest.mark.parametrize("limit", ["0.5", "0.01", "1", "10", "1.50", "2.0"])
def test_a_limit(limit: str) -> None:
    assert rule(heterogeneity_max=limit).heterogeneity_max == limit


def test_a_specification_without_a_limit_is_written_as_before() -> None:
    """The digest of a specification is over its canonical JSON, which a limit that is not there does not change."""
    assert "heterogeneity_max" not in rule().model_dump(mode="json")
    assert rule(heterogeneity_max="2.0").model_dump(mode="json")["heterogeneity_max"] == "2.0"
    assert rule().heterogeneity_limit == "no limit"


def test_tiles_that_lie_equally_far_from_their_mean_give_no_interval() -> None:
    """Half of sixteen tiles at +5 and half at -5: standard deviation 5 * sqrt(16/15) = 5.164, by hand."""
    found = spread([Decimal(5)] * 16)
    assert found is not None
    assert (found.value, found.low, found.high) == ("5.164", None, None)
