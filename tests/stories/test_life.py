"""Whole lives of batches, from images to a verified certificate or to the refusal of one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from nesqc_gmp.errors import NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.procedures import audit, batches, certificates


def record_of(pdf: Path) -> dict[str, Any]:
    """The record attached to a certificate."""
    with pikepdf.open(pdf) as document:
        return json.loads(document.attachments["record.json"].get_file().read_bytes())


def text_of(pdf: Path) -> str:
    """What a person reads on a certificate, by another program."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    printed = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, check=True)
    return " ".join(printed.stdout.decode().split())


def assert_verifies(world: Any, pdf: Path) -> None:
    checked = certificates.verify(pdf, site=world.paths, evidence=None)
    assert checked.verified, [step for step in checked.steps if not step.passed]
    report = audit.verify(world.paths)
    assert report.verified, [step for step in report.steps if not step.passed]


@pytest.mark.requirement("UR-BATCHES-01", reviewed="37ccabae")
@pytest.mark.requirement("UR-BATCHES-22", reviewed="4e0de0e3")
def test_released_batch_verifies_everywhere(released: Any) -> None:
    pdf = next(released.paths.certificates.glob("*.pdf"))
    assert_verifies(released, pdf)
    view = released.batch("B-1")
    assert (view.batch.stage, view.outcome, view.unsigned) == ("released", "conforming", ())
    record = record_of(pdf)
    assert (record["decision"], record["outcome"], len(record["images"])) == ("released", "conforming", 3)
    signed = [(line["name"], line["meaning"].split(":")[0]) for line in record["manifestations"]]
    assert signed == [
        ("Olle Brännström", "performed"),
        ("Rana Özdemir", "reviewed"),
        ("Qamar Ekström", "audit trail reviewed"),
        ("Qamar Ekström", "released"),
    ]


@pytest.mark.requirement("UR-BATCHES-08", reviewed="b97a68c3", negative=True)
def test_nothing_can_be_added_to_a_released_batch(released: Any, life: Any, pictures: Any) -> None:
    acts = life(released)
    for late in (
        lambda: acts.receive("B-1", pictures.good(1, culture=2)),
        lambda: acts.seal("B-1"),
        lambda: acts.analyse("B-1", "Once more, please"),
        lambda: acts.test("B-1", "99", reason="A better number"),
        lambda: batches.read(released.session("operator"), "B-1", "C01_F01", "conforming", None, blinded=False),
        lambda: acts.submit("B-1"),
        lambda: acts.review("B-1"),
        lambda: acts.audit("B-1"),
        lambda: acts.reject("B-1"),
        lambda: acts.hold("B-1"),
    ):
        before = len(released.refused())
        with pytest.raises(OutOfSequenceError):
            late()
        assert len(released.refused()) == before + 1
    assert released.batch("B-1").batch.stage == "released"


@pytest.mark.requirement("UR-BATCHES-19", reviewed="11f19144", negative=True)
def test_failing_batch_is_rejected_never_released(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.analysed("B-2", [*pictures.good(2), *pictures.bad(3)])
    acts.test("B-2")
    acts.signed("B-2")
    with pytest.raises(OutOfSequenceError, match="tests of the specification are not conforming"):
        acts.release("B-2")
    assert ready.refused() == [("q.ekstrom", "batches.release", "OutOfSequenceError")]
    acts.reject("B-2")
    issued = acts.issue("B-2")
    assert_verifies(ready, issued.pdf)
    record = record_of(issued.pdf)
    assert (record["decision"], record["outcome"]) == ("rejected", "not conforming")
    assert {c["culture"]: c["outcome"] for c in record["cultures"]} == {"C01": "conforming", "X01": "not conforming"}
    text = text_of(issued.pdf)
    assert "not conforming" in text.casefold()
    assert "not for gmp use" in text.casefold()


@pytest.mark.requirement("UR-BATCHES-14", reviewed="ae7ce173", negative=True)
def test_a_person_overrides_nothing_that_does_not_conform(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.analysed("B-2", pictures.bad(2))
    bad = [name for name, s in ready.batch("B-2").batch.attempts[-1].scores.items() if s.outcome == "not conforming"]
    assert bad
    for name in bad:
        for who in ("operator", "reviewer"):
            batches.read(ready.session(who), "B-2", name, "conforming", "It looks well to me", blinded=False)
    assert ready.batch("B-2").morphology.outcome == "not conforming"


@pytest.mark.requirement("UR-BATCHES-13", reviewed="50a9bc16", negative=True)
def test_undecided_images_wait_for_readers(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.analysed("B-3", pictures.unclear(2))
    acts.test("B-3")
    assert ready.batch("B-3").outcome == "undecided"
    with pytest.raises(OutOfSequenceError, match="wait for a person's reading: U01_F01, U01_F02"):
        acts.submit("B-3")
    with pytest.raises(NotAuthorisedError, match="not blinded"):
        batches.read(ready.session("operator"), "B-3", "U01_F01", "conforming", "Seen: rosettes", blinded=True)
    for image in ("U01_F01", "U01_F02"):
        batches.read(ready.session("operator"), "B-3", image, "conforming", "Seen: rosettes", blinded=False)
    assert ready.batch("B-3").outcome == "undecided", "one reader is not enough"
    for image in ("U01_F01", "U01_F02"):
        batches.read(ready.session("reviewer"), "B-3", image, "conforming", "Seen: rosettes", blinded=True)
    assert ready.batch("B-3").outcome == "conforming"
    acts.submit("B-3")
    acts.review("B-3")
    sheet = acts.audit("B-3")
    assert [e.what for e in sheet.exceptions].count("image undecided") == 2
    assert [e.what for e in sheet.exceptions].count("reading differs from the model") == 4
    acts.release("B-3")
    record = record_of(acts.issue("B-3").pdf)
    assert len(record["readings"]) == 4
    assert sum(reading["blinded"] for reading in record["readings"]) == 2


def test_undecided_batch_is_held_then_released(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.analysed("B-3", pictures.unclear(2))
    acts.hold("B-3")
    assert ready.batch("B-3").batch.stage == "on hold"
    held = acts.issue("B-3")
    assert record_of(held.pdf)["decision"] == "on hold"
    acts.test("B-3")
    for image in ("U01_F01", "U01_F02"):
        for who in ("operator", "reviewer"):
            batches.read(ready.session(who), "B-3", image, "conforming", "Seen: rosettes", blinded=False)
    acts.signed("B-3")
    acts.release("B-3")
    with pytest.raises(OutOfSequenceError, match=r"QC-\d{4}-000001 is current"):
        acts.issue("B-3")
    new = certificates.supersede(
        ready.session("qa"), held.number, "Released after two readings", ready.signs("qa")
    )  # fmt: skip
    record = record_of(new.pdf)
    assert (record["decision"], record["revision"], record["supersedes"]) == ("released", 2, held.number)
    assert_verifies(ready, new.pdf)
    stands = certificates.verify(held.pdf, site=ready.paths, evidence=None).steps[-1]
    assert (stands.passed, stands.detail) == (False, "superseded: Released after two readings")


@pytest.mark.requirement("UR-CERTIFICATES-04", reviewed="6376878b", negative=True)
def test_certificate_of_a_hold_is_not_issued_once_the_batch_went_on(analysed: Any, life: Any) -> None:
    """The hold was signed over records that are no longer all there is."""
    acts = life(analysed)
    acts.hold("B-1")
    batches.read(analysed.session("operator"), "B-1", "C01_F01", "conforming", None, blinded=False)
    with pytest.raises(OutOfSequenceError, match="changed or signed after the decision"):
        acts.issue("B-1")


@pytest.mark.requirement("UR-CERTIFICATES-07", reviewed="cccb51dc")
def test_withdrawn_certificate_says_so(released: Any, life: Any) -> None:
    pdf = next(released.paths.certificates.glob("*.pdf"))
    certificates.withdraw(released.session("qa"), pdf.stem, "Printed with a wrong address", released.signs("qa"))
    checked = certificates.verify(pdf, site=released.paths, evidence=None)
    assert [step.name for step in checked.steps if not step.passed] == ["The certificate stands"]
    assert checked.steps[-1].detail == "withdrawn: Printed with a wrong address"
    with pytest.raises(OutOfSequenceError, match="withdrawn already"):
        certificates.withdraw(released.session("qa"), pdf.stem, "Once more for luck", released.signs("qa"))
    again = life(released).issue("B-1")
    assert record_of(again.pdf)["revision"] == 2
    assert_verifies(released, again.pdf)
    assert audit.verify(released.paths).verified


@pytest.mark.requirement("UR-BATCHES-07", reviewed="fa7af97d", negative=True)
def test_likeness_across_batches_blocks_until_explained(analysed: Any, life: Any, pictures: Any) -> None:
    acts = life(analysed)
    acts.register("B-9")
    received = acts.receive("B-9", [*pictures.good(1), *pictures.good(1, culture=2)])
    assert received[0].note == "same bytes of C01_F01 in B-1"
    assert received[1].note == ""
    acts.receive("B-9", pictures.good(1, first=7))
    with pytest.raises(OutOfSequenceError, match="nobody has explained why: C01_F01"):
        acts.seal("B-9")
    with pytest.raises(OutOfSequenceError, match="nothing to explain"):
        batches.explain(analysed.session("operator"), "B-9", "C02_F01", "There is nothing here")
    batches.explain(analysed.session("operator"), "B-9", "C01_F01", "Same vial, split in two batches")
    with pytest.raises(OutOfSequenceError, match="culture C02 has 1"):
        acts.seal("B-9")
    acts.receive("B-9", pictures.good(2, culture=2)[1:])
    assert acts.seal("B-9") == 4


@pytest.mark.requirement("UR-BATCHES-16", reviewed="10145da1")
def test_both_results_of_a_repeated_test_count(analysed: Any, life: Any) -> None:
    """A repeat that conforms never wipes out one that does not."""
    acts = life(analysed)
    with pytest.raises(OutOfSequenceError, match="repeat needs a reason"):
        acts.test("B-1", "95")
    acts.test("B-1", "79.9", reason="Counted once more")
    acts.test("B-1", "96", reason="Counted a third time")
    assert analysed.batch("B-1").outcome == "not conforming"


@pytest.mark.requirement("UR-BATCHES-11", reviewed="66e6dc84", negative=True)
def test_every_attempt_counts(analysed: Any, life: Any) -> None:
    acts = life(analysed)
    with pytest.raises(OutOfSequenceError, match="a repeat needs a reason"):
        acts.analyse("B-1")
    acts.analyse("B-1", "The lamp flickered")
    state = analysed.batch("B-1").batch
    first, second = (
        [scored.prediction for scored in attempt.scores.values()] for attempt in state.attempts
    )  # fmt: skip
    assert first == second, "the same bytes give the same outputs"
    acts.signed("B-1")
    acts.release("B-1")
    record = record_of(acts.issue("B-1").pdf)
    assert [attempt["ending"] for attempt in record["attempts"]] == ["completed", "completed"]
    assert [line["reason"] for line in record["amendments"]] == ["The lamp flickered"]


@pytest.mark.requirement("UR-BATCHES-19", reviewed="11f19144")
def test_rejected_without_any_image(ready: Any, life: Any) -> None:
    acts = life(ready)
    acts.register("B-5")
    acts.reject("B-5")
    issued = acts.issue("B-5")
    record = record_of(issued.pdf)
    assert (record["decision"], record["outcome"], record["attempts"]) == ("rejected", "undecided", [])
    assert_verifies(ready, issued.pdf)


@pytest.mark.requirement("UR-PEOPLE-14", reviewed="8e43b3fd")
def test_a_change_after_each_signature_takes_it_away(analysed: Any, life: Any) -> None:
    acts = life(analysed)
    acts.signed("B-1")
    assert analysed.batch("B-1").batch.stage == "reviewed"
    batches.read(analysed.session("operator"), "B-1", "C01_F01", "conforming", None, blinded=False)
    assert analysed.batch("B-1").batch.stage == "analysed"
    with pytest.raises(OutOfSequenceError, match="not submitted in its present form"):
        acts.release("B-1")
    acts.submit("B-1")
    with pytest.raises(OutOfSequenceError, match="not reviewed in its present form"):
        acts.release("B-1")
    acts.review("B-1")
    with pytest.raises(OutOfSequenceError, match="audit trail is not reviewed"):
        acts.release("B-1")
    acts.audit("B-1", acceptable=False)
    with pytest.raises(OutOfSequenceError, match="not acceptable"):
        acts.release("B-1")
    acts.audit("B-1")
    acts.release("B-1")
    assert analysed.batch("B-1").batch.stage == "released"


@pytest.mark.requirement("UR-AUDIT-15", reviewed="380b3deb", negative=True)
@pytest.mark.requirement("UR-BATCHES-17", reviewed="29607e63", negative=True)
def test_audit_review_before_the_review_does_not_count(analysed: Any, life: Any) -> None:
    acts = life(analysed)
    acts.submit("B-1")
    acts.audit("B-1")
    acts.review("B-1")
    with pytest.raises(OutOfSequenceError, match="records were added after the audit trail was reviewed"):
        acts.release("B-1")
