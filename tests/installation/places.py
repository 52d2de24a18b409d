"""A copy of an installation and a site in a folder: own files, two dependencies, a command, a ledger, keys."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path

from nesqc_gmp import store
from nesqc_gmp.config import SitePaths
from nesqc_gmp.installation.comparison import NOT_REQUIRED, compare
from nesqc_gmp.installation.lines import Finding, Line
from nesqc_gmp.installation.release import ReleaseManifest
from nesqc_gmp.installation.roots import Installation, present_installation
from nesqc_gmp.installation.state import SiteFacts, installed_state, quick_state

ROOT = Path(__file__).parents[2]
RELEASE = ROOT / "validation" / "release"
COPIED = ("rfc8785", "typing-inspection")
MODEL = "nes-morphology-sim-1.1.0"
COMMAND = """\
# -*- coding: utf-8 -*-
import re
import sys
from nesqc_gmp.cli import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""


def row(library: Path, path: Path) -> str:
    """A line of a RECORD, as the packaging standard describes it."""
    data = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path.relative_to(library).as_posix()},sha256={digest},{len(data)}\n"


def write_distribution(library: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Put a distribution into a library folder, with its RECORD."""
    info = library / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    paths = [info / "METADATA"]
    for path, text in files.items():
        (library / path).parent.mkdir(parents=True, exist_ok=True)
        (library / path).write_text(text)
        paths.append(library / path)
    record = "".join(row(library, path) for path in paths)
    (info / "RECORD").write_text(f"{record}{info.name}/RECORD,,\n")
    return info


class Place:
    """An installation and a site that a test may change."""

    def __init__(self, folder: Path, manifest: ReleaseManifest) -> None:
        self.folder = folder
        self.library = folder / "lib" / "site-packages"
        self.package = self.library / "nesqc_gmp"
        self.paths = SitePaths(folder / "site")
        self.manifest = manifest
        self.facts = SiteFacts(
            locked=manifest.locked(),
            zone="Europe/Stockholm",
            now=datetime(2026, 11, 25, 12, tzinfo=UTC),
            backup_target="backup.example:/nesqc",
            validation=folder / "validation",
            models=folder / "models",
        )
        self.installation: Installation = replace(
            present_installation(),
            package=str(self.package),
            libraries=(str(self.library),),
            scripts=str(folder / "bin"),
            executable=str(folder / "bin" / "python"),
            search_path=(str(folder / "bin"), str(folder / "lib" / "standard"), str(self.library)),
            standard_library=(str(folder / "lib" / "standard"),),
            flags=(),
            environment={"HOME": "/home/nesqc", "LANG": "C.UTF-8"},
            zone_folders=(str(folder / "zones"),),
            etc=str(folder / "etc"),
            proc=str(folder / "proc"),
        )

    def state(self) -> tuple[Line, ...]:
        """Every file hashed."""
        return installed_state(self.paths, self.facts, self.installation)

    def quick(self) -> tuple[Line, ...]:
        """With what is remembered."""
        return quick_state(self.paths, self.facts, self.installation)

    def findings(self) -> tuple[Finding, ...]:
        """The comparison with the release, the site asking for nothing."""
        return compare(self.manifest, self.state(), NOT_REQUIRED)


def zone_file(zone: str) -> bytes:
    """The data of a zone, from the package tzdata."""
    return (resources.files("tzdata") / "zoneinfo" / zone).read_bytes()


def _copied(name: str, library: Path) -> None:
    """Copy an installed distribution, with the RECORD that its installer wrote."""
    for path in metadata.files(name) or ():
        if not path.parts[0].startswith("..") and "__pycache__" not in path.parts:
            target = library / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path.locate(), target)


def linked(source: str, target: str) -> None:
    """Link the many files that no test writes into, and copy the rest."""
    many = ("/nesqc_gmp/", "/models/", "/validation/")
    (os.link if any(part in source for part in many) else shutil.copy2)(source, target)


def build(folder: Path, manifest: ReleaseManifest) -> None:
    library = folder / "lib" / "site-packages"
    library.mkdir(parents=True)
    for name in COPIED:
        _copied(name, library)
    shutil.copytree(ROOT / "nesqc_gmp", library / "nesqc_gmp", ignore=shutil.ignore_patterns("__pycache__"))
    info = library / f"nesqc_gmp-{manifest.version}.dist-info"
    info.mkdir()
    files = sorted(path for path in (library / "nesqc_gmp").rglob("*") if path.is_file())
    (info / "RECORD").write_text("".join(row(library, path) for path in files) + f"{info.name}/RECORD,,\n")
    standard = folder / "lib" / "standard"
    standard.mkdir()
    (standard / "os.py").write_text("name = 'posix'\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (folder / "bin" / "nesqc").write_text(f"#!{folder}/bin/python\n{COMMAND}")
    shutil.copytree(ROOT / "validation", folder / "validation", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "models" / MODEL, folder / "models" / MODEL)
    (folder / "zones" / "Europe").mkdir(parents=True)
    (folder / "zones" / "Europe" / "Stockholm").write_bytes(zone_file("Europe/Stockholm"))
    (folder / "etc").mkdir()
    (folder / "etc" / "os-release").write_text('NAME=Example\nPRETTY_NAME="Example Linux 12"\n')
    (folder / "etc" / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Stockholm")
    (folder / "proc" / "17").mkdir(parents=True)
    (folder / "proc" / "17" / "comm").write_text("chronyd\n")
    (folder / "proc" / "cpuinfo").write_text("flags\t\t: fpu sse2 avx avx2 fma f16c avx512f avx_vnni\n" * 2)
    _build_site(folder / "site")


def _build_site(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    paths = SitePaths(folder)
    os.close(os.open(paths.ledger, os.O_CREAT | os.O_WRONLY, 0o600))
    engine = store.writing_engine(paths.ledger)
    with engine.connect() as connection:
        store.create_tables(connection)
        connection.commit()
    engine.dispose()
    paths.keys.mkdir(mode=0o700)
    (paths.keys / "people").mkdir(mode=0o755)
    for name in ("log.key", "people/a.json"):
        (paths.keys / name).write_text("secret")
        (paths.keys / name).chmod(0o600)
    for name in ("objects", "trust"):
        (folder / name).mkdir(mode=0o755)
