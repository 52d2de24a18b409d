"""A limit of heterogeneity, from the specification to the certificate, with a package that measures it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.cli import batches_show
from nesqc_gmp.errors import InvalidInputError, OutOfSequenceError
from nesqc_gmp.procedures import models, products
from nesqc_gmp.records.certificates import CertificateContent
from nesqc_gmp.verifier import verify_bundle
from tests.conftest import draft_and_approve, model_folder, test_specification
from tests.packages import with_tile_embeddings

LIMITS = {"wide": "5", "close": "1.7", "narrow": "0.05", "none": None}


@pytest.fixture(scope="module")
def measured_origin(founded_origin: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A site whose model measures heterogeneity, with a specification for each limit; never altered."""
    package = tmp_path_factory.mktemp("package")
    with_tile_embeddings(model_folder(), package)
    world = founded_origin.copy(tmp_path_factory.mktemp("measured"))
    model = models.install(world.session("scientist"), package)
    for step in (models.approve, models.activate):
        step(world.session("qa"), model.model_sha256, "Needed for the tests", world.signs("qa"))
    for name, limit in LIMITS.items():
        test = {} if limit is None else {"heterogeneity_max": limit}
        draft_and_approve(world, test_specification(model, test=test, product=name))
    world.close()
    return world


@pytest.fixture
def measured(measured_origin: Any, tmp_path: Path) -> Iterator[Any]:
    world = measured_origin.copy(tmp_path / "copy")
    yield world
    world.close()
    shutil.rmtree(world.folder)


@pytest.mark.parametrize(
    ("name", "fields", "outcome"),
    [
        ("wide", 3, "conforming"),
        ("narrow", 3, "not conforming"),
        ("wide", 2, "conforming"),
        ("close", 2, "undecided"),
        ("none", 3, "conforming"),
    ],
)
def test_the_limit_decides(measured: Any, life: Any, pictures: Any, name: str, fields: int, outcome: str) -> None:
    life(measured).analysed("B-1", pictures.good(fields), f"{name}.v1")
    view = measured.batch("B-1")
    assert view.morphology.outcome == outcome
    limit = [rule for rule in view.morphology.rules if rule.rule == "CULTURE-HETEROGENEITY"]
    assert len(limit) == (name != "none")
    shown = json.loads(json.dumps(batches_show.as_json(view)))
    mean = shown["cultures"][0]["heterogeneity"]["appearance"]
    assert mean["units"] == fields
    assert 0 <= float(mean["low"]) < float(mean["value"]) < float(mean["high"])
    assert shown["heterogeneity"]["appearance"] | {"low": None, "high": None} == mean | {
        "units": 1, "low": None, "high": None,
    }  # fmt: skip
    assert shown["heterogeneity_max"] == LIMITS[name]
    assert all(image["heterogeneity"]["appearance"]["units"] == 16 for image in shown["images"])


def test_the_batch_is_shown_for_the_eye(measured: Any, life: Any, pictures: Any, capsys: Any) -> None:
    life(measured).analysed("B-1", pictures.good(3), "wide.v1")
    batches_show.print_batch(measured.batch("B-1"), images=True, attempts=False)
    lines = capsys.readouterr().out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("Heterogeneity"))
    culture, batch = lines[start + 3 : start + 5]
    assert culture.startswith("C01")
    assert "upper bound at most 5" in culture
    assert batch.startswith("batch")
    assert "(no interval)" in batch
    assert sum("CULTURE-HETEROGENEITY" in line for line in lines) == 1


def test_a_culture_beyond_the_limit_is_not_released(measured: Any, life: Any, pictures: Any) -> None:
    stages = life(measured)
    stages.analysed("B-1", pictures.good(3), "narrow.v1")
    stages.test("B-1")
    stages.signed("B-1")
    with pytest.raises(OutOfSequenceError, match="not conforming"):
        stages.release("B-1")


def test_the_certificate_says_it_and_the_verifier_agrees(measured: Any, life: Any, pictures: Any) -> None:
    stages = life(measured)
    stages.analysed("B-1", pictures.good(3), "wide.v1")
    stages.test("B-1")
    stages.signed("B-1")
    stages.release("B-1")
    issued = stages.issue("B-1")
    content = CertificateContent.model_validate_json((issued.evidence / "record.json").read_bytes())
    assert content.specification.heterogeneity_max == "5"
    assert "heterogeneity ≤ 5" in content.tests[0].criterion
    assert content.cultures[0].heterogeneity == measured.batch("B-1").morphology.heterogeneity.cultures["C01"]
    report = verify_bundle(
        issued.evidence,
        log_key=measured.paths.log_verifier.read_text(),
        authority=measured.paths.authority_certificate.read_bytes(),
        record_sha256=None,
    )
    assert report.verified, report.sentence


def test_a_limit_needs_a_model_that_measures(ready: Any) -> None:
    model = next(iter(models.models(ready.session("qa")).values()))
    if model.manifest.tile_embedding_scale is not None:
        pytest.skip("the shipped package measures heterogeneity")
    drafted = products.draft(
        ready.session("scientist"), test_specification(model, product="LIM", test={"heterogeneity_max": "2.0"})
    )
    with pytest.raises(InvalidInputError, match="does not measure"):
        products.approve(ready.session("qa"), drafted, "Approved for tests", ready.signs("qa"))
    assert products.specifications(ready.session("qa"))[drafted].standing == "drafted"


def test_the_limit_is_shown_before_it_is_signed(measured: Any) -> None:
    model = next(iter(models.models(measured.session("qa")).values()))
    for name, limit in (("S1", {"heterogeneity_max": "2.5"}), ("S2", {})):
        draft_and_approve(measured, test_specification(model, product=name, test=limit))
        words = "upper bound at most 2.5" if limit else "no limit"
        assert f"Heterogeneity of a culture: {words}" in measured.shown
