"""What was measured, as text for ``training.json`` and for the model card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.inference.session import Session
from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.corruptions import CORRUPTIONS
from nesqc_gmp.training.cultures import Pictures
from nesqc_gmp.training.judge import Judged, judged
from nesqc_gmp.training.measure import Gaussian, auroc

CORRUPTED_EVERY = 8
"""Every eighth test picture is corrupted in each way."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Counts of one group of pictures.

    Attributes:
        images: Pictures in the group.
        refused: Refused by one of the two input checks.
        conforming: Accepted and conforming.
        undecided: Accepted and undecided.
        not_conforming: Accepted and not conforming.
    """

    images: int
    refused: int
    conforming: int
    undecided: int
    not_conforming: int

    def row(self) -> dict[str, int]:
        """The counts by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Report:
    """Results on cultures that neither training nor calibration saw.

    Attributes:
        auroc: Area under the ROC curve over all test pictures, refused or not.
        cultures: Test cultures.
        groups: Outcomes by group: both classes, then each corruption.
    """

    auroc: str
    cultures: int
    groups: dict[str, Outcomes]


def measure(session: Session, test: Pictures, statistics: Gaussian, description: ModelDescription) -> Report:
    """Score the test split and its corruptions with the exported graph."""
    whole = judged(session, test.samples, statistics)
    groups = {
        "conforming cultures": _outcomes(whole, test.conforming, description),
        "not conforming cultures": _outcomes(whole, ~test.conforming, description),
    }
    for name, corrupt in CORRUPTIONS.items():
        found = judged(session, [corrupt(picture) for picture in test.samples[::CORRUPTED_EVERY]], statistics)
        groups[name] = _outcomes(found, np.ones(found.score.size, dtype=bool), description)
    return Report(
        auroc=decimal_text(auroc(whole.score, test.conforming), 4),
        cultures=int(np.unique(test.culture).size),
        groups=groups,
    )


def _outcomes(found: Judged, chosen: NDArray[np.bool_], description: ModelDescription) -> Outcomes:
    score = np.round(found.score, description.score_decimals)[chosen]
    refused = found.refused(float(description.distance_limit), float(description.statistics_limit))[chosen]
    conforming = ~refused & (score >= float(description.conforming_from))
    failing = ~refused & (score < float(description.not_conforming_below))
    return Outcomes(
        images=score.size,
        refused=int(refused.sum()),
        conforming=int(conforming.sum()),
        undecided=int((~refused & ~conforming & ~failing).sum()),
        not_conforming=int(failing.sum()),
    )
