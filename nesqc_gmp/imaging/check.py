"""The input check of a frame: its samples measured, then the rules of ``decision.input_check``.

What is measured is recorded with six decimals.
"""

from __future__ import annotations

from nesqc_gmp.decision.input_check import FOCUS, ILLUMINATION, SATURATION, check_measured, check_stated
from nesqc_gmp.imaging.frame import Frame
from nesqc_gmp.imaging.measures import focus_measure, illumination_unevenness, saturated_share
from nesqc_gmp.records.base import DecimalText, decimal_text
from nesqc_gmp.records.images import InputCheck, InputSpace

_DECIMALS = 6


def check(frame: Frame, space: InputSpace, *, pixel_size_um: DecimalText | None) -> InputCheck:
    """Apply every rule of the input check to one image.

    Args:
        frame: The image.
        space: The input sample space.
        pixel_size_um: Edge of a pixel in micrometres from the sample sheet, or ``None``.

    Returns:
        One finding a rule, always in the same order, whether they pass or not.
    """
    samples = frame.samples
    found = {
        SATURATION: saturated_share(samples),
        FOCUS: focus_measure(samples),
        ILLUMINATION: illumination_unevenness(samples),
    }
    measured = {rule: decimal_text(value, _DECIMALS) for rule, value in found.items()}
    stated = check_stated(frame.facts, space, pixel_size_um=pixel_size_um)
    return InputCheck(findings=(*stated, *check_measured(measured, space)))
