"""Describe the present tree as a release: manifest, list of components, signed note (a developer's command).

Run it from the root of the project, in an environment with the locked dependencies::

    python -m validation.release make                 signed with a key made for this once: standing "development"
    python -m validation.release make --key FILE      signed with the key of the releases: standing "release"
    python -m validation.release make --download      after requirements.lock changed: reads every wheel again

Without ``--download`` nothing is fetched: digests of dependencies are kept from the manifest that is there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from nesqc_gmp import __version__
from nesqc_gmp.digest import canonical_json, sha256_file, sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError
from nesqc_gmp.installation import release
from nesqc_gmp.installation.distributions import canonical_name, read_wheel
from nesqc_gmp.installation.files import FileDigests, files_value, tree_lines, walk
from nesqc_gmp.installation.search_path import LIBRARIES, SETUPTOOLS_FILE, SETUPTOOLS_MODULE, STANDARD_LIBRARY
from nesqc_gmp.installation.site import guard_values, tables_value
from nesqc_gmp.installation.software import COMMAND, ENTRY_POINT, NAME, NOT_RELEASED, RELEASE_FOLDER
from nesqc_gmp.notes import NoteSigner, sign

ROOT = Path(__file__).resolve().parents[1]
LOCK = "requirements.lock"
EXTRA = "evaluate"
PYTHONS = ("3.11", "3.12", "3.13")
COMMAND_TO_RUN = "python -m validation.release make"

SETUPTOOLS = ("65.5.0", "79.0.1", "84.2.1")
"""Versions whose start-up file is known: what the module ``venv`` of Python 3.11 brings, and the newest."""

# The package libpython3-minimal of Debian and Ubuntu: it imports apport_python_hook, where that is installed.
SYSTEM_FILE = release.StartUpFile(
    name="sitecustomize.py",
    place=STANDARD_LIBRARY,
    brought_by="Debian and Ubuntu",
    sha256="43d81125d92376b1a69d53a71126a041cc9a18d8080e92dea0a2ae23be138b1e",
)

Dependencies = tuple[release.Dependency, ...]
StartUp = tuple[release.StartUpFile, ...]


def environment(python: str) -> str:
    """Name of the environment of a Python version on Linux with glibc, x86_64."""
    return f"cp{python.replace('.', '')}-manylinux_x86_64"


def locked(root: Path) -> dict[str, str]:
    """Version of each distribution of the lock, by canonical name."""
    lines = (root / LOCK).read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonical_name(name): version for name, version in pairs}


def kept(root: Path, previous: Dependencies) -> Dependencies:
    """The dependencies of the lock, with the digests that the present manifest has of them.

    Raises:
        InvalidInputError: The lock names something that the manifest has no digest of.
    """
    known = {(one.name, one.version): one for one in previous}
    new = sorted(f"{name} {version}" for name, version in locked(root).items() if (name, version) not in known)
    if new:
        remedy = f"Run `{COMMAND_TO_RUN} --download`."
        raise InvalidInputError(f"the manifest has no digest of {', '.join(new)}", where=LOCK, remedy=remedy)
    return tuple(known[pair] for pair in sorted(locked(root).items()))


def downloaded(root: Path) -> Dependencies:
    """The dependencies of the lock, each wheel read as it would be installed in each environment.

    Raises:
        InvalidInputError: There is no wheel, or the lock leaves out what an environment needs.
        IntegrityError: A wheel is damaged.
    """
    versions = locked(root)
    wheels: dict[str, list[release.DependencyWheel]] = {name: [] for name in versions}
    always: set[str] = set()
    for python in PYTHONS:
        with tempfile.TemporaryDirectory() as folder:
            _download(["--requirement", str(root / LOCK)], python, Path(folder))
            paths = {canonical_name(path.name.split("-")[0]): path for path in Path(folder).glob("*.whl")}
            contents = {name: read_wheel(path) for name, path in paths.items()}
            requires = {name: _requires(content.metadata) for name, content in contents.items()}
            always |= needed(_direct(root), requires, python)
            for name in sorted(needed([*_direct(root), *_extra(root)], requires, python)):
                if name not in versions:
                    raise InvalidInputError(f"Python {python} needs {name}, which is not locked", where=LOCK)
                path, content = paths[name], contents[name]
                wheels[name].append(
                    release.DependencyWheel(
                        environment=environment(python),
                        wheel=path.name,
                        wheel_sha256=sha256_file(path),
                        files=content.files,
                        digest=content.digest,
                    )
                )
    return tuple(
        release.Dependency(
            name=name, version=version, wheels=tuple(wheels[name]), extra=None if name in always else EXTRA
        )
        for name, version in sorted(versions.items())
    )


def start_up_files() -> StartUp:
    """Start-up files of others that a site may have, read from the wheels that bring them.

    Raises:
        InvalidInputError: There is no wheel.
        IntegrityError: A wheel is damaged.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for version in SETUPTOOLS:
            _download([f"setuptools=={version}"], PYTHONS[0], Path(folder))
            (path,) = Path(folder).glob(f"setuptools-{version}-*.whl")
            found.append(start_up_of(path, version))
    return (*found, SYSTEM_FILE)


def start_up_of(path: Path, version: str) -> release.StartUpFile:
    """The start-up file of a wheel of ``setuptools``, with the package that it imports.

    Raises:
        IntegrityError: The wheel is damaged.
    """
    read_wheel(path)
    prefix = f"{SETUPTOOLS_MODULE}/"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name.startswith(prefix)}
        file = archive.read(SETUPTOOLS_FILE)
    rows = ((name.removeprefix(prefix), sha256_hex(data), len(data)) for name, data in parts.items())
    return release.StartUpFile(
        name=SETUPTOOLS_FILE,
        place=LIBRARIES,
        brought_by=f"setuptools {version}",
        sha256=sha256_hex(file),
        runs=files_value(rows),
    )


def _download(what: Sequence[str], python: str, folder: Path) -> None:
    """Fetch wheels for one Python version; a distribution without a wheel cannot be released."""
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--python-version", python, "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, *what]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - the words are this module's own
        raise InvalidInputError(f"the wheels for Python {python} could not be fetched", where=" ".join(what))


def _direct(root: Path) -> list[str]:
    """What the software itself requires."""
    requirements: list[str] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    return requirements


def _extra(root: Path) -> list[str]:
    """What the extra for figures requires on top."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    requirements: list[str] = project["optional-dependencies"][EXTRA]
    return requirements


def _requires(text: str) -> list[str]:
    return HeaderParser().parsestr(text).get_all("Requires-Dist") or []


def needed(direct: Sequence[str], requires: Mapping[str, Sequence[str]], python: str) -> set[str]:
    """Canonical names of everything that an environment needs.

    Args:
        direct: Requirements of the software.
        requires: Requirements of each distribution by canonical name.
        python: For instance ``3.12``.
    """
    found: set[tuple[str, str]] = set()
    pending = [(text, "") for text in direct]
    while pending:
        text, extra = pending.pop()
        for name, wanted in _applies(text, python, extra):
            if (name, wanted) not in found:
                found.add((name, wanted))
                pending += [(each, wanted) for each in requires.get(name, ())]
    return {name for name, _ in found}


def _applies(text: str, python: str, extra: str) -> Iterator[tuple[str, str]]:
    """Name and extras that a requirement asks for in an environment; the empty extra is the distribution itself."""
    requirement = Requirement(text)
    markers = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "extra": extra,
    }
    if requirement.marker is None or requirement.marker.evaluate(markers):
        for each in ("", *sorted(requirement.extras)):
            yield canonical_name(requirement.name), each


def describe(
    root: Path, dependencies: Dependencies, start_up: StartUp, standing: release.Standing
) -> release.ReleaseManifest:
    """The manifest of a tree."""
    return release.ReleaseManifest(
        name=NAME,
        version=__version__,
        standing=standing,
        entry_point=f"{COMMAND} = {ENTRY_POINT}",
        files=_files(root / "nesqc_gmp"),
        validation=_files(root / "validation"),
        environments=tuple(environment(python) for python in PYTHONS),
        dependencies=dependencies,
        start_up=start_up,
        models=tuple(
            release.ReleaseModel(folder=path.parent.name, sha256=sha256_file(path))
            for path in sorted((root / "models").glob("*/manifest.json"))
        ),
        ledger=_ledger(),
    )


def _files(folder: Path) -> tuple[release.ReleaseFile, ...]:
    rows = sorted(tree_lines(walk(str(folder), leave_out=NOT_RELEASED), FileDigests()))
    return tuple(release.ReleaseFile(path=path, sha256=digest, size=size) for path, digest, size in rows)


def _ledger() -> release.LedgerSchema:
    """The schema of a new ledger, as the tables of the software make it."""
    from sqlmodel import create_engine

    from nesqc_gmp import store

    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        store.create_tables(connection)
        rows = connection.exec_driver_sql("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master")
        schema = [(str(kind), str(name), str(table), str(text)) for kind, name, table, text in rows]
    engine.dispose()
    return release.LedgerSchema(sha256=store.SCHEMA_SHA256, tables=tables_value(schema), guards=guard_values(schema))


def components(root: Path, manifest: release.ReleaseManifest) -> bytes:
    """The dependencies as a software bill of materials, CycloneDX 1.6 (ECMA-424), canonical JSON.

    It holds no time and no random number: the same tree gives the same bytes.

    Raises:
        InvalidInputError: A locked distribution is not installed here, so its licence cannot be read.
    """
    found = {one.name: _distribution(one) for one in manifest.dependencies}
    own = f"pkg:pypi/{manifest.name}@{manifest.version}"
    references = {one.name: f"pkg:pypi/{one.name}@{one.version}" for one in manifest.dependencies}
    requires = {name: one.requires or [] for name, one in found.items()}
    graph = [{"ref": own, "dependsOn": _edges([*_direct(root), *_extra(root)], references)}]
    graph += [{"ref": references[name], "dependsOn": _edges(requires[name], references)} for name in sorted(found)]
    value: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": manifest.name,
                "version": manifest.version,
                "purl": own,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [_component(one, references[one.name], found[one.name]) for one in manifest.dependencies],
        "dependencies": graph,
    }
    digest = sha256_hex(canonical_json(value))
    return canonical_json({**value, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}"})


def _distribution(dependency: release.Dependency) -> metadata.Distribution:
    try:
        found = metadata.distribution(dependency.name)
    except metadata.PackageNotFoundError:
        found = None
    if found is None or found.version != dependency.version:
        raise InvalidInputError(
            f"{dependency.name} {dependency.version} is not installed here, so its licence cannot be read",
            where=LOCK,
            remedy=f"Install with `--constraint {LOCK}` and run the command with that interpreter.",
        )
    return found


def _edges(requirements: Sequence[str], references: Mapping[str, str]) -> list[str]:
    """What is required directly, in any environment of the release."""
    names = {name for text in requirements for python in PYTHONS for name, _ in _applies(text, python, "")}
    return sorted(references[name] for name in names if name in references)


def _component(one: release.Dependency, reference: str, found: metadata.Distribution) -> dict[str, Any]:
    wheels = {wheel.wheel: wheel.wheel_sha256 for wheel in one.wheels}
    value: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": found.metadata["Name"],
        "version": one.version,
        "purl": reference,
        "licenses": licences(found.metadata),
        "externalReferences": [
            {"type": "distribution", "url": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for name, digest in sorted(wheels.items())
        ],
        "properties": [
            {"name": f"nesqc:installed-files-sha256:{wheel.environment}", "value": wheel.digest} for wheel in one.wheels
        ],
    }
    if one.extra is not None:
        value["scope"] = "optional"
    if len(wheels) == 1:
        value["hashes"] = [{"alg": "SHA-256", "content": next(iter(wheels.values()))}]
    return value


def licences(found: Any) -> list[dict[str, Any]]:
    """Licences as the distribution states them: expression, else classifiers, else a short free text, else unknown.

    Args:
        found: The metadata of a distribution.
    """
    expression = found.get("License-Expression")
    if expression:
        return [{"expression": expression}]
    classifiers = [text for text in found.get_all("Classifier") or [] if text.startswith("License ::")]
    names = sorted({text.split(" :: ")[-1] for text in classifiers} - {"OSI Approved"})
    free = (found.get("License") or "").strip()
    if not names and free and "\n" not in free and len(free) <= 80:
        names = [free]
    return [{"license": {"name": name}} for name in names or ["unknown"]]


def make(root: Path, *, key: Path | None = None, download: bool = False) -> release.ReleaseManifest:
    """Write ``validation/release`` of a tree.

    Args:
        root: Root of the project.
        key: File with the private key of the releases (C2SP signed note); without one, a key is made and forgotten.
        download: Whether wheels are fetched; otherwise digests are kept from the present manifest.

    Raises:
        InvalidInputError: The lock changed and nothing may be fetched, or the key is one of development.
        IntegrityError: The key or a wheel is damaged.
    """
    folder = root / "validation" / RELEASE_FOLDER
    previous = folder / release.MANIFEST
    signer = _release_signer(key) if key else NoteSigner.generate(f"{release.DEVELOPMENT_KEY}/{__version__}")
    if download:
        dependencies, start_up = downloaded(root), start_up_files()
    elif not previous.exists():
        remedy = f"Run `{COMMAND_TO_RUN} --download`."
        raise InvalidInputError("there is no manifest to keep digests from", where=previous.name, remedy=remedy)
    else:
        present = release.parse_manifest(previous.read_bytes())
        dependencies, start_up = kept(root, present.dependencies), present.start_up
    manifest = describe(root, dependencies, start_up, "release" if key else "development")
    sbom = components(root, manifest)
    files = {
        release.MANIFEST: manifest.canonical(),
        release.SBOM: sbom,
        release.NOTE: sign(release.note_text(manifest, sbom), signer).encode(),
        release.KEY: f"{signer.verifier}\n".encode(),
    }
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return manifest


def _release_signer(path: Path) -> NoteSigner:
    try:
        signer = NoteSigner.parse(path.read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise IntegrityError(f"the key cannot be read: {error}", where=path.name) from error
    if signer.name.startswith(release.DEVELOPMENT_KEY):
        raise InvalidInputError("a development key cannot sign a release", where=path.name)
    return signer


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m validation.release", description="Describe this tree as a release")
    parser.add_argument("act", choices=["make"])
    parser.add_argument("--key", type=Path, help="private key of the releases")
    parser.add_argument("--download", action="store_true", help="fetch and read every wheel of the lock again")
    given = parser.parse_args(arguments)
    try:
        manifest = make(ROOT, key=given.key, download=given.download)
    except NesqcError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{manifest.name} {manifest.version}, standing {manifest.standing}: validation/release is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
