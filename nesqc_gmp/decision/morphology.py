"""The image test of a batch: from the recorded scores and readings to outcomes of cultures and batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nesqc_gmp.decision.heterogeneity import mean_heterogeneity
from nesqc_gmp.decision.rules import (
    ConformingShareRule,
    HeterogeneityRule,
    RejectedShareRule,
    ValidImagesRule,
    worst,
)
from nesqc_gmp.records.batches import ImageOutcome, RuleResult
from nesqc_gmp.records.images import Heterogeneity, Outcome
from nesqc_gmp.records.products import MorphologyTest


@dataclass(frozen=True, slots=True)
class ReadingOf:
    """What one person read: who, and the outcome they gave."""

    person: str
    reading: Outcome


@dataclass(frozen=True, slots=True)
class BatchHeterogeneity:
    """How unlike the places of the images are.

    Attributes:
        batch: Mean over the cultures.
        cultures: Mean over the valid images of each culture.
        images: Of each valid image.
    """

    batch: Heterogeneity
    cultures: Mapping[str, Heterogeneity]
    images: Mapping[str, Heterogeneity]


@dataclass(frozen=True, slots=True)
class MorphologyVerdict:
    """The outcome of the image test.

    Attributes:
        outcome: Of the batch.
        cultures: Outcome of each culture.
        images: Outcome of each image after readings.
        rules: Every rule applied to cultures and batch.
        heterogeneity: Of images, cultures and batch.
    """

    outcome: Outcome
    cultures: Mapping[str, Outcome]
    images: Mapping[str, ImageOutcome]
    rules: tuple[RuleResult, ...]
    heterogeneity: BatchHeterogeneity


def after_readings(outcome: ImageOutcome, readings: Sequence[ReadingOf], test: MorphologyTest) -> ImageOutcome:
    """The outcome of an image once people have read it.

    A reading never improves what the model called not conforming, nor an image outside the input check. It makes a
    conforming image undecided where a person disagrees. An undecided image counts as conforming only where the
    specification says so and two different people read it as conforming, and nobody ever read it otherwise: a reading
    is never taken back by a later one.
    """
    if outcome in {"not conforming", "rejected by input check"} or not readings:
        return outcome
    given = {reading.reading for reading in readings}
    if outcome == "conforming":
        return "conforming" if given == {"conforming"} else "undecided"
    if given == {"not conforming"}:
        return "not conforming"
    agreed = given == {"conforming"} and len({reading.person for reading in readings}) >= 2
    return "conforming" if agreed and test.undecided_images == "two readings" else "undecided"


def judge(
    test: MorphologyTest,
    attempts: Sequence[Mapping[str, ImageOutcome]],
    measured: Mapping[str, Heterogeneity],
    cultures: Mapping[str, str],
    readings: Mapping[str, Sequence[ReadingOf]],
    refused_files: int,
) -> MorphologyVerdict:
    """Decide the image test.

    Args:
        test: The test of the specification.
        attempts: Outcomes by image of every completed attempt; all of them count, the least favourable decides.
        measured: Heterogeneity by image, the largest over the completed attempts.
        cultures: Culture of each image of the sealed set.
        readings: Readings by image.
        refused_files: Files refused at receipt.
    """
    images = {
        image: _decided([attempt.get(image) for attempt in attempts], readings.get(image, ()), test)
        for image in cultures
    }
    heterogeneity = _heterogeneity(images, measured, cultures)
    rules: list[RuleResult] = []
    verdicts: dict[str, Outcome] = {}
    for culture in dict.fromkeys(cultures.values()):
        own = [images[image] for image in cultures if cultures[image] == culture]
        valid, *others = _culture_rules(test, culture, own, heterogeneity.cultures[culture])
        rules += [valid, *others]
        decided = worst([rule.outcome for rule in others])
        verdicts[culture] = "undecided" if valid.outcome == "undecided" else decided
    rejected = RejectedShareRule(test.rejected_share_max).apply(list(images.values()), refused_files)
    outcome = worst([*verdicts.values(), rejected.outcome])
    return MorphologyVerdict(outcome, verdicts, images, (*rules, rejected), heterogeneity)


def _culture_rules(
    test: MorphologyTest, culture: str, own: Sequence[ImageOutcome], found: Heterogeneity
) -> list[RuleResult]:
    """Valid images first, then what decides a culture that has enough of them."""
    rules = [
        ValidImagesRule(test.valid_images_min).apply(culture, own),
        ConformingShareRule(test.conforming_share_min).apply(culture, own),
    ]
    if test.heterogeneity_max is not None:
        valid = sum(outcome != "rejected by input check" for outcome in own)
        rules.append(HeterogeneityRule(test.heterogeneity_max).apply(culture, found.appearance, valid))
    return rules


def _heterogeneity(
    images: Mapping[str, ImageOutcome], measured: Mapping[str, Heterogeneity], cultures: Mapping[str, str]
) -> BatchHeterogeneity:
    """An image outside the input check is not what the model can measure, so only valid images count."""
    found = {
        image: measured[image]
        for image, outcome in images.items()
        if outcome != "rejected by input check" and image in measured
    }
    by_culture = {
        culture: mean_heterogeneity(found[image] for image in found if cultures[image] == culture)
        for culture in dict.fromkeys(cultures.values())
    }
    return BatchHeterogeneity(mean_heterogeneity(by_culture.values()), by_culture, found)


def _decided(
    outcomes: Sequence[ImageOutcome | None], readings: Sequence[ReadingOf], test: MorphologyTest
) -> ImageOutcome:
    """One image over attempts and readings; what an attempt never saw, no reading decides."""
    if not outcomes or None in outcomes:
        return _least(outcomes)
    return after_readings(_least(outcomes), readings, test)


def _least(outcomes: Sequence[ImageOutcome | None]) -> ImageOutcome:
    """The least favourable outcome over attempts; an image without a result is undecided."""
    for candidate in ("not conforming", "rejected by input check"):
        if candidate in outcomes:
            return candidate
    return "conforming" if outcomes and set(outcomes) == {"conforming"} else "undecided"
