"""The report of a run as one document: what went in, what was learned, what was measured, and how to repeat it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from nesqc_gmp.inference.session import Session
from nesqc_gmp.reports.document import (
    Block,
    Chart,
    Document,
    Facts,
    Heading,
    Paragraph,
    Series,
    Table,
)
from nesqc_gmp.training.card import environment
from nesqc_gmp.training.fit import Epoch
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.label_noise import noise_sentence
from nesqc_gmp.training.limit_checks import overview
from nesqc_gmp.training.report import challenges, pictures, results
from nesqc_gmp.training.report.material import Material

_LISTED = 60
"""Longest list of copies and exclusions; the rest is counted."""


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
            *results.measured(material.found.results),
            *results.subgroups(material.found.results),
            *results.families(material),
            *results.heterogeneity(material.found.spreads),
            *challenges.outside(material),
            *challenges.robustness(material.plan, material.found.robustness),
            *challenges.heat_maps(material.found.maps),
            *pictures.sample_heat_maps(material, session),
            *_repeat(material),
        ),
    )


def _checks(material: Material) -> list[Block]:
    """What a reader must know first."""
    rows = tuple((each.verdict, each.part, each.name, each.reached, each.limit) for each in material.checks)
    return [
        Heading("What failed, what holds"),
        Paragraph(overview(material.plan, material.checks, material.found.results)),
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
