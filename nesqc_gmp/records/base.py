"""What every record is made of: frozen models, text for numbers, times and names.

A leaf of the log holds no binary floating point number: measured values are decimal text, so two programs that
read the same leaf see the same value.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 as 64 lower-case hexadecimal digits."""

_HIDDEN = r"\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""Characters that a reader does not see or that change the order of what is seen: controls, line ends, invisible and
bidirectional ones."""

LINE_PATTERN = f"^[^{_HIDDEN}]+$"
"""One visible line."""

PrintedName = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=LINE_PATTERN)
]
"""The name of a person as printed beside a signature (21 CFR 11.50(a)(1))."""

DecimalText = Annotated[str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?$", max_length=64)]
"""A number as plain decimal text, without exponent."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that is safe in a file name and on a command line."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
"""One line or paragraph a person wrote."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True, pattern=LINE_PATTERN)]
"""One visible line a person wrote, as a statement shows it before it is signed."""

Reason = Annotated[str, StringConstraints(min_length=8, max_length=1000, strip_whitespace=True, pattern=LINE_PATTERN)]
"""Why a person did something: at least eight characters, never a default (21 CFR 11.10(e), EU GMP Annex 11 cl. 9)."""

DateText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
"""A calendar date, YYYY-MM-DD."""


class Frozen(BaseModel):
    """A value: never changed after it was made, no unknown field accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Instant(Frozen):
    """One moment, as UTC and as the site's local time with its offset (EU GMP Annex 11 draft 12.2).

    Attributes:
        utc: ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.
        local: ``YYYY-MM-DDTHH:MM:SS.ffffff+HH:MM``.
        zone: IANA name of the site's time zone.
    """

    utc: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
    local: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d$")]
    zone: str


def decimal_text(value: float | Decimal, decimals: int) -> str:
    """A number rounded half to even to a fixed count of decimals, as text; never ``-0``.

    Raises:
        ValueError: The number is not finite.
    """
    exact = Decimal(value)
    if not exact.is_finite():
        raise ValueError(f"not a finite number: {value}")
    quantum = Decimal(1).scaleb(-decimals)
    with decimal.localcontext() as context:
        context.prec = 60
        rounded = exact.quantize(quantum, rounding=decimal.ROUND_HALF_EVEN)
    return f"{abs(rounded) if rounded == 0 else rounded:f}"
