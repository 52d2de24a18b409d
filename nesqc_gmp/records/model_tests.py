"""Records of the acceptance test of a model on a site: the sealed test set, the frozen plan, the one run of it.

EU GMP Annex 22 draft: 4 (metrics and criteria set before), 5 (test data), 6 (independence, uses recorded), 7 (the plan
is approved first and executed as it stands). What is in a test set (labels, cultures, names of images) lies in one
object under the digest that its seal names, not in the log, which every role may read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from nesqc_gmp.records.base import LINE_PATTERN, DecimalText, Frozen, Identifier, Line, Sha256, Text
from nesqc_gmp.records.batches import Ending, ImageOutcome
from nesqc_gmp.records.images import ImageFormat, InputCheck, InputFinding, Prediction, RuntimeFacts
from nesqc_gmp.records.signatures import ElectronicSignature

Label = Literal["conforming", "not conforming"]
Value = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=LINE_PATTERN)]
"""Name or value of a column of a manifest."""

Metric = Literal[
    "AUROC",
    "sensitivity",
    "not missed",
    "specificity",
    "undecided rate",
    "refused rate",
    "Brier score",
    "kappa",
    "non-inferiority",
]
"""Figures that a plan can set a criterion for; ``statistics.acceptance`` says what each is."""

TestVerdict = Literal["passed", "failed", "not assessable"]
CRITERIA_MAX = 60
"""Most criteria of one plan: their results are one entry of the log, whose size is limited."""

IMAGE_NAME_BYTES = 90
"""Longest name of a test image, in bytes of JSON: the review of the largest sample is one entry of the log."""

LISTED = 40
"""Most copies, warnings or values that one record lists; the rest is counted."""


class DevelopmentImage(Frozen):
    """One image that a package was developed with, as its ``training.json`` lists it under ``development``.

    Attributes:
        image: Its name in the manifest of the training.
        split: Training, calibration or test of the training run: all of them were known to its developers.
        sha256: Digest of the original bytes.
        pixels_sha256: Digest of the decoded samples.
        perceptual_hash: Perceptual hash, 16 hexadecimal digits.
        culture: Its culture.
        donor: Its donor or line.
    """

    image: Text
    split: Literal["training", "calibration", "test"]
    sha256: Sha256
    pixels_sha256: Sha256
    perceptual_hash: str
    culture: Identifier
    donor: Identifier


class TestImage(Frozen):
    """One image of a test set.

    Attributes:
        image: Its name in the manifest.
        sha256: Digest of the original bytes.
        pixels_sha256: Digest of the decoded samples.
        perceptual_hash: Perceptual hash, 16 hexadecimal digits.
        label: The label of the manifest.
        culture: The culture vessel: the unit of a claim.
        donor: The donor or line.
        format: Container format.
        width: Columns, in pixels.
        height: Rows, in pixels.
        channels: 1 for gray, 3 for RGB.
        bit_depth: 8 or 16 bits per sample.
        pixel_size_um: Edge of a pixel in micrometres, from the file or else from the manifest.
        subgroups: Every further column of the manifest that is filled, as pairs of name and value.
        readers: Ids of those who labelled it.
        readings: What each reader said alone, where the manifest has it, as pairs of reader and label.
        simulated: Whether the image is simulated.
    """

    image: Text
    sha256: Sha256
    pixels_sha256: Sha256
    perceptual_hash: str
    label: Label
    culture: Identifier
    donor: Identifier
    format: ImageFormat
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    channels: Literal[1, 3]
    bit_depth: Literal[8, 16]
    pixel_size_um: DecimalText
    subgroups: tuple[tuple[Value, Value], ...]
    readers: tuple[Identifier, ...]
    readings: tuple[tuple[Identifier, Label], ...]
    simulated: bool


class TestSetContent(Frozen):
    """Everything that is in a test set; its canonical JSON is the object that a seal names.

    Attributes:
        version: Version of this format.
        test_set: Id of the set.
        images: The images, in the order of the manifest.
        excluded: Images of the manifest that are not used, as pairs of name and reason.
    """

    version: Literal[1]
    test_set: Identifier
    images: Annotated[tuple[TestImage, ...], Field(min_length=1)]
    excluded: tuple[tuple[Text, Text], ...]


class TestSetSealed(Frozen):
    """A test set is final and closed: its content is opened by procedures alone, and every opening is a record.

    Attributes:
        test_set: Id of the set.
        manifest_sha256: Digest of the manifest and of every image it names.
        content_sha256: Digest of the canonical JSON of its content (``TestSetContent``).
        images: Count of images.
        excluded: Count of images of the manifest that are not used.
        conforming: Conforming images.
        not_conforming: Not conforming images.
        cultures_conforming: Conforming cultures.
        cultures_not_conforming: Not conforming cultures.
        donors: Count of donors.
        subgroups: Names of the columns by which results can be divided.
        readers: Readers whose own labels are in the set.
        simulated: Count of simulated images.
        copies: Pairs of images of the set that are copies.
        copies_across: Those of them that are near copies or one scene and differ in culture or donor.
        conflicting: Those of them whose labels differ, in words; the first ones where there are many.
    """

    kind: Literal["test_set_sealed"] = "test_set_sealed"
    test_set: Identifier
    manifest_sha256: Sha256
    content_sha256: Sha256
    images: Annotated[int, Field(ge=1)]
    excluded: Annotated[int, Field(ge=0)]
    conforming: Annotated[int, Field(ge=1)]
    not_conforming: Annotated[int, Field(ge=1)]
    cultures_conforming: Annotated[int, Field(ge=1)]
    cultures_not_conforming: Annotated[int, Field(ge=1)]
    donors: Annotated[int, Field(ge=1)]
    subgroups: tuple[Value, ...]
    readers: tuple[Identifier, ...]
    simulated: Annotated[int, Field(ge=0)]
    copies: Annotated[int, Field(ge=0)]
    copies_across: Annotated[int, Field(ge=0)]
    conflicting: Annotated[tuple[Text, ...], Field(max_length=LISTED)]


class TestSetRead(Frozen):
    """The content of a test set was opened; the entry says by whom.

    Attributes:
        test_set: Id of the set.
        purpose: For what.
        model_sha256: The package it was opened for, where it was for one.
        number: Number of the plan or of the test, where it was for one.
    """

    kind: Literal["test_set_read"] = "test_set_read"
    test_set: Identifier
    purpose: Literal["shown", "plan", "test", "feature review", "performance qualification"]
    model_sha256: Sha256 | None
    number: Annotated[int, Field(ge=1)] | None


class TestSetConsumed(Frozen):
    """A result of the set has informed a change: it can test nothing any more. The reason says which change."""

    kind: Literal["test_set_consumed"] = "test_set_consumed"
    test_set: Identifier
    signature: ElectronicSignature


class PlannedCriterion(Frozen):
    """One acceptance criterion.

    Attributes:
        metric: The figure; its lower confidence bound must reach the limit. Of a rate and of the Brier score the upper
            bound must not exceed it. For *non-inferiority* the limit is the margin.
        limit: The limit, above 0 and below 1.
        cultures_min: Fewest cultures that the figure may rest on; with fewer it is not assessable.
        subgroup: Column and value of a subgroup, or ``None`` for all images.
    """

    metric: Metric
    limit: DecimalText
    cultures_min: Annotated[int, Field(ge=2, le=100_000)]
    subgroup: tuple[Value, Value] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not 0 < Decimal(self.limit) < 1:
            raise ValueError("the limit of a criterion lies above 0 and below 1")
        return self


class TestPlan(Frozen):
    """A plan as QA writes it; what is frozen beside it the tool adds.

    Attributes:
        test_set: Id of the test set.
        justification: Why this set and these limits.
        seed: Of the draw and of every bootstrap.
        feature_images: Images of each class that are drawn for the review of features.
        subgroups: Columns of the set by which every figure is also given.
        criteria: The acceptance criteria.
    """

    test_set: Identifier
    justification: Line
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    feature_images: Annotated[int, Field(ge=1, le=50)]
    subgroups: Annotated[tuple[Value, ...], Field(max_length=20)] = ()
    criteria: Annotated[tuple[PlannedCriterion, ...], Field(min_length=1, max_length=CRITERIA_MAX)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = [(each.metric, each.subgroup) for each in self.criteria]
        twice = [
            *(
                f"a criterion is set twice for the same figure and subgroup: {_named(*each)}"
                for each in _repeated(named)
            ),
            *(f"a subgroup is named twice: {each}" for each in _repeated(self.subgroups)),
        ]
        if twice:
            raise ValueError("; ".join(twice))
        return self


def _repeated(values: Sequence[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def _named(metric: Metric, subgroup: tuple[str, str] | None) -> str:
    return metric if subgroup is None else f"{metric} where {subgroup[0]} is {subgroup[1]}"


class TestPlanFrozen(Frozen):
    """How a package will be tested, signed before any score of the test exists; it is never changed.

    Attributes:
        model_sha256: The package.
        plan: Number of the plan among those of the package, from 1; the last one counts.
        test_set: Id of the test set.
        content_sha256: Digest of the content of the set.
        intended_use: Index of the entry that signed the intended use of the package, where one was signed.
        justification: Why this set and these limits.
        criteria: The acceptance criteria.
        subgroups: Columns by which every figure is also given.
        feature_images: Images of each class that are drawn for the review of features.
        seed: Of the draw and of every bootstrap.
        analysis_sha256: Digest of the source files that compute the figures (``nesqc_gmp.statistics``).
        independence: What is known of copies of development images in the set.
        warnings: Criteria that this set is too small to reach, and what else stood against the plan when it was signed.
        signature: Signature of QA.
    """

    kind: Literal["test_plan_frozen"] = "test_plan_frozen"
    model_sha256: Sha256
    plan: Annotated[int, Field(ge=1)]
    test_set: Identifier
    content_sha256: Sha256
    intended_use: Annotated[int, Field(ge=0)] | None
    justification: Line
    criteria: Annotated[tuple[PlannedCriterion, ...], Field(min_length=1, max_length=CRITERIA_MAX)]
    subgroups: Annotated[tuple[Value, ...], Field(max_length=20)]
    feature_images: Annotated[int, Field(ge=1, le=50)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    analysis_sha256: Sha256
    independence: Literal["no copy found by digests", "not shown by digests"]
    warnings: Annotated[tuple[Line, ...], Field(max_length=LISTED + CRITERIA_MAX)]
    signature: ElectronicSignature


class ModelTestOpened(Frozen):
    """A test of a package begins; committed before any score of it exists.

    Attributes:
        model_sha256: The package.
        plan: Number of the plan that is run.
        test: Number of the test among those of the package, from 1.
        images: Images to be scored.
        runtime: The environment of the model.
        analysis_sha256: Digest of the source files that compute the figures.
        analysis: Versions of the packages that compute, as ``name==version``.
        process: Id of the process, to tell a running test from an interrupted one.
    """

    kind: Literal["model_test_opened"] = "model_test_opened"
    model_sha256: Sha256
    plan: Annotated[int, Field(ge=1)]
    test: Annotated[int, Field(ge=1)]
    images: Annotated[int, Field(ge=1)]
    runtime: RuntimeFacts
    analysis_sha256: Sha256
    analysis: tuple[str, ...]
    process: str


class ImageTested(Frozen):
    """The result of one test image; committed before it is shown or counted. The label is not here.

    Attributes:
        model_sha256: The package.
        test: Number of the test.
        image: The image.
        sha256: Digest of the original bytes, hashed again at this use.
        check: The input check by the package's input sample space.
        model_check: The input check by the model; empty where the first check failed.
        prediction: What the model says, ``None`` where the first check failed.
        outcome: The outcome at the locked thresholds.
    """

    kind: Literal["image_tested"] = "image_tested"
    model_sha256: Sha256
    test: Annotated[int, Field(ge=1)]
    image: Text
    sha256: Sha256
    check: InputCheck
    model_check: tuple[InputFinding, ...]
    prediction: Prediction | None
    outcome: ImageOutcome


class Figure(Frozen):
    """One figure with its 95 % confidence interval.

    Attributes:
        name: What it is.
        estimate: The estimate, ``None`` where it is not estimable.
        low: Lower bound.
        high: Upper bound.
        method: How the interval was made.
        units: Independent units it rests on.
        reason: Why there is no interval, ``None`` where there is one.
    """

    name: Text
    estimate: DecimalText | None
    low: DecimalText | None
    high: DecimalText | None
    method: Text
    units: Annotated[int, Field(ge=0)]
    reason: Text | None

    @property
    def bounds(self) -> str:
        """The interval in words."""
        if self.low is None or self.high is None:
            return f"not assessable: {self.reason}"
        return f"{self.low} to {self.high}"


class CriterionResult(Frozen):
    """What one criterion of the plan came to; a criterion that is not assessable is never passed."""

    criterion: PlannedCriterion
    found: Figure
    verdict: TestVerdict

    @property
    def outcome(self) -> str:
        """The verdict in words, with the reason where only the number of cultures stands against it."""
        few = self.verdict == "not assessable" and self.found.low is not None
        return f"{self.verdict}: {self.found.units} cultures are too few" if few else self.verdict


class ModelTestClosed(Frozen):
    """A test ended; an aborted or failed one stays listed for ever.

    Attributes:
        model_sha256: The package.
        test: Number of the test.
        ending: How it ended.
        tested: Images with a result.
        detail: What happened.
        results_sha256: Digest of the canonical JSON of all results in their order; only where completed.
        figures: The figures over all images; empty where not completed.
        criteria: The result of every criterion, in the order of the plan; empty where not completed.
        verdict: Passed where every criterion is passed; ``None`` where not completed.
        report_pdf_sha256: Digest of the report, PDF.
        report_html_sha256: Digest of the same report for a browser.
    """

    kind: Literal["model_test_closed"] = "model_test_closed"
    model_sha256: Sha256
    test: Annotated[int, Field(ge=1)]
    ending: Ending
    tested: Annotated[int, Field(ge=0)]
    detail: Text
    results_sha256: Sha256 | None = None
    figures: tuple[Figure, ...] = ()
    criteria: Annotated[tuple[CriterionResult, ...], Field(max_length=CRITERIA_MAX)] = ()
    verdict: TestVerdict | None = None
    report_pdf_sha256: Sha256 | None = None
    report_html_sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _figures_belong_to_a_completed_test(self) -> Self:
        parts = (self.results_sha256, self.verdict, self.report_pdf_sha256, self.report_html_sha256)
        complete = self.ending == "completed"
        if any((part is not None) != complete for part in parts) or bool(self.criteria) != complete:
            raise ValueError("a completed test has results, criteria, a verdict and a report, and no other test has")
        return self
