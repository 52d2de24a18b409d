"""The input check of a finished model on images that it is not for, beside the ways that were not taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.session import Session
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.input_check import outside_light, outside_size
from nesqc_gmp.training.measure import Floats, Gaussian
from nesqc_gmp.training.outside import Gray, Outside, changed, compared, energy, measured, read_folder
from nesqc_gmp.training.plan import Places
from nesqc_gmp.training.scoring import Unseen

AT_MOST = 60
"""Images of each kind, evenly chosen."""


def compare(
    places: Places,
    session: Session,
    known: tuple[Floats, Gaussian],
    development: Unseen,
    test: Sequence[LabelledImage],
    description: ModelDescription,
) -> tuple[Outside, ...]:
    """Share refused of test images, of changed images and of the folders of the plan.

    Args:
        places: The plan, with the folders of images that the model is not for.
        session: The exported graph.
        known: Embeddings ``(m, channels)`` of the training images, and the distribution of their statistics.
        development: Images that set the limits.
        test: Images that neither training nor calibration saw; may be empty.
        description: The locked limits.
    """
    embeddings, statistics = known
    degree = float(description.calibration_temperature)
    share = 1 - places.plan.calibration.distance_refused
    limits = (
        float(description.distance_limit),
        float(description.statistics_limit),
        float(np.quantile(development.neighbour, share)),
        float(np.quantile(energy(development.logit / degree), share)),
    )

    def unlike(samples: Gray) -> float:
        return float(statistics.distance(image_statistics(samples)[None])[0])

    def light(samples: Gray) -> bool:
        return outside_light(samples, description.input_space)

    rows = []
    for name, images, unfit in _kinds(places, development, test, description.input_space):
        found = measured(session, images, embeddings, unlike, light) if images else None
        rows.append(compared(name, found, limits, unfit))
    return tuple(rows)


def _kinds(
    places: Places, development: Unseen, test: Sequence[LabelledImage], space: InputSpace
) -> Iterator[tuple[str, list[Gray], int]]:
    """Every kind of image: its name, the images, and how many could not be read or have a size that is not taken."""
    if test:
        taken = [image.samples for image in test if not outside_size(image.samples, space)]
        yield "images kept for the test", taken, len(test) - len(taken)
    base = test or development.images
    chosen = [image.samples for image in base[:: max(1, -(-len(base) // AT_MOST))]]
    for name, images in changed(chosen):
        yield f"changed: {name}", images, 0
    for folder in places.outside:
        edges = places.plan.input.edge_min, places.plan.input.edge_max
        images, unfit = read_folder(folder, edges, AT_MOST)
        yield f"folder {folder.parent.name}/{folder.name}", images, unfit
