"""What a signature is bound to: the one rule by which a signature in the log holds or does not.

Pure: the same rule checks the ledger of the site (``esign.checking``) and an evidence bundle far away from it
(``verifier``). A signature holds where the signer's certificate of that moment verifies it over the exact statement,
and the statement says what the entry says: same log, record, content, act, person, role and reason (21 CFR 11.70).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from pydantic import BaseModel

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.identity.authority import certified_person_id, check_issued_by
from nesqc_gmp.identity.personal_key import load_certificate, verify_statement
from nesqc_gmp.records.batches import BatchDisposed
from nesqc_gmp.records.content import Content
from nesqc_gmp.records.entry import SIGNED_KINDS, Entry
from nesqc_gmp.records.people import CredentialSet
from nesqc_gmp.records.signatures import ElectronicSignature, Meaning, Statement

_SIGNATURES: Final = ("signature", "acknowledgement")
_AFTER_SIGNING: Final = frozenset({*_SIGNATURES, "pdf_sha256"})
"""What exists only once the statement was signed; the file of a certificate is made with the same key right after."""

_MEANINGS: Final[dict[str, frozenset[Meaning]]] = {
    "incident_assessed": frozenset({"reviewed"}),
    "role_granted": frozenset({"access granted", "founded"}),
    "credential_set": frozenset({"acknowledged"}),
    "specification_approved": frozenset({"approved"}),
    "specification_retired": frozenset({"retired"}),
    "intended_use_signed": frozenset({"intended use approved"}),
    "test_plan_frozen": frozenset({"approved"}),
    "test_set_consumed": frozenset({"retired"}),
    "features_reviewed": frozenset({"features reviewed"}),
    "model_approved": frozenset({"approved"}),
    "model_activated": frozenset({"activated"}),
    "model_retired": frozenset({"retired"}),
    "result_recorded": frozenset({"performed"}),
    "result_verified": frozenset({"verified"}),
    "batch_submitted": frozenset({"performed"}),
    "batch_reviewed": frozenset({"reviewed"}),
    "audit_trail_reviewed": frozenset({"audit trail reviewed"}),
    "certificate_issued": frozenset({"issued"}),
    "certificate_withdrawn": frozenset({"withdrawn"}),
    "certificate_superseded": frozenset({"superseded"}),
    "document_prepared": frozenset({"prepared"}),
    "document_approved": frozenset({"approved"}),
    "deviation_assessed": frozenset({"reviewed"}),
    "qualification_submitted": frozenset({"performed"}),
    "qualification_reviewed": frozenset({"reviewed"}),
    "qualification_approved": frozenset({"approved", "not accepted"}),
    "change_recorded": frozenset({"prepared"}),
    "change_approved": frozenset({"approved"}),
    "periodic_review_signed": frozenset({"reviewed"}),
}
"""What a signature under each kind of record can mean; that of a disposition is the decision itself."""


def act_digest(record: BaseModel) -> str:
    """Digest of a record's own fields, without those that exist only once it was signed."""
    fields: dict[str, Any] = record.model_dump(mode="json", exclude=set(_AFTER_SIGNING))
    return sha256_hex(canonical_json(fields))


def signature_of(entry: Entry) -> ElectronicSignature | None:
    """The signature an entry carries."""
    for field in _SIGNATURES:
        signature = getattr(entry.record, field, None)
        if isinstance(signature, ElectronicSignature):
            return signature
    return None


class Certificates:
    """Certificates of people as the log brings them; the last one of a person is in force.

    Args:
        authority: Certificate of the site's authority, PEM.
    """

    def __init__(self, authority: bytes) -> None:
        self._authority = authority
        self._in_force: dict[str, tuple[str, bytes]] = {}

    def admit(self, record: CredentialSet) -> None:
        """Take in a person's new certificate.

        Raises:
            IntegrityError: It was not issued by the authority, is another person's, or its digest is wrong.
        """
        pem = record.certificate.encode()
        check_issued_by(pem, self._authority)
        if certified_person_id(pem) != record.person:
            raise IntegrityError("the certificate is another person's")
        if load_certificate(pem).fingerprint(hashes.SHA256()).hex() != record.certificate_sha256:
            raise IntegrityError("the certificate is not the one of the digest recorded")
        self._in_force[record.person] = (record.certificate_sha256, pem)

    def in_force(self, person: str, digest: str) -> bytes:
        """The certificate of a person, PEM, where it is the one of this digest.

        Raises:
            IntegrityError: It is not.
        """
        found, pem = self._in_force.get(person, ("", b""))
        if not pem or found != digest:
            raise IntegrityError("the signer had no such certificate at that moment")
        return pem


def check_signature(
    entry: Entry, content: Content, certificates: Certificates, root: Callable[[int], bytes | None]
) -> Statement:
    """Check the signature of one entry.

    Args:
        entry: An entry of one of the signed kinds.
        content: The content of its subject before this entry.
        certificates: Certificates admitted up to and with this entry.
        root: Root hash of the log at a size, ``None`` where it cannot be known here.

    Returns:
        The statement that was signed.

    Raises:
        IntegrityError: The signature does not hold, or there is none.
    """
    signature = signature_of(entry)
    if signature is None or entry.kind not in SIGNED_KINDS:
        raise IntegrityError("the record has to be signed and is not")
    statement = Statement.parse(signature.statement)
    pem = certificates.in_force(statement.person, signature.certificate_sha256)
    try:
        raw = base64.b64decode(signature.signature, validate=True)
    except (binascii.Error, ValueError):
        raise IntegrityError("the signature is not base64") from None
    verify_statement(pem, signature.statement.encode(), raw)
    _check_meaning(entry, statement)
    _check_binding(entry, statement, content)
    _check_moment(entry, statement, pem)
    known = root(statement.previous_size)
    if known is not None and base64.b64encode(known).decode("ascii") != statement.previous_root:
        raise IntegrityError("the signature names a checkpoint that is not of this log")
    return statement


def _check_meaning(entry: Entry, statement: Statement) -> None:
    allowed = _MEANINGS.get(entry.kind, frozenset())
    if isinstance(entry.record, BatchDisposed):
        allowed = frozenset({entry.record.decision})
    if statement.meaning not in allowed:
        raise IntegrityError(f"a signature that means {statement.meaning!r} does not fit this record")


def _check_binding(entry: Entry, statement: Statement, content: Content) -> None:
    actor, subject = entry.actor, entry.subject
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


def _check_moment(entry: Entry, statement: Statement, certificate: bytes) -> None:
    if statement.previous_size > entry.index:
        raise IntegrityError("the signature names a checkpoint later than itself")
    if statement.time.utc > entry.time.utc:
        raise IntegrityError("the statement was signed later than it was entered")
    signer, when = load_certificate(certificate), datetime.fromisoformat(statement.time.utc)
    if not signer.not_valid_before_utc <= when <= signer.not_valid_after_utc:
        raise IntegrityError("the signer's certificate was not valid at that time")
