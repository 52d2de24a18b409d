"""What was measured: figures of the images, subgroups, families, heterogeneity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nesqc_gmp.reports.document import (
    Block,
    Chart,
    Facts,
    Heading,
    Paragraph,
    Series,
    Table,
)
from nesqc_gmp.statistics.auroc import auroc, curve
from nesqc_gmp.statistics.outcomes import AtThreshold, at_threshold
from nesqc_gmp.training.card import number
from nesqc_gmp.training.heterogeneity import MeasuredSpread
from nesqc_gmp.training.report.material import Material
from nesqc_gmp.training.results import Results

_BINS = 20
"""Bins of a histogram."""


def measured(results: Results) -> list[Block]:
    """AUROC, the figures at the thresholds, the curves."""
    basis = {
        "test": "Images that neither training nor calibration saw, scored by the exported graph.",
        "out-of-fold": "Scores out of fold: each family was scored by a network that never saw it. The thresholds were "
        "set on the same scores, so figures at the thresholds are favourable.",
    }[results.basis]
    facts = Facts(
        (
            ("AUROC, each image counted by itself (interval of DeLong)", str(results.auroc)),
            ("AUROC, images of a culture dependent (interval of Obuchowski)", str(results.by_culture)),
            ("AUROC, whole donors drawn at random (interval by bootstrap)", str(results.by_donor)),
            ("AUROC on the training images", number(results.training_auroc)),
            ("AUROC on the images that set the thresholds", number(results.development_auroc)),
            ("How much better on the training images", f"{number(results.gap)}: AUROC there minus the first AUROC "
             "above; a large difference shows that training images were learned by heart"),
            ("Brier score", f"{number(results.curve.brier if results.curve else None)}: mean squared distance of "
             "score and label, 0 is best"),
            ("Expected calibration error", f"{number(results.curve.expected_error if results.curve else None)}: mean "
             "distance of the score from the share that conforms, 0 is best"),
        )
    )  # fmt: skip
    rows = tuple(_figures(each.label, each) for each in (results.not_conforming, results.conforming))
    blocks: list[Block] = [Heading("Results"), Paragraph(basis), facts, Table(_HEAD, rows, _CAPTION, (1, 2, 3, 4, 5))]
    false, true = curve(results.labels, results.scores)
    roc = Series("ROC", tuple(map(float, false)), tuple(map(float, true)), style="steps")
    blocks.append(
        Chart("ROC curve", "share of not conforming images at or above a score",
              "share of conforming images there", (roc,), x_range=(0.0, 1.0), y_range=(0.0, 1.0),
              caption="One point for each score that could be a threshold; the area below the curve is the AUROC.")
    )  # fmt: skip
    if results.curve is not None:
        bins = results.curve.bins
        points = Series(
            "observed",
            tuple(each.mean_score for each in bins),
            tuple(each.observed.estimate or 0.0 for each in bins),
            tuple(each.observed.low or 0.0 for each in bins),
            tuple(1.0 if each.observed.high is None else each.observed.high for each in bins),
            style="points",
        )
        ideal = Series("ideal", (0.0, 1.0), (0.0, 1.0))
        blocks.append(
            Chart("Calibration: does a score of 0.8 mean that 80 % conform?", "mean score of a group of images",
                  "share labelled conforming", (points, ideal), x_range=(0.0, 1.0), y_range=(0.0, 1.0),
                  caption="Groups of equally many images by score, 95 % intervals of Wilson.")
        )  # fmt: skip
    return blocks


_HEAD = (
    "Label of the images",
    "Images",
    "Refused by the input check",
    "Undecided",
    "Called rightly",
    "Called wrongly",
    "Called rightly, of those decided",
    "Not called conforming, of all",
)
_CAPTION = (
    "At the locked thresholds and limits. Refused: by the whole input check of the package, that is by network "
    "features, image statistics, size, saturation, focus or illumination; a refused image has no verdict. Intervals of "
    "Clopper and Pearson, 95 %, each image counted by itself. The AUROC counts every score, of refused images too."
)


def _figures(name: str, figures: AtThreshold) -> tuple[str, ...]:
    counts = (figures.total, figures.refused, figures.undecided, figures.right, figures.wrong)
    return (name, *(str(count) for count in counts), str(figures.excluding), str(figures.not_missed))


def subgroups(results: Results) -> list[Block]:
    """Figures by subgroup, empty ones too."""
    if not results.strata:
        return []
    rows = []
    for stratum in results.strata:
        members = {row.image for row in stratum.rows}
        labels = [row.label == "conforming" for row in results.rows if row.image in members]
        scores = [s for s, row in zip(results.scores, results.rows, strict=True) if row.image in members]
        missed = at_threshold(stratum.rows, "not conforming")
        rows.append(
            (
                f"{stratum.attribute} {stratum.value}",
                str(len(stratum.rows)),
                number(auroc(labels, scores)) if scores else "no image",
                str(missed.total),
                str(missed.wrong),
                str(missed.refused),
            )
        )
    head = (
        "Subgroup",
        "Images",
        "AUROC",
        "Not conforming images",
        "of these called conforming",
        "of these refused by the input check",
    )
    return [
        Heading("Subgroups", 2),
        Table(head, tuple(rows), "Every subgroup of the data, empty ones too", (1, 2, 3, 4, 5)),
    ]


def families(material: Material) -> list[Block]:
    """Each family, scored by a network that never saw it; empty without cross-validation."""
    if not material.found.results.families:
        return []
    folds = {fold.name: fold for fold in material.loaded.division.folds}
    rows = tuple(
        (
            family.name,
            str(len(folds[family.name].held_out)),
            str(len(folds[family.name].copies)),
            str(family.auroc),
            number(family.boxed_auroc),
            str(family.not_conforming.excluding),
            str(family.not_conforming.not_missed),
        )
        for family in material.found.results.families
    )
    head = (
        "Family",
        "Images",
        "Copies left out of the training",
        "AUROC",
        "AUROC inside the drawn boxes",
        "Not conforming called so, of those decided",
        "Not conforming not called conforming, of all",
    )
    return [
        Heading("Families, each held out"),
        Paragraph(
            "Each family was scored by a network trained on the others. Images of the others that are copies of an "
            "image of the family were left out of that training. AUROC inside the drawn boxes: of the worst place "
            "inside the boxes that people drew around cells, which is an easier task."
        ),
        Table(head, rows, "", (1, 2)),
    ]


def heterogeneity(spreads: Sequence[MeasuredSpread]) -> list[Block]:
    """Of each measure: both classes, what it alone can tell, its histogram, and how it goes with the score."""
    rows = tuple(
        (
            each.name,
            str(len(each.values)),
            number(each.median(conforming=True)),
            number(each.median(conforming=False)),
            str(each.auroc),
        )
        for each in spreads
    )
    head = ("Heterogeneity of", "Images", "Median, conforming", "Median, not conforming", "AUROC of it alone")
    blocks: list[Block] = [
        Heading("Heterogeneity"),
        Paragraph(
            "Spread of the tiles of an image about their mean; of appearance 1 is a typical conforming development "
            "image. It decides nothing about an image. AUROC of heterogeneity alone, the more heterogeneous images "
            "being called not conforming: below 0.5 the conforming images are the more heterogeneous, and a largest "
            "value in a specification would say nothing about conformity."
        ),
        Table(head, rows, "95 % intervals of DeLong, each image counted by itself", (1, 2, 3)),
    ]
    for each in spreads:
        label = f"heterogeneity of {each.name}"
        classes = (("conforming", each.conforming), ("not conforming", ~each.conforming))
        edges = np.linspace(0, float(each.values.max()) or 1, _BINS + 1)
        counts = [(name, np.histogram(each.values[own], edges)[0] / max(1, own.sum())) for name, own in classes]
        bars = tuple(
            Series(name, tuple(map(float, edges)), (*map(float, shares), float(shares[-1])), style="steps")
            for name, shares in counts
        )
        points = tuple(
            Series(name, tuple(map(float, each.scores[own])), tuple(map(float, each.values[own])), style="points")
            for name, own in classes
        )
        blocks += [
            Chart(f"Histogram, {each.name}", label, "share of the images of a class", bars),
            Chart(f"Heterogeneity against score, {each.name}", "score of the image", label, points, x_range=(0.0, 1.0)),
        ]
    return blocks
