"""How unlike an image is: by hand, and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from nesqc_gmp.training.outside import METHODS, Unlikeness, compared, energy, nearest

RANDOM = np.random.default_rng(4)


def test_the_fifth_neighbour_is_that_of_scikit_learn() -> None:
    known, asked = RANDOM.normal(size=(40, 7)), RANDOM.normal(size=(9, 7))
    one, other = (value / np.linalg.norm(value, axis=1, keepdims=True) for value in (known, asked))
    distances, _ = NearestNeighbors(n_neighbors=5).fit(one).kneighbors(other)
    assert nearest(asked, known) == pytest.approx(distances[:, 4], abs=1e-6)


def test_energy_is_highest_where_neither_class_is_sure() -> None:
    found = energy(np.array([-8.0, 0.0, 8.0]))
    assert found[1] == pytest.approx(-np.log(2))
    assert found[0] == found[2] < found[1]


def test_shares_by_hand() -> None:
    found = Unlikeness(np.array([1.0, 3.0]), np.array([3.0, 1.0]), np.array([1.0, 1.0]), np.array([3.0, 3.0]))
    row = compared("some", found, (2.0, 2.0, 2.0, 2.0), unreadable=1)
    assert dict(zip(METHODS, row.refused, strict=True)) == {
        "features": 0.5,
        "statistics": 0.5,
        "features or statistics": 1.0,
        "5th neighbour": 0.0,
        "energy": 1.0,
    }
    assert (row.images, row.unreadable) == (2, 1)
