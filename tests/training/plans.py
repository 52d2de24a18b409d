"""Tiny plans and images for the tests of training: seconds on one thread."""

from __future__ import annotations

import copy
import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nesqc_gmp.training.images import Box, LabelledImage
from nesqc_gmp.training.plan import Plan

TINY: dict[str, Any] = {
    "model": {
        "name": "tiny",
        "version": "0.0.1",
        "demonstration": True,
        "intended_use": "Tests.",
        "training_data": "Stripes and noise.",
        "labels": "By construction.",
    },
    "data": {"images": "images", "manifest": "manifest.csv", "simulated": True},
    "network": {"widths": [4, 6, 8], "strides": [2, 2, 2], "pooling": "mean", "tile_cells": 2},
    "augmentation": {"rotation": "quarter turns", "flip": True, "contrast": 0.2, "noise": 0.01},
    "training": {
        "seed": 3,
        "epochs": 3,
        "batch": 4,
        "learning_rate": 0.01,
        "crop": 48,
        "device": "cpu",
    },
    "input": {"edge_min": 64, "pixel_size_um_min": "0.9", "pixel_size_um_max": "1.1"},
    "golden": {"number": 1, "edge": 128},
    "robustness": {"images": 2, "limits": {"mirror up and down 1": 0.5}},
}

WORST: dict[str, Any] = {
    "network": {
        "widths": [4, 6, 8],
        "strides": [2, 2, 2],
        "pooling": "worst",
        "tile_cells": 2,
        "normalisation": "both",
        "stem_kernel": 5,
        "living_map": True,
    },
    "augmentation": {
        "rotation": "any",
        "flip": True,
        "scale": 1.2,
        "brightness": 0.1,
        "contrast": 0.2,
        "blur": {"share": 0.5, "low": 0.3, "high": 1.0},
        "noise": 0.01,
        "illumination": 0.1,
        "compression": {"share": 0.5, "low": 60, "high": 95},
    },
    "training": {
        **TINY["training"],
        "average": 0.9,
        "dense_weight": 0.3,
        "living_weight": 0.15,
        "head_bias": -3.0,
    },
}


def plan(changes: dict[str, Any] | None = None) -> Plan:
    """The tiny plan with some tables replaced."""
    return Plan.model_validate(content(changes))


def content(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The same before it is checked."""
    return {**copy.deepcopy(TINY), **copy.deepcopy(changes or {})}


def samples(number: int, conforming: bool, edge: int = 64) -> NDArray[np.uint8]:
    """Noise, with stripes where conforming."""
    random = np.random.default_rng([number, 7])
    picture = random.normal(120, 12, (edge, edge + 8))
    if conforming:
        picture += 30 * np.sin(np.arange(edge + 8) / (1.5 + number % 3 / 4) + random.uniform(0, 6))
    return np.asarray(np.clip(picture, 0, 255), dtype=np.uint8)


def images(count: int = 12, boxed: bool = False) -> tuple[LabelledImage, ...]:
    """Labelled images of alternating class, three to a family; where boxed, one box each."""
    box = Box(20, 20, 40, 40, conforming=True), Box(20, 20, 40, 40, conforming=False)
    return tuple(
        LabelledImage(
            name=f"{number}.png",
            samples=samples(number, number % 2 == 0).astype(np.uint16) * np.uint16(257),
            conforming=number % 2 == 0,
            culture=f"C{number}",
            donor=f"D{number // 2}",
            family=f"F{number // 4}",
            attributes={},
            boxes=(box[number % 2],) if boxed else None,
        )
        for number in range(count)
    )


def write_files(folder: Path, count: int = 48, **columns: str) -> Path:
    """Images and a manifest, two images a culture, two cultures a donor; gives the manifest."""
    (folder / "images").mkdir()
    rows = []
    for number in range(count):
        conforming = number // 2 % 2 == 0
        name = f"{number:02d}.png"
        Image.fromarray(samples(number, conforming)).save(folder / "images" / name)
        rows.append(
            {
                "image": name,
                "label": "conforming" if conforming else "not conforming",
                "culture": f"C{number // 2}",
                "donor": f"D{number // 4}",
                "family": f"F{number // 16}",
                "simulated": "yes",
                **columns,
            }
        )
    manifest = folder / "manifest.csv"
    with manifest.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest
