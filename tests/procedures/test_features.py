"""The review of features: the sample, the page, every answer signed, and what keeps a package from approval."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from decimal import Decimal
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
)
from nesqc_gmp.esign import check_signatures
from nesqc_gmp.imaging.check import check
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.picture import map_values
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.procedures import features, intended_use, model_tests, models, people
from nesqc_gmp.procedures.audit.verification import verify
from nesqc_gmp.records import model_tests as test_records
from nesqc_gmp.records.feature_review import SAMPLE_MAX, FeaturesReviewed, PlaceCount
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.state.feature_review import require_sensible
from tests.conftest import PEOPLE
from tests.procedures.model_tests import Bench, package, write_images
from tests.procedures.model_tests import plan_of as written_plan

NAME = "nes-test:1.0.0"
WHY = "Rosettes carry the weight"


def plan_of(world: Any) -> Any:
    return world.entries("test_plan_frozen")[-1].record


def content_of(world: Any) -> test_records.TestSetContent:
    return test_records.TestSetContent.model_validate_json(world.site.objects.read(plan_of(world).content_sha256))


def run_test(world: Any, who: str = "operator") -> None:
    model_tests.run(world.session(who), NAME, None)


def sheet(world: Any, folder: Path, who: str = "expert", reason: str | None = None) -> Any:
    return features.sheet(world.session(who), NAME, folder / "review", reason)


def review(
    world: Any, seen: Any, places: Any = None, sensible: bool = True, who: str = "expert", reason: str | None = None
) -> None:
    chosen = places or dict.fromkeys((item.image for item in seen.shown), "cells")
    features.review(world.session(who), seen, chosen, sensible, WHY, world.signs(who), reason)


def drawn_by_hand(world: Any) -> list[str]:
    """The draw as the plan describes it, computed here a second time: order of SHA-256 over seed, digest and name."""
    images = content_of(world).images
    order = sorted(images, key=lambda i: hashlib.sha256(f"17\n{i.sha256}\n{i.image}".encode()).hexdigest())
    return [
        image.image
        for label in ("not conforming", "conforming")
        for image in [i for i in order if i.label == label][:2]
    ]


def test_the_page_shows_the_sample_that_the_plan_drew(
    tested: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("a new inference")

    for name in ("__init__", "prepare", "predict_prepared"):
        monkeypatch.setattr(Engine, name, never)
    seen = sheet(tested, tmp_path)
    assert [item.image for item in seen.shown] == drawn_by_hand(tested)
    page = (tmp_path / "review" / "features.html").read_bytes()
    assert (page, (tmp_path / "review" / "features.pdf").read_bytes()) == (seen.html, seen.pdf)
    text = page.decode()
    assert len(re.findall(r'src="data:image/png;base64,', text)) == 4
    assert not re.findall(r'(?:src|href)="(?!data:)', text), "nothing is fetched from anywhere"
    assert "DEMONSTRATION – NOT FOR GMP USE" in text
    assert plan_of(tested).model_sha256 in text
    results = {e.record.image: e.record for e in tested.entries("image_tested")}
    for item in seen.shown:
        assert item.score == results[item.image].prediction.score
        assert f"<td>{item.image}</td>" in text
    # The opening of the set is in the log, with what it was for.
    opened = tested.entries("test_set_read")[-1]
    about = (opened.record.purpose, opened.record.model_sha256, opened.record.number)
    assert about == ("feature review", plan_of(tested).model_sha256, 1)
    assert (opened.subject.id, opened.actor.person) == ("NES-A", "s.moberg")


def test_labels_and_cultures_are_not_shown(tested: Any, tmp_path: Path) -> None:
    """Where the model was wrong cannot be read off the page: the words of a class stand there only as an outcome."""
    seen = sheet(tested, tmp_path)
    text = re.sub(r'base64,[^"]+', "", seen.html.decode())
    outcomes = [item.outcome for item in seen.shown]
    assert text.count("not conforming") == outcomes.count("not conforming")
    assert not re.search(r"\bT\d\d\b(?!-F)|\bN\d\d\b", text)


def test_the_shares_are_those_of_the_recorded_map(tested: Any, tmp_path: Path) -> None:
    """The border, worked out again from the recorded map alone: 1 minus the weight in the inner 80 per cent."""
    item = sheet(tested, tmp_path).shown[0]
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
    """A simulated culture that fills the image, so that contrast finds next to nothing in it."""
    seen = sheet(tested, tmp_path)
    odd = sum(not 0.05 <= float(item.area.cells) <= 0.95 for item in seen.shown)
    assert odd > 0
    assert seen.html.decode().count("the shares on cells and on background then say nothing") == odd


@pytest.mark.requirement("UR-MODELS-18", reviewed="42b2ecb0")
def test_every_answer_is_signed_and_the_documents_are_kept(tested: Any, tmp_path: Path) -> None:
    seen = sheet(tested, tmp_path)
    names = [item.image for item in seen.shown]
    said = dict(zip(names, ("cells", "scale bar or text", "edge", "cells"), strict=True))
    review(tested, seen, said)
    (entry,) = tested.entries("features_reviewed")
    record = entry.record
    assert [(item.image, item.place) for item in record.seen] == list(said.items())
    assert [item.png_sha256 for item in record.seen] == [sha256_hex(item.png) for item in seen.shown]
    assert {count.place: count.images for count in record.counts} == {
        "cells": 2, "background": 0, "edge": 1, "debris": 0, "scale bar or text": 1, "cannot tell": 0,
    }  # fmt: skip
    assert (record.plan, record.test, record.sensible, record.comment) == (1, 1, True, WHY)
    assert tested.site.objects.read(record.html_sha256) == seen.html
    assert tested.site.objects.read(record.pdf_sha256) == seen.pdf
    assert record.signature.statement == tested.shown
    statement = Statement.parse(tested.shown)
    assert (statement.meaning, statement.person) == ("features reviewed", "s.moberg")
    assert "Weight seen, cells: 2 of 4: 1, 4" in statement.summary
    assert "Weight seen, scale bar or text: 1 of 4: 2" in statement.summary
    assert "Weight seen, debris: 0 of 4: none" in statement.summary
    assert "The features make sense: yes" in statement.summary
    with tested.site.ledger.reading() as reader:
        assert list(check_signatures(reader)) == []


def test_images_without_a_map_are_named_and_not_asked_about(founded: Any, tmp_path: Path) -> None:
    """The intended use asks for more focus than the blurriest image of the sample has."""
    bench = Bench(founded)
    manifest = write_images(tmp_path / "set")
    model = bench.install(package(tmp_path / "package"), intended=False)
    bench.seal(manifest)
    space = model.manifest.input_space
    images = tmp_path / "set" / "images"
    focus = {path.name: focus_of(path, space) for path in images.iterdir()}
    bench.intend(model)
    bench.plan(model)
    sample = {name: focus[name] for name in drawn_by_hand(founded)}
    *_, second = sorted(sample, key=sample.__getitem__)[:2]
    use = models.models(founded.session("expert"))[model.model_sha256].intended_use.intended_use
    sharper = use.model_copy(update={"input_space": space.model_copy(update={"focus_min": str(sample[second])})})
    intended_use.intend(
        founded.session("expert"), NAME, sharper, "Only sharp images were studied", founded.signs("expert")
    )
    bench.plan(model)
    run_test(founded)
    seen = sheet(founded, tmp_path)
    (refused,) = seen.without_map
    assert sample[refused] < sample[second]
    assert len(seen.shown) == 3
    assert f"without a map: {refused}." in seen.html.decode()
    review(founded, seen)
    assert founded.entries("features_reviewed")[0].record.without_map == (refused,)


def focus_of(path: Path, space: Any) -> Decimal:
    findings = check(decode(path.read_bytes(), name=path.name), space, pixel_size_um="1").findings
    return next(Decimal(finding.measured) for finding in findings if finding.rule == "INPUT-FOCUS")


@pytest.mark.requirement("UR-MODELS-18", reviewed="42b2ecb0", negative=True)
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


def test_without_a_completed_test_there_is_nothing_to_review(planned: Any, tmp_path: Path) -> None:
    read = len(planned.entries("test_set_read"))
    with pytest.raises(OutOfSequenceError, match="no test of this package was completed"):
        sheet(planned, tmp_path)

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_tests.run(planned.session("operator"), NAME, None, stop)
    with pytest.raises(OutOfSequenceError, match="no test of this package was completed"):
        sheet(planned, tmp_path)
    assert not (tmp_path / "review").exists()
    assert [e for e in planned.entries("test_set_read")[read:] if e.record.purpose == "feature review"] == []
    assert planned.refused() == [("s.moberg", "models.features", "OutOfSequenceError")] * 2


def test_a_package_that_is_not_installed_is_not_found(founded: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no installed model fits"):
        sheet(founded, tmp_path)


def test_another_role_opens_nothing(tested: Any, tmp_path: Path) -> None:
    for who in ("admin", "qa", "operator", "reviewer", "scientist", "custodian", "auditor"):
        with pytest.raises(NotAuthorisedError):
            sheet(tested, tmp_path, who)
    assert openings(tested) == []


def openings(world: Any) -> list[Any]:
    return [e for e in world.entries("test_set_read") if e.record.purpose == "feature review"]


def test_who_ran_the_test_or_installed_the_package_does_not_review_it(planned: Any, tmp_path: Path) -> None:
    people.grant(
        planned.session("qa"), "o.brannstrom", "subject matter expert", "T", None, "Second role", planned.signs("qa")
    )
    run_test(planned)
    with pytest.raises(NotAuthorisedError, match="nobody reviews the features of a test they ran"):
        sheet(planned, tmp_path, "operator")
    # The scientist who installed it changes sides.
    people.revoke(planned.session("qa"), "d.sandell", "data scientist", "Moves to the process")
    people.grant(
        planned.session("qa"), "d.sandell", "subject matter expert", "T", None, "Second role", planned.signs("qa")
    )
    with pytest.raises(NotAuthorisedError, match="nobody reviews the features of a model they installed"):
        sheet(planned, tmp_path, "scientist")
    assert openings(planned) == []


def test_nothing_is_overwritten(tested: Any, tmp_path: Path) -> None:
    (tmp_path / "review").mkdir()
    with pytest.raises(InvalidInputError, match="something of this name"):
        sheet(tested, tmp_path)
    with pytest.raises(InvalidInputError, match=r"there is no folder .*nowhere.*Make the folder first"):
        features.sheet(tested.session("expert"), NAME, tmp_path / "nowhere" / "review")
    assert list((tmp_path / "review").iterdir()) == []
    assert openings(tested) == [], "the set was not opened for it"


@pytest.mark.parametrize("what", ["image", "content"])
def test_an_edited_object_is_refused_and_the_refusal_recorded(tested: Any, tmp_path: Path, what: str) -> None:
    image = next(i for i in content_of(tested).images if i.image == drawn_by_hand(tested)[0])
    path = tested.site.objects.path(plan_of(tested).content_sha256 if what == "content" else image.sha256)
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
    bench = Bench(tested)
    bench.seal(write_images(tmp_path / "other", first=100), "NES-B")
    bench.plan(the_model(tested), written_plan(test_set="NES-B"))
    with pytest.raises(OutOfSequenceError, match="no test of this package was completed by its last plan"):
        review(tested, seen)
    run_test(tested)
    with pytest.raises(OutOfSequenceError, match="test 2 has taken the place of test 1"):
        review(tested, seen)
    assert tested.entries("features_reviewed") == []


def the_model(world: Any) -> Any:
    (model,) = models.models(world.session("auditor")).values()
    return model


def test_the_largest_review_fits_into_one_entry_of_the_log(tested: Any, tmp_path: Path) -> None:
    """A hundred images whose names are as long as a seal takes them, comment and reason of characters of four bytes."""
    small, length = sheet(tested, tmp_path), test_records.IMAGE_NAME_BYTES
    names = [f"{number:03d}".ljust(length, "n") for number in range(SAMPLE_MAX)]
    images = tuple(replace(small.shown[0], image=name) for name in names)
    seen = replace(small, shown=images)
    comment, reason = "\N{MICROSCOPE}" * 2000, "\N{MICROSCOPE}" * 1000
    places: Any = dict.fromkeys((item.image for item in images), "scale bar or text")
    features.review(tested.session("expert"), seen, places, True, comment, tested.signs("expert"), reason)
    entry = tested.entries("features_reviewed")[0]
    assert [len(item.image) for item in entry.record.seen] == [length] * SAMPLE_MAX


def test_a_missing_page_is_found_by_the_verification_of_the_site(tested: Any, tmp_path: Path) -> None:
    review(tested, sheet(tested, tmp_path))
    entry = tested.entries("features_reviewed")[0]
    tested.site.objects.path(entry.record.html_sha256).unlink()
    tested.close()
    failed = [step.detail for step in verify(tested.paths).steps if not step.passed]
    assert any(f"first bad record: entry {entry.index}; " in detail and "is missing" in detail for detail in failed)


@pytest.mark.requirement("UR-MODELS-18", reviewed="42b2ecb0", negative=True)
def test_only_features_that_make_sense_let_a_real_package_be_approved(tested: Any, tmp_path: Path) -> None:
    bench, model = Bench(tested), the_model(tested)
    with pytest.raises(OutOfSequenceError, match="no expert has reviewed the heat maps"):
        bench.approve(model)
    seen = sheet(tested, tmp_path)
    review(tested, seen, sensible=False)
    with pytest.raises(OutOfSequenceError, match=f"Siv Moberg found that the features do not make sense: {WHY}"):
        bench.approve(model)
    assert tested.entries("model_approved") == []
    with pytest.raises(OutOfSequenceError, match=r"entry \d+, by Siv Moberg: no; another review needs a reason"):
        review(tested, seen, sensible=True)
    with pytest.raises(NotAuthorisedError, match=f"nobody turns their own no into a yes: entry [0-9]+, {WHY}"):
        review(tested, seen, sensible=True, reason="Looked at it again")
    (first,) = the_model(tested).feature_reviews
    second = second_expert(tested)
    (tmp_path / "other").mkdir()
    with pytest.raises(OutOfSequenceError, match="another review needs a reason"):
        sheet(tested, tmp_path / "other", second)
    why = "A second opinion after DEV-0040"
    review(tested, sheet(tested, tmp_path / "other", second, why), who=second, reason=why)
    bench.approve(model)
    last = the_model(tested).feature_reviews[-1]
    no = f"  Heat maps of test 1 reviewed by Siv Moberg (s.moberg), entry {first.index}: the features do not make "
    yes = f"({last.person}), entry {last.index}: the features make sense; reviewed again because: {why}\n"
    assert f"{no}sense\n" in tested.shown
    assert yes in tested.shown
    assert last.person != first.person
    with pytest.raises(NotAuthorisedError, match="nobody turns their own no"):
        review(tested, seen, sensible=True, reason="Now that it is approved")


def second_expert(world: Any) -> str:
    """The reviewer is a subject matter expert as well."""
    why, expert = "Needed for this test", "subject matter expert"
    people.grant(world.session("qa"), PEOPLE["reviewer"][0], expert, "TR-9", None, why, world.signs("qa"))
    return "reviewer"


def test_a_demonstration_needs_no_review(ready: Any) -> None:
    (entry,) = ready.entries("model_approved")
    assert "The heat maps of that test are not reviewed" in entry.record.signature.statement


def test_a_review_of_an_earlier_test_does_not_count(tested: Any, tmp_path: Path) -> None:
    review(tested, sheet(tested, tmp_path))
    bench, model = Bench(tested), the_model(tested)
    bench.seal(write_images(tmp_path / "other", first=100), "NES-B")
    bench.plan(model, written_plan(test_set="NES-B"))
    run_test(tested)
    with pytest.raises(OutOfSequenceError, match="no expert has reviewed the heat maps"):
        require_sensible(the_model(tested), bench.tests(model))
