"""What is said of the demonstration model: thresholds, limits, input sample space, intended use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.frame import luminance
from nesqc_gmp.imaging.measures import focus_measure, illumination_unevenness, saturated_share
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.models import ModelDescription, RuntimeSettings
from nesqc_gmp.training.cultures import Pictures
from nesqc_gmp.training.export import GRAPH
from nesqc_gmp.training.judge import Judged
from nesqc_gmp.training.measure import Gaussian, distance_limit, thresholds

NAME, MODEL_VERSION = "nes-morphology-sim", "1.0.0"

SCORE_DECIMALS = 4

FALSE_ALARM = 0.01
"""Share of the calibration images that each of the two distances may refuse."""

INTENDED_USE = (
    "Demonstration and testing of this software with simulated pictures of neuroepithelial stem cell cultures in "
    "phase contrast. Not for GMP use: never for a decision about a real culture, batch or patient."
)

TRAINING_DATA = (
    "Simulated pictures only, made by nesqc_gmp.simulation; no picture of a real culture was used. Cultures, not "
    "pictures, were divided into training, calibration and test."
)

RUNTIME = RuntimeSettings(
    provider="CPUExecutionProvider",
    threads=1,
    graph_optimisation="EXTENDED",
    deterministic=True,
    onnxruntime=version("onnxruntime"),
)

SIZE_MIN = 512
"""Smallest edge: the distances of smaller fields scatter more than those of the training pictures."""

_SPARE = Decimal("1.1")
_DISTANCE_DECIMALS = 3
_WEIGHT_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found on the calibration cultures.

    Attributes:
        temperature: Divides the logit.
        statistics: Distribution of the image statistics over the training pictures.
        judged: Scores and distances of the calibration pictures.
        pictures: The calibration pictures.
    """

    temperature: float
    statistics: Gaussian
    judged: Judged
    pictures: Pictures


def describe(found: Calibration, golden: tuple[str, ...]) -> ModelDescription:
    """The description to lock, every threshold and limit from the calibration cultures."""
    band = thresholds(found.judged.score, found.pictures.conforming, SCORE_DECIMALS)
    return ModelDescription(
        version=1,
        name=NAME,
        model_version=MODEL_VERSION,
        demonstration=True,
        intended_use=INTENDED_USE,
        training_data=TRAINING_DATA,
        labels=("not conforming", "conforming"),
        conforming_from=f"{band.conforming_from:f}",
        not_conforming_below=f"{band.not_conforming_below:f}",
        score_decimals=SCORE_DECIMALS,
        calibration_temperature=f"{found.temperature:.2f}",
        distance_limit=f"{distance_limit(found.judged.distance, FALSE_ALARM, _DISTANCE_DECIMALS):f}",
        statistics_mean=tuple(_weight(value) for value in found.statistics.mean),
        statistics_precision=tuple(tuple(_weight(value) for value in row) for row in found.statistics.precision),
        statistics_limit=f"{distance_limit(found.judged.statistics, FALSE_ALARM, _DISTANCE_DECIMALS):f}",
        input_space=_input_space(found.pictures.samples),
        graph=GRAPH,
        runtime=RUNTIME,
        golden=golden,
    )


def _weight(value: float) -> str:
    """A number as plain decimal text with twelve decimals."""
    return f"{Decimal(float(value)):.{_WEIGHT_DECIMALS}f}"


def _input_space(samples: NDArray[np.uint8]) -> InputSpace:
    """Limits of the input check: the extremes of the calibration pictures with a tenth to spare."""
    images = [luminance(picture) for picture in samples]
    saturated = _largest([saturated_share(picture) for picture in samples])
    return InputSpace(
        formats=("TIFF", "PNG"),
        bit_depths=(8, 16),
        channels=(1, 3),
        width_min=SIZE_MIN,
        width_max=4096,
        height_min=SIZE_MIN,
        height_max=4096,
        pixel_size_um_min="0.95",
        pixel_size_um_max="1.05",
        saturated_share_max=saturated,
        focus_min=_smallest([focus_measure(image) for image in images]),
        illumination_max=_largest([illumination_unevenness(image) for image in images]),
    )


def _largest(values: list[float]) -> str:
    return f"{(Decimal(max(values)) * _SPARE).quantize(Decimal('0.0001'), rounding=ROUND_CEILING):f}"


def _smallest(values: list[float]) -> str:
    return f"{(Decimal(min(values)) / _SPARE).quantize(Decimal('0.0001'), rounding=ROUND_FLOOR):f}"
