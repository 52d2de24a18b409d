"""What the reason of an entry says of a result or a reading: a repeat, a late entry, or another reason.

A late entry is made after an outage for something that was done before (EU GMP Annex 11 cl. 16). Nobody can choose the
time of an entry; the time of the event stands in the reason, which begins with the words below (SOP-08, 5.6).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nesqc_gmp.records.batches import ImageRead, ResultRecorded
from nesqc_gmp.records.entry import Entry

LATE_ENTRY: Final = "late entry"
"""How the reason of a late entry begins, and what it is called."""

AGAIN: Final = "result recorded again"
WITH_REASON: Final = "result recorded with a reason"


def is_late(reason: str | None) -> bool:
    """Whether a reason says that the entry is late."""
    return (reason or "").casefold().startswith(LATE_ENTRY)


def named_by_reason(entries: Iterable[Entry]) -> dict[int, str]:
    """What the reasons of results and readings make of them, by index of the entry; without a reason, nothing.

    A result of a test that has one already is a repeat, whatever its reason says: no repeat hides as a late entry.

    Args:
        entries: Those of one batch, in their order.
    """
    found: dict[int, str] = {}
    tests: set[str] = set()
    for entry in entries:
        match entry.record:
            case ResultRecorded(test=test):
                if entry.reason:
                    first = LATE_ENTRY if is_late(entry.reason) else WITH_REASON
                    found[entry.index] = AGAIN if test in tests else first
                tests.add(test)
            case ImageRead() if is_late(entry.reason):
                found[entry.index] = LATE_ENTRY
            case _:
                continue
    return found
