"""The manifest: one clear refusal for each thing that can be wrong, and nothing dropped silently."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.datasets.boxes import read_boxes
from nesqc_gmp.datasets.manifest import ManifestRow, read_manifest, require_two_classes
from nesqc_gmp.datasets.split import groups_of, require_apart, split_groups
from nesqc_gmp.errors import InvalidInputError

HEAD = "image,label,culture,donor"


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a manifest and two files it can name."""
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(name.encode())

    def write(*lines: str, head: str = HEAD) -> Path:
        path = tmp_path / "manifest.csv"
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        return path

    return write


def test_rows_carry_the_digest_of_their_file(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written("a.png,conforming,C1,D1,left", "b.png,not conforming,C2,D2,right", head=HEAD + ",side")
    manifest = read_manifest(path, tmp_path)
    assert [row.sha256 for row in manifest.rows] == [hashlib.sha256(n).hexdigest() for n in (b"a.png", b"b.png")]
    assert manifest.rows[1].group("side") == "right"
    (tmp_path / "b.png").write_bytes(b"other")
    assert read_manifest(path, tmp_path).sha256 != manifest.sha256


def test_a_manifest_or_a_folder_that_is_not_there_is_named(written: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nowhere.csv: there is no such file. Check the name"):
        read_manifest(tmp_path / "nowhere.csv", tmp_path)
    with pytest.raises(InvalidInputError, match=r"there is no folder .*missing. Name the folder in which"):
        read_manifest(written("a.png,conforming,C1,D1"), tmp_path / "missing")


def test_a_manifest_that_is_no_text_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe would wait for its other end."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "latin.csv").write_bytes("image,label,culture,dönor\n".encode("latin-1"))
    (tmp_path / "zeros.csv").write_bytes(b"image\0")
    for name, said in (("pipe", "no such file"), ("latin", "byte 21 is not UTF-8"), ("zeros", "not a CSV file")):
        with pytest.raises(InvalidInputError, match=said):
            read_manifest(tmp_path / f"{name}.csv", tmp_path)


WRONG = {
    "missing column": ((), "image,label,culture", "donor is missing"),
    "wrong labels column": (("a.png,good,C1,D1",), HEAD, "'good' is no label"),
    "empty culture": (("a.png,conforming, ,D1",), HEAD, "column culture: is empty"),
    "missing file": (("z.png,conforming,C1,D1",), HEAD, "no file 'z.png'"),
    "twice": (("a.png,conforming,C1,D1", "a.png,conforming,C1,D1"), HEAD, "named in line 2 already"),
    "out of the folder": (("../a.png,conforming,C1,D1",), HEAD, "leads out"),
    "absolute": (("/etc/hosts,conforming,C1,D1",), HEAD, "leads out"),
    "lying digest": (("a.png,conforming,C1,D1," + "0" * 64,), HEAD + ",sha256", "another digest"),
    "too few cells": (("a.png,conforming,C1",), HEAD, "another number of cells"),
    "too many cells": (("a.png,conforming,C1,D1,x",), HEAD, "another number of cells"),
    "no row": ((), HEAD, "names no image"),
    "semicolons": (
        ("a.png;conforming;C1;D1",),
        HEAD.replace(",", ";"),
        "divided by semicolons. Save the manifest as CSV with commas",
    ),
    "tabulators": (
        ("a.png\tconforming\tC1\tD1",),
        HEAD.replace(",", "\t"),
        "divided by tabulators. Save the manifest as CSV with commas",
    ),
    "column twice": (("a.png,conforming,C1,D1,D1",), HEAD + ",donor", "two have the same"),
    "culture in other capitals": (("a.png,conforming,C1,D1", "b.png,conforming,c1,D1"), HEAD, "'c1' was written 'C1'"),
    "donor in other capitals": (("a.png,conforming,C1,Da", "b.png,conforming,C2,DA"), HEAD, "'DA' was written 'Da'"),
    "accent of two signs": (("a.png,conforming,Cu\u0308,D1",), HEAD, "column culture"),
    "blank that is not seen": (("a.png,conforming,C\u200b1,D1",), HEAD, "column culture"),
    "huge cell": (("a.png,conforming,C1," + "D" * 200_000,), HEAD, "is not CSV"),
    "long culture": (("a.png,conforming,C1," + "D" * 65,), HEAD, "column donor"),
    "same file by another path": (("a.png,conforming,C1,D1", "./a.png,conforming,C2,D2"), HEAD, "column image"),
    "folder": ((".,conforming,C1,D1",), HEAD, "no file"),
    "windows path": (("..\\a.png,conforming,C1,D1",), HEAD, "leads out"),
    "boxes out of the folder": (("a.png,conforming,C1,D1,../b.xml",), HEAD + ",objects", "leads out"),
    "simulated perhaps": (("a.png,conforming,C1,D1,perhaps",), HEAD + ",simulated", "neither yes nor no"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_one_refusal_that_names_place_and_remedy(kind: str, written: Callable[..., Path], tmp_path: Path) -> None:
    lines, head, said = WRONG[kind]
    with pytest.raises(InvalidInputError) as refusal:
        read_manifest(written(*lines, head=head), tmp_path)
    assert said in str(refusal.value)
    assert "manifest.csv" in str(refusal.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    for data in (b"\xff\xfe\x00", b"image\0,label", b""):
        (tmp_path / "m.csv").write_bytes(data)
        with pytest.raises(InvalidInputError, match=r"m\.csv"):
            read_manifest(tmp_path / "m.csv", tmp_path)


def test_a_hundred_thousand_rows_are_read_to_the_first_fault(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    for number in range(50):
        (tmp_path / "f" / f"{number}.png").write_bytes(b"x")
    lines = [f"f/{n}.png,conforming,C{n},D1" for n in range(50)] + [f"f/{n % 50}.png,x,C,D" for n in range(99_950)]
    (tmp_path / "m.csv").write_text("\n".join([HEAD, *lines]))
    with pytest.raises(InvalidInputError, match="line 52, column label"):
        read_manifest(tmp_path / "m.csv", tmp_path)


def test_one_culture_is_never_two_by_a_blank(written: Callable[..., Path], tmp_path: Path) -> None:
    rows = read_manifest(written("a.png,conforming,C1,D1", "b.png,conforming, C1 ,D1"), tmp_path).rows
    assert rows[0].culture == rows[1].culture


def test_one_class_is_refused(written: Callable[..., Path], tmp_path: Path) -> None:
    rows = read_manifest(written("a.png,conforming,C1,D1", "b.png,conforming,C2,D2"), tmp_path).rows
    with pytest.raises(InvalidInputError, match="only images that are conforming"):
        require_two_classes(rows, "manifest")


@pytest.mark.requirement("UR-TEST-SETS-07", reviewed="e945d2e2")
def test_excluded_image_stays_with_its_reason(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written("a.png,conforming,C1,D1,out of focus", "b.png,conforming,C1,D1,", head=HEAD + ",excluded")
    manifest = read_manifest(path, tmp_path)
    assert [row.excluded for row in manifest.rows] == ["out of focus", None]
    assert [row.image for row in manifest.used] == ["b.png"]


def boxed(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "b.xml"
    path.write_text(f"<annotation>{body}</annotation>")
    return path


BOX = (
    "<object><name>Dead Cell</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


def test_boxes_are_cut_at_the_border(tmp_path: Path) -> None:
    (box,) = read_boxes(boxed(tmp_path, BOX.format(-5, 2, 300, 20)), 220, 200)
    assert (box.name, box.left, box.top, box.right, box.bottom) == ("Dead Cell", 0, 2, 220, 20)


@pytest.mark.parametrize(
    "body", [BOX.format(30, 2, 20, 20), BOX.format(300, 2, 320, 20), BOX.format("x", 1, 2, 3), "<object>", ""]
)
def test_no_box_is_refused_or_empty(body: str, tmp_path: Path) -> None:
    if not body:
        assert read_boxes(boxed(tmp_path, body), 220, 200) == ()
        return
    with pytest.raises(InvalidInputError, match=r"b\.xml"):
        read_boxes(boxed(tmp_path, body), 220, 200)


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    path = tmp_path / "b.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "bbbb">]><annotation>&b;</annotation>')
    with pytest.raises(InvalidInputError, match="document type"):
        read_boxes(path, 10, 10)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp037"])
def test_document_type_is_refused_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    """Nine levels of ten would be a gigabyte."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(9))
    body = f"<!DOCTYPE a [{levels}]><annotation><object><name>&e8;</name></object></annotation>"
    path = tmp_path / "b.xml"
    path.write_bytes(f'<?xml version="1.0" encoding="{encoding}"?>{body}'.encode(encoding))
    with pytest.raises(InvalidInputError, match=r"b\.xml"):
        read_boxes(path, 10, 10)


@pytest.mark.parametrize(
    "data", [b"", b"<html/>", b"\x89PNG", b'<?xml version="1.0" encoding="no-such"?><annotation/>']
)
def test_other_files_are_no_boxes(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.xml").write_bytes(data)
    with pytest.raises(InvalidInputError, match=r"b\.xml"):
        read_boxes(tmp_path / "b.xml", 10, 10)


Rows = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5), st.booleans()), min_size=1, max_size=40)


@pytest.mark.requirement("UR-MODELS-23", reviewed="fd438ad3")
@settings(max_examples=60, deadline=None)
@given(Rows, st.integers(0, 5))
def test_groups_are_never_divided(cells: list[tuple[int, int, bool]], seed: int) -> None:
    rows = rows_of(cells)
    for members in groups_of(rows, ("culture", "donor")):
        assert members
    try:
        found = split_groups(rows, {"training": 0.6, "test": 0.4}, by=("culture", "donor"), seed=seed)
    except InvalidInputError:
        assert len(groups_of(rows, ("culture", "donor"))) < 4
        return
    require_apart(rows, found, ("culture", "donor"))
    assert found == split_groups(rows, {"training": 0.6, "test": 0.4}, by=("culture", "donor"), seed=seed)
    assert set(found) == {"training", "test"}


@pytest.mark.requirement("UR-MODELS-23", reviewed="fd438ad3", negative=True)
def test_culture_in_two_splits_is_refused() -> None:
    rows = rows_of([(1, 1, True), (1, 1, True)])
    with pytest.raises(InvalidInputError, match="culture C1 is in training and in test"):
        require_apart(rows, ["training", "test"], ("culture",))


def test_shared_donor_joins_cultures() -> None:
    """C1 and C2 share donor D1, C2 and C3 share a culture's donor D2: by hand one group; C9 stands alone."""
    rows = rows_of([(1, 1, True), (2, 1, True), (2, 2, False), (3, 2, False), (8, 5, True)])
    assert groups_of(rows, ("culture", "donor")) == ((0, 1, 2, 3), (4,))


def rows_of(cells: list[tuple[int, int, bool]]) -> tuple[ManifestRow, ...]:
    return tuple(
        ManifestRow(
            image=f"{number}.png",
            label="conforming" if good else "not conforming",
            culture=f"C{culture}",
            donor=f"D{donor}",
            passage="",
            instrument="",
            operator="",
            readers=(),
            sha256="0" * 64,
            objects=None,
            simulated=True,
            excluded=None,
            attributes=(),
        )
        for number, (culture, donor, good) in enumerate(cells)
    )


def test_the_digest_covers_the_bytes_of_the_boxes(tmp_path: Path) -> None:
    """Boxes decide what a map learns, so other boxes are another manifest."""
    file = tmp_path / "boxes.csv"
    rows = ["image,label,culture,donor,objects"]
    for number, label in enumerate(("conforming", "not conforming")):
        (tmp_path / f"{number}.png").write_bytes(bytes([number]))
        (tmp_path / f"{number}.xml").write_text("<annotation/>", encoding="utf-8")
        rows.append(f"{number}.png,{label},C{number},D{number},{number}.xml")
    file.write_text("\n".join(rows), encoding="utf-8")
    before = read_manifest(file, tmp_path).sha256
    assert read_manifest(file, tmp_path).sha256 == before
    (tmp_path / "1.xml").write_text("<annotation> </annotation>", encoding="utf-8")
    assert read_manifest(file, tmp_path).sha256 != before


def test_a_name_that_no_file_system_takes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text(f"image,label,culture,donor\n{'a' * 300}.png,conforming,C1,D1\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="cannot be looked at") as refusal:
        read_manifest(file, tmp_path)
    assert "line 2" in str(refusal.value.where)
