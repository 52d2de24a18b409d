"""Scores of images by networks and graphs that had not seen them: what calibration and evaluation rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nesqc_gmp.training.alterations import Discriminants, altered, fit_discriminants
from nesqc_gmp.training.checkpoint import Work
from nesqc_gmp.training.corruptions import CORRUPTIONS
from nesqc_gmp.training.division import Division, Fold
from nesqc_gmp.training.fit import Epoch, Measured, evaluate, fit
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.judge import statistics_of
from nesqc_gmp.training.measure import Flags, Floats, Gaussian, fit_gaussian
from nesqc_gmp.training.network import Network
from nesqc_gmp.training.outside import AT_MOST, nearest
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
        alteration: ``(n,)`` log-likelihood ratio of an altered image; minus infinity where alterations are not told.
    """

    images: tuple[LabelledImage, ...]
    logit: Floats
    boxed: Floats
    distance: Floats
    statistics: Floats
    neighbour: Floats
    alteration: Floats

    @property
    def conforming(self) -> Flags:
        """``(n,)`` labels."""
        return labels_of(self.images)


def labels_of(images: Sequence[LabelledImage]) -> Flags:
    """``(n,)`` labels."""
    return np.array([image.conforming for image in images], dtype=bool)


@dataclass(frozen=True, slots=True)
class Check:
    """What the input check of a network rests on: its own view of its training images.

    Attributes:
        embedding: ``(m, channels)`` embeddings of them.
        features: Distribution of their features.
        statistics: Distribution of their image statistics.
        alterations: What tells altered images by the features; ``None`` where the plan names no kind.
    """

    embedding: Floats
    features: Gaussian
    statistics: Gaussian
    alterations: Discriminants | None


def fit_check(network: Network, known: Measured, training: Sequence[LabelledImage], plan: Plan) -> Check:
    """The check of a network.

    Args:
        network: The trained net.
        known: What it gives for its training images.
        training: Those images.
        plan: The plan.
    """
    rule = plan.calibration
    features = fit_gaussian(known.features, rule.feature_shrinkage)
    return Check(
        embedding=known.embedding,
        features=features,
        statistics=fit_gaussian(statistics_of([image.samples for image in training]), rule.statistics_shrinkage),
        alterations=fit_discriminants(network, training, plan, features),
    )


def unseen(found: Measured, images: Sequence[LabelledImage], check: Check) -> Unseen:
    """Distances of images from the training images, beside their logits.

    Args:
        found: What a network gives for images that it had not seen.
        images: The images.
        check: The check of the same network.
    """
    told = check.alterations
    return Unseen(
        images=tuple(images),
        logit=found.logit,
        boxed=found.boxed,
        distance=check.features.distance(found.features),
        statistics=check.statistics.distance(statistics_of([image.samples for image in images])),
        neighbour=nearest(found.embedding, check.embedding),
        alteration=np.full(len(images), -np.inf)
        if told is None
        else told.ratio(check.features.whitened(found.features)),
    )


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Each family scored by a network fitted to the others.

    Attributes:
        images: Every image as it came.
        altered: Images of each family altered, by the name of the corruption: all of them in the ways that the check
            was shown, some of them, evenly chosen, in the others. Empty where there is a test split to be altered.
    """

    images: Unseen
    altered: dict[str, Unseen]


def out_of_fold(division: Division, plan: Plan, work: Work, show: Callable[[Epoch], None]) -> OutOfFold:
    """Each family scored by a network fitted to the others, as it came and altered."""
    shown = plan.alterations.kinds if plan.alterations else ()
    some = -(-AT_MOST // len(division.folds))
    most = {} if division.test else {kind: None if kind in shown else some for kind in CORRUPTIONS}
    scored = [_fold(fold, f"fold-{number}", plan, work, show, most) for number, fold in enumerate(division.folds, 1)]
    return OutOfFold(
        images=_together([each.images for each in scored]),
        altered={kind: _together([each.altered[kind] for each in scored]) for kind in most},
    )


def _fold(
    fold: Fold, name: str, plan: Plan, work: Work, show: Callable[[Epoch], None], most: dict[str, int | None]
) -> OutOfFold:
    """Images of the held-out family; of each kind of alteration at most so many, or all."""
    network = fit(fold.training, plan, name, work, show)
    check = fit_check(network, evaluate(network, fold.training, plan), fold.training, plan)

    def scored(images: Sequence[LabelledImage]) -> Unseen:
        return unseen(evaluate(network, images, plan), images, check)

    def changed(kind: str, count: int | None) -> Unseen:
        step = 1 if count is None else max(1, -(-len(fold.held_out) // count))
        return scored([altered(image, kind) for image in fold.held_out[::step]])

    return OutOfFold(scored(fold.held_out), {kind: changed(kind, count) for kind, count in most.items()})


def _together(parts: Sequence[Unseen]) -> Unseen:
    return Unseen(
        images=tuple(image for part in parts for image in part.images),
        logit=np.concatenate([part.logit for part in parts]),
        boxed=np.concatenate([part.boxed for part in parts]),
        distance=np.concatenate([part.distance for part in parts]),
        statistics=np.concatenate([part.statistics for part in parts]),
        neighbour=np.concatenate([part.neighbour for part in parts]),
        alteration=np.concatenate([part.alteration for part in parts]),
    )
