"""The report of a run as one document: what went in, what was learned, what was measured, and how to repeat it."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nesqc_gmp.imaging.picture import colour_scale, eight_bits, render_heat_map_jpeg, render_jpeg
from nesqc_gmp.inference.maps import heat_map
from nesqc_gmp.inference.session import Session
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.reports.document import (
    Block,
    Chart,
    ColourScale,
    Document,
    Facts,
    Heading,
    Paragraph,
    Picture,
    PictureGrid,
    Series,
    Table,
)
from nesqc_gmp.robustness.heat_map import STEPS
from nesqc_gmp.robustness.perturbations import CATALOGUE, UNITS
from nesqc_gmp.robustness.run import Effect
from nesqc_gmp.statistics.auroc import auroc, curve
from nesqc_gmp.statistics.outcomes import AtThreshold, at_threshold
from nesqc_gmp.training.card import environment, number
from nesqc_gmp.training.data import Loaded
from nesqc_gmp.training.disturbance import Robustness
from nesqc_gmp.training.findings import Findings
from nesqc_gmp.training.fit import Epoch
from nesqc_gmp.training.heat_map_checks import HeatMapChecks
from nesqc_gmp.training.heterogeneity import MeasuredSpread
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.label_noise import noise_sentence
from nesqc_gmp.training.limit_checks import LimitCheck, percent, printed, summary, without_limit
from nesqc_gmp.training.outside import METHODS
from nesqc_gmp.training.plan import Plan
from nesqc_gmp.training.results import Results

PICTURES_OF_A_CLASS = 4
"""Sample heat maps of each class: evenly chosen from the images that were measured, never by how they look."""

_EDGE = 240
_BINS = 20
"""Bins of a histogram."""

_LISTED = 60
"""Longest list of copies and exclusions; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the report tells of.

    Attributes:
        plan: The plan.
        loaded: The images.
        found: What was measured.
        checks: Every limit of the plan with what was reached, failed ones first.
        epochs: Every epoch of every fit.
        pictured: Images whose heat maps are shown.
        description: What the package locks.
        model_sha256: Digest of the package.
        exported: Largest relative difference of the graph from torch on the golden images.
        device: On what the fits ran, in words.
    """

    plan: Plan
    loaded: Loaded
    found: Findings
    checks: tuple[LimitCheck, ...]
    epochs: tuple[Epoch, ...]
    pictured: tuple[LabelledImage, ...]
    description: ModelDescription
    model_sha256: str
    exported: float
    device: str


def report(material: Material, session: Session) -> Document:
    """The document.

    Args:
        material: What it tells of.
        session: The exported graph, for the heat maps.
    """
    plan = material.plan
    simulated = "Simulated data. " if plan.data.simulated else ""
    use = "Not for GMP use." if plan.model.demonstration else "For development: no record of a site."
    return Document(
        title=f"Training report: {plan.model.name} {plan.model.version}",
        subtitle=plan.model.intended_use,
        mark=simulated + use,
        facts=(
            ("SHA-256 of the package", material.model_sha256),
            ("SHA-256 of the plan", plan.digest),
            ("SHA-256 of manifest and images", material.loaded.manifest_sha256),
        ),
        blocks=(
            *_checks(material),
            *_data(material),
            *_curves(material.epochs),
            *_measured(material.found.results),
            *_subgroups(material.found.results),
            *_families(material),
            *_heterogeneity(material.found.spreads),
            *_outside(material),
            *_robustness(material.plan, material.found.robustness),
            *_heat_maps(material.found.maps),
            *_pictures(material, session),
            *_repeat(material),
        ),
    )


def _checks(material: Material) -> list[Block]:
    """What a reader must know first."""
    open_limits = without_limit(material.plan)
    missing = f" The plan sets no limit on: {', '.join(open_limits)}." if open_limits else ""
    rows = tuple((each.verdict, each.part, each.name, each.reached, each.limit) for each in material.checks)
    return [
        Heading("What failed, what holds"),
        Paragraph(f"{summary(material.checks)}{missing}"),
        Table(
            ("Result", "Part", "What is limited", "Reached", "Limit"),
            rows,
            "Failed ones first. Limits are those of the plan unless they say otherwise. Development images: those that "
            "set thresholds and limits. The sections below give every figure.",
            verdict=0,
        ),
    ]


def _data(material: Material) -> list[Block]:
    loaded, plan = material.loaded, material.plan
    splits = tuple((name, *_counted(images)) for name, images in loaded.division.splits.items())
    head = ("Split", "Images", "Conforming", "Not conforming", "Cultures", "Donors")
    blocks: list[Block] = [
        Heading("Data"),
        Paragraph(f"{plan.model.training_data} {plan.model.labels}"),
        Table(head, splits, "Images by split", (1, 2, 3, 4, 5)),
    ]
    kinds = Counter(pair.kind for pair in loaded.copies)
    found = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"
    blocks += [
        Heading("Copies of images, and leakage between splits", 2),
        Paragraph(
            f"Every image was compared with every other by its bytes, its pixels, a perceptual hash in eight "
            f"orientations, and patches. Pairs of copies: {found}. None lies in two splits: such a split is refused."
        ),
    ]
    noise = noise_sentence(loaded)
    if noise:
        blocks.append(Paragraph(noise))
    blocks.append(Heading("Images left out", 2))
    if not loaded.left_out:
        return [*blocks, Paragraph("None: every image of the manifest is used.")]
    rows = tuple((each.name, each.reason) for each in loaded.left_out[:_LISTED])
    rest = len(loaded.left_out) - len(rows)
    return [*blocks, Table(("Image", "Reason"), rows, f"and {rest} more" if rest else "")]


def _counted(images: Sequence[LabelledImage]) -> tuple[str, ...]:
    conforming = sum(image.conforming for image in images)
    cultures, donors = {image.culture for image in images}, {image.donor for image in images}
    return tuple(str(v) for v in (len(images), conforming, len(images) - conforming, len(cultures), len(donors)))


def _curves(epochs: Sequence[Epoch]) -> list[Block]:
    fits = dict.fromkeys(epoch.fit for epoch in epochs)
    series = tuple(
        Series(
            name,
            tuple(float(epoch.number) for epoch in epochs if epoch.fit == name),
            tuple(epoch.loss for epoch in epochs if epoch.fit == name),
        )
        for name in fits
    )
    return [
        Heading("Training"),
        Chart("Loss on the training images", "epoch: pass over the images", "loss: smaller is better", series),
    ]


def _measured(results: Results) -> list[Block]:
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


def _subgroups(results: Results) -> list[Block]:
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


def _families(material: Material) -> list[Block]:
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


def _heterogeneity(spreads: Sequence[MeasuredSpread]) -> list[Block]:
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


_PARTS = (
    "by network features",
    "by image statistics",
    "by known alterations",
    "by light and focus",
    "Fifth neighbour, comparison only",
    "Energy, comparison only",
)
"""Heads of ``METHODS``, in its order."""


def _outside(material: Material) -> list[Block]:
    rows = tuple(
        (
            each.name,
            str(each.images),
            f"{each.whole:.1%}",
            str(each.unfit),
            *([f"{share:.1%}" for share in each.refused] or ["none left"] * len(METHODS)),
        )
        for each in material.found.outside
    )
    rule = material.plan.calibration
    return [
        Heading("Input check"),
        Paragraph(
            "Share of images that the input check refuses. Of images kept for the test that should be few; of folders "
            "of images that the model is not for, as many as possible; changed images show how much may differ. "
            "An image refused by any part of the check gets no verdict."
        ),
        Table(
            ("Images", "Count", "Refused by the whole check", "Unreadable or of a wrong size", *_PARTS),
            rows,
            "Whole check: what the package does. Network features and image statistics: distance from the training "
            f"images; their limits are set to refuse {percent(rule.distance_refused)} and "
            f"{percent(rule.statistics_refused)} of the development images. {_known_alterations(material.plan)} Light "
            "and focus: saturation, focus and illumination. For comparison only, not in the package: the distance to "
            "the fifth neighbour and the energy of the score, both set like the network features. Columns after the "
            "fourth count readable images of a right size.",
            tuple(range(1, 4 + len(METHODS))),
        ),
    ]


def _known_alterations(plan: Plan) -> str:
    """What the check for altered images was shown."""
    section = plan.alterations
    if section is None:
        return "Known alterations: the plan names none, so this part refuses nothing."
    return (
        f"Known alterations: the check was shown copies of training images ({', '.join(section.kinds)}) and is set to "
        f"refuse {percent(section.refused)}; of other alterations it knows nothing."
    )


def _robustness(plan: Plan, found: Robustness) -> list[Block]:
    limits = {name: f"at most {percent(share)}" for name, share in plan.robustness.limits.items()}
    rows = tuple(
        (
            printed(effect.name),
            str(effect.images),
            str(effect.changed),
            str(effect.refused),
            str(len(effect.worse)),
            f"{effect.mean_shift:.3f}",
            f"{effect.largest_shift:.3f}",
            limits.get(effect.name, "none"),
            found.verdicts.get(effect.name, ""),
        )
        for effect in found.effects
    )
    head = (
        "What was done to the image",
        "Images",
        "Verdict changed",
        "of these refused by the input check",
        "of these not conforming before, conforming now",
        "Mean change of the score",
        "Largest change of the score",
        "Limit: verdicts changed",
        "Result",
    )
    return [
        Heading("Robustness"),
        Paragraph(
            "The same images were turned, moved, lit, focused or stored otherwise, and judged again. The images are "
            "those that had a verdict before; being refused by the input check counts as another verdict. The "
            "dangerous change is from not conforming to conforming."
        ),
        *_robustness_charts({effect.name: effect for effect in found.effects}),
        Table(head, rows, "", (1, 2, 3, 4, 5, 6), verdict=8),
    ]


_SIGNED = ("magnification", "brightness", "contrast")
_UNSIGNED = ("shift", "focus blur", "noise", "JPEG loss", "illumination gradient")


def _robustness_charts(effects: Mapping[str, Effect]) -> list[Block]:
    """Share of changed verdicts over the angle, then over the strength of what has no common unit."""
    label = "share of verdicts that change"
    turned = _over_strength("rotation", effects, 1.0)
    charts: list[Block] = [
        Chart("Images turned", "angle, degrees", label, (turned,), x_range=(0, 360), y_range=(0, 1)),
    ]
    for title, names, low in (
        ("Images magnified, lit or contrasted less (left) or more (right)", _SIGNED, -1.0),
        ("Images moved, blurred, made noisy, compressed or lit from one side", _UNSIGNED, 0.0),
    ):
        largest = {name: max(abs(each.strength) for each in CATALOGUE if each.name == name) for name in names}
        caption = ", ".join(f"{name} {largest[name]:g} {UNITS[name]}" for name in names)
        series = tuple(_over_strength(name, effects, largest[name]) for name in names)
        x_label = "strength, as a share of the largest that was tried"
        charts.append(
            Chart(
                title,
                x_label,
                label,
                series,
                x_range=(low, 1),
                y_range=(0, 1),
                caption=f"Largest that was tried: {caption}.",
            )
        )
    return charts


def _over_strength(name: str, effects: Mapping[str, Effect], unit: float) -> Series:
    """Undisturbed is strength 0, where nothing changes."""
    points = [(0.0, 0.0)]
    points += [
        (each.strength / unit, effects[str(each)].changed_share or 0.0) for each in CATALOGUE if each.name == name
    ]
    x, y = zip(*sorted(points), strict=True)
    return Series(name, x, y)


def _heat_maps(maps: HeatMapChecks) -> list[Block]:
    shares = tuple(step / STEPS for step in range(STEPS + 1))
    named = (
        ("taken away by map", maps.curves.deletion),
        ("taken away at random", maps.curves.random_deletion),
        ("brought back by map", maps.curves.insertion),
        ("brought back at random", maps.curves.random_insertion),
    )
    chart = Chart(
        "The verdict while places are taken away or brought back",
        "share of the image taken away or brought back",
        "probability of the first verdict",
        tuple(Series(name, shares, values) for name, values in named),
        x_range=(0, 1),
        y_range=(0, 1),
        caption=f"Mean over {maps.images} images",
    )
    rows = tuple((check.name, f"{check.value:.3f}", check.limit, check.verdict) for check in maps.checks)
    return [
        Heading("Does the heat map show what decides?"),
        Paragraph(
            "Deletion: the places that the map names first are blurred away, and the probability of the verdict should "
            "fall faster than with places in random order. Insertion: they are brought back into a blurred image, and "
            "it should rise faster (Petsiuk et al. 2018). The lead is the area between the two curves; 0 is no better "
            "than random. Likeness: the map of a network that was never trained must look different (Adebayo et al. "
            "2018; rank correlation without sign, 1 is the same order, the largest of three networks)."
        ),
        chart,
        Table(("What is measured", "Reached", "Limit", "Result"), rows, "", (1,), verdict=3),
    ]


def _pictures(material: Material, session: Session) -> list[Block]:
    """Images of each class beside their heat maps, and what the colours mean."""
    blocks: list[Block] = [
        Heading("Sample heat maps"),
        Paragraph(
            f"{_READING[material.plan.network.pooling]} The stronger the colour, the more a place speaks for or "
            "against; each picture has its own scale, whose ends stand below it. Images are evenly chosen from those "
            f"that were measured, never by how they look. {_SCORED[material.found.results.basis]}"
        ),
        ColourScale(
            tuple("#" + bytes(colour).hex() for colour in eight_bits(colour_scale(_COLOURS))[0]),
            "Dark blue: speaks for not conforming",
            "grey: speaks for neither (0)",
            "Light yellow: speaks for conforming",
        ),
    ]
    for label, conforming in (("not conforming", False), ("conforming", True)):
        members = [image for image in material.pictured if image.conforming == conforming]
        pictures = [picture for image in members for picture in _pair(image, material, session)]
        if pictures:
            blocks += [Heading(f"Labelled {label}", 2), PictureGrid(tuple(pictures), 4)]
    return blocks


_COLOURS = 100
"""Steps of the legend."""

_READING = {
    "mean": "The mean over the heat map decides the score.",
    "worst": "The place of the heat map that speaks most against conforming decides the score.",
}

_SCORED = {
    "test": "Score and verdict are those of the results above.",
    "out-of-fold": "Score and verdict are those of the results above, by a network that never saw the image; the heat "
    "map is that of the exported model, which was trained on it.",
}


def _pair(image: LabelledImage, material: Material, session: Session) -> tuple[Picture, Picture]:
    """The image, and the same under its heat map."""
    outputs = session.run(image.samples)
    activation = outputs["map"][0, 0]
    row = next(row for row in material.found.results.rows if row.image == image.name)
    score = "no score" if row.score is None else f"score {row.score:.{material.description.score_decimals}f}"
    plain = Picture(_png(render_jpeg(image.samples, size=_EDGE)), image.name, 0.25)
    shown = render_heat_map_jpeg(image.samples, heat_map(activation), size=_EDGE)
    largest = float(np.abs(activation).max())
    words = f"{row.outcome}, {score}; colours from -{largest:.2f} to +{largest:.2f} log-odds"
    return plain, Picture(_png(shown), words, 0.25)


def _png(jpeg: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.save(stream, "PNG")
    return stream.getvalue()


def _repeat(material: Material) -> list[Block]:
    training = material.plan.training
    facts = (
        ("Seed", str(training.seed)),
        ("Device that was used", material.device),
        ("Algorithms", "deterministic; the same plan gives the same weights on the same machine, resumed or not"),
        ("Exported model against trained network", f"largest relative difference {material.exported:.1e} on the golden "
         "images"),
        *environment().items(),
    )  # fmt: skip
    values = tuple(sorted(_flat(json.loads(material.plan.model_dump_json()))))
    return [
        Heading("How to repeat this run"),
        Facts(facts),
        Table(("Field of the plan", "Value"), values, "The whole plan"),
    ]


def _flat(value: object, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for key, each in value.items() for row in _flat(each, f"{name}.{key}" if name else key)]
    return [(name, json.dumps(value, ensure_ascii=False))]
