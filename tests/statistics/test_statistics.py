"""Figures and intervals against published tables, other implementations, hand calculations and a simulation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, cohen_kappa_score, roc_auc_score

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.statistics import source
from nesqc_gmp.statistics.acceptance import Criterion, assess, overall
from nesqc_gmp.statistics.agreement import agreement, fleiss_kappa
from nesqc_gmp.statistics.auroc import auroc, cluster_bootstrap, curve, delong, delong_difference, obuchowski
from nesqc_gmp.statistics.boundary import (
    no_difference,
    no_loss,
    perfect_agreement,
    perfect_disagreement,
    perfect_separation,
)
from nesqc_gmp.statistics.calibration import brier_score, calibration
from nesqc_gmp.statistics.interval import Interval, proportion
from nesqc_gmp.statistics.noninferiority import non_inferiority, paired_difference
from nesqc_gmp.statistics.outcomes import ScoredRow, at_threshold, by_culture, strata
from nesqc_gmp.statistics.planning import design_effect, intraclass_correlation, sample_size

Labelled = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


@settings(max_examples=100, deadline=None)
@given(Labelled)
def test_auroc_is_that_of_scikit_learn_with_ties(rows: list[tuple[bool, int]]) -> None:
    labels, scores = zip(*rows, strict=True)
    assert auroc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(Labelled)
def test_obuchowski_with_units_as_clusters_is_delong(rows: list[tuple[bool, int]]) -> None:
    """Obuchowski 1997, section 2: without clustering her variance reduces to that of DeLong, term by term."""
    labels, scores = zip(*rows, strict=True)
    if min(sum(labels), len(labels) - sum(labels)) < 2:
        return
    one, other = delong(labels, scores), obuchowski(labels, scores, range(len(labels)))
    assert other.estimate == pytest.approx(one.estimate)
    assert (other.low, other.high) == pytest.approx((one.low, one.high))


def test_delong_by_hand() -> None:
    """Positives 3, 5; others 1, 4: components (1/2, 1) and (1, 1/2); variance 0.125 / 2 + 0.125 / 2 = 0.125."""
    found = delong([True, True, False, False], [3.0, 5.0, 1.0, 4.0])
    assert found.estimate == pytest.approx(0.75)
    assert found.low == pytest.approx(max(0.0, 0.75 - 1.959964 * 0.125**0.5))
    assert found.high == 1.0


def test_difference_of_a_scorer_to_itself_is_nothing() -> None:
    """And nothing is known of how far it might have been from nothing."""
    labels, scores = [True, False] * 10, list(range(20))
    found = delong_difference(labels, scores, scores)
    assert (found.estimate, found.low, found.high) == (0.0, None, None)
    assert str(found) == "0.0000 (interval not assessable: every pair of units gives the same difference)"
    reversed_ = delong_difference(labels, [float(label) for label in labels], [-float(label) for label in labels])
    assert str(reversed_) == "1.0000 (interval not assessable: every pair of units gives the same difference)"


def test_one_class_or_nothing_is_not_estimable() -> None:
    for labels in ([True, True], [False], []):
        scores = [0.5] * len(labels)
        assert auroc(labels, scores) is None
        assert str(delong(labels, scores)) == "not estimable: units of one class only"
        assert cluster_bootstrap(labels, scores, scores, seed=1).estimate is None
    assert proportion(0, 0).estimate is None
    assert calibration([], []) is None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_score_that_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidInputError, match="score 1"):
        auroc([True, False], [0.5, wrong])


def test_curve_encloses_the_area() -> None:
    generator = np.random.default_rng(2)
    labels, scores = generator.random(200) < 0.4, generator.normal(size=200)
    false_share, true_share = curve(labels, scores)
    assert np.trapezoid(true_share, false_share) == pytest.approx(auroc(labels, scores))


def clustered(generator: np.random.Generator, cultures: int, fields: int, correlation: float) -> tuple[np.ndarray, ...]:
    """Scores of cultures of one class each, with an intra-class correlation; the separation gives AUROC 0.8."""
    label = np.arange(cultures) % 2 == 0
    shared = generator.normal(size=cultures) * correlation**0.5
    own = generator.normal(size=(cultures, fields)) * (1 - correlation) ** 0.5
    scores = label[:, None] * (norm.ppf(0.8) * 2**0.5) + shared[:, None] + own
    return np.repeat(label, fields), scores.ravel(), np.repeat(np.arange(cultures), fields)


@pytest.mark.requirement("UR-MODELS-13", reviewed="eae3370e")
def test_clustered_intervals_cover_and_the_naive_one_does_not() -> None:
    """ST-02: known AUROC 0.8, intra-class correlation 0.3, 60 cultures of 8 fields, 300 repetitions.

    Binomial noise of a coverage of 0.95 over 300 repetitions: standard deviation 0.013.
    """
    generator, covered = np.random.default_rng(7), {"naive": 0, "Obuchowski": 0, "bootstrap": 0}
    for repetition in range(300):
        labels, scores, culture = clustered(generator, 60, 8, 0.3)
        found = {"naive": delong(labels, scores), "Obuchowski": obuchowski(labels, scores, culture)}
        if repetition < 60:
            found["bootstrap"] = cluster_bootstrap(labels, scores, culture, seed=repetition, resamples=200)
        for name, interval in found.items():
            covered[name] += interval.low <= 0.8 <= interval.high  # type: ignore[operator]
    assert 0.91 <= covered["Obuchowski"] / 300 <= 0.985
    assert covered["bootstrap"] / 60 >= 0.85
    assert covered["naive"] / 300 < 0.85


def test_bootstrap_depends_on_its_seed_only() -> None:
    labels, scores, culture = clustered(np.random.default_rng(1), 20, 4, 0.3)
    first, again, other = (cluster_bootstrap(labels, scores, culture, seed=s, resamples=200) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.requirement("UR-MODELS-13", reviewed="eae3370e")
def test_intervals_of_a_proportion_from_published_tables() -> None:
    """Newcombe, Statistics in Medicine 1998, table I: 81 of 263 and 0 of 20, Clopper-Pearson and Wilson."""
    exact, wilson = proportion(81, 263), proportion(81, 263, "Wilson")
    assert (round(exact.low, 4), round(exact.high, 4)) == (0.2527, 0.3676)  # type: ignore[arg-type]
    assert (round(wilson.low, 4), round(wilson.high, 4)) == (0.2553, 0.3662)  # type: ignore[arg-type]
    none, none_wilson = proportion(0, 20), proportion(0, 20, "Wilson")
    assert (none.low, round(none.high, 4)) == (0.0, 0.1684)  # type: ignore[arg-type]
    assert round(none_wilson.high, 4) == 0.1611  # type: ignore[arg-type]


@pytest.mark.requirement("UR-MODELS-16", reviewed="c631726c")
@pytest.mark.parametrize(
    ("bound", "units"),
    [(0.80, (17, 26, 34, 41)), (0.85, (23, 35, 46, 56)), (0.90, (36, 54, 70, 85)), (0.95, (72, 110, 142, 173))],
)
def test_sample_sizes_of_the_requirement(bound: float, units: tuple[int, ...]) -> None:
    """The table of requirement ST-04, computed there from the Clopper-Pearson bound."""
    assert tuple(sample_size(bound, errors).units for errors in range(4)) == units


def test_clustering_costs_images() -> None:
    """ST-04: six fields at a correlation of 0.3 give a design effect of 2.5."""
    assert design_effect(6, 0.3) == pytest.approx(2.5)
    assert sample_size(0.80, 0, images_per_culture=6, correlation=0.3).images == 43  # 17 x 2.5, rounded up
    assert sample_size(0.80, 0, true_value=0.99).power == pytest.approx(0.99**17)
    with pytest.raises(InvalidInputError, match="cannot be planned"):
        sample_size(1.0, 0)


def test_intraclass_correlation_of_a_published_example() -> None:
    """Shrout and Fleiss 1979, table 2: six targets, four judges; form (1,1) is 0.17."""
    ratings = [(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)]
    assert intraclass_correlation(ratings) == pytest.approx(0.17, abs=0.005)
    assert intraclass_correlation([(1.0,), (2.0,)]) is None


def test_agreement_collapses_in_kappa_but_not_where_prevalence_is_taken_out() -> None:
    """Byrt, Bishop and Carlin 1993: 118 of 125 equal answers (raw 0.944) with one class rare."""
    first = [True] * 118 + [True] * 5 + [False] * 2
    second = [True] * 118 + [False] * 5 + [True] * 2
    found = agreement(first, second)
    assert found.kappa.estimate == pytest.approx(cohen_kappa_score(first, second))
    assert found.prevalence_adjusted == pytest.approx(2 * 118 / 125 - 1)
    assert found.positive_agreement == pytest.approx(236 / 243)
    assert found.negative_agreement == 0.0
    assert agreement([True] * 4, [True] * 4).kappa.estimate is None


@pytest.mark.requirement("UR-MODELS-15", reviewed="4dc70547")
def test_kappa_interval_of_the_published_formula() -> None:
    """Fleiss, Levin and Paik 2003, table 18.1 cut to two by two by hand: 40, 10, 5, 45 gives 0.70, s.e. 0.071."""
    found = agreement([True] * 50 + [False] * 50, [True] * 40 + [False] * 10 + [True] * 5 + [False] * 45)
    assert found.kappa.estimate == pytest.approx(0.70)
    assert (found.kappa.high - found.kappa.estimate) / 1.959964 == pytest.approx(0.071, abs=0.001)  # type: ignore[operator]


def test_fleiss_kappa_of_the_published_example() -> None:
    """Fleiss 1971 as worked through in the public encyclopaedia: ten subjects, fourteen readers, kappa 0.210."""
    counts = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    assert fleiss_kappa(counts) == pytest.approx(0.210, abs=0.0005)
    with pytest.raises(InvalidInputError):
        fleiss_kappa([(1, 1), (1, 2)])


def test_brier_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(3)
    scores = generator.random(500)
    labels = generator.random(500) < scores
    found = calibration(labels, scores)
    assert found is not None
    assert found.brier == pytest.approx(brier_score_loss(labels, scores))
    assert found.expected_error < 0.08
    assert sum(part.observed.units for part in found.bins) == 500


def row(number: int, label: str, outcome: str, culture: str = "", **more: str) -> ScoredRow:
    score = {"conforming": 0.9, "not conforming": 0.1, "undecided": 0.5}.get(outcome)
    return ScoredRow(f"i{number}", culture or f"C{number}", "D", label, score, outcome, tuple(more.items()))  # type: ignore[arg-type]


@pytest.mark.requirement("UR-MODELS-14", reviewed="6e8e1a22")
def test_undecided_is_reported_three_ways() -> None:
    """Ten not conforming: 6 right, 1 wrong, 2 undecided, 1 refused. By hand 6/7, 6/10, 3/10; 9 of 10 not missed."""
    outcomes = ["not conforming"] * 6 + ["conforming"] + ["undecided"] * 2 + ["rejected by input check"]
    found = at_threshold([row(n, "not conforming", o) for n, o in enumerate(outcomes)], "not conforming")
    assert (found.right, found.wrong, found.undecided, found.refused, found.total) == (6, 1, 2, 1, 10)
    assert found.excluding.estimate == pytest.approx(6 / 7)
    assert found.counted_wrong.estimate == pytest.approx(0.6)
    assert found.undecided_rate.estimate == pytest.approx(3 / 10), "a refusal is no decision"
    assert found.not_missed.estimate == pytest.approx(0.9)


def test_worst_image_decides_its_culture() -> None:
    rows = [row(n, "not conforming", o, "C") for n, o in enumerate(["conforming", "undecided", "not conforming"])]
    (culture,) = by_culture(rows)
    assert (culture.outcome, culture.score) == ("not conforming", 0.1)
    with pytest.raises(InvalidInputError, match="different labels"):
        by_culture([*rows, row(9, "conforming", "conforming", "C")])


@pytest.mark.requirement("UR-MODELS-13", reviewed="eae3370e")
def test_empty_stratum_is_listed() -> None:
    rows = [row(1, "conforming", "conforming", passage="14"), row(2, "conforming", "conforming", passage="15")]
    found = strata(rows, [("passage", "14"), ("passage", "99")])
    assert [(s.value, len(s.rows), s.declared) for s in found] == [("14", 1, True), ("99", 0, True), ("15", 1, False)]


def criterion(metric: str, limit: str, **more: object) -> Criterion:
    return Criterion(metric, "image", Decimal(limit), 1, **more)  # type: ignore[arg-type]


@pytest.mark.requirement("UR-MODELS-13", reviewed="eae3370e", negative=True)
def test_bound_decides_and_not_the_estimate() -> None:
    """17 of 17 right: lower Clopper-Pearson bound 0.8049; 16 of 16: 0.7941 (requirement ST-04)."""
    for units, verdict in ((17, "passed"), (16, "failed")):
        rows = [row(n, "not conforming", "not conforming") for n in range(units)]
        (result,) = assess([criterion("sensitivity", "0.80")], rows, seed=1)
        assert (result.found.estimate, result.verdict) == (1.0, verdict)


@pytest.mark.requirement("UR-MODELS-13", reviewed="eae3370e", negative=True)
def test_what_cannot_be_assessed_is_never_passed() -> None:
    rows = [row(n, "not conforming", "not conforming") for n in range(30)]
    for missing in (
        criterion("specificity", "0.1"),
        criterion("AUROC", "0.1"),
        criterion("sensitivity", "0.1", subgroup=("site", "B")),
        Criterion("sensitivity", "image", Decimal("0.1"), 31),
    ):
        results = assess([criterion("sensitivity", "0.80"), missing], rows, seed=1)
        assert [r.verdict for r in results] == ["passed", "not assessable"]
        assert overall(results) == "not assessable"
    assert overall(assess([], rows, seed=1)) == "not assessable"


def test_rate_is_judged_by_its_upper_bound() -> None:
    """0 of 30 undecided: upper bound 0.1157."""
    rows = [row(n, "conforming", "conforming") for n in range(30)]
    verdicts = [assess([criterion("undecided rate", limit)], rows, seed=1)[0].verdict for limit in ("0.11", "0.12")]
    assert verdicts == ["failed", "passed"]


@pytest.mark.requirement("UR-MODELS-14", reviewed="6e8e1a22", negative=True)
@pytest.mark.parametrize("was", ["conforming", "undecided"])
def test_a_refusal_never_makes_the_undecided_rate_better(was: str) -> None:
    """Whatever a culture was before it is refused: by hand 3 of 30 before, and 3 or 4 of 30 after."""
    outcomes = ["undecided"] * 3 + ["conforming"] * 27
    refused = list(outcomes)
    refused[refused.index(was)] = "rejected by input check"
    before, after = (
        assess([criterion("undecided rate", "0.5")], [row(n, "conforming", o) for n, o in enumerate(each)], seed=1)[0]
        for each in (outcomes, refused)
    )
    assert before.found.estimate == pytest.approx(3 / 30)
    assert after.found.estimate == pytest.approx((3 if was == "undecided" else 4) / 30)
    assert after.found.high >= before.found.high  # type: ignore[operator]


@pytest.mark.parametrize("units", [(2, 2), (6, 6), (40, 40), (36, 17), (5, 200)])
def test_the_bound_at_perfect_separation_is_newcombes(units: tuple[int, int]) -> None:
    """His equation multiplied out to a polynomial, as other implementations solve it, here by its roots.

    At an AUROC of 1: mn (1 - x)(2 - x)(1 + x) = z² x (2 + h + (1 + 2h) x (1 - x)) with h = (m + n) / 2 - 1.
    """
    (m, n), square = units, norm.ppf(0.975) ** 2
    half, x = (m + n) / 2 - 1, np.polynomial.Polynomial([0, 1])
    equation = m * n * (1 - x) * (2 - x) * (1 + x) - square * x * (2 + half + (1 + 2 * half) * x * (1 - x))
    (expected,) = [root.real for root in equation.roots() if abs(root.imag) < 1e-9 and 0 < root.real < 1]
    assert perfect_separation(m, n) == pytest.approx(expected, abs=1e-9)


def test_bounds_of_perfect_results_by_hand() -> None:
    """Of 40 units: 0.025 ** (1 / 40) = 0.9119; kappa 2 * 0.9119 - 1 at even chance; 3.8415 / 43.8415 = 0.0876."""
    assert perfect_agreement(40, 0.5) == pytest.approx(0.8238, abs=5e-5)
    assert perfect_disagreement(40, 0.5) == pytest.approx(-0.8238, abs=5e-5)
    assert no_difference(40) == pytest.approx(0.0876, abs=5e-5)
    assert no_loss(40) == pytest.approx(1 - 0.025 ** (1 / 40))
    assert perfect_separation(0, 5) == 0.0


def test_the_sizes_of_sets_that_the_procedure_names() -> None:
    """SOP-07, Collect the images: fewest cultures whose perfect results show a bound."""

    def fewest(shows: Callable[[int], bool]) -> int:
        return next(units for units in range(2, 200) if shows(units))

    assert [fewest(lambda n, b=bound: perfect_separation(n, n) >= b) for bound in (0.90, 0.95)] == [21, 40]  # type: ignore[misc]
    assert [fewest(lambda n, b=bound: perfect_agreement(n, 0.5) >= b) for bound in (0.60, 0.80)] == [17, 36]  # type: ignore[misc]
    assert [fewest(lambda n, m=margin: no_difference(n) < m) for margin in (0.10, 0.05)] == [35, 73]  # type: ignore[misc]
    assert perfect_separation(20, 20) == pytest.approx(0.899, abs=5e-4)


def test_no_interval_of_perfect_results_is_without_width() -> None:
    """Twenty cultures of two images, each right: every interval is that of 20 cultures, and never one value."""
    labels = [n % 4 < 2 for n in range(40)]
    scores, cultures = [float(label) for label in labels], [f"C{n // 2}" for n in range(40)]
    for found in (cluster_bootstrap(labels, scores, cultures, seed=1), obuchowski(labels, scores, cultures)):
        assert (found.estimate, found.high) == (1.0, 1.0)
        assert found.low == pytest.approx(perfect_separation(10, 10))
    assert delong(labels, scores).low == pytest.approx(perfect_separation(20, 20))
    wrong = cluster_bootstrap([not label for label in labels], scores, cultures, seed=1)
    assert (wrong.low, wrong.high) == (0.0, pytest.approx(1 - perfect_separation(10, 10)))
    full, none = agreement(labels, labels).kappa, agreement(labels, [not label for label in labels]).kappa
    assert (full.low, full.high) == (pytest.approx(2 * 0.025 ** (1 / 40) - 1), 1.0)
    assert (none.low, none.high) == (-1.0, pytest.approx(1 - 2 * 0.025 ** (1 / 40)))
    brier = brier_score(labels, scores, cultures, seed=1)
    assert (brier.estimate, brier.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))


def test_one_error_never_shows_more_than_none() -> None:
    """Without the bound at perfection, one wrong pair gave the bootstrap a bound that perfection did not reach."""
    labels = [n < 10 for n in range(20)]
    perfect = [float(20 - n) for n in range(20)]
    swapped = [*perfect[:9], perfect[10], perfect[9], *perfect[11:]]
    cultures = list(range(20))
    best, nearly = (cluster_bootstrap(labels, each, cultures, seed=1).low for each in (perfect, swapped))
    assert nearly <= best < 1  # type: ignore[operator]


Table = tuple[int, int, int, int]


@cache
def kappa_of(table: Table) -> Interval:
    """Of the units that both called positive, only the first, only the second, and neither."""
    a, b, c, d = table
    return agreement([True] * (a + b) + [False] * (c + d), [True] * a + [False] * b + [True] * c + [False] * d).kappa


def tables(units: int) -> list[Table]:
    return [
        (a, b, c, units - a - b - c)
        for a in range(units + 1)
        for b in range(units + 1 - a)
        for c in range(units + 1 - a - b)
    ]


def corrected(table: Table) -> list[Table]:
    """Every table that is left when one error is put right, by whichever reader."""
    a, b, c, d = table
    moved = [(a + 1, b - 1, c, d), (a, b - 1, c, d + 1), (a + 1, b, c - 1, d), (a, b, c - 1, d + 1)]
    return [each for each in moved if min(each) >= 0]


def test_kappa_of_every_small_table_is_never_better_than_with_errors_put_right() -> None:
    """All tables of up to 12 units, against full agreement with the errors put right in any way.

    Among these are the tables of full agreement with the margins of either reader. Full disagreement is the mirror.
    """
    for units in range(1, 13):
        found = {table: kappa_of(table) for table in tables(units)}
        for (a, b, c, d), kappa in found.items():
            if kappa.low is None or kappa.high is None:
                continue
            assert -1 <= kappa.low <= kappa.high <= 1
            agreed = [found[a + n, 0, 0, d + b + c - n].low for n in range(b + c + 1)]
            assert all(kappa.low <= low + 1e-9 for low in agreed if low is not None), (a, b, c, d)
            opposed = [perfect_disagreement(units, (b + n) / units) for n in range(a + d + 1)]
            assert all(kappa.high >= high - 1e-9 for high in opposed), (a, b, c, d)


def test_no_error_raises_a_bound_of_kappa_that_a_criterion_can_ask_for() -> None:
    """Limits of criteria lie above 0. All tables of up to 12 units, and those near perfection of more."""
    near = [(n - d - e, e, f, d - f) for n in (36, 60) for d in range(1, n) for e in range(3) for f in range(2)]
    for table in [*(t for n in range(1, 13) for t in tables(n)), *(t for t in near if min(t) >= 0)]:
        low = kappa_of(table).low
        if low is None or low <= 0:
            continue
        for better in corrected(table):
            assert low <= kappa_of(better).low + 1e-9, (table, better)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("perfect", "error"),
    [
        ((55, 0, 0, 5), (54, 1, 0, 5)),
        ((99, 0, 0, 1), (98, 1, 0, 1)),
        ((11, 0, 0, 10), (10, 1, 0, 10)),
        ((99, 0, 0, 1), (97, 1, 1, 1)),
    ],
)
def test_an_error_does_not_raise_kappa_by_the_chance_it_lowers(perfect: Table, error: Table) -> None:
    """Taken at the observed agreement by chance, the second table of each pair had the higher bound.

    By hand: 0.025 ** (1 / 60) = 0.940377; 55 and 5 by chance 0.847222; (0.940377 - 0.847222) / 0.152778 = 0.6097.
    """
    best, low = kappa_of(perfect).low, kappa_of(error).low
    assert low <= best + 1e-9  # type: ignore[operator]
    assert kappa_of((55, 0, 0, 5)).low == pytest.approx(0.6097, abs=5e-5)
    assert perfect_agreement(10, 0.01) == perfect_agreement(10, 0.0) == -1.0, "kappa is never less"


@pytest.mark.parametrize("metric", ["AUROC", "kappa", "Brier score"])
def test_an_interval_without_width_is_not_assessable(metric: str) -> None:
    """A model that gives every image the same score and call: nothing is known of its spread."""
    rows = [
        ScoredRow(f"i{n}", f"C{n}", "D", label, 0.5, "conforming", (), (("anna", label),))
        for n, label in enumerate(("conforming", "not conforming") * 10)
    ]  # fmt: skip
    (result,) = assess([criterion(metric, "0.01" if metric != "Brier score" else "0.9")], rows, seed=1)
    assert (result.found.low, result.found.high, result.verdict) == (None, None, "not assessable")
    one_answer = "one of the two gave one and the same answer to every unit"
    assert result.found.reason == (one_answer if metric == "kappa" else "its interval has no width")


def test_intervals_near_perfection_cover() -> None:
    """Known AUROC 0.97, ten cultures of each class, 300 repetitions: one in three separates them perfectly."""
    generator, covered, perfect = np.random.default_rng(3), 0, 0
    labels, cultures = np.arange(20) < 10, np.arange(20)
    for repetition in range(300):
        scores = labels * (norm.ppf(0.97) * 2**0.5) + generator.normal(size=20)
        found = cluster_bootstrap(labels, scores, cultures, seed=repetition, resamples=100)
        covered += found.low <= 0.97 <= found.high  # type: ignore[operator]
        perfect += found.estimate == 1.0
    assert perfect > 60
    assert covered / 300 >= 0.93


@pytest.mark.requirement("UR-MODELS-15", reviewed="4dc70547", negative=True)
def test_non_inferiority_needs_a_baseline() -> None:
    right, cultures = [True] * 40, [f"C{n // 4}" for n in range(40)]
    assert non_inferiority(right, None, cultures, margin=0.1, seed=1).verdict == "not assessable"
    assert non_inferiority(right, right, cultures, margin=0.3, seed=1).verdict == "non-inferior"
    assert non_inferiority(right, right, cultures, margin=0.2, seed=1).verdict == "not shown", "ten cultures, all alike"
    worse = [n % 2 == 0 for n in range(40)]
    assert non_inferiority(worse, right, cultures, margin=0.1, seed=1).verdict == "not shown"
    with pytest.raises(InvalidInputError, match="margin"):
        non_inferiority(right, right, cultures, margin=0.0, seed=1)


def test_brier_score_is_that_of_scikit_learn_and_its_interval_draws_cultures() -> None:
    """Ten cultures of four equal images: drawing images apart gives half the width."""
    random = np.random.default_rng(5)
    labels = np.repeat(np.arange(10) % 2 == 0, 4)
    scores = np.repeat(random.uniform(0, 1, 10), 4)
    cultures = np.repeat(np.arange(10), 4)
    found = brier_score(labels, scores, cultures, seed=1)
    assert found.estimate == pytest.approx(brier_score_loss(labels, scores))
    alone = brier_score(labels, scores, np.arange(40), seed=1)
    assert None not in {found.low, found.high, alone.low, alone.high}
    width, narrow = found.high - found.low, alone.high - alone.low  # type: ignore[operator]
    assert width / narrow == pytest.approx(2, rel=0.15)
    assert (found.units, alone.units) == (10, 40)
    assert brier_score([True, False], [0.9, 0.2], ["A", "B"], seed=1).low is None
    assert brier_score([], [], [], seed=1).estimate is None


def read_row(number: int, outcome: str, **readings: str) -> ScoredRow:
    read = tuple(readings.items())
    return ScoredRow(f"i{number}", f"C{number}", "D", "conforming", 0.9, outcome, (), read)  # type: ignore[arg-type]


def test_the_reader_who_leaves_the_lowest_bound_counts() -> None:
    """Kappa of Bo by scikit-learn; Anna agrees fully. Undecided is not conforming."""
    outcomes = ["conforming"] * 12 + ["undecided"] * 6
    bo = ["conforming"] * 9 + ["not conforming"] * 9
    anna = ["conforming"] * 12 + ["not conforming"] * 6
    rows = [read_row(n, o, anna=a, bo=b) for n, (o, a, b) in enumerate(zip(outcomes, anna, bo, strict=True))]
    (result,) = assess([criterion("kappa", "0.2")], rows, seed=1)
    expected = cohen_kappa_score([o == "conforming" for o in outcomes], [b == "conforming" for b in bo])
    assert result.found.estimate == pytest.approx(expected)
    assert result.verdict == "passed"


def test_the_margin_of_non_inferiority_is_a_bound_of_the_difference() -> None:
    """One reader is always right and the model in 17 of 18: -1/18; its bound lies below a margin of 0.1."""
    rows = [read_row(n, "conforming" if n else "undecided", anna="conforming") for n in range(18)]
    found = [assess([criterion("non-inferiority", margin)], rows, seed=1)[0] for margin in ("0.10", "0.30")]
    assert found[0].found.estimate == pytest.approx(-1 / 18)
    assert [each.verdict for each in found] == ["failed", "passed"]
    same = paired_difference([True] * 17 + [False], [True] * 18, [f"C{n}" for n in range(18)], seed=1)
    assert same.low == found[0].found.low


@pytest.mark.parametrize("metric", ["kappa", "non-inferiority"])
def test_without_readers_nothing_is_compared(metric: str) -> None:
    rows = [row(n, "conforming", "conforming") for n in range(30)]
    assert assess([criterion(metric, "0.1")], rows, seed=1)[0].verdict == "not assessable"


def test_a_reader_of_a_culture_read_all_its_images_and_the_worst_counts() -> None:
    one = ScoredRow("a", "C", "D", "conforming", 0.9, "conforming", (), (("anna", "conforming"), ("bo", "conforming")))
    other = ScoredRow("b", "C", "D", "conforming", 0.9, "conforming", (), (("anna", "not conforming"),))
    assert by_culture([one, other])[0].readings == (("anna", "not conforming"),)


def test_brier_score_is_judged_by_its_upper_bound() -> None:
    rows = [
        ScoredRow(f"i{n}", f"C{n}", "D", "conforming", 0.5 if n % 2 else 1.0, "conforming") for n in range(40)
    ]  # fmt: skip
    found = [assess([criterion("Brier score", limit)], rows, seed=1)[0] for limit in ("0.125", "0.20")]
    assert found[0].found.estimate == pytest.approx(0.125)
    assert [each.verdict for each in found] == ["failed", "passed"]


def test_the_digest_of_the_analysis_changes_with_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in Path(source.__file__).parent.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = source.analysis_sha256()
    monkeypatch.setattr(source, "__file__", str(tmp_path / "source.py"))
    assert source.analysis_sha256() == before
    for file in sorted(tmp_path.glob("*.py")):
        data = file.read_bytes()
        file.write_bytes(data + b"#")
        assert source.analysis_sha256() != before
        file.write_bytes(data)
    (tmp_path / "more.py").write_bytes(b"")
    assert source.analysis_sha256() != before
