"""How unlike an image is: by hand, and by scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from nesqc_gmp.errors import NotFoundError
from nesqc_gmp.training.outside import METHODS, Unlikeness, compared, energy, nearest, require_images

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
    found = Unlikeness(
        np.array([1.0, 3.0, 1.0]),
        np.array([3.0, 1.0, 1.0]),
        np.array([-np.inf, 3.0, -np.inf]),
        np.array([1.0, 1.0, 1.0]),
        np.array([3.0, 3.0, 3.0]),
        np.array([False, True, False]),
    )
    row = compared("some", found, (2.0, 2.0, 2.0, 2.0, 2.0), unfit=1)
    assert dict(zip(METHODS, row.refused, strict=True)) == pytest.approx(
        {
            "features": 1 / 3,
            "statistics": 1 / 3,
            "known alterations": 1 / 3,
            "light and focus": 1 / 3,
            "5th neighbour": 0.0,
            "energy": 1.0,
        }
    )
    # By hand: the first two images and the file that was not taken, of four.
    assert (row.images, row.unfit, row.whole) == (4, 1, 0.75)


def test_a_folder_of_which_nothing_is_taken_is_refused_as_a_whole() -> None:
    row = compared("small", None, (2.0, 2.0, 2.0, 2.0, 2.0), unfit=5)
    assert (row.images, row.unfit, row.refused, row.whole) == (5, 5, (), 1.0)


def test_a_folder_without_images_is_no_evidence(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(NotFoundError, match="no image in this folder"):
            require_images([folder])
