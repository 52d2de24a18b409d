"""Where the weight of a map lies; every expected share is worked out by hand from areas."""

from __future__ import annotations

import numpy as np
import pytest

from nesqc_gmp.robustness.weight import Shares, weight

BLANK = np.zeros((100, 100), np.uint16)


def left_half() -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[:, :50] = True
    return mask


def near(found: Shares | None, cells: float, background: float, border: float) -> None:
    assert found is not None
    assert (found.cells, found.background, found.border) == pytest.approx((cells, background, border), abs=1e-12)


def test_an_even_map_has_the_shares_of_the_area() -> None:
    """Cells on the left half; the border is all but the inner 80 x 80 of 100 x 100: 1 - 0.64."""
    found = weight(BLANK, np.full((10, 10), 2.0), left_half())
    near(found.positive, 0.5, 0.5, 0.36)
    near(found.area, 0.5, 0.5, 0.36)
    assert found.negative is None


def test_each_sign_is_counted_on_its_own() -> None:
    """One row of two cells of the map: 3 on the left (cells), -1 on the right (background).

    Each half is 100 x 50 pixels, of which 80 x 40 lie inside: 3200 of 5000, so 0.36 in the border.
    """
    found = weight(BLANK, np.array([[3.0, -1.0]]), left_half())
    near(found.positive, 1.0, 0.0, 0.36)
    near(found.negative, 0.0, 1.0, 0.36)


def test_weight_in_the_outer_tenth_is_border() -> None:
    values = np.zeros((10, 10))
    values[0, :] = 1.0  # the top tenth, all of it border
    values[5, 5] = -1.0  # in the middle
    found = weight(BLANK, values, left_half())
    near(found.positive, 0.5, 0.5, 1.0)
    near(found.negative, 0.0, 1.0, 0.0)


def test_a_cell_of_the_map_that_is_partly_border_counts_by_its_area() -> None:
    """5 x 5: a cell is a fifth of an edge, so the corner cell has a quarter of its area inside."""
    values = np.zeros((5, 5))
    values[0, 0] = 4.0
    near(weight(BLANK, values, left_half()).positive, 1.0, 0.0, 0.75)


def test_a_cell_of_the_map_that_is_partly_cells_counts_by_its_area() -> None:
    """3 columns over 100 pixels, cells on the left 50: the middle one, from 33.3 to 66.7, is half cells."""
    near(weight(BLANK, np.array([[0.0, 5.0, 0.0]]), left_half()).positive, 0.5, 0.5, 0.2)


def test_the_weights_add_up_over_places() -> None:
    """1 on cells and 3 on background: a quarter."""
    near(weight(BLANK, np.array([[1.0, 3.0]]), left_half()).positive, 0.25, 0.75, 0.36)


def test_a_map_of_nothing_has_no_shares() -> None:
    found = weight(BLANK, np.zeros((4, 4)), left_half())
    assert (found.positive, found.negative) == (None, None)


def test_cells_are_found_by_contrast_where_no_mask_is_given() -> None:
    """A checkered square on an even ground; all weight is in its middle, so all of it is on cells."""
    samples = np.full((128, 128), 1000, np.uint16)
    samples[32:96:2, 32:96] = 9000
    values = np.zeros((8, 8))
    values[3:5, 3:5] = 1.0
    values[0, 0] = -1.0
    found = weight(samples, values)
    near(found.positive, 1.0, 0.0, 0.0)
    assert found.negative is not None
    assert found.negative.cells == 0.0
