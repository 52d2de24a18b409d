"""What was measured on images that the scoring network had not seen, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.statistics.auroc import auroc, cluster_bootstrap, delong, obuchowski
from nesqc_gmp.statistics.calibration import Calibration as CalibrationCurve
from nesqc_gmp.statistics.calibration import calibration
from nesqc_gmp.statistics.interval import Interval
from nesqc_gmp.statistics.outcomes import AtThreshold, Label, ScoredOutcome, ScoredRow, Stratum, at_threshold, strata
from nesqc_gmp.training.fit import Measured
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.input_check import outside_light, outside_size
from nesqc_gmp.training.judge import Judged
from nesqc_gmp.training.plan import Plan
from nesqc_gmp.training.scoring import Unseen, labels_of

_SEED = 1
"""Of the bootstrap."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family, held out.

    Attributes:
        name: The family.
        auroc: AUROC of the image score, images as independent units.
        boxed_auroc: The same of the least conforming place inside the boxes; ``None`` without boxes.
        not_conforming: Figures of the not conforming images at the thresholds.
        conforming: Figures of the conforming images.
    """

    name: str
    auroc: Interval
    boxed_auroc: float | None
    not_conforming: AtThreshold
    conforming: AtThreshold


@dataclass(frozen=True, slots=True)
class Results:
    """Figures of a model.

    Attributes:
        basis: On which images they rest: ``test`` or ``out-of-fold``.
        rows: Every image of the basis with its score and outcome.
        scores: ``(n,)`` scores of the same, refused ones too.
        auroc: DeLong, images as independent units.
        by_culture: Obuchowski, clusters of cultures.
        by_donor: Bootstrap over donors.
        not_conforming: Figures of that class at the thresholds.
        conforming: Figures of the other.
        curve: Calibration of the scores.
        training_auroc: AUROC on the training images themselves.
        development_auroc: AUROC on the images that set the thresholds.
        strata: Figures by subgroup, empty ones too.
        families: One entry a family, with cross-validation.
    """

    basis: str
    rows: tuple[ScoredRow, ...]
    scores: tuple[float, ...]
    auroc: Interval
    by_culture: Interval
    by_donor: Interval
    not_conforming: AtThreshold
    conforming: AtThreshold
    curve: CalibrationCurve | None
    training_auroc: float | None
    development_auroc: float | None
    strata: tuple[Stratum, ...]
    families: tuple[Family, ...]

    @property
    def gap(self) -> float | None:
        """AUROC on the training images minus AUROC here; a large one tells of learning by heart."""
        if self.training_auroc is None or self.auroc.estimate is None:
            return None
        return self.training_auroc - self.auroc.estimate

    @property
    def labels(self) -> list[bool]:
        """``n`` labels."""
        return [row.label == "conforming" for row in self.rows]


def measure(
    plan: Plan,
    known: tuple[Measured, Sequence[LabelledImage]],
    development: tuple[Unseen, Judged],
    test: tuple[Sequence[LabelledImage], Judged] | None,
    description: ModelDescription,
) -> Results:
    """Figures on the test images, or without any on the scores out of fold.

    Args:
        plan: The plan.
        known: What the network gives for its training images, and those images.
        development: Images that the scoring network had not seen and that set the thresholds, and their columns.
        test: Images of the test split and their columns.
        description: Thresholds and limits.
    """
    unseen, columns = development
    basis, images, judged = ("test", *test) if test else ("out-of-fold", unseen.images, columns)
    rows = _rows(plan, images, judged, description)
    unseen_rows = _rows(plan, unseen.images, columns, description) if test and plan.cross_validation else rows
    labels, scores = labels_of(images), judged.score
    return Results(
        basis=basis,
        rows=rows,
        scores=tuple(float(score) for score in scores),
        auroc=delong(labels, scores),
        by_culture=obuchowski(labels, scores, [row.culture for row in rows]),
        by_donor=cluster_bootstrap(labels, scores, [row.donor for row in rows], seed=_SEED),
        not_conforming=at_threshold(rows, "not conforming"),
        conforming=at_threshold(rows, "conforming"),
        curve=calibration(labels, scores),
        training_auroc=auroc(labels_of(known[1]), known[0].logit),
        development_auroc=auroc(unseen.conforming, unseen.logit),
        strata=strata(rows, _declared(plan, unseen.images, images)),
        families=_families(unseen, unseen_rows) if plan.cross_validation else (),
    )


def outcomes(
    judged: Judged, images: Iterable[NDArray[np.uint16]], description: ModelDescription
) -> list[ScoredOutcome]:
    """The outcome of each image at the thresholds and by the whole input check of the description.

    Args:
        judged: Columns of ``n`` images.
        images: Their gray samples.
        description: Thresholds and limits.
    """
    score = np.round(judged.score, description.score_decimals)
    space = description.input_space
    light = np.array([outside_size(each, space) or outside_light(each, space) for each in images], dtype=bool)
    refused = judged.refused(description) | light
    conforming, failing = (
        score >= float(description.conforming_from),
        score < float(description.not_conforming_below),
    )
    names = np.where(conforming, "conforming", np.where(failing, "not conforming", "undecided"))
    return list(np.where(refused, "rejected by input check", names))


def _rows(
    plan: Plan, images: Sequence[LabelledImage], judged: Judged, description: ModelDescription
) -> tuple[ScoredRow, ...]:
    """Each image with its outcome."""
    found = outcomes(judged, [image.samples for image in images], description)
    return tuple(_row(plan, *each) for each in zip(images, found, judged.score, strict=True))


def _row(plan: Plan, image: LabelledImage, outcome: ScoredOutcome, score: float) -> ScoredRow:
    label: Label = "conforming" if image.conforming else "not conforming"
    attributes = {name: image.attributes[name] for name in plan.data.subgroups if name in image.attributes}
    attributes["family"] = image.family
    kept = None if outcome == "rejected by input check" else float(score)
    return ScoredRow(
        image=image.name,
        culture=image.culture,
        donor=image.donor,
        label=label,
        score=kept,
        outcome=outcome,
        attributes=tuple(attributes.items()),
    )


def _declared(plan: Plan, *known: Sequence[LabelledImage]) -> list[tuple[str, str]]:
    """Every value that a subgroup has anywhere in development or test: one without a test image is shown as empty."""
    images = [image for part in known for image in part]
    return sorted(
        {(name, image.attributes[name]) for name in plan.data.subgroups for image in images if name in image.attributes}
    )


def _families(unseen: Unseen, rows: Sequence[ScoredRow]) -> tuple[Family, ...]:
    families = np.array([image.family for image in unseen.images])
    boxed = any(image.boxes for image in unseen.images)
    result = []
    for name in sorted(set(families)):
        inside = families == name
        chosen = [row for row, here in zip(rows, inside, strict=True) if here]
        labels = unseen.conforming[inside]
        result.append(
            Family(
                name=str(name),
                auroc=delong(labels, unseen.logit[inside]),
                boxed_auroc=auroc(labels, unseen.boxed[inside]) if boxed else None,
                not_conforming=at_threshold(chosen, "not conforming"),
                conforming=at_threshold(chosen, "conforming"),
            )
        )
    return tuple(result)
