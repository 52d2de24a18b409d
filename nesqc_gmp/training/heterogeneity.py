"""How unlike the places of labelled images are: the scale that a package locks, and what heterogeneity alone tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

import numpy as np

from nesqc_gmp.decision.heterogeneity import of_image, standard_deviation
from nesqc_gmp.inference.maps import heat_map, tile_distances
from nesqc_gmp.inference.session import Outputs, Session
from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.statistics.auroc import delong
from nesqc_gmp.statistics.interval import Interval
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.measure import Flags, Floats
from nesqc_gmp.training.scoring import labels_of

_SCALE_DECIMALS = 6


def embedding_scale(session: Session, images: Sequence[LabelledImage]) -> str | None:
    """Median spread of the tile embeddings over the conforming images, by the exported graph.

    Returns:
        ``None`` where no conforming image has two tiles, or their tiles do not differ: then nothing is measured.
    """
    found = [_spread(session.run(image.samples)) for image in images if image.conforming]
    known = [value for value in found if value is not None]
    scale = decimal_text(median(known), _SCALE_DECIMALS) if known else "0"
    return scale if Decimal(scale) else None


def _spread(outputs: Outputs) -> float | None:
    distances = tile_distances(outputs["tile_embeddings"][0])
    return float(standard_deviation([Decimal(each) for each in distances])) if len(distances) > 1 else None


@dataclass(frozen=True, slots=True)
class MeasuredSpread:
    """One measure of heterogeneity over labelled images.

    Attributes:
        name: What is measured.
        values: ``(n,)`` heterogeneity of the images that were measured.
        conforming: ``(n,)`` their labels.
        scores: ``(n,)`` their scores.
        auroc: How well it alone tells not conforming images, the more heterogeneous being called so; below 0.5 the
            conforming ones are the more heterogeneous.
    """

    name: str
    values: Floats
    conforming: Flags
    scores: Floats
    auroc: Interval

    def median(self, *, conforming: bool) -> float | None:
        """Median of one class, ``None`` without an image."""
        own = self.values[self.conforming == conforming]
        return float(np.median(own)) if own.size else None


def measured_spreads(
    session: Session, images: Sequence[LabelledImage], scores: Sequence[float], scale: str | None
) -> tuple[MeasuredSpread, ...]:
    """Both measures over labelled images: of appearance where there is a scale, and of the scores of the tiles.

    Args:
        session: The exported graph.
        images: ``n`` images.
        scores: ``n`` scores.
        scale: What the package locks.
    """
    appearance, tiles = [], []
    for image in images:
        outputs = session.run(image.samples)
        found = None if scale is None else _spread(outputs)
        appearance.append(np.nan if found is None else found / float(scale or 1))
        score = of_image(heat_map(outputs["map"][0, 0]), ()).score
        tiles.append(np.nan if score is None else float(score.value))
    kinds = {"appearance": np.array(appearance), "scores of the tiles, in log-odds": np.array(tiles)}
    labels, all_scores = labels_of(images), np.array(scores)
    result = []
    for name, values in kinds.items():
        known = np.isfinite(values)
        if known.any():
            kept = values[known], labels[known], all_scores[known]
            result.append(MeasuredSpread(name, *kept, delong(~labels[known], values[known])))
    return tuple(result)
