"""Records about the site itself: founding, incidents, refusals, checkpoints carried outside."""

from __future__ import annotations

from typing import Final, Literal

from nesqc_gmp.records.base import Frozen, Identifier, Sha256, Text
from nesqc_gmp.records.signatures import ElectronicSignature

IncidentKind = Literal[
    "clock", "interrupted attempt", "account locked", "object altered", "model refused", "active model questioned"
]


Purpose = Literal["production", "demonstration", "qualification"]
"""What a site is for; decided when it is founded and never changed: only the first is for GMP use."""

MARKS: Final[dict[Purpose, str]] = {
    "production": "",
    "demonstration": "DEMONSTRATION – NOT FOR GMP USE",
    "qualification": "QUALIFICATION SITE – NOT FOR GMP USE",
}
"""What stands on every page of a site that is not for GMP use."""


class SiteFounded(Frozen):
    """The first record of a log.

    Attributes:
        name: Name of the site.
        address: Postal address.
        authorisation: Number of the manufacturing authorisation.
        zone: IANA time zone.
        purpose: What the site is for. The origin of the log says it too, and so every entry, every checkpoint and every
            signed statement.
        log_key: Verifier key of the log (C2SP signed note).
        authority: Certificate of the site's certification authority, PEM.
        timestamp_certificate: Certificate of the site's time-stamping authority, PEM.
        founders: Ids of the two founding people.
    """

    kind: Literal["site_founded"] = "site_founded"
    name: Text
    address: Text
    authorisation: Text
    zone: Text
    purpose: Purpose
    log_key: Text
    authority: str
    timestamp_certificate: str
    founders: tuple[Identifier, Identifier]

    @property
    def for_gmp_use(self) -> bool:
        """Whether batches of this site may be used."""
        return self.purpose == "production"

    @property
    def mark(self) -> str:
        """The mark of every page; empty for a production site."""
        return MARKS[self.purpose]


def purpose_of(origin: str) -> str:
    """What the origin of a log says that its site is for, ``nesqc/PURPOSE/...``."""
    return origin.split("/")[1] if origin.count("/") > 1 else ""


class IncidentOpened(Frozen):
    """Something happened that a person must assess (EU GMP Annex 11 cl. 13).

    Attributes:
        incident: Number of the incident.
        incident_kind: What kind of event.
        detail: What was seen.
        batch: The batch it touches, or the test of a model; ``None`` touches every batch.
    """

    kind: Literal["incident_opened"] = "incident_opened"
    incident: Identifier
    incident_kind: IncidentKind
    detail: Text
    batch: Identifier | None


class IncidentAssessed(Frozen):
    """A person assessed an incident; the reason is the assessment."""

    kind: Literal["incident_assessed"] = "incident_assessed"
    incident: Identifier
    signature: ElectronicSignature


class ActRefused(Frozen):
    """The tool refused an act (21 CFR 11.10(f), (g)).

    Attributes:
        act: The act, as the right is named.
        why: The sentence the person saw.
        error: Name of the error class.
    """

    kind: Literal["act_refused"] = "act_refused"
    act: Text
    why: Text
    error: Identifier


class CheckpointExported(Frozen):
    """A checkpoint was written out, to be kept where the database owner cannot reach it.

    Attributes:
        size: Size of the log in that checkpoint.
        root: Base64 root hash.
        note_sha256: Digest of the signed note.
    """

    kind: Literal["checkpoint_exported"] = "checkpoint_exported"
    size: int
    root: Text
    note_sha256: Sha256
