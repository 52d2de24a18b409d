"""What a signature needs: the person, both components, the shown record as it still is, and a clock that went on."""

from __future__ import annotations

from typing import Any

import pytest

from nesqc_gmp.errors import (
    AccountLockedError,
    AuthenticationError,
    IntegrityError,
    InvalidInputError,
    NotAuthorisedError,
    OutOfSequenceError,
)
from nesqc_gmp.esign import Credentials
from nesqc_gmp.procedures import batches, certificates, people
from nesqc_gmp.records.signatures import Statement


@pytest.mark.requirement("UR-PEOPLE-15", reviewed="e05a32f4")
def test_statement_shows_what_is_signed(analysed: Any, life: Any) -> None:
    """Labels of 21 CFR 11.50 and what 11.70 binds; the shown text is the one in the log, byte for byte."""
    life(analysed).submit("B-1")
    entry = analysed.entries("batch_submitted")[0]
    assert entry.record.signature.statement == analysed.shown
    lines = analysed.shown.splitlines()
    assert "Meaning: performed - I performed this work and the recorded data are complete." in lines
    assert "Record: batch B-1" in lines
    assert "Name: Olle Brännström" in lines
    assert "  Test morphology: conforming" in lines
    assert Statement.parse(analysed.shown).previous_size == entry.index


@pytest.mark.requirement("UR-PEOPLE-11", reviewed="af69ded9", negative=True)
def test_wrong_passphrase_signs_nothing_and_is_recorded(analysed: Any) -> None:
    with pytest.raises(AuthenticationError, match="id or passphrase is wrong"):
        batches.submit(analysed.session("operator"), "B-1", analysed.signs("operator", "wrong lantern quarry"))
    failure = analysed.entries("authentication_failed")[-1].record
    assert (failure.person, failure.purpose, failure.locked) == ("o.brannstrom", "sign: performed", False)
    assert analysed.entries("batch_submitted") == []


@pytest.mark.requirement("UR-PEOPLE-11", reviewed="af69ded9", negative=True)
def test_a_session_alone_signs_nothing(analysed: Any) -> None:
    """Whoever finds an open session has the first component only: each try counts, the fifth locks the account."""
    session = analysed.session("operator")
    for number in range(5):
        expected = AccountLockedError if number == 4 else AuthenticationError
        with pytest.raises(expected):
            batches.submit(session, "B-1", analysed.signs("operator", f"guess number {number}"))
    assert [e.record.locked for e in analysed.entries("authentication_failed")] == [False] * 4 + [True]
    assert [e.record.incident_kind for e in analysed.entries("incident_opened")] == ["account locked"]
    with pytest.raises(AccountLockedError):
        batches.show(session, "B-1")
    with pytest.raises(AccountLockedError, match="locked"):
        batches.submit(session, "B-1", analysed.signs("operator"))


@pytest.mark.requirement("UR-PEOPLE-11", reviewed="af69ded9", negative=True)
def test_nobody_signs_in_another_persons_session(analysed: Any, people: Any, spoken: Any) -> None:
    """Even with both components of their own; the try is recorded against the open session."""
    with pytest.raises(AuthenticationError, match="not that of the person who is logged in"):
        batches.submit(analysed.session("operator"), "B-1", lambda shown: Credentials(people["qa"][0], spoken("qa")))
    assert analysed.refused() == [("o.brannstrom", "sign: performed", "AuthenticationError")]


@pytest.mark.requirement("UR-PEOPLE-14", reviewed="8e43b3fd", negative=True)
def test_record_that_changed_meanwhile(analysed: Any) -> None:
    def slowly(statement: str) -> Any:
        batches.read(analysed.session("reviewer"), "B-1", "C01_F01", "conforming", None, blinded=False)
        return analysed.signs("operator")(statement)

    with pytest.raises(OutOfSequenceError, match="changed while it was being signed"):
        batches.submit(analysed.session("operator"), "B-1", slowly)
    assert analysed.refused() == [("o.brannstrom", "batches.submit", "OutOfSequenceError")]


@pytest.mark.requirement("UR-SITE-02", reviewed="59d31ee7", negative=True)
@pytest.mark.parametrize(("minutes", "holds"), [(9.9, True), (10.1, False), (-1, False)])
def test_time_between_sight_and_entry(minutes: float, holds: bool, analysed: Any) -> None:
    """A clock set back while somebody signs would leave a signature later than its own entry."""
    analysed.clock.move(hours=1)

    def slowly(statement: str) -> Any:
        analysed.clock.move(minutes=minutes)
        return analysed.signs("operator")(statement)

    if holds:
        batches.submit(analysed.session("operator"), "B-1", slowly)
    else:
        with pytest.raises(OutOfSequenceError, match="shown more than 10 minutes ago, or the clock was set back"):
            batches.submit(analysed.session("operator"), "B-1", slowly)
    assert analysed.batch("B-1").unsigned == ()
    assert (analysed.batch("B-1").batch.stage == "submitted") is holds


@pytest.mark.parametrize("minutes", [11, -1])
def test_time_between_sight_and_issue(minutes: float, analysed: Any, life: Any) -> None:
    analysed.clock.move(hours=1)
    life(analysed).reject("B-1")

    def slowly(statement: str) -> Any:
        analysed.clock.move(minutes=minutes)
        return analysed.signs("qa")(statement)

    with pytest.raises(OutOfSequenceError, match="shown more than 10 minutes ago"):
        certificates.issue(analysed.session("qa"), "B-1", slowly)
    assert analysed.entries("certificate_issued") == []
    assert list(analysed.paths.certificates.iterdir()) == []


@pytest.mark.requirement("UR-PEOPLE-16", reviewed="59224b91", negative=True)
def test_missing_and_exchanged_keys_are_recorded(analysed: Any) -> None:
    path = analysed.paths.envelope("o.brannstrom")
    whole = path.read_bytes()
    path.write_bytes(analysed.paths.envelope("r.ozdemir").read_bytes())
    with pytest.raises(IntegrityError, match="not the one its owner set"):
        batches.submit(analysed.session("operator"), "B-1", analysed.signs("operator"))
    path.unlink()
    with pytest.raises(IntegrityError, match="sealed key is missing"):
        batches.submit(analysed.session("operator"), "B-1", analysed.signs("operator"))
    assert analysed.refused() == [("o.brannstrom", "sign: performed", "IntegrityError")] * 2
    path.write_bytes(whole)
    batches.submit(analysed.session("operator"), "B-1", analysed.signs("operator"))


@pytest.mark.requirement("UR-AUDIT-05", reviewed="bfb15d6a")
@pytest.mark.parametrize("reason", ["short", "       x       ", "", "y" * 1001])
def test_reason_has_a_length(reason: str, analysed: Any) -> None:
    with pytest.raises(InvalidInputError, match="too short, too long, or not one visible line"):
        batches.reject(analysed.session("qa"), "B-1", "c", reason, analysed.signs("qa"))


def second_qa(world: Any) -> str:
    """Somebody else of QA, whose sessions and passphrase are those of the reviewer."""
    people.grant(world.session("qa"), "r.ozdemir", "qa", "TR-7", None, "Stands in for QA", world.signs("qa"))
    return "reviewer"


@pytest.mark.requirement("UR-CERTIFICATES-04", reviewed="6376878b", negative=True)
def test_only_who_decided_replaces_a_certificate(analysed: Any, life: Any) -> None:
    """Another person could end the old one but not issue the new one; so neither happens."""
    acts = life(analysed)
    acts.reject("B-1")
    issued = acts.issue("B-1")
    other = second_qa(analysed)
    with pytest.raises(NotAuthorisedError, match="person who decided"):
        certificates.supersede(
            analysed.session(other), issued.number, "Another layout is wanted", analysed.signs(other)
        )
    assert certificates.show(analysed.session("qa"), issued.number).standing == "current"


def test_certificate_that_has_not_begun_signs_nothing(analysed: Any) -> None:
    """On a clock set far back the signature would be entered and never hold."""
    analysed.clock.move(days=-2)
    with pytest.raises(AuthenticationError, match="valid only from"):
        batches.submit(analysed.session("operator"), "B-1", analysed.signs("operator"))
    assert analysed.entries("batch_submitted") == []
    assert analysed.refused() == [("system", "sign: performed", "AuthenticationError")]
