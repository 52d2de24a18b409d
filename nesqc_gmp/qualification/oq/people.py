"""The people of the qualification sites. Nobody of them exists; their passphrases open nothing but sites made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nesqc_gmp.records.people import Role


@dataclass(frozen=True, slots=True)
class Person:
    """One person.

    Attributes:
        id: Id.
        name: Printed name.
        roles: The roles they hold.
    """

    id: str
    name: str
    roles: tuple[Role, ...]

    @property
    def passphrase(self) -> str:
        """What this person types."""
        return f"qualification only {self.id[::-1]} 61"


PEOPLE: Final[dict[str, Person]] = {
    "administrator": Person("a.falk", "Alva Falk", ("administrator",)),
    "qa": Person("q.sund", "Qvist Sund", ("qa",)),
    "deputy": Person("b.malm", "Birger Malm", ("administrator",)),
    "head": Person("h.dahl", "Hedda Dahl", ("qa", "reviewer")),
    "operator": Person("o.lund", "Olga Lund", ("operator",)),
    "reviewer": Person("r.ek", "Rut Ek", ("reviewer", "operator")),
    "scientist": Person("d.holm", "Disa Holm", ("data scientist",)),
    "expert": Person("s.rask", "Siri Rask", ("subject matter expert",)),
    "custodian": Person("c.berg", "Carl Berg", ("test data custodian",)),
    "auditor": Person("u.lind", "Ulla Lind", ("auditor",)),
    "engineer": Person("v.norr", "Vera Norr", ("validation engineer",)),
}
"""Everybody by the key that cases use; the first two found the site."""
