"""A limit of heterogeneity, from the specification to the certificate, with a package that measures it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.cli import batches_show
from nesqc_gmp.cli import products as cli_products
from nesqc_gmp.errors import InvalidInputError, OutOfSequenceError
from nesqc_gmp.evidence import EvidenceBundle, read
from nesqc_gmp.identity.envelope import open_envelope
from nesqc_gmp.notes import NoteSigner
from nesqc_gmp.procedures import models, products
from nesqc_gmp.records.certificates import CertificateContent
from nesqc_gmp.verifier import verify_bundle
from tests.conftest import PEOPLE, draft_and_approve, model_folder, passphrase, test_specification
from tests.packages import with_tile_embeddings

LIMITS = {"wide": "5", "close": "1.7", "narrow": "0.05", "none": None}


def _active(world: Any, package: Path) -> Any:
    model = models.install(world.session("scientist"), package)
    for step in (models.approve, models.activate):
        step(world.session("qa"), model.model_sha256, "Needed for the tests", world.signs("qa"))
    return model


@pytest.fixture(scope="module")
def measured_origin(founded_origin: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A site whose model measures heterogeneity, with a specification for each limit; never altered."""
    package = tmp_path_factory.mktemp("package")
    with_tile_embeddings(model_folder(), package)
    world = founded_origin.copy(tmp_path_factory.mktemp("measured"))
    model = _active(world, package)
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
    # A narrow terminal folds rows over lines, so the table is read as one text.
    table = " ".join(" ".join(lines[start : start + 12]).split())
    culture, batch = table.index("C01"), table.index("batch ")
    assert "upper bound at most 5" in table[culture:batch]
    assert "(no interval)" in table[batch:]
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
    _attack(measured, read(issued.evidence))


def _attack(world: Any, bundle: EvidenceBundle) -> None:
    """Whoever holds every key still cannot leave the distances of the tiles out, nor change one of them."""
    from tests.verifier import forger

    log = NoteSigner.parse(world.paths.log_key.read_text().strip())
    people = {
        person: open_envelope(world.paths.envelope(person).read_bytes(), passphrase(who))
        for who, (person, _, _) in PEOPLE.items()
        if who != "auditor"
    }
    pinned = {
        "log_key": world.paths.log_verifier.read_text(),
        "authority": world.paths.authority_certificate.read_bytes(),
    }
    attacks: tuple[tuple[Callable[[dict[str, Any]], object], str], ...] = (
        (lambda found: found.update(tile_distances=[], appearance=None), "or lacks them"),
        (lambda found: found["tile_distances"].__setitem__(3, "0.0001"), "does not follow"),
        (lambda found: found["appearance"].update(high="1.001"), "does not follow"),
        (lambda found: found.update(appearance=None), "does not follow"),
    )
    for change, words in attacks:

        def attack(entries: list[dict[str, Any]], change: Any = change) -> None:
            change(forger.first(entries, "image_scored")["record"]["prediction"]["heterogeneity"])

        report = verify_bundle(forger.forge(bundle, attack, log, people), record_sha256=None, **pinned)
        failed = next(step for step in report.steps if not step.passed)
        assert failed.number == 7
        assert words in failed.detail


def test_a_limit_needs_a_model_that_measures(measured: Any, tmp_path: Path) -> None:
    package = tmp_path / "package"
    with_tile_embeddings(model_folder(), package, measures=False)
    model = _active(measured, package)
    drafted = products.draft(
        measured.session("scientist"), test_specification(model, product="LIM", test={"heterogeneity_max": "2.0"})
    )
    with pytest.raises(InvalidInputError, match="does not measure"):
        products.approve(measured.session("qa"), drafted, "Approved for tests", measured.signs("qa"))
    assert products.specifications(measured.session("qa"))[drafted].standing == "drafted"
    draft_and_approve(measured, test_specification(model, product="FREE"))


def test_the_limit_is_shown_before_it_is_signed(measured: Any) -> None:
    model = next(iter(models.models(measured.session("qa")).values()))
    for name, limit in (("S1", {"heterogeneity_max": "2.5"}), ("S2", {})):
        draft_and_approve(measured, test_specification(model, product=name, test=limit))
        words = "upper bound at most 2.5" if limit else "no limit"
        assert f"Heterogeneity of a culture: {words}" in measured.shown


@pytest.mark.parametrize(("name", "words"), [("wide", "upper bound at most 5"), ("none", "no limit")])
def test_the_specification_shows_its_limit(measured: Any, capsys: Any, name: str, words: str) -> None:
    cli_products._print_specification(products.specifications(measured.session("qa"))[f"{name}.v1"])
    assert f"heterogeneity of each culture: {words};" in " ".join(capsys.readouterr().out.split())
