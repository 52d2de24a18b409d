"""Everything that was measured of a finished model, as one value for card, ``training.json`` and report."""

from __future__ import annotations

from dataclasses import dataclass

from nesqc_gmp.training.disturbance import Robustness
from nesqc_gmp.training.heat_map_checks import HeatMapChecks
from nesqc_gmp.training.heterogeneity import MeasuredSpread
from nesqc_gmp.training.outside import Outside
from nesqc_gmp.training.results import Results


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured.

    Attributes:
        results: Figures at and apart from the thresholds.
        outside: What the input check refuses.
        robustness: What disturbances do.
        maps: Whether heat maps show what the model decides on.
        spreads: How unlike the places of the measured images are.
    """

    results: Results
    outside: tuple[Outside, ...]
    robustness: Robustness
    maps: HeatMapChecks
    spreads: tuple[MeasuredSpread, ...]
