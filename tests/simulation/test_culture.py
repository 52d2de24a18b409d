"""Simulated cultures: same seed same bytes, classes differ where a biologist looks, every picture is marked."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.simulation.cells import place_rosettes, rosette_cells
from nesqc_gmp.simulation.culture import simulate, unlabelled
from nesqc_gmp.simulation.label import labelled
from nesqc_gmp.simulation.look import draw_look

_DIGEST_CODE = """
import hashlib
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look
print(hashlib.sha256(simulate(3, good=False, severity=0.5, culture=draw_look(8), size=256).tobytes()).hexdigest())
"""


@pytest.mark.parametrize(("hash_seed", "threads"), [("0", "1"), ("1", "2"), ("4242", "3")])
def test_same_seed_gives_same_bytes_in_another_process(hash_seed: str, threads: str) -> None:
    """Neither the hash seed nor the threads of the linear algebra library change a byte."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "OPENBLAS_NUM_THREADS": threads}
    other = subprocess.run(
        [sys.executable, "-c", _DIGEST_CODE], env=environment, capture_output=True, text=True, check=True
    )
    here = simulate(3, good=False, severity=0.5, culture=draw_look(8), size=256)
    assert other.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_another_seed_another_culture_and_another_class_give_other_pictures() -> None:
    look = draw_look(1)
    pictures = [
        simulate(1, good=True, severity=0.0, culture=look, size=256),
        simulate(2, good=True, severity=0.0, culture=look, size=256),
        simulate(1, good=True, severity=0.0, culture=draw_look(2), size=256),
        simulate(1, good=False, severity=0.7, culture=look, size=256),
    ]
    assert len({picture.tobytes() for picture in pictures}) == 4


def test_shape_type_and_range() -> None:
    picture = simulate(0, good=True, severity=0.0, culture=draw_look(0), size=300)
    assert picture.shape == (300, 300)
    assert picture.dtype == np.uint8
    assert float(np.mean((picture == 0) | (picture == 255))) < 0.01


def test_severity_has_no_effect_on_a_conforming_culture() -> None:
    look = draw_look(5)
    mild = simulate(9, good=True, severity=0.0, culture=look, size=192)
    assert np.array_equal(mild, simulate(9, good=True, severity=1.0, culture=look, size=192))


def test_defects_leave_gaps_and_bright_dead_cells() -> None:
    """Counted by hand in the picture: bright pixels far above the sheet grow with severity, averaged over cultures."""
    looks = [replace(draw_look(seed), dead_cells=1.0, debris=0.0, illumination=0.0) for seed in range(4)]

    def bright(severity: float) -> float:
        pictures = [
            unlabelled(7, good=severity == 0, severity=severity, culture=look, size=384).astype(float) for look in looks
        ]
        return float(np.mean([np.mean(picture > np.median(picture) + 60) for picture in pictures]))

    assert bright(0.0) < bright(0.5) < bright(1.0)


def test_cells_of_a_rosette_point_at_its_lumen() -> None:
    """Geometry, calculated by hand: a radial long axis is parallel to the line from the lumen to the cell."""
    cells = rosette_cells(np.random.default_rng(1), np.array([[100.0, 50.0, 6.0]]), 12.0)
    outward = np.arctan2(cells.y - 50.0, cells.x - 100.0)
    parallel = np.abs(np.cos(outward - cells.angle))
    assert float(np.mean(parallel)) > 0.95
    assert cells.x.size >= 12


def test_rosettes_do_not_overlap() -> None:
    rosettes = place_rosettes(np.random.default_rng(2), 12, 512)
    apart = [
        np.hypot(*(first[:2] - second[:2])) - first[2] - second[2]
        for index, first in enumerate(rosettes)
        for second in rosettes[:index]
    ]
    assert len(rosettes) > 6
    assert min(apart) > 50


def test_the_label_is_the_same_in_both_classes_and_only_in_the_corner() -> None:
    look = draw_look(3)
    for good in (True, False):
        plain = unlabelled(1, good=good, severity=0.8, culture=look, size=256)
        marked = simulate(1, good=good, severity=0.8, culture=look, size=256)
        changed = np.argwhere(plain != marked)
        assert changed.min(axis=0)[0] >= 256 - 18
        assert changed.min(axis=0)[1] >= 256 - 38
        assert np.array_equal(marked[-18:, -38:], labelled(np.zeros((64, 64), np.uint8))[-18:, -38:])


@pytest.mark.parametrize(("severity", "size"), [(-0.1, 256), (1.1, 256), (float("nan"), 256), (0.5, 127), (0.5, 4097)])
def test_refuses_what_is_out_of_range(severity: float, size: int) -> None:
    with pytest.raises(InvalidInputError, match="is not between"):
        simulate(0, good=False, severity=severity, culture=draw_look(0), size=size)
