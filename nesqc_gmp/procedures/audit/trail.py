"""Reading the audit trail, searching it, and carrying its checkpoint outside."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import col

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.ledger import IndexRow
from nesqc_gmp.procedures.context import checkpoint_of
from nesqc_gmp.procedures.files import require_new
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.entry import Entry, Subject
from nesqc_gmp.records.site import CheckpointExported
from nesqc_gmp.store import EntryRow

_ESCAPE = "\\"
_TEXT_LIMIT = 2000
_FIRST_MOMENT = "0000-01-01T00:00:00.000000Z"
_MOMENT = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{6}Z)?)?)?)?)?")


def log(session: Session, limit: int, after: int | None) -> tuple[IndexRow, ...]:
    """The last entries of the log, or those after an index, oldest first."""
    with session.viewing("audit.log") as reader:
        if after is not None:
            return tuple(reader.index_rows(col(EntryRow.idx) > after, limit=limit))
        return tuple(reversed(list(reader.index_rows(newest_first=True, limit=limit))))


def entry(session: Session, index: int) -> Entry:
    """One entry in full.

    Raises:
        NotFoundError: There is none of this index.
    """
    with session.viewing("audit.log") as reader:
        return reader.entry(index)


def search(
    session: Session,
    *,
    who: str | None,
    role: str | None,
    what: str | None,
    record: str | None,
    since: str | None,
    until: str | None,
    reason: str | None,
) -> tuple[IndexRow, ...]:
    """Entries that fit every filter given (EU GMP Annex 11 draft 12.4).

    Args:
        session: Who searches.
        who: Id of a person.
        role: Role in which they acted.
        what: Kind of record, or a part of it.
        record: Id of the record an entry is about, or a part of it.
        since: First moment, UTC, as the beginning of an ISO 8601 text: a date is enough.
        until: Last moment, in the same way, itself included.
        reason: A part of the reason given.

    Raises:
        InvalidInputError: A moment is none, or a text is too long to be searched for.
    """
    for field, moment in (("from", since), ("to", until)):
        if moment is not None:
            _require_moment(moment, field)
    for text in (who, role, what, record, reason):
        if len(text or "") > _TEXT_LIMIT:
            raise InvalidInputError(f"a text of more than {_TEXT_LIMIT} characters stands in no entry", where="search")
    conditions = [
        condition
        for condition in (
            col(EntryRow.person) == who if who else None,
            col(EntryRow.role) == role if role else None,
            _contains(EntryRow.kind, what) if what else None,
            _contains(EntryRow.subject_id, record) if record else None,
            col(EntryRow.utc) >= since if since else None,
            col(EntryRow.utc) <= f"{until}~" if until else None,
            _contains(EntryRow.reason, reason) if reason else None,
        )
        if condition is not None
    ]
    with session.viewing("audit.search") as reader:
        return tuple(reader.index_rows(*conditions))


def _require_moment(text: str, field: str) -> None:
    """Refuse what is not the beginning of a moment; compared as text, it would find nothing or too much."""
    try:
        datetime.fromisoformat(text + _FIRST_MOMENT[len(text) :])
        good = _MOMENT.fullmatch(text) is not None
    except ValueError:
        good = False
    if not good:
        raise InvalidInputError(
            f"{text[:40]!r} is not a moment", where=field, remedy="Write UTC, such as 2026-11-02 or 2026-11-02T09:30."
        )


def _contains(column: Any, text: str) -> Any:
    escaped = text.replace(_ESCAPE, _ESCAPE * 2).replace("%", _ESCAPE + "%").replace("_", _ESCAPE + "_")
    return col(column).like(f"%{escaped}%", escape=_ESCAPE)


def checkpoint(session: Session, out: Path) -> Path:
    """Write the signed checkpoint to a file that is to be kept where the owner of the database cannot reach it.

    Raises:
        InvalidInputError: The file exists, cannot be written, or its folder does not exist.
    """
    require_new(out)
    with session.viewing("audit.checkpoint") as reader:
        note = reader.checkpoint_note()
    signed = checkpoint_of(note)
    record = CheckpointExported(
        size=signed.size,
        root=base64.b64encode(signed.root).decode("ascii"),
        note_sha256=sha256_hex(note.encode()),
    )
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(note)
    except OSError as error:
        raise InvalidInputError(
            f"the checkpoint cannot be written: {error.strerror}", where=str(out), remedy="Name one that you may write."
        ) from error
    with session.acting("audit.checkpoint") as act:
        act.append(Subject(type="site", id="site"), record)
    return out
