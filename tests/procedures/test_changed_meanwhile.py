"""Accounts and attempts that change while somebody is at work on them: nothing is entered that could not hold."""

from __future__ import annotations

from typing import Any

import pytest

from nesqc_gmp.errors import (
    AccountLockedError,
    AuthenticationError,
    InvalidInputError,
    NotAuthorisedError,
    OutOfSequenceError,
)
from nesqc_gmp.esign import Credentials, check_signatures
from nesqc_gmp.identity import envelope
from nesqc_gmp.procedures import audit, batches, certificates, people
from nesqc_gmp.procedures import credentials as personal
from nesqc_gmp.procedures import session as sessions
from nesqc_gmp.procedures.batches import analysis
from nesqc_gmp.procedures.certificates import issuing

WHY = "Because of the test"
NEW = "another lantern quarry 77"


def standing(world: Any, person: str) -> str:
    return str(people.people(world.session("qa"))[person].standing)


@pytest.mark.requirement("UR-PEOPLE-06", reviewed="34197d7a", negative=True)
def test_wrong_codes_open_no_closed_account(founded: Any) -> None:
    """Five of them lock an account that waits; a closed one stays closed, so that no reset can open it again."""
    people.disable(founded.session("admin"), "d.sandell", "Left the company")
    for _ in range(6):
        with pytest.raises(AuthenticationError):
            people.set_passphrase(founded.site, "d.sandell", "a", "b", NEW)
    assert standing(founded, "d.sandell") == "disabled"
    with pytest.raises(OutOfSequenceError, match="closed"):
        people.reset(founded.session("admin"), "d.sandell", WHY)


def while_sealing(monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    """Something happens once, while the key that was asked for is being sealed."""

    def seal(*given: Any, **more: Any) -> bytes:
        monkeypatch.undo()
        happens()
        return envelope.seal(*given, **more)

    monkeypatch.setattr(personal, "seal", seal)


def test_account_closed_during_a_change_of_passphrase(
    founded: Any, spoken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, kept = founded.session("scientist"), founded.paths.envelope("d.sandell").read_bytes()
    while_sealing(monkeypatch, lambda: people.disable(founded.session("admin"), "d.sandell", "Left the company"))
    with pytest.raises(AccountLockedError, match="disabled"):
        people.change_passphrase(session, spoken("scientist"), NEW)
    assert founded.paths.envelope("d.sandell").read_bytes() == kept
    assert standing(founded, "d.sandell") == "disabled"


@pytest.mark.requirement("UR-PEOPLE-07", reviewed="d376a45f", negative=True)
def test_a_code_sets_one_passphrase(founded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who hold both halves at the same moment: the second is refused, and the key of the first stays."""
    halves = [people.reset(founded.session(who), "o.brannstrom", WHY) for who in ("admin", "qa")]
    first = "the first lantern quarry"
    while_sealing(monkeypatch, lambda: people.set_passphrase(founded.site, "o.brannstrom", *halves, first))
    with pytest.raises(OutOfSequenceError, match="the code is used up"):
        people.set_passphrase(founded.site, "o.brannstrom", *halves, NEW)
    people.login(founded.site, Credentials("o.brannstrom", first), founded.folder / "elsewhere")


@pytest.mark.parametrize(("by", "who", "role"), [("admin", "q.ekstrom", "qa"), ("qa", "a.lindqvist", "administrator")])
def test_last_of_a_founding_role_keeps_it(by: str, who: str, role: Any, founded: Any) -> None:
    """Without the one nobody is enrolled, without the other nobody is given a role: the site would be lost."""
    with pytest.raises(OutOfSequenceError, match=f"the last account with the role {role}"):
        people.revoke(founded.session(by), who, role, WHY)


def test_a_locked_second_account_is_nobody_left(founded: Any) -> None:
    qa = founded.session("qa")
    people.revoke(qa, "r.ozdemir", "reviewer", WHY)
    people.grant(qa, "r.ozdemir", "qa", "TR-9", None, WHY, founded.signs("qa"))
    people.reset(founded.session("admin"), "r.ozdemir", "Forgot the passphrase")
    with pytest.raises(OutOfSequenceError, match="the last account with the role qa"):
        people.revoke(founded.session("admin"), "q.ekstrom", "qa", WHY)


@pytest.mark.requirement("UR-PEOPLE-05", reviewed="775b9e00")
def test_a_role_that_ends_is_renewed_and_none_begins_ended(founded: Any) -> None:
    def grant(until: str | None) -> None:
        people.grant(founded.session("qa"), "d.sandell", "operator", "TR-9", until, WHY, founded.signs("qa"))

    with pytest.raises(InvalidInputError, match="ended before it began"):
        grant("2020-01-01")
    today = founded.site.today()
    grant(today.isoformat())
    grant(today.replace(year=today.year + 1, day=1).isoformat())
    grant(None)
    with pytest.raises(InvalidInputError, match="held already"):
        grant(None)
    held = people.people(founded.session("qa"))["d.sandell"].grants
    assert [(g.role, g.expires_on) for g in held] == [("data scientist", None), ("operator", None)]


def problems(world: Any) -> list[Any]:
    with world.site.ledger.reading() as reader:
        return list(check_signatures(reader))


def test_role_changed_during_the_ceremony(analysed: Any) -> None:
    """The statement names the role; entered in another one it would never hold, and nothing be released again."""

    def ceremony(statement: str) -> Any:
        people.revoke(analysed.session("admin"), "r.ozdemir", "reviewer", WHY)
        people.grant(analysed.session("qa"), "r.ozdemir", "qa", "TR-9", None, WHY, analysed.signs("qa"))
        return analysed.signs("reviewer")(statement)

    session = analysed.session("reviewer")
    # The other test of B-1 was verified by the reviewer, who therefore reviews the trail of another batch.
    batches.register(analysed.session("operator"), "B-2", "NES-TEST.v1", "LINE-7", "2026-11-20", "2027-11-20")
    said = {exception.index: "Looked at" for exception in audit.sheet(session, "B-2").exceptions}
    with pytest.raises(OutOfSequenceError, match="changed while you were signing"):
        audit.review(session, "B-2", said, "Nothing missing", True, ceremony)
    assert analysed.entries("audit_trail_reviewed") == []
    assert problems(analysed) == []


def after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, happens: Any) -> None:
    """Something happens once, right after a step of the signature."""
    step = getattr(module, name)

    def and_then(*given: Any, **more: Any) -> Any:
        monkeypatch.undo()
        found = step(*given, **more)
        happens()
        return found

    monkeypatch.setattr(module, name, and_then)


def test_key_changed_during_a_signature(analysed: Any, life: Any, spoken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def change() -> None:
        people.change_passphrase(analysed.session("operator"), spoken("operator"), NEW)

    after(monkeypatch, sessions, "authenticate_to_sign", change)
    with pytest.raises(OutOfSequenceError, match="changed while you were signing"):
        life(analysed).submit("B-1")
    assert analysed.entries("batch_submitted") == []
    assert problems(analysed) == []


def test_key_changed_while_a_certificate_is_signed(
    analysed: Any, life: Any, spoken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    life(analysed).reject("B-1")
    after(monkeypatch, issuing, "sign_pdf", lambda: people.change_passphrase(analysed.session("qa"), spoken("qa"), NEW))
    with pytest.raises(OutOfSequenceError, match="changed while you were signing"):
        life(analysed).issue("B-1")
    assert analysed.entries("certificate_issued") == []
    assert problems(analysed) == []


@pytest.mark.requirement("UR-CERTIFICATES-04", reviewed="6376878b", negative=True)
def test_certificate_while_somebody_has_no_passphrase_yet(analysed: Any, life: Any) -> None:
    people.enrol(analysed.session("admin"), "n.new", "Nina New", "test: nobody was seen")
    life(analysed).reject("B-1")
    assert life(analysed).issue("B-1").pdf.is_file()
    assert len(certificates.certificates(analysed.session("qa"))) == 1


@pytest.mark.requirement("UR-BATCHES-02", reviewed="e58f7b19", negative=True)
def test_reviewer_of_an_earlier_form_decides_nothing(analysed: Any, life: Any, spoken: Any) -> None:
    """Reviewed, changed, reviewed by somebody else: the first reviewer became QA meanwhile and signs no decision."""
    acts = life(analysed)
    half = people.enrol(analysed.session("admin"), "n.new", "Nina New", "test: nobody was seen")
    other = people.grant(analysed.session("qa"), "n.new", "reviewer", "TR-9", None, WHY, analysed.signs("qa"))
    people.set_passphrase(analysed.site, "n.new", half, other or "", NEW)
    people.login(analysed.site, Credentials("n.new", NEW), analysed.folder / "elsewhere")
    session = people.resume(analysed.site, analysed.folder / "elsewhere")
    acts.submit("B-1")
    batches.review(session, "B-1", (), "Gone through", lambda _: Credentials("n.new", NEW))
    batches.read(analysed.session("operator"), "B-1", "C01_F01", "conforming", None, blinded=False)
    acts.submit("B-1")
    acts.review("B-1")
    people.grant(analysed.session("qa"), "n.new", "qa", "TR-9", None, WHY, analysed.signs("qa"))
    with pytest.raises(NotAuthorisedError, match="did not act on the batch"):
        audit.review(session, "B-1", {}, "Nothing missing", True, lambda _: Credentials("n.new", NEW))
    acts.audit("B-1")
    with pytest.raises(NotAuthorisedError, match="three different people"):
        batches.release(session, "B-1", "Mine after all", lambda _: Credentials("n.new", NEW))
    acts.release("B-1")


def test_attempt_taken_for_dead_adds_nothing_to_the_next_one(
    analysed: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that others cannot see (another container) is closed as aborted; it must not go on after that."""
    running = analysis.running

    def closed_by_another(progress: Any) -> None:
        if progress.done == 1:
            monkeypatch.setattr(analysis, "running", lambda process: False)
            assert analysis.recover(analysed.site, "B-1")
            monkeypatch.setattr(analysis, "running", running)

    with pytest.raises(OutOfSequenceError, match="closed meanwhile"):
        life(analysed).analyse("B-1", "Once more for the test", shown=closed_by_another)
    attempts = analysed.batch("B-1").batch.attempts
    assert [(a.closed.ending, len(a.scores)) for a in attempts] == [("completed", 3), ("aborted", 1)]
