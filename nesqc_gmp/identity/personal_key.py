"""A person's signing key: made, used on the exact bytes of a statement, and checked against its certificate.

ECDSA on P-256 with SHA-256 (FIPS 186-5); signatures are DER as in RFC 3279 section 2.2.3. The private key leaves this
module only as PKCS#8 bytes, to be sealed in an envelope at once.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nesqc_gmp.errors import IntegrityError, InvalidInputError


class PersonKey(NamedTuple):
    """A fresh key pair.

    Attributes:
        private_pkcs8: Private key, PKCS#8 DER, not encrypted: seal it at once.
        public_key: Public key, SubjectPublicKeyInfo DER.
    """

    private_pkcs8: bytes
    public_key: bytes


def new_person_key() -> PersonKey:
    """A fresh P-256 key pair."""
    return key_pair_bytes(ec.generate_private_key(ec.SECP256R1()))


def key_pair_bytes(key: ec.EllipticCurvePrivateKey) -> PersonKey:
    """Both halves of a key as DER."""
    return PersonKey(
        key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def load_private_key(private_pkcs8: bytes) -> ec.EllipticCurvePrivateKey:
    """Read a PKCS#8 elliptic-curve key.

    Raises:
        InvalidInputError: The bytes are not one.
    """
    try:
        key = serialization.load_der_private_key(private_pkcs8, password=None)
    except (ValueError, TypeError) as error:
        raise InvalidInputError("Not a private key in PKCS#8 form.", where="private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidInputError("Not an elliptic-curve key.", where="private key")
    return key


def load_public_key(public_key: bytes) -> ec.EllipticCurvePublicKey:
    """Read a SubjectPublicKeyInfo elliptic-curve key.

    Raises:
        InvalidInputError: The bytes are not one.
    """
    try:
        key = serialization.load_der_public_key(public_key)
    except (ValueError, TypeError) as error:
        raise InvalidInputError("Not a public key in SubjectPublicKeyInfo form.", where="public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidInputError("Not an elliptic-curve key.", where="public key")
    return key


def load_certificate(certificate_pem: bytes) -> x509.Certificate:
    """Read one X.509 certificate.

    Raises:
        IntegrityError: The bytes are not one PEM certificate.
    """
    try:
        return x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise IntegrityError("Not an X.509 certificate in PEM form.", where="certificate") from error


def sign_statement(private_pkcs8: bytes, statement: bytes) -> bytes:
    """Sign the exact bytes of a statement; DER ECDSA-SHA256.

    Raises:
        InvalidInputError: The key is not an elliptic-curve key.
    """
    return load_private_key(private_pkcs8).sign(statement, ec.ECDSA(hashes.SHA256()))


def verify_statement(certificate_pem: bytes, statement: bytes, signature: bytes) -> None:
    """Check a signature over a statement with the key of a certificate; who issued that is ``check_issued_by``.

    Raises:
        IntegrityError: The certificate cannot be read, or the signature is not of these bytes by this key.
    """
    key = load_certificate(certificate_pem).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise IntegrityError("The certificate holds no elliptic-curve key.", where="certificate")
    try:
        key.verify(signature, statement, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise IntegrityError(
            "The signature does not belong to this statement and this person's key.", where="statement"
        ) from error
