"""From a prediction to the outcome of an image: is it one that the model may judge at all, and what does its score say?

The score of an image outside the input sample space means nothing (EU GMP Annex 22 draft 3.1): white noise can score
as conforming. So an image that fails one of these rules gets no verdict, whatever its score. One way for batches, for
tests of models and for the verifier.
"""

from __future__ import annotations

from decimal import Decimal

from nesqc_gmp.decision.rules import ScoreRule
from nesqc_gmp.records.base import DecimalText
from nesqc_gmp.records.batches import ImageOutcome
from nesqc_gmp.records.images import InputFinding, Prediction
from nesqc_gmp.records.models import ModelManifest

MODEL_DISTANCE = "MODEL-DISTANCE"
"""Rule: the image's features inside the network are like those of the training images."""

MODEL_STATISTICS = "MODEL-STATISTICS"
"""Rule: the image's statistics (see ``imaging.statistics``) are like those of the training images."""

MODEL_ALTERATION = "MODEL-ALTERATION"
"""Rule: the image is not like one that was altered in a way the model was shown, such as inverted or magnified."""


def inside_input_space(prediction: Prediction) -> tuple[InputFinding, ...]:
    """The findings of the rules; the image is inside where all passed."""
    findings = [
        _finding(MODEL_DISTANCE, prediction.distance, prediction.distance_limit),
        _finding(MODEL_STATISTICS, prediction.statistics_distance, prediction.statistics_limit),
    ]
    if prediction.alteration is not None and prediction.alteration_limit is not None:
        findings.append(_finding(MODEL_ALTERATION, prediction.alteration, prediction.alteration_limit))
    return tuple(findings)


def has_locked_limits(prediction: Prediction, manifest: ModelManifest) -> bool:
    """Whether the limits in a prediction are those of the package, and alterations are told where it tells them."""
    told = manifest.alterations
    locked = manifest.distance_limit, manifest.statistics_limit, None if told is None else told.limit
    return locked == (prediction.distance_limit, prediction.statistics_limit, prediction.alteration_limit)


def decided(
    manifest: ModelManifest, image: str, prediction: Prediction | None
) -> tuple[tuple[InputFinding, ...], ImageOutcome]:
    """The input check by the model, and the outcome at the locked thresholds.

    Args:
        manifest: Of the locked package.
        image: Name of the image.
        prediction: What the model says; ``None`` where the image failed the first input check.
    """
    if prediction is None:
        return (), "rejected by input check"
    findings = inside_input_space(prediction)
    if not all(finding.passed for finding in findings):
        return findings, "rejected by input check"
    rule = ScoreRule(manifest.conforming_from, manifest.not_conforming_below)
    return findings, rule.apply(image, prediction.score).outcome


def _finding(rule: str, measured: DecimalText, limit: DecimalText) -> InputFinding:
    return InputFinding(rule=rule, measured=measured, limit=limit, passed=Decimal(measured) <= Decimal(limit))
