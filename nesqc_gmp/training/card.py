"""The model card and ``training.json``: both written from the measured numbers, none by hand.

Sections after the Hugging Face model card template (Mitchell et al. 2019).
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import asdict
from typing import Any

from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.cultures import SEVERITY_FROM, SPLITS
from nesqc_gmp.training.description import FALSE_ALARM
from nesqc_gmp.training.fit import Recipe
from nesqc_gmp.training.report import CORRUPTED_EVERY, Report

_PACKAGES = ("numpy", "onnx", "onnxruntime", "torch")


def training_facts(recipe: Recipe, description: ModelDescription, report: Report) -> dict[str, Any]:
    """Content of ``training.json``: settings as text, counts as whole numbers."""
    return {
        "statement": description.training_data,
        "simulated": True,
        "environment": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
        "recipe": {name: str(value) for name, value in asdict(recipe).items()},
        "splits": {
            split.name: {
                "first_culture": split.cultures.start,
                "cultures": len(split.cultures),
                "images": len(split.cultures) * split.fields,
            }
            for split in SPLITS
        },
        "severity_from": str(SEVERITY_FROM),
        "test": {
            "auroc": report.auroc,
            "cultures": report.cultures,
            "groups": {name: outcomes.row() for name, outcomes in report.groups.items()},
        },
    }


def card(description: ModelDescription, report: Report) -> str:
    """The model card, Markdown."""
    return _CARD.format(
        name=f"{description.name} {description.model_version}",
        use=description.intended_use,
        data=description.training_data,
        splits="\n".join(
            f"| {split.name} | {len(split.cultures)} | {len(split.cultures) * split.fields} |" for split in SPLITS
        ),
        severity=SEVERITY_FROM,
        temperature=description.calibration_temperature,
        conforming=description.conforming_from,
        below=description.not_conforming_below,
        false_alarm=f"{FALSE_ALARM:.0%}",
        distance=description.distance_limit,
        statistics=description.statistics_limit,
        auroc=report.auroc,
        images=sum(outcomes.images for outcomes in list(report.groups.values())[:2]),
        cultures=report.cultures,
        every=CORRUPTED_EVERY,
        rows="\n".join(
            f"| {name} | {row.images} | {row.refused} | {row.conforming} | {row.undecided} | {row.not_conforming} |"
            for name, row in report.groups.items()
        ),
        runtime=description.runtime.onnxruntime,
    )


_CARD = """\
# {name}

**Demonstration model, trained on simulated pictures. Not for GMP use.**

## Model details

A plain residual network of ten layers (about 0.3 million weights) that scores a phase-contrast picture of a culture
between 0 (not conforming) and 1 (conforming). One ONNX graph takes 16-bit gray samples and gives score, exact
class-activation map, embedding and the distance of the image from the training images. Preprocessing is inside the
graph: average over 2 x 2 pixels (an odd last row or column is dropped), then mean 0 and variance 1 for each image.
8-bit samples are multiplied by 257 before the graph; RGB becomes gray as (19595 R + 38470 G + 7471 B + 32768) >> 16.

## Uses

{use}

Out of scope: every real culture, every other cell type, other microscopy, other magnifications.

## Bias, risks and limitations

The model takes fields of 512 to 4096 pixels on an edge at 0.95 to 1.05 micrometres a pixel.
The simulator draws what its authors take rosettes and heterogeneous cultures to look like. A model that separates
simulated classes shows that the software works; it says nothing about real cells. The mildest simulated defect has
severity {severity} of 1; milder ones were not tried.

## Training details

{data}

| split | cultures | images |
|---|---|---|
{splits}

Temperature, thresholds and limits come from the calibration cultures alone: temperature {temperature}; conforming from
{conforming}, not conforming below {below}, undecided between; distance limit {distance} and statistics limit
{statistics}, each set to refuse {false_alarm} of the calibration images.

## Evaluation

On simulated cultures that neither training nor calibration saw: AUROC **{auroc}** over {images} images of {cultures}
cultures, with the exported graph in onnxruntime. An image refused by an input check gets no verdict. Each corruption
was applied to one in {every} test images.

| group | images | refused | conforming | undecided | not conforming |
|---|---|---|---|---|---|
{rows}

## Technical specifications

onnxruntime {runtime}, CPU provider, one thread, optimisation level EXTENDED. The package holds golden images and the
bytes of every output tensor; an environment that does not give the same bytes cannot run the model.

## How to make it again

`OPENBLAS_NUM_THREADS=1 python -m nesqc_gmp.training.demonstration_model --out FOLDER` with the extra `[train]`.
The last bits depend on the versions in `training.json`, the processor and the numbers of threads.
"""
