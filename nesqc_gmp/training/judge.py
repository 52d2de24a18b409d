"""A graph and its limits applied to many images: what the shipped engine would say, as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.engine import DISTANCE_DECIMALS
from nesqc_gmp.inference.session import Outputs, Session
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.measure import Flags, Floats, Gaussian


@dataclass(frozen=True, slots=True)
class Judged:
    """Columns of length ``n``.

    Attributes:
        score: Probability of *conforming*.
        distance: Distance of the features.
        statistics: Distance of the image statistics.
        alteration: Log-likelihood ratio of an altered image; minus infinity where the graph tells no alterations.
    """

    score: Floats
    distance: Floats
    statistics: Floats
    alteration: Floats

    def refusals(self, description: ModelDescription) -> dict[str, Flags]:
        """Which images each check by the model refuses; size and light are checks of their own (``input_check``)."""
        told = description.alterations
        parts = {
            "network features": (self.distance, description.distance_limit),
            "image statistics": (self.statistics, description.statistics_limit),
            "known alterations": (self.alteration, told.limit if told else "inf"),
        }
        return {name: np.round(column, DISTANCE_DECIMALS) > float(limit) for name, (column, limit) in parts.items()}

    def refused(self, description: ModelDescription) -> Flags:
        """Which images any of them refuses."""
        return np.asarray(np.any(list(self.refusals(description).values()), axis=0))


def statistics_of(images: Iterable[NDArray[np.uint16]]) -> Floats:
    """Statistics ``(n, 16)`` of gray samples, as the engine computes them."""
    return np.stack([image_statistics(samples) for samples in images])


def judged(session: Session, images: Iterable[NDArray[np.uint16]], statistics: Gaussian) -> Judged:
    """Score and distances of every image, by the exported graph."""
    scores, distances, measured, altered = [], [], [], []
    for samples in images:
        outputs = session.run(samples)
        scores.append(float(outputs["probability"][0]))
        distances.append(float(outputs["distance"][0]))
        measured.append(image_statistics(samples))
        altered.append(alteration_of(outputs))
    return Judged(np.array(scores), np.array(distances), statistics.distance(np.stack(measured)), np.array(altered))


def alteration_of(outputs: Outputs) -> float:
    """Log-likelihood ratio of an altered image; minus infinity where the graph tells no alterations."""
    return float(outputs["alteration"][0]) if "alteration" in outputs else -math.inf
