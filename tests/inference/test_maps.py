"""Tile scores and heat map: calculated by hand."""

from __future__ import annotations

import base64
import struct

import numpy as np
import pytest

from nesqc_gmp.inference.maps import heat_map, tile_scores


def test_tiles_of_known_log_odds() -> None:
    """Logistic function of 0 is 0.5, of ln 3 is 0.75, of -ln 3 is 0.25, of +-20 is 1 and 0 to four decimals."""
    levels = np.array([[0.0, np.log(3), -np.log(3), 20.0]] * 4, dtype=np.float32)
    tiles = tile_scores(levels.repeat(3, axis=0).repeat(2, axis=1), 4)
    assert tiles == (("0.5000", "0.7500", "0.2500", "1.0000"),) * 4


def test_extreme_log_odds_do_not_overflow() -> None:
    assert tile_scores(np.full((4, 4), -3e38, dtype=np.float32), 4)[0][0] == "0.0000"
    assert tile_scores(np.full((4, 4), 3e38, dtype=np.float32), 4)[0][0] == "1.0000"


@pytest.mark.parametrize("shape", [(4, 4), (5, 9), (17, 16)])
def test_every_place_of_the_map_is_in_one_tile(shape: tuple[int, int]) -> None:
    """One place raised at a time: exactly one tile changes."""
    for row, column in ((0, 0), (shape[0] - 1, shape[1] - 1), (shape[0] // 2, shape[1] // 3)):
        activation = np.zeros(shape, dtype=np.float32)
        activation[row, column] = 50.0
        flat = [score for line in tile_scores(activation, 4) for score in line]
        assert sum(score != "0.5000" for score in flat) == 1


def test_the_heat_map_is_little_endian_row_by_row() -> None:
    heat = heat_map(np.array([[1.0, -2.0], [0.5, 4.0]], dtype=np.float32))
    assert struct.unpack("<4f", base64.b64decode(heat.values)) == (1.0, -2.0, 0.5, 4.0)
    assert (heat.rows, heat.columns) == (2, 2)
