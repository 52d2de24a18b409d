"""How the model was challenged: images that it is not for, disturbed images, heat maps held against what decides."""

from __future__ import annotations

from collections.abc import Mapping

from nesqc_gmp.reports.document import (
    Block,
    Chart,
    Heading,
    Paragraph,
    Series,
    Table,
)
from nesqc_gmp.robustness.heat_map import STEPS
from nesqc_gmp.robustness.perturbations import CATALOGUE, UNITS
from nesqc_gmp.robustness.run import Effect
from nesqc_gmp.training.disturbance import Robustness
from nesqc_gmp.training.heat_map_checks import HeatMapChecks
from nesqc_gmp.training.limit_checks import percent, printed
from nesqc_gmp.training.outside import METHODS
from nesqc_gmp.training.plan import Plan
from nesqc_gmp.training.report.material import Material

_PARTS = (
    "by network features",
    "by image statistics",
    "by known alterations",
    "by light and focus",
    "Fifth neighbour, comparison only",
    "Energy, comparison only",
)
"""Heads of ``METHODS``, in its order."""


def outside(material: Material) -> list[Block]:
    """What the input check refuses, part by part."""
    rows = tuple(
        (
            each.name,
            str(each.images),
            f"{each.whole:.1%}",
            str(each.unfit),
            *([f"{share:.1%}" for share in each.refused] or ["none left"] * len(METHODS)),
        )
        for each in material.found.outside
    )
    rule = material.plan.calibration
    return [
        Heading("Input check"),
        Paragraph(
            "Share of images that the input check refuses. Of images kept for the test that should be few; of folders "
            "of images that the model is not for, as many as possible; changed images show how much may differ. "
            "An image refused by any part of the check gets no verdict."
        ),
        Table(
            ("Images", "Count", "Refused by the whole check", "Unreadable or of a wrong size", *_PARTS),
            rows,
            "Whole check: what the package does. Network features and image statistics: distance from the training "
            f"images; their limits are set to refuse {percent(rule.distance_refused)} and "
            f"{percent(rule.statistics_refused)} of the development images. {_known_alterations(material.plan)} Light "
            "and focus: saturation, focus and illumination. For comparison only, not in the package: the distance to "
            "the fifth neighbour and the energy of the score, both set like the network features. Columns after the "
            "fourth count readable images of a right size.",
            tuple(range(1, 4 + len(METHODS))),
        ),
    ]


def _known_alterations(plan: Plan) -> str:
    """What the check for altered images was shown."""
    section = plan.alterations
    if section is None:
        return "Known alterations: the plan names none, so this part refuses nothing."
    return (
        f"Known alterations: the check was shown copies of training images ({', '.join(section.kinds)}) and is set to "
        f"refuse {percent(section.refused)}; of other alterations it knows nothing."
    )


def robustness(plan: Plan, found: Robustness) -> list[Block]:
    """Scores and verdicts of disturbed images, and the limits of the plan."""
    limits = {name: f"at most {percent(share)}" for name, share in plan.robustness.limits.items()}
    rows = tuple(
        (
            printed(effect.name),
            str(effect.images),
            str(effect.changed),
            str(effect.refused),
            str(len(effect.worse)),
            f"{effect.mean_shift:.3f}",
            f"{effect.largest_shift:.3f}",
            limits.get(effect.name, "none"),
            found.verdicts.get(effect.name, ""),
        )
        for effect in found.effects
    )
    head = (
        "What was done to the image",
        "Images",
        "Verdict changed",
        "of these refused by the input check",
        "of these not conforming before, conforming now",
        "Mean change of the score",
        "Largest change of the score",
        "Limit: verdicts changed",
        "Result",
    )
    return [
        Heading("Robustness"),
        Paragraph(
            "The same images were turned, moved, lit, focused or stored otherwise, and judged again. The images are "
            "those that had a verdict before; being refused by the input check counts as another verdict. The "
            "dangerous change is from not conforming to conforming."
        ),
        *_robustness_charts({effect.name: effect for effect in found.effects}),
        Table(head, rows, "", (1, 2, 3, 4, 5, 6), verdict=8),
    ]


_SIGNED = ("magnification", "brightness", "contrast")
_UNSIGNED = ("shift", "focus blur", "noise", "JPEG loss", "illumination gradient")


def _robustness_charts(effects: Mapping[str, Effect]) -> list[Block]:
    """Share of changed verdicts over the angle, then over the strength of what has no common unit."""
    label = "share of verdicts that change"
    turned = _over_strength("rotation", effects, 1.0)
    charts: list[Block] = [
        Chart("Images turned", "angle, degrees", label, (turned,), x_range=(0, 360), y_range=(0, 1)),
    ]
    for title, names, low in (
        ("Images magnified, lit or contrasted less (left) or more (right)", _SIGNED, -1.0),
        ("Images moved, blurred, made noisy, compressed or lit from one side", _UNSIGNED, 0.0),
    ):
        largest = {name: max(abs(each.strength) for each in CATALOGUE if each.name == name) for name in names}
        caption = ", ".join(f"{name} {largest[name]:g} {UNITS[name]}" for name in names)
        series = tuple(_over_strength(name, effects, largest[name]) for name in names)
        x_label = "strength, as a share of the largest that was tried"
        charts.append(
            Chart(
                title,
                x_label,
                label,
                series,
                x_range=(low, 1),
                y_range=(0, 1),
                caption=f"Largest that was tried: {caption}.",
            )
        )
    return charts


def _over_strength(name: str, effects: Mapping[str, Effect], unit: float) -> Series:
    """Undisturbed is strength 0, where nothing changes."""
    points = [(0.0, 0.0)]
    points += [
        (each.strength / unit, effects[str(each)].changed_share or 0.0) for each in CATALOGUE if each.name == name
    ]
    x, y = zip(*sorted(points), strict=True)
    return Series(name, x, y)


def heat_maps(maps: HeatMapChecks) -> list[Block]:
    """Whether the heat map shows what decides."""
    shares = tuple(step / STEPS for step in range(STEPS + 1))
    named = (
        ("taken away by map", maps.curves.deletion),
        ("taken away at random", maps.curves.random_deletion),
        ("brought back by map", maps.curves.insertion),
        ("brought back at random", maps.curves.random_insertion),
    )
    chart = Chart(
        "The verdict while places are taken away or brought back",
        "share of the image taken away or brought back",
        "probability of the first verdict",
        tuple(Series(name, shares, values) for name, values in named),
        x_range=(0, 1),
        y_range=(0, 1),
        caption=f"Mean over {maps.images} images",
    )
    rows = tuple((check.name, f"{check.value:.3f}", check.limit, check.verdict) for check in maps.checks)
    return [
        Heading("Does the heat map show what decides?"),
        Paragraph(
            "Deletion: the places that the map names first are blurred away, and the probability of the verdict should "
            "fall faster than with places in random order. Insertion: they are brought back into a blurred image, and "
            "it should rise faster (Petsiuk et al. 2018). The lead is the area between the two curves; 0 is no better "
            "than random. Likeness: the map of a network that was never trained must look different (Adebayo et al. "
            "2018; rank correlation without sign, 1 is the same order, the largest of three networks)."
        ),
        chart,
        Table(("What is measured", "Reached", "Limit", "Result"), rows, "", (1,), verdict=3),
    ]
