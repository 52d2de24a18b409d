"""What the report of a training run is made of."""

from __future__ import annotations

from dataclasses import dataclass

from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.data import Loaded
from nesqc_gmp.training.findings import Findings
from nesqc_gmp.training.fit import Epoch
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.limit_checks import LimitCheck
from nesqc_gmp.training.plan import Plan


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the report tells of.

    Attributes:
        plan: The plan.
        loaded: The images.
        found: What was measured.
        checks: Every limit of the plan with what was reached, failed ones first.
        epochs: Every epoch of every fit.
        pictured: Images whose heat maps are shown.
        description: What the package locks.
        model_sha256: Digest of the package.
        exported: Largest relative difference of the graph from torch on the golden images.
        device: On what the fits ran, in words.
    """

    plan: Plan
    loaded: Loaded
    found: Findings
    checks: tuple[LimitCheck, ...]
    epochs: tuple[Epoch, ...]
    pictured: tuple[LabelledImage, ...]
    description: ModelDescription
    model_sha256: str
    exported: float
    device: str
