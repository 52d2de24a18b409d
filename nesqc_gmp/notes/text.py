"""The strict reading of text that the three formats share: one accepted spelling of each value."""

from __future__ import annotations

import base64
import re
from typing import NoReturn

from nesqc_gmp.errors import IntegrityError

MAX_BYTES = 1_000_000
"""Longest file that is read."""

SIGNATURE_START = "\N{EM DASH} "
"""How a signature line begins."""

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
"""Control characters a note must not hold: all but the newline."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def name_problem(name: str) -> str | None:
    """Why a key name is not allowed (C2SP signed-note: not empty, no Unicode space, no plus sign)."""
    if not name or "+" in name or any(map(str.isspace, name)) or CONTROL.search(name) or not is_unicode(name):
        return "A key name is not empty and has no spaces, plus signs or control characters."
    return None


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8 (no lone surrogates)."""
    return text.isascii() or not re.search(r"[\ud800-\udfff]", text)


def read_text(data: bytes | str, place: str) -> str:
    """Text of a file: UTF-8, not too long, no control character but the newline."""
    if len(data) > MAX_BYTES:
        refuse(f"The file is longer than {MAX_BYTES} bytes.", place)
    try:
        text = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        refuse("The file is not UTF-8 text.", place)
    if CONTROL.search(text) or not is_unicode(text):
        refuse("The file holds a control character.", place)
    return text


def read_decimal(text: str, place: str) -> int:
    """A whole number without sign or leading zeros."""
    if not _DECIMAL.fullmatch(text):
        refuse("A number is not written in plain decimal digits.", place)
    return int(text)


def to_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode()


def from_base64(text: str, place: str) -> bytes:
    """Bytes of a standard base64 text, in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        refuse("A value is not base64.", place)
    if to_base64(data) != text:
        refuse("A value is not base64 in canonical form.", place)
    return data


def refuse(what: str, place: str) -> NoReturn:
    """The one way a parser fails."""
    raise IntegrityError(what, where=place, remedy="Do not rely on the file; get it again from its source.")
