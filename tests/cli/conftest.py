"""A demonstration site with one decided batch and one sealed batch, made once and copied for each test."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pexpect
import pytest

from nesqc_gmp import cli
from nesqc_gmp.config import SitePaths, sessions_folder
from nesqc_gmp.demonstration import play
from nesqc_gmp.demonstration.people import ADMINISTRATOR, OPERATOR, QA, REVIEWER, Player, Turns, signs
from nesqc_gmp.esign import Credentials
from nesqc_gmp.identity.sessions import SessionFile, session_path, write_session
from nesqc_gmp.procedures import batches, people
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session

DECIDED = "NES-DEMO-0001"
"""The batch of the demonstration, with a decision and a certificate."""
SEALED = "B-2"
EXPERT = Player("s.moberg", "Siv Moberg", "subject matter expert", "granite-willow-compass-31")
CUSTODIAN = Player("c.holm", "Cajsa Holm", "test data custodian", "pebble-lantern-orchid-64")
PLAYERS = {player.role: player for player in (ADMINISTRATOR, OPERATOR, QA, REVIEWER, EXPERT, CUSTODIAN)}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def nesqc(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; standard input is no terminal."""

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        try:
            cli.app([str(argument) for argument in arguments], prog_name="nesqc")
            code: Any = 0
        except SystemExit as ended:
            code = ended.code or 0
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


def _seal_second_batch(session: Session, images: Path, folder: Path) -> None:
    """A batch of the same images, each likeness explained, and one file that is no image."""
    batches.register(session, SEALED, "NES-DEMO.v1", "LINE-SIM-02", "2026-11-02", "2027-11-02")
    junk = folder / "broken.png"
    junk.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    pictures = batches.incoming([images / "sample-sheet.csv"], None, None)
    # Six fields of each culture, as few as the sampling plan allows.
    files = (*(p for p in pictures if p.field <= "F06"), *batches.incoming([junk], "C09", 1))
    for received in batches.receive(session, SEALED, files):
        if received.image:
            batches.explain(session, SEALED, received.image, "The test receives the same images again")
    batches.seal(session, SEALED)


def _enrol_others(site: Site, folder: Path) -> None:
    """The two people whom the demonstration does not need."""
    turns = Turns(site, folder)
    for other in (EXPERT, CUSTODIAN):
        first = people.enrol(turns.of(ADMINISTRATOR), other.person, other.name, "test: nobody was seen")
        second = people.grant(turns.of(QA), other.person, other.role, "TR-5", None, "Needed for tests", signs(QA))
        people.set_passphrase(site, other.person, first, second or "", other.passphrase)


@dataclass(frozen=True)
class Played:
    """The site made once, and a session of each of the six players."""

    site: Path
    sessions: dict[str, SessionFile]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """One decided and one sealed batch; everybody is logged in."""
    folder = tmp_path_factory.mktemp("played")
    done = play(folder / "demo", None, lambda who, what: None, lambda what, at, total: None)
    with Site(SitePaths(done.site)) as site:
        _enrol_others(site, folder / "turns")
        sessions = {
            role: people.login(site, Credentials(player.person, player.passphrase), folder / role)
            for role, player in PLAYERS.items()
        }
        _seal_second_batch(people.resume(site, folder / "operator"), folder / "demo" / "images", folder)
    return Played(done.site, sessions)


@pytest.fixture
def site(played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the site, named by NESQC_SITE, with nobody logged in."""
    copy = tmp_path / "site"
    shutil.copytree(played.site, copy)
    monkeypatch.setenv("NESQC_SITE", str(copy))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    return copy


@pytest.fixture
def log_in(played: Played, site: Path) -> Callable[[str], Player]:
    """Make a player, by role, the one who is logged in; the session was opened when the site was made."""

    def by_role(role: str) -> Player:
        session = replace(played.sessions[role], last_used=datetime.now(UTC))
        write_session(session_path(sessions_folder(), session.origin), session)
        return PLAYERS[role]

    return by_role


def heeds_interrupts() -> None:
    """Tests that were started in the background hand on that Ctrl-C is ignored; a person's terminal does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


Terminal = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Start a command on a terminal of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", str(Path(cli.__file__).parents[2]))

    def start(*arguments: object) -> pexpect.spawn[str]:
        words = ["-m", "nesqc_gmp", *map(str, arguments)]
        return pexpect.spawn(
            sys.executable,
            words,
            encoding="utf-8",
            timeout=30,
            dimensions=(60, 100),
            preexec_fn=heeds_interrupts,
        )

    return start


def ended(child: pexpect.spawn[str]) -> int:
    """Wait for the end of a command on a terminal; its exit code."""
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None
    return child.exitstatus
