"""When a test set was used for the same model."""

from __future__ import annotations

from hashlib import sha256

import pytest

from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.records.models import ModelManifest
from nesqc_gmp.state.model_tests import Use
from nesqc_gmp.state.models import ModelState
from tests.conftest import ROOT

MANIFEST = ModelManifest.model_validate_json((ROOT / "models/ldc-viability-1.1.0/manifest.json").read_bytes())
OUTPUTS = set(MANIFEST.graph.outputs)


def renamed(*outputs: str, image: str = "") -> ModelState:
    """The package under another name with another ``model.onnx``, whose named outputs differ for the golden images."""
    ends = (MODEL, *(f"{image}.{output}.npy" for output in outputs))
    parts = tuple(
        part.model_copy(update={"sha256": sha256(part.path.encode()).hexdigest()}) if part.path.endswith(ends) else part
        for part in MANIFEST.parts
    )
    return ModelState("b" * 64, MANIFEST.model_copy(update={"name": "other", "parts": parts}), "r.lind")


def use() -> Use:
    used = ModelState("a" * 64, MANIFEST, "r.lind")
    return Use(
        used.model_sha256, MANIFEST.name, used.label, used.network_sha256, used.golden_outputs, 1, 1, "", "passed", True
    )


@pytest.mark.parametrize(
    ("changed", "equal"),
    [
        ({"alteration"}, "embedding"),
        ({"logit", "probability", "map"}, "embedding"),
        ({"distance", "alteration", "logit", "probability", "map"}, "embedding"),
        ({"embedding"}, "tile_embeddings"),
        ({"embedding", "tile_embeddings"}, "map"),
        ({"embedding", "tile_embeddings", "map"}, "logit"),
    ],
)
def test_what_leaves_one_output_of_the_network_is_the_same_model(changed: set[str], equal: str) -> None:
    """Offsets of the check or the temperature changed by a digit, or a factor put behind single outputs."""
    assert use().likeness(renamed(*changed)) == f"the same output {equal} for every golden image that both have"


@pytest.mark.parametrize("image", ["", "01-conforming"])
def test_a_network_that_says_something_else_of_one_golden_image_is_another(image: str) -> None:
    """An output that may be equal in any two networks shows nothing."""
    assert use().likeness(renamed(*OUTPUTS - {"probability", "distance", "alteration"}, image=image)) is None


def test_packages_without_a_common_golden_image_are_not_compared() -> None:
    """An honest limit: the use stands in the signed plan."""
    assert use().likeness(renamed("image")) is None
