"""Original files kept by their digest: written once, read-only, hashed again at each use.

The name of an object is the SHA-256 of its bytes, so an altered object no longer has the name it lies under
(21 CFR 11.10(c): protection of records to enable their accurate and ready retrieval). An object is written to a
temporary file beside its place, flushed to the disk and renamed: after a crash it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"[0-9a-f]{2}")
_TEMPORARY_PREFIX = ".incoming-"
_READ_ONLY = 0o444
_RESTORE = "Restore the object from the backup and investigate how it was changed."


class ObjectStore:
    """Files under ``root/ab/cdef...``, where ``abcdef...`` is the SHA-256 of the content.

    Args:
        root: Folder of the store; it is made with the first object.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, digest: str) -> Path:
        """Where the object of this digest lies, whether it is there or not.

        Raises:
            IntegrityError: The text is not a SHA-256 digest.
        """
        if _DIGEST.fullmatch(digest) is None:
            raise IntegrityError(
                f"{digest[:80]!r} is not a SHA-256 digest.",
                where=str(self._root),
                remedy="Check the record that names the object.",
            )
        return self._root / digest[:2] / digest[2:]

    def put(self, data: bytes) -> str:
        """Keep bytes and give their digest; bytes already kept are compared, not written again.

        Raises:
            IntegrityError: An object of this name is there and holds something else.
        """
        digest = sha256_hex(data)
        place = self.path(digest)
        if os.path.lexists(place):
            self.read(digest)
            return digest
        place.parent.mkdir(parents=True, exist_ok=True)
        _write_once(place, data)
        _sync_folder(place.parent)
        _sync_folder(self._root)
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes of an object, hashed again now.

        Raises:
            IntegrityError: The object is missing, is not a plain file, or no longer has its digest.
        """
        place = self.path(digest)
        data = _read_plain_file(place, digest)
        if sha256_hex(data) != digest:
            raise IntegrityError(f"The object {digest} was altered.", where=str(place), remedy=_RESTORE)
        return data

    def digests(self) -> Iterator[str]:
        """The digest of every object, in ascending order; nothing is read."""
        for entry in self._entries():
            digest = entry.parent.name + entry.name
            if _DIGEST.fullmatch(digest):
                yield digest

    def verify(self) -> Iterator[IntegrityError]:
        """Every problem in the store: altered objects, links, and files that are no objects.

        A missing object is not seen here: only the records know which objects there must be. Temporary files
        that a crash left behind are not reported, because they never became objects.
        """
        for entry in self._entries():
            digest = entry.parent.name + entry.name
            if entry.parent == self._root or not _DIGEST.fullmatch(digest):
                yield IntegrityError(
                    "This is not an object.", where=str(entry), remedy="Find out who put it there, then remove it."
                )
                continue
            try:
                self.read(digest)
            except IntegrityError as problem:
                yield problem

    def _entries(self) -> Iterator[Path]:
        """Everything that lies at an object's depth, and whatever lies in its way."""
        if not self._root.exists():
            return
        for folder in sorted(self._root.iterdir()):
            if not _FOLDER.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
                yield folder
                continue
            yield from (file for file in sorted(folder.iterdir()) if not file.name.startswith(_TEMPORARY_PREFIX))


def _write_once(place: Path, data: bytes) -> None:
    """Write bytes beside the place, flush them to the disk, make them read-only, then rename."""
    handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY_PREFIX, dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), _READ_ONLY)
            os.fsync(stream.fileno())
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _sync_folder(folder: Path) -> None:
    """Flush a folder to the disk, so that a rename inside it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_plain_file(place: Path, digest: str) -> bytes:
    """The bytes of a file that must not be a link; neither must its folder.

    Raises:
        IntegrityError: There is no such plain file.
    """
    try:
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            descriptor = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise IntegrityError(f"The object {digest} is not a plain file.", where=str(place), remedy=_RESTORE)
            return stream.read()
    except FileNotFoundError:
        raise IntegrityError(f"The object {digest} is missing.", where=str(place), remedy=_RESTORE) from None
    except OSError as problem:
        raise IntegrityError(
            f"The object {digest} cannot be read: {problem.strerror}.", where=str(place), remedy=_RESTORE
        ) from problem
