"""The log key and the last checkpoint it signed, in two files outside the database.

The signer remembers what it signed last, so it never signs a tree that contradicts it: a database that was cut,
rewritten or replaced by an older copy is refused before anything is appended (C2SP tlog-checkpoint: a log must not
sign a checkpoint inconsistent with one it signed before).
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from nesqc_gmp.errors import IntegrityError, InvalidInputError, LedgerBusyError, NotFoundError
from nesqc_gmp.merkle import EMPTY_ROOT
from nesqc_gmp.notes import Checkpoint, NoteSigner, NoteVerifier, open_checkpoint, sign_checkpoint

_BLOCK = 1024
_ORIGIN_LIMIT = 255
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.0005


class LogSigner:
    """Signs checkpoints; holds the one writer lock of a ledger.

    Args:
        key_path: File with the private key of the log, as a C2SP signer key.
        state_path: File with the last checkpoint signed.

    Raises:
        NotFoundError: A file is missing.
        IntegrityError: The key or the state cannot be read.
    """

    def __init__(self, key_path: Path, state_path: Path) -> None:
        try:
            self._signer = NoteSigner.parse(key_path.read_bytes().decode(errors="replace"))
            self._state = os.open(state_path, os.O_RDWR | os.O_CLOEXEC)
            self._lock = WriterLock(self._state)
        except OSError as error:
            raise NotFoundError(
                f"the log key or its state cannot be opened ({error.strerror})",
                where=str(error.filename),
                remedy="Run as the person or service that owns the site, or restore the keys folder.",
            ) from error

    @classmethod
    def create(cls, key_path: Path, state_path: Path, origin: str) -> LogSigner:
        """Make a new log key; both files are readable by their owner alone.

        Raises:
            FileExistsError: There is a key already.
            InvalidInputError: The origin cannot be the name of a key.
        """
        if len(origin.encode()) > _ORIGIN_LIMIT:
            what = f"the origin is too long: the limit is {_ORIGIN_LIMIT} bytes"
            raise InvalidInputError(what, where="origin", remedy="Choose a shorter name for the log.")
        signer = NoteSigner.generate(origin)
        # The first thing signed is the empty log, so an empty state file always means that somebody emptied it.
        empty = sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), signer)
        for path, text in ((key_path, signer.private_text().encode()), (state_path, state_bytes(empty))):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
        return cls(key_path, state_path)

    @property
    def origin(self) -> str:
        """Origin of the log."""
        return self._signer.name

    @property
    def verifier(self) -> NoteVerifier:
        """The public half of the log key."""
        return self._signer.verifier

    def lock(self) -> WriterLock:
        """The writer lock; two processes take turns."""
        return self._lock

    def last(self) -> Checkpoint:
        """The last checkpoint signed.

        Raises:
            IntegrityError: The state file was altered.
        """
        return read_state(os.pread(self._state, _BLOCK, 0), self.verifier)

    def sign(self, size: int, root: bytes) -> str:
        """A signed note over the head of the log."""
        return sign_checkpoint(Checkpoint(self.origin, size, root), self._signer)

    def remember(self, note: str) -> None:
        """Keep a signed note as the last one.

        It is written after the commit and without its own flush to the disk: after a loss of power the state may lag
        behind the database, which the database then extends; it can never be ahead of it.
        """
        os.pwrite(self._state, state_bytes(note), 0)

    def close(self) -> None:
        """Give the state file back."""
        os.close(self._state)


def state_bytes(note: str) -> bytes:
    """A note as the state file holds it: always the same length, so that a new one covers the old one whole."""
    return note.encode().ljust(_BLOCK, b"\x00")


def read_state(block: bytes, verifier: NoteVerifier) -> Checkpoint:
    """The checkpoint in the bytes of a state file.

    Raises:
        IntegrityError: The bytes are not a checkpoint signed by this log.
    """
    try:
        return open_checkpoint(block.rstrip(b"\x00"), verifier)
    except IntegrityError as error:
        raise IntegrityError(
            f"the log key's state was altered: {error.what}",
            where="keys/log.state",
            remedy="Run `nesqc audit verify` with a checkpoint kept elsewhere and tell QA.",
        ) from error


class WriterLock:
    """The one writer lock of a ledger, on the open state file of its key.

    Args:
        descriptor: The open file.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def acquire(self) -> None:
        """Wait for the lock.

        Raises:
            LedgerBusyError: Another process held it for a minute.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            try:
                return fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
        raise LedgerBusyError("another process has been writing for a minute", remedy="Let it finish, then try again.")

    def release(self) -> None:
        """Let the next one write."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
