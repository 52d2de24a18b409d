"""The exported graph gives what torch gives; training twice gives the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.inference.gray import gray_samples  # noqa: E402
from nesqc_gmp.inference.session import Session  # noqa: E402
from nesqc_gmp.modelpack.graph import inspect  # noqa: E402
from nesqc_gmp.training.cultures import Pictures  # noqa: E402
from nesqc_gmp.training.description import RUNTIME  # noqa: E402
from nesqc_gmp.training.export import GRAPH, export  # noqa: E402
from nesqc_gmp.training.fit import Recipe, counts, evaluate, fit  # noqa: E402
from nesqc_gmp.training.measure import Gaussian, fit_gaussian  # noqa: E402
from nesqc_gmp.training.network import Network, normalised  # noqa: E402

RANDOM = np.random.default_rng(5)
SAMPLES = RANDOM.integers(60, 200, (8, 64, 64), dtype=np.uint8)
PICTURES = Pictures(SAMPLES, np.arange(8) % 2 == 0, np.arange(8))
RECIPE = Recipe(epochs=2, batch=4, threads=1)


@pytest.fixture(scope="module")
def network() -> Network:
    return fit(PICTURES, RECIPE, lambda line: None)


@pytest.fixture(scope="module")
def features(network: Network) -> Gaussian:
    return fit_gaussian(evaluate(network, SAMPLES).features, 0.5)


def test_every_output_of_the_graph_is_that_of_torch(network: Network, features: Gaussian) -> None:
    session = Session(export(network, 1.7, features), GRAPH, RUNTIME)
    for picture in (SAMPLES[0], SAMPLES[1][:51, :60]):
        found = session.run(gray_samples(picture))
        with torch.no_grad():
            expected = network(normalised(counts(picture[None])))
        logit = expected.logit.double().numpy() / 1.7
        assert found["logit"] == pytest.approx(logit, abs=1e-5)
        assert found["probability"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)
        assert found["map"] == pytest.approx(expected.map.numpy() / 1.7, abs=1e-5)
        assert found["embedding"] == pytest.approx(expected.embedding.numpy(), abs=1e-5)
        assert found["distance"] == pytest.approx(features.distance(expected.features.double().numpy()), rel=1e-3)


def test_the_graph_may_be_locked(network: Network, features: Gaussian) -> None:
    assert inspect(export(network, 1.0, features)).opset == GRAPH.opset


def test_training_and_export_twice_give_the_same_bytes(network: Network, features: Gaussian) -> None:
    again = fit(PICTURES, RECIPE, lambda line: None)
    assert export(again, 1.0, features) == export(network, 1.0, features)


def test_another_seed_gives_another_model(network: Network, features: Gaussian) -> None:
    other = fit(PICTURES, Recipe(seed=1, epochs=2, batch=4, threads=1), lambda line: None)
    assert export(other, 1.0, features) != export(network, 1.0, features)


def test_a_blank_image_gives_finite_outputs(network: Network, features: Gaussian) -> None:
    session = Session(export(network, 1.0, features), GRAPH, RUNTIME)
    outputs = session.run(np.full((64, 64), 4000, np.uint16))
    assert all(np.isfinite(value).all() for value in outputs.values())
