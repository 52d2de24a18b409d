"""Whether a certificate stands: a withdrawal cannot be hidden from who asks, and a damaged log says nothing good."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from nesqc_gmp.procedures import certificates


def verified(world: Any) -> Any:
    return certificates.verify(next(world.paths.certificates.glob("*.pdf")), site=world.paths, evidence=None)


@pytest.mark.requirement("UR-CERTIFICATES-07", reviewed="cccb51dc", negative=True)
def test_hidden_withdrawal(released: Any) -> None:
    """The row that finds the withdrawal is moved away behind the back of the tool, its guard put back."""
    assert verified(released).verified
    number = next(iter(certificates.certificates(released.session("qa"))))
    certificates.withdraw(released.session("qa"), number, "Withdrawn for the test", released.signs("qa"))
    assert "withdrawn" in verified(released).sentence
    released.close()
    database = sqlite3.connect(released.paths.ledger)
    guards = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entry'")
    kept = guards.fetchall()
    for name, _ in kept:
        database.execute(f"DROP TRIGGER {name}")
    moved = database.execute("UPDATE entry SET subject_type = 'site' WHERE kind = 'certificate_withdrawn'").rowcount
    for _, text in kept:
        database.execute(text)
    database.commit()
    database.close()
    assert moved == 1
    report = verified(released)
    assert not report.verified
    assert "in the table entry was edited" in report.sentence


def test_damaged_database(released: Any) -> None:
    released.close()
    data = released.paths.ledger.read_bytes()
    for damaged in (data[: len(data) // 2], b"", b"no database"):
        released.paths.ledger.write_bytes(damaged)
        report = verified(released)
        assert not report.verified
        assert "The certificate stands" in report.sentence


@pytest.mark.requirement("UR-CERTIFICATES-12", reviewed="d84fcb74")
def test_read_only_copy_without_keys(released: Any) -> None:
    """An auditor's copy has no keys folder; the log is verified all the same."""
    released.close()
    released.paths.log_state.unlink()
    assert verified(released).verified
