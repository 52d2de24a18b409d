"""What the interpreter would run or import before the locked files: folders searched first, and start-up files."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from nesqc_gmp.installation.distributions import Distribution
from nesqc_gmp.installation.files import FileDigests, Tree, files_value, tree_lines
from nesqc_gmp.installation.lines import Line
from nesqc_gmp.installation.roots import Installation

_START_UP = ("sitecustomize", "usercustomize")
SETUPTOOLS_FILE: Final = "distutils-precedence.pth"
SETUPTOOLS_MODULE: Final = "_distutils_hack"
"""What the start-up file of ``setuptools`` imports."""
_SUFFIXES = ("py", "pyc", "so")
_MODULES = (".py", ".pyc", ".so")
LIBRARIES: Final = "the libraries"
STANDARD_LIBRARY: Final = "the standard library"


def elsewhere(installation: Installation) -> tuple[str, ...]:
    """Folders of the search path that are neither the interpreter's own nor the libraries."""
    known = {os.path.realpath(place) for place in (*installation.libraries, *installation.standard_library)}
    absolute = (os.path.abspath(place) for place in installation.search_path)
    return tuple(dict.fromkeys(place for place in absolute if os.path.realpath(place) not in known))


def search_path_line(installation: Installation, modules: Collection[str], trees: Collection[Tree]) -> Line:
    """The line of everything that would be imported in place of a locked module or of the standard library.

    Beside the commands only such a module counts: some tools put modules of their own there. In any other folder that
    is searched before the libraries every module counts, because locked modules also try to import what is not locked.

    Args:
        installation: Where to look.
        modules: Names of the modules of the software and of its dependencies.
        trees: The libraries, walked.
    """
    faults = [f"{name} is a package and a file" for tree in trees for name in sorted(_twice(tree))]
    variable = installation.environment.get("PYTHONPATH")
    if variable:
        faults.append(f"PYTHONPATH={variable}")
    libraries = {os.path.realpath(place) for place in installation.libraries}
    commands = os.path.realpath(installation.scripts)
    wanted = set(modules) | set(sys.stdlib_module_names)
    for place in installation.search_path:
        real = os.path.realpath(place)
        if real in libraries:
            break
        if place in installation.standard_library:
            continue
        if os.path.isfile(real):
            faults.append(f"archive {real}")
        there = _importable(real)
        faults += [f"{name} in {real}" for name in sorted(there & wanted if real == commands else there)]
    return Line("dependencies", "found before the installed files", "; ".join(faults) or "nothing")


def _twice(tree: Tree) -> set[str]:
    """Names that are a package and a file in one folder of libraries; the package is imported."""
    found = (*tree.files, *tree.links)
    files = {path.partition(".")[0] for path in found if "/" not in path and path.endswith(_MODULES)}
    packages = tuple(f"{name}/__init__." for name in files if name in tree.folders)
    return {path.partition("/")[0] for path in found if path.startswith(packages)}


def _importable(folder: str) -> set[str]:
    """Names of modules and packages in a folder."""
    found = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, _, suffix = entry.name.partition(".")
                module = suffix.endswith(_SUFFIXES) and not entry.is_dir()
                if module or (not suffix and entry.is_dir() and _is_package(entry.path)):
                    found.add(stem)
    except OSError:
        return set()
    return found


def _is_package(folder: str) -> bool:
    try:
        return any(name.startswith("__init__.") for name in os.listdir(folder))
    except OSError:
        return False


def start_up_files(installation: Installation) -> list[str]:
    """Absolute paths of the files that the interpreter runs at every start."""
    found = []
    for folder in (*installation.libraries, *elsewhere(installation)):
        if os.path.basename(folder) in ("site-packages", "dist-packages"):
            found += [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if name.endswith(".pth")]
    for place in installation.search_path:
        found += _start_up_modules(os.path.abspath(place))
    return list(dict.fromkeys(found))


def _start_up_modules(folder: str) -> Iterator[str]:
    """Start-up modules of a folder, of whatever kind: source, compiled code, extension, package."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = f"{folder}/{name}"
        stem, _, suffix = name.partition(".")
        if stem in _START_UP and suffix.endswith(_SUFFIXES):
            yield path
        elif name in _START_UP and os.path.isdir(path):
            yield from (f"{path}/{inner}" for inner in sorted(os.listdir(path)) if inner.startswith("__init__."))


def start_up_line(
    installation: Installation, trees: Mapping[str, Tree], paths: Collection[str], digests: FileDigests
) -> Line:
    """The line of files that the interpreter runs at every start, each with its digest.

    Args:
        installation: Where to look.
        trees: The libraries, walked, by folder.
        paths: What :func:`start_up_files` gave.
        digests: Digests of files.
    """
    values = []
    for path in paths:
        folder, name = os.path.split(path)
        place = LIBRARIES if folder in trees else STANDARD_LIBRARY if _standard(folder, installation) else folder
        runs = None
        if name == SETUPTOOLS_FILE and folder in trees:
            prefix = f"{SETUPTOOLS_MODULE}/"
            rows = tree_lines(trees[folder], digests, below=prefix)
            runs = files_value((row.removeprefix(prefix), digest, size) for row, digest, size in rows)
        values.append(start_up_value(name, place, str(digests.of(path)), runs))
    return Line("dependencies", "files run at every start", "; ".join(values) or "none")


def start_up_value(name: str, place: str, digest: str, runs: str | None) -> str:
    """How the line names one start-up file.

    Args:
        name: Name of the file.
        place: Where it lies.
        digest: SHA-256 of its bytes.
        runs: For the file of ``setuptools``, all files of the package that it imports (``files_value``).
    """
    more = f" with {SETUPTOOLS_MODULE}, {runs}" if runs is not None else ""
    return f"{name} in {place}, SHA-256 {digest}{more}"


def _standard(folder: str, installation: Installation) -> bool:
    return folder in installation.standard_library


def modules_of(found: Collection[Distribution], locked: Collection[str]) -> Iterator[str]:
    """Names of the modules of the software and of its dependencies."""
    yield "nesqc_gmp"
    for one in found:
        if one.name in locked:
            yield from one.modules()
