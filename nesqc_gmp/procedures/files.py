"""Reading the files that people hand in: plain files of bounded size, never a pipe or a device that does not end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from nesqc_gmp.errors import InvalidInputError

FILE_LIMIT = 512 * 2**20
"""Largest file that is read, in bytes."""


def read_given_file(path: Path) -> bytes:
    """The bytes of a file that somebody named.

    Raises:
        InvalidInputError: It cannot be read, is no plain file, or is too large.
    """
    try:
        # Opening a pipe would wait for its other end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInputError("this is not a plain file", where=str(path))
            if status.st_size > FILE_LIMIT:
                raise InvalidInputError(f"the file is larger than {FILE_LIMIT // 2**20} MiB", where=str(path))
            return stream.read()
    except OSError as error:
        raise InvalidInputError(
            f"the file cannot be read: {error.strerror}", where=str(path), remedy="What was received so far is kept."
        ) from error
