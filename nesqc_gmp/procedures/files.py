"""Reading the files that people hand in: plain files of bounded size, never a pipe or a device that does not end."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.base import Frozen

FILE_LIMIT = 512 * 2**20
"""Largest file that is read, in bytes."""

Value = TypeVar("Value", bound=Frozen)


def read_given_file(path: Path, remedy: str = "") -> bytes:
    """The bytes of a file that somebody named.

    Args:
        path: The file.
        remedy: What more the person should know where it cannot be read.

    Raises:
        InvalidInputError: It cannot be read, is no plain file, or is too large.
    """
    try:
        # Opening a pipe would wait for its other end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInputError(
                    "this is not a plain file",
                    where=str(path),
                    remedy=f"Name a file, no folder or device. {remedy}".strip(),
                )
            if status.st_size > FILE_LIMIT:
                raise InvalidInputError(
                    f"the file is larger than {FILE_LIMIT // 2**20} MiB", where=str(path),
                    remedy=f"See whether it is the right file. {remedy}".strip(),
                )  # fmt: skip
            return stream.read()
    except FileNotFoundError as error:
        raise InvalidInputError(
            "there is no such file", where=str(path), remedy=f"Check the name and the folder. {remedy}".strip()
        ) from error
    except OSError as error:
        raise InvalidInputError(
            f"the file cannot be read: {error.strerror}", where=str(path),
            remedy=f"Check its name, and that your account may read it. {remedy}".strip(),
        ) from error  # fmt: skip


def require_new(path: Path) -> None:
    """A file or folder that is to be written does not exist, and its folder does; asked before anything is recorded.

    Raises:
        InvalidInputError: It exists, or its folder does not.
    """
    if os.path.lexists(path):
        raise InvalidInputError(
            "there is something of this name, and nothing is overwritten", where=str(path), remedy="Name a new one."
        )
    if not path.parent.is_dir():
        raise InvalidInputError(
            f"there is no folder {path.parent}", where=str(path), remedy="Make the folder first, or name another one."
        )


def read_given_toml(path: Path, kind: type[Value], what: str, remedy: str) -> Value:
    """A value from a TOML file; nothing is converted but a list to the tuple that holds it.

    Args:
        path: The file.
        kind: What the file has to be.
        what: The same in words, for the refusal.
        remedy: Where an example stands.

    Raises:
        InvalidInputError: The file cannot be read, or a field is missing, unknown or wrong; every one is named.
    """
    return parse_given_toml(read_given_file(path), path, TypeAdapter(kind), what, remedy)


def parse_given_toml(data: bytes, path: Path, kind: TypeAdapter[Value], what: str, remedy: str) -> Value:
    """The same from bytes that were read already; ``path`` is where they came from.

    Raises:
        InvalidInputError: As above.
    """
    try:
        text = json.dumps(tomllib.loads(data.decode("utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError(
            f"the file cannot be read: {error}", where=str(path), remedy=f"Write it as TOML in UTF-8. {remedy}"
        ) from error
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidInputError(
            f"the {what} is not complete or not correct: {fields}", where=str(path), remedy=remedy
        ) from error
