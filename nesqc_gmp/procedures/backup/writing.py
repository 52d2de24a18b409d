"""Copying files so that a crash or a loss of power leaves none of them half: whole folders appear at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from nesqc_gmp.errors import IntegrityError, NesqcError

_BLOCK: Final = 2**20
_READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Opening a pipe would wait for its other end, opening a link would read what it leads to."""


@contextmanager
def passing_folder(folder: Path) -> Iterator[Path]:
    """A new folder that only its owner can enter, taken away again where what fills it fails.

    Raises:
        NesqcError: Something could not be written.
    """
    with _refusing(folder):
        try:
            folder.mkdir(mode=0o700)
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for passing files (in ``TMPDIR``, else the system's) that only its owner can enter; always taken away.

    Raises:
        NesqcError: Something could not be written.
    """
    with (
        _refusing(Path(tempfile.gettempdir())),
        tempfile.TemporaryDirectory(prefix="nesqc-restore-test-") as folder,
    ):
        yield Path(folder)


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NesqcError(
            f"the copy cannot be made: {error.strerror}",
            where=str(error.filename or folder),
            remedy="Nothing of it was kept. See to it that there is room, and that your account may write there.",
        ) from error


def write_file(path: Path, blocks: Iterable[bytes], mode: int = 0o600) -> str:
    """Write a new file, flush it to the disk, and let go of it in memory: who reads it next reads the disk.

    Returns:
        Digest of what was written.

    Raises:
        OSError: It exists or cannot be written.
    """
    for above in reversed(path.parents):
        if not above.exists():
            above.mkdir(mode=0o700)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        for block in blocks:
            digest.update(block)
            stream.write(block)
        stream.flush()
        os.fchmod(stream.fileno(), mode)
        flush(stream.fileno())
    return digest.hexdigest()


def blocks_of(path: Path) -> Iterator[bytes]:
    """The bytes of a plain file, block by block, whatever its size.

    Raises:
        IntegrityError: It cannot be read, or is no plain file.
    """
    with _readable(path), os.fdopen(os.open(path, _READING), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise IntegrityError("this is no plain file", where=str(path))
        yield from iter(lambda: stream.read(_BLOCK), b"")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise IntegrityError("the file is missing", where=str(path)) from None
    except OSError as error:
        raise IntegrityError(f"the file cannot be read: {error.strerror}", where=str(path)) from error


def flush(descriptor: int) -> None:
    """Bring an open file to the disk and out of the memory of the system."""
    os.fsync(descriptor)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def flush_folders(folder: Path) -> None:
    """Bring the names in a folder, and in all below it, to the disk."""
    for place, _, _ in os.walk(folder):
        flush_folder(Path(place))


def flush_folder(folder: Path) -> None:
    """Bring the names in one folder to the disk, so that a rename in it survives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
