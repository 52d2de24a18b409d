"""The exact bytes of an entry: RFC 8785 canonical JSON, put together from parts.

The parts of an entry were validated when they were made, so they are neither validated nor walked again as one
object. Who acted and what about repeat from entry to entry: their bytes are made once and kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from rfc8785 import CanonicalizationError

from nesqc_gmp import __version__
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import InvalidInputError, RecordTooLargeError
from nesqc_gmp.records.base import Instant, Reason
from nesqc_gmp.records.entry import Actor, Record, Subject

ENTRY_LIMIT = 65_535
"""Largest entry, in bytes: the length field of a tlog-tiles entry bundle has 16 bits."""

SOFTWARE = f"nesqc_gmp {__version__}"

Body = dict[str, Any]
"""The JSON value of an entry, as its model describes it (``records.entry.Entry``)."""

_REASON: TypeAdapter[str | None] = TypeAdapter(Reason | None)

# The member names are ASCII, so RFC 8785 section 3.2.3 sorts them as they stand here.
_ENTRY = b'{"actor":%b,"index":%d,"origin":%b,"reason":%b,"record":%b,"software":%b,"subject":%b,"time":%b,"version":1}'
_TIME = b'{"local":%b,"utc":%b,"zone":%b}'


def compose(
    origin: str, index: int, time: Instant, actor: Actor, subject: Subject, reason: str | None, record: Record
) -> tuple[Body, bytes]:
    """The JSON value of an entry and its canonical bytes.

    Raises:
        RecordTooLargeError: The bytes are more than the limit.
        InvalidInputError: The reason is too short or too long, or a value cannot be written as canonical JSON.
    """
    (actor_body, actor_bytes), (subject_body, subject_bytes) = _kept_part(actor), _kept_part(subject)
    body: Body = {
        "version": 1,
        "origin": origin,
        "index": index,
        "time": time.model_dump(mode="json"),
        "actor": actor_body,
        "subject": subject_body,
        "reason": None if reason is None else _valid_reason(reason),
        "software": SOFTWARE,
        "record": record.model_dump(mode="json"),
    }
    try:
        data = _ENTRY % (
            actor_bytes,
            index,
            _kept_text(origin),
            canonical_json(body["reason"]),
            canonical_json(body["record"]),
            _kept_text(SOFTWARE),
            subject_bytes,
            _TIME % (canonical_json(time.local), canonical_json(time.utc), _kept_text(time.zone)),
        )
    except CanonicalizationError as error:
        raise InvalidInputError(
            f"the record cannot be written: {error}", where=f"{subject.type} {subject.id}"
        ) from error
    if len(data) > ENTRY_LIMIT:
        raise RecordTooLargeError(
            f"the record would take {len(data)} bytes; the limit is {ENTRY_LIMIT}",
            where=f"{subject.type} {subject.id}",
            remedy="Shorten the text, or attach a file as evidence instead.",
        )
    return body, data


@lru_cache(maxsize=256)
def _kept_part(value: Actor | Subject) -> tuple[Body, bytes]:
    body = value.model_dump(mode="json")
    return body, canonical_json(body)


@lru_cache(maxsize=64)
def _kept_text(value: str) -> bytes:
    return canonical_json(value)


def _valid_reason(reason: str) -> str | None:
    try:
        return _REASON.validate_python(reason)
    except ValueError as error:
        raise InvalidInputError(
            "a reason has 8 to 1000 characters", where="reason", remedy="Say in a sentence why."
        ) from error
