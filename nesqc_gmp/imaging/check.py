"""The input check of a frame: its samples measured, then the rules of ``decision.input_check``."""

from __future__ import annotations

from nesqc_gmp.decision.input_check import DECIMALS, FOCUS, ILLUMINATION, SATURATION, check_measured, check_stated
from nesqc_gmp.imaging.frame import Frame, Samples
from nesqc_gmp.imaging.measures import focus_measure, illumination_unevenness, saturated_share
from nesqc_gmp.records.base import DecimalText, decimal_text
from nesqc_gmp.records.images import InputCheck, InputFinding, InputSpace


def check(frame: Frame, space: InputSpace, *, pixel_size_um: DecimalText | None) -> InputCheck:
    """Apply every rule of the input check to one image.

    Args:
        frame: The image.
        space: The input sample space.
        pixel_size_um: Edge of a pixel in micrometres from the sample sheet, or ``None``.

    Returns:
        One finding a rule, always in the same order, whether they pass or not.
    """
    stated = check_stated(frame.facts, space, pixel_size_um=pixel_size_um)
    return InputCheck(findings=(*stated, *check_samples(frame.samples, space)))


def check_samples(samples: Samples, space: InputSpace) -> tuple[InputFinding, ...]:
    """Measure saturation, focus and evenness of the light, and apply their rules.

    Args:
        samples: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or uint16.
        space: The input sample space.
    """
    found = {
        SATURATION: saturated_share(samples),
        FOCUS: focus_measure(samples),
        ILLUMINATION: illumination_unevenness(samples),
    }
    return check_measured({rule: decimal_text(value, DECIMALS) for rule, value in found.items()}, space)
