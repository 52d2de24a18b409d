"""Distances of tiles, and what the engine measures with a package that has tile embeddings, and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from nesqc_gmp.decision import heterogeneity
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.inference.maps import relative_distances, tile_distances
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.records.images import AttemptReceipt
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look
from tests.conftest import model_folder
from tests.packages import with_tile_embeddings


@pytest.fixture(scope="session")
def measuring(tmp_path_factory: pytest.TempPathFactory) -> LockedModel:
    return with_tile_embeddings(model_folder(), tmp_path_factory.mktemp("measuring"))


@pytest.fixture(scope="session")
def measuring_engine(measuring: LockedModel) -> Engine:
    return Engine(measuring)


def test_distances_by_hand() -> None:
    """Two tiles at (0, 0) and (6, 8): their mean is (3, 4), and both are 5 from it."""
    assert tile_distances(np.array([[[0, 6]], [[0, 8]]], dtype=np.float32)) == (5.0, 5.0)


def test_one_tile_is_its_own_mean() -> None:
    assert tile_distances(np.full((8, 1, 1), 0.1, dtype=np.float32)) == (0.0,)


def test_turned_and_shuffled_tiles_are_as_far_from_their_mean() -> None:
    """Exactly: the sums are exactly rounded, so their order does not matter."""
    random = np.random.default_rng(4)
    embeddings = random.gamma(2, 1, (32, 6, 6)).astype(np.float32)
    expected = sorted(tile_distances(embeddings))
    for turns in (1, 2, 3):
        assert sorted(tile_distances(np.rot90(embeddings, turns, axes=(1, 2)))) == expected
    for _ in range(5):
        shuffled = embeddings.reshape(32, 36)[:, random.permutation(36)].reshape(32, 9, 4)
        assert sorted(tile_distances(shuffled)) == expected


def test_relative_distances_are_rounded_half_to_even_and_end_at_a_million() -> None:
    assert relative_distances((1.0, 0.00009, 3e38), "4.0") == ("0.2500", "0.0000", "1000000.0000")


def test_the_engine_measures_what_numpy_measures(measuring_engine: Engine, receipt: AttemptReceipt) -> None:
    image = simulate(3, good=True, severity=0.0, culture=draw_look(900_001))
    prediction = measuring_engine.predict(image, receipt)
    found = prediction.heterogeneity
    outputs = measuring_engine._session.run(measuring_engine.prepare(image).gray)
    tiles = outputs["tile_embeddings"][0].reshape(len(outputs["embedding"][0]), 16).astype(float)
    scale = float(measuring_engine._manifest.tile_embedding_scale or 0)
    spread = np.sqrt(((tiles - tiles.mean(axis=1, keepdims=True)) ** 2).sum() / 15) / scale
    parts = [p for row in np.split(outputs["map"][0, 0].astype(float), 4) for p in np.split(row, 4, axis=1)]
    assert found.appearance is not None
    assert found.score is not None
    assert float(found.appearance.value) == pytest.approx(spread, abs=6e-4)
    assert float(found.score.value) == pytest.approx(np.std([p.mean() for p in parts], ddof=1), abs=6e-4)
    assert len(found.tile_distances) == found.appearance.units == found.score.units == 16
    assert heterogeneity.follows(prediction)
    assert measuring_engine.predict(image, receipt) == prediction


def test_the_scores_are_those_of_the_shipped_package(
    measuring_engine: Engine, engine: Engine, receipt: AttemptReceipt
) -> None:
    """One output more changes none of the others; a package without a scale says that it did not measure."""
    image = simulate(4, good=False, severity=0.3, culture=draw_look(900_002))
    one, two = measuring_engine.predict(image, receipt), engine.predict(image, receipt)
    assert (one.score, one.tiles, one.heat_map, one.heterogeneity.score) == (
        two.score, two.tiles, two.heat_map, two.heterogeneity.score,
    )  # fmt: skip
    measures = engine._manifest.tile_embedding_scale is not None
    assert (two.heterogeneity.appearance is not None, two.heterogeneity.tile_distances != ()) == (measures, measures)


def test_the_smallest_image_and_one_without_anything(measuring_engine: Engine, receipt: AttemptReceipt) -> None:
    """A blank image has tiles that are alike but for the padded border: first, middle and last row and column."""
    space = measuring_engine._manifest.input_space
    for level in (0, 90):
        blank = np.full((space.height_min, space.width_min), level, dtype=np.uint8)
        found = measuring_engine.predict(blank, receipt).heterogeneity
        assert found.appearance is not None
        assert found.appearance.units == 16
        assert len(set(found.tile_distances)) <= 9


def test_an_altered_heterogeneity_does_not_follow(measuring_engine: Engine, receipt: AttemptReceipt) -> None:
    image = simulate(5, good=True, severity=0.0, culture=draw_look(900_003))
    prediction = measuring_engine.predict(image, receipt)
    recorded = prediction.heterogeneity
    assert recorded.appearance is not None
    distances = recorded.tile_distances
    for change in (
        {"tile_distances": (*distances[1:], "9.0000")},
        {"tile_distances": distances[1:]},
        {"appearance": recorded.appearance.model_copy(update={"value": "1.000"})},
        {"appearance": None},
        {"score": recorded.appearance},
    ):
        altered = recorded.model_copy(update=change)
        assert not heterogeneity.follows(prediction.model_copy(update={"heterogeneity": altered}))


def test_a_package_with_the_output_and_no_scale_does_not_measure(tmp_path: Path, receipt: AttemptReceipt) -> None:
    engine = Engine(with_tile_embeddings(model_folder(), tmp_path, measures=False))
    image = simulate(3, good=True, severity=0.0, culture=draw_look(900_001))
    found = engine.predict(image, receipt).heterogeneity
    assert (found.appearance, found.tile_distances) == (None, ())
    assert found.score is not None


def test_a_scale_needs_the_output_and_is_above_zero(measuring: LockedModel) -> None:
    values = measuring.manifest.model_dump(mode="json", exclude={"parts"})
    for scale in ("0", "-1.0"):
        with pytest.raises(ValidationError, match="tile_embedding_scale must be above 0"):
            ModelDescription.model_validate_json(canonical_json(values | {"tile_embedding_scale": scale}))
    outputs = [name for name in values["graph"]["outputs"] if name != "tile_embeddings"]
    without = values | {"graph": values["graph"] | {"outputs": outputs}}
    with pytest.raises(ValidationError, match="needs the output tile_embeddings"):
        ModelDescription.model_validate_json(canonical_json(without))
    del without["tile_embedding_scale"]
    described = ModelDescription.model_validate_json(canonical_json(without))
    assert "tile_embedding_scale" not in described.model_dump(mode="json")
