"""A graph and its limits applied to many pictures: what the shipped engine would say, as columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.training.measure import Floats, Gaussian


@dataclass(frozen=True, slots=True)
class Judged:
    """Columns of length ``n``: score, distance of the features, distance of the statistics."""

    score: Floats
    distance: Floats
    statistics: Floats

    def refused(self, distance_limit: float, statistics_limit: float) -> NDArray[np.bool_]:
        """Which pictures are outside the input sample space by one of the two checks."""
        return (self.distance > distance_limit) | (self.statistics > statistics_limit)


def statistics_of(pictures: Iterable[NDArray[np.uint8]]) -> Floats:
    """Statistics ``(n, 16)`` of pictures, as the engine computes them."""
    return np.stack([image_statistics(gray_samples(picture)) for picture in pictures])


def judged(session: Session, pictures: Iterable[NDArray[np.uint8]], statistics: Gaussian) -> Judged:
    """Score and distances of every picture."""
    kept = list(pictures)
    outputs = [session.run(gray_samples(picture)) for picture in kept]
    return Judged(
        score=np.array([float(output["probability"][0]) for output in outputs]),
        distance=np.array([float(output["distance"][0]) for output in outputs]),
        statistics=statistics.distance(statistics_of(kept)),
    )
