"""The signature of the file: PAdES baseline B-LTA (ETSI EN 319 142-1) by the deciding person, without a network.

The signature certifies the document (DocMDP, ISO 32000-1 section 12.8.2.2): afterwards only the revocation list and a
document time stamp are added, and anything else breaks it. All three, with every certificate of the chain, are in the
file, so that it can be checked for as long as the certificates of the site's root and clock live.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from nesqc_gmp.certificate.names import SIGNATURE_FIELD, TIMESTAMP_FIELD
from nesqc_gmp.certificate.stamp import stamp
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError

if TYPE_CHECKING:
    from asn1crypto import cms, x509

Timestamper = Callable[[bytes], bytes]
"""From a SHA-256 (32 bytes) to a time-stamp token (RFC 3161), a CMS ``ContentInfo`` as DER."""


def sign(
    pdf: bytes,
    *,
    private_key: bytes,
    certificate: bytes,
    authority: bytes,
    crl: bytes,
    timestamper: Timestamper,
    when: datetime,
    name: str,
    reason: str,
) -> bytes:
    """Sign a rendered certificate.

    Args:
        pdf: What ``render`` returned; it stays the beginning of the signed file, byte for byte.
        private_key: P-256 key of the signer, PKCS#8 DER.
        certificate: Certificate of the signer, PEM.
        authority: Root certificate of the site, PEM.
        crl: Revocation list of the site, PEM.
        timestamper: Asked three times: for an estimate of the size, for the signature, for the whole file.
        when: Time of signing, with offset.
        name: Printed name.
        reason: Meaning of the signature.

    Returns:
        The signed file. Its metadata also carry the machine's time of writing, which proves nothing.

    Raises:
        InvalidInputError: The file, the key or a certificate is not usable, or the certificate is not valid now.
    """
    from asn1crypto import pem
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.general import SigningError
    from pyhanko_certvalidator.errors import PathError, ValidationError

    for library in ("pyhanko", "pyhanko_certvalidator"):  # what they have to say comes as an error or not at all
        logging.getLogger(library).addHandler(logging.NullHandler())
    if when.utcoffset() is None:
        raise InvalidInputError("The time has no offset from UTC.", where="time")
    try:
        certificates = [pem.unarmor(data)[2] for data in (certificate, authority, crl)]
        signer = _signer(private_key, certificates[0], certificates[1])
        session = _pdf_signer(signer, certificates[1], certificates[2], timestamper, when, name, reason)
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        signed: BytesIO = session.sign_pdf(writer, existing_fields_only=True)
    except (PdfError, SigningError, ValidationError, PathError, ValueError, TypeError) as error:
        raise InvalidInputError(f"The certificate cannot be signed: {error}", where=name) from error
    return signed.getvalue()


def _signer(private_key: bytes, certificate: bytes, authority: bytes) -> Any:
    from asn1crypto import keys, x509
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    own = x509.Certificate.load(certificate)
    _check_belongs(private_key, own)
    registry = SimpleCertificateStore.from_certs([x509.Certificate.load(authority)])  # type: ignore[no-untyped-call]
    return SimpleSigner(signing_cert=own, signing_key=keys.PrivateKeyInfo.load(private_key), cert_registry=registry)


def _check_belongs(private_key: bytes, certificate: x509.Certificate) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

    public = load_der_private_key(private_key, None).public_key()
    if public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != certificate.public_key.dump():
        raise ValueError("the private key is not the one of the certificate")


def _pdf_signer(
    signer: Any, authority: bytes, crl: bytes, timestamper: Timestamper, when: datetime, name: str, reason: str
) -> Any:
    from asn1crypto import x509
    from pyhanko.pdf_utils.layout import AxisAlignment, SimpleBoxLayoutRule
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
    from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
    from pyhanko.sign.signers.pdf_signer import DSSContentSettings, TimestampDSSContentSettings
    from pyhanko.stamp import StaticStampStyle
    from pyhanko_certvalidator import ValidationContext

    class _SignerAtTime(PdfSigner):
        """Takes the time that was handed in, not the clock of the machine, and stays at PDF 1.7 as PDF/A-3 asks."""

        def register_extensions(self, pdf_out: Any, *, md_algorithm: str) -> None:
            pdf_out.register_extension(ESIC_EXTENSION_1)

        def init_signing_session(self, *arguments: Any, **options: Any) -> Any:
            session = super().init_signing_session(*arguments, **options)
            session.system_time = when
            return session

    metadata = PdfSignatureMetadata(
        field_name=SIGNATURE_FIELD,
        md_algorithm="sha256",
        reason=reason,
        name=name,
        certify=True,
        docmdp_permissions=MDPPerm.FILL_FORMS,
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=True,
        use_pades_lta=True,
        timestamp_field_name=TIMESTAMP_FIELD,
        # all validation data before the document time stamp, which then covers the file to its last byte
        dss_settings=DSSContentSettings(
            include_vri=False,
            next_ts_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True),
        ),
        validation_context=ValidationContext(
            trust_roots=[x509.Certificate.load(authority)],
            crls=[crl],
            moment=when,
            allow_fetching=False,
            revocation_mode="require",
        ),
    )
    page = stamp(name, reason, when, sha256_hex(signer.signing_cert.dump()))
    style = StaticStampStyle(
        background=_page_content(page),
        background_layout=SimpleBoxLayoutRule(AxisAlignment.ALIGN_MIN, AxisAlignment.ALIGN_MIN),
        border_width=0,
    )
    return _SignerAtTime(metadata, signer, timestamper=_pdf_timestamper(timestamper), stamp_style=style)


def _pdf_timestamper(timestamper: Timestamper) -> Any:
    from asn1crypto import cms
    from pyhanko.sign.timestamps import TimeStamper

    class _SiteTimeStamper(TimeStamper):
        """Hands every digest to the site's own time-stamp authority."""

        async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
            if md_algorithm != "sha256":
                raise ValueError("the site's time stamps are over SHA-256")
            return cms.ContentInfo.load(timestamper(message_digest))

    return _SiteTimeStamper(include_nonce=False)  # type: ignore[no-untyped-call]


def _page_content(page: bytes) -> Any:
    from pyhanko.pdf_utils.content import PdfContent
    from pyhanko.pdf_utils.layout import BoxConstraints
    from pyhanko.pdf_utils.reader import PdfFileReader

    class _ImportedPage(PdfContent):
        """The first page of a file in memory, as content of the stamp."""

        def render(self) -> bytes:
            drawn = self._ensure_writer.import_page_as_xobject(PdfFileReader(BytesIO(page)), page_ix=0)
            self.resources.xobject["/Stamp"] = drawn
            left, bottom, right, top = drawn.get_object()["/BBox"]
            self.box = BoxConstraints(width=abs(right - left), height=abs(top - bottom))
            return b"/Stamp Do"

    return _ImportedPage()
