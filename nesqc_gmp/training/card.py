"""The model card and ``training.json``: both written from the plan and the measured numbers, none by hand.

Sections after the Hugging Face model card template (Mitchell et al. 2019).
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Sequence
from typing import Any

from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.statistics.interval import proportion
from nesqc_gmp.statistics.outcomes import AtThreshold
from nesqc_gmp.training.data import Loaded
from nesqc_gmp.training.findings import Findings
from nesqc_gmp.training.label_noise import noise_sentence
from nesqc_gmp.training.limit_checks import LimitCheck, overview
from nesqc_gmp.training.outside import METHODS
from nesqc_gmp.training.plan import NetworkSection, Plan
from nesqc_gmp.training.results import Results

_PACKAGES = ("numpy", "onnx", "onnxruntime", "torch")


def number(value: float | None, decimals: int = 4) -> str:
    """A figure as text, or that it cannot be estimated."""
    return "not estimable" if value is None else decimal_text(value, decimals)


def environment() -> dict[str, str]:
    """Versions of what computes."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in _PACKAGES}}


def training_facts(
    plan: Plan,
    loaded: Loaded,
    description: ModelDescription,
    found: Findings,
) -> dict[str, Any]:
    """Content of ``training.json``: the whole plan with its digest; figures as text, counts as whole numbers."""
    results, robustness = found.results, found.robustness
    return {
        "statement": description.training_data,
        "simulated": plan.data.simulated,
        "environment": environment(),
        "plan_sha256": plan.digest,
        "manifest_sha256": loaded.manifest_sha256,
        "plan": json.loads(plan.model_dump_json(), parse_float=str),
        "splits": {
            name: {"cultures": len({image.culture for image in images}), "images": len(images)}
            for name, images in loaded.division.splits.items()
        },
        "left_out": len(loaded.left_out),
        "basis": results.basis,
        "auroc": str(results.auroc),
        "auroc_by_culture": str(results.by_culture),
        "training_auroc": number(results.training_auroc),
        "development": [image.model_dump(mode="json") for image in loaded.development],
        "copies": {"pairs": len(loaded.copies), "conflicting_labels": loaded.conflicting},
        "input_check": {
            each.name: {
                "images": each.images,
                "unfit": each.unfit,
                "whole check": decimal_text(each.whole, 4),
                **{name: decimal_text(share, 4) for name, share in zip(METHODS, each.refused, strict=False)},
            }
            for each in found.outside
        },
        "robustness": {
            effect.name: {
                "images": effect.images,
                "changed": effect.changed,
                "refused": effect.refused,
                "dangerous": len(effect.worse),
                "limit": robustness.verdicts.get(effect.name, "none"),
            }
            for effect in robustness.effects
        },
        "heat_map": {
            "images": found.maps.images,
            **{
                check.name: {"value": decimal_text(check.value, 4), "limit": check.limit, "verdict": check.verdict}
                for check in found.maps.checks
            },
        },
        "heterogeneity": {
            each.name: {
                "images": len(each.values),
                "median_conforming": number(each.median(conforming=True)),
                "median_not_conforming": number(each.median(conforming=False)),
                "auroc": str(each.auroc),
            }
            for each in found.spreads
        },
        "outcomes": {figures.label: counts(figures) for figures in (results.conforming, results.not_conforming)},
        "families": {
            family.name: {
                "auroc": str(family.auroc),
                "boxed_auroc": number(family.boxed_auroc),
                "conforming": counts(family.conforming),
                "not conforming": counts(family.not_conforming),
            }
            for family in results.families
        },
    }


def counts(figures: AtThreshold) -> dict[str, int]:
    """Images of one class by what became of them."""
    return {
        "images": figures.total,
        "right": figures.right,
        "wrong": figures.wrong,
        "undecided": figures.undecided,
        "refused": figures.refused,
    }


def card(
    plan: Plan, loaded: Loaded, description: ModelDescription, found: Findings, checks: Sequence[LimitCheck]
) -> str:
    """The model card, Markdown."""
    results = found.results
    space, rule = description.input_space, plan.calibration
    return _CARD.format(
        name=f"{description.name} {description.model_version}",
        warning="**Demonstration model. Not for GMP use.**" if description.demonstration else "",
        simulated="Trained on simulated images." if plan.data.simulated else "Trained on images of real cells.",
        layers=1 + 2 * (len(plan.network.widths) - 1) + 1,
        cell=plan.network.stride,
        pooling=_reading(plan.network),
        use=plan.model.intended_use,
        labels_and_noise=f"{plan.model.labels} {noise_sentence(loaded)}".rstrip(),
        data=plan.model.training_data,
        splits="\n".join(
            f"| {name} | {len({image.culture for image in images})} | {len(images)} |"
            for name, images in loaded.division.splits.items()
        ),
        left_out=len(loaded.left_out),
        edges=f"{space.width_min} to {space.width_max}",
        pixel=f"{space.pixel_size_um_min} to {space.pixel_size_um_max}",
        source=_SOURCE[bool(loaded.division.folds)],
        temperature=description.calibration_temperature,
        conforming=description.conforming_from,
        below=description.not_conforming_below,
        distance=description.distance_limit,
        distance_share=f"{rule.distance_refused:.1%}",
        statistics=description.statistics_limit,
        statistics_share=f"{rule.statistics_refused:.1%}",
        alterations=_alterations(plan, description),
        basis=_BASIS[results.basis],
        auroc=results.auroc,
        by_culture=results.by_culture,
        rows="\n".join(_row(figures) for figures in (results.conforming, results.not_conforming)),
        families=_families(results),
        scale=description.tile_embedding_scale or "none: it is not measured",
        spreads="\n".join(
            f"| {each.name} | {len(each.values)} | {number(each.median(conforming=True))} | "
            f"{number(each.median(conforming=False))} | {each.auroc} |"
            for each in found.spreads
        ),
        altered="; changed images of a family by a network that never saw it" if results.basis == "out-of-fold" else "",
        outside="\n".join(
            f"| {each.name} | {each.images} | {proportion(round(each.whole * each.images), each.images)} |"
            for each in found.outside
        ),
        summary=overview(plan, checks, results),
        checks="\n".join(
            f"| {each.verdict} | {each.part} | {each.name} | {each.reached} | {each.limit} |" for each in checks
        ),
        runtime=description.runtime.onnxruntime,
        plan=plan.digest,
        manifest=loaded.manifest_sha256,
    )


def _alterations(plan: Plan, description: ModelDescription) -> str:
    """What the check for altered images was shown, and its limit."""
    told = description.alterations
    if told is None or plan.alterations is None:
        return ""
    return (
        f" A linear discriminant of the same features was shown altered copies of training images ("
        f"{'; '.join(told.kinds)}); limit {told.limit}, set to refuse {plan.alterations.refused:.1%} of images as they "
        "came. What it does with alterations that it was not shown is measured below, not assured."
    )


def _row(figures: AtThreshold) -> str:
    cells = (figures.label, figures.total, figures.refused, figures.right, figures.undecided, figures.wrong)
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _families(results: Results) -> str:
    if not results.families:
        return ""
    head = (
        "\nEach family, scored by a network that never saw it:\n\n"
        "| family | AUROC (95 % interval) | AUROC inside the drawn boxes | not conforming images "
        "| of these called conforming |\n"
        "|---|---|---|---|---|\n"
    )
    rows = [
        f"| {family.name} | {family.auroc} | {number(family.boxed_auroc)} | {family.not_conforming.total} | "
        f"{family.not_conforming.wrong} |"
        for family in results.families
    ]
    return head + "\n".join(rows) + "\n"


_POOLING = {
    "mean": "The logit is the mean of the map: each place of the map is its share of the score.",
    "worst": "The least conforming place of the map decides about the image.",
}


def _reading(network: NetworkSection) -> str:
    """How the map becomes a score, and what of an image is not judged."""
    sentences = [_POOLING[network.pooling]]
    if network.border_cells:
        edge = network.border_cells * network.stride
        sentences.append(f"**Nothing within {edge} pixels of the border is judged**: what it cuts off cannot be told.")
    if network.views == "eight":
        sentences.append("The map is the mean over the eight turns by 90 degrees and mirrors of the image.")
    return " ".join(sentences)


_SOURCE = {
    True: "Temperature, thresholds and limits come from scores out of fold: each family was scored by a network that "
    "never saw it.",
    False: "Temperature, thresholds and limits come from the calibration cultures alone.",
}
_BASIS = {
    "test": "On cultures that neither training nor calibration saw, with the exported graph in onnxruntime",
    "out-of-fold": "No image was kept for a test: these are the scores out of fold, on which the thresholds were set "
    "as well, so figures at the thresholds are favourable",
}

_CARD = """\
# {name}

{warning} {simulated}

## Model details

A plain residual network of {layers} layers. One ONNX graph takes 16-bit gray samples and gives the score (0 not
conforming, 1 conforming), the exact map behind it, embeddings of the image and of its tiles, and what the input check
compares with its limits. A cell of the map is {cell} pixels. {pooling}
Preprocessing is inside the graph. 8-bit samples are multiplied by 257 before the graph; RGB becomes gray as
(19595 R + 38470 G + 7471 B + 32768) >> 16.

## Uses

{use}

Out of scope: every other cell type, other microscopy, other magnifications.

## Bias, risks and limitations

The model takes fields of {edges} pixels on an edge at {pixel} micrometres a pixel. {labels_and_noise}

## Training details

{data}

| split | cultures | images |
|---|---|---|
{splits}

{left_out} images of the manifest were left out; the training report names each with its reason.

{source} Temperature {temperature}; conforming from {conforming}, not conforming below {below}, undecided between;
distance limit {distance}, set to refuse {distance_share} of those images; statistics limit {statistics}, set to refuse
{statistics_share}.{alterations}

## Evaluation

{basis}: AUROC **{auroc}** with each image counted by itself, {by_culture} with the images of a culture counted as
dependent on each other (95 % intervals). The AUROC counts every score. At the thresholds, an image that the input check
of the package refuses, by what the model says of it or by size, saturation, focus or illumination, gets no verdict and
is counted as refused.

| label of the images | images | refused by the input check | called rightly | undecided | called wrongly |
|---|---|---|---|---|---|
{rows}
{families}
Heterogeneity, the spread of the tiles of an image about their mean (scale of the appearance: {scale}). It decides
nothing about an image. The AUROC is that of heterogeneity alone, the more heterogeneous images being called not
conforming; below 0.5 the conforming images are the more heterogeneous, and a largest value in a specification would
then say nothing about conformity.

| heterogeneity of | images | median, conforming | median, not conforming | AUROC (95 % interval) |
|---|---|---|---|---|
{spreads}

Share that the whole input check refuses, of images that were changed or that the model is not for{altered}:

| images | count | share refused (95 % interval of Clopper and Pearson) |
|---|---|---|
{outside}

### What failed, what holds

{summary}

| result | part | what is limited | reached | limit |
|---|---|---|---|---|
{checks}

## Technical specifications

onnxruntime {runtime}, CPU provider, one thread, optimisation level EXTENDED. The package holds golden images and the
bytes of every output tensor; an environment that does not give the same bytes cannot run the model.

## How to make it again

`nesqc models train PLAN.toml --out DIR` with the extra `[train]`. Plan {plan}, manifest {manifest}; the values of the
plan stand in `training.json`. The last bits depend on the versions there, the processor and the number of threads.
"""
