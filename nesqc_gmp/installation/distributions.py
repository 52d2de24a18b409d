"""Installed distributions, and wheels that were not installed, each by one digest over the files that it brings.

The digest is the same for a wheel and for its installation: SHA-256 over sorted lines ``path,sha256,size`` of the files
that the wheel puts beside the other modules. What an installer adds or rewrites is left out: its own notes in the
``.dist-info`` folder, compiled code, commands, and everything else that comes to lie outside the library folder
(Recording installed projects and Binary distribution format, packaging.python.org).
"""

from __future__ import annotations

import binascii
import csv
import hashlib
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.installation.files import FileDigests, Tree, digest_of_lines
from nesqc_gmp.installation.lines import Line, some

INSTALLERS: Final[Mapping[str, tuple[str, ...]]] = {
    "pip": ("pip/",),
    "setuptools": ("setuptools/", "pkg_resources/", "_distutils_hack/"),
    "wheel": ("wheel/",),
}
"""What a fresh environment brings to install with, and the packages of each; nothing of the software imports them."""

_ADDED = frozenset(
    {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json"}
    | {"uv_cache.json", "uv_build.json"}
)
_INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(?:-[^-]+)?\.(?:dist|egg)-info")


def canonical_name(name: str) -> str:
    """The one spelling of the name of a distribution (Names and normalization, packaging.python.org)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: Canonical name.
        version: From the name of its folder.
        library: The folder it is installed in.
        info: Name of its ``.dist-info`` folder.
        recorded: Digest and size by path, of the files that the wheel brought, as the installation noted them.
        claimed: Every path in the library folder that the installation noted.
        listed: Whether the installation noted its files at all.
    """

    name: str
    version: str
    library: str
    info: str
    recorded: Mapping[str, tuple[str, str]]
    claimed: Collection[str]
    listed: bool

    def value(self, tree: Tree, digests: FileDigests) -> str:
        """Version, number of files and digest of the bytes that lie there now; and what is not as it was noted."""
        if not self.listed:
            return f"{self.version}, no list of its files"
        lines, other = [], []
        for path, noted in self.recorded.items():
            facts = tree.files.get(path)
            if facts is None:
                lines.append((path, f"link to {tree.links[path]}" if path in tree.links else "missing", 0))
                other.append(path)
                continue
            found = digests.digest(f"{self.library}/{path}", facts)
            lines.append((path, found, facts.st_size))
            if (found, str(facts.st_size)) != noted:
                other.append(path)
        changed = f"; not as installed: {some(other)}" if other else ""
        return f"{self.version}, {len(lines)} files, SHA-256 {digest_of_lines(lines)}{changed}"

    def modules(self) -> set[str]:
        """Names that can be imported from it."""
        tops = {path.partition("/")[0] for path in self.recorded}
        return {top.partition(".")[0] for top in tops if not top.endswith((".dist-info", ".pth", ".libs"))}


def distributions(library: str) -> list[Distribution]:
    """Every distribution in a folder, sorted by name and version."""
    found = []
    with os.scandir(library) as entries:
        for entry in entries:
            match = _INFO.fullmatch(entry.name)
            if match is not None:
                found.append(_read(library, entry.name, match["name"], match["version"]))
    return sorted(found, key=lambda one: (one.name, one.version))


def _read(library: str, info: str, name: str, version: str) -> Distribution:
    try:
        with open(f"{library}/{info}/RECORD", encoding="utf-8", newline="") as stream:
            rows = list(_rows(stream.read()))
    except (OSError, UnicodeDecodeError):
        return Distribution(canonical_name(name), version, library, info, {}, frozenset(), False)
    inside = [row for row in rows if _inside(row[0])]
    claimed = {path for path, _, _ in inside}
    recorded = {path: (_hex(noted), size) for path, noted, size in inside if brought(path, info)}
    return Distribution(canonical_name(name), version, library, info, recorded, claimed, True)


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Path, noted digest and size of each row of a RECORD; the digest may be missing."""
    for line in text.splitlines():
        row = next(csv.reader([line])) if '"' in line else line.rsplit(",", 2)
        if len(row) == 3:
            yield row[0], row[1], row[2]


def _hex(noted: str) -> str:
    """The digest of ``sha256=<URL-safe base64 without padding>`` in hexadecimal digits, or nothing."""
    kind, _, value = noted.partition("=")
    if kind != "sha256":
        return ""
    try:
        # As base64.urlsafe_b64decode does it, without its checks of types for each of thousands of rows.
        return binascii.a2b_base64(f"{value.replace('-', '+').replace('_', '/')}=").hex()
    except binascii.Error:
        return ""


def _inside(path: str) -> bool:
    """Whether a noted path lies in the library folder."""
    return not path.startswith(("/", "../")) and "/../" not in path


def brought(path: str, info: str) -> bool:
    """Whether a file in the library folder comes from the wheel.

    Args:
        path: As noted, inside the library folder.
        info: Name of the ``.dist-info`` folder.
    """
    if path.endswith(".pyc") and "__pycache__/" in path:
        return False
    folder, _, name = path.rpartition("/")
    return folder != info or name not in _ADDED


@dataclass(frozen=True, slots=True)
class WheelContent:
    """What a wheel brings.

    Attributes:
        files: Number of files.
        digest: The digest over them; the installation of the wheel has the same.
        metadata: Text of ``METADATA``.
    """

    files: int
    digest: str
    metadata: str


def read_wheel(path: Path) -> WheelContent:
    """The digest of a wheel, from its bytes.

    Raises:
        IntegrityError: The wheel is damaged, or its bytes are not those that it lists itself.
    """
    remedy = "Download the wheel again."
    lines = []
    try:
        with zipfile.ZipFile(path) as archive:
            # Not the notes of a distribution that the wheel carries inside.
            tops = (name.split("/") for name in archive.namelist() if name.count("/") == 1)
            info = next(top for top, name in tops if top.endswith(".dist-info") and name == "RECORD")
            data = f"{info.removesuffix('.dist-info')}.data/"
            for name, noted, _ in _rows(archive.read(f"{info}/RECORD").decode()):
                place = _installed_path(name, data)
                if place is None or not _inside(place) or not brought(place, info):
                    continue
                content = archive.read(name)
                digest = hashlib.sha256(content).hexdigest()
                if digest != _hex(noted):
                    raise IntegrityError(f"{name} is not what the wheel lists", where=path.name, remedy=remedy)
                lines.append((place, digest, len(content)))
            metadata = archive.read(f"{info}/METADATA").decode()
    except (OSError, KeyError, StopIteration, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"the wheel cannot be read: {error}", where=path.name, remedy=remedy) from error
    return WheelContent(len(lines), digest_of_lines(lines), metadata)


def _installed_path(name: str, data: str) -> str | None:
    """Where a file of a wheel comes to lie in the library folder, or ``None`` where it lies elsewhere."""
    if not name.startswith(data):
        return name
    kind, _, rest = name.removeprefix(data).partition("/")
    return rest if kind in ("purelib", "platlib") else None


def dependency_lines(
    found: Collection[Distribution], locked: Collection[str], trees: Mapping[str, Tree], digests: FileDigests
) -> Iterator[Line]:
    """One line for each locked distribution.

    Args:
        found: Distributions of the libraries.
        locked: Canonical names.
        trees: The libraries, walked, by folder.
        digests: Digests of files.
    """
    for name in sorted(locked):
        values = [one.value(trees[one.library], digests) for one in found if one.name == name]
        yield Line("dependencies", name, "; and also ".join(values) or "not installed")


def other_distributions(
    found: Collection[Distribution], locked: Collection[str], own: str, elsewhere: Collection[str]
) -> Line:
    """The line of what no lock names, in the libraries and in every other folder of the search path.

    Args:
        found: Distributions of the libraries.
        locked: Canonical names.
        own: Canonical name of the software itself.
        elsewhere: Other folders of the search path.
    """
    names = [f"{one.name} {one.version}" for one in found if one.name not in locked and one.name != own]
    for folder in elsewhere:
        if os.path.isdir(folder):
            names += [f"{one.name} {one.version} in {folder}" for one in distributions(folder)]
    return Line("dependencies", "other distributions", ", ".join(sorted(names)) or "none")


def _own_claims(one: Distribution, own: str) -> Iterator[str]:
    """What a distribution may claim whose digest the release does not know."""
    packages = ("nesqc_gmp/",) if one.name == own else INSTALLERS.get(one.name, ())
    return (path for path in one.claimed if path.startswith((f"{one.info}/", *packages)))


def other_files(
    found: Collection[Distribution],
    locked: Collection[str],
    own: str,
    trees: Mapping[str, Tree],
    left_out: Collection[str],
) -> Line:
    """The line of files that no distribution brought.

    What an installation noted of its files can be edited. It counts for a locked distribution, because the release
    knows the digest over its files; the others may claim no more than their own packages and notes.

    Args:
        found: Distributions of the libraries.
        locked: Canonical names.
        own: Canonical name of the software itself.
        trees: The libraries, walked, by folder.
        left_out: Absolute paths that other lines speak of.
    """
    names = []
    for folder, tree in trees.items():
        claimed: set[str] = set()
        for one in found:
            if one.library == folder:
                claimed.update(one.claimed if one.name in locked else _own_claims(one, own))
        loose = (tree.files.keys() | tree.links.keys()) - claimed
        names += [path for path in loose if f"{folder}/{path}" not in left_out]
    value = f"{len(names)}: {some(names)}; SHA-256 of their names {digest_of_lines((n, '', 0) for n in names)}"
    return Line("dependencies", "files that no distribution brought", value if names else "none")
