"""Founding a site, its posture, and its incidents."""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography import x509

import nesqc_gmp
from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.identity.authority import Authority, create_authority, issue_timestamp_certificate
from nesqc_gmp.identity.authority import serialise as serialise_authority
from nesqc_gmp.identity.envelope import check_passphrase
from nesqc_gmp.identity.personal_key import new_person_key
from nesqc_gmp.ledger import Ledger, LogSigner, Reader, Receipt, Transaction
from nesqc_gmp.procedures import credentials
from nesqc_gmp.procedures.context import SYSTEM, Clock, Site, instant_of, system_clock
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer, statement_for
from nesqc_gmp.records.entry import Actor, Subject
from nesqc_gmp.records.people import FOUNDING, PersonEnrolled, Role, RoleGranted
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.records.site import IncidentAssessed, Purpose, SiteFounded
from nesqc_gmp.state import incidents as incident_state
from nesqc_gmp.state.certificates import fold_certificates
from nesqc_gmp.state.people import INDISPENSABLE, Person

SITE = Subject(type="site", id="site")
_FOUNDERS: tuple[Role, Role] = ("administrator", "qa")

BACKUP_AGE = timedelta(days=1)
"""Age of the last backup from which `nesqc site status` warns."""

RESTORE_TEST_AGE = timedelta(days=30)
"""Age of the last passed restore test from which `nesqc site status` warns."""


@dataclass(frozen=True, slots=True)
class Founder:
    """One of the two founding people.

    Attributes:
        person: Id.
        name: Printed name.
        identity_reference: Who checked which document.
        passphrase: As typed by the person.
    """

    person: str
    name: str
    identity_reference: str
    passphrase: str


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What a site is founded with."""

    name: str
    address: str
    authorisation: str
    zone: str
    purpose: Purpose


def init(folder: Path, facts: SiteFacts, founders: tuple[Founder, Founder], clock: Clock = system_clock) -> SitePaths:
    """Found a site: keys, authority, empty ledger, and two people none of whom can act alone.

    The first founder becomes administrator: enrols people, grants nothing. The second becomes QA: grants rights,
    enrols nobody.

    Raises:
        InvalidInputError: A field cannot be used, or the folder holds something already.
    """
    check_founding(folder, facts, founders)
    for founder in founders:
        check_passphrase(founder.passphrase, founder.person)
    paths = SitePaths(folder)
    for place in (paths.folder, paths.keys, paths.keys / "people", paths.objects, paths.certificates, paths.trust):
        place.mkdir(parents=True, exist_ok=True)
    for private in (paths.folder, paths.keys, paths.keys / "people"):
        private.chmod(0o700)
    now = clock()
    signer = LogSigner.create(paths.log_key, paths.log_state, _origin(facts))
    authority = create_authority(facts.name, now)
    timestamp = _make_timestamp_authority(paths, authority, facts.name, now)
    _write_private(paths.authority, serialise_authority(authority))
    paths.log_verifier.write_text(f"{signer.verifier}\n")
    paths.authority_certificate.write_bytes(authority.certificate_pem)
    founded = _founded(facts, founders, (str(signer.verifier), authority.certificate_pem.decode(), timestamp.decode()))
    ledger = Ledger.create(paths.ledger, signer)
    with ledger.writing() as transaction:
        transaction.append(time=instant_of(now, facts.zone), actor=SYSTEM, subject=SITE, record=founded)
    ledger.close()
    with Site(paths, clock) as site:
        _enter_founders(site, founders)
    return paths


def check_founding(folder: Path, facts: SiteFacts, founders: tuple[Founder, Founder]) -> None:
    """Check everything but the passphrases, before anything is written.

    Raises:
        InvalidInputError: The folder holds something, the zone is none, or the founders are one person.
        pydantic.ValidationError: A field does not fit its record.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError("the folder is not empty", where=str(folder), remedy="Name a new folder.")
    try:
        ZoneInfo(facts.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInputError(
            f"{facts.zone!r} is not an IANA time zone", where="zone", remedy="Write it like Europe/Stockholm."
        ) from None
    if founders[0].person == founders[1].person or founders[0].name.casefold() == founders[1].name.casefold():
        raise InvalidInputError("the two founding people are the same person", where="founders")
    _founded(facts, founders, ("-", "-", "-"))
    for founder in founders:
        _enrolment(founder)


def _founded(facts: SiteFacts, founders: tuple[Founder, Founder], pinned: tuple[str, str, str]) -> SiteFounded:
    """The first record of the log; pinned are log key, authority and time-stamp certificate."""
    log_key, authority, timestamp = pinned
    return SiteFounded(
        name=facts.name,
        address=facts.address,
        authorisation=facts.authorisation,
        zone=facts.zone,
        purpose=facts.purpose,
        log_key=log_key,
        authority=authority,
        timestamp_certificate=timestamp,
        founders=(founders[0].person, founders[1].person),
    )


def _enrolment(founder: Founder) -> PersonEnrolled:
    return PersonEnrolled(
        person=founder.person, name=founder.name, identity_reference=founder.identity_reference, code_sha256=None
    )


def _origin(facts: SiteFacts) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", facts.name.casefold().encode("ascii", "ignore").decode()).strip("-") or "site"
    return f"nesqc/{facts.purpose}/{words[:40]}-{secrets.token_hex(4)}/1"


def _make_timestamp_authority(paths: SitePaths, authority: Authority, name: str, now: datetime) -> bytes:
    key = new_person_key()
    certificate = issue_timestamp_certificate(authority, key.public_key, name, now, x509.random_serial_number())
    _write_private(paths.timestamp_key, key.private_pkcs8)
    return certificate


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _enter_founders(site: Site, founders: tuple[Founder, Founder]) -> None:
    """Both accounts, their keys, and the role each is given by the other's signature."""
    keys = {founder.person: credentials.new_key(site, founder.person, founder.name) for founder in founders}
    with site.ledger.writing() as transaction:
        for founder in founders:
            site.append(transaction, SYSTEM, Subject(type="person", id=founder.person), _enrolment(founder))
    for founder in founders:
        credentials.enter(site, keys[founder.person], founder.passphrase)
    for founder, other, role in zip(founders, reversed(founders), _FOUNDERS, strict=True):
        with site.ledger.writing() as transaction:
            _grant_founder(site, transaction, founder, other, role, keys[other.person])


def _grant_founder(
    site: Site, transaction: Transaction, founder: Founder, other: Founder, role: Role, key: credentials.NewKey
) -> None:
    subject = Subject(type="person", id=founder.person)

    def make(signature: ElectronicSignature) -> RoleGranted:
        return RoleGranted(
            person=founder.person,
            role=role,
            training_reference=FOUNDING,
            expires_on=None,
            code_sha256=None,
            signature=signature,
        )

    shown = Signer("founded", (f"{founder.name} ({founder.person}) becomes {role}.",))
    statement = statement_for(
        site, transaction, subject, (other.person, other.name, "founder"), make, shown, "Founding of the site"
    )
    actor = Actor(person=other.person, name=other.name, role="founder", authentication="passphrase", session=None)
    site.append(transaction, actor, subject, make(key.sign(statement)), "Founding of the site")


@dataclass(frozen=True, slots=True)
class Posture:
    """How a site stands.

    Attributes:
        facts: Name and value, for the eye and for machines.
        warnings: What needs attention.
        open_incidents: Incidents that nobody has assessed.
        unanchored_records: Records since the last checkpoint that is kept outside.
        unanchored_minutes: Minutes since then.
    """

    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    open_incidents: tuple[incident_state.Incident, ...]
    unanchored_records: int
    unanchored_minutes: int


def status(session: Session) -> Posture:
    """The posture of the site: versions, clock, keys, permissions, open incidents, unanchored tail."""
    site = session.site
    with session.viewing("site.status") as reader:
        state = site.state(reader)
        size = reader.size
        anchored, since = _last_anchor(reader, state)
        last = reader.entry(size - 1).time.utc
        people = site.people(reader).values()
    minutes = max(0, int((site.moment() - datetime.fromisoformat(since)) / timedelta(minutes=1)))
    warnings = [*_permission_warnings(site.paths), *_clock_warnings(site, last)]
    warnings += [*backup_warnings(state, site.moment()), *_people_warnings(people, site.now().local[:10])]
    facts = (
        ("site", state.founded.name),
        ("purpose", f"{state.founded.purpose}{'' if state.founded.for_gmp_use else ': not for GMP use'}"),
        ("log", site.ledger.origin),
        ("entries", str(size)),
        ("time zone", state.founded.zone),
        ("clock", site.now().local),
        ("last entry", last),
        *_backup_facts(state),
        *_versions(),
    )
    return Posture(facts, tuple(warnings), state.open_incidents, size - anchored, minutes)


def _last_anchor(reader: Reader, state: incident_state.SiteState) -> tuple[int, str]:
    issued = fold_certificates(reader.entries_about("certificate")).values()
    founded = reader.entry(0).time.utc
    anchors = [(state.anchored_size, state.anchored_at or founded)]
    anchors += [(certificate.issued.anchored_size, certificate.issued_utc) for certificate in issued]
    return max(anchors)


def _permission_warnings(paths: SitePaths) -> Sequence[str]:
    private = [paths.ledger, paths.log_key, paths.log_state, paths.authority, paths.timestamp_key]
    private += sorted((paths.keys / "people").glob("*.json"))
    return [f"{path.name} can be read by others" for path in private if path.exists() and path.stat().st_mode & 0o077]


def _clock_warnings(site: Site, last: str) -> Sequence[str]:
    if site.moment() < datetime.fromisoformat(last):
        return ["the clock is behind the last entry"]
    return []


def _last_backups(state: incident_state.SiteState) -> tuple[str | None, str | None]:
    """When a backup was last made, and when a restore test last passed, UTC."""
    made = max((backup.made_at for backup in state.backups), default=None)
    return made, max((backup.passed_at for backup in state.backups if backup.passed_at), default=None)


def _backup_facts(state: incident_state.SiteState) -> tuple[tuple[str, str], ...]:
    made, passed = _last_backups(state)
    return ("last backup", made or "none"), ("last passed restore test", passed or "none")


def backup_warnings(state: incident_state.SiteState, now: datetime) -> Iterator[str]:
    """Backups that are missing or too old (EU GMP Annex 11 cl. 7.2)."""
    made, passed = _last_backups(state)
    for at, limit, what, command in (
        (made, BACKUP_AGE, "backup was made", "nesqc site backup"),
        (passed, RESTORE_TEST_AGE, "restore test passed", "nesqc site restore-test"),
    ):
        if at is None:
            yield f"no {what} yet: use `{command}`"
        elif now - datetime.fromisoformat(at) > limit:
            days = limit // timedelta(days=1)
            yield f"no {what} for more than {days} day{'s' if days > 1 else ''}: use `{command}`"


def _people_warnings(people: Iterable[Person], today: str) -> Iterator[str]:
    """Roles that only one person can act in: without them no account could be opened or role given ever again."""
    for role in sorted(INDISPENSABLE):
        able = [person.id for person in people if person.standing == "active" and role in person.roles(today)]
        if len(able) < 2:
            yield f"only {able[0] if able else 'nobody'} can act as {role}: keep two, one may leave or be locked out"


def _versions() -> tuple[tuple[str, str], ...]:
    names = ("onnxruntime", "cryptography", "sqlmodel", "reportlab", "pyhanko", "pikepdf")
    own = (("nesqc-gmp", nesqc_gmp.__version__), ("python", platform.python_version()))
    return (*own, *((name, version(name)) for name in names))


def assess(session: Session, incident: str, reason: str, ceremony: Ceremony) -> Receipt:
    """Sign the assessment of an incident (EU GMP Annex 11 cl. 13)."""

    def prepare(reader: Reader, _: Person) -> Prepared:
        found = incident_state.open_incident(session.site.state(reader), incident)

        def make(signature: ElectronicSignature) -> IncidentAssessed:
            return IncidentAssessed(incident=incident, signature=signature)

        return make, Signer("reviewed", (f"Incident {found.id} ({found.kind}) of {found.opened}:", found.detail[:390]))

    return session.sign("site.assess", SITE, prepare, ceremony, reason)
