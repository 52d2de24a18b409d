"""Which simulated cultures there are: their donor, their class, their severity, and a field of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.simulation.culture import simulate, unlabelled
from nesqc_gmp.simulation.look import draw_look

SEVERITY_FROM = 0.15
"""Mildest severity of a culture that is not conforming."""

CULTURES_OF_A_DONOR = 4


def donor_of(culture: int) -> int:
    """Donor of a culture; a donor has conforming cultures and others."""
    return culture // CULTURES_OF_A_DONOR


def conforming(culture: int) -> bool:
    """Whether a culture is conforming: every second is."""
    return culture % 2 == 0


def severity_of(culture: int) -> float:
    """Severity of a culture that is not conforming, 0.15 to 1, mild ones more often; 0 for a conforming one."""
    if conforming(culture):
        return 0.0
    draw = float(np.random.default_rng([culture, 0x5E7]).uniform())
    return SEVERITY_FROM + (1 - SEVERITY_FROM) * draw**2


def defect_of(culture: int) -> str:
    """The severity in words, as a subgroup: none, mild (below 0.3), moderate (below 0.6), severe."""
    if conforming(culture):
        return "none"
    severity = severity_of(culture)
    return "mild" if severity < 0.3 else "moderate" if severity < 0.6 else "severe"


def field_of(culture: int, field: int) -> NDArray[np.uint8]:
    """One field of a culture; every third field has no corner label, so that no model can depend on it.

    Args:
        culture: Number of the culture.
        field: Number of the field, 0 to 99.
    """
    draw = unlabelled if field % 3 == 2 else simulate
    look = draw_look(culture)
    return draw(culture * 100 + field, good=conforming(culture), severity=severity_of(culture), culture=look)
