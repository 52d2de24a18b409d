"""The people of the demonstration, and how they take their turns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nesqc_gmp.esign import Credentials
from nesqc_gmp.procedures import people
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.people import Role


@dataclass(frozen=True, slots=True)
class Player:
    """One of the people.

    Attributes:
        person: Id.
        name: Printed name.
        role: The role they play.
        passphrase: Their demonstration passphrase, known to everybody.
    """

    person: str
    name: str
    role: Role
    passphrase: str


ADMINISTRATOR = Player("a.lindqvist", "Anna Lindqvist", "administrator", "amber-quarry-lantern-42")
QA = Player("q.ekstrom", "Qamar Ekström", "qa", "cobalt-meadow-compass-17")
OPERATOR = Player("o.brannstrom", "Olle Brännström", "operator", "velvet-harbour-thistle-58")
REVIEWER = Player("r.ozdemir", "Rana Özdemir", "reviewer", "copper-orchard-glacier-93")
ENGINEER = Player("v.nystrom", "Vera Nyström", "validation engineer", "slate-juniper-anchor-64")
PLAYERS = (ADMINISTRATOR, OPERATOR, REVIEWER, QA, ENGINEER)


class Turns:
    """Logs the players in one after another.

    Args:
        site: The open site.
        sessions: Where session files are written.
    """

    def __init__(self, site: Site, sessions: Path) -> None:
        self._site = site
        self._sessions = sessions

    def of(self, player: Player) -> Session:
        """A session of this person."""
        people.login(self._site, Credentials(player.person, player.passphrase), self._sessions)
        return people.resume(self._site, self._sessions)


def signs(player: Player) -> _Script:
    """A ceremony in which this person signs what is shown."""
    return _Script(player)


class _Script:
    def __init__(self, player: Player) -> None:
        self._player = player

    def __call__(self, statement: str) -> Credentials:
        if f"\nSigner: {self._player.person}\n" not in statement:
            raise ValueError("the statement is another person's")
        return Credentials(self._player.person, self._player.passphrase)
