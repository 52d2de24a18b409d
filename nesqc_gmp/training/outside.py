"""Ways to tell that an image is unlike the training images, compared on images that the model is not for.

Each is set to refuse the same share of development images that its network had not seen, so what it refuses of other
images can be compared. Locked into the package are the Mahalanobis distance of the features (Lee et al. 2018), that of
the image statistics and, where the plan names kinds, the likeness to altered images (``alterations``), which has a
share of its own; not taken were the distance of the embedding to its fifth neighbour among the training images (Sun et
al. 2022) and the energy of the logit (Liu et al. 2020). The whole check of a package refuses by one of the locked three
or by size, light and focus, whose limits are the extremes of the development images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.errors import ImageRejectedError, NotFoundError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.training.judge import alteration_of
from nesqc_gmp.training.measure import Floats

METHODS = ("features", "statistics", "known alterations", "light and focus", "5th neighbour", "energy")
NEIGHBOUR = 5
AT_MOST = 60
"""Images of each kind that are compared, evenly chosen."""

Gray = NDArray[np.uint16]

_ENDINGS = {".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp"}


@dataclass(frozen=True, slots=True)
class Outside:
    """Share refused of one kind of image.

    Attributes:
        name: The folder or the change.
        images: Images of that kind.
        unfit: Of these, files that the decoder or the limits of size refused; nothing more was measured of them.
        refused: Share of the others refused by each method, in the order of ``METHODS``; empty where there are none.
        whole: Share of all of them refused by the whole check of the package, ``unfit`` included.
    """

    name: str
    images: int
    unfit: int
    refused: tuple[float, ...]
    whole: float


@dataclass(frozen=True, slots=True)
class Unlikeness:
    """How unlike the training images ``n`` images are, by each single method; larger is more unlike.

    ``light`` tells which are outside the locked limits of light and focus.
    """

    features: Floats
    statistics: Floats
    alteration: Floats
    neighbour: Floats
    energy: Floats
    light: NDArray[np.bool_]

    def columns(self) -> tuple[Floats, ...]:
        """Those that have a limit each, in one order."""
        return self.features, self.statistics, self.alteration, self.neighbour, self.energy


def nearest(embedding: Floats, known: Floats) -> Floats:
    """Distance of each embedding to its fifth neighbour among the known ones, all at length 1.

    Args:
        embedding: ``(n, channels)``.
        known: ``(m, channels)`` of the training images.
    """
    one, other = (
        value / np.maximum(np.linalg.norm(value, axis=1, keepdims=True), 1e-12) for value in (embedding, known)
    )
    squares = np.maximum(2 - 2 * (one @ other.T), 0)
    place = min(NEIGHBOUR, squares.shape[1]) - 1
    return np.asarray(np.sqrt(np.partition(squares, place, axis=1)[:, place]))


def energy(logit: Floats) -> Floats:
    """Free energy of the two logits ``(logit / 2, -logit / 2)``; high where neither class is sure."""
    return np.asarray(-np.logaddexp(logit / 2, -logit / 2))


def measured(
    session: Session,
    images: Iterable[Gray],
    known: Floats,
    statistics: Callable[[Gray], float],
    light: Callable[[Gray], bool],
) -> Unlikeness:
    """Every method on images, by the exported graph.

    Args:
        session: The graph.
        images: Gray samples.
        known: Embeddings of the training images.
        statistics: Distance of the statistics of an image.
        light: Whether an image is outside the limits of light and focus.
    """
    rows, embeddings, lit = [], [], []
    for samples in images:
        outputs = session.run(samples)
        rows.append(
            (float(outputs["distance"][0]), statistics(samples), alteration_of(outputs), float(outputs["logit"][0]))
        )
        embeddings.append(outputs["embedding"][0].astype(np.float64))
        lit.append(light(samples))
    distance, statistic, altered, logit = np.array(rows, dtype=np.float64).T
    return Unlikeness(distance, statistic, altered, nearest(np.stack(embeddings), known), energy(logit), np.array(lit))


def compared(name: str, found: Unlikeness | None, limits: tuple[float, ...], unfit: int = 0) -> Outside:
    """Share refused by each method and by the whole check.

    Args:
        name: What the images are.
        found: How unlike they are; ``None`` where none could be measured.
        limits: Limit of each method, in the order of ``Unlikeness.columns``.
        unfit: Files refused by the decoder or the limits of size.
    """
    if found is None:
        return Outside(name, unfit, unfit, (), 1.0)
    features, statistics, altered, neighbour, energy = (
        column > limit for column, limit in zip(found.columns(), limits, strict=True)
    )
    total = len(features) + unfit
    whole = (int((features | statistics | altered | found.light).sum()) + unfit) / total
    shares = tuple(float(each.mean()) for each in (features, statistics, altered, found.light, neighbour, energy))
    return Outside(name, total, unfit, shares, whole)


def require_images(folders: Iterable[Path]) -> None:
    """Ask for the folders before anything is trained.

    Raises:
        NotFoundError: One is not there, or holds no image.
    """
    for folder in folders:
        if not any(file.suffix.lower() in _ENDINGS for file in folder.rglob("*")):
            raise NotFoundError(
                "there is no image in this folder of input.outside",
                where=str(folder),
                remedy="Bring the images that the model is not for, or take the folder out of the plan.",
            )


def read_folder(folder: Path, edges: tuple[int, int], at_most: int) -> tuple[list[Gray], int]:
    """Images of a folder, evenly chosen, and how many of those the decoder or the limits of size refused."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _ENDINGS)
    chosen = files[:: max(1, -(-len(files) // at_most))]
    images, refused = [], 0
    for file in chosen:
        try:
            samples = gray_samples(decode(file.read_bytes(), name=file.name).samples)
        except ImageRejectedError:
            refused += 1
            continue
        if min(samples.shape) < edges[0] or max(samples.shape) > edges[1]:
            refused += 1
        else:
            images.append(samples)
    return images, refused
