"""Reader study, repeated imaging, concordance: figures from the scores that the completed test recorded. Pure.

A bound that rests on too few cultures, or that nothing observed can give, is no result, whatever the estimate says.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.procedures.model_tests.figures import scored_rows
from nesqc_gmp.procedures.qualification.performance.material import Found, Material, Tested, some
from nesqc_gmp.procedures.qualification.performance.people import is_day
from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.model_tests import TestImage
from nesqc_gmp.records.performance import ConcordanceCase, OtherResult, ReaderStudyCase, RobustnessCase
from nesqc_gmp.records.qualification import CaseVerdict
from nesqc_gmp.statistics.agreement import Agreement
from nesqc_gmp.statistics.concordance import AgreementOn, concordance
from nesqc_gmp.statistics.interval import Interval
from nesqc_gmp.statistics.outcomes import by_culture, culture_readings
from nesqc_gmp.statistics.readers import ReadCulture, ReaderPair, ReaderStudy, reader_study
from nesqc_gmp.statistics.variance import RepeatedImage, repeated, same_outcome, spread

Judged = tuple[tuple[Found, ...], dict[str, Any]]
"""The result of each step, and the figures behind them as they are kept."""

COLUMNS: Final = ("culture", "outcome", "reference", "performed_on")
"""Columns of the table of another test."""

_DECIMALS: Final = 6


def not_tested(material: Material, steps: int) -> Judged:
    """Every step of a study without a completed test."""
    listed = some([f"test {t.opened.test} {t.outcome}" for t in material.tests.tests]) or "no test"
    return (Found("not executed", f"Not assessable: no completed test of the last plan ({listed})"),) * steps, {}


# --- reader study -----------------------------------------------------------------------------------------------------


def judge_reader_study(case: ReaderStudyCase, tested: Tested) -> Judged:
    """Agreement of the readers with each other and with the label, and how often they err."""
    study = reader_study(_read_cultures(tested.content.images))
    enough = [one for one in study.readers if one.cultures >= case.cultures_min]
    few = len(enough) < case.readers_min
    counts = some([f"{one.reader} {one.cultures}" for one in study.readers]) or "nobody"
    readers = Found(
        "not executed" if few else "passed",
        f"Cultures read completely and alone: {counts}. {_made_the_label(tested.content.images, study)}",
    )
    lowest, worst = study.lowest, study.worst
    if few or lowest is None or worst is None:
        missing = Found(
            "not executed", f"Not assessable: {len(enough)} of {case.readers_min} readers with enough cultures"
        )
        return (readers, missing, missing), _study_figures(study)
    few_both = lowest.cultures < case.cultures_min
    agree = _bound(lowest.found.kappa, "low", case.kappa_min, few=few_both)
    err = _bound(worst.error, "high", case.error_max, few=worst.cultures < case.cultures_min)
    return (
        readers,
        Found(agree, _pair_words(lowest)),
        Found(err, f"Highest share of wrong readings: {worst.reader} {worst.error}, {worst.missed} not conforming "
              f"cultures missed, {worst.alarms} conforming ones not recognised, of {worst.cultures}"),
    ), _study_figures(study)  # fmt: skip


def _read_cultures(images: Sequence[TestImage]) -> tuple[ReadCulture, ...]:
    cultures: dict[str, list[TestImage]] = {}
    for image in images:
        cultures.setdefault(image.culture, []).append(image)
    return tuple(
        ReadCulture(name, found[0].label, culture_readings([image.readings for image in found]))
        for name, found in cultures.items()
    )


def _made_the_label(images: Sequence[TestImage], study: ReaderStudy) -> str:
    """Whose agreement with the label is no independent figure."""
    labelled = {reader for image in images for reader in image.readers}
    both = [one.reader for one in study.readers if one.reader in labelled]
    if not both:
        return "No reader took part in the label"
    return f"{some(both)} also made the label, so their agreement with it shows less than that of others"


def _pair_words(pair: ReaderPair) -> str:
    found = pair.found
    adjusted = "not estimable" if found.prevalence_adjusted is None else f"{found.prevalence_adjusted:.4f}"
    return (
        f"Lowest of all pairs, {pair.first} and {pair.second} on {pair.cultures} cultures: kappa {found.kappa}; raw "
        f"agreement {found.raw}; adjusted for prevalence {adjusted}; both conforming {found.both_positive}, both not "
        f"{found.neither}, different {found.first_only + found.second_only}"
    )


def _study_figures(study: ReaderStudy) -> dict[str, Any]:
    return {
        "unit": "culture, the least favourable reading of each reader",
        "readers": [
            {"reader": one.reader, "cultures": one.cultures, "missed": one.missed, "not recognised": one.alarms,
             "share of wrong readings": _interval(one.error), "with the label": _agreement(one.found)}
            for one in study.readers
        ],
        "pairs": [
            {"first": pair.first, "second": pair.second, "cultures": pair.cultures, **_agreement(pair.found)}
            for pair in study.pairs
        ],
        "all readers": {"Fleiss kappa": _number(study.fleiss), "cultures": study.read_by_all},
    }  # fmt: skip


def _agreement(found: Agreement) -> dict[str, Any]:
    return {
        "both conforming": found.both_positive,
        "first only": found.first_only,
        "second only": found.second_only,
        "both not conforming": found.neither,
        "raw agreement": _interval(found.raw),
        "kappa": _interval(found.kappa),
        "adjusted for prevalence": _number(found.prevalence_adjusted),
        "agreement on conforming": _number(found.positive_agreement),
        "agreement on not conforming": _number(found.negative_agreement),
    }


# --- repeated imaging -------------------------------------------------------------------------------------------------


def judge_robustness(case: RobustnessCase, tested: Tested) -> Judged:
    """Cultures imaged again: whether they keep their outcome, and how far their scores spread."""
    conditions: dict[str, Callable[[TestImage], str | None]] = {factor: _column(factor) for factor in case.factors}
    images = {name: _repeats(tested, condition) for name, condition in conditions.items()}
    together = _repeats(tested, lambda image: _together(image, case.factors))
    counts = {name: len(repeated(found)) for name, found in images.items()}
    few = min(counts.values()) < case.cultures_min
    kept, scores = same_outcome(together), spread(together, seed=tested.seed)
    without = sum(image.score is None for image in together)
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    return (
        Found("not executed" if few else "passed", f"Cultures under two or more conditions: {told}; by all factors "
              f"together {kept.cultures} cultures of {len(together)} images"),
        Found(_bound(kept.share, "low", case.same_outcome_min, few=few or kept.cultures < case.cultures_min),
              f"Share of cultures with one decision under every condition: {kept.share}; "
              f"{len(kept.differing)} of {kept.cultures} without: {some(list(kept.differing)) or 'none'}"),
        Found(_bound(scores.deviation, "high", case.spread_max, few=few or scores.cultures < case.cultures_min),
              f"Standard deviation of scores within a culture: {scores.deviation}, on {scores.cultures} cultures; "
              f"{without} of {len(together)} images were refused and have no score"),
    ), {
        "factors": {name: _spread_figures(found, tested.seed) for name, found in images.items()},
        "all factors together": _spread_figures(together, tested.seed),
        "note": "Factors that change together cannot be told apart: each variance is that of all that changed with it",
    }  # fmt: skip


def _column(name: str) -> Callable[[TestImage], str | None]:
    return lambda image: dict(image.subgroups).get(name)


def _together(image: TestImage, factors: Sequence[str]) -> str | None:
    """Every factor of an image in one; an image that lacks one of them says nothing of its condition."""
    found = [dict(image.subgroups).get(factor) for factor in factors]
    return None if None in found else " / ".join(str(value) for value in found)


def _repeats(tested: Tested, condition: Callable[[TestImage], str | None]) -> tuple[RepeatedImage, ...]:
    rows = zip(tested.content.images, scored_rows(tested.content, tested.results), strict=True)
    return tuple(
        RepeatedImage(image.culture, under, row.score, row.outcome)
        for image, row in rows
        if (under := condition(image)) is not None
    )


def _spread_figures(images: Sequence[RepeatedImage], seed: int) -> dict[str, Any]:
    kept, scores = same_outcome(images), spread(images, seed=seed)
    return {
        "cultures": kept.cultures,
        "without one outcome": list(kept.differing),
        "share with one outcome": _interval(kept.share),
        "variance between conditions": _number(scores.conditions),
        "variance of images of one condition": _number(scores.repeats),
        "standard deviation within a culture": _interval(scores.deviation),
    }


# --- concordance ------------------------------------------------------------------------------------------------------


def judge_concordance(case: ConcordanceCase, tested: Tested, table: Sequence[OtherResult], known_on: str) -> Judged:
    """Agreement of the outcomes of the recorded test with those of another test, culture by culture.

    Args:
        case: The case.
        tested: The completed test.
        table: The results of the other test, one for each culture of the set.
        known_on: Day on which the results of the model became known.
    """
    model = {row.culture: row.outcome for row in by_culture(scored_rows(tested.content, tested.results))}
    found = concordance([(each.outcome, model[each.culture]) for each in table])
    few = any(each.decided < case.cultures_min for each in found)
    order: tuple[CaseVerdict, ...] = ("failed", "not executed", "passed")
    verdicts = {_bound(each.share, "low", case.agreement_min, few=few) for each in found}
    counts = ", ".join(f"{each.outcome} {each.decided}" for each in found)
    later = sum(each.performed_on >= known_on for each in table)
    return (
        Found("not executed" if few else "passed", f"{len(table)} cultures by the other test: {counts}, undecided "
              f"{found[0].other_undecided}; {later} of them done on or after {known_on}, when the model's were known"),
        Found(next(each for each in order if each in verdicts), "; ".join(map(_agreement_words, found))),
    ), {
        "counted": "undecided, by whichever of the two, is never agreement; no result was obtained again",
        "agreement": [
            {"other test": each.outcome, "cultures": each.decided, "model the same": each.agreeing,
             "model the opposite": each.opposite, "model without decision": each.without_decision,
             "other test undecided": each.other_undecided, "share": _interval(each.share)}
            for each in found
        ],
        "cultures": [
            {"culture": each.culture, "other test": each.outcome, "model": model[each.culture],
             "reference": each.reference, "performed on": each.performed_on}
            for each in table
        ],
    }  # fmt: skip


def _agreement_words(found: AgreementOn) -> str:
    return (
        f"On {found.outcome} cultures of the other test: {found.share}; same {found.agreeing}, opposite "
        f"{found.opposite}, model undecided or refused {found.without_decision}, other test undecided "
        f"{found.other_undecided}"
    )


def read_table(name: str, data: bytes, tested: Tested, today: str) -> tuple[OtherResult, ...]:
    """The results of another test: one line for each culture of the test set, and for nothing else.

    A culture that is left out would make the agreement better or worse without anybody seeing it, so none may be.

    Raises:
        InvalidInputError: The first thing that is wrong, by line; or the cultures that are missing.
    """
    found: dict[str, OtherResult] = {}
    known = {image.culture for image in tested.content.images}
    for line, fields in _lines(name, data):
        where = f"{name}, line {line}"
        result = _result(fields, where)
        problem = _problem(result, found, known, today)
        if problem:
            raise InvalidInputError(problem, where=where, remedy="Correct the table and hand it in again.")
        found[result.culture] = result
    missing = sorted(known - found.keys())
    if missing:
        raise InvalidInputError(
            f"{len(missing)} cultures of the test set have no line: {some(missing)}", where=name,
            remedy="Give every culture one; where the other test gave no valid result, its outcome is undecided.",
        )  # fmt: skip
    return tuple(found.values())


def _lines(name: str, data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        if sorted(reader.fieldnames or ()) != sorted(COLUMNS):
            raise InvalidInputError(
                f"the columns are {', '.join(reader.fieldnames or ()) or 'missing'}"[:200], where=name,
                remedy=f"Write a CSV file with the columns {', '.join(COLUMNS)}, divided by commas.",
            )  # fmt: skip
        for fields in reader:
            yield reader.line_num, fields
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(
            f"the table cannot be read: {error}", where=name, remedy="Save it as CSV, UTF-8."
        ) from error


def _result(fields: dict[str, str], where: str) -> OtherResult:
    try:
        return OtherResult.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        column = ".".join(map(str, first["loc"]))
        raise InvalidInputError(
            f"{column}: {first['msg']}", where=where,
            remedy="The outcome is conforming, not conforming or undecided; a day is YYYY-MM-DD; no field stays empty.",
        ) from error  # fmt: skip


def _problem(result: OtherResult, found: dict[str, OtherResult], known: set[str], today: str) -> str:
    if result.culture in found:
        return f"the culture {result.culture} stands there twice"
    if result.culture not in known:
        return f"the test set has no culture {result.culture}"
    if not is_day(result.performed_on) or result.performed_on > today:
        return f"{result.performed_on} is no day up to today"
    return ""


# --- shared -----------------------------------------------------------------------------------------------------------


def _bound(found: Interval, side: str, limit: str, *, few: bool) -> CaseVerdict:
    """Whether a bound keeps its limit; without a bound, or on too few cultures, nothing was shown."""
    bound = found.low if side == "low" else found.high
    if few or bound is None:
        return "not executed"
    kept = bound >= float(limit) if side == "low" else bound <= float(limit)
    return "passed" if kept else "failed"


def _interval(found: Interval) -> dict[str, Any]:
    return {
        "estimate": _number(found.estimate),
        "low": _number(found.low),
        "high": _number(found.high),
        "method": found.method,
        "units": found.units,
        "reason": found.reason or None,
    }


def _number(value: float | None) -> str | None:
    return None if value is None else decimal_text(value, _DECIMALS)
