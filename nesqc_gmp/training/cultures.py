"""Simulated cultures for training, calibration and test; a culture is in one split only, with all its fields."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.simulation.culture import simulate, unlabelled
from nesqc_gmp.simulation.look import draw_look

SEVERITY_FROM = 0.15
"""Mildest severity of a culture that is not conforming."""


@dataclass(frozen=True, slots=True)
class Split:
    """Fields of a range of cultures.

    Attributes:
        name: ``training``, ``calibration`` or ``test``.
        cultures: Numbers of the cultures; even numbers are conforming.
        fields: Fields of each culture.
    """

    name: str
    cultures: range
    fields: int


SPLITS = (
    Split("training", range(140), 5),
    Split("calibration", range(1000, 1100), 4),
    Split("test", range(2000, 2100), 4),
)
"""No culture number is in two splits, so no look, severity or field is either."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Simulated pictures of one split.

    Attributes:
        samples: ``(n, 512, 512)`` gray, 8 bits.
        conforming: ``(n,)`` whether the culture is conforming.
        culture: ``(n,)`` number of the culture.
    """

    samples: NDArray[np.uint8]
    conforming: NDArray[np.bool_]
    culture: NDArray[np.int64]


def severity_of(culture: int) -> float:
    """Severity of a culture that is not conforming, 0.15 to 1, mild ones more often; 0 for a conforming one."""
    if culture % 2 == 0:
        return 0.0
    draw = float(np.random.default_rng([culture, 0x5E7]).uniform())
    return SEVERITY_FROM + (1 - SEVERITY_FROM) * draw**2


def field_of(culture: int, field: int) -> NDArray[np.uint8]:
    """One field of a culture; every third field has no corner label, so that no model can depend on it."""
    draw = unlabelled if field % 3 == 2 else simulate
    return draw(culture * 100 + field, good=culture % 2 == 0, severity=severity_of(culture), culture=draw_look(culture))


def _fields_of(job: tuple[int, int]) -> NDArray[np.uint8]:
    culture, fields = job
    return np.stack([field_of(culture, field) for field in range(fields)])


def simulate_split(split: Split, workers: int) -> Pictures:
    """Every field of every culture of a split, in order, whatever the number of worker processes."""
    jobs = [(culture, split.fields) for culture in split.cultures]
    with ProcessPoolExecutor(workers) as pool:
        samples = np.concatenate(list(pool.map(_fields_of, jobs, chunksize=4)))
    culture = np.repeat(np.arange(split.cultures.start, split.cultures.stop), split.fields)
    return Pictures(samples, culture % 2 == 0, culture)
