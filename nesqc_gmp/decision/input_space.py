"""Is one input sample space inside another? Pure, field by field.

What a model was locked for bounds what it may be used for: outside, nothing is known of its scores (EU GMP Annex 22
draft 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.images import InputSpace

CHOICES: Final = ("formats", "bit_depths", "channels")
"""Fields that list what is accepted."""

LOWEST: Final = ("width_min", "height_min", "pixel_size_um_min", "focus_min")
"""Fields that hold the smallest value accepted."""

HIGHEST: Final = ("width_max", "height_max", "pixel_size_um_max", "saturated_share_max", "illumination_max")
"""Fields that hold the largest value accepted."""

_RANGES: Final = (
    ("width_min", "width_max"),
    ("height_min", "height_max"),
    ("pixel_size_um_min", "pixel_size_um_max"),
)


def require_within(space: InputSpace, locked: InputSpace) -> None:
    """A space holds something, and nothing that the locked one does not.

    Raises:
        InvalidInputError: It is wider in a field, or a field accepts nothing; every such field is named.
    """
    wrong = [*_wider(space, locked), *_empty(space)]
    if wrong:
        what = wrong[0][1] if len(wrong) == 1 else "; ".join(f"{field} {said}" for field, said in wrong)
        raise InvalidInputError(
            f"the input space {what}" if len(wrong) == 1 else f"{len(wrong)} fields of the input space: {what}",
            where=", ".join(f"input_space.{field}" for field, _ in wrong),
            remedy="Stay inside the input space of the package, or have a model made for a wider one.",
        )


def _wider(space: InputSpace, locked: InputSpace) -> Iterator[tuple[str, str]]:
    """Fields that accept what the locked space does not, or nothing, and what is wrong with each."""
    for field in CHOICES:
        asked, known = getattr(space, field), getattr(locked, field)
        outside = [str(value) for value in asked if value not in known]
        if outside or not asked:
            yield field, _said(", ".join(outside) or "nothing", ", ".join(map(str, known)))
    for field in (*LOWEST, *HIGHEST):
        asked, known = Decimal(getattr(space, field)), Decimal(getattr(locked, field))
        if asked < known if field in LOWEST else asked > known:
            yield field, _said(f"{asked:f}", f"{'at least' if field in LOWEST else 'at most'} {known:f}")


def _empty(space: InputSpace) -> Iterator[tuple[str, str]]:
    """Ranges that hold no value."""
    for low, high in _RANGES:
        if Decimal(getattr(space, low)) > Decimal(getattr(space, high)):
            yield low, f"holds no value up to {high}"


def _said(asked: str, known: str) -> str:
    return f"names {asked}; the model is locked for {known}"
