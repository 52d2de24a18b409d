"""Images received before: the same bytes, the same pixels, or a near copy.

A repeated image counts one culture twice, and an image that a model was trained on says nothing when it is
tested with it (EU GMP Annex 22 draft, independence of test data).
"""

from __future__ import annotations

from collections.abc import Iterable

from nesqc_gmp.imaging.perceptual import NEAR_DUPLICATE_DISTANCE, perceptual_distance
from nesqc_gmp.records.images import Duplicate, FrameFacts, KnownImage


def find_duplicates(facts: FrameFacts, known: Iterable[KnownImage]) -> tuple[Duplicate, ...]:
    """Every known image that an image repeats, in the order given, each with the strongest kind of agreement.

    Args:
        facts: Facts of the new image.
        known: Images received earlier, without the new one.
    """
    found = (_duplicate(facts, other) for other in known)
    return tuple(duplicate for duplicate in found if duplicate is not None)


def _duplicate(facts: FrameFacts, other: KnownImage) -> Duplicate | None:
    """How an image repeats one other, or ``None``."""
    if facts.sha256 == other.sha256:
        return Duplicate(image=other.image, batch=other.batch, kind="same bytes", distance=0)
    if facts.pixels_sha256 == other.pixels_sha256:
        return Duplicate(image=other.image, batch=other.batch, kind="same pixels", distance=0)
    distance = perceptual_distance(facts.perceptual_hash, other.perceptual_hash)
    if distance <= NEAR_DUPLICATE_DISTANCE:
        return Duplicate(image=other.image, batch=other.batch, kind="near copy", distance=distance)
    return None
