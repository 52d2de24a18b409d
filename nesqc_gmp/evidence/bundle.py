"""What an evidence bundle holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EvidenceEntry:
    """One entry of the log with the proof that it stands there.

    Attributes:
        index: Index in the log, counted from 0.
        body: The entry, byte for byte as it was logged.
        proof: Its inclusion proof (C2SP ``tlog-proof``) against the checkpoint of the bundle.
    """

    index: int
    body: bytes
    proof: str


@dataclass(frozen=True, slots=True)
class EvidenceBundle:
    """Everything that one certificate stands on.

    Attributes:
        log_key: Verifier key of the log (C2SP ``signed-note``), without a newline.
        authority: Certificate of the site's certificate authority, PEM.
        checkpoint: Signed checkpoint of the size that the certificate carries.
        record: The bytes of ``record.json`` (``records.certificates.CertificateContent``).
        entries: The founding entry, every entry about persons, about the batch's specification and model, and about
            the batch; ascending by index.
        objects: Original images, refused files and evidence files by SHA-256 of their bytes.
    """

    log_key: str
    authority: bytes
    checkpoint: str
    record: bytes
    entries: tuple[EvidenceEntry, ...]
    objects: Mapping[str, bytes] = field(repr=False)
