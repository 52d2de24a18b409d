"""A reading made before the analysis is compared with the model as soon as the model has spoken."""

from __future__ import annotations

from typing import Any

import pytest

from nesqc_gmp.procedures import audit, batches, certificates
from nesqc_gmp.state import release


@pytest.mark.requirement("UR-BATCHES-14", reviewed="ae7ce173", negative=True)
def test_a_blinded_reading_from_before_the_analysis_counts_as_differing(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.register("B-2")
    acts.receive("B-2", pictures.good(3))
    acts.seal("B-2")
    batches.read(
        ready.session("reviewer"), "B-2", "C01_F01", "not conforming", "Flat cells at the rim", blinded=True
    )  # fmt: skip
    batch = ready.batch("B-2").batch
    assert not release.differs(batch, batch.readings[0]), "the model has said nothing yet"
    acts.analyse("B-2")
    batch = ready.batch("B-2").batch
    assert release.model_outcome(batch, "C01_F01") == "conforming"
    assert release.differs(batch, batch.readings[0])
    acts.test("B-2")
    acts.submit("B-2")
    assert "Readings: 1, of which 1 differ" in ready.shown
    sheet = audit.sheet(ready.session("qa"), "B-2")
    found = [e.detail for e in sheet.exceptions if e.what == "reading differs from the model"]
    assert found == ["C01_F01: not conforming instead of conforming, Rana Özdemir: Flat cells at the rim"]
    acts.hold("B-2")
    issued = acts.issue("B-2")
    assert certificates.verify(issued.pdf, site=ready.paths, evidence=None).verified
    assert b'"override":true' in (issued.evidence / "record.json").read_bytes()


def test_a_reading_that_agrees_is_no_exception(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.register("B-2")
    acts.receive("B-2", pictures.good(3))
    acts.seal("B-2")
    batches.read(ready.session("reviewer"), "B-2", "C01_F01", "conforming", "Rosettes throughout", blinded=True)
    acts.analyse("B-2")
    batch = ready.batch("B-2").batch
    assert not release.differs(batch, batch.readings[0])
    assert [e.what for e in audit.sheet(ready.session("qa"), "B-2").exceptions] == []
