"""A model package that was verified: bytes in memory that are, digest by digest, what the manifest names."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import rfc8785
from pydantic import ValidationError

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.modelpack.graph import inspect
from nesqc_gmp.modelpack.layout import MANIFEST, MODEL, part_paths
from nesqc_gmp.records.models import ModelManifest

MAX_FILES = 500
MAX_FILE_BYTES = 64 * 2**20

_REMEDY = "Use the package as it was released."


@dataclass(frozen=True, slots=True)
class LockedModel:
    """A verified package; made only by ``open_package`` and ``open_package_bytes``.

    Attributes:
        manifest: The manifest.
        manifest_bytes: The manifest's canonical bytes.
        digest: SHA-256 of those bytes: the name of the package in every record.
        parts: Verified bytes of every other file, by path; cannot be changed.
    """

    manifest: ModelManifest
    manifest_bytes: bytes = field(repr=False)
    digest: str
    parts: Mapping[str, bytes] = field(repr=False)

    def files(self) -> dict[str, bytes]:
        """Every file of the package by path, the manifest included: what ``open_package_bytes`` takes."""
        return {MANIFEST: self.manifest_bytes, **self.parts}


def open_package(folder: Path) -> LockedModel:
    """Read and verify a package folder; the caller compares ``digest`` with the approved one.

    Raises:
        ModelRefusedError: The folder is not byte for byte what its manifest names.
    """
    return verified(read_folder(folder))


def open_package_bytes(files: Mapping[str, bytes], expected_digest: str) -> LockedModel:
    """Verify a package that is already in memory.

    Args:
        files: Bytes of every file by path, the manifest included.
        expected_digest: SHA-256 of the approved manifest.

    Raises:
        ModelRefusedError: The files are not the approved package.
    """
    model = verified(files)
    if model.digest != expected_digest:
        raise ModelRefusedError(
            f"the package is {model.digest}, not the approved {expected_digest}", where=MANIFEST, remedy=_REMEDY
        )
    return model


def verified(files: Mapping[str, bytes]) -> LockedModel:
    """The package that these files are, by path.

    Raises:
        ModelRefusedError: The files are not what their manifest names, or the model is not one that may be locked.
    """
    if MANIFEST not in files:
        raise ModelRefusedError("the package has no manifest", where=MANIFEST, remedy=_REMEDY)
    manifest_bytes = files[MANIFEST]
    manifest = parse_manifest(manifest_bytes)
    named = {part.path for part in manifest.parts}
    if named != set(part_paths(manifest)):
        raise ModelRefusedError("the manifest does not name the parts of a package", where=MANIFEST, remedy=_REMEDY)
    for path in sorted(named ^ (set(files) - {MANIFEST})):
        fault = "a file is missing" if path in named else "a file is not in the manifest"
        raise ModelRefusedError(fault, where=path, remedy=_REMEDY)
    for part in manifest.parts:
        if len(files[part.path]) != part.byte_length or sha256_hex(files[part.path]) != part.sha256:
            raise ModelRefusedError("the file is not what the manifest names", where=part.path, remedy=_REMEDY)
    facts = inspect(files[MODEL])
    if facts.opset != manifest.graph.opset:
        raise ModelRefusedError(f"operator set {facts.opset} is not the manifest's", where=MODEL, remedy=_REMEDY)
    parts = MappingProxyType({part.path: files[part.path] for part in manifest.parts})
    return LockedModel(manifest, manifest_bytes, sha256_hex(manifest_bytes), parts)


def parse_manifest(data: bytes) -> ModelManifest:
    """The manifest of canonical bytes.

    Raises:
        ModelRefusedError: The bytes are not a manifest or not its canonical form.
    """
    try:
        manifest = ModelManifest.model_validate_json(data)
        canonical = canonical_json(manifest.model_dump(mode="json"))
    except (ValidationError, rfc8785.CanonicalizationError) as error:
        raise ModelRefusedError(f"not a manifest: {_first_line(error)}", where=MANIFEST, remedy=_REMEDY) from error
    if canonical != data:
        raise ModelRefusedError("the manifest is not in canonical form", where=MANIFEST, remedy=_REMEDY)
    return manifest


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Bytes of every file by path, each opened once.

    Raises:
        ModelRefusedError: Something in the folder is neither a plain file nor a folder, or cannot be read.
    """
    files: dict[str, bytes] = {}
    pending = [(folder, "")]
    while pending:
        place, prefix = pending.pop()
        for entry in _entries(place):
            path = prefix + entry.name
            if entry.is_symlink() or not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
                raise ModelRefusedError("neither a plain file nor a folder", where=path, remedy=_REMEDY)
            if entry.is_dir(follow_symlinks=False):
                if prefix:
                    raise ModelRefusedError("a folder inside a folder", where=path, remedy=_REMEDY)
                pending.append((Path(entry.path), f"{path}/"))
            else:
                files[path] = _read_file(Path(entry.path), path)
            if len(files) > MAX_FILES:
                raise ModelRefusedError(f"more than {MAX_FILES} files", where=str(folder), remedy=_REMEDY)
    return files


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise ModelRefusedError(f"cannot be read: {error.strerror}", where=str(folder), remedy=_REMEDY) from error
    if not found:
        raise ModelRefusedError("an empty folder", where=str(folder), remedy=_REMEDY)
    return found


def _read_file(path: Path, name: str) -> bytes:
    """Bytes of a plain file, without following a link that was put there after the folder was listed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ModelRefusedError("not a plain file", where=name, remedy=_REMEDY)
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ModelRefusedError(f"cannot be read: {error.strerror}", where=name, remedy=_REMEDY) from error
    if len(data) > MAX_FILE_BYTES:
        raise ModelRefusedError(f"larger than {MAX_FILE_BYTES} bytes", where=name, remedy=_REMEDY)
    return data
