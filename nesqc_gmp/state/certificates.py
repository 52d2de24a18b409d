"""Issued certificates and their standing, folded from the records about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from nesqc_gmp.errors import NotFoundError, OutOfSequenceError
from nesqc_gmp.records import certification as records
from nesqc_gmp.records.entry import Entry

Standing = Literal["current", "withdrawn", "superseded"]


@dataclass(frozen=True, slots=True)
class CertificateState:
    """One certificate."""

    issued: records.CertificateIssued
    issued_utc: str
    issued_local: str
    index: int
    standing: Standing = "current"
    reason: str | None = None


Certificates = dict[str, CertificateState]


def fold_certificates(entries: Iterable[Entry]) -> Certificates:
    """All certificates by number, from the entries about certificates."""
    found: Certificates = {}
    for entry in entries:
        match entry.record:
            case records.CertificateIssued(certificate=number):
                found[number] = CertificateState(entry.record, entry.time.utc, entry.time.local, entry.index)
            case records.CertificateWithdrawn(certificate=number):
                found[number] = replace(found[number], standing="withdrawn", reason=entry.reason)
            case records.CertificateSuperseded(certificate=number):
                found[number] = replace(found[number], standing="superseded", reason=entry.reason)
            case _:
                continue
    return found


def get(certificates: Certificates, number: str) -> CertificateState:
    """One certificate.

    Raises:
        NotFoundError: There is none of this number.
    """
    if number not in certificates:
        raise NotFoundError("there is no such certificate", where=number, remedy="See `nesqc certificates list`.")
    return certificates[number]


def require_current(certificate: CertificateState) -> None:
    """The certificate stands.

    Raises:
        OutOfSequenceError: It was withdrawn or superseded.
    """
    if certificate.standing != "current":
        raise OutOfSequenceError(
            f"the certificate is {certificate.standing} already", where=certificate.issued.certificate
        )


def of_batch(certificates: Certificates, batch: str) -> tuple[CertificateState, ...]:
    """Every certificate of one batch, oldest first."""
    return tuple(certificate for certificate in certificates.values() if certificate.issued.batch == batch)
