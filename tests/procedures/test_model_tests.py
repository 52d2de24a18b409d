"""The life of a test of a model, and everything that must not pass: wrong person, order, bytes, set, second run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from sklearn.metrics import brier_score_loss, cohen_kappa_score, roc_auc_score

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import (
    IntegrityError,
    InvalidInputError,
    ModelRefusedError,
    NotAuthorisedError,
    NotFoundError,
    OutOfSequenceError,
)
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.procedures import features, model_tests, models, test_sets
from nesqc_gmp.procedures.audit.verification import verify
from nesqc_gmp.procedures.model_tests import running
from nesqc_gmp.state.model_tests import feature_sample, fold_results, require_tested, results_id
from nesqc_gmp.statistics import source
from nesqc_gmp.verifier.approval import approved_model
from tests.conftest import World
from tests.procedures import model_tests as small
from tests.procedures.model_tests import SET, Bench, criterion, plan_of


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a test set of six cultures of each label."""
    return small.write_images(tmp_path_factory.mktemp("test-set") / "set")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that is no demonstration."""
    return small.package(tmp_path_factory.mktemp("package") / "nes-test")


@pytest.fixture(scope="session")
def sealed_origin(founded_origin: World, images: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A site with a sealed set and an installed package; never altered."""
    world = founded_origin.copy(tmp_path_factory.mktemp("sealed"))
    bench = Bench(world)
    bench.seal(images)
    bench.install(folder)
    world.close()
    return world


@pytest.fixture(scope="session")
def planned_origin(sealed_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with a frozen plan; never altered."""
    world = sealed_origin.copy(tmp_path_factory.mktemp("planned"))
    Bench(world).plan(model_of(world))
    world.close()
    return world


@pytest.fixture(scope="session")
def tested_origin(planned_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with a completed, passed test; never altered."""
    world = planned_origin.copy(tmp_path_factory.mktemp("tested"))
    Bench(world).run(model_of(world))
    world.close()
    return world


def copied(origin: World, place: Path) -> Any:
    world = origin.copy(place)
    yield Bench(world)
    world.close()


@pytest.fixture
def sealed(sealed_origin: World, tmp_path: Path) -> Any:
    yield from copied(sealed_origin, tmp_path / "site-copy")


@pytest.fixture
def planned(planned_origin: World, tmp_path: Path) -> Any:
    yield from copied(planned_origin, tmp_path / "site-copy")


@pytest.fixture
def tested(tested_origin: World, tmp_path: Path) -> Any:
    yield from copied(tested_origin, tmp_path / "site-copy")


def model_of(world: World) -> Any:
    (model,) = models.models(world.session("qa")).values()
    return model


def size(world: World) -> int:
    with world.site.ledger.reading() as reader:
        return int(reader.size)


def overwrite(world: World, digest: str, data: bytes) -> None:
    """Change an object behind the back of the tool; the copy of the site shares its files by hard links."""
    path = world.site.objects.path(digest)
    path.unlink()
    path.write_bytes(data)


def grant(world: World, who: str, role: Any) -> None:
    """Give somebody one more role; QA grants, and to QA a second one does."""
    from nesqc_gmp.procedures import people

    people.grant(world.session("qa"), small_people(who), role, "TR-9", None, "Needed for this test", world.signs("qa"))


def small_people(who: str) -> str:
    from tests.conftest import PEOPLE

    return PEOPLE[who][0]


# --- the life -----------------------------------------------------------------------------------------------------


def test_the_whole_life(tested: Bench, tmp_path: Path) -> None:
    world, model = tested.world, model_of(tested.world)
    package = tested.tests(model)
    (plan,), (test,) = package.plans, package.tests
    assert (plan.by, test.by, test.outcome) == ("q.ekstrom", "o.brannstrom", "passed")
    kinds = [entry.kind for entry in world.entries()]
    opened, closed = kinds.index("model_test_opened"), kinds.index("model_test_closed")
    assert kinds[opened + 1 : closed] == ["image_tested"] * 12
    assert kinds.index("test_plan_frozen") < kinds.index("test_set_read", kinds.index("test_plan_frozen")) < opened
    tested.review(model, tmp_path / "review")
    tested.approve(model)
    assert model_of(world).standing == "approved"
    assert "Test 1 run by Olle Brännström: passed" in world.shown
    assert "Test plan 1 on NES-A, signed by Qamar Ekström" in world.shown
    assert "Intended use signed by Siv Moberg" in world.shown
    assert verify(world.paths).verified


def test_results_and_report_are_bound_by_their_digests(tested: Bench) -> None:
    world, model = tested.world, model_of(tested.world)
    closed = tested.tests(model).tests[0].closed
    with world.site.ledger.reading() as reader:
        results = fold_results(reader.entries("model-test", results_id(model.model_sha256, 1)))
    assert (
        sha256_hex(canonical_json([each.model_dump(mode="json") for each in results.values()])) == closed.results_sha256
    )
    page = world.site.objects.read(closed.report_html_sha256).decode()
    assert world.site.objects.read(closed.report_pdf_sha256).startswith(b"%PDF")
    for image, result in results.items():
        assert image in page
        assert result.prediction is not None
        assert result.prediction.score in page
    for words in ("Qamar Ekström", "Cajsa Holm", "Olle Brännström", "Undecided, counted three ways", "ROC curve",
                  "Calibration", "Scores", "instrument: M0", "Every plan and every test", "not shown by digests",
                  "NOT FOR GMP USE"):  # fmt: skip
        assert words in page, words
    assert "://" not in page.replace("http://www.w3.org", ""), "nothing from outside"
    copies = sorted(path.suffix for path in world.paths.reports.iterdir())
    assert copies == [".html", ".pdf"]


@pytest.mark.requirement("UR-MODELS-13", reviewed="eae3370e")
def test_figures_are_those_of_scikit_learn_and_of_hand(tested: Bench) -> None:
    """Six of six give a lower Clopper-Pearson bound of 0.025 ** (1 / 6)."""
    world, model = tested.world, model_of(tested.world)
    closed = tested.tests(model).tests[0].closed
    with world.site.ledger.reading() as reader:
        results = fold_results(reader.entries("model-test", results_id(model.model_sha256, 1)))
    truth = [int(name[1:3]) % 2 == 0 for name in results]
    scores = [float(each.prediction.score) for each in results.values() if each.prediction]
    found = {figure.name: figure for figure in closed.figures}
    assert float(found["AUROC of images, cultures drawn again"].estimate) == roc_auc_score(truth, scores)
    brier = float(found["Brier score, cultures drawn again"].estimate)
    assert brier == pytest.approx(brier_score_loss(truth, scores), abs=1e-6)
    sensitivity = closed.criteria[0]
    assert sensitivity.criterion.metric == "sensitivity"
    assert float(sensitivity.found.low) == pytest.approx(0.025 ** (1 / 6), abs=1e-6)
    assert (sensitivity.found.estimate, sensitivity.found.units) == ("1.000000", 6)


@pytest.mark.requirement("UR-MODELS-11", reviewed="4dc4f7fa")
def test_nothing_is_shown_before_it_is_in_the_log(planned: Bench) -> None:
    world = planned.world

    def shown(done: Any) -> None:
        with world.site.ledger.reading() as reader:
            assert reader.entry(reader.size - 1).record == done.tested

    planned.run(model_of(world), shown=shown)


@pytest.mark.requirement("UR-AUDIT-16", reviewed="8666df3e")
@pytest.mark.requirement("UR-TEST-SETS-02", reviewed="0205f6eb")
def test_every_opening_of_the_content_is_recorded(tested: Bench) -> None:
    purposes = [(e.actor.person, e.record.purpose) for e in tested.world.entries("test_set_read")]
    assert purposes == [("q.ekstrom", "plan"), ("o.brannstrom", "test")]
    listed, content = test_sets.show(tested.world.session("custodian"), SET)
    assert len(content.images) == 12
    assert [use.outcome for use in listed.uses] == ["passed"]
    assert tested.world.entries("test_set_read")[-1].record.purpose == "shown"


def test_the_log_holds_no_label_of_a_test_image(tested: Bench) -> None:
    """Whoever may read the log still does not know what is what."""
    sealed = tested.world.entries("test_set_sealed")[0].record.model_dump_json()
    assert "T00-F1" not in sealed
    results = [e.record.model_dump() for e in tested.world.entries("image_tested")]
    assert all("label" not in each for each in results)


@pytest.mark.requirement("UR-MODELS-18", reviewed="42b2ecb0")
def test_the_sample_for_the_feature_review_is_drawn_by_the_seed(tested: Bench) -> None:
    """By hand: the two smallest digests of seed, image digest and name, of each label."""
    import hashlib

    frozen = tested.tests(model_of(tested.world)).plan.frozen
    content = test_sets.read_content(tested.world.site, tested.world.entries("test_set_sealed")[0].record)
    drawn = feature_sample(frozen, content)
    order = lambda i: hashlib.sha256(f"17\n{i.sha256}\n{i.image}".encode()).digest()  # noqa: E731
    for label in ("conforming", "not conforming"):
        expected = sorted((i for i in content.images if i.label == label), key=order)[:2]
        assert [i for i in drawn if i.label == label] == expected
    assert {i.image for i in drawn} != {
        i.image for i in feature_sample(frozen.model_copy(update={"seed": 18}), content)
    }


def test_the_same_test_gives_the_same_figures_and_report(planned_origin: World, tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        bench = Bench(planned_origin.copy(tmp_path / name))
        closed = bench.run(model_of(bench.world)).closed
        found.append((closed.results_sha256, closed.figures, closed.criteria))
        bench.world.close()
    assert found[0] == found[1]


# --- the report and its record -------------------------------------------------------------------------------------


def test_no_report_exists_before_its_record(planned: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is killed at the closing record: SystemExit passes by every handler, as a kill does."""
    world = planned.world
    before = set(world.site.objects.digests())
    monkeypatch.setattr(running, "_close", killed)
    with pytest.raises(SystemExit):
        planned.run(model_of(world))
    assert not world.entries("model_test_closed")
    assert set(world.site.objects.digests()) == before
    assert not world.paths.reports.exists()


def test_a_report_that_a_killed_program_left_missing_is_written_from_the_log(
    planned: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, model = planned.world, model_of(planned.world)
    with monkeypatch.context() as patch:
        patch.setattr(running, "_kept", killed)
        with pytest.raises(SystemExit):
            planned.run(model)
    (entry,) = world.entries("model_test_closed")
    named = {entry.record.report_pdf_sha256, entry.record.report_html_sha256}
    assert not named & set(world.site.objects.digests())
    (failed,) = [step.detail for step in verify(world.paths).steps if not step.passed]
    assert f"entry {entry.index}; report of test 1 of model {model.model_sha256[:16]}" in failed
    assert "is missing" in failed
    planned.intend(model, "Signed meanwhile, and not in the report")
    tested = planned.run(model)
    assert tested.closed == entry.record
    assert {sha256_hex(path.read_bytes()) for path in tested.reports} == named
    assert named <= set(world.site.objects.digests())
    assert len(world.entries("model_test_opened")) == 1
    assert len(world.entries("image_tested")) == 12
    assert verify(world.paths).verified
    with pytest.raises(OutOfSequenceError, match="was run to its end: passed"):
        planned.run(model)


def killed(*_: object) -> Any:
    raise SystemExit


def test_a_missing_report_that_would_come_out_otherwise_is_refused(
    tested: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, model = tested.world, model_of(tested.world)
    digest = world.entries("model_test_closed")[0].record.report_pdf_sha256
    world.site.objects.path(digest).unlink()
    monkeypatch.setattr(running, "_rendered", lambda _: {"pdf": b"other", "html": b"other"})
    with pytest.raises(IntegrityError, match="cannot be written again byte for byte"):
        tested.run(model)
    assert not world.site.objects.path(digest).exists()
    assert ("o.brannstrom", "models.test", "IntegrityError") in world.refused()


def test_a_folder_of_reports_that_is_a_file_does_not_hide_the_end(planned: Bench) -> None:
    world = planned.world
    world.paths.reports.write_text("in the way")
    found = planned.run(model_of(world))
    assert found.closed.verdict == "passed"
    assert found.not_copied == f"{world.paths.reports}: File exists"
    named = [found.closed.report_pdf_sha256, found.closed.report_html_sha256]
    assert list(found.reports) == [world.site.objects.path(digest) for digest in named]
    assert world.paths.reports.read_text() == "in the way"


def test_a_store_that_is_full_does_not_hide_the_end(planned: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    world, model = planned.world, model_of(planned.world)

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.site.objects), "put", full)
        with pytest.raises(InvalidInputError, match="test 1 is completed: passed; its report cannot be written: No sp"):
            planned.run(model)
    assert planned.tests(model).tests[0].outcome == "passed"
    assert len(planned.run(model).reports) == 2


# --- approval -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("UR-MODELS-12", reviewed="3d595074", negative=True)
def test_without_a_test_there_is_no_approval(sealed: Bench) -> None:
    with pytest.raises(OutOfSequenceError, match="never tested"):
        sealed.approve(model_of(sealed.world))
    assert ("q.ekstrom", "models.approve", "OutOfSequenceError") in sealed.world.refused()


def test_a_plan_alone_is_no_test(planned: Bench) -> None:
    with pytest.raises(OutOfSequenceError, match="no test of plan 1 was completed"):
        planned.approve(model_of(planned.world))


@pytest.mark.requirement("UR-MODELS-12", reviewed="3d595074", negative=True)
def test_a_test_that_did_not_pass_is_no_approval(sealed: Bench) -> None:
    model = model_of(sealed.world)
    sealed.plan(model, plan_of(criterion(limit="0.60")))
    assert sealed.run(model).closed.verdict == "failed"
    with pytest.raises(OutOfSequenceError, match="came out failed"):
        sealed.approve(model)


@pytest.mark.requirement("UR-MODELS-12", reviewed="3d595074", negative=True)
def test_what_did_not_pass_once_is_neither_planned_again_nor_approved(sealed: Bench, tmp_path: Path) -> None:
    """Not with a milder plan on new images either, and the verifier refuses who enters such a plan all the same."""
    world, model = sealed.world, model_of(sealed.world)
    sealed.plan(model, plan_of(criterion(limit="0.60")))
    assert sealed.run(model).closed.verdict == "failed"
    sealed.seal(small.write_images(tmp_path / "other", first=40), "NES-B")
    with pytest.raises(OutOfSequenceError, match=r"test 1 of plan 1 came out failed.*Make a new one"):
        sealed.plan(model, plan_of(test_set="NES-B"))
    assert world.refused()[-1] == ("q.ekstrom", "models.plan", "OutOfSequenceError")
    package = sealed.tests(model)
    again = replace(package.plans[0], frozen=package.plans[0].frozen.model_copy(update={"plan": 2}))
    closed = package.tests[0].closed.model_copy(update={"verdict": "passed"})
    opened = package.tests[0].opened.model_copy(update={"plan": 2, "test": 2})
    passed = replace(package.tests[0], opened=opened, closed=closed)
    with pytest.raises(OutOfSequenceError, match="test 1 of plan 1 came out failed"):
        require_tested(model, replace(package, plans=(*package.plans, again), tests=(*package.tests, passed)))


def test_a_later_plan_takes_the_place_of_a_passed_test(tested: Bench, tmp_path: Path) -> None:
    """The last plan counts, so a package cannot be approved by an older and milder one."""
    model = model_of(tested.world)
    tested.seal(small.write_images(tmp_path / "other", first=40), "NES-B")
    assert tested.plan(model, plan_of(test_set="NES-B")).plan == 2
    with pytest.raises(OutOfSequenceError, match="no test of plan 2"):
        tested.approve(model)
    assert [plan.frozen.plan for plan in tested.tests(model).plans] == [1, 2]


def test_another_intended_use_after_the_plan_is_no_approval(tested: Bench) -> None:
    model = model_of(tested.world)
    tested.intend(model, "Other passages are used now")
    with pytest.raises(OutOfSequenceError, match="another intended use"):
        tested.approve(model)


def test_a_demonstration_needs_no_test_and_the_statement_says_so(ready: World) -> None:
    """The shipped package was approved on this site without any."""
    entry = ready.entries("model_approved")[0]
    for words in ("not for GMP use", "No intended use is signed", "No test plan was frozen", "No test was completed"):
        assert words in entry.record.signature.statement


def approved(bench: Bench, folder: Path) -> Any:
    model = model_of(bench.world)
    bench.review(model, folder / "first-review")
    bench.approve(model)
    return model


def review_no(bench: Bench, folder: Path) -> None:
    expert, model = bench.world.session("expert"), model_of(bench.world)
    why = "Looked at it again"
    seen = features.sheet(expert, model.model_sha256, folder / "second-review", why)
    places: dict[str, Any] = {item.image: "debris" for item in seen.shown}
    features.review(expert, seen, places, False, "Debris only", bench.world.signs("expert"), why)


def activate(bench: Bench) -> None:
    world = bench.world
    models.activate(world.session("qa"), model_of(world).model_sha256, "Needed for this test", world.signs("qa"))


def test_a_new_intended_use_after_approval_keeps_from_activation(tested: Bench, tmp_path: Path) -> None:
    tested.intend(approved(tested, tmp_path), "Other passages are used now")
    with pytest.raises(OutOfSequenceError, match="another intended use"):
        activate(tested)
    assert model_of(tested.world).standing == "approved"
    assert not tested.world.entries("incident_opened"), "nothing rests on it yet"


def test_a_negative_review_after_approval_keeps_from_activation(tested: Bench, tmp_path: Path) -> None:
    approved(tested, tmp_path)
    review_no(tested, tmp_path)
    with pytest.raises(OutOfSequenceError, match="features do not make sense: Debris only"):
        activate(tested)


@pytest.mark.requirement("UR-MODELS-19", reviewed="dafc72f8")
def test_the_statement_of_the_activation_shows_what_speaks_for_the_package(tested: Bench, tmp_path: Path) -> None:
    approved(tested, tmp_path)
    activate(tested)
    assert "  Test 1 run by Olle Brännström: passed\n" in tested.world.shown
    assert "the features make sense\n" in tested.world.shown
    assert verify(tested.world.paths).verified


def test_a_set_taken_out_of_use_after_the_test_stands_in_the_approval(tested: Bench, tmp_path: Path) -> None:
    tested.consume()
    approved(tested, tmp_path)
    assert re.search(
        "Test set NES-A was taken out of use, [0-9-]{10}, Cajsa Holm: Threshold was moved, CC-12\n", tested.world.shown
    )


@pytest.mark.requirement("UR-MODELS-22", reviewed="132e5da0", negative=True)
@pytest.mark.parametrize("what", ["review", "intended use", "test"])
def test_what_speaks_against_an_active_package_opens_an_incident(tested: Bench, what: str, tmp_path: Path) -> None:
    model = approved(tested, tmp_path)
    activate(tested)
    if what == "review":
        review_no(tested, tmp_path)
        says = "a review of test 1 finds that the features do not make sense: Debris only"
    elif what == "intended use":
        tested.intend(model, "Other passages are used now")
        says = f"Siv Moberg signed another intended use, entry {tested.world.entries('intended_use_signed')[-1].index}"
    else:
        tested.seal(small.write_images(tmp_path / "other", first=40), "NES-B")
        tested.plan(model, plan_of(criterion(limit="0.60"), test_set="NES-B"))
        tested.run(model)
        says = "test 2 came out failed"
    (incident,) = tested.world.entries("incident_opened")
    assert incident.record.incident_kind == "active model questioned"
    assert incident.record.detail == f"nes-test 1.0.0, digest {model.model_sha256}: {says}"
    assert incident.record.batch is None, "it stands against every batch"
    assert verify(tested.world.paths).verified


# --- planning: order, people, sets --------------------------------------------------------------------------------


@pytest.mark.requirement("UR-MODELS-08", reviewed="da461e75", negative=True)
def test_no_plan_without_a_signed_intended_use(sealed: Bench, tmp_path: Path) -> None:
    model = sealed.install(small.package(tmp_path / "other", version="2.0.0"), intended=False)
    with pytest.raises(OutOfSequenceError, match="intended use of the package is not signed"):
        sealed.plan(model)


@pytest.mark.requirement("UR-MODELS-09", reviewed="4919c9be", negative=True)
@pytest.mark.parametrize("who", ["operator", "reviewer", "scientist", "custodian", "auditor", "expert", "admin"])
def test_only_qa_freezes_a_plan(who: str, sealed: Bench) -> None:
    with pytest.raises(NotAuthorisedError):
        sealed.plan(model_of(sealed.world), who=who)
    assert not sealed.world.entries("test_plan_frozen")
    assert not sealed.world.entries("test_set_read")


@pytest.mark.parametrize("who", ["qa", "reviewer", "scientist", "auditor", "expert", "admin"])
def test_others_do_not_run_a_test(who: str, planned: Bench) -> None:
    with pytest.raises(NotAuthorisedError):
        planned.run(model_of(planned.world), who=who)
    assert not planned.world.entries("model_test_opened")
    assert planned.world.refused()[-1][:2] == (small_people(who), "models.test")


def test_nobody_runs_the_test_whose_plan_they_froze(planned: Bench) -> None:
    """A custodian who is QA as well; only the person counts."""
    from nesqc_gmp.procedures import people

    world = planned.world
    half = people.enrol(world.session("admin"), "second.qa", "Second Qa", "test: nobody was seen")
    other = people.grant(
        world.session("qa"), "second.qa", "qa", "TR-1", None, "Grants to QA in this test", world.signs("qa")
    )
    people.set_passphrase(world.site, "second.qa", half, other or "", "lantern second quarry meadow")
    from nesqc_gmp.esign import Credentials
    from nesqc_gmp.procedures.session import Session

    credentials = Credentials("second.qa", "lantern second quarry meadow")
    opened = people.login(world.site, credentials, world.folder / "sessions" / "second")
    second = Session(world.site, "second.qa", opened.digest)
    people.grant(
        second, "q.ekstrom", "test data custodian", "TR-2", None, "Holds both in this test", lambda _: credentials
    )
    with pytest.raises(NotAuthorisedError, match="nobody runs the test whose plan they froze"):
        planned.run(model_of(world), who="qa")
    assert not world.entries("model_test_opened")


def test_nobody_runs_the_test_of_a_package_they_installed(planned: Bench) -> None:
    """A data scientist who is an operator as well."""
    grant(planned.world, "scientist", "operator")
    with pytest.raises(NotAuthorisedError, match="nobody runs the test of a model they installed"):
        planned.run(model_of(planned.world), who="scientist")
    assert not planned.world.entries("model_test_opened")
    assert not [entry for entry in planned.world.entries("test_set_read") if entry.record.purpose == "test"]


def test_who_sealed_the_set_does_not_freeze_the_plan(sealed: Bench) -> None:
    """A custodian who is QA as well."""
    grant(sealed.world, "custodian", "qa")
    with pytest.raises(NotAuthorisedError, match="nobody freezes a plan on a test set they sealed"):
        sealed.plan(model_of(sealed.world), who="custodian")
    assert not sealed.world.entries("test_plan_frozen")


def test_who_sealed_the_set_does_not_review_features(tested: Bench, tmp_path: Path) -> None:
    """A custodian who is an expert as well, and knows the labels."""
    grant(tested.world, "custodian", "subject matter expert")
    with pytest.raises(NotAuthorisedError, match="nobody reviews features on a test set they sealed"):
        features.sheet(tested.world.session("custodian"), model_of(tested.world).model_sha256, tmp_path / "review")
    assert not (tmp_path / "review").exists()


def test_who_sealed_the_set_does_not_approve_the_package(tested: Bench, tmp_path: Path) -> None:
    world, model = tested.world, model_of(tested.world)
    tested.review(model, tmp_path / "review")
    grant(world, "custodian", "qa")
    with pytest.raises(NotAuthorisedError, match="nobody approves a package tested on a test set they sealed"):
        models.approve(world.session("custodian"), model.model_sha256, "Tested and reviewed", world.signs("custodian"))
    assert not world.entries("model_approved")
    tested.approve(model)


def test_who_sealed_the_set_did_not_bring_the_model(sealed: Bench, tmp_path: Path) -> None:
    """A custodian who is reviewer as well may install a package, but not one that is tested with their own set."""
    grant(sealed.world, "custodian", "reviewer")
    world = sealed.world
    model = models.install(world.session("custodian"), small.package(tmp_path / "own", version="3.0.0"))
    sealed.intend(model)
    with pytest.raises(NotAuthorisedError, match="sealed the test set and installed the package"):
        sealed.plan(model)


def test_nobody_freezes_the_plan_of_a_package_they_installed(sealed: Bench, tmp_path: Path) -> None:
    from nesqc_gmp.records.entry import Actor, Subject
    from nesqc_gmp.records.models import ModelInstalled

    world, model = sealed.world, model_of(sealed.world)
    package = small.package(tmp_path / "own", version="4.0.0")
    digest = sha256_hex((package / "manifest.json").read_bytes())
    manifest = model.manifest.model_copy(update={"model_version": "4.0.0"})
    actor = Actor(person="q.ekstrom", name="Qamar Ekström", role="qa", authentication="session", session=None)
    with world.site.ledger.writing() as transaction:
        record = ModelInstalled(model_sha256=digest, manifest=manifest, self_test="identical")
        world.site.append(transaction, actor, Subject(type="model", id=digest), record)
    with pytest.raises(NotAuthorisedError, match="they installed"):
        sealed.plan(models.models(world.session("qa"))[digest])


@pytest.mark.requirement("UR-MODELS-09", reviewed="4919c9be")
def test_the_statement_shows_what_is_frozen_and_the_file_does_not_matter_afterwards(
    sealed: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "plan.toml"
    text = (
        'test_set = "NES-A"\njustification = "As in VP-3"\nseed = 5\nfeature_images = 3\nsubgroups = ["instrument"]\n'
        '[[criteria]]\nmetric = "sensitivity"\nlimit = "0.52"\ncultures_min = 5\n'
        '[[criteria]]\nmetric = "specificity"\nlimit = "0.90"\ncultures_min = 5\nsubgroup = ["instrument", "M9"]\n'
    )
    file.write_text(text)
    model = model_of(sealed.world)
    sealed.plan(model, model_tests.read_plan(file))
    shown = sealed.world.shown
    for words in ("lower bound at least 0.52", "where instrument is M9", "drawn by seed 5", "3 images of each class",
                  source.analysis_sha256(), "sealed by Cajsa Holm", "As in VP-3", "not shown by digests",
                  "WARNING: specificity where instrument is M9", "0 cultures, and the plan asks for 5"):  # fmt: skip
        assert words in shown, words
    file.write_text(text.replace("0.52", "0.01").replace("0.90", "0.01"))
    closed = sealed.run(model).closed
    assert [each.criterion.limit for each in closed.criteria] == ["0.52", "0.90"]
    assert [each.verdict for each in closed.criteria] == ["passed", "not assessable"]
    assert closed.verdict == "not assessable"
    with pytest.raises(OutOfSequenceError, match="came out not assessable"):
        sealed.approve(model)
    page = sealed.world.site.objects.read(closed.report_html_sha256).decode()
    assert "instrument: M9" in page
    assert "EMPTY: nothing is known" in page


@pytest.mark.requirement("UR-MODELS-16", reviewed="c631726c")
def test_a_set_that_is_too_small_is_said_in_the_signed_text(sealed: Bench) -> None:
    """0.90 needs 36 of 36 (Clopper-Pearson: 0.025 ** (1 / 36) = 0.9026, 35 give 0.8999)."""
    sealed.plan(model_of(sealed.world), plan_of(criterion(limit="0.90"), criterion("refused rate", "0.10")))
    entry = sealed.world.entries("test_plan_frozen")[-1]
    statement = entry.record.signature.statement
    assert "WARNING: sensitivity, lower bound at least 0.90" in statement
    assert "6 cultures, and 36 without an error are needed" in statement
    assert "WARNING: refused rate, upper bound at most 0.10" in statement
    assert "12 cultures, and 36 without an error are needed" in statement


@pytest.mark.requirement("UR-MODELS-15", reviewed="4dc70547", negative=True)
@pytest.mark.parametrize("metric", ["kappa", "non-inferiority"])
def test_without_readers_a_comparison_is_not_assessable(metric: str, founded: World, tmp_path: Path) -> None:
    bench = Bench(founded)
    manifest = small.write_images(tmp_path / "set", cultures=3)
    rows = [{k: v for k, v in row.items() if not k.startswith("reading")} for row in small.read_manifest(manifest)]
    bench.seal(small.write_manifest(manifest.parent, rows))
    model = bench.install(small.package(tmp_path / "package"))
    bench.plan(model, plan_of(criterion(metric, "0.20", 3)))
    assert "not assessable without readings of people" in founded.shown
    closed = bench.run(model).closed
    assert (closed.criteria[0].verdict, closed.verdict) == ("not assessable", "not assessable")


@pytest.mark.requirement("UR-MODELS-15", reviewed="4dc70547")
def test_against_readers_with_figures_of_scikit_learn(founded: World, tmp_path: Path) -> None:
    """Bo reads two cultures wrongly, so he agrees least with the model, and the model is better than he is."""
    bench = Bench(founded)
    manifest = small.write_images(tmp_path / "set")
    rows = small.read_manifest(manifest)
    for row in rows[:2]:
        row["reading bo"] = {"conforming": "not conforming", "not conforming": "conforming"}[row["label"]]
    bench.seal(small.write_manifest(manifest.parent, rows))
    model = bench.install(small.package(tmp_path / "package"))
    bench.plan(model, plan_of(criterion("kappa", "0.20", 10), criterion("non-inferiority", "0.25", 10)))
    kappa, difference = bench.run(model).closed.criteria
    truth = [row["label"] == "conforming" for row in rows]
    read = [row["reading bo"] == "conforming" for row in rows]
    assert float(kappa.found.estimate) == pytest.approx(cohen_kappa_score(truth, read), abs=1e-6)
    # Against Anna, who is always right, the difference is 0; of 12 cultures Tango's bound is 1.96² / (12 + 1.96²).
    assert (difference.found.estimate, difference.found.low, difference.verdict) == ("0.000000", "-0.242494", "passed")


def test_a_perfect_result_of_few_cultures_passes_no_criterion_by_an_interval_without_width(
    founded: World, tmp_path: Path
) -> None:
    """Six of each label, all right. By hand: Newcombe's bound 0.689, kappa 2 * 0.025 ** (1 / 12) - 1 = 0.471."""
    bench = Bench(founded)
    bench.seal(small.write_images(tmp_path / "set"))
    model = bench.install(small.package(tmp_path / "package"))
    asked = [("AUROC", "0.70"), ("kappa", "0.48"), ("Brier score", "0.26"), ("non-inferiority", "0.24")]
    bench.plan(model, plan_of(*(criterion(metric, limit, 10) for metric, limit in asked)))
    for words in ("bound of 0.689", "bound of 0.471", "bound of 0.265", "a bound of -0.242, so only a model that is"):
        assert words in founded.shown, words
    closed = bench.run(model).closed
    assert [each.verdict for each in closed.criteria] == ["failed"] * 4
    assert closed.criteria[0].found.estimate == "1.000000"
    assert "1.000000 to 1.000000" not in founded.site.objects.read(closed.report_html_sha256).decode()


@pytest.mark.parametrize(
    ("readers", "cultures_min", "words"),
    [
        (("anna", "bo"), 10, "12 cultures without a difference from bo give a bound of 0.047"),
        (("anna", "cy"), 10, "cy gave one and the same answer to every culture"),
        (("anna", "bo"), 13, "12 cultures with readings, and the plan asks for 13"),
    ],
)
def test_the_best_kappa_that_a_plan_names_is_that_of_the_answers_of_the_reader(
    readers: tuple[str, str], cultures_min: int, words: str, founded: World, tmp_path: Path
) -> None:
    """Bo calls two of twelve cultures conforming. By hand: 1 - 0.26465 / (2 * 2 / 12 * 10 / 12) = 0.0473."""
    bench = Bench(founded)
    manifest = small.write_images(tmp_path / "set")
    rows = [{k: v for k, v in row.items() if not k.startswith("reading ")} for row in small.read_manifest(manifest)]
    for number, row in enumerate(rows):
        said = {"anna": row["label"], "bo": "conforming" if number in (0, 2) else "not conforming", "cy": "conforming"}
        row |= {f"reading {reader}": said[reader] for reader in readers}
    bench.seal(small.write_manifest(manifest.parent, rows))
    model = bench.install(small.package(tmp_path / "package"))
    bench.plan(model, plan_of(criterion("kappa", "0.10", cultures_min)))
    assert f"cannot be passed with this set: {words}" in founded.shown


def test_a_column_that_the_set_does_not_have_is_named(sealed: Bench) -> None:
    with pytest.raises(InvalidInputError, match=r"'incubator', 'weekday'.*instrument"):
        sealed.plan(
            model_of(sealed.world), plan_of(criterion(subgroup=["weekday", "1"]), subgroups=["incubator", "instrument"])
        )


@pytest.mark.requirement("UR-TEST-SETS-08", reviewed="44677a39", negative=True)
def test_simulated_images_test_no_package_for_real_use(sealed: Bench, tmp_path: Path) -> None:
    manifest = small.write_images(tmp_path / "simulated", first=40, cultures=2, simulated="yes")
    sealed.seal(manifest, "NES-SIM")
    with pytest.raises(OutOfSequenceError, match="4 images of the set are simulated"):
        sealed.plan(model_of(sealed.world), plan_of(test_set="NES-SIM"))


@pytest.mark.requirement("UR-TEST-SETS-08", reviewed="44677a39")
def test_a_demonstration_can_be_tested_with_simulated_images_and_says_so(founded: World, tmp_path: Path) -> None:
    from tests.conftest import model_folder

    bench = Bench(founded)
    bench.seal(small.write_images(tmp_path / "simulated", cultures=3, simulated="yes"))
    model = models.install(founded.session("scientist"), model_folder())
    bench.plan(model, plan_of(criterion(limit="0.20", cultures_min=2)))
    assert "For demonstration only, not for GMP use" in founded.shown
    assert "6 images are simulated" in founded.shown
    closed = bench.run(model).closed
    page = founded.site.objects.read(closed.report_html_sha256).decode()
    assert "DEMONSTRATION – NOT FOR GMP USE. Simulated images" in page


@pytest.mark.requirement("UR-TEST-SETS-05", reviewed="c6902c20", negative=True)
def test_a_consumed_set_tests_nothing(sealed: Bench) -> None:
    sealed.consume()
    with pytest.raises(OutOfSequenceError, match=r"the test set is consumed.*CC-12"):
        sealed.plan(model_of(sealed.world))
    with pytest.raises(OutOfSequenceError, match="consumed already"):
        sealed.consume()


def test_a_set_consumed_after_the_plan_stops_the_run(planned: Bench) -> None:
    planned.consume(who="qa")
    with pytest.raises(OutOfSequenceError, match="the test set is consumed"):
        planned.run(model_of(planned.world))
    assert not planned.world.entries("model_test_opened")


@pytest.mark.requirement("UR-TEST-SETS-05", reviewed="c6902c20")
def test_a_result_consumes_the_set_for_every_version_of_the_model(tested: Bench, tmp_path: Path) -> None:
    """Also for the package itself: a second plan could be written to fit the result."""
    newer = tested.install(small.package(tmp_path / "newer", version="1.1.0"))
    for model in (newer, model_of_version(tested.world, "1.0.0")):
        with pytest.raises(OutOfSequenceError, match=r"consumed for nes-test: test 1 of nes-test 1\.0\.0"):
            tested.plan(model)


def test_a_set_is_free_for_a_model_of_another_name(tested: Bench, tmp_path: Path) -> None:
    other = tested.install(small.package(tmp_path / "other", name="nes-other", retrained="stage4.second.weight"))
    tested.plan(other)
    assert "Earlier use of the set: test 1 of nes-test 1.0.0 on 2026" in tested.world.shown
    assert tested.world.shown.count(": passed") == 1
    assert tested.run(other).closed.verdict == "passed"
    (listed,) = test_sets.listed(tested.world.session("auditor"))
    assert [use.label for use in listed.uses] == ["nes-test 1.0.0", "nes-other 1.0.0"]


def test_two_versions_planned_on_one_set_only_the_first_is_run(planned: Bench, tmp_path: Path) -> None:
    newer = planned.install(small.package(tmp_path / "newer", version="1.1.0"))
    planned.plan(newer)
    planned.run(model_of_version(planned.world, "1.0.0"))
    with pytest.raises(OutOfSequenceError, match="consumed for nes-test"):
        planned.run(newer)


def test_the_same_network_under_another_name_is_the_same_model(tested: Bench, tmp_path: Path) -> None:
    other = tested.install(small.package(tmp_path / "other", name="nes-renamed"))
    with pytest.raises(OutOfSequenceError, match=r"consumed for nes-test: test 1 of nes-test 1\.0\.0"):
        tested.plan(other)


def test_the_same_network_in_other_bytes_is_the_same_model(tested: Bench, tmp_path: Path) -> None:
    """Another name and a line of documentation in the file: every golden output is the same, bit for bit."""
    other = tested.install(small.package(tmp_path / "other", name="nes-renamed", note="another model"))
    assert other.network_sha256 != model_of_version(tested.world, "1.0.0").network_sha256
    with pytest.raises(
        OutOfSequenceError, match=r"consumed for nes-test.*the same output embedding for every golden image"
    ):
        tested.plan(other)
    assert tested.world.refused()[-1] == ("q.ekstrom", "models.plan", "OutOfSequenceError")


@pytest.mark.parametrize(
    ("tensor", "changed"),
    [
        ("head.bias", {"logit", "probability", "map"}),
        ("head.weight", {"logit", "probability", "map"}),
        ("features.mean", {"distance"}),
    ],
)
def test_a_network_with_another_temperature_or_check_is_the_same_model(
    tensor: str, changed: set[str], tested: Bench, tmp_path: Path
) -> None:
    """One bit of the head, of which the temperature is a factor, or of the check: the embedding stays."""
    other = tested.install(small.package(tmp_path / "other", name="nes-renamed", retrained=tensor))
    before, after = model_of_version(tested.world, "1.0.0").golden_outputs, other.golden_outputs
    assert {output for image, output in before if before[image, output] != after[image, output]} == changed
    with pytest.raises(OutOfSequenceError, match=r"consumed for nes-test.*the same output embedding for every golden"):
        tested.plan(other)


def test_honest_limit_golden_files_written_otherwise_are_not_compared(tested: Bench, tmp_path: Path) -> None:
    """The same arrays under another header: only digests stand in the log. The earlier use stays in the statement."""
    other = tested.install(small.package(tmp_path / "other", name="nes-renamed", note="another model", rewritten=True))
    assert tested.plan(other).plan == 1
    assert "Earlier use of the set: test 1 of nes-test 1.0.0" in tested.world.shown


@pytest.mark.requirement("UR-TEST-SETS-05", reviewed="c6902c20", negative=True)
def test_spent_images_sealed_again_test_nothing(tested: Bench, images: Path, tmp_path: Path) -> None:
    """Under another id, other names, cultures and donors, one of them turned."""
    world, rows = tested.world, small.read_manifest(images)
    again = tmp_path / "again"
    (again / "images").mkdir(parents=True)
    for row in rows:
        shutil.copy(images.parent / "images" / row["image"], again / "images" / f"X{row['image']}")
        row |= {"image": f"X{row['image']}", "culture": f"X{row['culture']}", "donor": f"X{row['donor']}"}
    turned = again / "images" / rows[0]["image"]
    Image.open(turned).transpose(Image.Transpose.ROTATE_90).save(turned)
    tested.seal(small.write_manifest(again, rows), "NES-B")
    newer = tested.install(small.package(tmp_path / "newer", version="1.1.0"))
    with pytest.raises(OutOfSequenceError, match="these images were spent as NES-A") as refused:
        tested.plan(newer, plan_of(test_set="NES-B"))
    assert "XT00-F1.png and T00-F1.png (NES-A): near copy" in str(refused.value)
    assert "XT01-F1.png and T01-F1.png (NES-A): same bytes" in str(refused.value)
    assert world.refused()[-1] == ("q.ekstrom", "models.plan", "OutOfSequenceError")
    opened = world.entries("test_set_read")[-1].record
    assert (opened.test_set, opened.purpose, opened.model_sha256) == ("NES-A", "plan", newer.model_sha256)
    other = tested.install(small.package(tmp_path / "other", name="nes-other", retrained="stage4.second.weight"))
    assert tested.plan(other, plan_of(test_set="NES-B")).plan == 1
    tested.consume()
    with pytest.raises(OutOfSequenceError, match="these images were spent as NES-A"):
        tested.run(other)
    assert len(world.entries("model_test_opened")) == 1


def test_cultures_and_donors_of_a_spent_set_test_nothing(tested: Bench, tmp_path: Path) -> None:
    """New images, and one culture and its donor are those of NES-A."""
    manifest = small.write_images(tmp_path / "other", first=40)
    rows = small.read_manifest(manifest)
    rows[0] |= {"culture": "T00", "donor": "N00"}
    tested.seal(small.write_manifest(manifest.parent, rows), "NES-B")
    with pytest.raises(OutOfSequenceError, match="spent as NES-A: culture T00 is in both; donor N00 is in both"):
        tested.plan(model_of(tested.world), plan_of(test_set="NES-B"))


def model_of_version(world: World, version: str) -> Any:
    return next(m for m in models.models(world.session("qa")).values() if m.manifest.model_version == version)


# --- independence ---------------------------------------------------------------------------------------------------


def development(manifest: Path, **changes: str) -> dict[str, Any]:
    """The first image of a manifest as the training lists it."""
    row = small.read_manifest(manifest)[0]
    facts = decode((manifest.parent / "images" / row["image"]).read_bytes(), name=row["image"]).facts
    value = {
        "image": "dev.png", "split": "training", "sha256": facts.sha256, "pixels_sha256": facts.pixels_sha256,
        "perceptual_hash": facts.perceptual_hash, "culture": "DEV-C", "donor": "DEV-D",
    }  # fmt: skip
    return value | changes


NO = "0" * 64
FAR = "0123456789abcdef"


@pytest.mark.requirement("UR-TEST-SETS-04", reviewed="70b2f5d4", negative=True)
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, "T00-F1.png and dev.png (training): same bytes"),
        ({"sha256": NO}, "T00-F1.png and dev.png (training): same pixels"),
        ({"sha256": NO, "pixels_sha256": NO, "split": "test"}, "T00-F1.png and dev.png (test): near copy"),
        ({"sha256": NO, "pixels_sha256": NO, "perceptual_hash": FAR, "culture": "t03"}, "culture T03 is in both"),
        ({"sha256": NO, "pixels_sha256": NO, "perceptual_hash": FAR, "donor": "N02"}, "donor N02 is in both"),
    ],
)  # fmt: skip
def test_a_leaked_image_culture_or_donor_refuses_the_plan(
    changes: dict[str, str], named: str, sealed: Bench, images: Path, tmp_path: Path
) -> None:
    folder = small.package(tmp_path / "leaky", version="5.0.0", development=[development(images, **changes)])
    model = sealed.install(folder)
    with pytest.raises(OutOfSequenceError, match="not independent") as refused:
        sealed.plan(model)
    assert named in str(refused.value)
    assert not sealed.world.entries("test_plan_frozen")
    assert sealed.world.refused()[-1] == ("q.ekstrom", "models.plan", "OutOfSequenceError")


@pytest.mark.requirement("UR-TEST-SETS-04", reviewed="70b2f5d4")
def test_independence_that_was_compared_is_said(sealed: Bench, images: Path, tmp_path: Path) -> None:
    other = development(images, sha256=NO, pixels_sha256=NO, perceptual_hash=FAR)
    model = sealed.install(small.package(tmp_path / "listed", version="6.0.0", development=[other]))
    assert sealed.plan(model).independence == "no copy found by digests"
    page = sealed.world.site.objects.read(sealed.run(model).closed.report_html_sha256).decode()
    assert "nothing is in both" in page


def test_honest_limit_a_crop_is_not_found_when_a_plan_is_frozen(sealed: Bench, images: Path, tmp_path: Path) -> None:
    """Perceptual hashes of a crop of 80 % of each edge are far from those of the whole image."""
    row = small.read_manifest(images)[0]
    whole = Image.open(images.parent / "images" / row["image"])
    crop = tmp_path / "crop.png"
    whole.crop((0, 0, whole.width * 4 // 5, whole.height * 4 // 5)).save(crop)
    facts = decode(crop.read_bytes(), name="crop.png").facts
    cut = development(
        images, sha256=facts.sha256, pixels_sha256=facts.pixels_sha256, perceptual_hash=facts.perceptual_hash
    )
    model = sealed.install(small.package(tmp_path / "cropped", version="6.2.0", development=[cut]))
    assert sealed.plan(model).independence == "no copy found by digests"


@pytest.mark.requirement("UR-TEST-SETS-04", reviewed="70b2f5d4")
def test_an_empty_list_shows_no_independence(sealed: Bench, tmp_path: Path) -> None:
    """Nothing was compared, so nothing is claimed."""
    model = sealed.install(small.package(tmp_path / "empty", version="6.1.0", development=[]))
    assert sealed.plan(model).independence == "not shown by digests"
    assert "Independence of the test data: not shown by digests" in sealed.world.shown


def test_a_list_that_is_none_refuses_the_plan(sealed: Bench, tmp_path: Path) -> None:
    model = sealed.install(small.package(tmp_path / "wrong", version="7.0.0", development=[{"image": "x"}]))
    with pytest.raises(ModelRefusedError, match="list of development images"):
        sealed.plan(model)


# --- the run: what is not as it was frozen ------------------------------------------------------------------------


@pytest.mark.requirement("UR-MODELS-12", reviewed="3d595074", negative=True)
def test_a_completed_test_is_never_repeated(tested: Bench) -> None:
    model, before = model_of(tested.world), len(tested.world.entries("image_tested"))
    for reason in (None, "I liked the first one less"):
        with pytest.raises(OutOfSequenceError, match="was run to its end: passed"):
            tested.run(model, reason)
    assert len(tested.world.entries("image_tested")) == before
    assert tested.world.refused()[-1] == ("o.brannstrom", "models.test", "OutOfSequenceError")


def test_without_a_plan_nothing_runs(sealed: Bench) -> None:
    with pytest.raises(OutOfSequenceError, match="no plan is frozen"):
        sealed.run(model_of(sealed.world))


@pytest.mark.requirement("UR-MODELS-10", reviewed="e0122e45", negative=True)
def test_an_edited_test_image_is_refused_before_anything_opens(planned: Bench) -> None:
    world, model = planned.world, model_of(planned.world)
    content = test_sets.read_content(world.site, world.entries("test_set_sealed")[0].record)
    overwrite(world, content.images[3].sha256, world.site.objects.read(content.images[2].sha256))
    with pytest.raises(IntegrityError, match="was altered"):
        planned.run(model)
    assert not world.entries("model_test_opened")
    assert world.refused()[-1] == ("o.brannstrom", "models.test", "IntegrityError")
    assert world.entries("incident_opened")[-1].record.incident_kind == "object altered"
    assert not verify(world.paths).verified


@pytest.mark.requirement("UR-TEST-SETS-01", reviewed="98aeb679", negative=True)
def test_an_edited_content_is_refused(planned: Bench) -> None:
    """One label turned round, in the object that the seal names."""
    world, sealed = planned.world, planned.world.entries("test_set_sealed")[0].record
    data = world.site.objects.read(sealed.content_sha256)
    overwrite(world, sealed.content_sha256, data.replace(b'"label":"conforming"', b'"label":"not conforming"', 1))
    with pytest.raises(IntegrityError, match="was altered"):
        planned.run(model_of(world))
    assert not world.entries("model_test_opened")
    report = verify(world.paths)
    assert not report.verified


@pytest.mark.requirement("UR-MODELS-10", reviewed="e0122e45", negative=True)
def test_a_swapped_model_is_refused(planned: Bench) -> None:
    world, model = planned.world, model_of(planned.world)
    part = next(part for part in model.manifest.parts if part.path == "model.onnx")
    data = bytearray(world.site.objects.read(part.sha256))
    data[len(data) // 2] ^= 1
    overwrite(world, part.sha256, bytes(data))
    with pytest.raises(ModelRefusedError, match="was altered"):
        planned.run(model)
    assert not world.entries("model_test_opened")
    assert world.refused()[-1] == ("o.brannstrom", "models.test", "ModelRefusedError")


@pytest.mark.requirement("UR-MODELS-10", reviewed="e0122e45", negative=True)
def test_another_analysis_is_refused(planned: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "analysis_sha256", lambda: "f" * 64)
    with pytest.raises(OutOfSequenceError, match="not the one that was frozen"):
        planned.run(model_of(planned.world))
    assert not planned.world.entries("model_test_opened")


@pytest.mark.requirement("UR-MODELS-10", reviewed="e0122e45", negative=True)
def test_another_intended_use_is_refused(planned: Bench) -> None:
    model = model_of(planned.world)
    planned.intend(model, "Other passages are used now")
    with pytest.raises(OutOfSequenceError, match="another intended use was signed"):
        planned.run(model)


@pytest.mark.parametrize("act", ["plan", "run"])
def test_missing_scipy_is_one_refusal_before_anything(
    act: str, planned: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "scipy" else found(name))
    before = size(planned.world)
    with pytest.raises(NotFoundError, match=r"scipy not installed.*pip install .* '\.\[evaluate\]'"):
        getattr(planned, act)(model_of(planned.world))
    assert size(planned.world) == before


# --- interruption -------------------------------------------------------------------------------------------------


def stop(count: int, error: BaseException) -> Any:
    def shown(done: Any) -> None:
        if done.done == count:
            raise error

    return shown


@pytest.mark.requirement("UR-MODELS-11", reviewed="4dc4f7fa", negative=True)
@pytest.mark.parametrize(
    ("error", "ending"), [(KeyboardInterrupt(), "aborted"), (RuntimeError("disk"), "failed")], ids=["aborted", "failed"]
)
def test_an_interrupted_run_stays_listed_and_needs_a_reason(
    error: BaseException, ending: str, planned: Bench, tmp_path: Path
) -> None:
    world, model = planned.world, model_of(planned.world)
    with pytest.raises(type(error)):
        planned.run(model, shown=stop(3, error))
    (test,) = planned.tests(model).tests
    assert (test.outcome, test.closed.tested, test.closed.figures) == (ending, 3, ())
    with pytest.raises(OutOfSequenceError, match="no test of plan 1 was completed"):
        planned.approve(model)
    with pytest.raises(OutOfSequenceError, match="Say why it is run again"):
        planned.run(model)
    closed = planned.run(model, "The power failed, DEV-0031").closed
    assert (closed.test, closed.verdict) == (2, "passed")
    page = world.site.objects.read(closed.report_html_sha256).decode()
    assert f"<td>{ending}</td>" in page
    assert "The power failed, DEV-0031" in page
    planned.review(model, tmp_path / "review")
    planned.approve(model)
    assert "2 tests in all, 1 of them without figures" in world.shown


def test_no_new_plan_after_an_interrupted_run_on_the_same_set(planned: Bench) -> None:
    """Results were seen; a milder plan on the same images would be written after them."""
    model = model_of(planned.world)
    with pytest.raises(KeyboardInterrupt):
        planned.run(model, shown=stop(3, KeyboardInterrupt()))
    with pytest.raises(OutOfSequenceError, match="consumed for nes-test"):
        planned.plan(model, plan_of(criterion(limit="0.10")))


def test_figures_that_cannot_be_computed_close_the_test_as_failed(
    planned: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nesqc_gmp.procedures.model_tests import figures

    monkeypatch.setattr(figures, "assess", lambda *_: 1 / 0)
    model = model_of(planned.world)
    with pytest.raises(ZeroDivisionError):
        planned.run(model)
    (test,) = planned.tests(model).tests
    assert (test.outcome, test.closed.tested) == ("failed", 12)


@pytest.mark.requirement("UR-MODELS-07", reviewed="7c8e21dd", negative=True)
def test_nothing_is_scored_where_the_test_cannot_be_recorded(planned: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.procedures.test_analysis import failing_append

    failing_append(monkeypatch, "model_test_opened")
    monkeypatch.setattr(Engine, "predict_prepared", lambda *_: pytest.fail("scored without a record"))
    with pytest.raises(Exception, match="disk is full"):
        planned.run(model_of(planned.world))


def test_nothing_is_shown_that_could_not_be_recorded(planned: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.procedures.test_analysis import failing_append

    failing_append(monkeypatch, "image_tested", 2)
    seen: list[int] = []
    with pytest.raises(Exception, match="disk is full"):
        planned.run(model_of(planned.world), shown=lambda done: seen.append(done.done))
    assert seen == [1, 2]


PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from nesqc_gmp.config import SitePaths
from nesqc_gmp.procedures import model_tests
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session

folder, digest, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def shown(done):
    if done.done == count:
        os.kill(os.getpid(), signal.SIGKILL)

with Site(SitePaths(folder / "site")) as site:
    session = Session(site, "o.brannstrom", json.loads((folder / "sessions.json").read_text())["operator"])
    model_tests.run(session, digest, None, shown)
"""


@pytest.mark.requirement("UR-MODELS-11", reviewed="4dc4f7fa", negative=True)
def test_a_killed_run_is_closed_by_the_next_look(planned: Bench) -> None:
    world, model = planned.world, model_of(planned.world)
    world.close()
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, world.folder, model.model_sha256, "4"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=120,
    )
    assert ended.returncode == -signal.SIGKILL
    (test,) = planned.tests(model).tests
    assert test.outcome == "aborted"
    assert test.closed.tested >= 4
    incident = world.entries("incident_opened")[-1].record
    assert (incident.incident_kind, incident.batch) == ("interrupted attempt", results_id(model.model_sha256, 1))
    assert planned.run(model, "The computer was switched off").closed.verdict == "passed"
    assert verify(world.paths).verified


def test_while_a_test_runs_no_second_one_and_no_plan_begins(planned: Bench) -> None:
    model = model_of(planned.world)

    def shown(done: Any) -> None:
        if done.done == 1:
            with pytest.raises(OutOfSequenceError, match="a test of this plan is running"):
                planned.run(model, "At the same time")
            with pytest.raises(OutOfSequenceError, match="is running or was interrupted"):
                planned.plan(model)

    assert planned.run(model, shown=shown).closed.verdict == "passed"


def test_a_test_closed_by_somebody_else_gets_no_more_results(planned: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program took this process for dead."""
    model = model_of(planned.world)

    def shown(done: Any) -> None:
        if done.done == 2:
            with monkeypatch.context() as patch:
                patch.setattr(running, "running", lambda process: False)
                assert running.recover(planned.world.site, model.model_sha256)

    with pytest.raises(OutOfSequenceError, match="closed meanwhile"):
        planned.run(model, shown=shown)
    (test,) = planned.tests(model).tests
    assert (test.outcome, test.closed.tested) == ("aborted", 2)


# --- tampering ------------------------------------------------------------------------------------------------------


def rewrite(path: Path, kind: str, change: Any, *, rehash: bool = False) -> None:
    """Edit one leaf of a kind in the database, its guard put back."""
    database = sqlite3.connect(path)
    (guard,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'leaf_no_update'").fetchone()
    index, body = database.execute(
        "SELECT leaf.idx, leaf.body FROM leaf JOIN entry ON entry.idx = leaf.idx WHERE entry.kind = ? LIMIT 1", (kind,)
    ).fetchone()
    entry = json.loads(body)
    change(entry["record"])
    database.execute("DROP TRIGGER leaf_no_update")
    data = canonical_json(entry)
    if rehash:
        from nesqc_gmp.merkle import leaf_hash

        database.execute("UPDATE leaf SET body = ?, hash = ? WHERE idx = ?", (data, leaf_hash(data), index))
    else:
        database.execute("UPDATE leaf SET body = ? WHERE idx = ?", (data, index))
    database.execute(guard)
    database.commit()
    database.close()


@pytest.mark.parametrize("rehash", [False, True])
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("test_plan_frozen", lambda record: record["criteria"][0].update(limit="0.01")),
        ("image_tested", lambda record: record.update(outcome="undecided")),
        ("model_test_closed", lambda record: record.update(verdict="failed")),
        ("test_set_sealed", lambda record: record.update(images=13)),
    ],
    ids=["plan", "result", "verdict", "seal"],
)  # fmt: skip
def test_tampered_rows_are_found(kind: str, change: Any, rehash: bool, tested: Bench) -> None:
    index = tested.world.entries(kind)[0].index
    tested.world.close()
    rewrite(tested.world.paths.ledger, kind, change, rehash=rehash)
    report = verify(tested.world.paths)
    assert not report.verified
    assert f"entry {index}" in " ".join(step.detail for step in report.steps if not step.passed)


def test_an_altered_report_is_found(tested: Bench) -> None:
    closed = tested.world.entries("model_test_closed")[0]
    overwrite(tested.world, closed.record.report_pdf_sha256, b"%PDF-1.7 passed")
    report = verify(tested.world.paths)
    assert not report.verified
    assert f"entry {closed.index}" in " ".join(step.detail for step in report.steps if not step.passed)


def test_a_moved_signature_of_a_plan_does_not_hold(planned: Bench, tmp_path: Path) -> None:
    """The plan of one package, entered for another one with the signature it carries."""
    from nesqc_gmp.esign import check_signatures
    from nesqc_gmp.records.entry import Subject

    world = planned.world
    other = planned.install(small.package(tmp_path / "other", version="8.0.0"))
    entry = world.entries("test_plan_frozen")[0]
    record = entry.record.model_copy(update={"model_sha256": other.model_sha256})
    with world.site.ledger.writing() as transaction:
        world.site.append(transaction, entry.actor, Subject(type="model", id=other.model_sha256), record)
    with world.site.ledger.reading() as reader:
        assert [finding.index for finding in check_signatures(reader)] == [reader.size - 1]


def test_the_copy_of_the_site_is_whole_without_the_report_folder(tested: Bench) -> None:
    """The folder is for the eye; the store holds what the record names."""
    shutil.rmtree(tested.world.paths.reports)
    assert verify(tested.world.paths).verified


# --- the verifier replays ---------------------------------------------------------------------------------------------


class Bundle:
    """The entries about a package as an evidence folder proves them, without those of some kinds."""

    def __init__(self, world: World, digest: str, *left_out: str) -> None:
        self.specification = SimpleNamespace(morphology=SimpleNamespace(model_sha256=digest))
        with world.site.ledger.reading() as reader:
            self._entries = [e for e in reader.entries("model", digest) if e.kind not in left_out]

    def about(self, _: str, __: str | None = None, before: int | None = None) -> Any:
        return (entry for entry in self._entries if before is None or entry.index < before)


@pytest.mark.requirement("UR-MODELS-19", reviewed="dafc72f8", negative=True)
def test_whoever_holds_every_key_cannot_approve_an_untested_package(tested: Bench, tmp_path: Path) -> None:
    """The offline verifier asks of an approval what the tool asks before it."""
    world, model = tested.world, model_of(tested.world)
    tested.review(model, tmp_path / "review")
    tested.approve(model)
    whole: Any = Bundle(world, model.model_sha256)
    assert approved_model(whole).standing == "approved"
    for left_out, said in (
        (("test_plan_frozen", "model_test_opened", "model_test_closed"), "never tested"),
        (("model_test_opened", "model_test_closed"), "no test of plan 1"),
        (("model_test_closed",), "no test of plan 1"),
        (("features_reviewed",), "no expert has reviewed"),
        (("intended_use_signed",), "another intended use"),
    ):
        broken: Any = Bundle(world, model.model_sha256, *left_out)
        with pytest.raises(OutOfSequenceError, match=said):
            approved_model(broken)
