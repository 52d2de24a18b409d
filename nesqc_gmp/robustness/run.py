"""How score and verdict move when images are disturbed, and whether that stays inside the limits of the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.robustness.perturbations import CATALOGUE, Perturbation, apply
from nesqc_gmp.robustness.segmentation import PARTS, Part, segmented

Gray = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Scored:
    """What the model says of one image; no score where the input check refused it."""

    score: float | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Effect:
    """One disturbance over all images.

    Attributes:
        name: The disturbance with its strength, or the part taken away.
        images: Images that had a verdict before.
        changed: Of these, how many have another verdict.
        refused: Of the changed, how many the input check refuses now.
        worse: Names of images that were not conforming and are conforming now: the dangerous direction.
        largest_shift: Largest change of a score, 0 where none was scored twice.
        mean_shift: Mean change of the scores, without sign.
    """

    name: str
    images: int
    changed: int
    refused: int
    worse: tuple[str, ...]
    largest_shift: float
    mean_shift: float

    @property
    def changed_share(self) -> float | None:
        """Share of verdicts that changed."""
        return self.changed / self.images if self.images else None


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of the plan on one disturbance, or a part taken away, by its printed name."""

    name: str
    changed_share_max: float


def measure(
    images: Sequence[tuple[str, Gray]],
    score: Callable[[Gray], Scored],
    perturbations: Iterable[Perturbation] = CATALOGUE,
    parts: Iterable[Part] = PARTS,
    show: Callable[[str], None] = lambda name: None,
) -> tuple[Effect, ...]:
    """Score every image as it is and under each disturbance.

    Args:
        images: Names and 16-bit gray samples.
        score: The model with its input check.
        perturbations: The disturbances.
        parts: Parts to be taken away.
        show: Called with the name of each disturbance when it begins.
    """
    before = [(name, samples, score(samples)) for name, samples in images]
    changes: list[tuple[str, Callable[[Gray, int], Gray]]] = [(str(p), _applied(p)) for p in perturbations]
    changes += [(part, _taken(part)) for part in parts]
    found = []
    for name, change in changes:
        show(name)
        after = [score(change(samples, number)) for number, (_, samples, _) in enumerate(before)]
        found.append(_effect(name, [(image, old, new) for (image, _, old), new in zip(before, after, strict=True)]))
    return tuple(found)


def judge(effects: Iterable[Effect], limits: Iterable[Limit]) -> dict[str, Literal["passed", "failed", "not assessed"]]:
    """Whether each limit holds; what was not measured, or on no image, is not assessed and never passed."""
    shares = {effect.name: effect.changed_share for effect in effects}
    verdicts: dict[str, Literal["passed", "failed", "not assessed"]] = {}
    for limit in limits:
        share = shares.get(limit.name)
        verdicts[limit.name] = (
            "not assessed" if share is None else "passed" if share <= limit.changed_share_max else "failed"
        )
    return verdicts


def _applied(perturbation: Perturbation) -> Callable[[Gray, int], Gray]:
    return lambda samples, seed: apply(perturbation, samples, seed)


def _taken(part: Part) -> Callable[[Gray, int], Gray]:
    return lambda samples, seed: segmented(samples, part, seed)


def _effect(name: str, results: Sequence[tuple[str, Scored, Scored]]) -> Effect:
    counted = [(image, old, new) for image, old, new in results if old.outcome != "rejected by input check"]
    changed = [(image, old, new) for image, old, new in counted if new.outcome != old.outcome]
    shifts = [abs(new.score - old.score) for _, old, new in counted if old.score is not None and new.score is not None]
    worse = tuple(i for i, old, new in changed if (old.outcome, new.outcome) == ("not conforming", "conforming"))
    return Effect(
        name=name,
        images=len(counted),
        changed=len(changed),
        refused=sum(new.outcome == "rejected by input check" for _, _, new in changed),
        worse=worse,
        largest_shift=max(shifts, default=0.0),
        mean_shift=sum(shifts) / len(shifts) if shifts else 0.0,
    )
