"""What people hand in or type: files that do not end, names that cannot be, filters that mean nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.procedures import audit, batches, certificates, model_tests, products
from nesqc_gmp.procedures.files import FILE_LIMIT, read_given_file


def strange(kind: str, folder: Path) -> Path:
    """A file that a reader could wait for or never finish."""
    path = folder / "strange.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        path.touch()
        os.truncate(path, FILE_LIMIT + 1)
    else:
        path = folder / ("x" * 5000)
    return path


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge", "long"])
def test_strange_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = strange(kind, tmp_path)
    for read in (read_given_file, products.read_specification):
        with pytest.raises(InvalidInputError):
            read(path)


def test_a_file_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Nothing was received, so nothing is said of what was."""
    for read in (read_given_file, products.read_specification, model_tests.read_plan):
        with pytest.raises(InvalidInputError) as refused:
            read(tmp_path / "PLAN.toml")
        assert (refused.value.what, refused.value.where) == ("there is no such file", str(tmp_path / "PLAN.toml"))
        assert refused.value.remedy == "Check the name and the folder."


def test_every_wrong_field_of_a_plan_is_named(tmp_path: Path) -> None:
    """Fourteen criteria without a metric, and one wrong field beside them."""
    path = tmp_path / "plan.toml"
    path.write_text('test_set = "A B"\n' + '[[criteria]]\nlimit = "0.5"\ncultures_min = 5\n' * 14)
    with pytest.raises(InvalidInputError) as refused:
        model_tests.read_plan(path)
    named = [*(f"criteria.{number}.metric" for number in range(14)), "test_set", "justification", "seed"]
    assert [field for field in named if f"{field}: " not in refused.value.what] == []


def test_whatever_a_plan_names_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    criterion = '[[criteria]]\nmetric = "kappa"\nlimit = "0.5"\ncultures_min = 5\n'
    other = criterion.replace("kappa", "AUROC") + 'subgroup = ["day", "1"]\n'
    head = 'test_set = "A"\njustification = "x"\nseed = 1\nfeature_images = 1\nsubgroups = ["day", "day"]\n'
    path.write_text(head + (criterion + other) * 2)
    with pytest.raises(InvalidInputError) as refused:
        model_tests.read_plan(path)
    for named in ("subgroup: kappa", "subgroup: AUROC where day is 1", "a subgroup is named twice: day"):
        assert named in refused.value.what


@pytest.mark.parametrize("kind", ["pipe", "device", "huge", "long"])
def test_strange_image_is_not_received(kind: str, analysed: Any, tmp_path: Path) -> None:
    operator = analysed.session("operator")
    batches.register(operator, "B-2", "NES-TEST.v1", "LINE-7", "2026-11-20", "2027-11-20")
    with pytest.raises(InvalidInputError):
        batches.receive(operator, "B-2", batches.incoming([strange(kind, tmp_path)], "C01", 3))
    assert not analysed.batch("B-2").batch.images


def test_strange_certificate_and_checkpoint_fail_to_verify(analysed: Any, tmp_path: Path) -> None:
    path = strange("pipe", tmp_path)
    with pytest.raises(InvalidInputError, match="plain file"):
        certificates.verify(path, site=analysed.paths, evidence=None)
    steps = audit.verify(analysed.paths, checkpoints=[path]).steps
    assert [step.passed for step in steps[:2]] == [True, False]


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_certificates_is_no_anchor(made: bool, analysed: Any, tmp_path: Path) -> None:
    """A mistyped folder must not end in VERIFIED."""
    folder = tmp_path / "certificates"
    if made:
        folder.mkdir()
    with pytest.raises(InvalidInputError, match="holds no certificate"):
        audit.verify(analysed.paths, certificates=folder)


def search(world: Any, **filters: str) -> Any:
    empty = dict.fromkeys(("who", "role", "what", "record", "since", "until", "reason"))
    return audit.search(world.session("qa"), **{**empty, **filters})


@pytest.mark.parametrize(
    "moment",
    ["yesterday", "2026-13-01", "2026-11-31", "20261101", "2026-11-01T10", "2026-11-01T10:00+01:00", "\x1b", ""],
)
def test_filter_that_is_no_moment_is_refused(moment: str, founded: Any) -> None:
    """Compared as text it would find everything or nothing, and a reader would believe it."""
    for field in ("since", "until"):
        with pytest.raises(InvalidInputError, match="is not a moment"):
            search(founded, **{field: moment})


@pytest.mark.requirement("UR-AUDIT-14", reviewed="d2290d7e")
def test_filters_that_are_moments(founded: Any) -> None:
    last = founded.entries()[-1].time.utc
    for length in (4, 7, 10, 16, 19, 27):
        found = [row.index for row in search(founded, since=last[:length], until=last[:length])]
        assert found[-1] == len(founded.entries()) - 1


def test_too_long_a_text_is_no_damage_of_the_ledger(founded: Any) -> None:
    with pytest.raises(InvalidInputError, match="stands in no entry"):
        search(founded, reason="x" * 100_000)
