"""The rules of the input check: is this image one of those a model or specification is meant for?

EU GMP Annex 22 draft 3.1. Pure: from what is known and was measured of an image to one finding a rule, so that whoever
holds the record can ask the rules again. The number that is compared is the number that is recorded; a value exactly at
a limit passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from nesqc_gmp.records.base import DecimalText, decimal_text
from nesqc_gmp.records.images import ImageFormat, InputFinding, InputSpace

DECIMALS = 6
"""Decimals with which whatever is measured is recorded and compared."""

SATURATION, FOCUS, ILLUMINATION = "INPUT-SATURATION", "INPUT-FOCUS", "INPUT-ILLUMINATION"
"""Rules about what was measured on the samples."""

_AGREEMENT = Decimal("0.01")
"""Two statements of one pixel size may differ by 1 % of the smaller."""


class Stated(Protocol):
    """What is known of an image without its samples, as ``records.images.FrameFacts`` says it."""

    @property
    def format(self) -> ImageFormat:
        """Container format."""

    @property
    def width(self) -> int:
        """Columns, in pixels."""

    @property
    def height(self) -> int:
        """Rows, in pixels."""

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""

    @property
    def bit_depth(self) -> int:
        """Bits per sample."""

    @property
    def pixel_size_um(self) -> DecimalText | None:
        """Edge of a pixel in micrometres."""


def check_stated(facts: Stated, space: InputSpace, *, pixel_size_um: DecimalText | None) -> tuple[InputFinding, ...]:
    """Apply the rules that need no samples: what fails them will fail every check."""
    return (
        file_format(facts, space),
        size(facts, space),
        depth(facts, space),
        channels(facts, space),
        pixel_size(facts, space, pixel_size_um),
    )


def file_format(facts: Stated, space: InputSpace) -> InputFinding:
    """INPUT-FORMAT: the file format is one of those accepted."""
    return InputFinding(
        rule="INPUT-FORMAT",
        measured=facts.format,
        limit=", ".join(space.formats),
        passed=facts.format in space.formats,
    )


def size(facts: Stated, space: InputSpace) -> InputFinding:
    """INPUT-SIZE: width and height are inside their limits, in pixels."""
    return InputFinding(
        rule="INPUT-SIZE",
        measured=f"{facts.width} x {facts.height}",
        limit=f"{space.width_min} to {space.width_max} x {space.height_min} to {space.height_max}",
        passed=space.width_min <= facts.width <= space.width_max
        and space.height_min <= facts.height <= space.height_max,
    )


def model_size(facts: Stated, locked: InputSpace) -> InputFinding:
    """MODEL-SIZE: the model takes an image of this size at all, however wide the specification is."""
    return size(facts, locked).model_copy(update={"rule": "MODEL-SIZE"})


def depth(facts: Stated, space: InputSpace) -> InputFinding:
    """INPUT-DEPTH: the bits per sample are accepted."""
    return InputFinding(
        rule="INPUT-DEPTH",
        measured=str(facts.bit_depth),
        limit=", ".join(map(str, space.bit_depths)),
        passed=facts.bit_depth in space.bit_depths,
    )


def channels(facts: Stated, space: InputSpace) -> InputFinding:
    """INPUT-CHANNELS: the count of channels is accepted (1 gray, 3 RGB)."""
    return InputFinding(
        rule="INPUT-CHANNELS",
        measured=str(facts.channels),
        limit=", ".join(map(str, space.channels)),
        passed=facts.channels in space.channels,
    )


def pixel_size(facts: Stated, space: InputSpace, sheet: DecimalText | None) -> InputFinding:
    """INPUT-PIXEL-SIZE: the pixel edge in micrometres is known, not contradicted, and inside its limits.

    The file counts first, then the sample sheet. Two sizes more than 1 % apart fail, whichever is right.
    """
    stated = [Decimal(text) for text in (facts.pixel_size_um, sheet) if text is not None]
    contradicted = len(stated) == 2 and not agree(*stated)
    if contradicted:
        measured = f"file {facts.pixel_size_um}, sample sheet {sheet}"
    else:
        measured = decimal_text(stated[0], DECIMALS) if stated else "absent"
    inside = bool(stated) and Decimal(space.pixel_size_um_min) <= stated[0] <= Decimal(space.pixel_size_um_max)
    return InputFinding(
        rule="INPUT-PIXEL-SIZE",
        measured=measured,
        limit=f"{space.pixel_size_um_min} to {space.pixel_size_um_max}",
        passed=inside and not contradicted,
    )


def agree(one: Decimal, other: Decimal) -> bool:
    """Whether two statements of one pixel size differ by 1 % of the smaller or less."""
    return abs(one - other) <= _AGREEMENT * min(one, other)


def check_measured(measured: Mapping[str, DecimalText], space: InputSpace) -> tuple[InputFinding, ...]:
    """Apply the rules about the samples.

    Args:
        measured: Share of saturated pixels, focus measure and unevenness of the light, each by its rule.
        space: The input sample space.
    """
    saturated, sharp, uneven = (measured[rule] for rule in (SATURATION, FOCUS, ILLUMINATION))
    return (
        _at_most(SATURATION, saturated, space.saturated_share_max),
        InputFinding(
            rule=FOCUS,
            measured=sharp,
            limit=f"at least {space.focus_min}",
            passed=Decimal(sharp) >= Decimal(space.focus_min),
        ),
        _at_most(ILLUMINATION, uneven, space.illumination_max),
    )


def _at_most(rule: str, measured: DecimalText, limit: DecimalText) -> InputFinding:
    """A finding that passes up to and at its limit."""
    return InputFinding(
        rule=rule, measured=measured, limit=f"at most {limit}", passed=Decimal(measured) <= Decimal(limit)
    )
