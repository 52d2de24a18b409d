"""The input check of a finished model on images that it is not for, beside the ways that were not taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.session import Session
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.alterations import altered
from nesqc_gmp.training.corruptions import CORRUPTIONS
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.input_check import outside_light, outside_size
from nesqc_gmp.training.outside import AT_MOST, Gray, Outside, Unlikeness, compared, energy, measured, read_folder
from nesqc_gmp.training.plan_file import Places
from nesqc_gmp.training.scoring import Check, OutOfFold, Unseen


def compare(
    places: Places,
    session: Session,
    check: Check,
    development: OutOfFold,
    test: Sequence[LabelledImage],
    description: ModelDescription,
) -> tuple[Outside, ...]:
    """Share refused of test images, of altered images and of the folders of the plan.

    Altered are test images; without any, images of held-out families, judged by the networks that had not seen them.

    Args:
        places: The plan, with the folders of images that the model is not for.
        session: The exported graph.
        check: What the locked limits are about.
        development: Images that set the limits, and some of them altered.
        test: Images that neither training nor calibration saw; may be empty.
        description: The locked limits.
    """
    told, degree = description.alterations, float(description.calibration_temperature)
    share = 1 - places.plan.calibration.distance_refused
    limits = (
        float(description.distance_limit),
        float(description.statistics_limit),
        float(told.limit) if told else math.inf,
        float(np.quantile(development.images.neighbour, share)),
        float(np.quantile(energy(development.images.logit / degree), share)),
    )

    def unlike(samples: Gray) -> float:
        return float(check.statistics.distance(image_statistics(samples)[None])[0])

    def light(samples: Gray) -> bool:
        return outside_light(samples, description.input_space)

    rows = [
        compared(f"changed: {kind}", _unlikeness(found, degree, light), limits)
        for kind, found in development.altered.items()
    ]
    for name, images, unfit in _kinds(places, test, description.input_space):
        found = measured(session, images, check.embedding, unlike, light) if images else None
        rows.append(compared(name, found, limits, unfit))
    return tuple(rows)


def _unlikeness(found: Unseen, degree: float, light: Callable[[Gray], bool]) -> Unlikeness:
    """What networks gave for images that they had not seen."""
    lit = np.array([light(image.samples) for image in found.images])
    return Unlikeness(
        found.distance, found.statistics, found.alteration, found.neighbour, energy(found.logit / degree), lit
    )


def _kinds(places: Places, test: Sequence[LabelledImage], space: InputSpace) -> Iterator[tuple[str, list[Gray], int]]:
    """Kinds of image: the name, the images, and how many could not be read or have a size that is not taken."""
    if test:
        taken = [image.samples for image in test if not outside_size(image.samples, space)]
        yield "images kept for the test", taken, len(test) - len(taken)
        chosen = test[:: max(1, -(-len(test) // AT_MOST))]
        for kind in CORRUPTIONS:
            yield f"changed: {kind}", [altered(image, kind).samples for image in chosen], 0
    for folder in places.outside:
        edges = places.plan.input.edge_min, places.plan.input.edge_max
        images, unfit = read_folder(folder, edges, AT_MOST)
        yield f"folder {folder.parent.name}/{folder.name}", images, unfit
