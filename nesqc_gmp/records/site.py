"""Records about the site itself: founding, incidents, refusals, checkpoints carried outside, backups."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from nesqc_gmp.records.base import Frozen, Identifier, Sha256, Text
from nesqc_gmp.records.signatures import ElectronicSignature

IncidentKind = Literal[
    "clock",
    "interrupted attempt",
    "account locked",
    "object altered",
    "model refused",
    "active model questioned",
    "backup failed",
    "restore test failed",
    "site restored",
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


class BackupMade(Frozen):
    """The whole site was copied to another place and the copy was verified there (EU GMP Annex 11 cl. 7.2).

    Attributes:
        backup: Name of the backup, made by the tool: site, UTC time, size of the log in it.
        place: The folder it was written into, as it was called then.
        size: Size of the log in the backup.
        root: Base64 root hash at that size.
        objects: Count of original files.
        object_bytes: Their bytes.
        files: Count of all files, the originals included.
        manifest_sha256: Digest of the manifest that lies in the backup and lists every file.
        warnings: What speaks against this place.
    """

    kind: Literal["backup_made"] = "backup_made"
    backup: Identifier
    place: Text
    size: Annotated[int, Field(ge=1)]
    root: Text
    objects: Annotated[int, Field(ge=0)]
    object_bytes: Annotated[int, Field(ge=0)]
    files: Annotated[int, Field(ge=1)]
    manifest_sha256: Sha256
    warnings: tuple[Text, ...]


class RestoreTested(Frozen):
    """A backup was restored into a passing folder and verified there (EU GMP Annex 11 cl. 7.2; PIC/S PI 041 9.9).

    Attributes:
        backup: Name of the backup.
        place: Where it lay.
        manifest_sha256: Digest of its manifest as the log recorded it when the backup was made.
        size: Size of the log in it.
        size_now: Size of the site's own log at the time of the test.
        steps: Count of steps that were asked.
        findings: Every step that failed, with what was found; none means passed.
        compared: Checkpoints kept elsewhere with which the logs were compared.
        rescored: The image whose recorded score was found again from the restored files; ``None`` where none was.
    """

    kind: Literal["restore_tested"] = "restore_tested"
    backup: Identifier
    place: Text
    manifest_sha256: Sha256
    size: Annotated[int, Field(ge=1)]
    size_now: Annotated[int, Field(ge=1)]
    steps: Annotated[int, Field(ge=1)]
    findings: tuple[Text, ...]
    compared: tuple[Text, ...]
    rescored: Text | None

    @property
    def passed(self) -> bool:
        """Whether every step passed."""
        return not self.findings


class SiteRestored(Frozen):
    """The site was laid out again from a backup; what was entered after the backup is not in this log.

    The tool enters it, since nobody can be logged in at a site that is not there yet; an incident beside it is
    assessed by QA. Nothing is signed or hashed anew: the log goes on from the head that the backup holds.

    Attributes:
        backup: Name of the backup.
        manifest_sha256: Digest of its manifest.
        size: Size of the log in it: the next entry is this record.
        root: Base64 root hash at that size.
        compared: Checkpoints kept elsewhere, each with what the comparison said.
        lost: Entries after the backup that the newest of these checkpoints shows to be lost.
    """

    kind: Literal["site_restored"] = "site_restored"
    backup: Identifier
    manifest_sha256: Sha256
    size: Annotated[int, Field(ge=1)]
    root: Text
    compared: tuple[Text, ...]
    lost: Annotated[int, Field(ge=0)]
