"""Splits by culture: nothing of one culture is in two splits, and workers do not change a picture."""

from __future__ import annotations

import itertools

import numpy as np

from nesqc_gmp.training.cultures import SEVERITY_FROM, SPLITS, Split, field_of, severity_of, simulate_split
from nesqc_gmp.training.golden import _CULTURE


def test_no_culture_is_in_two_splits_and_none_is_golden() -> None:
    for first, second in itertools.combinations(SPLITS, 2):
        assert not set(first.cultures) & set(second.cultures)
    assert all(_CULTURE not in split.cultures for split in SPLITS)


def test_no_field_seed_is_used_twice() -> None:
    seeds = [culture * 100 + field for split in SPLITS for culture in split.cultures for field in range(split.fields)]
    assert len(seeds) == len(set(seeds))


def test_severity_belongs_to_the_culture() -> None:
    assert severity_of(4) == 0.0
    assert SEVERITY_FROM <= severity_of(5) <= 1.0
    assert severity_of(5) == severity_of(5) != severity_of(7)


def test_a_split_is_its_fields_in_order() -> None:
    pictures = simulate_split(Split("tiny", range(50, 52), 2), workers=2)
    assert pictures.culture.tolist() == [50, 50, 51, 51]
    assert pictures.conforming.tolist() == [True, True, False, False]
    for index, (culture, field) in enumerate(itertools.product((50, 51), (0, 1))):
        assert np.array_equal(pictures.samples[index], field_of(culture, field))
