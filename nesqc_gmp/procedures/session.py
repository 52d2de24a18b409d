"""A person who is logged in: what they may do, and how one act of theirs is done, refused or signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from nesqc_gmp.errors import (
    AuthenticationError,
    IntegrityError,
    ModelRefusedError,
    NesqcError,
    NotAuthorisedError,
    OutOfSequenceError,
)
from nesqc_gmp.esign import Ceremony, Credentials, act_digest, sign_text
from nesqc_gmp.esign.ceremony import require_same_person
from nesqc_gmp.identity.roles import RIGHTS, role_for
from nesqc_gmp.ledger import Reader, Receipt, Transaction
from nesqc_gmp.procedures.authentication import authenticate_to_sign
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.signing import (
    PLACEHOLDER,
    Make,
    Prepared,
    Signer,
    as_entered,
    require_recent,
    require_same_signer,
    statement_for,
)
from nesqc_gmp.records.entry import Actor, Record, Subject
from nesqc_gmp.records.people import Role
from nesqc_gmp.records.signatures import ElectronicSignature, Statement
from nesqc_gmp.records.site import ActRefused
from nesqc_gmp.state import people as people_state
from nesqc_gmp.state.people import Credential, Person


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
            able = " or ".join(role for role, rights in RIGHTS.items() if right in rights)
            raise NotAuthorisedError(
                f"{person.name} ({held}) may not do this: {right.replace('.', ' ')}",
                where=right,
                remedy=f"Somebody with the role {able} does it.",
            )
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
        except (OutOfSequenceError, NotAuthorisedError, IntegrityError, ModelRefusedError) as error:
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
        beside: Callable[[Transaction], None] | None = None,
    ) -> Receipt:
        """One signed act: check, show, re-authenticate, sign the shown bytes, check again, append.

        Args:
            right: The act.
            subject: The record it is about.
            prepare: Checks the step and returns how the record is made from a signature, and what is shown. It runs
                before the ceremony and again inside the transaction of the append.
            ceremony: Shows the statement and asks for id and passphrase.
            reason: Why, where the act asks for it.
            beside: Appends what follows from the act, in the same transaction.

        Raises:
            NesqcError: Refused; the refusal is recorded.
            OutOfSequenceError: The record changed while it was being signed.
            InvalidInputError: The reason is too short or too long.
        """
        reason = None if reason is None else as_entered(reason)
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
                self.require_unchanged(transaction, subject, statement, make(PLACEHOLDER), again)
                require_same_signer(statement, signature, person, role)
                actor = self.actor(person, role, signed=True)
                receipt = self.site.append(transaction, actor, subject, make(signature), reason)
                if beside is not None:
                    beside(transaction)
                return receipt
        except (OutOfSequenceError, NotAuthorisedError, IntegrityError) as error:
            self.refuse(right, error, subject)

    def site_signature(self, ceremony: Ceremony, statement: Statement, purpose: str) -> ElectronicSignature:
        """Hold the ceremony over a statement and sign it.

        Raises:
            AuthenticationError: Wrong id or passphrase; the failure is recorded.
        """
        text = statement.format()
        private, credential = self.opened_key(ceremony(text), purpose)
        return sign_text(text, private, credential)

    def opened_key(self, credentials: Credentials, purpose: str) -> tuple[bytes, Credential]:
        """The private key of the person who is logged in, opened for one signature, and its credential.

        Raises:
            AuthenticationError: Wrong id or passphrase, or another person's; recorded.
            IntegrityError: The sealed key is not the one its owner set; recorded.
        """
        about = Subject(type="person", id=self.person)
        try:
            require_same_person(self.person, credentials)
        except AuthenticationError as error:
            self.refuse(purpose, error, about)
        try:
            return authenticate_to_sign(self.site, credentials, purpose)
        except IntegrityError as error:
            self.refuse(purpose, error, about)

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

    def require_unchanged(
        self, transaction: Transaction, subject: Subject, statement: Statement, record: Record, again: Signer
    ) -> None:
        """What is entered now is what was shown, a short while ago.

        Raises:
            OutOfSequenceError: The record or the act changed while it was being signed.
        """
        content = transaction.content(subject.type, subject.id)
        if (content.sha256, act_digest(record), again.meaning) != (
            statement.content_sha256,
            statement.act_sha256,
            statement.meaning,
        ):
            raise OutOfSequenceError(
                "the record changed while it was being signed", where=statement.subject, remedy="Look again, then sign."
            )
        require_recent(self.site, statement)


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
        """Append a record of this person.

        Raises:
            InvalidInputError: The reason is too short, too long, or not one visible line.
        """
        reason = None if reason is None else as_entered(reason)
        return self.session.site.append(self.transaction, self.actor, subject, record, reason)
