"""The exported graph gives what torch gives, for every pooling and normalisation of a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.inference.session import Session  # noqa: E402
from nesqc_gmp.modelpack.graph import inspect  # noqa: E402
from nesqc_gmp.training.description import RUNTIME  # noqa: E402
from nesqc_gmp.training.export import GRAPH, export  # noqa: E402
from nesqc_gmp.training.fit import counts, evaluate, fit  # noqa: E402
from nesqc_gmp.training.measure import Gaussian, fit_gaussian  # noqa: E402
from nesqc_gmp.training.network import Network  # noqa: E402
from tests.training import plans  # noqa: E402

POOLED = {**plans.TINY["network"], "input_pool": 2, "normalisation": "mean"}
CASES: dict[str, dict[str, Any]] = {"mean": {}, "pooled": {"network": POOLED}, "worst": plans.WORST}
CASES["eight views"] = {**plans.WORST, "network": {**plans.WORST["network"], "views": "eight"}}
CASES["border"] = {**plans.WORST, "network": {**plans.WORST["network"], "border_cells": 1, "views": "eight"}}


@pytest.fixture(scope="module", params=CASES, ids=str)
def trained(request: pytest.FixtureRequest) -> tuple[Network, Gaussian]:
    plan = plans.plan(CASES[request.param])
    images = plans.images(boxed=request.param not in ("mean", "pooled"))
    network = fit(images, plan, "final", None, lambda epoch: None)
    return network, fit_gaussian(evaluate(network, images, plan).features, 0.5)


def test_every_output_of_the_graph_is_that_of_torch(trained: tuple[Network, Gaussian]) -> None:
    network, features = trained
    session = Session(export(network, 1.7, features), GRAPH, RUNTIME)
    whole = plans.images()[0].samples
    for picture in (whole, np.ascontiguousarray(whole[:51, :62])):
        found = session.run(picture)
        with torch.no_grad():
            expected = network.viewed(counts(picture, network.settings.input_pool))
        logit = expected.logit.double().numpy() / 1.7
        assert found["logit"] == pytest.approx(logit, abs=1e-5)
        assert found["probability"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)
        assert found["map"] == pytest.approx(expected.map.numpy() / 1.7, abs=1e-5)
        assert found["embedding"] == pytest.approx(expected.embedding.numpy(), abs=1e-5)
        assert found["distance"] == pytest.approx(features.distance(expected.features.double().numpy()), rel=1e-3)


def test_the_logit_is_the_mean_of_the_map_or_its_worst_place(trained: tuple[Network, Gaussian]) -> None:
    network, features = trained
    found = Session(export(network, 1.0, features), GRAPH, RUNTIME).run(plans.images()[1].samples)
    border = network.settings.border_cells
    judged = found["map"][:, :, border : -border or None, border : -border or None]
    pooled = judged.min() if network.settings.pooling == "worst" else judged.mean()
    assert found["logit"][0] == pytest.approx(pooled, abs=1e-5)


def test_tile_embeddings_are_means_of_tiles_and_a_rest_stays_out(trained: tuple[Network, Gaussian]) -> None:
    network, features = trained
    found = Session(export(network, 1.0, features), GRAPH, RUNTIME).run(plans.images()[1].samples)
    rows, columns = (size // 2 for size in found["map"].shape[2:])
    assert found["tile_embeddings"].shape == (1, 8, rows, columns)
    if found["map"].shape[2] % 2 == 0 and found["map"].shape[3] % 2 == 0:
        assert found["tile_embeddings"].mean(axis=(2, 3)) == pytest.approx(found["embedding"], abs=1e-5)


def test_the_graph_may_be_locked(trained: tuple[Network, Gaussian]) -> None:
    assert inspect(export(trained[0], 1.0, trained[1])).opset == GRAPH.opset


@pytest.mark.parametrize("level", [0, 4000, 65535])
def test_a_blank_image_gives_finite_outputs(trained: tuple[Network, Gaussian], level: int) -> None:
    session = Session(export(trained[0], 1.0, trained[1]), GRAPH, RUNTIME)
    outputs = session.run(np.full((64, 64), level, np.uint16))
    assert all(np.isfinite(value).all() for value in outputs.values())


@pytest.mark.parametrize("size", [(64, 64), (63, 70)])
def test_eight_views_give_one_score_however_the_image_lies(size: tuple[int, int]) -> None:
    plan = plans.plan(CASES["eight views"])
    images = plans.images(boxed=True)
    network = fit(images, plan, "final", None, lambda epoch: None)
    features = fit_gaussian(evaluate(network, images, plan).features, 0.5)
    session = Session(export(network, 1.0, features), GRAPH, RUNTIME)
    picture = np.random.default_rng(5).integers(9000, 30000, size).astype(np.uint16)
    first = session.run(picture)
    for turns in range(4):
        for laid in (np.rot90(picture, turns), np.fliplr(np.rot90(picture, turns))):
            found = session.run(np.ascontiguousarray(laid))
            assert found["logit"] == pytest.approx(first["logit"], abs=1e-5)
            assert found["distance"] == pytest.approx(first["distance"], rel=1e-4)
            assert found["embedding"] == pytest.approx(first["embedding"], abs=1e-5)
    quarter = session.run(np.ascontiguousarray(np.rot90(picture)))
    assert quarter["map"][0, 0] == pytest.approx(np.rot90(first["map"][0, 0]), abs=1e-5)
