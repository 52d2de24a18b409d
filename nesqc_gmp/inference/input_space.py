"""Is the image one that the model may judge at all? Checks by the model, apart from the score.

The score of an image outside the input sample space means nothing (EU GMP Annex 22 draft 3.1): white noise can score
as conforming. So an image that fails one of these rules gets no verdict, whatever its score.
"""

from __future__ import annotations

from decimal import Decimal

from nesqc_gmp.records.base import DecimalText
from nesqc_gmp.records.images import InputFinding, Prediction

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


def _finding(rule: str, measured: DecimalText, limit: DecimalText) -> InputFinding:
    return InputFinding(rule=rule, measured=measured, limit=limit, passed=Decimal(measured) <= Decimal(limit))
