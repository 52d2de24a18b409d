"""Accounts: enrol, grant, revoke, disable, passphrase, reset, login, and who could do what on any day."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import AuthenticationError, InvalidInputError, NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony, Credentials
from nesqc_gmp.identity.envelope import check_passphrase
from nesqc_gmp.identity.sessions import SessionFile, new_session, read_session, session_path, write_session
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures import credentials as personal
from nesqc_gmp.procedures.authentication import authenticate
from nesqc_gmp.procedures.context import SYSTEM, Site, require_day
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Actor, Subject
from nesqc_gmp.records.people import (
    AuthenticationFailed,
    PersonDisabled,
    PersonEnrolled,
    ResetApproved,
    ResetRequested,
    Role,
    RoleGranted,
    RoleRevoked,
    SessionClosed,
    SessionOpened,
)
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.people import (
    FAILURES_LIMIT,
    People,
    Person,
    fold_people,
    get,
    require_grantable,
    require_somebody_left,
    require_usable,
)


def _subject(person: str) -> Subject:
    return Subject(type="person", id=person)


def _new_code() -> str:
    """Half of a code: 80 random bits, grouped for typing."""
    digits = secrets.token_hex(10)
    return "-".join(digits[start : start + 5] for start in range(0, 20, 5))


def login(site: Site, credentials: Credentials, folder: Path) -> SessionFile:
    """Open a session for a person.

    Args:
        site: The open site.
        credentials: Id and passphrase as typed.
        folder: Where the person's session files lie.

    Raises:
        AuthenticationError: Wrong id or passphrase; recorded.
    """
    authenticate(site, credentials, "login")
    session = new_session(site.ledger.origin, credentials.person, site.moment())
    with site.ledger.writing() as transaction:
        person = get(site.people(transaction), credentials.person)
        actor = Actor(
            person=person.id, name=person.name, role="person", authentication="passphrase", session=session.digest
        )
        record = SessionOpened(person=person.id, session=session.digest)
        site.append(transaction, actor, _subject(person.id), record)
    write_session(session_path(folder, site.ledger.origin), session)
    return session


def resume(site: Site, folder: Path) -> Session:
    """The session of the person who logged in; the idle time starts again.

    Raises:
        AuthenticationError: Nobody is logged in, or the session was idle too long.
    """
    path = session_path(folder, site.ledger.origin)
    session = read_session(path, site.moment())
    with site.ledger.reading() as reader:
        person = site.people(reader).get(session.person)
    if person is None or session.digest not in dict(person.sessions) or session.origin != site.ledger.origin:
        raise AuthenticationError("the session has ended", remedy="Log in with `nesqc login`.")
    write_session(path, SessionFile(session.origin, session.person, session.secret, site.moment()))
    return Session(site, session.person, session.digest)


def logout(session: Session, folder: Path) -> None:
    """Close a session."""
    site = session.site
    with site.ledger.writing() as transaction:
        person = get(site.people(transaction), session.person)
        actor = Actor(
            person=person.id, name=person.name, role="person", authentication="session", session=session.session
        )
        record = SessionClosed(person=person.id, session=session.session)
        site.append(transaction, actor, _subject(person.id), record)
    session_path(folder, site.ledger.origin).unlink(missing_ok=True)


def whoami(session: Session) -> Person:
    """The person who is logged in."""
    with session.site.ledger.reading() as reader:
        return get(session.site.people(reader), session.person)


def enrol(session: Session, person: str, name: str, identity_reference: str) -> str:
    """Make an account and return the first half of its enrolment code, which is shown once.

    The account has no right and no passphrase. The second half of the code comes with the first role, from QA.

    Raises:
        InvalidInputError: The id was used before.
    """
    code = _new_code()
    record = PersonEnrolled(
        person=person, name=name, identity_reference=identity_reference, code_sha256=sha256_hex(code.encode())
    )
    with session.acting("people.enrol", _subject(person)) as act:
        if person in session.site.people(act.transaction) or person in {"system", "unknown"}:
            raise InvalidInputError("the id was used before; ids are never used again", where=person)
        act.append(_subject(person), record)
    return code


def grant(
    session: Session,
    person: str,
    role: Role,
    training_reference: str,
    expires_on: str | None,
    reason: str,
    ceremony: Ceremony,
) -> str | None:
    """Grant a role, signed. With the first role the second half of the enrolment code is returned, shown once.

    Raises:
        NotAuthorisedError: The granting person has no right to, or is the person.
        InvalidInputError: The role is held without an end, excludes one that is held, or would have ended already.
    """
    if expires_on is not None and require_day(expires_on, "expires_on") < session.site.today():
        raise InvalidInputError("the role would have ended before it began", where="expires_on")
    code = _new_code()
    needed = False

    def prepare(reader: Reader, granter: Person) -> Prepared:
        nonlocal needed
        found = require_grantable(session.site.people(reader), person, role, granter.id)
        needed = found.standing == "awaiting passphrase" and found.code_second is None

        def make(signature: ElectronicSignature) -> RoleGranted:
            return RoleGranted(
                person=person,
                role=role,
                training_reference=training_reference,
                expires_on=expires_on,
                code_sha256=sha256_hex(code.encode()) if needed else None,
                signature=signature,
            )

        until = f" until {expires_on}" if expires_on else ""
        lines = (f"{found.name} ({person}) becomes {role}{until}.", f"Training: {training_reference}")
        return make, Signer("access granted", lines)

    session.sign("people.grant", _subject(person), prepare, ceremony, reason)
    return code if needed else None


def revoke(session: Session, person: str, role: Role, reason: str) -> None:
    """Take a role away.

    Raises:
        InvalidInputError: The role is not held.
        OutOfSequenceError: Nobody else could act in an indispensable role.
    """
    with session.acting("people.revoke", _subject(person)) as act:
        people = session.site.people(act.transaction)
        found = get(people, person)
        if role not in {held.role for held in found.grants}:
            raise InvalidInputError(f"the role {role} is not held", where=person)
        require_somebody_left(people, found, [role], session.site.today().isoformat())
        act.append(_subject(person), RoleRevoked(person=person, role=role), reason)


def disable(session: Session, person: str, reason: str) -> None:
    """Close an account for good.

    Raises:
        OutOfSequenceError: It is closed, or it is the last account that could do an indispensable act.
    """
    with session.acting("people.disable", _subject(person)) as act:
        people = session.site.people(act.transaction)
        found = get(people, person)
        if found.standing == "disabled":
            raise OutOfSequenceError("the account is closed already", where=person)
        roles = [grant.role for grant in found.grants]
        require_somebody_left(people, found, roles, session.site.today().isoformat())
        act.append(_subject(person), PersonDisabled(person=person), reason)


def reset(session: Session, person: str, reason: str) -> str:
    """Ask for a reset, or approve the one another person asked for; returns one half of the code, shown once.

    The account stops working with the request. Its owner needs both halves to set a new passphrase, so one person
    alone can neither reset an account nor use it afterwards (21 CFR 11.200(a)(3)). One half comes from an
    administrator and one from QA, so that administrators among themselves never hold an account of QA.

    Raises:
        NotAuthorisedError: The same person asks and approves, or resets their own account.
    """
    code = _new_code()
    digest = sha256_hex(code.encode())
    with session.acting("people.reset", _subject(person)) as act:
        found = get(session.site.people(act.transaction), person)
        if found.standing == "disabled":
            raise OutOfSequenceError("the account is closed", where=person)
        if act.person.id == person:
            raise NotAuthorisedError("nobody resets their own account", where=person)
        if found.standing != "reset requested":
            act.append(_subject(person), ResetRequested(person=person, code_sha256=digest), reason)
            return code
        if found.reset_by == act.person.id:
            raise NotAuthorisedError("a reset needs two people; you asked for this one", where=person)
        if found.reset_role == act.actor.role:
            raise NotAuthorisedError(
                f"a reset needs two roles; it was asked for as {found.reset_role}",
                where=person,
                remedy="Administrator and QA reset an account together.",
            )
        act.append(_subject(person), ResetApproved(person=person, code_sha256=digest), reason)
    return code


def set_passphrase(site: Site, person: str, first_half: str, second_half: str, passphrase: str) -> None:
    """The owner sets a passphrase with both halves of the code; a new key and certificate are made.

    Raises:
        AuthenticationError: A half is wrong, or none is waiting; recorded.
        InvalidInputError: The passphrase is too weak.
    """
    check_passphrase(passphrase, person)
    with site.ledger.writing() as transaction:
        found = site.people(transaction).get(person)
        wrong = found is None or not _code_fits(found, first_half, second_half)
        if wrong and found is not None:
            locked = found.failures + 1 >= FAILURES_LIMIT
            record = AuthenticationFailed(person=person, purpose="set passphrase", locked=locked)
            site.append(transaction, SYSTEM, _subject(person), record)
            if locked:
                site.open_incident(
                    transaction, "account locked", f"{person}: {FAILURES_LIMIT} failures, set passphrase"
                )
    if wrong or found is None:
        raise AuthenticationError(
            "no passphrase can be set with this id and code",
            where=person,
            remedy="The first half comes from the administrator, the second from QA.",
        )

    def require(reader: Reader) -> None:
        if not _code_fits(get(site.people(reader), person), first_half, second_half):
            raise OutOfSequenceError("the account changed meanwhile; the code is used up", where=person)

    personal.enter(site, personal.new_key(site, person, found.name), passphrase, require)


def _code_fits(person: Person, first_half: str, second_half: str) -> bool:
    if person.standing != "awaiting passphrase" or not person.code_first or not person.code_second:
        return False
    first = hmac.compare_digest(sha256_hex(first_half.strip().encode()), person.code_first)
    second = hmac.compare_digest(sha256_hex(second_half.strip().encode()), person.code_second)
    return first and second


def change_passphrase(session: Session, current: str, passphrase: str) -> None:
    """The owner changes a passphrase; a new key and certificate are made, earlier signatures keep standing.

    Raises:
        AuthenticationError: The present passphrase is wrong.
        InvalidInputError: The new one is too weak.
    """
    check_passphrase(passphrase, session.person)
    site = session.site
    _, present = authenticate(site, Credentials(session.person, current), "change passphrase")
    person = whoami(session)

    def require(reader: Reader) -> None:
        if require_usable(get(site.people(reader), person.id)) != present:
            raise OutOfSequenceError("the passphrase was changed meanwhile", where=person.id)

    personal.enter(site, personal.new_key(site, person.id, person.name), passphrase, require)


def people(session: Session) -> People:
    """All people as they are now."""
    with session.viewing("people.list") as reader:
        return session.site.people(reader)


@dataclass(frozen=True, slots=True)
class Access:
    """One line of an access list."""

    person: str
    name: str
    standing: str
    roles: tuple[str, ...]


def access_list(session: Session, as_of: str) -> tuple[Access, ...]:
    """Who could do what at the end of a day, rebuilt from the records (EU GMP Annex 11 cl. 12.3).

    Args:
        session: Who asks.
        as_of: Day in the site's time zone, YYYY-MM-DD.
    """
    require_day(as_of, "as_of")
    with session.viewing("people.access-list") as reader:
        entries = [entry for entry in reader.entries_about("person") if entry.time.local[:10] <= as_of]
    return tuple(
        Access(person.id, person.name, person.standing, tuple(sorted(person.roles(as_of))))
        for person in fold_people(entries).values()
    )
