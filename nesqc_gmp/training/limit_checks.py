"""Every limit of a plan against what was reached, failed ones first: what failed and what holds, at one glance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.models import ModelDescription
from nesqc_gmp.training.findings import Findings
from nesqc_gmp.training.judge import Judged
from nesqc_gmp.training.measure import Flags
from nesqc_gmp.training.plan import Plan
from nesqc_gmp.training.results import Results
from nesqc_gmp.training.scoring import Unseen

Verdict = Literal["passed", "failed", "not assessed"]
_ORDER: tuple[Verdict, ...] = ("failed", "not assessed", "passed")


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """One limit and what was reached.

    Attributes:
        part: What the limit belongs to, as the report names its section.
        name: What is limited.
        limit: The limit, in words.
        reached: The value, with the counts behind a share.
        verdict: ``not assessed`` where there was nothing to count; that is never passed.
    """

    part: str
    name: str
    limit: str
    reached: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Exported:
    """The exported graph beside the trained network.

    Attributes:
        difference: Largest relative difference of an output.
        tolerance: The largest that is let through.
    """

    difference: float
    tolerance: float


def limit_checks(
    plan: Plan, found: Findings, development: tuple[Unseen, Judged], description: ModelDescription, exported: Exported
) -> tuple[LimitCheck, ...]:
    """Every limit, failed ones first, else in the order of the report.

    Args:
        plan: The plan.
        found: What was measured of the finished model.
        development: Images that set thresholds and limits, and their columns.
        description: The locked thresholds and limits.
        exported: How far the graph is from the network.
    """
    checks = (
        *_thresholds(plan, *development, description),
        *_refused(plan, development[1], description),
        *_outside(plan, found),
        *_robustness(plan, found),
        *_heat_maps(found),
        _export(exported),
    )
    return tuple(sorted(checks, key=lambda check: _ORDER.index(check.verdict)))


def summary(checks: Sequence[LimitCheck]) -> str:
    """How many limits failed, in one sentence."""
    counts = {verdict: sum(check.verdict == verdict for check in checks) for verdict in _ORDER}
    if counts["passed"] == len(checks):
        return f"All {len(checks)} limits hold."
    parts = [f"{counts['failed']} of {len(checks)} limits failed"]
    if counts["not assessed"]:
        parts.append(f"{counts['not assessed']} could not be assessed")
    advice = "Judge each limit that does not hold before the model is used."
    return f"{', '.join(parts)}; {counts['passed']} hold. {advice}"


def overview(plan: Plan, checks: Sequence[LimitCheck], results: Results) -> str:
    """What a reader must know first: the limits, what became of the images measured, and what nothing limits."""
    basis = "images kept for the test" if results.basis == "test" else "images of held-out families"
    outcomes = [
        f"Of {figures.total} {basis} labelled {figures.label}, {figures.right} are called so, {figures.wrong} "
        f"{other}, {figures.undecided} undecided, {figures.refused} refused."
        for figures, other in ((results.not_conforming, "conforming"), (results.conforming, "not conforming"))
    ]
    return " ".join([summary(checks), *outcomes, f"The plan sets no limit on: {', '.join(without_limit(plan))}."])


def without_limit(plan: Plan) -> tuple[str, ...]:
    """What the plan could limit and does not."""
    heat_map = plan.robustness.heat_map
    limits = {
        f"errors and refusals of {'held-out families' if plan.cross_validation else 'images kept for the test'}": None,
        "images that the model is not for": plan.input.outside_refused_min,
        "disturbed images": plan.robustness.limits or None,
        "deletion": heat_map.deletion_min,
        "insertion": heat_map.insertion_min,
        "likeness to the maps of untrained networks": heat_map.random_weights_max,
    }
    return tuple(name for name, limit in limits.items() if limit is None)


def percent(share: float) -> str:
    """A share as it stands in the plan, in percent."""
    return f"{100 * share:g} %"


def _share(count: int, of: int) -> str:
    return f"{count} of {of} ({100 * count / of:.1f} %)" if of else "no image"


def _at_most(part: str, name: str, counted: tuple[int, int], share: float, of_families: str = "") -> LimitCheck:
    count, of = counted
    held: Verdict = "not assessed" if not of else "passed" if count <= share * of + 1e-9 else "failed"
    where = " in each family" if of_families else ""
    return LimitCheck(part, name, f"at most {percent(share)}{where}", _share(count, of) + of_families, held)


def _thresholds(plan: Plan, unseen: Unseen, columns: Judged, description: ModelDescription) -> Iterator[LimitCheck]:
    """Shares on the wrong side of the undecided band; where they hold in each family, that of the worst family."""
    score, rule = np.round(columns.score, description.score_decimals), plan.calibration
    apart = rule.band == "each family"
    families = np.array([image.family if apart else "" for image in unseen.images])
    for label, other, chosen, wrong, share in (
        ("not conforming", "conforming", ~unseen.conforming, score >= float(description.conforming_from),
         rule.wrong_conforming),
        ("conforming", "not conforming", unseen.conforming, score < float(description.not_conforming_below),
         rule.wrong_not_conforming),
    ):  # fmt: skip
        found = {str(name): _counted(chosen & (families == name), wrong) for name in np.unique(families[chosen])}
        worst = max(found, key=lambda name: found[name][0] / found[name][1])
        name = f"{label} development images that score as {other}"
        words = f", family {worst}, the worst of {len(found)}" if apart else ""
        yield _at_most("Thresholds", name, found[worst], share, words)


def _counted(inside: Flags, which: Flags) -> tuple[int, int]:
    return int((inside & which).sum()), int(inside.sum())


def _refused(plan: Plan, columns: Judged, description: ModelDescription) -> Iterator[LimitCheck]:
    rule, everyone = plan.calibration, np.ones(columns.score.size, dtype=bool)
    refused = columns.refusals(description)
    shares = {"network features": rule.distance_refused, "image statistics": rule.statistics_refused}
    if plan.alterations is not None:
        shares["known alterations"] = plan.alterations.refused
    for name, share in shares.items():
        words = f"development images refused by the {name}"
        yield _at_most("Input check", words, _counted(everyone, refused[name]), share)


def _outside(plan: Plan, found: Findings) -> Iterator[LimitCheck]:
    least = plan.input.outside_refused_min
    if least is None:
        return
    for each in found.outside:
        if each.name.startswith("folder "):
            count = round(each.whole * each.images)
            held: Verdict = "passed" if count >= least * each.images - 1e-9 else "failed"
            name = f"images that the model is not for, refused: {each.name}"
            unfit = f", {each.unfit} of them unreadable or of a wrong size" if each.unfit else ""
            yield LimitCheck(
                "Input check", name, f"at least {percent(least)}", _share(count, each.images) + unfit, held
            )


def _robustness(plan: Plan, found: Findings) -> Iterator[LimitCheck]:
    effects = {effect.name: effect for effect in found.robustness.effects}
    for name, share in plan.robustness.limits.items():
        effect, words = effects[name], f"verdicts that change by {printed(name)}"
        yield _at_most("Robustness", words, (effect.changed, effect.images), share)


def printed(disturbance: str) -> str:
    """A disturbance without the strength of one that is either done or not."""
    return disturbance.removesuffix(" 1")


def _heat_maps(found: Findings) -> Iterator[LimitCheck]:
    for check in found.maps.checks:
        if check.verdict == "no limit":
            continue
        held: Verdict = "passed" if check.verdict == "passed" else "failed"
        yield LimitCheck("Heat map", check.name, check.limit, f"{check.value:.3f}", held)


def _export(exported: Exported) -> LimitCheck:
    held: Verdict = "passed" if exported.difference <= exported.tolerance else "failed"
    return LimitCheck(
        "Export",
        "largest relative difference of the exported model from the trained network",
        f"at most {exported.tolerance:g}, set by the program",
        decimal_text(exported.difference, 7),
        held,
    )
