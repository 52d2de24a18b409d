"""Records of certificates: issued, withdrawn, superseded; never overwritten."""

from __future__ import annotations

from typing import Literal

from nesqc_gmp.records.base import Frozen, Identifier, Sha256
from nesqc_gmp.records.signatures import ElectronicSignature


class CertificateIssued(Frozen):
    """A certificate was issued.

    Attributes:
        certificate: Certificate number.
        batch: Batch it is about.
        revision: Revision, counted from 1.
        supersedes: Number of the certificate it replaces.
        content_sha256: Digest of the attached ``record.json``.
        unsigned_sha256: Digest of the PDF before it was signed.
        pdf_sha256: Digest of the signed PDF.
        anchored_size: Size of the log whose root the certificate carries.
        signature: Signature of the person who decided about the batch.
    """

    kind: Literal["certificate_issued"] = "certificate_issued"
    certificate: Identifier
    batch: Identifier
    revision: int
    supersedes: Identifier | None
    content_sha256: Sha256
    unsigned_sha256: Sha256
    pdf_sha256: Sha256
    anchored_size: int
    signature: ElectronicSignature


class CertificateWithdrawn(Frozen):
    """A certificate is no longer valid."""

    kind: Literal["certificate_withdrawn"] = "certificate_withdrawn"
    certificate: Identifier
    signature: ElectronicSignature


class CertificateSuperseded(Frozen):
    """A certificate is to be replaced by a new one."""

    kind: Literal["certificate_superseded"] = "certificate_superseded"
    certificate: Identifier
    signature: ElectronicSignature
