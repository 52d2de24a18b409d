"""The work folder of a run: one checkpoint a fit, written whole or not at all, and whose run it is.

::

    run.json            digests of the plan and of the manifest that the folder belongs to
    <fit>.checkpoint    SHA-256 in hexadecimal, a line end, then what torch saves
"""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError

RUN = "run.json"
LOCK = "run.lock"
_PARTIAL = ".partial"


def write_whole(file: Path, data: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    Raises:
        NesqcError: The disk is full; the old content stands.
    """
    partial = file.with_name(file.name + _PARTIAL)
    try:
        with refused_where_full(file), partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
        _sync_folder(file.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def refused_where_full(place: Path) -> Iterator[None]:
    """Turn a full disk into one refusal.

    Raises:
        NesqcError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise NesqcError(
            "the disk is full; the last checkpoint before this stands",
            where=str(place),
            remedy="Make room and repeat the command: training goes on from that checkpoint.",
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Work:
    """A work folder that belongs to one plan and one manifest, and to one process as long as this object lives.

    Args:
        folder: Made where it does not exist.
        digests: What the run depends on, by name: SHA-256 of the plan, of the manifest.

    Raises:
        InvalidInputError: The folder belongs to another run, or another process is at work in it.
        NesqcError: The disk is full.
    """

    def __init__(self, folder: Path, digests: dict[str, str]) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        weakref.finalize(self, os.close, _locked(folder))
        run = folder / RUN
        if not run.exists():
            write_whole(run, canonical_json(digests))
            return
        changed = _changed(run, digests)
        if changed:
            raise InvalidInputError(
                f"the folder holds a run with another {' and another '.join(changed)}",
                where=str(folder),
                remedy="A run goes on only with what it began with. Give another --work folder, or remove this one.",
            )

    @property
    def begun(self) -> bool:
        """Whether the folder holds a checkpoint: then some epochs were run before."""
        return any(self._folder.glob(self._file("*").name))

    def save(self, fit: str, state: dict[str, Any]) -> None:
        """Write the checkpoint of a fit in place of the one before.

        Raises:
            NesqcError: The disk is full; the one before stands.
        """
        stream = io.BytesIO()
        torch.save(state, stream)
        data = stream.getvalue()
        write_whole(self._file(fit), sha256_hex(data).encode() + b"\n" + data)

    def load(self, fit: str) -> dict[str, Any] | None:
        """The last checkpoint of a fit, or ``None``.

        Raises:
            IntegrityError: The file is not byte for byte what was saved.
        """
        file = self._file(fit)
        if not file.exists():
            return None
        digest, _, data = file.read_bytes().partition(b"\n")
        if digest.decode("ascii", "replace") != sha256_hex(data):
            raise IntegrityError(
                "the checkpoint is damaged", where=str(file), remedy="Remove the file; that fit begins again."
            )
        state: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
        return state

    def _file(self, fit: str) -> Path:
        return self._folder / f"{fit}.checkpoint"


def _locked(folder: Path) -> int:
    """Descriptor that holds the lock of a work folder; the system frees it when the process ends, however that happens.

    Raises:
        InvalidInputError: Another run holds it.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InvalidInputError(
            "another training run is at work in this folder",
            where=str(folder),
            remedy="Wait for it, or give another --work folder.",
        ) from None
    return descriptor


def _changed(run: Path, digests: dict[str, str]) -> list[str]:
    """Names of the digests that are not those of the folder."""
    try:
        found = json.loads(run.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInputError(
            "the folder is not one of a training run", where=str(run.parent), remedy="Give another --work folder."
        )
    return [name for name, digest in digests.items() if found.get(name) != digest]
