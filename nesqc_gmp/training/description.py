"""What is said of a model: thresholds, limits, input sample space, all from development images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from importlib.metadata import version

import numpy as np

from nesqc_gmp.imaging.measures import focus_measure, illumination_unevenness, saturated_share
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.models import AlterationCheck, ModelDescription, RuntimeSettings
from nesqc_gmp.training.export import graph_of
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.judge import Judged
from nesqc_gmp.training.measure import Flags, Gaussian, thresholds, upper_limit
from nesqc_gmp.training.plan import InputSection, Plan

SCORE_DECIMALS = 4

RUNTIME = RuntimeSettings(
    provider="CPUExecutionProvider",
    threads=1,
    graph_optimisation="EXTENDED",
    deterministic=True,
    onnxruntime=version("onnxruntime"),
)

_SPARE = Decimal("1.1")
_DISTANCE_DECIMALS = 3
_WEIGHT_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found on the development images that the scoring network had not seen.

    Attributes:
        temperature: Divides the logit.
        statistics: Distribution of the image statistics over the training images.
        judged: Scores and distances of the development images.
        conforming: ``(n,)`` their labels.
        images: The images themselves.
        tile_embedding_scale: Spread of the tile embeddings of a typical conforming one of them.
    """

    temperature: float
    statistics: Gaussian
    judged: Judged
    conforming: Flags
    images: Sequence[LabelledImage]
    tile_embedding_scale: str | None


def describe(plan: Plan, found: Calibration, golden: tuple[str, ...]) -> ModelDescription:
    """The description to lock."""
    limits = plan.calibration
    together = limits.band == "all images"
    groups = np.array(["" if together else image.family for image in found.images])
    band = thresholds(found.judged.score, found.conforming, groups, SCORE_DECIMALS, limits)
    distance = upper_limit(found.judged.distance, limits.distance_refused, _DISTANCE_DECIMALS)
    statistics = upper_limit(found.judged.statistics, limits.statistics_refused, _DISTANCE_DECIMALS)
    return ModelDescription(
        version=1,
        name=plan.model.name,
        model_version=plan.model.version,
        demonstration=plan.model.demonstration,
        intended_use=plan.model.intended_use,
        training_data=f"{plan.model.training_data} {plan.model.labels}",
        labels=("not conforming", "conforming"),
        conforming_from=f"{band.conforming_from:f}",
        not_conforming_below=f"{band.not_conforming_below:f}",
        score_decimals=SCORE_DECIMALS,
        calibration_temperature=f"{found.temperature:.2f}",
        distance_limit=f"{distance:f}",
        statistics_mean=tuple(_weight(value) for value in found.statistics.mean),
        statistics_precision=tuple(tuple(_weight(value) for value in row) for row in found.statistics.precision),
        statistics_limit=f"{statistics:f}",
        alterations=_alterations(plan, found.judged),
        tile_embedding_scale=found.tile_embedding_scale,
        input_space=_input_space(plan.input, found.images),
        graph=graph_of(alterations=plan.alterations is not None),
        runtime=RUNTIME,
        golden=golden,
    )


def _alterations(plan: Plan, judged: Judged) -> AlterationCheck | None:
    if plan.alterations is None:
        return None
    limit = upper_limit(judged.alteration, plan.alterations.refused, _DISTANCE_DECIMALS)
    return AlterationCheck(kinds=plan.alterations.kinds, limit=f"{limit:f}")


def _weight(value: float) -> str:
    """A number as plain decimal text with twelve decimals."""
    return f"{Decimal(float(value)):.{_WEIGHT_DECIMALS}f}"


def _input_space(space: InputSection, images: Sequence[LabelledImage]) -> InputSpace:
    """Limits of the input check: the extremes of the development images with a tenth to spare."""
    samples = [image.samples for image in images]
    return InputSpace(
        formats=("TIFF", "PNG"),
        bit_depths=(8, 16),
        channels=(1, 3),
        width_min=space.edge_min,
        width_max=space.edge_max,
        height_min=space.edge_min,
        height_max=space.edge_max,
        pixel_size_um_min=space.pixel_size_um_min,
        pixel_size_um_max=space.pixel_size_um_max,
        saturated_share_max=_largest([saturated_share(each) for each in samples], at_most=Decimal(1)),
        focus_min=_smallest([focus_measure(each) for each in samples]),
        illumination_max=_largest([illumination_unevenness(each) for each in samples]),
    )


def _largest(values: list[float], at_most: Decimal = Decimal("Infinity")) -> str:
    """The largest value with a tenth to spare; a share goes no further than 1."""
    limit = min(Decimal(max(values)) * _SPARE, at_most)
    return f"{limit.quantize(Decimal('0.0001'), rounding=ROUND_CEILING):f}"


def _smallest(values: list[float]) -> str:
    return f"{(Decimal(min(values)) / _SPARE).quantize(Decimal('0.0001'), rounding=ROUND_FLOOR):f}"
