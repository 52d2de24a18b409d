"""``validation/review.py``: it shows what cites a requirement, and writes only what it was told to."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.qualification.requirements import read_requirement
from nesqc_gmp.qualification.traceability import problems, read_trace

VALIDATION = Path(__file__).parents[2] / "validation"
ID = "UR-BATCHES-15"

CASE = """\
id = "OQ-999"
title = "A case"
{reviewed}requirements = ["UR-BATCHES-15", "UR-BATCHES-16"]
findings = []
risk = "high"
"""

TEST = """\
import pytest


@pytest.mark.requirement("UR-BATCHES-15", reviewed="{reviewed}", negative=True)
@pytest.mark.requirement("UR-BATCHES-16", reviewed="12345678")
@pytest.mark.requirement(
    "UR-BATCHES-15",
    reviewed="{reviewed}",
)
def test_one():
    pass
"""


@pytest.fixture
def review() -> Any:
    spec = importlib.util.spec_from_file_location("review", VALIDATION / "review.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the validation folder in which one requirement was changed, with one test and one case that cite it."""
    copy = tmp_path / "validation"
    shutil.copytree(VALIDATION, copy, ignore=shutil.ignore_patterns("iq", "oq", "pq", "release"))
    file = requirement_file(copy)
    old = read_requirement(file).fingerprint
    file.write_text(file.read_text("utf-8").replace("blinded only", "blinded solely"), "utf-8")
    (tmp_path / "tests").mkdir()
    test_file(copy).write_text(TEST.format(reviewed=old))
    (copy / "oq").mkdir()
    case_file(copy).write_text(CASE.format(reviewed=f'reviewed = {{ {ID} = "{old}" }}\n'))
    return copy


def requirement_file(copy: Path) -> Path:
    return copy / "requirements" / "batches" / f"{ID}.toml"


def test_file(copy: Path) -> Path:
    return copy.parent / "tests" / "test_one.py"


test_file.__test__ = False  # type: ignore[attr-defined]


def case_file(copy: Path) -> Path:
    return copy / "oq" / "OQ-999.toml"


def stale(copy: Path) -> list[str]:
    """Problems that are about the requirement."""
    return [str(each) for each in problems(read_trace(copy)) if ID in str(each) and "UR-BATCHES-16 " not in str(each)]


def contents(copy: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(copy.parent.rglob("*")) if file.is_file()}


def test_showing_writes_nothing(review: Any, changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(changed)
    assert review.main([ID], changed) == 0
    said = capsys.readouterr().out
    assert "NOT REVIEWED" in said
    assert "tests/test_one.py::test_one" in said
    assert "OQ-999" in said
    assert said.count("COMPARE AGAIN") == 3
    assert contents(changed) == before


def test_accepting_writes_the_requirement_alone(review: Any, changed: Path) -> None:
    before = contents(changed)
    assert len(stale(changed)) == 4
    assert review.main([ID, "--accept"], changed) == 0
    after = contents(changed)
    assert [name for name in after if after[name] != before[name]] == [str(requirement_file(changed))]
    assert (
        read_requirement(requirement_file(changed)).reviewed == read_requirement(requirement_file(changed)).fingerprint
    )
    assert len(stale(changed)) == 3


@pytest.mark.parametrize("given", ["with", "without", "with another"])
def test_tests_and_cases_are_written_only_when_it_is_said(given: str, review: Any, changed: Path) -> None:
    other = 'reviewed = { UR-BATCHES-16 = "87654321" }\n'
    if given != "with":
        case_file(changed).write_text(CASE.format(reviewed="" if given == "without" else other))
    assert review.main([ID, "--accept", "--tests"], changed) == 0
    assert stale(changed) == []
    assert 'reviewed="12345678"' in test_file(changed).read_text()
    assert ("87654321" in case_file(changed).read_text()) == (given == "with another")


def test_an_unknown_requirement_is_named(review: Any, changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(changed)
    assert review.main([ID, "UR-BATCHES-99", "--accept"], changed) == 10
    assert "UR-BATCHES-99" in capsys.readouterr().err
    assert contents(changed) == before


def test_tests_are_not_brought_along_without_the_requirement(review: Any, changed: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        review.main([ID, "--tests"], changed)
    assert ended.value.code == 2
