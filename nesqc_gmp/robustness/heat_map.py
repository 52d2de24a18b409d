"""Whether a heat map shows what the model decides on: deletion and insertion, and random weights.

*Deletion* blurs an image away, the places that speak most for the verdict first, and watches the probability of that
verdict fall; *insertion* brings the blurred image back in the same order and watches it rise (Petsiuk et al. 2018,
RISE). A map that shows nothing does no better than places in random order. *Random weights*: the map of a network that
was never trained must not look like that of the trained one (Adebayo et al. 2018, "Sanity checks for saliency maps").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint16]
Map = NDArray[np.float64]

STEPS = 20
"""Parts in which an image is taken away or brought back."""

RANDOM_ORDERS = 3
"""Random orders that the map is compared with, for each image."""

_BLUR = 0.08
"""Sigma of the blur that takes a place away, as a share of the shorter edge: wider than a cell."""

_SEED = 1


@dataclass(frozen=True, slots=True)
class Curves:
    """Probability of the first verdict while an image is taken away or brought back, ``STEPS + 1`` values each.

    Attributes:
        deletion: In the order of the map.
        insertion: In the order of the map.
        random_deletion: Mean over random orders.
        random_insertion: Mean over random orders.
    """

    deletion: tuple[float, ...]
    insertion: tuple[float, ...]
    random_deletion: tuple[float, ...]
    random_insertion: tuple[float, ...]


def area(curve: Sequence[float]) -> float:
    """Area below a curve over shares 0 to 1, by trapezoids."""
    values = np.asarray(curve, dtype=np.float64)
    return float((values[1:] + values[:-1]).mean() / 2)


def deletion_and_insertion(images: Iterable[Gray], model: Callable[[Gray], tuple[float, Map]]) -> tuple[Curves, ...]:
    """Curves of each image.

    Args:
        images: ``(height, width)`` 16-bit gray samples.
        model: Gives the probability of *conforming* and the map ``(rows, columns)``, positive for conforming.
    """
    return tuple(_curves(samples, model, number) for number, samples in enumerate(images))


def mean_curves(curves: Sequence[Curves]) -> Curves:
    """Mean of each curve over images."""
    return Curves(*(
        tuple(float(value) for value in np.mean([getattr(each, name) for each in curves], axis=0))
        for name in Curves.__dataclass_fields__
    ))  # fmt: skip


def _curves(samples: Gray, model: Callable[[Gray], tuple[float, Map]], number: int) -> Curves:
    probability, found = model(samples)
    conforming = probability >= 0.5
    evidence = found if conforming else -found
    blurred = _blurred(samples)
    orders = [np.argsort(-evidence.ravel(), kind="stable")]
    generator = np.random.Generator(np.random.PCG64([_SEED, number]))
    orders += [generator.permutation(evidence.size) for _ in range(RANDOM_ORDERS)]

    def curve(order: NDArray[np.int64], kept: Gray, brought: Gray) -> list[float]:
        values = []
        for step in range(STEPS + 1):
            chosen = np.zeros(evidence.size, dtype=bool)
            chosen[order[: round(evidence.size * step / STEPS)]] = True
            mask = _spread(chosen.reshape(evidence.shape), samples.shape)
            value = model(np.where(mask, brought, kept))[0]
            values.append(value if conforming else 1 - value)
        return values

    deletions = [curve(order, samples, blurred) for order in orders]
    insertions = [curve(order, blurred, samples) for order in orders]
    return Curves(
        tuple(deletions[0]),
        tuple(insertions[0]),
        tuple(float(value) for value in np.mean(deletions[1:], axis=0)),
        tuple(float(value) for value in np.mean(insertions[1:], axis=0)),
    )


def _blurred(samples: Gray) -> Gray:
    from scipy.ndimage import gaussian_filter

    sigma = _BLUR * min(samples.shape)
    return np.asarray(np.rint(gaussian_filter(samples.astype(np.float64), sigma, mode="reflect")), dtype=np.uint16)


def _spread(chosen: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Cells of a map as the pixels that they stand for."""
    rows = np.arange(shape[0]) * chosen.shape[0] // shape[0]
    columns = np.arange(shape[1]) * chosen.shape[1] // shape[1]
    return np.asarray(chosen[np.ix_(rows, columns)])


def likeness(trained: Sequence[Map], untrained: Sequence[Map]) -> float:
    """Mean over images of the rank correlation (Spearman, without sign) of two maps of each; 0 is unlike, 1 alike.

    A flat map of the trained network counts as alike.

    Args:
        trained: Maps of the trained network.
        untrained: Maps of the same images by a network with random weights.
    """
    from scipy.stats import rankdata

    found = []
    for one, other in zip(trained, untrained, strict=True):
        ranks = rankdata(one.ravel()), rankdata(other.ravel())
        spreads = [float(rank.std()) for rank in ranks]
        if min(spreads) == 0:
            # A flat map of the trained network shows nothing, which must not pass for being unlike.
            found.append(1.0 if spreads[0] == 0 else 0.0)
            continue
        centred = (ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())
        found.append(abs(float(centred.mean())) / (spreads[0] * spreads[1]))
    return float(np.mean(found))
