"""What heterogeneity alone tells of labelled images, with a session that gives chosen maps and embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra [train])")

from nesqc_gmp.training.heterogeneity import embedding_scale, measured_spreads
from tests.training import plans


class Chosen:
    """A session whose tiles lie ``spreads[k]`` to both sides of their mean for the k-th image asked."""

    def __init__(self, spreads: list[float], tiles: int = 2) -> None:
        self._spreads, self._tiles = iter(spreads), tiles

    def run(self, _: object) -> dict[str, Any]:
        spread = next(self._spreads)
        tiles = np.array([[[-spread, spread]]], dtype=np.float32)[:, :, : self._tiles]
        activation = np.full((1, 1, 4, 4), -spread, dtype=np.float32)
        activation[..., :2] = spread
        return {"tile_embeddings": tiles[None], "map": activation}


def test_the_scale_is_the_median_of_the_conforming_images() -> None:
    """Two tiles at -s and s: variance 2 s², so the spread is s times the root of 2; the median of 1, 2, 3 is 2."""
    images = plans.images(6)
    assert [image.conforming for image in images] == [True, False] * 3
    assert embedding_scale(Chosen([3, 1, 2]), images) == "2.828427"  # type: ignore[arg-type]


@pytest.mark.parametrize("session", [Chosen([3, 1, 2], tiles=1), Chosen([0, 0, 0])])
def test_without_two_tiles_that_differ_nothing_is_measured(session: Any) -> None:
    images = plans.images(6)
    assert embedding_scale(session, images) is None
    (only,) = measured_spreads(Chosen([1] * 6), images, [0.5] * 6, None)  # type: ignore[arg-type]
    assert only.name == "scores of the tiles, in log-odds"


def test_the_more_heterogeneous_are_called_not_conforming() -> None:
    """By hand: conforming 1, 2, 3 against not conforming 4, 2.5, 5: 8 of 9 pairs in order."""
    images = plans.images(6)
    appearance, scores = measured_spreads(
        Chosen([1, 4, 2, 2.5, 3, 5]),  # type: ignore[arg-type]
        images, [0.9, 0.1] * 3, "1.414214",
    )  # fmt: skip
    assert appearance.auroc.estimate == scores.auroc.estimate == pytest.approx(8 / 9)
    assert appearance.median(conforming=True) == pytest.approx(2, abs=1e-5)
    assert appearance.median(conforming=False) == pytest.approx(4, abs=1e-5)
    assert list(appearance.values) == pytest.approx([1, 4, 2, 2.5, 3, 5], abs=1e-5)
