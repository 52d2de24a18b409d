"""The lines of a certificate about images, cultures, tests, attempts and readings."""

from __future__ import annotations

from decimal import Decimal

from nesqc_gmp.decision.morphology import MorphologyVerdict
from nesqc_gmp.records.batches import ImageScored
from nesqc_gmp.records.certificate_lines import (
    AttemptLine,
    CultureLine,
    ImageLine,
    LateEntryLine,
    ReadingLine,
    TestLine,
)
from nesqc_gmp.records.certificates import culture_line
from nesqc_gmp.records.images import Heterogeneity
from nesqc_gmp.records.products import ManualTest, MorphologyTest, Specification
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch
from nesqc_gmp.state.late_entry import late_entries


def decisive_score(batch: Batch, image: str) -> ImageScored | None:
    """The result of an image that counts: the least favourable over the completed attempts."""
    found = [a.scores[image] for a in batch.attempts if a.completed and image in a.scores]
    order = {"not conforming": 0, "rejected by input check": 1, "undecided": 2, "conforming": 3}
    return min(found, key=lambda scored: (order[scored.outcome], _score(scored)), default=None)


def _score(scored: ImageScored) -> Decimal:
    return Decimal(scored.prediction.score) if scored.prediction else Decimal(-1)


def image_lines(batch: Batch) -> tuple[ImageLine, ...]:
    """One line for every image of the sealed set."""
    measured = release.heterogeneity(batch)
    return tuple(_image_line(batch, name, measured.get(name)) for name in batch.images)


def _image_line(batch: Batch, name: str, measured: Heterogeneity | None) -> ImageLine:
    received = batch.images[name].received
    scored = decisive_score(batch, name)
    outcome = scored.outcome if scored else "not analysed"
    valid = outcome in {"conforming", "not conforming", "undecided"}
    return ImageLine(
        image=name,
        culture=received.culture,
        field=received.field,
        score=scored.prediction.score if scored and scored.prediction and valid else None,
        heterogeneity=measured if valid else None,
        outcome=outcome,
        reason="" if valid else _why(scored),
    )


def _why(scored: ImageScored | None) -> str:
    if scored is None:
        return "no attempt reached this image"
    failed = [f for f in (*scored.check.findings, *scored.model_check) if not f.passed]
    return "; ".join(f"{f.rule}: {f.measured}, limit {f.limit}" for f in failed)


def culture_lines(batch: Batch, images: tuple[ImageLine, ...], verdict: MorphologyVerdict) -> tuple[CultureLine, ...]:
    """One line for every culture."""
    return tuple(
        culture_line(culture, images, verdict.cultures[culture], verdict.heterogeneity.cultures[culture])
        for culture in batch.cultures
    )


def reading_lines(batch: Batch) -> tuple[ReadingLine, ...]:
    """Every reading by a person."""
    return tuple(
        ReadingLine(
            image=reading.read.image,
            reader=reading.name,
            reading=reading.read.reading,
            blinded=reading.read.blinded,
            override=release.differs(batch, reading),
            reason=reading.reason or "",
        )
        for reading in batch.readings
    )


def attempt_lines(batch: Batch) -> tuple[AttemptLine, ...]:
    """Every attempt, however it ended."""
    return tuple(
        AttemptLine(
            number=attempt.number,
            opened=attempt.opened_at,
            closed=attempt.closed_at,
            ending=attempt.closed.ending if attempt.closed else "interrupted",
            scored=len(attempt.scores),
            detail=attempt.closed.detail if attempt.closed else "",
        )
        for attempt in batch.attempts
    )


def late_lines(batch: Batch, specification: Specification) -> tuple[LateEntryLine, ...]:
    """One line for every late entry."""
    names = {test.test: test.name for test in specification.manual}
    return tuple(
        LateEntryLine(
            what=names[late.test] if late.test else f"{len(late.images)} of {len(batch.images)} images",
            happened=late.happened,
            entered=late.entered,
            person=late.person,
            reason=late.reason or "",
        )
        for late in late_entries(batch)
    )


def test_lines(batch: Batch, specification: Specification, verdict: MorphologyVerdict) -> tuple[TestLine, ...]:
    """One line for every test of the specification, in its order."""
    lines: list[TestLine] = []
    for number, test in enumerate(specification.tests, start=1):
        if isinstance(test, MorphologyTest):
            lines.append(_morphology_line(number, test, batch, verdict))
        else:
            lines.append(_manual_line(number, test, batch))
    return tuple(lines)


def _morphology_line(number: int, test: MorphologyTest, batch: Batch, verdict: MorphologyVerdict) -> TestLine:
    outcomes = list(verdict.images.values())
    good = sum(outcome == "conforming" for outcome in outcomes)
    cultures = list(verdict.cultures.values())
    limit = test.heterogeneity_max
    performer = next((a.opened_by_name for a in batch.attempts if a.completed), None)
    return TestLine(
        number=number,
        name=test.name,
        method=f"Image classifier {test.model} {test.model_version}",
        sop=test.sop,
        criterion=(
            f"≥ {percent(test.conforming_share_min)} % of valid images conform in each culture, "
            f"≥ {test.valid_images_min} valid images each, ≤ {percent(test.rejected_share_max)} % rejected"
            + ("" if limit is None else f", heterogeneity ≤ {limit} in each culture")
        ),
        result=(
            f"{cultures.count('conforming')} of {len(cultures)} cultures conform; "
            f"{good} of {len(outcomes)} images conform"
        ),
        outcome=verdict.outcome,
        performed_by=performer or "nobody",
        verified_by="",
    )


def percent(share: str) -> str:
    """A share as per cent without needless zeros."""
    text = f"{Decimal(share) * 100:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _manual_line(number: int, test: ManualTest, batch: Batch) -> TestLine:
    results = [result for result in batch.results if result.recorded.test == test.test]
    last = results[-1] if results else None
    values = "; ".join(f"{result.recorded.value} {test.unit}".strip() for result in results)
    return TestLine(
        number=number,
        name=test.name,
        method=test.method,
        sop=test.sop,
        criterion=test.criterion,
        result=values or "no result",
        outcome=release.manual_outcome(batch, test),
        performed_by=last.name if last else "nobody",
        verified_by=(last.verified_name or "not verified") if last else "",
    )
