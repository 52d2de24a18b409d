"""Images received before: the same bytes, the same pixels, or a near copy.

A repeated image counts one culture twice, and an image that a model was trained on says nothing when it is
tested with it (EU GMP Annex 22 draft, independence of test data).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.imaging.perceptual import NEAR_DUPLICATE_DISTANCE, NO_STRUCTURE, orientations
from nesqc_gmp.records.images import Duplicate, KnownImage

_FIRST_CAPACITY = 1024


class Fingerprints(Protocol):
    """What an image is found again by."""

    @property
    def sha256(self) -> str:
        """Digest of the original bytes."""

    @property
    def pixels_sha256(self) -> str:
        """Digest of the decoded samples."""

    @property
    def perceptual_hash(self) -> str:
        """Perceptual hash, 16 hexadecimal digits."""


class KnownImages:
    """Images received earlier, in the order in which they are added.

    Digests are looked up; perceptual hashes are compared with all others at once, as whole numbers of 64 bits.
    """

    def __init__(self) -> None:
        self._images: list[KnownImage] = []
        self._bytes: defaultdict[str, list[int]] = defaultdict(list)
        self._pixels: defaultdict[str, list[int]] = defaultdict(list)
        self._hashes: NDArray[np.uint64] = np.zeros(_FIRST_CAPACITY, np.uint64)

    def add(self, images: Iterable[KnownImage]) -> None:
        """Add images that were received after those added before."""
        for image in images:
            place = len(self._images)
            if place == len(self._hashes):
                self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
            self._images.append(image)
            self._bytes[image.sha256].append(place)
            self._pixels[image.pixels_sha256].append(place)
            self._hashes[place] = np.uint64(int(image.perceptual_hash, 16))

    def like(self, facts: Fingerprints) -> tuple[Duplicate, ...]:
        """Every image that an image repeats, in the order added, each with the strongest kind of agreement.

        Args:
            facts: Fingerprints of the new image, which was not added.
        """
        found = dict.fromkeys(self._bytes.get(facts.sha256, ()), ("same bytes", 0))
        for place in self._pixels.get(facts.pixels_sha256, ()):
            found.setdefault(place, ("same pixels", 0))
        for place, distance in self._near(facts.perceptual_hash):
            found.setdefault(place, ("near copy", distance))
        return tuple(self._duplicate(place, *found[place]) for place in sorted(found))

    def _near(self, text: str) -> list[tuple[int, int]]:
        """Place and distance of every image within the limit (``perceptual.perceptual_distance``).

        The eight orientations are a group, so turning the new image compares it as turning the known ones would.
        """
        if text == NO_STRUCTURE:
            return []
        hashes = self._hashes[: len(self._images)]
        turned = np.array(orientations(text), dtype=np.uint64)
        nearest = np.full(len(hashes), 64, np.uint8)
        for orientation in turned:
            np.minimum(nearest, np.bitwise_count(hashes ^ orientation), out=nearest)
        # A hash of zero has no structure to compare.
        places = np.flatnonzero((nearest <= NEAR_DUPLICATE_DISTANCE) & (hashes != 0))
        return [(int(place), int(nearest[place])) for place in places]

    def _duplicate(self, place: int, kind: str, distance: int) -> Duplicate:
        image = self._images[place]
        return Duplicate.model_validate(
            {"image": image.image, "batch": image.batch, "kind": kind, "distance": distance}
        )
