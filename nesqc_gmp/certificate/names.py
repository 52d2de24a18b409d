"""Names inside a certificate file, shared by those who write it and those who check it; needs no PDF library."""

from __future__ import annotations

from typing import Final

RECORD: Final = "record.json"
"""The attachment whose SHA-256 is printed on every page."""

SIGNATURE_FIELD: Final = "DecidingPerson"
TIMESTAMP_FIELD: Final = "DocumentTimestamp"


def record_source(record_sha256: str) -> str:
    """How the metadata name the attached record (``dc:source``)."""
    return f"urn:sha256:{record_sha256}"
