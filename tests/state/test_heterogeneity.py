"""Heterogeneity over attempts: completed ones only, and the largest of them."""

from __future__ import annotations

from typing import Any

from nesqc_gmp.records.batches import AttemptClosed, AttemptOpened, BatchRegistered, ImageScored
from nesqc_gmp.records.images import Heterogeneity, Prediction, Spread
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Attempt, Batch


def measured(value: str) -> Heterogeneity:
    return Heterogeneity(appearance=None, score=Spread(value=value, low=None, high=None, units=16))


def attempt(number: int, ending: str | None, **values: str | None) -> Attempt:
    scores = {}
    for image, value in values.items():
        found: Any = None if value is None else Prediction.model_construct(heterogeneity=measured(value))
        scores[image] = ImageScored.model_construct(image=image, prediction=found)
    closed = AttemptClosed.model_construct(ending=ending) if ending else None
    return Attempt(number, number, AttemptOpened.model_construct(), "", "", "", None, scores, closed)


def test_the_largest_of_the_completed_attempts_counts() -> None:
    attempts = (
        attempt(1, "completed", a="1.0", b="2.5", c=None),
        attempt(2, "completed", a="10.0", b="2.0", c=None),
        attempt(3, "aborted", a="99.0", d="1.0"),
        attempt(4, None, b="99.0"),
    )
    batch = Batch(BatchRegistered.model_construct(batch="B-1"), "ada", attempts=attempts)
    assert release.heterogeneity(batch) == {"a": measured("10.0"), "b": measured("2.5")}
