"""Honest bundles verify, and the report says what it stands on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.evidence import read, write
from nesqc_gmp.verifier import Step, VerificationReport, verify_bundle

STEPS = 9


@pytest.mark.requirement("UR-CERTIFICATES-09", reviewed="118317c1")
def test_a_released_batch_verifies(played) -> None:
    digest = sha256_hex((played.released / "record.json").read_bytes())
    report = verify_bundle(played.released, record_sha256=digest, **played.keys)
    assert report.verified, report.sentence
    assert [step.number for step in report.steps] == list(range(1, STEPS + 1))
    assert report.sentence == "VERIFIED: all 9 steps passed"


def test_a_rejected_batch_with_every_kind_of_event_verifies(played) -> None:
    report = verify_bundle(played.rejected, record_sha256=None, **played.keys)
    assert report.verified, report.sentence
    detail = report.steps[6].detail
    assert "1 files refused" in detail
    assert "3 attempts, all closed; rejected" in detail


def test_a_bundle_in_memory_and_one_written_again_verify(played, tmp_path) -> None:
    assert verify_bundle(played.bundle, record_sha256=None, **played.keys).verified
    write(tmp_path / "again", read(played.released))
    assert verify_bundle(tmp_path / "again", record_sha256=None, **played.keys).verified


def test_without_pinned_keys_the_report_says_so_loudly(played) -> None:
    report = verify_bundle(played.bundle, log_key=None, authority=None, record_sha256=None)
    assert report.verified
    assert "log key and authority TAKEN FROM THE BUNDLE ITSELF" in report.steps[1].detail
    half = verify_bundle(played.bundle, log_key=played.keys["log_key"], authority=None, record_sha256=None)
    assert "ATTENTION: authority TAKEN FROM" in half.steps[1].detail


@pytest.mark.parametrize("log_key", ["", "nonsense", "a+00000000+AAAA", "name+\ud800"])
def test_a_pinned_key_that_is_none_fails_step_2(played, log_key) -> None:
    report = verify_bundle(played.bundle, log_key=log_key, authority=None, record_sha256=None)
    assert [step.passed for step in report.steps[:3]] == [True, False, False]
    report = verify_bundle(played.bundle, log_key=None, authority=b"nonsense", record_sha256=None)
    assert not report.steps[1].passed


def test_another_record_than_the_certificate_prints_fails_step_9(played) -> None:
    report = verify_bundle(played.bundle, record_sha256="0" * 64, **played.keys)
    assert [step.number for step in report.steps if not step.passed] == [9]
    assert report.sentence.startswith("NOT VERIFIED: step 9")


def test_nothing_checked_is_not_verified() -> None:
    assert not VerificationReport(steps=()).verified
    assert VerificationReport(steps=()).sentence == "NOT VERIFIED: nothing was checked"
    passed = Step(number=1, name="a", passed=True, detail="b")
    failed = Step(number=2, name="c", passed=False, detail="d")
    assert VerificationReport(steps=(passed, failed)).sentence == "NOT VERIFIED: step 2, c: d"


@pytest.mark.requirement("UR-CERTIFICATES-09", reviewed="118317c1")
def test_the_verifier_needs_neither_database_nor_runtime() -> None:
    heavy = ["sqlmodel", "sqlalchemy", "onnxruntime", "torch", "typer", "reportlab", "pikepdf", "pyhanko", "numpy"]
    program = f"import sys, nesqc_gmp.verifier; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
