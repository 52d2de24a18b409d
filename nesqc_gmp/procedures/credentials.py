"""Making a person's signing key and certificate, sealing it, and entering it with the owner's acknowledgement."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.esign import sign_text
from nesqc_gmp.identity.authority import issue_person_certificate, load
from nesqc_gmp.identity.envelope import seal
from nesqc_gmp.identity.personal_key import load_certificate, new_person_key
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.signing import Signer, statement_for
from nesqc_gmp.records.entry import Actor, Subject
from nesqc_gmp.records.people import CredentialSet
from nesqc_gmp.records.signatures import ElectronicSignature, Statement
from nesqc_gmp.state.people import Credential


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh key with its certificate, not yet entered.

    Attributes:
        person: Owner.
        name: Printed name.
        private: PKCS#8 DER.
        certificate: PEM.
    """

    person: str
    name: str
    private: bytes = field(repr=False)
    certificate: str

    @property
    def certificate_sha256(self) -> str:
        """Digest of the certificate (DER)."""
        return load_certificate(self.certificate.encode()).fingerprint(hashes.SHA256()).hex()

    def sign(self, statement: Statement) -> ElectronicSignature:
        """A signature with this key."""
        credential = Credential(0, "", self.certificate, self.certificate_sha256, "")
        return sign_text(statement.format(), self.private, credential)


def new_key(site: Site, person: str, name: str) -> NewKey:
    """A fresh key, certified by the site's authority."""
    authority = load(site.paths.authority.read_bytes())
    key = new_person_key()
    certificate = issue_person_certificate(
        authority, key.public_key, person, name, site.moment(), x509.random_serial_number()
    )
    return NewKey(person, name, key.private_pkcs8, certificate.decode())


def enter(site: Site, key: NewKey, passphrase: str, require: Callable[[Reader], None] = lambda reader: None) -> None:
    """Seal a key under its owner's passphrase and enter it, acknowledged by its first signature.

    The sealed file is laid down before the entry: a crash in between leaves a file that no entry names, and the owner
    gets a new key by a reset.

    Args:
        site: The open site.
        key: The key.
        passphrase: Its owner's.
        require: Checks within the transaction that the owner may still set it; raises where not.
    """
    envelope = seal(key.private, passphrase, owner=key.person, purpose="signing-key")
    subject = Subject(type="person", id=key.person)

    def make(signature: ElectronicSignature) -> CredentialSet:
        return CredentialSet(
            person=key.person,
            certificate=key.certificate,
            certificate_sha256=key.certificate_sha256,
            envelope_sha256=sha256_hex(envelope),
            acknowledgement=signature,
        )

    shown = Signer("acknowledged", (f"Signing key of {key.name} ({key.person}).",))
    with site.ledger.writing() as transaction:
        require(transaction)
        signer = (key.person, key.name, "owner")
        statement = statement_for(site, transaction, subject, signer, make, shown, None)
        actor = Actor(person=key.person, name=key.name, role="owner", authentication="passphrase", session=None)
        site.append(transaction, actor, subject, make(key.sign(statement)))
        _lay_down(site.paths.envelope(key.person), envelope)


def _lay_down(path: Path, envelope: bytes) -> None:
    """Put a sealed key in its place, whole or not at all, readable by the owner of the site alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(envelope)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
