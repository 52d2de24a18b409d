"""The review of features: the sample, the page, every answer signed, and what keeps a package from approval."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import (
    AuthenticationError,
    IntegrityError,
    InvalidInputError,
    NotAuthorisedError,
    NotFoundError,
    OutOfSequenceError,
    RecordTooLargeError,
)
from nesqc_gmp.esign import check_signatures
from nesqc_gmp.imaging.picture import map_values
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.procedures import features, models, people
from nesqc_gmp.procedures.audit.verification import verify
from nesqc_gmp.records.feature_review import FeaturesReviewed, PlaceCount
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.state.feature_review import require_sensible
from nesqc_gmp.state.model_tests import NO_TESTS, fold_tests
from nesqc_gmp.state.models import fold_models
from tests.procedures.model_reviews import batch_of, freeze, run_test, seal_set

NAME = "nes-morphology-sim:1.0.0"
WHY = "Rosettes carry the weight"


@pytest.fixture
def planned(analysed: Any) -> Any:
    """B-1 as a test set of three images, and a plan that draws one of each class."""
    analysed.batch_1 = batch_of(analysed.site, "B-1")
    analysed.digest = analysed.batch_1.attempts[-1].opened.model_sha256
    analysed.content = seal_set(analysed.site, analysed.batch_1)
    freeze(analysed.session("qa"), analysed.signs("qa"), analysed.digest, analysed.content, 1)
    return analysed


@pytest.fixture
def tested(planned: Any) -> Any:
    """The same, tested by the operator."""
    run_test(planned.session("operator"), planned.batch_1)
    return planned


def sheet(world: Any, folder: Path, who: str = "expert") -> Any:
    return features.sheet(world.session(who), NAME, folder / "review")


def review(world: Any, seen: Any, places: Any = None, sensible: bool = True, who: str = "expert") -> None:
    chosen = places or dict.fromkeys((item.image for item in seen.shown), "cells")
    features.review(world.session(who), seen, chosen, sensible, WHY, world.signs(who))


def drawn_by_hand(world: Any, each: int) -> list[str]:
    """The draw as the plan describes it, computed here a second time: order of SHA-256 over seed, digest and name."""
    order = sorted(world.content.images, key=lambda i: hashlib.sha256(f"7\n{i.sha256}\n{i.image}".encode()).hexdigest())
    return [
        image.image
        for label in ("not conforming", "conforming")
        for image in [i for i in order if i.label == label][:each]
    ]


def test_the_page_shows_the_sample_that_the_plan_drew(
    tested: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("a new inference")

    for name in ("__init__", "prepare", "predict_prepared"):
        monkeypatch.setattr(Engine, name, never)
    seen = sheet(tested, tmp_path)
    assert [item.image for item in seen.shown] == drawn_by_hand(tested, 1)
    page = (tmp_path / "review" / "features.html").read_bytes()
    assert (page, (tmp_path / "review" / "features.pdf").read_bytes()) == (seen.html, seen.pdf)
    text = page.decode()
    assert len(re.findall(r'src="data:image/png;base64,', text)) == 2
    assert not re.findall(r'(?:src|href)="(?!data:)', text), "nothing is fetched from anywhere"
    assert "DEMONSTRATION – NOT FOR GMP USE · simulated image" in text
    assert tested.digest in text
    results = {e.record.image: e.record for e in tested.entries("image_tested")}
    for item in seen.shown:
        assert item.score == results[item.image].prediction.score
        assert f"<td>{item.image}</td>" in text
    # The opening of the set is in the log, with what it was for.
    (opened,) = tested.entries("test_set_read")
    assert (opened.record.purpose, opened.record.model_sha256, opened.record.number) == (
        "feature review", tested.digest, 1,
    )  # fmt: skip
    assert (opened.subject.id, opened.actor.person) == ("TS-1", "s.moberg")


def test_labels_are_not_shown(tested: Any, tmp_path: Path) -> None:
    """Both images are conforming for the model; the only words of the other class are the page's own."""
    seen = sheet(tested, tmp_path)
    assert {item.outcome for item in seen.shown} == {"conforming"}
    assert "not conforming" not in seen.html.decode()


def test_the_shares_are_those_of_the_recorded_map(tested: Any, tmp_path: Path) -> None:
    """The border, worked out again from the recorded map alone: 1 minus the weight in the inner 80 per cent."""
    (item, _) = sheet(tested, tmp_path).shown
    result = next(e.record for e in tested.entries("image_tested") if e.record.image == item.image)
    values = map_values(result.prediction.heat_map).clip(min=0)
    rows, columns = values.shape
    inside = 0.0
    for row in range(rows):
        for column in range(columns):
            height = max(0.0, min((row + 1) / rows, 0.9) - max(row / rows, 0.1)) * rows
            width = max(0.0, min((column + 1) / columns, 0.9) - max(column / columns, 0.1)) * columns
            inside += float(values[row, column]) * height * width
    assert float(item.positive.border) == pytest.approx(1 - inside / float(values.sum()), abs=5e-5)
    assert float(item.positive.cells) + float(item.positive.background) == pytest.approx(1, abs=1e-4)
    assert item.area.border == "0.3600"


def test_the_page_says_where_contrast_cannot_tell_cells(tested: Any, tmp_path: Path) -> None:
    """The simulated culture fills the image, so that contrast finds next to nothing in it."""
    seen = sheet(tested, tmp_path)
    assert all(float(item.area.cells) < 0.05 for item in seen.shown)
    assert seen.html.decode().count("the shares on cells and on background then say nothing") == 2


def test_every_answer_is_signed_and_the_documents_are_kept(tested: Any, tmp_path: Path) -> None:
    seen = sheet(tested, tmp_path)
    first, second = (item.image for item in seen.shown)
    review(tested, seen, {first: "cells", second: "scale bar or text"})
    (entry,) = tested.entries("features_reviewed")
    record = entry.record
    assert [(item.image, item.place) for item in record.seen] == [(first, "cells"), (second, "scale bar or text")]
    assert [item.png_sha256 for item in record.seen] == [sha256_hex(item.png) for item in seen.shown]
    assert {count.place: count.images for count in record.counts} == {
        "cells": 1, "background": 0, "edge": 0, "debris": 0, "scale bar or text": 1, "cannot tell": 0,
    }  # fmt: skip
    assert (record.plan, record.test, record.sensible, record.comment) == (1, 1, True, WHY)
    assert tested.site.objects.read(record.html_sha256) == seen.html
    assert tested.site.objects.read(record.pdf_sha256) == seen.pdf
    assert record.signature.statement == tested.shown
    statement = Statement.parse(tested.shown)
    assert (statement.meaning, statement.person) == ("features reviewed", "s.moberg")
    assert "Weight seen, cells: 1 of 2: 1" in statement.summary
    assert "Weight seen, scale bar or text: 1 of 2: 2" in statement.summary
    assert "Weight seen, edge: 0 of 2: none" in statement.summary
    assert "The features make sense: yes" in statement.summary
    with tested.site.ledger.reading() as reader:
        assert entry.index not in {finding.index for finding in check_signatures(reader)}


def test_images_without_a_map_are_named_and_not_asked_about(planned: Any, tmp_path: Path) -> None:
    refused = drawn_by_hand(planned, 1)[0]
    run_test(planned.session("operator"), planned.batch_1, without=frozenset({refused}))
    seen = sheet(planned, tmp_path)
    assert (len(seen.shown), seen.without_map) == (1, (refused,))
    assert f"without a map: {refused}." in seen.html.decode()
    review(planned, seen)
    assert planned.entries("features_reviewed")[0].record.without_map == (refused,)


def test_an_image_without_an_answer_is_refused(tested: Any, tmp_path: Path) -> None:
    seen = sheet(tested, tmp_path)
    with pytest.raises(InvalidInputError, match=f"wait for an answer: {re.escape(seen.shown[1].image)}"):
        review(tested, seen, {seen.shown[0].image: "cells"})


def test_counts_that_are_not_those_of_the_answers_are_no_record(tested: Any, tmp_path: Path) -> None:
    review(tested, sheet(tested, tmp_path))
    value = tested.entries("features_reviewed")[0].record.model_dump()
    value["counts"] = (PlaceCount(place="cells", images=3).model_dump(), *value["counts"][1:])
    with pytest.raises(ValidationError, match="the counts are not those of the answers"):
        FeaturesReviewed.model_validate(value)


def test_without_a_completed_test_there_is_nothing_to_review(analysed: Any, planned: Any, tmp_path: Path) -> None:
    with pytest.raises(OutOfSequenceError, match="no test of this package was completed"):
        sheet(planned, tmp_path)
    run_test(planned.session("operator"), planned.batch_1, complete=False)
    with pytest.raises(OutOfSequenceError, match="no test of this package was completed"):
        sheet(planned, tmp_path)
    assert not (tmp_path / "review").exists()
    assert planned.entries("test_set_read") == []
    assert planned.refused() == [("s.moberg", "models.features", "OutOfSequenceError")] * 2


def test_a_package_that_is_not_installed_is_not_found(founded: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no installed model fits"):
        sheet(founded, tmp_path)


def test_another_role_opens_nothing(tested: Any, tmp_path: Path) -> None:
    for who in ("admin", "qa", "operator", "reviewer", "scientist", "auditor"):
        with pytest.raises(NotAuthorisedError):
            sheet(tested, tmp_path, who)
    assert tested.entries("test_set_read") == []


def test_who_ran_the_test_or_installed_the_package_does_not_review_it(planned: Any, tmp_path: Path) -> None:
    people.grant(
        planned.session("qa"), "o.brannstrom", "subject matter expert", "T", None, "Second role", planned.signs("qa")
    )
    run_test(planned.session("operator"), planned.batch_1)
    with pytest.raises(NotAuthorisedError, match="nobody reviews the features of a test they ran"):
        sheet(planned, tmp_path, "operator")
    # The scientist who installed it changes sides.
    people.revoke(planned.session("qa"), "d.sandell", "data scientist", "Moves to the process")
    people.grant(
        planned.session("qa"), "d.sandell", "subject matter expert", "T", None, "Second role", planned.signs("qa")
    )
    with pytest.raises(NotAuthorisedError, match="nobody reviews the features of a model they installed"):
        sheet(planned, tmp_path, "scientist")
    assert planned.entries("test_set_read") == []


def test_nothing_is_overwritten(tested: Any, tmp_path: Path) -> None:
    (tmp_path / "review").mkdir()
    with pytest.raises(InvalidInputError, match="the folder exists"):
        sheet(tested, tmp_path)
    with pytest.raises(InvalidInputError, match="cannot be written: No such file"):
        features.sheet(tested.session("expert"), NAME, tmp_path / "nowhere" / "review")
    assert list((tmp_path / "review").iterdir()) == []


@pytest.mark.parametrize("what", ["image", "content"])
def test_an_edited_object_is_refused_and_the_refusal_recorded(tested: Any, tmp_path: Path, what: str) -> None:
    plan = tested.entries("test_plan_frozen")[0].record
    image = next(i for i in tested.content.images if i.image == drawn_by_hand(tested, 1)[0])
    path = tested.site.objects.path(plan.content_sha256 if what == "content" else image.sha256)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    with pytest.raises(IntegrityError, match="was altered"):
        sheet(tested, tmp_path)
    assert not (tmp_path / "review").exists()
    assert tested.refused() == [("s.moberg", "models.features", "IntegrityError")]


def test_a_wrong_passphrase_signs_nothing(tested: Any, tmp_path: Path) -> None:
    seen = sheet(tested, tmp_path)
    places = dict.fromkeys((item.image for item in seen.shown), "cells")
    with pytest.raises(AuthenticationError):
        features.review(tested.session("expert"), seen, places, True, WHY, tested.signs("expert", "not it"))
    assert tested.entries("features_reviewed") == []


def test_what_was_shown_must_still_be_the_last_plan(tested: Any, tmp_path: Path) -> None:
    seen = sheet(tested, tmp_path)
    freeze(tested.session("qa"), tested.signs("qa"), tested.digest, tested.content, 1)
    with pytest.raises(OutOfSequenceError, match="no test of this package was completed by its last plan"):
        review(tested, seen)
    run_test(tested.session("operator"), tested.batch_1)
    with pytest.raises(OutOfSequenceError, match="test 2 has taken the place of test 1"):
        review(tested, seen)
    assert tested.entries("features_reviewed") == []


def test_names_that_would_not_fit_into_a_record_are_refused_before_any_answer(
    tested: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "NAMES_LIMIT", 10)
    with pytest.raises(RecordTooLargeError, match="would not fit into the record of a review"):
        sheet(tested, tmp_path)
    assert not (tmp_path / "review").exists()


def test_a_missing_page_is_found_by_the_verification_of_the_site(tested: Any, tmp_path: Path) -> None:
    review(tested, sheet(tested, tmp_path))
    entry = tested.entries("features_reviewed")[0]
    tested.site.objects.path(entry.record.html_sha256).unlink()
    tested.close()
    failed = [step.detail for step in verify(tested.paths).steps if not step.passed]
    assert any(f"first bad record: entry {entry.index}; " in detail and "is missing" in detail for detail in failed)


def standing(world: Any) -> Any:
    """The package, made out to be no demonstration, and its tests."""
    with world.site.ledger.reading() as reader:
        model = fold_models(reader.entries_about("model"))[world.digest]
        tests = fold_tests(reader.entries_about("model")).get(world.digest, NO_TESTS)
    real = replace(model, manifest=model.manifest.model_copy(update={"demonstration": False}))
    return model, real, tests


def test_only_features_that_make_sense_let_a_real_package_be_approved(planned: Any, tmp_path: Path) -> None:
    _, real, tests = standing(planned)
    with pytest.raises(OutOfSequenceError, match="no expert has reviewed the heat maps"):
        require_sensible(real, tests)
    run_test(planned.session("operator"), planned.batch_1)
    _, real, tests = standing(planned)
    with pytest.raises(OutOfSequenceError, match="no expert has reviewed the heat maps"):
        require_sensible(real, tests)
    seen = sheet(planned, tmp_path)
    review(planned, seen, sensible=False)
    demonstration, real, tests = standing(planned)
    with pytest.raises(OutOfSequenceError, match=f"Siv Moberg found that the features do not make sense: {WHY}"):
        require_sensible(real, tests)
    require_sensible(demonstration, tests)
    review(planned, seen, sensible=True)
    _, real, tests = standing(planned)
    require_sensible(real, tests)
    assert len(real.feature_reviews) == 2, "the first one stays visible"
    # A new plan and test make the review one of the past.
    freeze(planned.session("qa"), planned.signs("qa"), planned.digest, planned.content, 1)
    run_test(planned.session("operator"), planned.batch_1)
    _, real, tests = standing(planned)
    with pytest.raises(OutOfSequenceError, match="no expert has reviewed the heat maps"):
        require_sensible(real, tests)


def test_the_approval_asks_for_the_review(founded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.conftest import model_folder

    model = models.install(founded.session("scientist"), model_folder())
    asked: list[str] = []

    def ask(state: Any, _: Any) -> None:
        asked.append(state.label)
        raise OutOfSequenceError("no expert has reviewed")

    monkeypatch.setattr(models, "require_sensible", ask)
    with pytest.raises(OutOfSequenceError, match="no expert has reviewed"):
        models.approve(founded.session("qa"), model.model_sha256, "Needed for the test", founded.signs("qa"))
    assert asked == ["nes-morphology-sim 1.0.0"]
    assert founded.entries("model_approved") == []
