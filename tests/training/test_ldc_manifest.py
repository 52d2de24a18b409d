"""The manifest of the Living and Dead Cells images: families by name, the label by the boxes."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.training.ldc_manifest import family_of, write_manifest
from tests.conftest import SHARED


@pytest.mark.parametrize(
    ("stem", "family"),
    [
        ("image_12", "image_N"),
        ("image12", "imageN"),
        ("image 12", "imageN"),
        ("image (12)", "imageN"),
        ("ncell (3)", "ncell"),
        ("b (893)", "b"),
        ("c (1)", "c"),
        ("d (50)", "d"),
        ("e (7)", "e"),
    ],
)
def test_family_by_name(stem: str, family: str) -> None:
    assert family_of(stem) == family


def test_a_name_without_letters_tells_no_family() -> None:
    with pytest.raises(InvalidInputError, match="no family"):
        family_of("0001")


@pytest.mark.skipif(not (SHARED / "ldc").is_dir(), reason="../shared/data/ldc is not here")
def test_families_have_the_sizes_that_their_authors_give(tmp_path: Path) -> None:
    """Counts from SOURCE.txt beside the images."""
    manifest = tmp_path / "ldc.csv"
    assert write_manifest(SHARED / "ldc" / "images", manifest) == 1852
    rows = list(csv.DictReader(manifest.read_text(encoding="utf-8").splitlines()))
    sizes = Counter(row["family"] for row in rows)
    assert sizes == {"image_N": 676, "imageN": 400, "ncell": 514, "b": 107, "c": 105, "d": 50}
    assert {row["simulated"] for row in rows} == {"no"}
    assert {row["label"] for row in rows} == {"conforming", "not conforming"}
