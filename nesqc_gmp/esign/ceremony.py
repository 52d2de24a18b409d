"""Signing: what is shown, who signs, and the signature over the shown bytes."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Protocol

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import AuthenticationError, IntegrityError
from nesqc_gmp.identity.envelope import open_envelope, read_header
from nesqc_gmp.identity.personal_key import sign_statement, verify_statement
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.people import Credential


@dataclass(frozen=True, slots=True)
class Credentials:
    """Both components of a signature, as typed for this one signature."""

    person: str
    passphrase: str = field(repr=False)


class Ceremony(Protocol):
    """How a person is shown a statement and asked for id and passphrase."""

    def __call__(self, statement: str) -> Credentials:
        """Show the statement, then ask."""


def open_key(envelope: bytes, credential: Credential, credentials: Credentials) -> bytes:
    """The person's private key, opened with the passphrase and checked against the certificate in the log.

    Returns:
        PKCS#8 DER.

    Raises:
        AuthenticationError: Wrong passphrase.
        IntegrityError: The envelope is not the one the log records, or holds another key.
    """
    where = f"key of {credentials.person}"
    if sha256_hex(envelope) != credential.envelope_sha256 or read_header(envelope).owner != credentials.person:
        raise IntegrityError(
            "the sealed key is not the one its owner set", where=where, remedy="Tell QA; a reset makes a new one."
        )
    private = open_envelope(envelope, credentials.passphrase)
    probe = b"nesqc key probe"
    verify_statement(credential.certificate.encode(), probe, sign_statement(private, probe))
    return private


def sign_text(statement: str, private: bytes, credential: Credential) -> ElectronicSignature:
    """The signature over exactly these bytes."""
    signature = sign_statement(private, statement.encode())
    return ElectronicSignature(
        statement=statement,
        signature=base64.b64encode(signature).decode("ascii"),
        certificate_sha256=credential.certificate_sha256,
    )


def require_same_person(expected: str, credentials: Credentials) -> None:
    """The person who signs is the person who is logged in.

    Raises:
        AuthenticationError: It is somebody else.
    """
    if credentials.person != expected:
        raise AuthenticationError(
            "the id is not that of the person who is logged in",
            where="signature",
            remedy="Log in as yourself, then sign.",
        )
