"""Whether the heat map of a finished model shows what it decides on, held against the limits of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nesqc_gmp.inference.session import Session
from nesqc_gmp.robustness.heat_map import Curves, Gray, Map, area, deletion_and_insertion, likeness, mean_curves
from nesqc_gmp.training.fit import counts
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.network import Network
from nesqc_gmp.training.plan import Plan

UNTRAINED = 3
"""Networks with random weights, seeds 1, 2, 3."""


@dataclass(frozen=True, slots=True)
class Check:
    """One figure and its limit.

    Attributes:
        name: What is measured.
        value: The figure.
        limit: The limit of the plan in words, or ``no limit``.
        verdict: ``passed``, ``failed`` or ``no limit``.
    """

    name: str
    value: float
    limit: str
    verdict: str


@dataclass(frozen=True, slots=True)
class HeatMapChecks:
    """The figures, the curves behind them, and on how many images they rest."""

    images: int
    curves: Curves
    checks: tuple[Check, ...]


def check_heat_maps(plan: Plan, session: Session, images: Sequence[LabelledImage]) -> HeatMapChecks:
    """Deletion, insertion and random weights on images that were measured, evenly chosen.

    Args:
        plan: The plan, with the network and the limits.
        session: The exported graph.
        images: The images that the results rest on.
    """
    chosen = [image.samples for image in images[:: max(1, -(-len(images) // plan.robustness.images))]]

    def model(samples: Gray) -> tuple[float, Map]:
        outputs = session.run(np.ascontiguousarray(samples))
        return float(outputs["probability"][0]), outputs["map"][0, 0].astype(np.float64)

    curves = mean_curves(deletion_and_insertion(chosen, model))
    trained = [model(samples)[1] for samples in chosen]
    alike = [likeness(trained, _untrained_maps(plan, seed, chosen)) for seed in range(1, UNTRAINED + 1)]
    limits = plan.robustness.heat_map
    fall = area(curves.random_deletion) - area(curves.deletion)
    rise = area(curves.insertion) - area(curves.random_insertion)
    found = (
        _check("deletion: lead of the map over random order, area", fall, limits.deletion_min, least=True),
        _check(
            "insertion: lead of the map over random order, area",
            rise,
            limits.insertion_min,
            least=True,
        ),
        _check(
            "likeness to maps of untrained networks, correlation",
            max(alike),
            limits.random_weights_max,
            least=False,
        ),
    )
    return HeatMapChecks(len(chosen), curves, found)


def _untrained_maps(plan: Plan, seed: int, images: Sequence[Gray]) -> list[Map]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(plan.network, plan.training.head_bias).eval()
    with torch.no_grad():
        found = [network.viewed(counts(samples, plan.network.input_pool)).map[0, 0] for samples in images]
    return [activation.double().numpy() for activation in found]


def _check(name: str, value: float, limit: float | None, *, least: bool) -> Check:
    if limit is None:
        return Check(name, value, "no limit", "no limit")
    held = value >= limit if least else value <= limit
    return Check(name, value, f"at {'least' if least else 'most'} {limit:g}", "passed" if held else "failed")
