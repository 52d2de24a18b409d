"""Score and verdict of a finished model when its images are turned, lit, blurred, compressed or masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nesqc_gmp.inference.session import Session
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.robustness.run import Effect, Gray, Limit, Scored, judge, measure
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.judge import judged
from nesqc_gmp.training.measure import Gaussian
from nesqc_gmp.training.plan import RobustnessSection
from nesqc_gmp.training.results import outcomes


@dataclass(frozen=True, slots=True)
class Robustness:
    """What every disturbance does, and whether the limits of the plan hold, by the name of the disturbance."""

    effects: tuple[Effect, ...]
    verdicts: dict[str, str]


def disturbed(
    section: RobustnessSection,
    session: Session,
    statistics: Gaussian,
    images: Sequence[LabelledImage],
    description: ModelDescription,
) -> Robustness:
    """Disturb images that were measured, evenly chosen.

    Args:
        section: How many images, and the limits.
        session: The exported graph.
        statistics: Distribution of the statistics of the training images.
        images: The images that the results rest on.
        description: The locked thresholds and limits.
    """

    def score(samples: Gray) -> Scored:
        image = np.ascontiguousarray(samples)
        found = judged(session, [image], statistics)
        outcome = outcomes(found, [image], description)[0]
        return Scored(None if outcome == "rejected by input check" else float(found.score[0]), outcome)

    chosen = images[:: max(1, -(-len(images) // section.images))]
    effects = measure([(image.name, image.samples) for image in chosen], score)
    limits = [Limit(name, share) for name, share in section.limits.items()]
    return Robustness(effects, dict(judge(effects, limits)))
