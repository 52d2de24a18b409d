"""The exact bytes of an entry: RFC 8785 canonical JSON.

The parts of an entry were validated when they were made, so they are not validated again as one object. By their types
they hold text, whole numbers, truth values, lists and objects with ASCII member names, and nothing else. For such
values the compiled encoder of the standard library, told to sort and to leave out white space, writes the bytes that
RFC 8785 asks for; the package ``rfc8785`` needs four times as long for them and is the oracle of the tests, over every
kind of record (``audit/decisions/0011-canonical-entries.md``).
"""

from __future__ import annotations

import json
import re
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

# RFC 8785 has no whole numbers from 2**53 on; where one could stand, its own package decides.
_MANY_DIGITS = re.compile(rb"[0-9]{16}")
_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def compose(
    origin: str, index: int, time: Instant, actor: Actor, subject: Subject, reason: str | None, record: Record
) -> tuple[Body, bytes]:
    """The JSON value of an entry and its canonical bytes.

    Raises:
        RecordTooLargeError: The bytes are more than the limit.
        InvalidInputError: The reason is too short or too long, or a value cannot be written as canonical JSON.
    """
    body: Body = {
        "version": 1,
        "origin": origin,
        "index": index,
        "time": time.model_dump(mode="json"),
        "actor": _kept(actor),
        "subject": _kept(subject),
        "reason": None if reason is None else _valid_reason(reason),
        "software": SOFTWARE,
        "record": record.model_dump(mode="json"),
    }
    try:
        data = _canonical(body).encode()
        if _MANY_DIGITS.search(data):
            data = canonical_json(body)
    except (UnicodeEncodeError, CanonicalizationError) as error:
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
def _kept(value: Actor | Subject) -> Body:
    """Who acted and what about repeat from entry to entry; nothing changes the value handed out."""
    return value.model_dump(mode="json")


def _valid_reason(reason: str) -> str | None:
    try:
        return _REASON.validate_python(reason)
    except ValueError as error:
        raise InvalidInputError(
            "a reason is one visible line of 8 to 1000 characters", where="reason", remedy="Say in a sentence why."
        ) from error
