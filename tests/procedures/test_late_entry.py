"""Late entries: both times are kept, the reason is asked, and review, certificate and verifier tell of them.

Days are counted by hand in the cases.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import IntegrityError, InvalidInputError
from nesqc_gmp.evidence import read
from nesqc_gmp.notes import open_checkpoint
from nesqc_gmp.procedures import audit, batches, certificates
from nesqc_gmp.state.late_entry import is_late_result, late_entries
from nesqc_gmp.verifier.proven import prove, read_keys
from nesqc_gmp.verifier.record import check_record


@pytest.mark.parametrize(
    ("performed", "entered", "late"),
    [
        ("2026-11-20", "2026-11-20T23:59:59.999999+01:00", False),
        ("2026-11-20", "2026-11-21T23:59:59.999999+01:00", False),
        ("2026-11-20", "2026-11-22T00:00:00.000000+01:00", True),
        ("2026-02-28", "2026-03-01T00:00:00.000000+01:00", False),
        ("2024-02-28", "2024-03-01T00:00:00.000000+01:00", True),  # a leap year
        # The day of the site counts: in UTC this is still 21 November.
        ("2026-11-20", "2026-11-22T00:30:00.000000+01:00", True),
    ],
)
def test_a_result_is_late_from_the_second_day_on(performed: str, entered: str, late: bool) -> None:
    assert is_late_result(performed, entered) is late


def _record(world: Any, days: int, reason: str | None, value: str = "93.4") -> None:
    evidence = world.folder / "paper.txt"
    evidence.write_text(f"page 12 of the paper form, {value}\n")
    day = (world.site.today() - timedelta(days=days)).isoformat()
    batches.record_result(
        world.session("operator"), "B-2", "viability", value, day, evidence, reason, world.signs("operator")
    )


def _receive(world: Any, files: list[Path], ago: timedelta) -> None:
    captured = (datetime.now(UTC) - ago).isoformat(timespec="seconds")
    incoming = [batches.Incoming(f, "C02", 14, f"F{n}", captured) for n, f in enumerate(files, 1)]
    batches.receive(world.session("operator"), "B-2", incoming)


@pytest.fixture
def registered(ready: Any, life: Any) -> Any:
    """A site with a batch that has no image yet."""
    life(ready).register("B-2")
    return ready


@pytest.mark.requirement("UR-BATCHES-23", reviewed="d444a4ad", negative=True)
def test_a_late_result_without_a_reason_is_refused_before_anybody_signs(registered: Any) -> None:
    size = len(registered.entries())
    for days in (2, 400):
        with pytest.raises(InvalidInputError, match="a late entry needs a reason"):
            _record(registered, days, None)
    assert len(registered.entries()) == size
    for days in (0, 1):
        _record(registered, days, None if days == 0 else "Counted again, another aliquot")
    assert late_entries(registered.batch("B-2").batch) == ()


def test_a_day_to_come_is_refused_even_with_a_reason(registered: Any) -> None:
    with pytest.raises(InvalidInputError, match="future"):
        _record(registered, -1, "Will be done tomorrow")


def test_the_statement_says_that_it_is_late(registered: Any) -> None:
    _record(registered, 5, "The tool was down, paper form 12")
    day = (registered.site.today() - timedelta(days=5)).isoformat()
    assert f"Performed on {day}, entered late;" in registered.shown
    assert "Reason: The tool was down, paper form 12\n" in registered.shown


@pytest.mark.requirement("UR-BATCHES-23", reviewed="d444a4ad")
def test_images_are_late_after_a_weekend(registered: Any, pictures: Any) -> None:
    first, second, third = pictures.good(3, culture=2)
    operator = registered.session("operator")
    for name, file, ago in (("F1", first, 71), ("F2", second, 73), ("F3", third, None)):
        captured = ago and (datetime.now(UTC) - timedelta(hours=ago)).isoformat(timespec="seconds")
        batches.receive(operator, "B-2", [batches.Incoming(file, "C02", 14, name, captured)])
    (late,) = late_entries(registered.batch("B-2").batch)
    assert (late.test, late.images) == (None, ("C02_F2",))
    assert late.index == registered.entries("image_received")[1].index


def test_an_image_from_the_future_stops_the_whole_sheet(registered: Any, pictures: Any) -> None:
    operator = registered.session("operator")

    def at(**ahead: float) -> str:
        return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")

    first, second = pictures.good(2, culture=2)
    good = batches.Incoming(first, "C02", 14, "F1", at(minutes=50))
    with pytest.raises(InvalidInputError, match="in the future"):
        batches.receive(operator, "B-2", [good, batches.Incoming(second, "C02", 14, "F2", at(minutes=70))])
    assert registered.entries("image_received") == []
    batches.receive(operator, "B-2", [good])


@pytest.mark.requirement("UR-BATCHES-23", reviewed="d444a4ad")
def test_late_entries_stand_in_review_certificate_and_verifier(
    registered: Any, life: Any, pictures: Any, tmp_path: Path
) -> None:
    world, acts = registered, life(registered)
    _receive(world, pictures.good(3, culture=2), timedelta(days=6))
    acts.seal("B-2")
    acts.analyse("B-2")
    _record(world, 5, "The tool was down, paper form 12")
    acts.verify_test("B-2")
    acts.submit("B-2")
    acts.review("B-2")
    sheet = acts.audit("B-2")
    late = [exception for exception in sheet.exceptions if exception.what == "late entry"]
    today, tested = world.site.today(), (world.site.today() - timedelta(days=5)).isoformat()
    captured = (datetime.now(UTC) - timedelta(days=6)).date().isoformat()
    assert [exception.detail for exception in late] == [
        f"3 of 3 images, captured {captured}, entered {today}, Olle Brännström",
        f"viability, performed {tested}, entered {today}, Olle Brännström: The tool was down, paper form 12",
    ]
    assert not [e for e in sheet.exceptions if e.what == "result recorded again"]
    acts.release("B-2")
    issued = acts.issue("B-2")
    found = certificates.verify(issued.pdf, site=world.paths, evidence=issued.evidence)
    assert found.verified, found.sentence
    record = json.loads((issued.evidence / "record.json").read_text())
    assert [line["what"] for line in record["late_entries"]] == ["Viability", "3 of 3 images"]
    assert record["late_entries"][0]["reason"] == "The tool was down, paper form 12"
    assert record["amendments"] == []
    _verifier_finds_what_is_left_out(issued.evidence, record)
    _pdf_says(issued.pdf, f"entered late: performed {tested}, entered {today}")
    _pdf_says(issued.pdf, f"3 of 3 images: done {captured}, entered {today}")


def _verifier_finds_what_is_left_out(evidence: Path, record: dict[str, Any]) -> None:
    bundle = read(evidence)
    keys = read_keys(bundle.log_key, bundle.authority)
    proven = prove(bundle, keys, open_checkpoint(bundle.checkpoint, keys.log))
    check_record(proven, canonical_json(record), None)
    first, second = record["late_entries"]
    for altered in ([], [first], [second], [first | {"entered": first["happened"]}, second]):
        with pytest.raises(IntegrityError, match="late entries"):
            check_record(proven, canonical_json(record | {"late_entries": altered}), None)


def _pdf_says(path: Path, words: str) -> None:
    with pikepdf.open(path) as pdf:
        assert len(pdf.pages) > 1
    if shutil.which("pdftotext") is None:
        return
    text = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
    assert words.replace(" ", "") in "".join(text.split())


def test_a_late_repeat_is_one_exception_that_says_both(registered: Any, life: Any, pictures: Any) -> None:
    world, acts = registered, life(registered)
    acts.receive("B-2", pictures.good(3, culture=2))
    acts.seal("B-2")
    _record(world, 0, None)
    _record(world, 4, "Found on the paper form afterwards", "91.0")
    found = [e for e in audit.sheet(world.session("qa"), "B-2").exceptions if e.what != "act refused"]
    assert [e.what for e in found] == ["result recorded again"]
    assert ", entered late: performed " in found[0].detail


def test_a_reason_alone_makes_no_repeat(registered: Any, life: Any, pictures: Any) -> None:
    acts = life(registered)
    acts.receive("B-2", pictures.good(3, culture=2))
    acts.seal("B-2")
    _record(registered, 0, "Written on the form first")
    assert [e.what for e in audit.sheet(registered.session("qa"), "B-2").exceptions] == []
