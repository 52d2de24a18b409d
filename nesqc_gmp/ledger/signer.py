"""The log key and the last checkpoint it signed, in two files outside the database.

The signer remembers what it signed last, so it never signs a tree that contradicts it: a database that was cut,
rewritten or replaced by an older copy is refused before anything is appended (C2SP tlog-checkpoint: a log must not
sign a checkpoint inconsistent with one it signed before).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nesqc_gmp.errors import IntegrityError, LedgerBusyError, NotFoundError
from nesqc_gmp.notes import Checkpoint, NoteSigner, NoteVerifier, open_checkpoint, sign_checkpoint

_BLOCK = 1024
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
            self._signer = NoteSigner.parse(key_path.read_text())
            self._state = os.open(state_path, os.O_RDWR | os.O_CLOEXEC)
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
        """
        for path, text in ((key_path, NoteSigner.generate(origin).private_text()), (state_path, "")):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
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

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the writer lock; two processes take turns.

        Raises:
            LedgerBusyError: Another process held it for a minute.
        """
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self._state, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LedgerBusyError(
                        "another process has been writing for a minute", remedy="Let it finish, then try again."
                    ) from None
                time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(self._state, fcntl.LOCK_UN)

    def last(self) -> Checkpoint | None:
        """The last checkpoint signed, ``None`` before the first.

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
        os.pwrite(self._state, note.encode().ljust(_BLOCK, b"\x00"), 0)

    def close(self) -> None:
        """Give the state file back."""
        os.close(self._state)


def read_state(block: bytes, verifier: NoteVerifier) -> Checkpoint | None:
    """The checkpoint in the bytes of a state file, ``None`` where nothing was signed yet.

    Raises:
        IntegrityError: The bytes are not a checkpoint signed by this log.
    """
    note = block.rstrip(b"\x00")
    if not note:
        return None
    try:
        return open_checkpoint(note, verifier)
    except IntegrityError as error:
        raise IntegrityError(
            f"the log key's state was altered: {error.what}",
            where="keys/log.state",
            remedy="Run `nesqc audit verify` with a checkpoint kept elsewhere and tell QA.",
        ) from error
