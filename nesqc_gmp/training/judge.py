"""A graph and its limits applied to many images: what the shipped engine would say, as columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.engine import DISTANCE_DECIMALS
from nesqc_gmp.inference.session import Session
from nesqc_gmp.training.measure import Floats, Gaussian


@dataclass(frozen=True, slots=True)
class Judged:
    """Columns of length ``n``: score, distance of the features, distance of the statistics."""

    score: Floats
    distance: Floats
    statistics: Floats

    def refused(self, distance_limit: float, statistics_limit: float) -> NDArray[np.bool_]:
        """Which images one of the two distances refuses; size and light are checks of their own (``input_check``)."""
        distance, statistics = (np.round(each, DISTANCE_DECIMALS) for each in (self.distance, self.statistics))
        return np.asarray((distance > distance_limit) | (statistics > statistics_limit))


def statistics_of(images: Iterable[NDArray[np.uint16]]) -> Floats:
    """Statistics ``(n, 16)`` of gray samples, as the engine computes them."""
    return np.stack([image_statistics(samples) for samples in images])


def judged(session: Session, images: Iterable[NDArray[np.uint16]], statistics: Gaussian) -> Judged:
    """Score and distances of every image, by the exported graph."""
    scores, distances, measured = [], [], []
    for samples in images:
        outputs = session.run(samples)
        scores.append(float(outputs["probability"][0]))
        distances.append(float(outputs["distance"][0]))
        measured.append(image_statistics(samples))
    return Judged(np.array(scores), np.array(distances), statistics.distance(np.stack(measured)))
