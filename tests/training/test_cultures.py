"""Simulated cultures as files: class and severity belong to the culture, and workers do not change a byte."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.training.cultures import SEVERITY_FROM, conforming, donor_of, severity_of
from nesqc_gmp.training.golden import _CULTURE
from nesqc_gmp.training.simulated_cultures import COLUMNS, write_cultures


def test_severity_belongs_to_the_culture() -> None:
    assert severity_of(4) == 0.0
    assert SEVERITY_FROM <= severity_of(5) <= 1.0
    assert severity_of(5) == severity_of(5) != severity_of(7)


def test_every_donor_has_both_classes() -> None:
    for donor in range(4):
        classes = {conforming(culture) for culture in range(16) if donor_of(culture) == donor}
        assert classes == {True, False}


def test_no_culture_of_a_default_run_is_golden() -> None:
    assert _CULTURE > 340


def test_the_number_of_workers_changes_no_byte(tmp_path: Path) -> None:
    for workers in (1, 2):
        write_cultures(tmp_path / str(workers), range(50, 52), 3, workers)
    first, second = (
        {file.relative_to(folder): file.read_bytes() for file in sorted(folder.rglob("*.*"))}
        for folder in (tmp_path / "1", tmp_path / "2")
    )
    assert first == second
    assert len(first) == 7
    rows = list(csv.DictReader((tmp_path / "1" / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [row["label"] for row in rows] == ["conforming"] * 3 + ["not conforming"] * 3
    assert {row["culture"] for row in rows} == {"C0050", "C0051"}
    assert {row["simulated"] for row in rows} == {"yes"}


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="exists"):
        write_cultures(tmp_path, range(2), 1, 1)
