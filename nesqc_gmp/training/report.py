"""The report of a run as one document: what went in, what was learned, what was measured, and how to repeat it."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nesqc_gmp.imaging.picture import render_heat_map_jpeg, render_jpeg
from nesqc_gmp.inference.maps import heat_map
from nesqc_gmp.inference.session import Session
from nesqc_gmp.reports.document import (
    Block,
    Chart,
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
        epochs: Every epoch of every fit.
        pictured: Images whose heat maps are shown.
        model_sha256: Digest of the package.
        exported: Largest relative difference of the graph from torch on the golden images.
    """

    plan: Plan
    loaded: Loaded
    found: Findings
    epochs: tuple[Epoch, ...]
    pictured: tuple[LabelledImage, ...]
    model_sha256: str
    exported: float


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
            ("Package", material.model_sha256),
            ("Plan", plan.digest),
            ("Manifest and images", material.loaded.manifest_sha256),
        ),
        blocks=(
            *_data(material),
            *_curves(material.epochs),
            *_measured(material.found.results),
            *_subgroups(material.found.results),
            *_families(material),
            *_heterogeneity(material.found.spreads),
            *_outside(material),
            *_robustness(material.found.robustness),
            *_heat_maps(material.found.maps),
            *_pictures(material, session),
            *_repeat(material),
        ),
    )


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
        Heading("Leakage", 2),
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
    return [Heading("Training"), Chart("Loss of the training images", "epoch", "loss", series)]


def _measured(results: Results) -> list[Block]:
    basis = {
        "test": "Images that neither training nor calibration saw, scored by the exported graph.",
        "out-of-fold": "Scores out of fold: each family was scored by a network that never saw it. The thresholds were "
        "set on the same scores, so figures at the thresholds are favourable.",
    }[results.basis]
    facts = Facts(
        (
            ("AUROC, images as units (DeLong)", str(results.auroc)),
            ("AUROC, cultures as units (Obuchowski)", str(results.by_culture)),
            ("AUROC, donors drawn again (bootstrap)", str(results.by_donor)),
            ("AUROC on the training images", number(results.training_auroc)),
            ("AUROC on the images that set the thresholds", number(results.development_auroc)),
            ("Training minus this", number(results.gap)),
            ("Brier score", number(results.curve.brier if results.curve else None)),
            ("Expected calibration error", number(results.curve.expected_error if results.curve else None)),
        )
    )
    rows = tuple(_figures(each.label, each) for each in (results.not_conforming, results.conforming))
    blocks: list[Block] = [Heading("Results"), Paragraph(basis), facts, Table(_HEAD, rows, _CAPTION, (1, 2, 3, 4, 5))]
    false, true = curve(results.labels, results.scores)
    roc = Series("ROC", tuple(map(float, false)), tuple(map(float, true)), style="steps")
    blocks.append(
        Chart("ROC curve", "share of not conforming called conforming", "share of conforming found", (roc,),
              x_range=(0.0, 1.0), y_range=(0.0, 1.0))
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
            Chart("Calibration", "mean score of the bin", "share conforming", (points, ideal),
                  x_range=(0.0, 1.0), y_range=(0.0, 1.0), caption="Bins of equal counts, 95 % intervals of Wilson.")
        )  # fmt: skip
    return blocks


_HEAD = ("Images", "All", "Refused", "Undecided", "Right", "Wrong", "Right of those decided", "Not missed")
_CAPTION = (
    "At the locked thresholds, 95 % intervals of Clopper and Pearson with images as independent units. Not missed: not "
    "called conforming."
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
                str(missed.wrong),
                str(missed.total),
            )
        )
    head = ("Subgroup", "Images", "AUROC", "Not conforming called conforming", "of")
    return [
        Heading("Subgroups", 2),
        Table(head, tuple(rows), "Every subgroup of the data, empty ones too", (1, 2, 3, 4)),
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
    head = ("Family", "Images", "Copies left out", "AUROC", "Inside the boxes", "Found of those decided", "Not missed")
    return [
        Heading("Families, each held out"),
        Paragraph(
            "Each family was scored by a network trained on the others. Images of the others that are copies of an "
            "image of the family were left out of that training. Inside the boxes: AUROC of the worst place inside the "
            "boxes that people drew, which is an easier task."
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
    head = ("Heterogeneity of", "Images", "Median, conforming", "Median, not conforming", "AUROC")
    blocks: list[Block] = [
        Heading("Heterogeneity"),
        Paragraph(
            "Spread of the tiles of an image about their mean; of appearance 1 is a typical conforming development "
            "image. It decides nothing about an image. AUROC of heterogeneity alone, the more heterogeneous images "
            "being called not conforming: below 0.5 the conforming images are the more heterogeneous, and a largest "
            "value in a specification would say nothing about conformity."
        ),
        Table(head, rows, "95 % intervals of DeLong, images as independent units", (1, 2, 3)),
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
            Chart(f"Histogram, {each.name}", label, "share of the class", bars),
            Chart(f"Heterogeneity against score, {each.name}", "score of the image", label, points, x_range=(0.0, 1.0)),
        ]
    return blocks


def _outside(material: Material) -> list[Block]:
    rows = tuple(
        (
            each.name,
            str(each.images),
            str(each.unfit),
            *([f"{share:.1%}" for share in each.refused] or ["none left"] * len(METHODS)),
            f"{each.whole:.1%}",
        )
        for each in material.found.outside
    )
    rule = material.plan.calibration
    return [
        Heading("Input check"),
        Paragraph(
            f"Share refused by each way to tell an image that is unlike the training images. The statistics are set to "
            f"refuse {rule.statistics_refused:.1%} of the development images, the features, and for comparison the "
            f"fifth neighbour and the energy, {rule.distance_refused:.1%}. {_known_alterations(material.plan)} "
            "Features, statistics, known alterations and the limits of size, light and focus are locked into the "
            "package; an image refused by any of them gets no verdict, and the last column counts it. Not taken: by "
            "the decoder or the limits of size; the columns after it speak of the other images."
        ),
        Table(("Images", "Count", "Not taken", *METHODS, "Whole check"), rows, "", tuple(range(1, 4 + len(METHODS)))),
    ]


def _known_alterations(plan: Plan) -> str:
    """What the check for altered images was shown."""
    section = plan.alterations
    if section is None:
        return "The plan shows the check no altered images, so the column of known alterations refuses none."
    return (
        f"The check for known alterations was shown copies of training images ({', '.join(section.kinds)}) and is set "
        f"to refuse {section.refused:.1%}; other alterations were not shown to it."
    )


def _robustness(found: Robustness) -> list[Block]:
    rows = tuple(
        (
            effect.name,
            str(effect.images),
            str(effect.changed),
            str(effect.refused),
            str(len(effect.worse)),
            f"{effect.mean_shift:.3f}",
            f"{effect.largest_shift:.3f}",
            found.verdicts.get(effect.name, "no limit"),
        )
        for effect in found.effects
    )
    head = ("Disturbance", "Images", "Changed", "Refused", "Dangerous", "Mean shift", "Largest shift", "Limit")
    return [
        Heading("Robustness"),
        Paragraph(
            "Verdicts of the same images, disturbed. Changed: another verdict than before; refused: of these, by the "
            "input check; dangerous: not conforming before and conforming now. Shifts are those of the score."
        ),
        *_robustness_charts({effect.name: effect for effect in found.effects}),
        Table(head, rows, "", (1, 2, 3, 4, 5, 6)),
    ]


_SIGNED = ("magnification", "brightness", "contrast")
_UNSIGNED = ("shift", "focus blur", "noise", "JPEG loss", "illumination gradient")


def _robustness_charts(effects: Mapping[str, Effect]) -> list[Block]:
    """Share of changed verdicts over the angle, then over the strength of what has no common unit."""
    label = "Share of verdicts that change"
    turned = _over_strength("rotation", effects, 1.0)
    charts: list[Block] = [
        Chart("Turned", "Angle, degrees", label, (turned,), x_range=(0, 360), y_range=(0, 1)),
    ]
    for title, names, low in (("Changed either way", _SIGNED, -1.0), ("Changed one way", _UNSIGNED, 0.0)):
        largest = {name: max(abs(each.strength) for each in CATALOGUE if each.name == name) for name in names}
        caption = ", ".join(f"{name} {largest[name]:g} {UNITS[name]}" for name in names)
        series = tuple(_over_strength(name, effects, largest[name]) for name in names)
        x_label = "Strength, of the largest that was tried"
        charts.append(
            Chart(title, x_label, label, series, x_range=(low, 1), y_range=(0, 1), caption=f"Largest: {caption}")
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
        ("deleted by the map", maps.curves.deletion),
        ("deleted at random", maps.curves.random_deletion),
        ("inserted by the map", maps.curves.insertion),
        ("inserted at random", maps.curves.random_insertion),
    )
    chart = Chart(
        "The verdict while places are taken away or brought back",
        "Share of the image",
        "Probability of the first verdict",
        tuple(Series(name, shares, values) for name, values in named),
        x_range=(0, 1),
        y_range=(0, 1),
        caption=f"Mean over {maps.images} images",
    )
    rows = tuple((check.name, f"{check.value:.3f}", check.limit, check.verdict) for check in maps.checks)
    return [
        Heading("What the heat map shows"),
        Paragraph(
            "Places are blurred away, or brought back into a blurred image, those first that speak most for the "
            "verdict; a map that shows what decides does so faster than random order (Petsiuk et al. 2018). The map of "
            "a network that was never trained must look different (Adebayo et al. 2018; rank correlation without "
            "sign, the largest of three networks)."
        ),
        chart,
        Table(("Check", "Value", "Limit", "Verdict"), rows, "", (1,)),
    ]


def _pictures(material: Material, session: Session) -> list[Block]:
    pictures = []
    for image in material.pictured:
        activation = session.run(image.samples)["map"][0, 0]
        name = f"{image.name}, {'' if image.conforming else 'not '}conforming"
        pictures.append(Picture(_png(render_jpeg(image.samples, size=_EDGE)), name, 0.25))
        shown = render_heat_map_jpeg(image.samples, heat_map(activation), size=_EDGE)
        pictures.append(Picture(_png(shown), "its map", 0.25))
    return [Heading("Sample heat maps"), PictureGrid(tuple(pictures), 4)]


def _png(jpeg: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.save(stream, "PNG")
    return stream.getvalue()


def _repeat(material: Material) -> list[Block]:
    training = material.plan.training
    facts = (
        ("Seed", str(training.seed)),
        ("Threads", str(training.threads)),
        ("Device", training.device),
        ("Algorithms", "deterministic; the same plan gives the same weights on the same machine, resumed or not"),
        ("Graph against torch", f"largest relative difference {material.exported:.1e} on the golden images"),
        *environment().items(),
    )
    values = tuple(sorted(_flat(json.loads(material.plan.model_dump_json()))))
    return [Heading("To repeat it"), Facts(facts), Table(("Field of the plan", "Value"), values, "The whole plan")]


def _flat(value: object, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for key, each in value.items() for row in _flat(each, f"{name}.{key}" if name else key)]
    return [(name, json.dumps(value, ensure_ascii=False))]
