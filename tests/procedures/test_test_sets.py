"""Sealing a test set: what is refused, what is counted, who may open it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError, NotAuthorisedError, NotFoundError, OutOfSequenceError
from nesqc_gmp.procedures import people, test_sets
from nesqc_gmp.records import model_tests as records
from tests.conftest import PEOPLE, World
from tests.procedures import model_tests as small
from tests.procedures.model_tests import SET, Bench


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cultures of each label."""
    return small.write_images(tmp_path_factory.mktemp("small-set") / "set", cultures=2, fields=2)


@pytest.fixture
def manifest(origin: Path, tmp_path: Path) -> Path:
    """A copy to be altered."""
    shutil.copytree(origin.parent, tmp_path / "set")
    return tmp_path / "set" / "manifest.csv"


@pytest.fixture
def bench(founded: World) -> Bench:
    return Bench(founded)


def altered(manifest: Path, place: int, **changes: str) -> Path:
    rows = small.read_manifest(manifest)
    rows[place] |= changes
    return small.write_manifest(manifest.parent, rows)


def nothing_sealed(world: World) -> bool:
    return not world.entries("test_set_sealed") and not any(world.site.objects.digests())


@pytest.mark.requirement("UR-TEST-SETS-01", reviewed="98aeb679")
def test_a_seal_counts_and_keeps_every_byte(bench: Bench, manifest: Path) -> None:
    """Counted by hand: eight images, four cultures, two donors."""
    altered(manifest, 0, **{"reading anna": "not conforming"})
    sealed = bench.seal(manifest)
    counts = (sealed.images, sealed.conforming, sealed.not_conforming, sealed.cultures_conforming, sealed.donors)
    assert counts == (8, 4, 4, 2, 2)
    assert (sealed.subgroups, sealed.readers, sealed.simulated, sealed.excluded) == (
        ("instrument",),
        ("anna", "bo"),
        0,
        0,
    )
    content = test_sets.read_content(bench.world.site, sealed)
    assert sha256_hex(canonical_json(content.model_dump(mode="json"))) == sealed.content_sha256
    first = content.images[0]
    assert first.readings == (("anna", "not conforming"), ("bo", "conforming"))
    assert (first.label, first.pixel_size_um, first.subgroups) == ("conforming", "1", (("instrument", "M0"),))
    for image in content.images:
        original = (manifest.parent / "images" / image.image).read_bytes()
        assert bench.world.site.objects.read(image.sha256) == original


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": "good"}, "is no label"),
        ({"culture": ""}, "is empty"),
        ({"sha256": "0" * 64}, "another digest"),
        ({"image": "../x.png"}, "leads out of the folder"),
        ({"image": "missing.png"}, "there is no file"),
        ({"label": "not conforming"}, "images of both labels"),
        ({"culture": "t02"}, "was written"),
        ({"reading bo": "perhaps"}, "is no reading"),
        ({"pixel_size_um": ""}, r"T00-F1.png, column pixel_size_um: neither the file nor the manifest.*exclude"),
        ({"pixel_size_um": "0"}, r"T00-F1.png, column pixel_size_um: '0' is no pixel size.*above 0"),
        ({"pixel_size_um": "-1"}, "'-1' is no pixel size"),
        ({"pixel_size_um": "0,65"}, "'0,65' is no pixel size"),
        ({"pixel_size_um": "1e3"}, "'1e3' is no pixel size"),
        ({"readers": "anna;;bo"}, "line 2, column readers: an id of a reader is empty"),
        ({"readers": "anna; "}, "an id of a reader is empty"),
        ({"readers": ";"}, "an id of a reader is empty"),
        ({"readers": "anna;Anna"}, "a reader is named twice"),
        ({"readers": "anna x"}, "column readers"),
        ({"instrument": "M" * 201}, "T00-F1.png, column 'instrument'.*at most 200 visible"),
        ({"instrument": "M\u200b0"}, "characters that nobody sees"),
    ],
)
def test_a_wrong_manifest_is_refused_and_nothing_is_kept(
    changes: dict[str, str], said: str, bench: Bench, manifest: Path
) -> None:
    altered(manifest, 0, **({"sha256": ""} | changes))
    with pytest.raises(InvalidInputError, match=said):
        bench.seal(manifest)
    assert nothing_sealed(bench.world)


@pytest.mark.requirement("UR-TEST-SETS-06", reviewed="579e4004", negative=True)
@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("reading", "looks like readings"),
        ("Reading anna", "looks like readings"),
        ("reading_anna", "looks like readings"),
        ("readings anna", "looks like readings"),
        ("redaing anna", "looks like readings"),
        ("reading anna x", "'anna x' is no id of a reader"),
        ("reading  bo", "the column reading bo is of the same reader|the column reading  bo is of the same reader"),
        ("reading Bo", "is of the same reader"),
    ],
)
def test_a_column_that_looks_like_readings_and_is_none_is_refused(
    column: str, said: str, bench: Bench, manifest: Path
) -> None:
    """Taken for a subgroup, it would leave the set without the readings it was sealed for."""
    rows = small.read_manifest(manifest)
    renamed = [{column if name == "reading anna" else name: value for name, value in row.items()} for row in rows]
    with pytest.raises(InvalidInputError, match=f"line 1, column .*({said})"):
        bench.seal(small.write_manifest(manifest.parent, renamed))
    assert nothing_sealed(bench.world)


def test_a_file_and_a_manifest_that_state_two_pixel_sizes_are_refused(bench: Bench, manifest: Path) -> None:
    """25 400 dots per inch are one micrometre; the manifest says two. Within 1 % they agree."""
    path = manifest.parent / "images" / "T00-F1.png"
    Image.open(path).save(path, dpi=(25_400, 25_400))
    with pytest.raises(InvalidInputError, match=r"states a pixel size of 1\.0000.*, the manifest 2"):
        bench.seal(altered(manifest, 0, pixel_size_um="2"))
    assert nothing_sealed(bench.world)
    bench.seal(altered(manifest, 0, pixel_size_um="1.005"))


def test_a_name_is_as_long_as_a_review_can_carry(bench: Bench, manifest: Path) -> None:
    """The limit itself is sealed; one byte more is refused. An umlaut takes two bytes."""
    images, limit = manifest.parent / "images", records.IMAGE_NAME_BYTES
    fitting = "ö" * ((limit - 4) // 2) + ".png"
    assert len(fitting.encode()) == limit
    for name in (f"n{fitting}", "n" * (limit - 3) + ".png", "f\u200b.png", "two\nlines.png"):
        shutil.copy(images / "T00-F1.png", images / name)
        with pytest.raises(InvalidInputError, match=rf"column image: the name .*at most {limit} bytes"):
            bench.seal(altered(manifest, 0, image=name))
    assert nothing_sealed(bench.world)
    (images / "T00-F1.png").rename(images / fitting)
    assert bench.seal(altered(manifest, 0, image=fitting)).images == 8


def test_a_set_that_a_model_would_refuse_is_no_plan(bench: Bench, manifest: Path, tmp_path: Path) -> None:
    """The package takes 0.95 to 1.05 micrometres. Where one class is outside nothing is spent."""
    rows = small.read_manifest(manifest)
    for row in rows:
        row["pixel_size_um"] = "1" if row["label"] == "conforming" else "2.5"
    bench.seal(small.write_manifest(manifest.parent, rows))
    model = bench.install(small.package(tmp_path / "package"))
    with pytest.raises(OutOfSequenceError, match=r"none of the 4 not conforming images.*INPUT-PIXEL-SIZE is 2.5.*show"):
        bench.plan(model)
    assert bench.world.refused()[-1] == ("q.ekstrom", "models.plan", "OutOfSequenceError")
    assert not bench.world.entries("test_plan_frozen")
    next(row for row in rows if row["label"] == "not conforming")["pixel_size_um"] = "1"
    bench.seal(small.write_manifest(manifest.parent, rows), "NES-B")
    bench.plan(model, small.plan_of(test_set="NES-B"))
    outside = sum(row["pixel_size_um"] != "1" for row in rows)
    assert f"WARNING: {outside} of 8 images lie outside the input sample space" in bench.world.shown
    assert f"counts as wrong: INPUT-PIXEL-SIZE {outside}" in bench.world.shown


def test_a_set_of_one_class_is_refused(bench: Bench, manifest: Path) -> None:
    rows = [row for row in small.read_manifest(manifest) if row["label"] == "conforming"]
    with pytest.raises(InvalidInputError, match="only images that are conforming"):
        bench.seal(small.write_manifest(manifest.parent, rows))
    assert nothing_sealed(bench.world)


@pytest.mark.requirement("UR-TEST-SETS-09", reviewed="4bc97452", negative=True)
def test_an_image_with_a_drawing_is_refused(bench: Bench, manifest: Path) -> None:
    path = manifest.parent / "images" / "T00-F1.png"
    samples = np.array(Image.open(path))
    samples[-30:-20, -120:-20] = 255
    Image.fromarray(samples).save(path)
    with pytest.raises(InvalidInputError, match="bar is drawn into the image"):
        bench.seal(manifest)
    assert nothing_sealed(bench.world)


@pytest.mark.requirement("UR-TEST-SETS-07", reviewed="e945d2e2", negative=True)
def test_a_damaged_image_is_refused_or_excluded_with_a_reason(bench: Bench, manifest: Path) -> None:
    path = manifest.parent / "images" / "T00-F1.png"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InvalidInputError, match="excluded"):
        bench.seal(manifest)
    sealed = bench.seal(altered(manifest, 0, excluded="The file is cut short"))
    assert (sealed.images, sealed.excluded) == (7, 1)
    assert test_sets.read_content(bench.world.site, sealed).excluded == (("T00-F1.png", "The file is cut short"),)


@pytest.mark.requirement("UR-TEST-SETS-06", reviewed="579e4004")
def test_copies_with_different_labels_are_listed(bench: Bench, manifest: Path) -> None:
    """The same picture, saved again, under a culture of the other label."""
    images = manifest.parent / "images"
    Image.open(images / "T00-F1.png").transpose(Image.Transpose.ROTATE_90).save(images / "T01-F1.png")
    sealed = bench.seal(manifest)
    assert sealed.copies == 1
    assert [pair.split(":")[0] for pair in sealed.conflicting] == ["T00-F1.png and T01-F1.png"]


@pytest.mark.requirement("UR-TEST-SETS-09", reviewed="4bc97452", negative=True)
@pytest.mark.parametrize(
    ("saved_again", "changes", "kind"),
    [
        (False, {"culture": "K9"}, "same bytes"),
        (False, {"donor": "D9"}, "same bytes"),
        (True, {"culture": "K9", "donor": "D9"}, "same pixels"),
    ],
)
def test_one_image_is_not_two_cultures(
    saved_again: bool, changes: dict[str, str], kind: str, bench: Bench, manifest: Path
) -> None:
    """Twelve copies of two images would give the bound of twelve cultures."""
    images, rows = manifest.parent / "images", small.read_manifest(manifest)
    if saved_again:
        Image.open(images / "T00-F1.png").save(images / "copy.png", compress_level=1)
    else:
        shutil.copy(images / "T00-F1.png", images / "copy.png")
    small.write_manifest(manifest.parent, [*rows, rows[0] | {"image": "copy.png"} | changes])
    with pytest.raises(InvalidInputError, match=f"different cultures or donors: T00-F1.png and copy.png: {kind}"):
        bench.seal(manifest)
    assert nothing_sealed(bench.world)


def test_one_image_twice_in_one_culture_is_no_further_unit(bench: Bench, manifest: Path) -> None:
    images, rows = manifest.parent / "images", small.read_manifest(manifest)
    shutil.copy(images / "T00-F1.png", images / "copy.png")
    sealed = bench.seal(small.write_manifest(manifest.parent, [*rows, rows[0] | {"image": "copy.png"}]))
    assert (sealed.copies, sealed.copies_across, sealed.cultures_conforming) == (1, 0, 2)


def test_near_copies_across_cultures_are_a_warning_in_the_plan(bench: Bench, manifest: Path, tmp_path: Path) -> None:
    """One picture turned, under a culture and a donor of its own."""
    images, rows = manifest.parent / "images", small.read_manifest(manifest)
    Image.open(images / "T00-F1.png").transpose(Image.Transpose.ROTATE_90).save(images / "turned.png")
    more = rows[0] | {"image": "turned.png", "culture": "K9", "donor": "D9"}
    assert bench.seal(small.write_manifest(manifest.parent, [*rows, more])).copies_across == 1
    bench.plan(bench.install(small.package(tmp_path / "package")))
    assert "WARNING: 1 pair of images looks like copies across cultures or donors" in bench.world.shown


def test_an_id_is_used_once(bench: Bench, manifest: Path) -> None:
    bench.seal(manifest)
    with pytest.raises(InvalidInputError, match="never changed"):
        bench.seal(manifest)
    assert len(bench.world.entries("test_set_sealed")) == 1


@pytest.mark.requirement("UR-TEST-SETS-01", reviewed="98aeb679", negative=True)
@pytest.mark.requirement("UR-TEST-SETS-02", reviewed="0205f6eb", negative=True)
@pytest.mark.parametrize("who", sorted(set(PEOPLE) - {"custodian"}))
def test_only_the_custodian_seals_and_opens(who: str, bench: Bench, manifest: Path) -> None:
    with pytest.raises(NotAuthorisedError):
        bench.seal(manifest, who=who)
    bench.seal(manifest)
    with pytest.raises(NotAuthorisedError):
        test_sets.show(bench.world.session(who), SET)
    assert not bench.world.entries("test_set_read")
    refused = [act for person, act, _ in bench.world.refused() if person == PEOPLE[who][0]]
    assert refused == ["test-sets.seal", "test-sets.show"]


@pytest.mark.parametrize("who", sorted(set(PEOPLE) - {"custodian", "qa"}))
def test_others_do_not_consume(who: str, bench: Bench, manifest: Path) -> None:
    bench.seal(manifest)
    with pytest.raises(NotAuthorisedError):
        bench.consume(who=who)
    assert not bench.world.entries("test_set_consumed")


@pytest.mark.requirement("UR-TEST-SETS-05", reviewed="c6902c20")
def test_consuming_is_signed_with_a_reason(bench: Bench, manifest: Path) -> None:
    bench.seal(manifest)
    with pytest.raises(InvalidInputError, match="reason"):
        test_sets.consume(bench.world.session("qa"), SET, "x", bench.world.signs("qa"))
    bench.consume()
    (listed,) = test_sets.listed(bench.world.session("auditor"))
    assert listed.state.consumed is not None
    assert listed.state.consumed.endswith("Cajsa Holm: Threshold was moved, CC-12")


def test_an_unknown_set_is_not_found(bench: Bench) -> None:
    for act in (lambda: test_sets.show(bench.world.session("custodian"), "NONE"), lambda: bench.consume("NONE")):
        with pytest.raises(NotFoundError, match="no test set"):
            act()


@pytest.mark.requirement("UR-TEST-SETS-03", reviewed="8800b8ca", negative=True)
def test_who_held_the_one_role_never_gets_the_other(founded: World) -> None:
    """Also after the role was taken away: what was seen was seen."""

    def grant(who: str, role: Any) -> None:
        people.grant(
            founded.session("qa"), PEOPLE[who][0], role, "TR-9", None, "Needed for the tests", founded.signs("qa")
        )

    with pytest.raises(InvalidInputError, match="held together with data scientist"):
        grant("scientist", "test data custodian")
    for who, own, other in (
        ("scientist", "data scientist", "test data custodian"),
        ("custodian", "test data custodian", "data scientist"),
    ):
        people.revoke(founded.session("qa"), PEOPLE[who][0], own, "Leaves the group")  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match=f"held by somebody who was once {own}"):
            grant(who, other)
    grant("scientist", "operator")


def test_a_plan_needs_a_set(bench: Bench, tmp_path: Path) -> None:
    model = bench.install(small.package(tmp_path / "package"))
    with pytest.raises(NotFoundError, match="no test set"):
        bench.plan(model)
    assert not [error for *_, error in bench.world.refused() if error == OutOfSequenceError.__name__]
