"""The electronic signature of a record: a statement a person can read, and the signature over exactly its bytes.

A statement is plain text, one ``Label: value`` a line, so what is shown on the terminal is what is signed
(21 CFR 11.50, 11.70) and `openssl dgst -verify` can check it without this software.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.records.base import LINE_PATTERN, Frozen, Instant, Sha256

Meaning = Literal[
    "acknowledged",
    "founded",
    "access granted",
    "approved",
    "intended use approved",
    "features reviewed",
    "activated",
    "retired",
    "performed",
    "verified",
    "reviewed",
    "audit trail reviewed",
    "released",
    "rejected",
    "on hold",
    "issued",
    "withdrawn",
    "superseded",
    "prepared",
    "not accepted",
]
"""What a signature means: a fixed list (21 CFR 11.50(a)(3)); free text is refused."""

MEANING_SENTENCES: dict[Meaning, str] = {
    "acknowledged": "My electronic signature is the legally binding equivalent of my handwritten signature.",
    "founded": "I take part in founding this site and cannot act on it alone.",
    "access granted": "I grant this right to this person.",
    "approved": "I approve this content for use.",
    "intended use approved": "I answer for this intended use and this input sample space as the expert of the process.",
    "features reviewed": "I looked at each of these heat maps and answer for what I say of them.",
    "activated": "I put this content into use.",
    "retired": "I take this content out of use.",
    "performed": "I performed this work and the recorded data are complete.",
    "verified": "I verified this result against its evidence as a second person.",
    "reviewed": "I reviewed the data, the attempts and the exceptions of this record.",
    "audit trail reviewed": "I reviewed the audit trail of this record independently of the work.",
    "released": "I release this batch for the tests listed in its specification.",
    "rejected": "I reject this batch.",
    "on hold": "I place this batch on hold.",
    "issued": "I issue this certificate with my signature.",
    "withdrawn": "I withdraw this certificate.",
    "superseded": "I replace this certificate by a new one.",
    "not accepted": "I do not accept this and answer for the conclusion.",
    "prepared": "I wrote this and it is complete and ready for approval.",
}

_Line = Annotated[str, StringConstraints(pattern=LINE_PATTERN, max_length=400)]
_SummaryLine = Annotated[str, StringConstraints(pattern=LINE_PATTERN, max_length=2100)]
_HEADING = "nesqc signature statement v1"
_LABELS = (
    "Log",
    "Record",
    "Version",
    "Content SHA-256",
    "Act SHA-256",
    "Meaning",
    "Signer",
    "Name",
    "Role",
    "Time",
    "Time UTC",
    "Time zone",
    "Previous checkpoint",
    "Reason",
)


class Statement(Frozen):
    """What a person signs.

    Attributes:
        origin: Origin of the log.
        subject: Type and id of the record, e.g. ``batch B-0421``.
        version: Count of the entries that are the content of the record.
        content_sha256: Digest over the leaf hashes of those entries (see ``records.content``).
        act_sha256: Digest of the canonical JSON of this act's own fields.
        meaning: From the fixed list.
        person: Id of the signer.
        name: Printed name of the signer.
        role: Role in which the person signs.
        time: When the statement was shown.
        previous_size: Size of the log at that moment.
        previous_root: Base64 root hash at that size.
        reason: Why, where the act asks for a reason; else ``-``.
        summary: What the record says, for the eye.
    """

    origin: _Line
    subject: _Line
    version: int
    content_sha256: Sha256
    act_sha256: Sha256
    meaning: Meaning
    person: _Line
    name: _Line
    role: _Line
    time: Instant
    previous_size: int
    previous_root: _Line
    reason: Annotated[str, StringConstraints(pattern=LINE_PATTERN, max_length=1000)]
    summary: tuple[_SummaryLine, ...]

    def format(self) -> str:
        """The statement as text; exactly these UTF-8 bytes are shown and signed."""
        values = (
            self.origin,
            self.subject,
            str(self.version),
            self.content_sha256,
            self.act_sha256,
            f"{self.meaning} - {MEANING_SENTENCES[self.meaning]}",
            self.person,
            self.name,
            self.role,
            self.time.local,
            self.time.utc,
            self.time.zone,
            f"{self.previous_size} {self.previous_root}",
            self.reason,
        )
        lines = [_HEADING, *(f"{label}: {value}" for label, value in zip(_LABELS, values, strict=True)), "Summary:"]
        return "\n".join([*lines, *(f"  {line}" for line in self.summary)]) + "\n"

    @classmethod
    def parse(cls, text: str) -> Statement:
        """Read a statement back; ``Statement.parse(s.format()) == s``.

        Raises:
            IntegrityError: The text is not exactly a statement.
        """
        try:
            statement = cls._read(text)
        except (ValueError, IndexError) as error:
            raise IntegrityError(f"not a signature statement: {error}") from None
        if statement.format() != text:
            raise IntegrityError("not a signature statement in its canonical form")
        return statement

    @classmethod
    def _read(cls, text: str) -> Statement:
        lines = text.split("\n")
        if lines[0] != _HEADING:
            raise ValueError("wrong heading")
        values: dict[str, str] = {}
        for label, line in zip(_LABELS, lines[1 : 1 + len(_LABELS)], strict=True):
            name, separator, value = line.partition(": ")
            if name != label or not separator:
                raise ValueError(f"expected the line {label!r}")
            values[label] = value
        size, root = values["Previous checkpoint"].split(" ")
        return cls.model_validate(
            {
                "origin": values["Log"],
                "subject": values["Record"],
                "version": int(values["Version"]),
                "content_sha256": values["Content SHA-256"],
                "act_sha256": values["Act SHA-256"],
                "meaning": values["Meaning"].split(" - ")[0],
                "person": values["Signer"],
                "name": values["Name"],
                "role": values["Role"],
                "time": {"local": values["Time"], "utc": values["Time UTC"], "zone": values["Time zone"]},
                "previous_size": int(size),
                "previous_root": root,
                "reason": values["Reason"],
                "summary": tuple(line[2:] for line in lines[2 + len(_LABELS) : -1]),
            }
        )


class ElectronicSignature(Frozen):
    """A signature in a record.

    Attributes:
        statement: The exact text that was shown and signed.
        signature: Base64 of the DER-encoded ECDSA P-256 signature over the SHA-256 of the statement's UTF-8 bytes.
        certificate_sha256: Digest of the signer's certificate (DER), which the log records for this person.
    """

    statement: str
    signature: str
    certificate_sha256: Sha256
