"""The supplier pack: what a site needs to assess who made the software, in one folder and one file.

The same release, installation and results give the same bytes: nothing in it is dated by the machine, and the file is
not compressed, since compressors differ. What is missing is named in its manifest.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.installation.release import Dependency, Release, open_release
from nesqc_gmp.procedures.files import read_given_file, require_new
from nesqc_gmp.qualification.matrix import build_matrix, matrix_content, read_results
from nesqc_gmp.qualification.matrix_document import matrix_document
from nesqc_gmp.qualification.traceability import read_trace

MANIFEST: Final = "manifest.json"
RESULTS: Final = "test-evidence/results.json"
_LICENCE: Final = re.compile(r"(^|/)(licen[cs]e|copying|notice|third-?party)|/licen[cs]es/", re.IGNORECASE)
_CODE: Final = (".py", ".pyc", ".pyi", ".so", ".pyd")
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)

_FILES: Final = (
    ("release-notes.md", "CHANGELOG.md", "release notes: what changed in each version"),
    ("known-issues.md", "audit/known-issues.md", "what is known to be missing, weak or surprising"),
    ("development-procedure.md", "audit/development-procedure.md", "how changes are made, reviewed, tested, released"),
    ("development/ci-run.sh", ".ci/run", "the checks that every change has to pass"),
    ("development/import-contracts.ini", ".importlinter", "which part of the software may use which"),
    ("test-evidence/how-this-is-tested.md", "audit/how-this-is-tested.md", "what is tested, against which source"),
    ("threats.md", "audit/threats.md", "attacks, what stands against each, what remains"),
    ("trust-model.md", "audit/trust-model.md", "who holds which key, and what each can forge"),
    ("byte-formats.md", "audit/byte-formats.md", "every format, byte by byte"),
    ("verify-without-us.md", "audit/verify-without-us.md", "checking a certificate without this software"),
    ("verify-entry.sh", "audit/verify-entry.sh", "the script that checks one entry of a log"),
    ("requirements.lock", "requirements.lock", "versions of everything that runs in production"),
    ("licences/nesqc-gmp/LICENSE", "LICENSE", "licence of the software"),
    ("clause-map.toml", "validation/clauses.toml", "rules, guides, findings and traps, and whether they are met"),
    ("validation-plan.toml", "validation/plan.toml", "text of the validation plan that a site fills in"),
)
"""Path in the pack, path in the release, what it is."""

_FOLDERS: Final = (
    ("decisions", "audit/decisions", "*.md", "a decision: what, why, what it costs"),
    ("requirements", "validation/requirements", "**/*.toml", "a user requirement with its source and risk"),
    ("protocols/iq", "validation/iq", "**/*.toml", "installation qualification, as data"),
    ("protocols/oq", "validation/oq", "**/*.*", "operational qualification, as data and drivers"),
    ("protocols/pq", "validation/pq", "**/*.toml", "performance qualification, as data"),
    ("models", "models", "*/CARD.md", "card of a model: what it is for, how it was made, how it performs"),
    ("models", "models", "*/manifest.json", "manifest of a model package, every part by digest"),
)
"""Folder in the pack, folder in the release, pattern, what each file is."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the pack: its path in it, what it is, its bytes."""

    path: str
    what: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that is not in the pack.

    Attributes:
        path: Where it would lie.
        why: Why it is not there.
        from_caller: Whether only the caller can hand it in.
    """

    path: str
    why: str
    from_caller: bool = False


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was written.

    Attributes:
        folder: The folder.
        file: The same as one file.
        parts: What is in it.
        missing: What is not.
    """

    folder: Path
    file: Path
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...]


def write_pack(validation: Path, out: Path, results: Path | None) -> Pack:
    """Gather the pack and write it, whole or not at all.

    Args:
        validation: Folder ``validation`` of the release; documents and models lie beside it.
        out: A new folder; the one file lies beside it, with the ending ``.zip``.
        results: What became of the tests, as ``pytest --requirement-results`` writes it; named as missing without.

    Raises:
        InvalidInputError: The folder or the file is there already, or the results cannot be read.
        IntegrityError: The release manifest is not the one that was signed.
        NotFoundError: There is no release manifest.
    """
    file = out.with_name(f"{out.name}.zip")
    for target in (out, file):
        require_new(target)
    release = open_release(validation / "release")
    parts, missing = gather(validation, results, release)
    contents = {part.path: part.data for part in parts} | {MANIFEST: manifest(release, parts, missing)}
    passing = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        for path, data in contents.items():
            (passing / path).parent.mkdir(parents=True, exist_ok=True)
            (passing / path).write_bytes(data)
        file.write_bytes(zipped(contents))
        passing.replace(out)
    except OSError as error:
        shutil.rmtree(passing, ignore_errors=True)
        file.unlink(missing_ok=True)
        raise InvalidInputError(
            f"the pack cannot be written: {error.strerror}", where=str(out), remedy="Name another folder."
        ) from error
    return Pack(out, file, tuple(parts), tuple(missing))


def gather(validation: Path, results: Path | None, release: Release) -> tuple[list[Part], list[Missing]]:
    """Every part that is there, by path, and every one that is not."""
    root = validation.resolve().parent
    found = [
        *_files(root),
        *_folders(root),
        *_release(validation),
        *_matrix(validation, root, results),
        *_evidence(results),
        *_licences(release.manifest.dependencies),
    ]
    parts = sorted((each for each in found if isinstance(each, Part)), key=lambda part: part.path)
    return parts, [each for each in found if isinstance(each, Missing)]


def manifest(release: Release, parts: Iterable[Part], missing: Iterable[Missing]) -> bytes:
    """What is in the pack and what is not, as canonical JSON."""
    value = {
        "format": "nesqc supplier pack v1",
        "software": f"{release.manifest.name} {release.manifest.version}",
        "standing": release.manifest.standing,
        "release_manifest_sha256": release.manifest_sha256,
        "release_key": release.key,
        "files": [
            {"path": part.path, "what": part.what, "sha256": sha256_hex(part.data), "bytes": len(part.data)}
            for part in parts
        ],
        "missing": [{"path": each.path, "why": each.why, "from_caller": each.from_caller} for each in missing],
    }
    return canonical_json(value)


def zipped(contents: dict[str, bytes]) -> bytes:
    """The files as one archive, in the order of their names, not compressed, without the time of the machine."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(contents):
            entry = zipfile.ZipInfo(path, _ZIP_TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, contents[path])
    return stream.getvalue()


def _files(root: Path) -> Iterator[Part | Missing]:
    for path, source, what in _FILES:
        place = root / source
        yield Part(path, what, place.read_bytes()) if place.is_file() else _absent(path, source)


def _absent(path: str, source: str) -> Missing:
    return Missing(path, f"{source} is not beside the folder of the release; take it from the source of the release")


def _folders(root: Path) -> Iterator[Part | Missing]:
    for path, source, pattern, what in _FOLDERS:
        places = sorted(place for place in (root / source).glob(pattern) if place.is_file() and _kept(place))
        if not places:
            yield _absent(path, f"{source}/{pattern}")
        for place in places:
            yield Part(f"{path}/{place.relative_to(root / source).as_posix()}", what, place.read_bytes())


def _kept(place: Path) -> bool:
    return "__pycache__" not in place.parts


def _release(validation: Path) -> Iterator[Part]:
    for name, what in (
        ("manifest.json", "release manifest: every file and dependency by digest"),
        ("manifest.note", "signed note that names the manifest and the list of parts"),
        ("release.vkey", "public key of the note; take it by another way too"),
        ("sbom.cdx.json", "list of parts with licences, CycloneDX 1.6"),
    ):
        yield Part(f"release/{name}", what, (validation / "release" / name).read_bytes())


def _matrix(validation: Path, root: Path, results: Path | None) -> Iterator[Part | Missing]:
    from nesqc_gmp.reports.html import render_html
    from nesqc_gmp.reports.pdf import render_pdf

    given = read_results(results) if results else None
    try:
        trace = read_trace(validation)
    except NotFoundError as error:
        yield Missing("traceability", error.what)
        return
    matrix = build_matrix(trace, root, given, {})
    document = matrix_document(matrix)
    what = "traceability from requirements to clauses, tests and cases, and back"
    yield Part("traceability/matrix.pdf", what, render_pdf(document))
    yield Part("traceability/matrix.html", what, render_html(document).encode())
    yield Part("traceability/matrix.json", what, canonical_json(matrix_content(matrix)))


def _evidence(results: Path | None) -> Iterator[Part | Missing]:
    if results is None:
        why = "run the tests of the release with `pytest --requirement-results FILE`, and give the file"
        yield Missing(RESULTS, why, from_caller=True)
    else:
        yield Part(RESULTS, "what became of each test that cites a requirement", read_given_file(results))


def _licences(dependencies: Iterable[Dependency]) -> Iterator[Part | Missing]:
    """Texts of the licences of every locked distribution, from its installation."""
    for dependency in dependencies:
        folder = f"licences/{dependency.name}-{dependency.version}"
        try:
            installed = metadata.distribution(dependency.name)
        except metadata.PackageNotFoundError:
            yield Missing(folder, "the distribution is not installed here")
            continue
        if installed.version != dependency.version:
            yield Missing(folder, f"version {installed.version} is installed here")
            continue
        texts = [file for file in installed.files or () if _LICENCE.search(str(file)) and file.suffix not in _CODE]
        for text in texts:
            place = Path(str(installed.locate_file(text)))
            if place.is_file():
                name = str(text).removeprefix(f"{text.parts[0]}/")
                yield Part(f"{folder}/{name}", f"licence of {dependency.name}", place.read_bytes())
        if not texts:
            yield Part(f"{folder}/LICENCE-NAMED-ONLY.txt", f"licence of {dependency.name}", _named(installed))


def _named(installed: metadata.Distribution) -> bytes:
    """What a distribution without any text of its licence says of it."""
    said = installed.metadata.json
    names = [said.get("license_expression"), said.get("license"), *said.get("classifier", ())]
    lines = [str(name) for name in names[:2] if name]
    lines += [str(name) for name in names[2:] if str(name).startswith("License ::")]
    text = "\n".join(lines or ["nothing"])
    return f"The distribution brings no text of its licence. It names:\n{text}\n".encode()
