"""A morning without the computer, entered late as SOP-08, 5.6 says: it is found, reviewed and printed as late.

What has to be seen is taken from EU GMP Annex 11 clauses 8.2 and 16 and 21 CFR 211.100(b): event time and entry time
apart, the reason with the entry, and nothing of it hidden from who reviews the audit trail or reads the certificate.
"""

from __future__ import annotations

from typing import Any

import pytest

from nesqc_gmp.procedures import audit, batches
from tests.stories.test_life import record_of

READ = "Late entry: read 2026-11-20T10:05+01:00, F-08-4 no. 12 line 3"
MEASURED = "Late entry: measured 2026-11-20T11:30+01:00, F-08-4 no. 12 line 5"


def exceptions(world: Any) -> list[tuple[str, str]]:
    return [(each.what, each.detail) for each in audit.sheet(world.session("qa"), "B-1").exceptions]


def test_a_late_entry_is_found_reviewed_and_printed(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.register("B-1")
    acts.receive("B-1", pictures.good(3))
    image = ready.entries("image_received")[0].record.image
    batches.read(ready.session("operator"), "B-1", image, "conforming", READ, blinded=True)
    acts.seal("B-1")
    acts.analyse("B-1")
    acts.test("B-1", reason=MEASURED)

    found = audit.search(
        ready.session("qa"), who=None, role=None, what=None, record=None, since=None, until=None, reason="Late entry"
    )
    assert [(row.kind, row.reason) for row in found] == [("image_read", READ), ("result_recorded", MEASURED)]
    (recorded,) = ready.entries("result_recorded")
    assert recorded.record.performed_on == "2026-11-20"
    assert recorded.time.utc > "2026-11-20T10:30", "the time of the entry is the clock's, not the one that was typed"

    late = [(what, detail) for what, detail in exceptions(ready) if what == "late entry"]
    assert [detail.endswith(reason) for (_, detail), reason in zip(late, (READ, MEASURED), strict=True)] == [True] * 2

    acts.signed("B-1")
    acts.release("B-1")
    record = record_of(acts.issue("B-1").pdf)
    assert [(line["what"], line["reason"]) for line in record["amendments"]] == [("late entry", MEASURED)]
    assert READ in [line["reason"] for line in record["readings"]]


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (None, MEASURED, ["result recorded again"]),
        (MEASURED, MEASURED, ["late entry", "result recorded again"]),
        ("Measured by the night shift", None, ["result recorded with a reason"]),
    ],
)
def test_no_repeat_hides_as_a_late_entry(
    first: str | None, second: str | None, named: list[str], ready: Any, life: Any, pictures: Any
) -> None:
    acts = life(ready)
    acts.register("B-1")
    acts.receive("B-1", pictures.good(3))
    acts.test("B-1", "70.1", verified=False, reason=first)
    if second:
        acts.test("B-1", "93.4", verified=False, reason=second)
    what = [each for each, _ in exceptions(ready)]
    assert sorted(what) == sorted(named)
