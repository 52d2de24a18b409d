"""Writing a bundle to a folder, and reading it back strictly.

Reading trusts nothing: no link, no file that the manifest does not name, no file missing, every byte hashed. Small
files are held in memory; originals, which may be many and large, are hashed at once and read again where they are
used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from nesqc_gmp.digest import canonical_json, sha256_file, sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError
from nesqc_gmp.evidence import layout
from nesqc_gmp.evidence.bundle import EvidenceBundle, EvidenceEntry
from nesqc_gmp.records.base import Frozen, Sha256

MANIFEST_LIMIT: Final = 64 * 1024 * 1024
SMALL_LIMIT: Final = 16 * 1024 * 1024
"""Largest file that is held in memory, in bytes; originals are not."""

_READ_ONLY: Final = 0o444
_FOLDERS: Final = frozenset({"entries", "proofs", "signatures", "objects"})
_REMEDY: Final = "Do not rely on the bundle; get it again from the site."


class ManifestLine(Frozen):
    """One file: digest and size in bytes."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]


_MANIFEST: Final[TypeAdapter[dict[str, ManifestLine]]] = TypeAdapter(dict[str, ManifestLine])


def write(folder: Path, bundle: EvidenceBundle) -> None:
    """Write a bundle; the manifest comes last, so that a folder cut short is not whole.

    Args:
        folder: A folder that is empty or does not exist.
        bundle: What to write.

    Raises:
        InvalidInputError: The folder holds something, or cannot be written.
        IntegrityError: An original does not have the digest it is named by.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidInputError("the folder is not empty", where=str(folder), remedy="Name a new folder.")
        _write_all(folder, bundle)
    except OSError as error:
        raise InvalidInputError(f"the bundle cannot be written: {error.strerror}", where=str(folder)) from error


def _write_all(folder: Path, bundle: EvidenceBundle) -> None:
    lines: dict[str, dict[str, str | int]] = {}
    for path, data in _files(bundle):
        _write_file(folder / path, data)
        lines[path] = {"sha256": sha256_hex(data), "bytes": len(data)}
    _write_file(folder / layout.MANIFEST, canonical_json(lines))
    for place in (*(folder / name for name in _FOLDERS if (folder / name).is_dir()), folder, folder.parent):
        _sync_folder(place)


def _files(bundle: EvidenceBundle) -> Iterator[tuple[str, bytes]]:
    yield layout.README, layout.README_TEXT.encode()
    yield from layout.small_files(bundle)
    for digest in sorted(bundle.objects):
        data = bundle.objects[digest]
        if sha256_hex(data) != digest:
            raise IntegrityError(f"the original {digest} does not have its digest", where="evidence")
        yield layout.object_path(digest), data


def _write_file(place: Path, data: bytes) -> None:
    place.parent.mkdir(exist_ok=True)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _READ_ONLY)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(folder: Path) -> EvidenceBundle:
    """Read a bundle.

    Args:
        folder: As ``write`` left it.

    Returns:
        The bundle; its originals are read from the folder, and hashed again, where they are used.

    Raises:
        IntegrityError: A file is missing, added, altered or out of place.
    """
    try:
        lines = _manifest(folder)
        _require_exactly(folder, frozenset(lines))
        for path, line in lines.items():
            _require_unaltered(folder / path, path, line)
        return _parsed(folder, lines)
    except (OSError, ValueError) as error:  # ValueError: bytes that are no text
        raise IntegrityError(f"the bundle cannot be read: {error}", where=str(folder), remedy=_REMEDY) from error


def _refused(what: str, path: str) -> IntegrityError:
    return IntegrityError(what, where=path, remedy=_REMEDY)


def _manifest(folder: Path) -> dict[str, ManifestLine]:
    data = _read_plain(folder / layout.MANIFEST, layout.MANIFEST, MANIFEST_LIMIT)
    try:
        lines = _MANIFEST.validate_json(data)
    except ValidationError:
        raise _refused("not a manifest of a bundle", layout.MANIFEST) from None
    if canonical_json({path: line.model_dump() for path, line in lines.items()}) != data:
        raise _refused("the manifest is not in its canonical form", layout.MANIFEST)
    return lines


def _require_exactly(folder: Path, named: frozenset[str]) -> None:
    """The folder holds the files of the manifest and nothing else."""
    present = frozenset(_present(folder)) - {layout.MANIFEST}
    for path in sorted(present - named):
        raise _refused("the file is not in the manifest", path)
    for path in sorted(named - present):
        raise _refused("the file is missing", path)


def _present(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as items:
        for item in items:
            if item.name in _FOLDERS and item.is_dir(follow_symlinks=False):
                yield from (f"{item.name}/{name}" for name in os.listdir(item))
            else:
                yield item.name


def _require_unaltered(place: Path, path: str, line: ManifestLine) -> None:
    status = os.lstat(place)
    if not stat.S_ISREG(status.st_mode):
        raise _refused("this is not a plain file", path)
    if status.st_size != line.bytes or sha256_file(place) != line.sha256:
        raise _refused("the file was altered", path)


def _read_plain(place: Path, path: str, limit: int = SMALL_LIMIT) -> bytes:
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise _refused(f"not a plain file of at most {limit} bytes", path)
        return stream.read()


def _parsed(folder: Path, lines: Mapping[str, ManifestLine]) -> EvidenceBundle:
    small = {path: _read_plain(folder / path, path) for path in lines if not layout.OBJECT_FILE.fullmatch(path)}
    for path, data in small.items():
        if sha256_hex(data) != lines[path].sha256:
            raise _refused("the file was altered while it was read", path)
    if missing := {layout.LOG_KEY, layout.AUTHORITY, layout.CHECKPOINT, layout.RECORD, layout.README} - set(small):
        raise _refused("the file is missing", min(missing))
    bundle = EvidenceBundle(
        log_key=small[layout.LOG_KEY].decode().removesuffix("\n"),
        authority=small[layout.AUTHORITY],
        checkpoint=small[layout.CHECKPOINT].decode(),
        record=small[layout.RECORD],
        entries=tuple(_entries(small)),
        objects=Originals(folder, {path.removeprefix("objects/"): line.sha256 for path, line in lines.items()
                                   if layout.OBJECT_FILE.fullmatch(path)}),
    )  # fmt: skip
    _require_derived(bundle, small)
    return bundle


def _entries(small: Mapping[str, bytes]) -> Iterator[EvidenceEntry]:
    found = (layout.ENTRY_FILE.fullmatch(path) for path in small)
    for index in sorted(int(match.group(1)) for match in found if match):
        if layout.proof_path(index) not in small or layout.entry_path(index) not in small:
            raise _refused("an entry has no proof", layout.entry_path(index))
        yield EvidenceEntry(index, small[layout.entry_path(index)], small[layout.proof_path(index)].decode())


def _require_derived(bundle: EvidenceBundle, small: Mapping[str, bytes]) -> None:
    """No file stands outside the layout, and each signature file is what the entries say."""
    expected = dict(layout.small_files(bundle)) | {layout.README: small[layout.README]}
    for path in sorted(set(expected) ^ set(small)):
        raise _refused("the file has no place in a bundle, or is missing", path)
    for path, data in expected.items():
        if small[path] != data:
            raise _refused("the file is not what the entries say", path)


class Originals(Mapping[str, bytes]):
    """Original files in a folder, by digest; each is read and hashed where it is used.

    Args:
        folder: Folder of the bundle.
        digests: Digest in the manifest by name of the file.

    Raises:
        IntegrityError: The name of a file is not its digest.
    """

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        for name, digest in digests.items():
            if name != digest:
                raise _refused("the name of an original is not its digest", layout.object_path(name))
        self._folder = folder
        self._digests = tuple(sorted(digests))

    def __getitem__(self, digest: str) -> bytes:
        """The bytes of an original.

        Raises:
            KeyError: There is none of this digest.
            IntegrityError: It was altered since the bundle was read.
        """
        if digest not in self._digests:
            raise KeyError(digest)
        path = layout.object_path(digest)
        try:
            data = (self._folder / path).read_bytes()
        except OSError as error:
            raise _refused(f"the original cannot be read: {error.strerror}", path) from error
        if sha256_hex(data) != digest:
            raise _refused("the original was altered while it was checked", path)
        return data

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)
