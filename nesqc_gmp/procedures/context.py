"""What every procedure stands on: the open site, its clock, the person who acts, and how an act is signed."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import (
    AccountLockedError,
    AuthenticationError,
    IntegrityError,
    InvalidInputError,
    NesqcError,
    NotAuthorisedError,
    OutOfSequenceError,
)
from nesqc_gmp.esign import Ceremony, Credentials, act_digest, open_key, sign_text
from nesqc_gmp.esign.ceremony import require_same_person
from nesqc_gmp.identity.roles import role_for
from nesqc_gmp.ledger import Ledger, LogSigner, Reader, Receipt, Transaction
from nesqc_gmp.notes import Checkpoint as NoteCheckpoint
from nesqc_gmp.notes import SignedNote
from nesqc_gmp.objects import ObjectStore
from nesqc_gmp.records.base import Instant, Reason
from nesqc_gmp.records.entry import Actor, Record, Subject
from nesqc_gmp.records.people import AuthenticationFailed, Role
from nesqc_gmp.records.signatures import ElectronicSignature, Meaning, Statement
from nesqc_gmp.records.site import ActRefused, IncidentOpened
from nesqc_gmp.state import people as people_state
from nesqc_gmp.state.incidents import SiteState, fold_site
from nesqc_gmp.state.people import FAILURES_LIMIT, People, Person, fold_people

Clock = Callable[[], datetime]
SYSTEM = Actor(person="system", name="nesqc_gmp", role="system", authentication="none", session=None)
CLOCK_TOLERANCE = timedelta(seconds=2)
SIGNING_TIME = timedelta(minutes=10)
_REASON: TypeAdapter[str] = TypeAdapter(Reason)
_PLACEHOLDER = ElectronicSignature(statement="-", signature="-", certificate_sha256="0" * 64)


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def instant_of(moment: datetime, zone: str) -> Instant:
    """A moment as text, in UTC and in the site's zone."""
    local = moment.astimezone(ZoneInfo(zone)).isoformat(timespec="microseconds")
    utc = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Instant(utc=utc, local=local, zone=zone)


@dataclass(frozen=True, slots=True)
class Signer:
    """What a signing act shows of itself: for the eye and for the fixed list."""

    meaning: Meaning
    summary: tuple[str, ...]


Make = Callable[[ElectronicSignature], Record]
"""How a record is made once its signature is there."""

Prepared = tuple[Make, Signer]
"""What a signing act prepares: how its record is made, and what is shown."""


class Site:
    """An open site.

    Args:
        paths: Where it lies.
        clock: Where the time comes from.
    """

    def __init__(self, paths: SitePaths, clock: Clock = system_clock) -> None:
        self.paths = paths
        self._clock = clock
        self.ledger = Ledger(paths.ledger, LogSigner(paths.log_key, paths.log_state))
        self.objects = ObjectStore(paths.objects)
        with self.ledger.reading() as reader:
            self.founded = fold_site(reader.entries("site", "site")).founded

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the ledger."""
        self.ledger.close()

    def moment(self) -> datetime:
        """Now."""
        return self._clock()

    def now(self) -> Instant:
        """Now, as records carry it."""
        return instant_of(self._clock(), self.founded.zone)

    def state(self, reader: Reader) -> SiteState:
        """The site, folded."""
        return fold_site(reader.entries("site", "site"))

    def people(self, reader: Reader) -> People:
        """The people, folded."""
        return fold_people(reader.entries_about("person"))

    def append(
        self, transaction: Transaction, actor: Actor, subject: Subject, record: Record, reason: str | None = None
    ) -> Receipt:
        """Append a record now; a clock that went backwards opens an incident beside it."""
        now = self.now()
        self._watch_clock(transaction, now)
        return transaction.append(time=now, actor=actor, subject=subject, record=record, reason=reason)

    def open_incident(self, transaction: Transaction, kind: str, detail: str, batch: str | None = None) -> None:
        """Open an incident that a person has to assess."""
        number = f"I-{transaction.size:06d}"
        record = IncidentOpened.model_validate(
            {"incident": number, "incident_kind": kind, "detail": detail[:2000], "batch": batch}
        )
        subject = Subject(type="site", id="site")
        transaction.append(time=self.now(), actor=SYSTEM, subject=subject, record=record)

    def _watch_clock(self, transaction: Transaction, now: Instant) -> None:
        if transaction.size == 0 or transaction.appended:
            return
        last = transaction.entry(transaction.size - 1).time.utc
        if datetime.fromisoformat(now.utc) + CLOCK_TOLERANCE < datetime.fromisoformat(last):
            self.open_incident(transaction, "clock", f"the clock reads {now.utc}; the last entry is of {last}")


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is logged in, as a procedure sees them.

    Attributes:
        site: The open site.
        person: Their id.
        session: Digest of the session's secret.
    """

    site: Site
    person: str
    session: str

    def authorise(self, reader: Reader, right: str) -> tuple[Person, Role]:
        """The person and the role in which they may do an act.

        Raises:
            AuthenticationError: The session has ended.
            NotAuthorisedError: No role of theirs allows it.
        """
        person = people_state.get(self.site.people(reader), self.person)
        people_state.require_usable(person)
        opened = dict(person.sessions).get(self.session)
        now = self.site.moment()
        if opened is None or now - datetime.fromisoformat(opened) > timedelta(hours=12):
            raise AuthenticationError("the session has ended", remedy="Log in with `nesqc login`.")
        role = role_for(right, person.roles(self.site.now().local[:10]))
        if role is None:
            held = ", ".join(sorted(person.roles(self.site.now().local[:10]))) or "no role"
            raise NotAuthorisedError(f"{person.name} ({held}) may not do this: {right.replace('.', ' ')}", where=right)
        return person, role

    def actor(self, person: Person, role: Role, *, signed: bool = False) -> Actor:
        """The person as an entry names them."""
        return Actor(
            person=person.id,
            name=person.name,
            role=role,
            authentication="passphrase" if signed else "session",
            session=self.session,
        )

    @contextmanager
    def acting(self, right: str, about: Subject | None = None) -> Iterator[Act]:
        """A transaction in which the person does one act; a refusal is recorded (21 CFR 11.10(f), (g)).

        Raises:
            NesqcError: The act is refused; nothing but the refusal was written.
        """
        try:
            with self.site.ledger.writing() as transaction:
                person, role = self.authorise(transaction, right)
                yield Act(self, transaction, person, self.actor(person, role))
        except (OutOfSequenceError, NotAuthorisedError, IntegrityError) as error:
            self.refuse(right, error, about)

    @contextmanager
    def viewing(self, right: str) -> Iterator[Reader]:
        """A view of the records for a person who may see them.

        Raises:
            NotAuthorisedError: They may not; the refusal is recorded.
        """
        try:
            with self.site.ledger.reading() as reader:
                self.authorise(reader, right)
                yield reader
        except NotAuthorisedError as error:
            self.refuse(right, error, None)

    def refuse(self, right: str, error: NesqcError, about: Subject | None) -> NoReturn:
        """Record that an act was refused, then raise the refusal."""
        site = self.site
        with site.ledger.writing() as transaction:
            person = site.people(transaction).get(self.person)
            name = person.name if person else self.person
            actor = Actor(person=self.person, name=name, role="none", authentication="session", session=self.session)
            record = ActRefused(act=right, why=str(error)[:2000], error=type(error).__name__)
            site.append(transaction, actor, about or Subject(type="site", id="site"), record)
        raise error

    def sign(
        self,
        right: str,
        subject: Subject,
        prepare: Callable[[Reader, Person], Prepared],
        ceremony: Ceremony,
        reason: str | None = None,
    ) -> Receipt:
        """One signed act: check, show, re-authenticate, sign the shown bytes, check again, append.

        Args:
            right: The act.
            subject: The record it is about.
            prepare: Checks the step and returns how the record is made from a signature, and what is shown. It runs
                before the ceremony and again inside the transaction of the append.
            ceremony: Shows the statement and asks for id and passphrase.
            reason: Why, where the act asks for it.

        Raises:
            NesqcError: Refused; the refusal is recorded.
            OutOfSequenceError: The record changed while it was being signed.
            InvalidInputError: The reason is too short or too long.
        """
        reason = None if reason is None else _as_entered(reason)
        try:
            with self.site.ledger.reading() as reader:
                person, role = self.authorise(reader, right)
                make, shown = prepare(reader, person)
                statement = self._statement(reader, subject, person, role, make, shown, reason)
        except (OutOfSequenceError, NotAuthorisedError, IntegrityError) as error:
            self.refuse(right, error, subject)
        signature = self.site_signature(ceremony, statement, f"sign: {shown.meaning}")
        try:
            with self.site.ledger.writing() as transaction:
                person, role = self.authorise(transaction, right)
                make, again = prepare(transaction, person)
                self._require_unchanged(transaction, subject, statement, act_digest(make(_PLACEHOLDER)), again)
                actor = self.actor(person, role, signed=True)
                return self.site.append(transaction, actor, subject, make(signature), reason)
        except (OutOfSequenceError, NotAuthorisedError, IntegrityError) as error:
            self.refuse(right, error, subject)

    def site_signature(self, ceremony: Ceremony, statement: Statement, purpose: str) -> ElectronicSignature:
        """Hold the ceremony over a statement and sign it.

        Raises:
            AuthenticationError: Wrong id or passphrase; the failure is recorded.
        """
        text = statement.format()
        credentials = ceremony(text)
        require_same_person(self.person, credentials)
        private, credential = authenticate(self.site, credentials, purpose)
        return sign_text(text, private, credential)

    def _statement(
        self,
        reader: Reader,
        subject: Subject,
        person: Person,
        role: Role,
        make: Make,
        shown: Signer,
        reason: str | None,
    ) -> Statement:
        return statement_for(self.site, reader, subject, (person.id, person.name, role), make, shown, reason)

    def _require_unchanged(
        self, transaction: Transaction, subject: Subject, statement: Statement, act: str, again: Signer
    ) -> None:
        content = transaction.content(subject.type, subject.id)
        signed_at = datetime.fromisoformat(statement.time.utc)
        if (content.sha256, act, again.meaning) != (statement.content_sha256, statement.act_sha256, statement.meaning):
            raise OutOfSequenceError(
                "the record changed while it was being signed", where=statement.subject, remedy="Look again, then sign."
            )
        if self.site.moment() - signed_at > SIGNING_TIME:
            raise OutOfSequenceError("the statement was shown too long ago", remedy="Look again, then sign.")


@dataclass(frozen=True, slots=True)
class Act:
    """One act in its transaction.

    Attributes:
        session: Whose session.
        transaction: The transaction.
        person: Who acts.
        actor: The same, as entries name them.
    """

    session: Session
    transaction: Transaction
    person: Person
    actor: Actor

    def append(self, subject: Subject, record: Record, reason: str | None = None) -> Receipt:
        """Append a record of this person."""
        return self.session.site.append(self.transaction, self.actor, subject, record, reason)


def _as_entered(reason: str) -> str:
    """A reason as its entry will carry it; signed otherwise, statement and entry would differ for ever."""
    try:
        return _REASON.validate_python(reason)
    except ValidationError:
        raise InvalidInputError(
            "the reason is too short or too long", where="reason", remedy="Write 8 to 1000 characters."
        ) from None


def statement_for(
    site: Site,
    reader: Reader,
    subject: Subject,
    signer: tuple[str, str, str],
    make: Make,
    shown: Signer,
    reason: str | None,
) -> Statement:
    """The statement of one signed act: what it is bound to, and what the eye is shown."""
    content = reader.content(subject.type, subject.id)
    size = reader.size
    root = reader.root(size) if size else b""
    person, name, role = signer
    return Statement(
        origin=site.ledger.origin,
        subject=f"{subject.type} {subject.id}",
        version=content.version,
        content_sha256=content.sha256,
        act_sha256=act_digest(make(_PLACEHOLDER)),
        meaning=shown.meaning,
        person=person,
        name=name,
        role=role,
        time=site.now(),
        previous_size=size,
        previous_root=base64.b64encode(root).decode("ascii"),
        reason=reason or "-",
        summary=shown.summary,
    )


def authenticate(site: Site, credentials: Credentials, purpose: str) -> tuple[bytes, people_state.Credential]:
    """Check id and passphrase; every failure is recorded and the fifth in a row locks (21 CFR 11.300(d)).

    Returns:
        The opened private key (PKCS#8 DER) and the credential it belongs to.

    Raises:
        AuthenticationError: Wrong id or passphrase, in the same words for both.
        AccountLockedError: The account cannot be used.
    """
    wrong = AuthenticationError("id or passphrase is wrong", remedy="Five failures in a row lock the account.")
    with site.ledger.reading() as reader:
        person = site.people(reader).get(credentials.person)
    if person is None:
        _record_failure(site, None, purpose)
        raise wrong
    credential = people_state.require_usable(person)
    try:
        envelope = site.paths.envelope(person.id).read_bytes()
        return open_key(envelope, credential, credentials), credential
    except OSError as error:
        raise IntegrityError("the sealed key is missing", where=f"key of {person.id}") from error
    except AuthenticationError:
        if _record_failure(site, person.id, purpose):
            raise AccountLockedError(
                f"the account is locked after {FAILURES_LIMIT} failures",
                where=person.id,
                remedy="Two people reset it with `nesqc people reset`.",
            ) from None
        raise wrong from None


def _record_failure(site: Site, person_id: str | None, purpose: str) -> bool:
    """Record a failed attempt; returns whether it locked the account."""
    with site.ledger.writing() as transaction:
        subject = Subject(type="person", id=person_id) if person_id else Subject(type="site", id="site")
        failures = site.people(transaction)[person_id].failures if person_id else 0
        locked = failures + 1 >= FAILURES_LIMIT
        record = AuthenticationFailed(person=person_id or "unknown", purpose=purpose, locked=locked)
        site.append(transaction, SYSTEM, subject, record)
        if locked:
            site.open_incident(transaction, "account locked", f"{person_id}: {FAILURES_LIMIT} failures, {purpose}")
        return locked


def checkpoint_of(note: str) -> NoteCheckpoint:
    """The checkpoint in a note of this ledger."""
    return NoteCheckpoint.parse(SignedNote.parse(note).text)
