"""From a prediction to the outcome of an image: one way for batches and for tests of models."""

from __future__ import annotations

from nesqc_gmp.decision.rules import ScoreRule
from nesqc_gmp.inference.input_space import inside_input_space
from nesqc_gmp.records.batches import ImageOutcome
from nesqc_gmp.records.images import InputFinding, Prediction
from nesqc_gmp.records.models import ModelManifest


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
