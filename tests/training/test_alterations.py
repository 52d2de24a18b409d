"""What tells altered images: against scikit-learn, in the graph, and in a whole run."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

torch = pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.decision.model_check import MODEL_ALTERATION, inside_input_space  # noqa: E402
from nesqc_gmp.inference.engine import Engine  # noqa: E402
from nesqc_gmp.inference.session import Session  # noqa: E402
from nesqc_gmp.records.images import AttemptReceipt  # noqa: E402
from nesqc_gmp.training.alterations import altered, discriminants, fit_discriminants  # noqa: E402
from nesqc_gmp.training.description import RUNTIME  # noqa: E402
from nesqc_gmp.training.export import export, graph_of  # noqa: E402
from nesqc_gmp.training.fit import evaluate, fit  # noqa: E402
from nesqc_gmp.training.measure import fit_gaussian  # noqa: E402
from nesqc_gmp.training.plan import AlterationSection  # noqa: E402
from nesqc_gmp.training.plan_file import Places  # noqa: E402
from nesqc_gmp.training.run import Show, Trained, train  # noqa: E402
from tests.training import plans  # noqa: E402

KINDS = ["inverted contrast", "magnification 2"]
SECTION = {"kinds": KINDS, "refused": 0.05, "images": 24}
RECEIPT = AttemptReceipt(record="R", attempt=1, index=0, checkpoint="c")


def test_the_log_likelihood_ratio_is_that_of_scikit_learn() -> None:
    """Two kinds, each against the plain images, by linear discriminant analysis with equal priors."""
    random = np.random.default_rng(5)
    mix = random.normal(size=(6, 6))
    plain = random.normal(size=(3000, 6)) @ mix
    kinds = [random.normal(size=(3000, 6)) @ mix + random.normal(size=6) for _ in range(2)]
    asked = random.normal(size=(50, 6)) @ mix
    found = discriminants(plain, kinds, AlterationSection(kinds=tuple(KINDS), shrinkage=1e-9))
    ratios = []
    for kind in kinds:
        model = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.5, 0.5])
        model.fit(np.concatenate([plain, kind]), np.repeat([0, 1], 3000))
        ratios.append(model.decision_function(asked))
    # scikit-learn divides the covariance by n, this project by n - 1.
    assert found.ratio(asked) == pytest.approx(np.max(ratios, axis=0), rel=2e-3)


def test_the_graph_gives_the_ratio_of_the_features_of_torch() -> None:
    plan = plans.plan({"alterations": SECTION})
    images = plans.images(boxed=False)
    network = fit(images, plan, "final", None, lambda epoch: None)
    measured = evaluate(network, images, plan)
    features = fit_gaussian(measured.features, 0.5)
    told = fit_discriminants(network, images, plan, features)
    assert told is not None
    session = Session(export(network, 1.0, features, told), graph_of(alterations=True), RUNTIME)
    for image in [*images[:2], altered(images[0], "inverted contrast")]:
        with torch.no_grad():
            seen = network.viewed(torch.from_numpy(image.samples.astype(np.float32))[None, None])
        expected = told.ratio(features.whitened(seen.features.double().numpy()))
        assert session.run(image.samples)["alteration"] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_an_altered_image_is_the_same_picture_altered() -> None:
    """By hand: inverted, 8-bit sample v becomes 255 - v, and 16-bit samples are 257 times as many."""
    image = plans.images(boxed=True)[0]
    found = altered(image, "inverted contrast")
    assert np.array_equal(found.samples, 65_535 - image.samples // 257 * 257)
    assert (found.name, found.boxes) == (image.name, None)


@pytest.mark.parametrize("kinds", [["upside down"], [], [KINDS[0], KINDS[0]]])
def test_kinds_that_are_not_known_are_refused(kinds: list[str]) -> None:
    with pytest.raises(ValidationError):
        plans.plan({"alterations": {"kinds": kinds}})


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run with a cross-validation, whose package tells alterations."""
    folder = tmp_path_factory.mktemp("alterations")
    plans.write_files(folder)
    data = {**plans.TINY["data"], "split": {"fractions": {"training": 1, "calibration": 0, "test": 0}}}
    plan = plans.plan({"data": data, "alterations": SECTION, "cross_validation": {"by": "family"}})
    places = Places(plan, folder / "plan.toml", folder / "images", folder / "manifest.csv", ())
    quiet = Show(lambda text: None, lambda name, done, of: None, lambda epoch: None)
    return train(places, folder / "out", folder / "work", quiet)


def test_the_package_locks_the_kinds_and_their_limit(locked: Trained) -> None:
    manifest = locked.model.manifest
    assert manifest.alterations is not None
    assert list(manifest.alterations.kinds) == KINDS
    assert manifest.graph.outputs[-1] == "alteration"
    card = (locked.folder / "CARD.md").read_text(encoding="utf-8")
    assert "inverted contrast; magnification 2" in card
    assert f"limit {manifest.alterations.limit}" in card


def test_altered_images_are_judged_by_networks_that_had_not_seen_their_family(locked: Trained) -> None:
    """Whether stripes and noise are told from their negatives does not matter here; that each kind is counted does."""
    facts = json.loads((locked.folder / "training.json").read_text(encoding="utf-8"))["input_check"]
    counted = {name: row["images"] for name, row in facts.items() if name.startswith("changed: ")}
    assert {f"changed: {kind}" for kind in KINDS} <= set(counted)
    # By hand: 3 families of 16 images, all taken in the kinds that were shown; of the others 20 a family are wanted.
    assert set(counted.values()) == {48}


def test_the_engine_refuses_above_the_limit_and_only_there(locked: Trained) -> None:
    prediction = Engine(locked.model).predict(plans.images()[0].samples, RECEIPT)
    assert prediction.alteration_limit is not None
    above = f"{Decimal(prediction.alteration_limit) + Decimal('0.001'):f}"
    for measured, passed in ((prediction.alteration_limit, True), (above, False)):
        findings = inside_input_space(prediction.model_copy(update={"alteration": measured}))
        assert [each.passed for each in findings if each.rule == MODEL_ALTERATION] == [passed]


def test_a_ratio_without_its_limit_is_no_prediction(locked: Trained) -> None:
    prediction = Engine(locked.model).predict(plans.images()[0].samples, RECEIPT)
    content = prediction.model_dump() | {"alteration_limit": None}
    with pytest.raises(ValidationError, match="go together"):
        type(prediction).model_validate(content)


def test_a_graph_that_tells_alterations_needs_a_limit(locked: Trained) -> None:
    content = locked.model.manifest.model_dump() | {"alterations": None}
    with pytest.raises(ValidationError, match="go together"):
        type(locked.model.manifest).model_validate(content)
