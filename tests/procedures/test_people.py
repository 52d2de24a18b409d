"""Accounts: two people for everything that matters, and every failed try on record."""

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
from nesqc_gmp.esign import Credentials
from nesqc_gmp.procedures import batches, people
from nesqc_gmp.procedures import site as site_procedures

WHY = "Because of the test"


def accounts(world: Any) -> Any:
    return people.people(world.session("qa"))


def login(world: Any, person: str, passphrase: str) -> Any:
    return people.login(world.site, Credentials(person, passphrase), world.folder / "elsewhere")


@pytest.mark.requirement("UR-PEOPLE-06", reviewed="34197d7a", negative=True)
def test_lone_administrator_gets_nowhere(founded: Any, spoken: Any) -> None:
    """Enrols an invented colleague, tries to give them a passphrase and a role, tries to take over QA."""
    admin, site = founded.session("admin"), founded.site
    half = people.enrol(admin, "x.invented", "Xaver Invented", "nobody was seen")
    for halves in ((half, half), (half, ""), ("", half)):
        with pytest.raises(AuthenticationError, match="no passphrase can be set"):
            people.set_passphrase(site, "x.invented", *halves, "a passphrase of my own")
    with pytest.raises(NotAuthorisedError):
        people.grant(admin, "x.invented", "qa", "T", None, WHY, founded.signs("admin"))
    with pytest.raises(NotAuthorisedError):
        people.grant(admin, "a.lindqvist", "qa", "T", None, WHY, founded.signs("admin"))
    with pytest.raises(AccountLockedError):
        login(founded, "x.invented", "a passphrase of my own")
    first = people.reset(admin, "q.ekstrom", WHY)
    with pytest.raises(NotAuthorisedError, match="a reset needs two people"):
        people.reset(admin, "q.ekstrom", WHY)
    with pytest.raises(AuthenticationError):
        people.set_passphrase(site, "q.ekstrom", first, first, "a passphrase of my own")
    with pytest.raises(AccountLockedError, match="reset requested"):
        login(founded, "q.ekstrom", spoken("qa"))
    tries = [(e.record.person, e.record.purpose) for e in founded.entries("authentication_failed")]
    assert tries == [("x.invented", "set passphrase")] * 3 + [("q.ekstrom", "set passphrase")]
    refused = {(person, act) for person, act, _ in founded.refused()}
    assert {
        ("a.lindqvist", "people.grant"),
        ("a.lindqvist", "people.reset"),
        ("system", "login"),
    } <= refused
    assert len(founded.entries("credential_set")) == 9, "one for each of the nine people, none since"


@pytest.mark.requirement("UR-PEOPLE-06", reviewed="34197d7a")
def test_reset_by_two_people(founded: Any, spoken: Any) -> None:
    """The old passphrase ends with the request; the new one needs both halves; earlier sessions are closed."""
    first = people.reset(founded.session("admin"), "o.brannstrom", "Forgot the passphrase")
    with pytest.raises(AccountLockedError):
        batches.batches(founded.session("operator"))
    with pytest.raises(NotAuthorisedError, match="nobody resets their own account"):
        people.reset(founded.session("qa"), "q.ekstrom", WHY)
    second = people.reset(founded.session("qa"), "o.brannstrom", "Forgot the passphrase")
    with pytest.raises(AccountLockedError, match="awaiting passphrase"):
        login(founded, "o.brannstrom", spoken("operator"))
    with pytest.raises(AuthenticationError):
        people.set_passphrase(founded.site, "o.brannstrom", second, first, "another good one 12")
    people.set_passphrase(founded.site, "o.brannstrom", first, second, "another good one 12")
    with pytest.raises(AuthenticationError):
        login(founded, "o.brannstrom", spoken("operator"))
    assert login(founded, "o.brannstrom", "another good one 12").person == "o.brannstrom"
    with pytest.raises(AuthenticationError):
        people.set_passphrase(founded.site, "o.brannstrom", first, second, "used a second time 1")
    assert [role.role for role in accounts(founded)["o.brannstrom"].grants] == ["operator"]


@pytest.mark.requirement("UR-PEOPLE-08", reviewed="e371acb1", negative=True)
def test_five_failures_lock_and_a_success_begins_anew(founded: Any, spoken: Any) -> None:
    for number in range(4):
        with pytest.raises(AuthenticationError) as refused:
            login(founded, "r.ozdemir", f"wrong lantern {number}")
        assert not isinstance(refused.value, AccountLockedError)
    login(founded, "r.ozdemir", spoken("reviewer"))
    for number in range(5):
        with pytest.raises(AuthenticationError):
            login(founded, "r.ozdemir", f"wrong lantern {number}")
    with pytest.raises(AccountLockedError, match="locked"):
        login(founded, "r.ozdemir", spoken("reviewer"))
    assert accounts(founded)["r.ozdemir"].standing == "locked"
    incident = founded.entries("incident_opened")[0].record
    assert (incident.incident_kind, incident.batch) == ("account locked", None)


@pytest.mark.requirement("UR-PEOPLE-01", reviewed="26374a6b", negative=True)
def test_unknown_id_is_refused_in_the_same_words(founded: Any) -> None:
    words = set()
    for person in ("nobody.here", "r.ozdemir"):
        with pytest.raises(AuthenticationError) as refused:
            login(founded, person, "wrong lantern quarry")
        words.add(str(refused.value))
    assert len(words) == 1
    assert [e.record.person for e in founded.entries("authentication_failed")] == ["unknown", "r.ozdemir"]


@pytest.mark.requirement("UR-PEOPLE-03", reviewed="c73777bf", negative=True)
def test_disabled_account_is_closed_for_good(founded: Any, spoken: Any) -> None:
    session = founded.session("scientist")
    people.disable(founded.session("admin"), "d.sandell", "Left the company")
    with pytest.raises(AccountLockedError):
        batches.batches(session)
    with pytest.raises(AccountLockedError, match="disabled"):
        login(founded, "d.sandell", spoken("scientist"))
    with pytest.raises(OutOfSequenceError, match="closed"):
        people.grant(founded.session("qa"), "d.sandell", "auditor", "T", None, WHY, founded.signs("qa"))
    with pytest.raises(OutOfSequenceError, match="closed"):
        people.reset(founded.session("admin"), "d.sandell", WHY)
    with pytest.raises(InvalidInputError, match="used before"):
        people.enrol(founded.session("admin"), "d.sandell", "Disa Sandell", "ref")


@pytest.mark.requirement("UR-PEOPLE-03", reviewed="c73777bf")
@pytest.mark.parametrize("last", ["a.lindqvist", "q.ekstrom"])
def test_last_of_a_founding_role_stays(last: str, founded: Any) -> None:
    with pytest.raises(OutOfSequenceError, match="last account with the role"):
        people.disable(founded.session("qa"), last, WHY)


@pytest.mark.requirement("UR-PEOPLE-10", reviewed="0153b226", negative=True)
def test_roles_that_exclude_each_other_are_not_granted(founded: Any) -> None:
    for person, role in (("o.brannstrom", "qa"), ("u.hallgren", "reviewer"), ("a.lindqvist", "operator")):
        with pytest.raises(InvalidInputError, match="cannot be held together"):
            people.grant(founded.session("qa"), person, role, "T", None, WHY, founded.signs("qa"))
    with pytest.raises(OutOfSequenceError, match="to themselves"):
        people.grant(founded.session("qa"), "q.ekstrom", "reviewer", "T", None, WHY, founded.signs("qa"))
    with pytest.raises(InvalidInputError, match="held already"):
        people.grant(founded.session("qa"), "o.brannstrom", "operator", "T", None, WHY, founded.signs("qa"))


@pytest.mark.requirement("UR-PEOPLE-19", reviewed="e6512590")
@pytest.mark.requirement("UR-PEOPLE-05", reviewed="775b9e00")
def test_training_ends_a_role_on_its_day(founded: Any) -> None:
    """The last day counts, in the zone of the site; the day after does not."""
    today = founded.site.now().local[:10]
    people.revoke(founded.session("qa"), "o.brannstrom", "operator", "Granted again with an end")
    with pytest.raises(NotAuthorisedError, match="no role"):
        batches.batches(founded.session("operator"))
    people.grant(
        founded.session("qa"), "o.brannstrom", "operator", "TR-2", today, WHY, founded.signs("qa")
    )  # fmt: skip
    assert batches.batches(founded.session("operator")) == ()
    listed = {a.person: a.roles for a in people.access_list(founded.session("qa"), today)}
    assert listed["o.brannstrom"] == ("operator",)
    while founded.site.now().local[:10] == today:
        founded.clock.move(hours=1)
    later = {a.person: a.roles for a in people.access_list(login_again(founded, "qa"), "2099-01-01")}
    assert later["o.brannstrom"] == ()
    with pytest.raises(NotAuthorisedError, match="no role"):
        batches.batches(login_again(founded, "operator"))


def login_again(world: Any, who: str) -> Any:
    world.log_in(who)
    return world.session(who)


@pytest.mark.requirement("UR-PEOPLE-07", reviewed="d376a45f")
def test_passphrase_changed_by_its_owner(analysed: Any, life: Any, spoken: Any) -> None:
    """Earlier signatures keep standing; the old passphrase and the old key sign no more."""
    life(analysed).submit("B-1")
    with pytest.raises(AuthenticationError):
        people.change_passphrase(analysed.session("operator"), "not the present one", "a fresh one 1234")
    with pytest.raises(InvalidInputError):
        people.change_passphrase(analysed.session("operator"), spoken("operator"), "short")
    people.change_passphrase(analysed.session("operator"), spoken("operator"), "a fresh one 1234")
    assert analysed.batch("B-1").unsigned == ()
    assert len(accounts(analysed)["o.brannstrom"].credentials) == 2
    batches.read(analysed.session("operator"), "B-1", "C01_F01", "conforming", None, blinded=False)
    with pytest.raises(AuthenticationError):
        batches.submit(analysed.session("operator"), "B-1", analysed.signs("operator"))
    batches.submit(analysed.session("operator"), "B-1", analysed.signs("operator", "a fresh one 1234"))
    assert analysed.batch("B-1").unsigned == ()


@pytest.mark.requirement("UR-SITE-02", reviewed="59d31ee7", negative=True)
@pytest.mark.requirement("UR-SITE-03", reviewed="b37c0a47", negative=True)
def test_clock_that_goes_backwards_blocks_until_assessed(analysed: Any, life: Any) -> None:
    acts = life(analysed)
    analysed.clock.move(hours=2)
    acts.submit("B-1")
    acts.review("B-1")
    analysed.clock.move(hours=-1)
    acts.audit("B-1")
    incident = analysed.entries("incident_opened")[0].record
    assert (incident.incident_kind, incident.batch) == ("clock", None)
    assert len(analysed.entries("incident_opened")) == 1
    for step in (lambda: acts.release("B-1"), lambda: acts.analyse("B-1", "Looked at again")):
        with pytest.raises(OutOfSequenceError, match=r"an incident is open: I-\d+ \(clock\)"):
            step()
    assert "the clock is behind" not in str(site_procedures.status(analysed.session("qa")).warnings)
    with pytest.raises(NotAuthorisedError):
        site_procedures.assess(analysed.session("operator"), incident.incident, WHY, analysed.signs("operator"))
    site_procedures.assess(
        analysed.session("qa"), incident.incident, "Time server was wrong; set right", analysed.signs("qa")
    )
    sheet = acts.audit("B-1")
    assert "incident" in [exception.what for exception in sheet.exceptions]
    acts.release("B-1")
    assert analysed.batch("B-1").unsigned == ()
