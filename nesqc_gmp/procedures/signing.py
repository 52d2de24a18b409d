"""What a signing act shows, and the statement it is bound to."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from nesqc_gmp.errors import InvalidInputError, OutOfSequenceError
from nesqc_gmp.esign import act_digest
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.records.base import Reason
from nesqc_gmp.records.entry import Record, Subject
from nesqc_gmp.records.signatures import ElectronicSignature, Meaning, Statement
from nesqc_gmp.state.people import Person

SIGNING_TIME = timedelta(minutes=10)
"""Longest time between the showing of a statement and its entry."""

_REASON: TypeAdapter[str] = TypeAdapter(Reason)
PLACEHOLDER = ElectronicSignature(statement="-", signature="-", certificate_sha256="0" * 64)
"""Stands for the signature while the digest of an act is taken."""

Make = Callable[[ElectronicSignature], Record]
"""How a record is made once its signature is there."""


@dataclass(frozen=True, slots=True)
class Signer:
    """What a signing act shows of itself: for the eye and for the fixed list."""

    meaning: Meaning
    summary: tuple[str, ...]


Prepared = tuple[Make, Signer]
"""What a signing act prepares: how its record is made, and what is shown."""


def as_entered(reason: str) -> str:
    """A reason as its entry will carry it; signed otherwise, statement and entry would differ for ever."""
    try:
        return _REASON.validate_python(reason)
    except ValidationError:
        raise InvalidInputError(
            "the reason is too short, too long, or not one visible line",
            where="reason",
            remedy="Write 8 to 1000 characters without line breaks or control characters.",
        ) from None


def require_recent(site: Site, statement: Statement) -> None:
    """The statement was shown a short while ago, by a clock that was not set back since.

    Raises:
        OutOfSequenceError: It was not; entered, its signature would not hold.
    """
    if not timedelta(0) <= site.moment() - datetime.fromisoformat(statement.time.utc) <= SIGNING_TIME:
        minutes = SIGNING_TIME.seconds // 60
        raise OutOfSequenceError(
            f"the statement was shown more than {minutes} minutes ago, or the clock was set back since",
            remedy="Look again, then sign.",
        )


def require_same_signer(statement: Statement, signature: ElectronicSignature, person: Person, role: str) -> None:
    """The signer is at the entry who they were at the showing: same role, same certificate in force.

    Raises:
        OutOfSequenceError: They are not; entered, the signature would never hold.
    """
    credential = person.credential
    if credential is None or credential.certificate_sha256 != signature.certificate_sha256 or role != statement.role:
        raise OutOfSequenceError(
            "your role or your signing certificate changed while you were signing",
            where=person.id,
            remedy="Look again, then sign.",
        )


def statement_for(
    site: Site,
    reader: Reader,
    subject: Subject,
    signer: tuple[str, str, str],
    make: Make,
    shown: Signer,
    reason: str | None,
) -> Statement:
    """The statement of one signed act: what it is bound to, and what the eye is shown."""
    content = reader.content(subject.type, subject.id)
    size = reader.size
    root = reader.root(size) if size else b""
    person, name, role = signer
    return Statement(
        origin=site.ledger.origin,
        subject=f"{subject.type} {subject.id}",
        version=content.version,
        content_sha256=content.sha256,
        act_sha256=act_digest(make(PLACEHOLDER)),
        meaning=shown.meaning,
        person=person,
        name=name,
        role=role,
        time=site.now(),
        previous_size=size,
        previous_root=base64.b64encode(root).decode("ascii"),
        reason=reason or "-",
        summary=shown.summary,
    )
