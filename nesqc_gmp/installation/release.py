"""The release manifest: what was released, file by file, and the signed note that names it.

::

    validation/release/manifest.json    canonical JSON (RFC 8785): ReleaseManifest
    validation/release/sbom.cdx.json    the same dependencies for other tools, CycloneDX 1.6
    validation/release/manifest.note    signed note (C2SP) that names both by SHA-256
    validation/release/release.vkey     the key the note is signed with

A release is signed by a key that its owner keeps. Between releases the note is signed by a key made for that one
signature and forgotten; its name and the manifest say ``development``, and neither can be taken for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError
from rfc8785 import CanonicalizationError

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError, NotFoundError
from nesqc_gmp.notes import NoteVerifier, open_note
from nesqc_gmp.records.base import Frozen, Line, Sha256

MANIFEST: Final = "manifest.json"
SBOM: Final = "sbom.cdx.json"
NOTE: Final = "manifest.note"
KEY: Final = "release.vkey"
DEVELOPMENT_KEY: Final = "nesqc-gmp/development"
"""How the name of every key begins that was made for one signature."""

Standing = Literal["development", "release"]

_HEADER = "nesqc release v1"
_REMEDY = "Use the folder validation/release as it was released."


class ReleaseFile(Frozen):
    """One file.

    Attributes:
        path: Below its folder, with slashes.
        sha256: Digest of its bytes.
        size: Bytes.
    """

    path: Line
    sha256: Sha256
    size: int


class DependencyWheel(Frozen):
    """A dependency as it is installed in one environment.

    Attributes:
        environment: For instance ``cp311-manylinux_x86_64``.
        wheel: Name of the wheel.
        wheel_sha256: Digest of the wheel.
        files: Number of files that it brings into the library folder.
        digest: The digest over them (``distributions.read_wheel``).
    """

    environment: Line
    wheel: Line
    wheel_sha256: Sha256
    files: int
    digest: Sha256


class Dependency(Frozen):
    """A locked distribution.

    Attributes:
        name: Canonical name.
        version: Version.
        wheels: One for each environment that needs it.
        extra: The extra of the software that needs it; ``None`` where every installation does.
    """

    name: Line
    version: Line
    wheels: tuple[DependencyWheel, ...]
    extra: Line | None = None


class StartUpFile(Frozen):
    """A file that the interpreter runs at every start and that is no part of the software, but known.

    Attributes:
        name: Name of the file.
        place: Where it lies, as the line of these files says it.
        brought_by: What brings it.
        sha256: Digest of its bytes.
        runs: All files of the package that it imports, as the line says it; ``None`` where that is not one package.
    """

    name: Line
    place: Line
    brought_by: Line
    sha256: Sha256
    runs: Line | None = None


class ReleaseModel(Frozen):
    """A model package that comes with the release.

    Attributes:
        folder: Name of its folder.
        sha256: Digest of its manifest.
    """

    folder: Line
    sha256: Sha256


class LedgerSchema(Frozen):
    """What a new ledger holds.

    Attributes:
        sha256: Digest of the whole schema (``store.SCHEMA_SHA256``).
        tables: The value of the line of tables and indexes.
        guards: The value of the line of each table's guards.
    """

    sha256: Sha256
    tables: Line
    guards: dict[str, Line]


class ReleaseManifest(Frozen):
    """One release.

    Attributes:
        kind: Version of this format.
        name: Canonical name of the distribution.
        version: Version of the software.
        standing: Whether it is a release or the state of development.
        entry_point: The command and what it calls.
        files: Files of the package.
        validation: Files of ``validation/``, this folder left out.
        environments: Environments that the dependencies were looked at for.
        dependencies: Locked distributions.
        start_up: Start-up files of others whose bytes are known.
        models: Model packages.
        ledger: Schema of a new ledger.
    """

    kind: Literal["nesqc release manifest v1"] = "nesqc release manifest v1"
    name: Line
    version: Line
    standing: Standing
    entry_point: Line
    files: tuple[ReleaseFile, ...]
    validation: tuple[ReleaseFile, ...]
    environments: tuple[Line, ...]
    dependencies: tuple[Dependency, ...]
    start_up: tuple[StartUpFile, ...]
    models: tuple[ReleaseModel, ...]
    ledger: LedgerSchema

    def locked(self) -> frozenset[str]:
        """Canonical names of the locked distributions."""
        return frozenset(dependency.name for dependency in self.dependencies)

    def canonical(self) -> bytes:
        """The bytes of ``manifest.json``."""
        return canonical_json(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Release:
    """A manifest whose signed note was verified.

    Attributes:
        manifest: The manifest.
        manifest_sha256: Digest of its bytes.
        sbom_sha256: Digest of the list of components that was signed with it.
        key: The key that the note verifies with, as text.
        pinned: Whether the reader brought the key; the key beside the note proves only that nothing was changed
            without making a new note.
    """

    manifest: ReleaseManifest
    manifest_sha256: str
    sbom_sha256: str
    key: str
    pinned: bool


def environment_name(python_version: str, implementation: str, architecture: str, library: str) -> str | None:
    """Name of the environment that wheels are chosen for, or ``None`` where no wheel of the release fits.

    Args:
        python_version: For instance ``3.11.7``.
        implementation: For instance ``CPython``.
        architecture: For instance ``x86_64``.
        library: For instance ``glibc 2.36``.
    """
    if implementation != "CPython" or architecture != "x86_64" or not library.startswith("glibc "):
        return None
    major, minor, *_ = python_version.split(".")
    return f"cp{major}{minor}-manylinux_x86_64"


def note_text(manifest: ReleaseManifest, sbom: bytes) -> str:
    """The text that is signed: what is released, and both files by SHA-256."""
    return (
        f"{_HEADER}\n{manifest.name} {manifest.version}\nstanding: {manifest.standing}\n"
        f"{MANIFEST} sha256 {sha256_hex(manifest.canonical())}\n{SBOM} sha256 {sha256_hex(sbom)}\n"
    )


def parse_manifest(data: bytes) -> ReleaseManifest:
    """The manifest of canonical bytes.

    Raises:
        IntegrityError: The bytes are not a manifest or not its canonical form.
    """
    try:
        manifest = ReleaseManifest.model_validate_json(data)
        canonical = manifest.canonical()
    except (ValidationError, CanonicalizationError) as error:
        raise IntegrityError("this is not a release manifest", where=MANIFEST, remedy=_REMEDY) from error
    if canonical != data:
        raise IntegrityError("the manifest is not in canonical form", where=MANIFEST, remedy=_REMEDY)
    return manifest


def open_release(folder: Path, pinned: NoteVerifier | None = None) -> Release:
    """Read a release and verify its note.

    Args:
        folder: ``validation/release``.
        pinned: The key of the releases as the reader keeps it; the one in the folder where none is given.

    Raises:
        NotFoundError: A file is missing.
        IntegrityError: A file was altered, the note is by another key, or a development key signed a release.
    """
    manifest_bytes, sbom, note, key = (_read(folder / name) for name in (MANIFEST, SBOM, NOTE, KEY))
    try:
        verifier = pinned or NoteVerifier.parse(key.decode().strip())
    except UnicodeDecodeError as error:
        raise IntegrityError("the key is not text", where=KEY, remedy=_REMEDY) from error
    text = open_note(note, [verifier])
    manifest = parse_manifest(manifest_bytes)
    if text != note_text(manifest, sbom):
        what = "the signed note names another manifest or another list of components"
        raise IntegrityError(what, where=NOTE, remedy=_REMEDY)
    if (manifest.standing == "development") != verifier.name.startswith(DEVELOPMENT_KEY):
        what = f"the key {verifier.name} cannot sign the standing {manifest.standing}"
        raise IntegrityError(what, where=KEY, remedy=_REMEDY)
    return Release(manifest, sha256_hex(manifest_bytes), sha256_hex(sbom), str(verifier), pinned is not None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"the release cannot be read: {error.strerror}"
        raise NotFoundError(what, where=str(path), remedy="Bring the folder validation/ of the release.") from error
