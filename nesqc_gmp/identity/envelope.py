"""Secrets at rest: one secret in one file that only its owner's passphrase opens.

The file is JSON: a readable header and a ciphertext. The key is derived by Argon2id (RFC 9106) from the passphrase,
the secret is sealed by AES-256-GCM (NIST SP 800-38D), and the header is authenticated with it as additional data, so
neither the owner's name nor the cost of guessing can be changed unnoticed. No second key opens an envelope: a lost
passphrase means a new secret.
"""

from __future__ import annotations

import base64
import binascii
import os
import unicodedata
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import Field, StringConstraints, ValidationError

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import AuthenticationError, IntegrityError, InvalidInputError
from nesqc_gmp.records.base import Frozen, Identifier

MEMORY_KIB: Final = 65536
ITERATIONS: Final = 3
LANES: Final = 4
MAX_ENVELOPE_BYTES: Final = 65536
PASSPHRASE_MIN: Final = 12
PASSPHRASE_MAX: Final = 1024
DISTINCT_MIN: Final = 5
COMMON_PASSPHRASES: Final = frozenset(
    {
        "password1234", "passwordpassword", "passphrase12", "passphrase1234", "123456789012", "1234567890123",
        "qwertyuiop12", "qwertyuiopas", "qwertzuiop12", "administrator", "letmeinletmein", "changemechangeme",
        "changeme1234", "correct horse battery staple", "correcthorsebatterystaple", "welcome12345",
        "iloveyou1234", "abcdefghijkl", "laboratory12", "qualitycontrol",
    }
)  # fmt: skip

Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex12 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]


class DerivationCost(Frozen):
    """Cost of Argon2id; the lower bounds are a floor that no envelope may go below, the upper ones spare the machine.

    Attributes:
        algorithm: Always ``argon2id``.
        memory_kib: Memory, in KiB.
        iterations: Passes over the memory.
        lanes: Degree of parallelism.
    """

    algorithm: Literal["argon2id"] = "argon2id"
    memory_kib: Annotated[int, Field(ge=MEMORY_KIB, le=1048576)] = MEMORY_KIB
    iterations: Annotated[int, Field(ge=ITERATIONS, le=16)] = ITERATIONS
    lanes: Annotated[int, Field(ge=1, le=16)] = LANES


class EnvelopeHeader(Frozen):
    """What is readable without the passphrase, and authenticated with it.

    Attributes:
        version: Version of this format.
        owner: Person id, or the name of the authority the secret belongs to.
        purpose: What the secret is for, e.g. ``signing`` or the SHA-256 of its certificate.
        derivation: How the key is derived.
        salt: Salt of the derivation, 16 bytes in hexadecimal.
        nonce: Nonce of AES-256-GCM, 12 bytes in hexadecimal.
    """

    version: Literal[1]
    owner: Identifier
    purpose: Identifier
    derivation: DerivationCost
    salt: Hex16
    nonce: Hex12


class Envelope(Frozen):
    """Header, and ciphertext with its 16-byte tag in Base64."""

    header: EnvelopeHeader
    ciphertext: str


def check_passphrase(passphrase: str, person_id: str) -> None:
    """Refuse a passphrase that is easy to guess (21 CFR 11.300; NIST SP 800-63B section 5.1.1.2).

    Raises:
        InvalidInputError: Shorter than 12 characters, longer than 1024, holding the person's id, of fewer than five
            different characters, or on the list of common ones.
    """
    folded = _normalised(passphrase).casefold()
    reason = None
    if len(folded) < PASSPHRASE_MIN:
        reason = f"The passphrase has {len(folded)} characters; at least {PASSPHRASE_MIN} are needed."
    elif len(folded) > PASSPHRASE_MAX:
        reason = f"The passphrase is longer than {PASSPHRASE_MAX} characters."
    elif person_id and _normalised(person_id).casefold() in folded:
        reason = "The passphrase contains the person's id."
    elif len(set(folded)) < DISTINCT_MIN:
        reason = f"The passphrase has fewer than {DISTINCT_MIN} different characters."
    elif folded in COMMON_PASSPHRASES:
        reason = "The passphrase is on the list of commonly used ones."
    if reason:
        raise InvalidInputError(reason, where="passphrase", remedy="Choose several unrelated words.")


def seal(
    secret: bytes, passphrase: str, *, owner: str, purpose: str, salt: bytes | None = None, nonce: bytes | None = None
) -> bytes:
    """Seal a secret under a passphrase.

    Args:
        secret: The secret; at most 32 KiB.
        passphrase: Any text; normalised to NFKC. The policy is ``check_passphrase``, which the caller applies.
        owner: Person id or authority name.
        purpose: What the secret is for.
        salt: 16 bytes; fresh random bytes where not given. Never give the same salt and nonce twice.
        nonce: 12 bytes; fresh random bytes where not given.

    Returns:
        The envelope: canonical JSON, ASCII.

    Raises:
        InvalidInputError: A field is outside its limits.
    """
    if len(secret) > MAX_ENVELOPE_BYTES // 2:
        raise InvalidInputError(f"The secret has {len(secret)} bytes; an envelope holds at most 32768.", where="secret")
    try:
        header = EnvelopeHeader(
            version=1,
            owner=owner,
            purpose=purpose,
            derivation=DerivationCost(),
            salt=(os.urandom(16) if salt is None else salt).hex(),
            nonce=(os.urandom(12) if nonce is None else nonce).hex(),
        )
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidInputError("Not acceptable in the header of an envelope.", where=where) from error
    sealed = AESGCM(_key(passphrase, header)).encrypt(bytes.fromhex(header.nonce), secret, _authenticated(header))
    envelope = Envelope(header=header, ciphertext=base64.b64encode(sealed).decode("ascii"))
    return canonical_json(envelope.model_dump())


def read_header(data: bytes) -> EnvelopeHeader:
    """The header of an envelope, not yet authenticated.

    Raises:
        IntegrityError: The bytes are not an envelope of this format, or its derivation is below the floor.
    """
    return _parse(data).header


def open_envelope(data: bytes, passphrase: str) -> bytes:
    """Open an envelope.

    Raises:
        AuthenticationError: The passphrase is wrong, or header or ciphertext were altered; nobody can tell which.
        IntegrityError: The bytes are not an envelope of this format, or its derivation is below the floor.
        InvalidInputError: The passphrase holds characters that are not text.
    """
    envelope = _parse(data)
    header = envelope.header
    try:
        sealed = base64.b64decode(envelope.ciphertext, validate=True)
    except (binascii.Error, ValueError) as error:
        raise IntegrityError("The ciphertext is not Base64.", where="envelope") from error
    try:
        return AESGCM(_key(passphrase, header)).decrypt(bytes.fromhex(header.nonce), sealed, _authenticated(header))
    except InvalidTag as error:
        raise AuthenticationError(
            "The passphrase is wrong, or the envelope was altered.",
            where=header.owner,
            remedy="Type it again; an altered envelope is restored from a backup.",
        ) from error


def _parse(data: bytes) -> Envelope:
    if len(data) > MAX_ENVELOPE_BYTES:
        raise IntegrityError(f"An envelope has at most {MAX_ENVELOPE_BYTES} bytes, this has {len(data)}.")
    try:
        return Envelope.model_validate_json(data)
    except ValidationError as error:
        where = "envelope." + ".".join(str(part) for part in error.errors()[0]["loc"])
        raise IntegrityError(
            "Not an envelope of this format, or its key derivation is below the floor.",
            where=where,
            remedy="Restore the file from a backup.",
        ) from error


def _normalised(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text)
    try:
        normal.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError("Holds characters that are not text.", where="passphrase") from error
    return normal


def _key(passphrase: str, header: EnvelopeHeader) -> bytes:
    cost = header.derivation
    derivation = Argon2id(
        salt=bytes.fromhex(header.salt),
        length=32,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    return derivation.derive(_normalised(passphrase).encode("utf-8"))


def _authenticated(header: EnvelopeHeader) -> bytes:
    return canonical_json(header.model_dump())
