"""A signed certificate, checked in numbered steps against the pinned root of the site; needs no network and no log.

"Every signature present is valid" is not enough: pages, annotations or attachments added afterwards leave old
signatures intact, and a file cut short may still end in a valid one. So the steps ask for exactly the two fields this
software makes, both filled, the first one certifying, nothing after it but validation data and the time stamp, and
that to the last byte of the file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from pydantic import Field

from nesqc_gmp.certificate.names import RECORD, SIGNATURE_FIELD, TIMESTAMP_FIELD, record_source
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import CertificateInvalidError, InvalidInputError
from nesqc_gmp.records.base import Frozen

MAX_BYTES: Final = 64 * 1024 * 1024
REVISIONS: Final = 3
"""As drawn; signature; validation data with the document time stamp."""


class VerificationStep(Frozen):
    """One step: its number from 1, what it asks, whether it passed, and what was found."""

    number: int
    name: str
    passed: bool
    detail: str


class Attachment(Frozen):
    """One file attached to the signed revision: name and bytes."""

    name: str
    data: bytes = Field(repr=False)


class CertificateReport(Frozen):
    """What the steps found; everything but ``steps`` is empty where the step that reads it did not pass.

    Attributes:
        steps: Every step in order; after a failed one the rest count as failed.
        signer: Person id in the signer's certificate.
        signer_name: Common name in the signer's certificate.
        signed_at: Time of the signature's time stamp, UTC.
        identifier: Certificate number and revision, as ``number/revision``.
        record_sha256: Digest of the attached ``record.json``.
        attachments: Attached files, for the caller's own checks of record and proof.
    """

    steps: tuple[VerificationStep, ...]
    signer: str = ""
    signer_name: str = ""
    signed_at: str = ""
    identifier: str = ""
    record_sha256: str = ""
    attachments: tuple[Attachment, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every step passed."""
        return all(step.passed for step in self.steps)


class _StepFailedError(Exception):
    """A step did not pass; the text says why."""


class _Check:
    """The state of one verification: the file, the pinned root, and what the steps have found so far."""

    def __init__(self, pdf: bytes, authority_pem: bytes) -> None:
        self.pdf = pdf
        self.root = _certificate(authority_pem)
        self.reader: Any = None
        self.signature: Any = None
        self.timestamp: Any = None
        self.found: dict[str, Any] = {}

    def structure(self) -> str:
        """The bytes are one strictly readable PDF of the expected revisions, from the first byte to the last."""
        from pyhanko.pdf_utils.reader import PdfFileReader

        if len(self.pdf) > MAX_BYTES:
            raise _StepFailedError(f"larger than {MAX_BYTES} bytes")
        if not self.pdf.startswith(b"%PDF-1.7") or not self.pdf.rstrip(b"\r\n").endswith(b"%%EOF"):
            raise _StepFailedError("does not begin and end as a PDF 1.7 file")
        self.reader = PdfFileReader(BytesIO(self.pdf), strict=True)
        if self.reader.encrypted or "/Encrypt" in self.reader.trailer:
            raise _StepFailedError("encrypted")
        revisions = self.reader.xrefs.total_revisions
        if revisions != REVISIONS:
            raise _StepFailedError(f"{revisions} revisions instead of {REVISIONS}")
        return f"{len(self.pdf)} bytes, {revisions} revisions"

    def fields(self) -> str:
        """Exactly the two expected fields, both filled."""
        names = [str(field.get_object()["/T"]) for field in self.reader.root["/AcroForm"]["/Fields"]]
        if names != [SIGNATURE_FIELD, TIMESTAMP_FIELD]:
            raise _StepFailedError(f"fields {', '.join(names) or 'none'}")
        signatures = {str(item.field_name): item for item in self.reader.embedded_signatures}
        if set(signatures) != {SIGNATURE_FIELD, TIMESTAMP_FIELD}:
            raise _StepFailedError("not every field is signed")
        self.signature, self.timestamp = signatures[SIGNATURE_FIELD], signatures[TIMESTAMP_FIELD]
        if self.signature.sig_object_type != "/Sig" or self.timestamp.sig_object_type != "/DocTimeStamp":
            raise _StepFailedError("a field holds the wrong kind of signature")
        for item in (self.signature, self.timestamp):
            self._check_container(item)
        return ", ".join(names)

    def signed(self) -> str:
        """The person's signature is intact, and its time stamp and signer lead to the pinned root."""
        from pyhanko.sign.validation import validate_pdf_signature
        from pyhanko.sign.validation.generic_cms import extract_tst_data_iter

        tokens = list(extract_tst_data_iter(self.signature.signer_info, signed=False))
        if len(tokens) != 1:
            raise _StepFailedError(f"{len(tokens)} time stamps in the signature instead of one")
        moment = _token_time(tokens[0])
        status = validate_pdf_signature(self.signature, self._context(moment))
        stamp = status.timestamp_validity
        if not (status.intact and status.valid and status.trusted and not status.revoked):
            raise _StepFailedError(f"not valid, or not issued by this site ({status.summary()})")
        if stamp is None or not (stamp.intact and stamp.valid and stamp.trusted):
            raise _StepFailedError("the time stamp of the signature is missing, not valid, or not of this site")
        subject = self.signature.signer_cert.subject.native
        self.found["signer"] = str(subject.get("user_id", ""))
        self.found["signer_name"] = str(subject.get("common_name", ""))
        self.found["signed_at"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"{self.found['signer_name']} ({self.found['signer']}), {self.found['signed_at']}"

    def certified(self) -> str:
        """The signature certifies the document and allows no more than validation data afterwards."""
        from pyhanko.sign.fields import MDPPerm
        from pyhanko.sign.validation.pdf_embedded import read_certification_data

        certification = read_certification_data(self.reader)
        if certification is None or self.signature.docmdp_level != MDPPerm.FILL_FORMS:
            raise _StepFailedError("the signature does not certify the document")
        if certification.author_sig.get_object() is not self.signature.sig_object:
            raise _StepFailedError("another signature certifies the document")
        return "certified, DocMDP P=2"

    def unchanged(self) -> str:
        """Nothing was changed after the signature but validation data and the time stamp."""
        from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
        from pyhanko.sign.validation.status import SignatureCoverageLevel

        result = self.signature.diff_result
        if self.signature.coverage != SignatureCoverageLevel.ENTIRE_REVISION:
            raise _StepFailedError("the signature does not cover its whole revision")
        if not isinstance(result, DiffResult) or result.modification_level > ModificationLevel.LTA_UPDATES:
            raise _StepFailedError("the document was changed after it was signed")
        if self.signature.signed_revision != 1:
            raise _StepFailedError("the document was changed before it was signed")
        return f"signed to byte {self._signed_length()}; after it only validation data"

    def stamped(self) -> str:
        """The document time stamp is of this site and covers the file to its last byte."""
        from pyhanko.sign.validation import validate_pdf_timestamp
        from pyhanko.sign.validation.status import SignatureCoverageLevel

        moment = _token_time(self.timestamp.signed_data)
        status = validate_pdf_timestamp(self.timestamp, self._context(moment))
        if not (status.intact and status.valid and status.trusted):
            raise _StepFailedError("not valid, or not of this site")
        if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
            raise _StepFailedError("something was added after the time stamp")
        carried = {choice.chosen.dump() for choice in self.timestamp.signed_data["certificates"]}
        if carried != {self.timestamp.signer_cert.dump(), self.root.dump()}:  # no signature covers these bytes
            raise _StepFailedError("the time stamp carries other certificates than its own and the root")
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def attached(self) -> str:
        """The files attached to the signed revision can be read; ``record.json`` is among them."""
        import pikepdf

        with pikepdf.open(BytesIO(self.pdf[: self._signed_length()]), attempt_recovery=False) as revision:
            listed = list(revision.Root.Names.EmbeddedFiles.Names)
            names = [str(name) for name in listed[::2]]
            if RECORD not in names or len(set(names)) != len(names):
                raise _StepFailedError("record.json is missing or a name occurs twice")
            files = [(name, bytes(item.EF.F.read_bytes())) for name, item in zip(names, listed[1::2], strict=True)]
            metadata = revision.open_metadata(strict=True)
            self.found |= {"source": str(metadata["dc:source"]), "identifier": str(metadata["dc:identifier"])}
        self.found["attachments"] = tuple(Attachment(name=name, data=data) for name, data in files)
        return ", ".join(names)

    def recorded(self) -> str:
        """The digest of the attached record is the one in the metadata of the document."""
        record = next(item.data for item in self.found["attachments"] if item.name == RECORD)
        digest = sha256_hex(record)
        if self.found["source"] != record_source(digest):
            raise _StepFailedError("the document names another record")
        self.found["record_sha256"] = digest
        return digest

    def _check_container(self, item: Any) -> None:
        """What no signature covers is the signature itself: one DER value in upper-case hexadecimal, then zeros."""
        from asn1crypto import parser

        start, first, second, _ = (int(value) for value in item.byte_range)
        written = self.pdf[first + 1 : second - 1]
        value = bytes.fromhex(written.decode("ascii"))
        if start != 0 or value.hex().upper().encode() != written or value[parser.peek(value) :].strip(b"\0"):
            raise _StepFailedError(f"the container of {item.field_name} holds more than a signature")

    def _signed_length(self) -> int:
        """Bytes from the beginning of the file to the end of what the person signed."""
        _, _, start, length = (int(value) for value in self.signature.byte_range)
        return start + length

    def _context(self, moment: datetime) -> Any:
        from pyhanko.sign.validation.dss import DocumentSecurityStore

        options = {
            "trust_roots": [self.root],
            "moment": moment,
            "allow_fetching": False,
            "revocation_mode": "require",
        }
        return DocumentSecurityStore.read_dss(self.reader).as_validation_context(options)


STEPS: Final[tuple[tuple[str, Callable[[_Check], str]], ...]] = (
    ("The file is one readable PDF", _Check.structure),
    ("It has exactly the two expected signature fields, both filled", _Check.fields),
    ("The signature is valid and leads to the root of the site", _Check.signed),
    ("The signature certifies the document", _Check.certified),
    ("Nothing was changed after the signature", _Check.unchanged),
    ("The document time stamp is valid and covers the whole file", _Check.stamped),
    ("The attached files can be read", _Check.attached),
    ("The attached record is the one the document names", _Check.recorded),
)


def verify(pdf: bytes, *, authority_pem: bytes) -> CertificateReport:
    """Check a signed certificate file.

    Args:
        pdf: The file.
        authority_pem: Root certificate of the site, PEM, from a source other than the file.

    Returns:
        The report. Whatever is in the file, the outcome is a report.

    Raises:
        InvalidInputError: ``authority_pem`` is not a certificate.
    """
    for library in ("pyhanko", "pyhanko_certvalidator"):  # the report says what they would log
        logging.getLogger(library).addHandler(logging.NullHandler())
    check = _Check(pdf, authority_pem)
    steps: list[VerificationStep] = []
    failed = False
    for number, (name, step) in enumerate(STEPS, start=1):
        passed, detail = (False, "not reached") if failed else _run(step, check)
        failed = failed or not passed
        steps.append(VerificationStep(number=number, name=name, passed=passed, detail=detail))
    found = {name: value for name, value in check.found.items() if name in CertificateReport.model_fields}
    return CertificateReport(steps=tuple(steps), **found)


def require_valid(report: CertificateReport) -> CertificateReport:
    """Pass on a report whose every step passed.

    Raises:
        CertificateInvalidError: Names the first step that did not pass.
    """
    for step in report.steps:
        if not step.passed:
            raise CertificateInvalidError(
                f"{step.name}: {step.detail}.",
                where=f"step {step.number}",
                remedy="Do not use this file; ask the quality unit for the original.",
            )
    return report


def _run(step: Callable[[_Check], str], check: _Check) -> tuple[bool, str]:
    try:
        return True, step(check)
    except _StepFailedError as failure:
        return False, str(failure)
    except Exception as error:  # the file is hostile until proven otherwise: whatever it breaks, the step failed
        return False, f"cannot be read ({type(error).__name__}: {str(error)[:200]})"


def _certificate(authority_pem: bytes) -> Any:
    from asn1crypto import pem, x509

    try:
        certificate = x509.Certificate.load(pem.unarmor(authority_pem)[2], strict=True)
        certificate.subject.native  # noqa: B018 - parsing is lazy
    except (ValueError, TypeError) as error:
        raise InvalidInputError("Not a certificate in PEM form.", where="root certificate") from error
    return certificate


def _token_time(signed_data: Any) -> datetime:
    time: datetime = signed_data["encap_content_info"]["content"].parsed["gen_time"].native
    return time
