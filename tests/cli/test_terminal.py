"""What is typed on a terminal: founding, login, passphrases, ceremonies; each test drives a real terminal."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from nesqc_gmp.cli import terminal as typed
from nesqc_gmp.config import SitePaths, sessions_folder
from nesqc_gmp.demonstration.people import OPERATOR, QA, Player
from nesqc_gmp.errors import AccountLockedError, AuthenticationError, InvalidInputError
from nesqc_gmp.esign import Credentials
from nesqc_gmp.procedures import people
from nesqc_gmp.procedures.context import Site
from tests.cli.conftest import SEALED, Run, Terminal, ended

LogIn = Callable[[str], Player]
GOOD = "lantern harbour thistle"


def sign(child: pexpect.spawn[str], player: Player) -> str:
    """Sign what is shown; returns what was on the screen before the id was asked."""
    child.expect("\nId: ")
    screen = str(child.before)
    child.sendline(player.person)
    child.expect("Passphrase: ")
    child.sendline(player.passphrase)
    return screen


def log_in_by_hand(terminal: Terminal, person: str, passphrase: str) -> tuple[int, str]:
    child = terminal("login", person)
    child.expect("Passphrase: ")
    child.sendline(passphrase)
    child.expect(pexpect.EOF)
    said = str(child.before)
    return ended(child), said


def type_in(site: Path, person: str, passphrase: str) -> None:
    """Log in without a terminal, which is quicker."""
    with Site(SitePaths(site)) as opened:
        people.login(opened, Credentials(person, passphrase), sessions_folder())


@pytest.mark.requirement("UR-PEOPLE-01", reviewed="26374a6b")
@pytest.mark.requirement("UR-PEOPLE-17", reviewed="ca2e80a1")
@pytest.mark.requirement("UR-SITE-01", reviewed="f81efc83")
def test_two_people_found_a_site(tmp_path: Path, terminal: Terminal, nesqc: Run) -> None:
    new = tmp_path / "new"
    options = (
        "--name",
        "Lab",
        "--address",
        "Street 1",
        "--zone",
        "Europe/Stockholm",
        "--qa",
        "qman",
        "--qa-name",
        "Q X",
    )
    child = terminal("site", "init", new, *options)
    for question, answer in (
        ("authorisation: ", "MIA-1"),
        ("founding administrator: ", "adm"),
        ("Printed name of adm: ", "Ada M"),
        ("document of adm: ", "passport, seen by Q X"),
        ("document of qman: ", "passport, seen by Ada M"),
    ):
        child.expect(question)
        child.sendline(answer)
    child.expect("legally binding equivalent")
    for person in ("adm", "qman"):
        child.expect(f"New passphrase of {person}: ")
        child.sendline("short")
        child.expect("at least 12 are needed")
        child.expect(f"New passphrase of {person}: ")
        child.sendline(GOOD)
        child.expect("The same again: ")
        child.sendline(GOOD)
    child.expect("is founded in")
    assert ended(child) == 0
    assert stat.S_IMODE((new / "keys").stat().st_mode) == 0o700
    assert nesqc("audit", "verify", "--site", new).code == 0


def test_a_wrong_field_is_told_before_any_passphrase_is_asked(tmp_path: Path, terminal: Terminal) -> None:
    founders = []
    for who, person in (("administrator", "a"), ("qa", "q q")):
        founders += [f"--{who}", person, f"--{who}-name", f"N {person}", f"--{who}-identity", "seen"]
    facts = ("--name", "Lab", "--address", "S 1", "--authorisation", "M", "--zone", "Europe/Stockholm")
    child = terminal("site", "init", tmp_path / "new", *facts, *founders)
    child.expect("Error: .*where: .*Use letters, digits")
    assert ended(child) == 40
    assert not (tmp_path / "new").exists()


def test_a_login_shows_no_passphrase_and_leaves_a_private_file(site: Path, terminal: Terminal, tmp_path: Path) -> None:
    code, said = log_in_by_hand(terminal, OPERATOR.person, OPERATOR.passphrase)
    assert code == 0
    assert "is logged in at Demonstration Cell Therapy Centre" in said
    assert OPERATOR.passphrase not in said
    (file,) = (tmp_path / "state" / "nesqc" / "sessions").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.requirement("UR-PEOPLE-08", reviewed="e371acb1", negative=True)
def test_five_wrong_passphrases_lock(site: Path, terminal: Terminal, nesqc: Run, log_in: LogIn) -> None:
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            type_in(site, OPERATOR.person, "wrong passphrase")
    code, said = log_in_by_hand(terminal, OPERATOR.person, "wrong passphrase")
    assert code == 13
    assert "id or passphrase is wrong" in said
    assert log_in_by_hand(terminal, OPERATOR.person, "wrong passphrase")[0] == 14
    with pytest.raises(AccountLockedError):
        type_in(site, OPERATOR.person, OPERATOR.passphrase)
    log_in("qa")
    (incident,) = json.loads(nesqc("site", "status", "--json").out)["open_incidents"]
    assert incident["kind"] == "account locked"


@pytest.mark.requirement("UR-PEOPLE-12", reviewed="ef50933d", negative=True)
def test_a_passphrase_through_a_pipe_is_refused(site: Path, terminal: Terminal) -> None:
    """Standard input is a pipe although the command has a terminal."""
    line = f"echo {OPERATOR.passphrase} | {sys.executable} -m nesqc_gmp login {OPERATOR.person}"
    child = pexpect.spawn("/bin/sh", ["-c", line], encoding="utf-8", timeout=30)
    child.expect("typed by its owner at a terminal")
    assert ended(child) == 13


@pytest.mark.requirement("UR-PEOPLE-05", reviewed="775b9e00")
def test_a_grant_is_signed_as_it_is_shown_and_brings_the_second_half(
    site: Path, terminal: Terminal, nesqc: Run, log_in: LogIn
) -> None:
    log_in("administrator")
    enrolled = nesqc("people", "enrol", "e.berg", "--name", "Eva Berg", "--identity", "HR 12, seen by A. L.")
    half = re.compile(r"    ((?:[0-9a-f]{5}-){3}[0-9a-f]{5})")
    first = half.findall(enrolled.out)[0]
    log_in("qa")
    child = terminal("people", "grant", "e.berg", "operator", "--training", "TR-1", "--reason", " Trained on SOP-01 ")
    screen = sign(child, QA)
    child.expect(pexpect.EOF)
    second = half.findall(str(child.before))[0]
    assert ended(child) == 0
    (row,) = json.loads(nesqc("audit", "search", "--what", "role_granted", "--record", "e.berg", "--json").out)
    entry = json.loads(nesqc("audit", "log", "--index", row["entry"], "--json").out)
    # Everything between the two rules, as the terminal got it, is byte for byte the statement in the log.
    _, statement, _ = re.split(r"^-{80}\r\n", screen, flags=re.MULTILINE)
    assert statement.replace("\r\n", "\n") == entry["record"]["signature"]["statement"]
    assert entry["reason"] == "Trained on SOP-01"
    set_passphrase(terminal, "e.berg", first, second)
    type_in(site, "e.berg", GOOD)
    assert nesqc("audit", "verify").code == 0


def set_passphrase(terminal: Terminal, person: str, first: str, second: str) -> None:
    child = terminal("people", "passphrase", person)
    for question, answer in (
        ("First half", first),
        ("Second half", second),
        ("New passphrase of e.berg: ", GOOD),
        ("The same again: ", GOOD),
    ):
        child.expect(question)
        child.sendline(answer)
    child.expect("is set. Log in with")
    assert ended(child) == 0


def test_a_changed_passphrase_replaces_the_old_one(site: Path, terminal: Terminal, log_in: LogIn) -> None:
    log_in("operator")
    child = terminal("people", "passphrase", "--change")
    for question, answer in (
        ("Present passphrase: ", OPERATOR.passphrase),
        ("New passphrase of", GOOD),
        ("The same again: ", GOOD),
    ):
        child.expect(question)
        child.sendline(answer)
    child.expect("is changed")
    assert ended(child) == 0
    with pytest.raises(AuthenticationError):
        type_in(site, OPERATOR.person, OPERATOR.passphrase)
    type_in(site, OPERATOR.person, GOOD)


@pytest.mark.requirement("UR-PEOPLE-11", reviewed="af69ded9", negative=True)
def test_nobody_signs_for_another(site: Path, terminal: Terminal, log_in: LogIn) -> None:
    log_in("qa")
    child = terminal("batches", "hold", SEALED, "--comment", "Waits", "--reason", "Waits for a second lot")
    sign(child, OPERATOR)
    child.expect("not that of the person who is logged in")
    assert ended(child) == 13


@pytest.mark.requirement("UR-BATCHES-18", reviewed="6110b96b", negative=True)
def test_leaving_a_ceremony_signs_nothing(site: Path, terminal: Terminal, nesqc: Run, log_in: LogIn) -> None:
    log_in("qa")
    for leave in (lambda c: c.sendintr(), lambda c: c.sendeof()):
        child = terminal("batches", "hold", SEALED, "--comment", "Waits", "--reason", "Waits for a second lot")
        child.expect("\nId: ")
        leave(child)
        child.expect("stopped")
        assert ended(child) == 130
    assert json.loads(nesqc("batches", "show", SEALED, "--json").out)["stage"] == "sealed"


@pytest.mark.requirement("UR-AUDIT-15", reviewed="380b3deb")
def test_an_audit_review_assesses_each_exception(site: Path, terminal: Terminal, nesqc: Run, log_in: LogIn) -> None:
    log_in("qa")
    child = terminal("audit", "review", SEALED)
    # One refused file and 18 explained likenesses; the refused file comes first.
    for number in range(1, 20):
        child.expect(f"Exception {number} of 19: {'file refused' if number == 1 else 'likeness explained'}")
        child.expect("Your assessment: ")
        if number == 2:
            child.sendline("ok")
            child.expect("at least 3 characters")
        child.sendline(f"Seen, number {number}")
    child.expect("Random sample")
    child.expect("Your conclusion: ")
    child.sendline("Complete and without contradiction")
    child.expect(r"\(yes/no\): ")
    child.sendline("perhaps")
    child.expect(r"\(yes/no\): ")
    child.sendline("yes")
    child.expect("\nId: ")
    child.sendline(QA.person)
    child.expect("Passphrase: ")
    child.sendline("mistyped meadow compass")
    child.expect("What you typed before is kept")
    sign(child, QA)
    child.expect("is reviewed up to entry")
    assert ended(child) == 0
    failed = json.loads(nesqc("audit", "search", "--what", "authentication_failed", "--json").out)
    assert len(failed) == 1, "the failure stays recorded"
    signatures = json.loads(nesqc("batches", "show", SEALED, "--json").out)["signatures"]
    assert {s["meaning"]: s["in_present_form"] for s in signatures}["audit trail reviewed"]


def test_a_review_is_signed_again_only_until_the_account_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked five times and no more; not at all where nobody was asked; at once where the account is locked."""
    asked: list[str] = []

    def ceremony(statement: str) -> Credentials:
        asked.append(statement)
        return Credentials("q", "p")

    monkeypatch.setattr(typed, "ceremony", ceremony)

    def wrong(sign: Any) -> None:
        sign("statement")
        raise AuthenticationError("id or passphrase is wrong")

    def locked(sign: Any) -> None:
        sign("statement")
        raise AccountLockedError("the account is locked after 5 failures")

    def ended_session(_: Any) -> None:
        raise AuthenticationError("the session has ended")

    for act, error, count in ((wrong, AuthenticationError, 5), (locked, AccountLockedError, 1),
                              (ended_session, AuthenticationError, 0)):  # fmt: skip
        asked.clear()
        with pytest.raises(error):
            typed.signed_again(act)
        assert len(asked) == count


@pytest.mark.requirement("UR-PEOPLE-20", reviewed="2f7aaf2f", negative=True)
def test_a_statement_that_a_terminal_would_show_otherwise_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "require_terminal", lambda: None)
    for hidden in ("\u202e", "\x9b2J", "\u200b"):
        with pytest.raises(InvalidInputError, match=r"does not show as they are: U\+"):
            typed.ceremony(f"Comment: fine{hidden}\n")
