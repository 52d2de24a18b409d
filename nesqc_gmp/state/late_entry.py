"""Late entries: work that was done, or images that were captured, well before they were entered.

A record is made at the time of the work (21 CFR 211.194(a); PIC/S PI 041 9.6). Where the tool was down the work goes on
on paper and is entered later (EU GMP Annex 11 cl. 16): then both times stand in the record, a result has a reason,
and whoever reviews or reads the certificate is told. What is late follows from the two times alone; nobody has to say
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from nesqc_gmp.state.batches import Batch, Image

RESULT_DAYS: Final = 1
"""A result is late where it is entered more than so many days after its test; days are those of the site."""

IMAGE_DAYS: Final = 3
"""An image is late where it is received more than so many days of 24 hours after its capture: a weekend is not late."""


@dataclass(frozen=True, slots=True)
class LateEntry:
    """One late result, or all late images of a batch together.

    Attributes:
        index: Index of the entry; of the first one for images.
        test: Id of the test; ``None`` for images.
        images: Late images.
        happened: Day of the test, or first to last day of capture.
        entered: Day of the entry, or first to last day of receipt.
        person: Printed name of who entered it.
        reason: Why it was late, as given.
    """

    index: int
    test: str | None
    images: tuple[str, ...]
    happened: str
    entered: str
    person: str
    reason: str | None


def is_late_result(performed_on: str, entered_local: str) -> bool:
    """Whether a result is a late entry.

    Args:
        performed_on: Day of the test.
        entered_local: Local time of the entry, as ``Instant.local``.
    """
    return date.fromisoformat(entered_local[:10]) - date.fromisoformat(performed_on) > timedelta(days=RESULT_DAYS)


def late_entries(batch: Batch) -> tuple[LateEntry, ...]:
    """Every late entry of a batch: results in the order of the log, then the images."""
    return (*_results(batch), *_images(batch))


def _results(batch: Batch) -> Iterator[LateEntry]:
    for result in batch.results:
        recorded = result.recorded
        if is_late_result(recorded.performed_on, result.entered_at):
            day = result.entered_at[:10]
            yield LateEntry(result.index, recorded.test, (), recorded.performed_on, day, result.name, result.reason)


def _images(batch: Batch) -> Iterator[LateEntry]:
    late = {name: image for name, image in batch.images.items() if _is_late_image(image)}
    if late:
        captured = [str(image.received.captured_at) for image in late.values()]
        yield LateEntry(
            index=min(image.index for image in late.values()),
            test=None,
            images=tuple(late),
            happened=_days(captured),
            entered=_days([image.received_at for image in late.values()]),
            person=", ".join(dict.fromkeys(image.received_by for image in late.values())),
            reason=None,
        )


def _is_late_image(image: Image) -> bool:
    captured = image.received.captured_at
    if captured is None:
        return False
    return datetime.fromisoformat(image.received_at) - datetime.fromisoformat(captured) > timedelta(days=IMAGE_DAYS)


def _days(moments: list[str]) -> str:
    days = sorted(moment[:10] for moment in moments)
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
