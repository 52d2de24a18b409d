"""Checking: every signature in the log, against the content, the act, the person and the certificate of its moment."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from nesqc_gmp.errors import IntegrityError, NesqcError
from nesqc_gmp.esign.ceremony import act_digest
from nesqc_gmp.identity.authority import certified_person_id, check_issued_by
from nesqc_gmp.identity.personal_key import verify_statement
from nesqc_gmp.ledger import Reader
from nesqc_gmp.records.entry import SIGNED_KINDS, Entry
from nesqc_gmp.records.people import CredentialSet
from nesqc_gmp.records.signatures import ElectronicSignature, Statement
from nesqc_gmp.records.site import SiteFounded


@dataclass(frozen=True, slots=True)
class SignatureFinding:
    """A signature that does not hold.

    Attributes:
        index: Index of the entry.
        what: Why.
    """

    index: int
    what: str


def signature_of(entry: Entry) -> ElectronicSignature | None:
    """The signature an entry carries."""
    record = entry.record
    if isinstance(record, CredentialSet):
        return record.acknowledgement
    signature = getattr(record, "signature", None)
    return signature if isinstance(signature, ElectronicSignature) else None


class _Checker:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._authority: bytes = b""
        self._certificates: dict[str, tuple[str, bytes]] = {}

    def check(self, entry: Entry) -> str | None:
        """Why the signature of an entry does not hold, ``None`` where it does or there is none."""
        if isinstance(entry.record, SiteFounded):
            self._authority = entry.record.authority.encode()
        try:
            if isinstance(entry.record, CredentialSet):
                self._admit(entry.record)
            signature = signature_of(entry)
            if signature is not None:
                self._signature(entry, signature)
            elif not isinstance(entry.record, SiteFounded):
                return "the record has to be signed and is not"
        except NesqcError as error:
            return error.what
        return None

    def _admit(self, record: CredentialSet) -> None:
        """A person's new certificate: issued by the pinned authority, for this person."""
        certificate = record.certificate.encode()
        check_issued_by(certificate, self._authority)
        if certified_person_id(certificate) != record.person:
            raise IntegrityError("the certificate is another person's")
        self._certificates[record.person] = (record.certificate_sha256, certificate)

    def _signature(self, entry: Entry, signature: ElectronicSignature) -> None:
        statement = Statement.parse(signature.statement)
        digest, certificate = self._certificates.get(statement.person, ("", b""))
        if digest != signature.certificate_sha256:
            raise IntegrityError("the signer had no such certificate at that moment")
        try:
            raw = base64.b64decode(signature.signature, validate=True)
        except (binascii.Error, ValueError):
            raise IntegrityError("the signature is not base64") from None
        verify_statement(certificate, signature.statement.encode(), raw)
        self._binding(entry, statement)

    def _binding(self, entry: Entry, statement: Statement) -> None:
        actor, subject = entry.actor, entry.subject
        content = self._reader.content(subject.type, subject.id, before=entry.index)
        facts = (
            ("the log", statement.origin, entry.origin),
            ("the record", statement.subject, f"{subject.type} {subject.id}"),
            ("the version of the content", statement.version, content.version),
            ("the content", statement.content_sha256, content.sha256),
            ("the act", statement.act_sha256, act_digest(entry.record)),
            ("the person", statement.person, actor.person),
            ("the printed name", statement.name, actor.name),
            ("the role", statement.role, actor.role),
            ("the reason", statement.reason, entry.reason or "-"),
        )
        for what, signed, present in facts:
            if signed != present:
                raise IntegrityError(f"{what} is not what was signed: not signed in its present form")
        self._moment(entry, statement)

    def _moment(self, entry: Entry, statement: Statement) -> None:
        if statement.previous_size > entry.index:
            raise IntegrityError("the signature names a checkpoint later than itself")
        root = base64.b64encode(self._reader.root(statement.previous_size)).decode("ascii")
        if root != statement.previous_root:
            raise IntegrityError("the signature names a checkpoint that is not of this log")
        if statement.time.utc > entry.time.utc:
            raise IntegrityError("the statement was signed later than it was entered")


def check_signatures(reader: Reader, *, after: int = -1) -> Iterator[SignatureFinding]:
    """Check every signature in the log, oldest first.

    Args:
        reader: Where to read; the ledger itself has to be verified first.
        after: Report only entries after this index.
    """
    checker = _Checker(reader)
    for entry in reader.entries_of(SIGNED_KINDS):
        problem = checker.check(entry)
        if problem is not None and entry.index > after:
            yield SignatureFinding(entry.index, problem)
