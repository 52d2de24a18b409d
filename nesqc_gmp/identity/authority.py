"""The site's certificate authority: one root that vouches for persons and for the site's clock (RFC 5280).

Life spans follow the thirty years for which records of an advanced therapy must stay readable (Regulation (EC)
1394/2007 Art. 15): the root lives 41 years, the certificate of the time-stamp authority and the revocation list 40,
a person's certificate 3. Nothing names a place on a network: the site is isolated, and a certificate has to verify
from its own bytes. No certificate outlives the root.

A person's printed name may have 200 characters, the common name 64 bytes of UTF-8 (RFC 5280 ub-common-name): a
longer one is cut and ends in an ellipsis there. The whole name always stands in the attribute ``name`` (2.5.4.41).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import Field

from nesqc_gmp.errors import IntegrityError, InvalidInputError
from nesqc_gmp.identity.personal_key import key_pair_bytes, load_certificate, load_private_key, load_public_key
from nesqc_gmp.records.base import Frozen

ROOT_YEARS: Final = 41
TIMESTAMP_YEARS: Final = 40
CRL_YEARS: Final = 40
PERSON_YEARS: Final = 3
COMMON_NAME_MAX: Final = 64
NAME_MAX: Final = 200
FULL_NAME: Final = x509.ObjectIdentifier("2.5.4.41")
PERSON_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Authority(Frozen):
    """The site's certificate authority.

    Attributes:
        certificate_pem: Self-signed root certificate, PEM.
        private_pkcs8: Its private key, PKCS#8 DER, not encrypted: at rest only inside an envelope.
    """

    certificate_pem: bytes
    private_pkcs8: bytes = Field(repr=False)


class Revocation(NamedTuple):
    """One certificate that is no longer valid: its serial number and since when."""

    serial: int
    revoked_at: datetime


def create_authority(site_name: str, now: datetime) -> Authority:
    """Make the root of a new site: P-384, valid for 41 years.

    Args:
        site_name: Printed name of the site, at most 200 characters.
        now: Time with offset; the start of validity.

    Raises:
        InvalidInputError: The name cannot stand in a certificate, or the time has no offset.
    """
    key = ec.generate_private_key(ec.SECP384R1())
    name = _subject(f"{_checked_name(site_name, 'site name')} certificate authority", None)
    builder = (
        _builder(name, name, key.public_key(), x509.random_serial_number(), now, _years_later(now, ROOT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA384())
    return Authority(certificate_pem=_pem(certificate), private_pkcs8=key_pair_bytes(key).private_pkcs8)


def issue_person_certificate(
    authority: Authority, public_key: bytes, person_id: str, printed_name: str, now: datetime, serial: int
) -> bytes:
    """Certify that a key is a person's, for signing records and documents; valid for 3 years.

    Args:
        authority: The site's authority.
        public_key: SubjectPublicKeyInfo DER of the person's P-256 key.
        person_id: Unique id (it becomes the attribute ``uid``, RFC 4519 section 2.39).
        printed_name: The name as printed beside a signature (21 CFR 11.50(a)(1)), at most 200 characters.
        now: Time with offset; the start of validity.
        serial: Serial number of the certificate, positive, never used before at this site.

    Returns:
        The certificate, PEM.

    Raises:
        InvalidInputError: A name, the id, the key, the serial number or the time is not acceptable.
    """
    if not PERSON_ID.fullmatch(person_id):
        raise InvalidInputError(
            "Not acceptable in a certificate.", where="person id", remedy="Use 1 to 64 letters, digits, '.', '_', '-'."
        )
    subject = _subject(_checked_name(printed_name, "printed name"), person_id)
    builder = _issued(authority, subject, public_key, serial, now, PERSON_YEARS).add_extension(
        _key_usage(content_commitment=True), critical=True
    )
    return _signed(builder, authority)


def issue_timestamp_certificate(
    authority: Authority, public_key: bytes, site_name: str, now: datetime, serial: int
) -> bytes:
    """Certify the key of the site's time-stamp authority (RFC 3161 section 2.3); valid for 40 years. PEM.

    Raises:
        InvalidInputError: The name, the key, the serial number or the time is not acceptable.
    """
    subject = _subject(f"{_checked_name(site_name, 'site name')} time-stamp authority", None)
    builder = (
        _issued(authority, subject, public_key, serial, now, TIMESTAMP_YEARS)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    )
    return _signed(builder, authority)


def issue_crl(authority: Authority, revoked: Sequence[Revocation], now: datetime, number: int) -> bytes:
    """The list of certificates that are no longer valid (RFC 5280 section 5); PEM, next one in 40 years.

    Args:
        authority: The site's authority.
        revoked: Every certificate revoked so far.
        now: Time with offset.
        number: Number of the list, greater than that of the list before.

    Raises:
        InvalidInputError: A serial number, the list's number or a time is not acceptable.
    """
    root = load_certificate(authority.certificate_pem)
    next_update = min(_years_later(now, CRL_YEARS), root.not_valid_after_utc)
    builder = x509.CertificateRevocationListBuilder(root.subject, _second(now), next_update)
    for entry in sorted(revoked):
        _check_serial(entry.serial)
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder(entry.serial, _second(entry.revoked_at)).build()
        )
    builder = builder.add_extension(_authority_key(root), critical=False)
    builder = builder.add_extension(x509.CRLNumber(_check_serial(number)), critical=False)
    crl = builder.sign(load_private_key(authority.private_pkcs8), hashes.SHA384())
    return crl.public_bytes(serialization.Encoding.PEM)


def check_issued_by(certificate_pem: bytes, authority_pem: bytes) -> None:
    """Check that the site's root signed a certificate; its dates and revocation are checked where it was used.

    Raises:
        IntegrityError: A certificate cannot be read, or was not issued by this root.
    """
    certificate, root = load_certificate(certificate_pem), load_certificate(authority_pem)
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise IntegrityError("Not issued by the certificate authority of this site.", where="certificate") from error


def certified_person_id(certificate_pem: bytes) -> str:
    """The person id a certificate vouches for.

    Raises:
        IntegrityError: The bytes are not a certificate, or it is not a person's.
    """
    attributes = load_certificate(certificate_pem).subject.get_attributes_for_oid(NameOID.USER_ID)
    if len(attributes) != 1:
        raise IntegrityError("Not the certificate of a person.", where="certificate")
    return str(attributes[0].value)


def serialise(authority: Authority) -> bytes:
    """The authority as one secret, to be sealed: PEM of the certificate, then of the private key."""
    key = load_private_key(authority.private_pkcs8).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return authority.certificate_pem + key


def load(secret: bytes) -> Authority:
    """Read what ``serialise`` wrote.

    Raises:
        IntegrityError: Certificate and key cannot be read or do not belong together.
    """
    certificate = load_certificate(secret)
    try:
        key = serialization.load_pem_private_key(secret, password=None)
    except (ValueError, TypeError) as error:
        raise IntegrityError("No private key beside the certificate.", where="authority") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise IntegrityError("Certificate and private key do not belong together.", where="authority")
    return Authority(certificate_pem=_pem(certificate), private_pkcs8=key_pair_bytes(key).private_pkcs8)


def _issued(
    authority: Authority, subject: x509.Name, public_key: bytes, serial: int, now: datetime, years: int
) -> x509.CertificateBuilder:
    root = load_certificate(authority.certificate_pem)
    until = min(_years_later(now, years), root.not_valid_after_utc)
    return (
        _builder(subject, root.subject, load_public_key(public_key), _check_serial(serial), now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_authority_key(root), critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, serial: int, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(issuer, subject, key, serial, _second(now), until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )  # fmt: skip


def _signed(builder: x509.CertificateBuilder, authority: Authority) -> bytes:
    return _pem(builder.sign(load_private_key(authority.private_pkcs8), hashes.SHA384()))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _subject(printed_name: str, person_id: str | None) -> x509.Name:
    encoded, ellipsis = printed_name.encode("utf-8"), "…"
    common = printed_name
    if len(encoded) > COMMON_NAME_MAX:
        common = encoded[: COMMON_NAME_MAX - len(ellipsis.encode("utf-8"))].decode("utf-8", "ignore") + ellipsis
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(FULL_NAME, printed_name)]
    if person_id is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.USER_ID, person_id))
    return x509.Name(attributes)


def _checked_name(name: str, where: str) -> str:
    """NFC form of a name without invisible characters: what is certified is what is seen."""
    normal = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(normal) <= NAME_MAX:
        raise InvalidInputError(f"Has {len(normal)} characters; 1 to {NAME_MAX} are allowed.", where=where)
    for character in normal:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            raise InvalidInputError(f"Holds the invisible character U+{ord(character):04X}.", where=where)
    return normal


def _check_serial(serial: int) -> int:
    if not 0 < serial < 1 << 159:
        raise InvalidInputError("A serial number is positive and has at most 20 octets.", where="serial number")
    return serial


def _authority_key(root: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(*, certificates: bool = False, content_commitment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _second(moment: datetime) -> datetime:
    """Whole seconds, as certificates count; never later than the moment itself."""
    if moment.utcoffset() is None:
        raise InvalidInputError("The time has no offset from UTC.", where="time")
    return moment.replace(microsecond=0)


def _years_later(moment: datetime, years: int) -> datetime:
    start = _second(moment)
    try:
        return start.replace(year=start.year + years)
    except ValueError:  # 29 February in a year that has none
        return start.replace(year=start.year + years, day=28)
