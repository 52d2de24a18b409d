"""A certificate whose files were lost between its entry and its layout is laid out again, and signed only once."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.procedures import certificates


@pytest.mark.requirement("UR-CERTIFICATES-06", reviewed="044e137b")
def test_lost_files_are_laid_out_again_without_a_new_signature(released: Any) -> None:
    pdf = next(released.paths.certificates.glob("*.pdf"))
    evidence = pdf.with_suffix(".evidence")
    bytes_before, files_before = pdf.read_bytes(), sorted(path.name for path in evidence.rglob("*"))
    size = len(released.entries())
    pdf.unlink()
    shutil.rmtree(evidence)

    def asks_nobody(statement: str) -> Any:
        raise AssertionError("nothing is signed again")

    issued = certificates.issue(released.session("qa"), "B-1", asks_nobody)
    assert issued.pdf.read_bytes() == bytes_before
    assert sorted(path.name for path in issued.evidence.rglob("*")) == files_before
    assert len(released.entries()) == size
    assert certificates.verify(issued.pdf, site=released.paths, evidence=None).verified


@pytest.mark.requirement("UR-CERTIFICATES-06", reviewed="044e137b", negative=True)
def test_a_lost_file_is_not_made_anew_where_its_original_is_gone(released: Any) -> None:
    pdf = next(released.paths.certificates.glob("*.pdf"))
    record = released.entries("certificate_issued")[0].record
    pdf.unlink()
    released.site.objects.path(record.pdf_sha256).unlink()
    with pytest.raises(IntegrityError):
        certificates.issue(released.session("qa"), "B-1", released.signs("qa"))


def test_the_reason_of_a_rejection_stands_on_the_certificate(analysed: Any, life: Any) -> None:
    life(analysed).reject("B-1")
    issued = life(analysed).issue("B-1")
    remarks = json.loads((issued.evidence / "record.json").read_text())["remarks"]
    said = {"person": "Qamar Ekström", "text": "Not fit. Reason: A test does not conform"}
    assert said in remarks
    assert certificates.verify(issued.pdf, site=analysed.paths, evidence=issued.evidence).verified
