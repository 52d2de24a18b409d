"""The heat map as PNG, read back with imagecodecs; colours computed by hand from the ramp of the certificate."""

from __future__ import annotations

import base64
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.picture import eight_bits, under_heat_map
from nesqc_gmp.records.images import HeatMap
from nesqc_gmp.reports.heat_map import HeatMapCaption, render_heat_map

CAPTION = HeatMapCaption(
    title="Heat map of image C01_F01, batch B-1",
    mark="DEMONSTRATION – NOT FOR GMP USE · simulated image",
    facts=(("Score", "0.9"), ("Outcome", "conforming"), ("Model digest", "0a" * 32)),
)
MIDDLE = np.full((400, 600), 128, np.uint8)


def heat_map(values: list[list[float]]) -> HeatMap:
    array = np.array(values, dtype="<f4")
    return HeatMap(rows=array.shape[0], columns=array.shape[1], values=base64.b64encode(array.tobytes()).decode())


def halves() -> np.ndarray:
    """Left half black, right half white: no gray level is guessed by the stretch."""
    samples = np.zeros((400, 600), np.uint8)
    samples[:, 300:] = 255
    return samples


def test_the_map_is_drawn_in_the_colours_of_the_certificate() -> None:
    """Left column for, right column against, both at full strength.

    Ground of black 0.25, of white 0.75; a quarter of it and three quarters of yellow (1, 0.92, 0.27) and dark blue
    (0, 0.14, 0.34): 255 * (0.0625 + 0.75, 0.0625 + 0.69, 0.0625 + 0.2025) and
    255 * (0.1875, 0.1875 + 0.105, 0.1875 + 0.255).
    """
    picture = eight_bits(under_heat_map(halves(), heat_map([[2.0, -2.0]]), size=640))
    assert picture.shape == (400, 600, 3)
    np.testing.assert_array_equal(picture[200, 5], [207, 192, 68])
    np.testing.assert_array_equal(picture[200, 594], [48, 75, 113])


def test_a_weak_value_has_the_strength_of_its_share_of_the_largest() -> None:
    """A value of half the largest, on white: ramp half way from gray to blue, opacity 0.375 over a ground of 0.75."""
    picture = eight_bits(under_heat_map(halves(), heat_map([[2.0, -1.0]]), size=640))
    ramp = (np.array([0.49, 0.48, 0.47]) + np.array([0.0, 0.14, 0.34])) / 2
    np.testing.assert_array_equal(picture[200, 594], np.rint(255 * (0.625 * 0.75 + 0.375 * ramp)))


def test_the_page_shows_the_image_and_beside_it_the_map() -> None:
    """600 x 400 twice, margins of 24: the same corner of both, black and under yellow as computed above."""
    page = imagecodecs.png_decode(render_heat_map(halves(), heat_map([[2.0, -2.0]]), CAPTION))
    top = 24 + 34 + 26
    assert page.shape[1] == 2 * 600 + 3 * 24
    np.testing.assert_array_equal(page[top + 200, 24 + 5], [0, 0, 0])
    np.testing.assert_array_equal(page[top + 200, 24 + 600 + 24 + 5], [207, 192, 68])


def test_the_scale_is_ordered_in_lightness_so_that_grey_print_can_be_read() -> None:
    """The bar goes over the whole width; its luma (ITU-R BT.601) rises from against to for."""
    page = imagecodecs.png_decode(render_heat_map(MIDDLE, heat_map([[1.0, -1.0]]), CAPTION)).astype(float)
    luma = page @ np.array([0.299, 0.587, 0.114])
    coloured = [row for row in range(len(page)) if _is_bar(page[row])]
    assert coloured, "there is a bar"
    across = luma[coloured[len(coloured) // 2], 24:-24]
    assert (np.diff(across) >= -1.0).all()
    assert across[-1] - across[0] > 120


def _is_bar(row: np.ndarray) -> bool:
    """Dark blue at the left end, yellow at the right one."""
    left, right = row[26], row[-26]
    return bool(left[2] > left[0] + 40 and right[0] > right[2] + 80)


def test_the_same_values_give_the_same_bytes() -> None:
    first, second = (render_heat_map(halves(), heat_map([[1.0, -1.0]]), CAPTION) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("change", [{"mark": "simulated image"}, {"title": "Other"}, {"facts": (("Score", "0.8"),)}])
def test_everything_of_the_caption_is_drawn(change: dict[str, object]) -> None:
    other = replace(CAPTION, **change)
    value = heat_map([[1.0, -1.0]])
    assert render_heat_map(halves(), value, other) != render_heat_map(halves(), value, CAPTION)


@pytest.mark.parametrize("shape", [(64, 640), (640, 64), (33, 32)])
def test_odd_shapes_leave_room_for_every_word(shape: tuple[int, int]) -> None:
    page = imagecodecs.png_decode(render_heat_map(np.full(shape, 7, np.uint8), heat_map([[0.0]]), CAPTION))
    assert page.shape[1] >= 900
    assert (page[:, -20:] == 255).all(), "nothing reaches into the margin"


def test_a_map_that_lacks_values_is_refused() -> None:
    short = HeatMap(rows=2, columns=2, values=base64.b64encode(b"\x00" * 12).decode())
    with pytest.raises(InvalidInputError, match="does not hold 2 x 2 values"):
        render_heat_map(halves(), short, CAPTION)
