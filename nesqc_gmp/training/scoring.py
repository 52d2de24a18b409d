"""Scores of images by networks and graphs that had not seen them: what calibration and evaluation rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nesqc_gmp.training.checkpoint import Work
from nesqc_gmp.training.division import Division, Fold
from nesqc_gmp.training.fit import Epoch, Measured, evaluate, fit
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.judge import statistics_of
from nesqc_gmp.training.measure import Flags, Floats, fit_gaussian
from nesqc_gmp.training.outside import nearest
from nesqc_gmp.training.plan import Plan


@dataclass(frozen=True, slots=True)
class Unseen:
    """Images scored by a network that had not seen them.

    Attributes:
        images: ``n`` images.
        logit: ``(n,)`` log-odds of conforming, before the temperature.
        boxed: ``(n,)`` the same of the least conforming place inside the boxes.
        distance: ``(n,)`` distance of the features from the training images of that network.
        statistics: ``(n,)`` distance of the image statistics from the same.
        neighbour: ``(n,)`` distance of the embedding to its fifth neighbour among the same.
    """

    images: tuple[LabelledImage, ...]
    logit: Floats
    boxed: Floats
    distance: Floats
    statistics: Floats
    neighbour: Floats

    @property
    def conforming(self) -> Flags:
        """``(n,)`` labels."""
        return labels_of(self.images)


def labels_of(images: Sequence[LabelledImage]) -> Flags:
    """``(n,)`` labels."""
    return np.array([image.conforming for image in images], dtype=bool)


def out_of_fold(division: Division, plan: Plan, work: Work, show: Callable[[Epoch], None]) -> Unseen:
    """Each family scored by a network fitted to the others."""
    scored = [_fold(fold, number, plan, work, show) for number, fold in enumerate(division.folds, start=1)]
    return Unseen(
        images=tuple(image for part in scored for image in part.images),
        logit=np.concatenate([part.logit for part in scored]),
        boxed=np.concatenate([part.boxed for part in scored]),
        distance=np.concatenate([part.distance for part in scored]),
        statistics=np.concatenate([part.statistics for part in scored]),
        neighbour=np.concatenate([part.neighbour for part in scored]),
    )


def _fold(fold: Fold, number: int, plan: Plan, work: Work, show: Callable[[Epoch], None]) -> Unseen:
    network = fit(fold.training, plan, f"fold-{number}", work, show)
    known, found = (evaluate(network, images, plan) for images in (fold.training, fold.held_out))
    return unseen(known, fold.training, found, fold.held_out, plan)


def unseen(
    known: Measured,
    training: Sequence[LabelledImage],
    found: Measured,
    images: tuple[LabelledImage, ...],
    plan: Plan,
) -> Unseen:
    """Distances of images from the training images, beside their logits.

    Args:
        known: What the network gives for its training images.
        training: Those images.
        found: What it gives for the other ones.
        images: The other ones.
        plan: The plan.
    """
    rule = plan.calibration
    features = fit_gaussian(known.features, rule.feature_shrinkage)
    statistics = fit_gaussian(statistics_of([image.samples for image in training]), rule.statistics_shrinkage)
    return Unseen(
        images=images,
        logit=found.logit,
        boxed=found.boxed,
        distance=features.distance(found.features),
        statistics=statistics.distance(statistics_of([image.samples for image in images])),
        neighbour=nearest(found.embedding, known.embedding),
    )
