"""The people of a site, folded from the records about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from nesqc_gmp.errors import AccountLockedError, InvalidInputError, NotFoundError, OutOfSequenceError
from nesqc_gmp.identity.roles import conflicts
from nesqc_gmp.records import people as records
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.people import Role
from nesqc_gmp.state.fold import Fold

FAILURES_LIMIT = 5
INDISPENSABLE: Final[frozenset[Role]] = frozenset({"administrator", "qa"})
"""Roles without which nobody could be enrolled or given a role ever again."""
Standing = Literal["awaiting passphrase", "active", "locked", "reset requested", "disabled"]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held: since which entry, under which training record, until which day."""

    role: Role
    index: int
    training_reference: str
    expires_on: str | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and the sealed key that goes with it.

    Attributes:
        index: Index of the entry.
        set_at: When, UTC.
        certificate: PEM.
        certificate_sha256: Digest of the certificate (DER).
        envelope_sha256: Digest of the sealed key.
    """

    index: int
    set_at: str
    certificate: str
    certificate_sha256: str
    envelope_sha256: str


@dataclass(frozen=True, slots=True)
class Person:
    """One person.

    Attributes:
        id: Permanent id.
        name: Printed name.
        identity_reference: Who checked which document.
        standing: Whether the account can be used.
        grants: Roles held.
        once: Every role ever held.
        credentials: Every credential ever; the last one counts.
        code_first: Digest of the first half of a code that waits for its owner.
        code_second: Digest of the second half.
        failures: Failed attempts since the last login.
        reset_by: Who asked for a reset that waits for a second person.
        reset_role: The role in which they asked.
        sessions: Sessions that are open, with the time of their login.
        enrolled_by: Who enrolled the person.
        closed_at: When the account was closed, UTC.
    """

    id: str
    name: str
    identity_reference: str
    enrolled_by: str
    standing: Standing = "awaiting passphrase"
    grants: tuple[Grant, ...] = ()
    once: frozenset[Role] = frozenset()
    credentials: tuple[Credential, ...] = ()
    code_first: str | None = None
    code_second: str | None = None
    failures: int = 0
    reset_by: str | None = None
    reset_role: str | None = None
    sessions: tuple[tuple[str, str], ...] = ()
    closed_at: str | None = None

    @property
    def credential(self) -> Credential | None:
        """The credential in force."""
        return self.credentials[-1] if self.credentials else None

    def roles(self, today: str) -> frozenset[Role]:
        """Roles that may be used on a day; an expired training ends a role."""
        return frozenset(g.role for g in self.grants if g.expires_on is None or g.expires_on >= today)


People = dict[str, Person]


def fold_people(entries: Iterable[Entry], known: People | None = None) -> People:
    """All people, from the entries about persons.

    Args:
        entries: Entries about persons, oldest first.
        known: The people as the entries before these left them.
    """
    people: People = dict(known or {})
    for entry in entries:
        record = entry.record
        person = people.get(entry.subject.id)
        if isinstance(record, records.PersonEnrolled):
            people[record.person] = Person(
                record.person,
                record.name,
                record.identity_reference,
                entry.actor.person,
                code_first=record.code_sha256,
            )
        elif person is not None and person.standing != "disabled":
            # A closed account stays closed, whatever is entered about it later.
            people[person.id] = _FOLD.apply(person, entry)
    return people


def _granted(person: Person, entry: Entry, record: records.RoleGranted) -> Person:
    grant = Grant(record.role, entry.index, record.training_reference, record.expires_on)
    code = record.code_sha256 or person.code_second
    grants = (*(g for g in person.grants if g.role != record.role), grant)
    return replace(person, grants=grants, once=person.once | {record.role}, code_second=code)


def _revoked(person: Person, _: Entry, record: records.RoleRevoked) -> Person:
    return replace(person, grants=tuple(g for g in person.grants if g.role != record.role))


def _disabled(person: Person, entry: Entry, _: records.PersonDisabled) -> Person:
    return replace(
        person,
        standing="disabled",
        grants=(),
        sessions=(),
        code_first=None,
        code_second=None,
        closed_at=entry.time.utc,
    )


def _credential(person: Person, entry: Entry, record: records.CredentialSet) -> Person:
    credential = Credential(
        entry.index, entry.time.utc, record.certificate, record.certificate_sha256, record.envelope_sha256
    )
    return replace(
        person,
        standing="active",
        credentials=(*person.credentials, credential),
        code_first=None,
        code_second=None,
        failures=0,
    )


def _reset_requested(person: Person, entry: Entry, record: records.ResetRequested) -> Person:
    return replace(
        person,
        standing="reset requested",
        reset_by=entry.actor.person,
        reset_role=entry.actor.role,
        code_first=record.code_sha256,
        code_second=None,
        sessions=(),
    )


def _reset_approved(person: Person, _: Entry, record: records.ResetApproved) -> Person:
    return replace(
        person, standing="awaiting passphrase", reset_by=None, reset_role=None, code_second=record.code_sha256
    )


def _session_opened(person: Person, entry: Entry, record: records.SessionOpened) -> Person:
    return replace(person, failures=0, sessions=(*person.sessions, (record.session, entry.time.utc)))


def _session_closed(person: Person, _: Entry, record: records.SessionClosed) -> Person:
    return replace(person, sessions=tuple(s for s in person.sessions if s[0] != record.session))


def _failed(person: Person, _: Entry, record: records.AuthenticationFailed) -> Person:
    if record.locked:
        return replace(person, failures=person.failures + 1, standing="locked", sessions=())
    return replace(person, failures=person.failures + 1)


_FOLD: Fold[Person] = Fold(
    {
        records.RoleGranted: _granted,
        records.RoleRevoked: _revoked,
        records.PersonDisabled: _disabled,
        records.CredentialSet: _credential,
        records.ResetRequested: _reset_requested,
        records.ResetApproved: _reset_approved,
        records.SessionOpened: _session_opened,
        records.SessionClosed: _session_closed,
        records.AuthenticationFailed: _failed,
    }
)


def get(people: People, person_id: str) -> Person:
    """One person.

    Raises:
        NotFoundError: Nobody has this id.
    """
    if person_id not in people:
        raise NotFoundError("there is no person with this id", where=person_id, remedy="See `nesqc people list`.")
    return people[person_id]


def require_usable(person: Person) -> Credential:
    """The credential of an account that can be used.

    Raises:
        AccountLockedError: The account is locked, closed, or waits for its owner.
    """
    remedies: dict[Standing, str] = {
        "awaiting passphrase": "Its owner sets one with `nesqc people passphrase`.",
        "locked": "Two people reset it with `nesqc people reset`.",
        "reset requested": "A second person approves with `nesqc people reset`.",
        "disabled": "It stays closed; a returning person is enrolled under a new id.",
    }
    if person.standing != "active" or person.credential is None:
        raise AccountLockedError(
            f"the account is not usable: {person.standing}",
            where=person.id,
            remedy=remedies.get(person.standing, ""),
        )
    return person.credential


def require_somebody_left(people: People, leaving: Person, roles: Iterable[Role], today: str) -> None:
    """Somebody else can still act in the roles without which no account could ever be opened again.

    Raises:
        OutOfSequenceError: The person is the last one who can.
    """
    for role in INDISPENSABLE.intersection(roles):
        others = (p for p in people.values() if p.id != leaving.id and p.standing == "active")
        if not any(role in p.roles(today) for p in others):
            raise OutOfSequenceError(
                f"this is the last account with the role {role}", where=leaving.id, remedy="Grant it to another first."
            )


def require_grantable(people: People, person_id: str, role: Role, granter: str) -> Person:
    """The person to whom a role may be granted; one that ends on a day is renewed by granting it again.

    Raises:
        OutOfSequenceError: The account is closed, or somebody grants to themselves.
        InvalidInputError: The role is held already, or excludes one that is.
    """
    person = get(people, person_id)
    if person.standing == "disabled":
        raise OutOfSequenceError("the account is closed", where=person_id)
    if granter == person_id:
        raise OutOfSequenceError("nobody grants a role to themselves", where=person_id)
    held = frozenset(grant.role for grant in person.grants)
    if any(grant.role == role and grant.expires_on is None for grant in person.grants):
        raise InvalidInputError(f"the role {role} is held already", where=person_id)
    if excluded := conflicts(role, held, person.once):
        together = "held together with" if held.intersection(excluded) else "held by somebody who was once"
        raise InvalidInputError(
            f"the role {role} cannot be {together} {', '.join(excluded)}",
            where=person_id,
            remedy="Give the role to another person.",
        )
    return person
