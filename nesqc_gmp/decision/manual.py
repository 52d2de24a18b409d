"""The outcome of a test done elsewhere, from its acceptance criterion."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Literal

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.products import ManualTest


def judge_manual(test: ManualTest, value: str) -> Literal["conforming", "not conforming"]:
    """Whether a value conforms; limits belong to the conforming side.

    Raises:
        InvalidInputError: A number was expected and the value is none.
    """
    if test.expected is not None:
        return "conforming" if value.strip().casefold() == test.expected.strip().casefold() else "not conforming"
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise InvalidInputError(
            f"{value!r} is not a number", where=f"result of {test.test}", remedy="Give plain digits with a point."
        )
    above = test.minimum is None or number >= Decimal(test.minimum)
    below = test.maximum is None or number <= Decimal(test.maximum)
    return "conforming" if above and below else "not conforming"
