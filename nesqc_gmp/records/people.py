"""Records about people: enrolment, rights, credentials, sessions."""

from __future__ import annotations

from typing import Final, Literal

from nesqc_gmp.records.base import DateText, Frozen, Identifier, PrintedName, Sha256, Text
from nesqc_gmp.records.signatures import ElectronicSignature

Role = Literal[
    "administrator",
    "operator",
    "reviewer",
    "qa",
    "data scientist",
    "test data custodian",
    "subject matter expert",
    "validation engineer",
    "auditor",
]

FOUNDING: Final = "founding of the site"
"""What stands in place of a training record where a founder received their first role."""


class PersonEnrolled(Frozen):
    """An account was made; it cannot do anything until rights are granted and its owner has set a passphrase.

    Attributes:
        person: Permanent id, never used again (21 CFR 11.100(a)).
        name: Printed name.
        identity_reference: Who checked which document (21 CFR 11.100(b)); no personal number.
        code_sha256: Digest of the first half of the enrolment code, which the administrator hands over.
    """

    kind: Literal["person_enrolled"] = "person_enrolled"
    person: Identifier
    name: PrintedName
    identity_reference: Text
    code_sha256: Sha256 | None


class RoleGranted(Frozen):
    """A right was granted; the first grant also carries the second half of the enrolment code.

    Attributes:
        person: Who receives the role.
        role: The role.
        training_reference: The training record that allows it (21 CFR 11.10(i)).
        expires_on: Last day on which the role may be used.
        code_sha256: Digest of the second half of the enrolment code, where one is waiting.
        signature: Signature of the granting person.
    """

    kind: Literal["role_granted"] = "role_granted"
    person: Identifier
    role: Role
    training_reference: Text
    expires_on: DateText | None
    code_sha256: Sha256 | None
    signature: ElectronicSignature


class RoleRevoked(Frozen):
    """A right was taken away."""

    kind: Literal["role_revoked"] = "role_revoked"
    person: Identifier
    role: Role


class PersonDisabled(Frozen):
    """An account was closed; it is never deleted and its id never used again."""

    kind: Literal["person_disabled"] = "person_disabled"
    person: Identifier


class CredentialSet(Frozen):
    """The owner chose a passphrase; a new signing key and certificate were made.

    Attributes:
        person: The owner.
        certificate: The person's X.509 certificate, PEM.
        certificate_sha256: Digest of the certificate (DER).
        envelope_sha256: Digest of the sealed private key file.
        acknowledgement: The owner's signed acknowledgement that the signature is binding (21 CFR 11.100(c)).
    """

    kind: Literal["credential_set"] = "credential_set"
    person: Identifier
    certificate: str
    certificate_sha256: Sha256
    envelope_sha256: Sha256
    acknowledgement: ElectronicSignature


class ResetRequested(Frozen):
    """The first of two people asked for a new passphrase; the old one stops working now."""

    kind: Literal["reset_requested"] = "reset_requested"
    person: Identifier
    code_sha256: Sha256


class ResetApproved(Frozen):
    """The second of two people agreed; the owner can set a passphrase with both halves of the code."""

    kind: Literal["reset_approved"] = "reset_approved"
    person: Identifier
    code_sha256: Sha256


class SessionOpened(Frozen):
    """A person logged in.

    Attributes:
        session: Digest of the session's secret.
    """

    kind: Literal["session_opened"] = "session_opened"
    person: Identifier
    session: Sha256


class SessionClosed(Frozen):
    """A person logged out."""

    kind: Literal["session_closed"] = "session_closed"
    person: Identifier
    session: Sha256


class AuthenticationFailed(Frozen):
    """Id or passphrase was wrong.

    Attributes:
        person: The id that was tried, where it exists; the text typed is not recorded otherwise.
        purpose: What it was tried for.
        locked: Whether this failure locked the account.
    """

    kind: Literal["authentication_failed"] = "authentication_failed"
    person: Identifier
    purpose: Text
    locked: bool
