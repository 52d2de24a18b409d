"""What a QC certificate says: every word and number that is printed, checked against each other before it is drawn.

Nothing is decided when the page is drawn. The caller fills this content from the records; what can be derived from
the lines of the images is derived here by pure functions, and a content whose numbers disagree cannot be made
(ICH Q7 11.4; WHO TRS 1010 annex 4; EMA/INS/MRA/387218/2011 Rev 5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import median
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nesqc_gmp.records.base import Frozen, Identifier, Instant, Text, decimal_text
from nesqc_gmp.records.batches import Decision
from nesqc_gmp.records.certificate_lines import (
    AmendmentLine,
    AttemptLine,
    AuditReviewLine,
    BatchLines,
    Counts,
    CultureLine,
    ExampleImage,
    ImageLine,
    IssuingSite,
    LateEntryLine,
    LogAnchor,
    Manifestation,
    ModelLines,
    ProductLines,
    ReadingLine,
    RemarkLine,
    ResultManifestation,
    SpecificationLines,
    TestLine,
)
from nesqc_gmp.records.images import Heterogeneity, Outcome

Headline = Literal["COMPLIES", "DOES NOT COMPLY", "UNDECIDED", "ON HOLD", "REJECTED"]
SCORED: tuple[Outcome, ...] = ("conforming", "not conforming", "undecided")


class CertificateContent(Frozen):
    """One revision of one certificate. The first example is the image with the lowest score.

    Attributes:
        certificate: Certificate number.
        revision: Counted from 1.
        supersedes: Number of the certificate it replaces.
        form: Number and version of the printed form.
        demonstration: Whether the site or the model is for demonstration only.
        simulated_images: Whether the images are simulated.
        issued: When it was issued.
        site: Who issues.
        product: The product.
        batch: The batch.
        specification: The specification.
        outcome: Outcome of all tests.
        decision: What the releasing person decided.
        tests: Every test of the specification.
        not_covered: Release tests of the product that this certificate does not cover.
        counts: Where every image went.
        cultures: Every culture.
        heterogeneity: Of the batch: mean over its cultures.
        images: Every image of the sealed set.
        readings: Every reading by a person.
        attempts: Every attempt.
        amendments: Every change of something recorded before.
        late_entries: What was entered well after it was done; certificates from before this member have none.
        deviations: References of deviations.
        remarks: What people wrote.
        model: The locked model.
        audit_review: The review of the audit trail, ``None`` where it did not happen.
        manifestations: Electronic signatures on the batch in the order of time; the last one is the decision.
        result_manifestations: Electronic signatures on results of tests done elsewhere, in the order of time.
        log: State of the log.
        examples: Pictures.
        heat_map_legend: What the colours of the heat maps mean.
        software: Name and version of this software.
    """

    certificate: Identifier
    revision: Annotated[int, Field(ge=1)]
    supersedes: Identifier | None
    form: Text
    demonstration: bool
    simulated_images: bool
    issued: Instant
    site: IssuingSite
    product: ProductLines
    batch: BatchLines
    specification: SpecificationLines
    outcome: Outcome
    decision: Decision
    tests: Annotated[tuple[TestLine, ...], Field(min_length=1)]
    not_covered: tuple[Text, ...]
    counts: Counts
    cultures: tuple[CultureLine, ...]
    heterogeneity: Heterogeneity
    images: tuple[ImageLine, ...]
    readings: tuple[ReadingLine, ...]
    attempts: tuple[AttemptLine, ...]
    amendments: tuple[AmendmentLine, ...]
    late_entries: tuple[LateEntryLine, ...] = ()
    deviations: tuple[Text, ...]
    remarks: tuple[RemarkLine, ...]
    model: ModelLines
    audit_review: AuditReviewLine | None
    manifestations: Annotated[tuple[Manifestation, ...], Field(min_length=1)]
    result_manifestations: tuple[ResultManifestation, ...]
    log: LogAnchor
    examples: tuple[ExampleImage, ...]
    heat_map_legend: Text
    software: Text

    @model_validator(mode="after")
    def _numbers_agree(self) -> CertificateContent:
        _check_verdict(self)
        _check_signatures(self)
        _check_images(self)
        _check_totals(self)
        _check_examples(self)
        _check_readings(self)
        return self


def headline(outcome: Outcome, decision: Decision) -> Headline:
    """The word of the verdict bar: the less favourable of what the tests say and what the person decided."""
    if outcome == "not conforming":
        return "DOES NOT COMPLY"
    if decision == "rejected":
        return "REJECTED"
    if outcome == "undecided":
        return "UNDECIDED"
    return "ON HOLD" if decision == "on hold" else "COMPLIES"


def overall_outcome(outcomes: Iterable[Outcome]) -> Outcome:
    """Outcome of several: not conforming if any is, else undecided if any is, else conforming."""
    found = set(outcomes)
    if "not conforming" in found:
        return "not conforming"
    return "undecided" if "undecided" in found else "conforming"


def image_counts(images: Sequence[ImageLine], refused: int) -> Counts:
    """Where every image went, counted from the lines; ``refused`` files have no line."""
    counted = Counter(line.outcome for line in images)
    return Counts(
        submitted=len(images) + refused,
        refused=refused,
        conforming=counted["conforming"],
        not_conforming=counted["not conforming"],
        undecided=counted["undecided"],
        rejected=counted["rejected by input check"],
        not_analysed=counted["not analysed"],
    )


def culture_line(
    culture: str, images: Sequence[ImageLine], outcome: Outcome, heterogeneity: Heterogeneity
) -> CultureLine:
    """The line of one culture, counted from the lines of all images; the median keeps the decimals of the scores."""
    own = [line for line in images if line.culture == culture]
    counts = image_counts(own, 0)
    scores = [line.score for line in own if line.score is not None]
    decimals = max((len(score.partition(".")[2]) for score in scores), default=0)
    values = [Decimal(score) for score in scores]
    return CultureLine(
        culture=culture,
        images=len(own),
        **counts.model_dump(exclude={"submitted", "refused"}),
        median_score=decimal_text(median(values), decimals) if values else None,
        lowest_score=min(scores, key=Decimal) if scores else None,
        heterogeneity=heterogeneity,
        outcome=outcome,
    )


def score_histogram(images: Sequence[ImageLine], bins: int = 20) -> tuple[dict[Outcome, int], ...]:
    """Counts of scores in equal bins from 0 to 1, each by outcome; a score of 1 is in the last bin."""
    histogram: tuple[dict[Outcome, int], ...] = tuple(dict.fromkeys(SCORED, 0) for _ in range(bins))
    for line in images:
        for outcome in SCORED:
            if line.score is not None and line.outcome == outcome:
                histogram[min(int(Decimal(line.score) * bins), bins - 1)][outcome] += 1
    return histogram


def worst_image(images: Sequence[ImageLine]) -> ImageLine | None:
    """The image with the lowest score, the first of equals; ``None`` without any score."""
    scored = [line for line in images if line.score is not None]
    return min(scored, key=lambda line: Decimal(line.score or 0), default=None)


def _check_verdict(content: CertificateContent) -> None:
    if content.outcome != overall_outcome(line.outcome for line in content.tests):
        raise ValueError("the outcome is not that of the tests listed")
    if content.decision == "released" and content.outcome != "conforming":
        raise ValueError("a batch is released only where every test listed conforms")
    if content.model.demonstration and not content.demonstration:
        raise ValueError("a certificate made with a demonstration model is marked as a demonstration")
    if [line.number for line in content.tests] != list(range(1, len(content.tests) + 1)):
        raise ValueError("the tests are numbered from 1")


def _check_signatures(content: CertificateContent) -> None:
    if content.manifestations[-1].meaning.partition(":")[0] != content.decision:
        raise ValueError("the last electronic signature is not the decision")
    for signed in (content.manifestations, content.result_manifestations):
        times = [line.utc for line in signed]
        if times != sorted(times):
            raise ValueError("the electronic signatures are not in the order of time")
    if {line.test for line in content.result_manifestations} - {line.name for line in content.tests}:
        raise ValueError("an electronic signature is on a result of a test that is not listed")


def _check_images(content: CertificateContent) -> None:
    if len({line.image for line in content.images}) != len(content.images):
        raise ValueError("an image is listed twice")
    upper, lower = Decimal(content.model.conforming_from), Decimal(content.model.not_conforming_below)
    if not 0 <= lower <= upper <= 1:
        raise ValueError("the thresholds are not in order between 0 and 1")
    for line in content.images:
        expected: str | None = None
        if line.score is not None:
            score = Decimal(line.score)
            if not 0 <= score <= 1:
                raise ValueError(f"the score of {line.image} is not between 0 and 1")
            expected = "conforming" if score >= upper else "not conforming" if score < lower else "undecided"
        if (line.heterogeneity is None) != (line.score is None):
            raise ValueError(f"{line.image} has a score without its heterogeneity, or the contrary")
        agrees = line.outcome == expected if line.outcome in SCORED else line.score is None and line.reason
        if not agrees:
            raise ValueError(f"score, outcome and reason of {line.image} do not agree")


def _check_totals(content: CertificateContent) -> None:
    if content.counts != image_counts(content.images, content.counts.refused):
        raise ValueError("the counts of images do not add up to the images listed")
    if tuple(line.culture for line in content.cultures) != content.batch.cultures:
        raise ValueError("the lines of the cultures are not those of the batch")
    if {line.culture for line in content.images} - set(content.batch.cultures):
        raise ValueError("an image belongs to a culture that is not of this batch")
    for line in content.cultures:
        if line != culture_line(line.culture, content.images, line.outcome, line.heterogeneity):
            raise ValueError(f"the line of culture {line.culture} does not agree with its images")


def _check_examples(content: CertificateContent) -> None:
    scored = {line.image for line in content.images if line.score is not None}
    names = [example.image for example in content.examples]
    worst = worst_image(content.images)
    if set(names) - scored or len(set(names)) != len(names):
        raise ValueError("an example is not a scored image of this batch, or is shown twice")
    if worst is not None and names[:1] != [worst.image]:
        raise ValueError(f"the first example is the image with the lowest score, {worst.image}")


def _check_readings(content: CertificateContent) -> None:
    outcomes = {line.image: line.outcome for line in content.images}
    for reading in content.readings:
        if reading.image not in outcomes or (reading.override and reading.reading == outcomes[reading.image]):
            raise ValueError(f"the reading of {reading.image} does not agree with its outcome")
