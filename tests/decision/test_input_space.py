"""One input space inside another: every field on its own, each limit from both sides, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from nesqc_gmp.decision.input_space import CHOICES, HIGHEST, LOWEST, require_within
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.images import InputSpace

LOCKED = InputSpace(
    formats=("TIFF", "PNG"),
    bit_depths=(8, 16),
    channels=(1, 3),
    width_min=512,
    width_max=4096,
    height_min=512,
    height_max=4096,
    pixel_size_um_min="0.95",
    pixel_size_um_max="1.05",
    saturated_share_max="0.0024",
    focus_min="0.9359",
    illumination_max="0.3918",
)


def asked(**changes: Any) -> InputSpace:
    return LOCKED.model_copy(update=changes)


def test_every_field_is_compared() -> None:
    assert sorted((*CHOICES, *LOWEST, *HIGHEST)) == sorted(InputSpace.model_fields)


def test_the_same_space_is_inside() -> None:
    require_within(LOCKED, LOCKED)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("formats", ("PNG",)),
        ("bit_depths", (16,)),
        ("channels", (1,)),
        ("width_min", 513),
        ("width_max", 4095),
        ("height_min", 513),
        ("height_max", 4095),
        ("pixel_size_um_min", "0.950001"),
        ("pixel_size_um_max", "1.049999"),
        ("pixel_size_um_max", "1.0500"),
        ("saturated_share_max", "0"),
        ("focus_min", "1"),
        ("illumination_max", "0.3"),
    ],
)
def test_narrower_is_inside(field: str, value: Any) -> None:
    require_within(asked(**{field: value}), LOCKED)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("formats", ("PNG", "JPEG"), "names JPEG; the model is locked for TIFF, PNG"),
        ("formats", (), "names nothing"),
        ("bit_depths", (8, 16, 32), "names 32"),
        ("channels", (2,), "names 2"),
        ("width_min", 511, "names 511; the model is locked for at least 512"),
        ("width_max", 4097, "names 4097; the model is locked for at most 4096"),
        ("height_min", 511, "at least 512"),
        ("height_max", 4097, "at most 4096"),
        # Compared as numbers: as text, 0.9 would stand behind 0.95 and 1.1 before 1.05.
        ("pixel_size_um_min", "0.949999", "names 0.949999; the model is locked for at least 0.95"),
        ("pixel_size_um_max", "1.1", "names 1.1; the model is locked for at most 1.05"),
        ("saturated_share_max", "0.00241", "at most 0.0024"),
        ("focus_min", "0.9", "at least 0.9359"),
        ("illumination_max", "10", "at most 0.3918"),
    ],
)
def test_wider_is_refused_by_the_name_of_the_field(field: str, value: Any, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        require_within(asked(**{field: value}), LOCKED)
    assert refused.value.where == f"input_space.{field}"


def test_every_field_that_is_wider_is_named() -> None:
    with pytest.raises(InvalidInputError) as refused:
        require_within(asked(width_min=1, focus_min="0.1", channels=(2,), height_min=9000), LOCKED)
    for said in (
        "channels names 2",
        "width_min names 1; the model",
        "focus_min names 0.1",
        "height_min holds no value",
    ):
        assert said in refused.value.what
    assert refused.value.where is not None
    assert refused.value.where.count("input_space.") == 4


@pytest.mark.parametrize(
    ("low", "high"), [("width", (600, 599)), ("height", (600, 599)), ("pixel_size_um", ("1", "0.99"))]
)
def test_a_space_that_holds_no_image_is_refused(low: str, high: tuple[Any, Any]) -> None:
    with pytest.raises(InvalidInputError, match="holds no value") as refused:
        require_within(asked(**{f"{low}_min": high[0], f"{low}_max": high[1]}), LOCKED)
    assert refused.value.where == f"input_space.{low}_min"
