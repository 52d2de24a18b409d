"""One signed act that also signs a file: the record and the PDF are signed with one opening of the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError, NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony, sign_text
from nesqc_gmp.ledger import Reader, Receipt
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import (
    PLACEHOLDER,
    Prepared,
    as_entered,
    require_recent,
    require_same_signer,
    statement_for,
)
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.state.people import Person


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a file is made with: the statement its approver signed, and their key, open for this one signature.

    Attributes:
        statement: What was shown and is signed.
        private: Private key, PKCS#8 DER.
        certificate: Certificate of the signer, PEM.
    """

    statement: Statement
    private: bytes
    certificate: str


def sign_with_file(
    session: Session,
    right: str,
    subject: Subject,
    prepare: Callable[[Reader, Person], Prepared],
    ceremony: Ceremony,
    reason: str | None,
    render: Callable[[Rendered], bytes],
) -> Receipt:
    """Check, show, re-authenticate, sign statement and file, check again, append.

    Args:
        session: Who signs.
        right: The act.
        subject: The record it is about.
        prepare: As in ``Session.sign``; its ``make`` also takes the digest of the signed file.
        ceremony: Shows the statement and asks for id and passphrase.
        reason: Why, where the act asks for it.
        render: Makes the signed file.

    Raises:
        NesqcError: Refused; the refusal is recorded, and no file is kept.
    """
    site = session.site
    reason = None if reason is None else as_entered(reason)
    try:
        with site.ledger.reading() as reader:
            person, role = session.authorise(reader, right)
            make, shown = prepare(reader, person)
            signer = (person.id, person.name, role)
            statement = statement_for(site, reader, subject, signer, make, shown, reason)
    except (OutOfSequenceError, NotAuthorisedError, IntegrityError) as error:
        session.refuse(right, error, subject)
    text = statement.format()
    private, credential = session.opened_key(ceremony(text), f"sign: {shown.meaning}")
    signature = sign_text(text, private, credential)
    pdf = render(Rendered(statement, private, credential.certificate))
    site.objects.put(pdf)
    try:
        with site.ledger.writing() as transaction:
            person, role = session.authorise(transaction, right)
            make, again = prepare(transaction, person)
            session.require_unchanged(transaction, subject, statement, make(PLACEHOLDER), again)
            require_recent(site, statement)
            require_same_signer(statement, signature, person, role)
            record = make(signature).model_copy(update={"pdf_sha256": sha256_hex(pdf)})
            return site.append(transaction, session.actor(person, role, signed=True), subject, record, reason)
    except (OutOfSequenceError, NotAuthorisedError, IntegrityError) as error:
        session.refuse(right, error, subject)
