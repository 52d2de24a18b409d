"""Kinds of records: none forgotten in the tables that say which are signed and which are content."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.entry import CONTENT_KINDS, SIGNED_KINDS, Record
from nesqc_gmp.records.signatures import ElectronicSignature

RECORDS: dict[str, type[BaseModel]] = {
    record.model_fields["kind"].default: record for record in get_args(get_args(Record)[0])
}


def signs(record: type[BaseModel]) -> bool:
    return any(field.annotation is ElectronicSignature for field in record.model_fields.values())


def test_signed_kinds_are_those_with_a_signature() -> None:
    """And the founding record, which pins the authority behind all of them."""
    assert {kind for kind, record in RECORDS.items() if signs(record)} | {"site_founded"} == SIGNED_KINDS


def test_content_kinds_exist() -> None:
    assert set(RECORDS) >= CONTENT_KINDS
    decisions = {"batch_submitted", "batch_reviewed", "audit_trail_reviewed", "batch_disposed", "act_refused"}
    assert not CONTENT_KINDS & decisions, "a signature over the content is not itself content"


@pytest.mark.requirement("UR-AUDIT-04", reviewed="4c2403f4")
@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
def test_records_are_frozen_and_closed(record: type[BaseModel]) -> None:
    assert record.model_config["frozen"]
    assert record.model_config["extra"] == "forbid"


@pytest.mark.requirement("UR-PRODUCTS-05", reviewed="97b5af22")
@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
def test_no_binary_floating_point_in_a_leaf(record: type[BaseModel]) -> None:
    def types(schema: Any) -> set[str]:
        if isinstance(schema, dict):
            here = {schema["type"]} if isinstance(schema.get("type"), str) else set()
            return here.union(*(types(value) for value in schema.values()))
        return set().union(*(types(value) for value in schema)) if isinstance(schema, list) else set()

    assert "number" not in types(record.model_json_schema())


@pytest.mark.requirement("UR-PRODUCTS-05", reviewed="97b5af22")
@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.125, 2, "0.12"),
        (0.375, 2, "0.38"),
        (2.5, 0, "2"),
        (-0.001, 2, "0.00"),
        (0.1, 20, "0.10000000000000000555"),
        (1e22, 1, "10000000000000000000000.0"),
        (5e-324, 4, "0.0000"),
    ],
)
def test_decimal_text_by_hand(value: float, decimals: int, text: str) -> None:
    """Half to even (IEEE 754-2019 4.3.1); 0.1 is the double nearest to it, written out."""
    assert decimal_text(value, decimals) == text


@settings(max_examples=50, deadline=None)
@given(
    value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15), decimals=st.integers(0, 9)
)
def test_decimal_text_is_the_nearest(value: float, decimals: int) -> None:
    text = decimal_text(value, decimals)
    assert abs(Decimal(text) - Decimal(value)) * 2 <= Decimal(1).scaleb(-decimals)
    assert "e" not in text.lower()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        decimal_text(value, 3)
