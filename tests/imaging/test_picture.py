"""Pictures are read back by another decoder than the one that wrote them (imagecodecs reads, Pillow writes)."""

from __future__ import annotations

import base64
import itertools

import imagecodecs
import numpy as np
import pytest

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.frame import Samples
from nesqc_gmp.imaging.picture import render_heat_map_jpeg, render_jpeg
from nesqc_gmp.records.images import HeatMap


def ramp(dtype: type = np.uint16, width: int = 400) -> Samples:
    """Gray rises from left to right."""
    return np.tile(np.linspace(1000, 3000, width).astype(np.uint16), (100, 1)).astype(dtype)


def heat_map(values: list[list[float]]) -> HeatMap:
    array = np.array(values, dtype="<f4")
    return HeatMap(rows=array.shape[0], columns=array.shape[1], values=base64.b64encode(array.tobytes()).decode())


def luma(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114]))


def test_thumbnail_is_gray_and_as_large_as_asked() -> None:
    picture = imagecodecs.jpeg8_decode(render_jpeg(ramp(), size=200))
    assert picture.shape == (50, 200)
    assert imagecodecs.jpeg8_decode(render_jpeg(ramp(), size=1000)).shape == (100, 400)
    assert imagecodecs.jpeg8_decode(render_jpeg(ramp().T.copy(), size=200)).shape == (200, 50)


def test_percentiles_become_black_and_white() -> None:
    """A ramp of 400 columns: half a percent is 2 columns, so all but the outer ones follow the straight line."""
    picture = imagecodecs.jpeg8_decode(render_jpeg(ramp(), size=400)).astype(float)
    expected = np.clip((np.linspace(0, 1, 400) - 0.005) / 0.99, 0, 1) * 255
    np.testing.assert_allclose(picture.mean(axis=0), expected, atol=4)


def test_hot_pixels_do_not_darken_the_picture() -> None:
    samples = ramp()
    samples[0, :30] = 65535
    picture = imagecodecs.jpeg8_decode(render_jpeg(samples, size=400))
    assert picture[50, 380] > 220


@pytest.mark.parametrize("samples", [np.full((64, 64), 9, np.uint8), np.zeros((64, 64, 3), np.uint16)])
def test_flat_images_have_a_picture(samples: Samples) -> None:
    assert imagecodecs.jpeg8_decode(render_jpeg(samples, size=32)).shape == (32, 32)


def test_same_samples_give_the_same_bytes() -> None:
    map_ = heat_map([[1.0, -1.0], [0.0, 0.5]])
    assert render_jpeg(ramp(), size=100) == render_jpeg(ramp(), size=100)
    assert render_heat_map_jpeg(ramp(), map_, size=100) == render_heat_map_jpeg(ramp(), map_, size=100)


def test_lighter_speaks_for_and_darker_against_also_in_gray_print() -> None:
    """On flat gray, the luma rises with the value of the map over its whole range."""
    flat = np.tile(np.array([100, 200], np.uint8), (90, 450))
    picture = imagecodecs.jpeg8_decode(render_heat_map_jpeg(flat, heat_map([[*np.linspace(-1, 1, 9)]]), size=900))
    steps = [float(luma(picture[:, start : start + 100]).mean()) for start in range(0, 900, 100)]
    assert all(after > before for before, after in itertools.pairwise(steps))
    left, middle, right = (picture[:, place].mean(axis=0) for place in (20, 450, 880))
    assert left[2] > left[0] + 20
    assert right[0] > right[2] + 60
    assert np.ptp(middle) < 12


def test_map_without_values_leaves_the_image_gray() -> None:
    picture = imagecodecs.jpeg8_decode(render_heat_map_jpeg(ramp(), heat_map([[0.0]]), size=400)).astype(int)
    assert np.ptp(picture, axis=2).max() <= 2
    assert picture[50, 380, 0] - picture[50, 20, 0] > 90


def test_map_is_not_turned_or_mirrored() -> None:
    """The one positive cell is in the upper right corner."""
    picture = imagecodecs.jpeg8_decode(
        render_heat_map_jpeg(np.full((80, 80), 7, np.uint8), heat_map([[0, 1], [0, 0]]), size=80)
    ).astype(int)
    yellow = picture[..., 0] - picture[..., 2]
    assert np.unravel_index(int(yellow.argmax()), yellow.shape)[0] < 30
    assert yellow[10, 70] > 60
    assert abs(yellow[70, 10]) < 5


@pytest.mark.parametrize(
    "broken",
    [
        HeatMap(rows=2, columns=2, values=base64.b64encode(bytes(12)).decode()),
        HeatMap(rows=0, columns=0, values=""),
        HeatMap(rows=-1, columns=-1, values=base64.b64encode(bytes(4)).decode()),
        HeatMap(rows=1, columns=1, values="not base64!"),
        HeatMap(rows=1, columns=1, values="ä"),
        heat_map([[float("nan")]]),
        heat_map([[float("inf"), 1.0]]),
    ],
)
def test_broken_maps_are_refused(broken: HeatMap) -> None:
    with pytest.raises(InvalidInputError, match="map"):
        render_heat_map_jpeg(ramp(), broken, size=100)
