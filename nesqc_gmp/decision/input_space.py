"""Is one input sample space inside another? Pure, field by field.

What a model was locked for bounds what it may be used for: outside, nothing is known of its scores (EU GMP Annex 22
draft 3.1).
"""

from __future__ import annotations

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
        InvalidInputError: It is wider in a field, or a field accepts nothing; the field is named.
    """
    for field in CHOICES:
        asked, known = getattr(space, field), getattr(locked, field)
        outside = [str(value) for value in asked if value not in known]
        if outside or not asked:
            raise _refusal(field, ", ".join(outside) or "nothing", ", ".join(map(str, known)))
    for field in (*LOWEST, *HIGHEST):
        asked, known = Decimal(getattr(space, field)), Decimal(getattr(locked, field))
        if asked < known if field in LOWEST else asked > known:
            raise _refusal(field, f"{asked:f}", f"{'at least' if field in LOWEST else 'at most'} {known:f}")
    for low, high in _RANGES:
        if Decimal(getattr(space, low)) > Decimal(getattr(space, high)):
            raise InvalidInputError("the range holds no value", where=f"input_space.{low}", remedy="Correct the file.")


def _refusal(field: str, asked: str, known: str) -> InvalidInputError:
    return InvalidInputError(
        f"the input space names {asked}; the model is locked for {known}",
        where=f"input_space.{field}",
        remedy="Stay inside the input space of the package, or have a model made for a wider one.",
    )
