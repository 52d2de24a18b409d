"""The site's own time-stamp authority: RFC 3161 tokens that bind a digest to the site's clock.

A token proves that a digest existed when the site's clock showed a time; it is worth as much as that clock. Serial
numbers and the time come from outside: the caller keeps the counter and reads the clock.

The attribute ``signingCertificateV2`` (RFC 5816) leaves the hash algorithm at its default, SHA-256, out of the bytes,
as DER asks; writing it made a common parser encode certificates again without end.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.identity.personal_key import load_certificate, load_private_key, sign_statement

POLICY: Final = "2.25.104262234149477820703942813163461895238"
"""Object identifier of the policy "digest stamped by the site's clock", from a UUID as ITU-T X.667 allows."""

ACCURACY_SECONDS: Final = 1


def issue_timestamp(
    message_sha256: bytes,
    *,
    certificate_pem: bytes,
    private_pkcs8: bytes,
    chain_pem: tuple[bytes, ...],
    serial: int,
    when: datetime,
) -> bytes:
    """A time-stamp token over a digest.

    Args:
        message_sha256: SHA-256 of the data, 32 bytes.
        certificate_pem: Certificate of the time-stamp authority.
        private_pkcs8: Its P-256 key.
        chain_pem: Further certificates to carry, e.g. the site's root.
        serial: Number of the token, positive, never used before by this authority.
        when: Time with offset.

    Returns:
        The token: a CMS ``ContentInfo``, DER.

    Raises:
        InvalidInputError: Digest, serial number or time is not acceptable, or the key is not the certificate's.
    """
    _check(message_sha256, serial, when)
    certificate = load_certificate(certificate_pem)
    if load_private_key(private_pkcs8).public_key() != certificate.public_key():
        raise InvalidInputError("The key is not the one of the time-stamp certificate.", where="private key")
    signer = asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
    others = [_asn1_certificate(pem) for pem in chain_pem]
    content = _time_stamp_info(message_sha256, serial, when).dump()
    attributes = _signed_attributes(content, signer)
    return _token(content, signer, others, attributes, sign_statement(private_pkcs8, attributes.dump()))


def _check(message_sha256: bytes, serial: int, when: datetime) -> None:
    if len(message_sha256) != 32:
        raise InvalidInputError(f"A SHA-256 has 32 bytes, this has {len(message_sha256)}.", where="digest")
    if not 0 < serial < 1 << 159:
        raise InvalidInputError("A serial number is positive and has at most 20 octets.", where="serial number")
    if when.utcoffset() is None:
        raise InvalidInputError("The time has no offset from UTC.", where="time")


def _asn1_certificate(pem: bytes) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(load_certificate(pem).public_bytes(serialization.Encoding.DER))


def _time_stamp_info(message_sha256: bytes, serial: int, when: datetime) -> tsp.TSTInfo:
    return tsp.TSTInfo(
        {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": tsp.MessageImprint(
                {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": message_sha256}
            ),
            "serial_number": serial,
            "gen_time": when.astimezone(UTC).replace(microsecond=0),
            "accuracy": tsp.Accuracy({"seconds": ACCURACY_SECONDS}),
        }
    )


def _signed_attributes(content: bytes, signer: asn1_x509.Certificate) -> cms.CMSAttributes:
    identity = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(signer.dump()).digest()})
    values = {
        "content_type": "tst_info",
        "message_digest": hashlib.sha256(content).digest(),
        "signing_certificate_v2": tsp.SigningCertificateV2({"certs": [identity]}),
    }
    return cms.CMSAttributes([cms.CMSAttribute({"type": name, "values": (value,)}) for name, value in values.items()])


def _token(
    content: bytes,
    signer: asn1_x509.Certificate,
    others: list[asn1_x509.Certificate],
    attributes: cms.CMSAttributes,
    signature: bytes,
) -> bytes:
    sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
    info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {"issuer_and_serial_number": {"issuer": signer.issuer, "serial_number": signer.serial_number}}
            ),
            "digest_algorithm": sha256,
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": signature,
        }
    )
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [sha256],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
            "certificates": [signer, *others],
            "signer_infos": [info],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())
