"""What the interpreter would run or import before the locked files: folders searched first, and start-up files."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator

from nesqc_gmp.installation.distributions import Distribution
from nesqc_gmp.installation.files import FileDigests
from nesqc_gmp.installation.lines import Line
from nesqc_gmp.installation.roots import Installation

_START_UP = ("sitecustomize", "usercustomize")
_SETUPTOOLS_FILE = "distutils-precedence.pth"
_SETUPTOOLS_FOLDER = "_distutils_hack/"


def elsewhere(installation: Installation) -> tuple[str, ...]:
    """Folders of the search path that are neither the interpreter's own nor the libraries."""
    known = {os.path.realpath(place) for place in (*installation.libraries, *installation.standard_library)}
    absolute = (os.path.abspath(place) for place in installation.search_path)
    return tuple(dict.fromkeys(place for place in absolute if os.path.realpath(place) not in known))


def search_path_line(installation: Installation, modules: Collection[str]) -> Line:
    """The line of everything that would be imported in place of a locked module or of the standard library.

    Args:
        installation: Where to look.
        modules: Names of the modules of the software and of its dependencies.
    """
    faults = []
    variable = installation.environment.get("PYTHONPATH")
    if variable:
        faults.append(f"PYTHONPATH={variable}")
    libraries = {os.path.realpath(place) for place in installation.libraries}
    wanted = set(modules) | set(sys.stdlib_module_names)
    for place in installation.search_path:
        real = os.path.realpath(place)
        if real in libraries:
            break
        if place in installation.standard_library:
            wanted = set(modules)
            continue
        if os.path.isfile(real):
            faults.append(f"archive {real}")
        faults += [f"{name} in {real}" for name in sorted(_importable(real) & wanted)]
    return Line("dependencies", "found before the installed files", "; ".join(faults) or "nothing")


def _importable(folder: str) -> set[str]:
    """Names of modules and packages in a folder."""
    found = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, _, suffix = entry.name.partition(".")
                module = suffix.endswith(("py", "pyc", "so")) and not entry.is_dir()
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
        folder = os.path.abspath(place)
        for name in _START_UP:
            tries = (f"{folder}/{name}.py", f"{folder}/{name}/__init__.py")
            found += [path for path in tries if os.path.lexists(path)]
    return list(dict.fromkeys(found))


def start_up_line(
    installation: Installation, found: Collection[Distribution], paths: Collection[str], digests: FileDigests
) -> Line:
    """The line of files that the interpreter runs at every start, each with its digest.

    The file of ``setuptools`` runs a module of ``setuptools``, so both are held against what its installation noted.

    Args:
        installation: Where to look.
        found: Distributions of the libraries.
        paths: What :func:`start_up_files` gave.
        digests: Digests of files.
    """
    values = []
    for path in paths:
        maker = next(
            (
                one
                for one in found
                if one.name == "setuptools" and path == f"{one.library}/{_SETUPTOOLS_FILE}" and _as_noted(one, digests)
            ),
            None,
        )
        if maker is not None:
            values.append(f"{_SETUPTOOLS_FILE} as setuptools {maker.version} brings it")
            continue
        place = "the standard library" if _standard(path, installation) else os.path.dirname(path)
        values.append(f"{os.path.basename(path)} in {place}, SHA-256 {digests.of(path)}")
    return Line("dependencies", "files run at every start", "; ".join(values) or "none")


def _standard(path: str, installation: Installation) -> bool:
    return os.path.dirname(path) in installation.standard_library


def _as_noted(setuptools: Distribution, digests: FileDigests) -> bool:
    """Whether the start-up file and the module that it runs are what the installation of ``setuptools`` noted."""
    run = [path for path in setuptools.recorded if path.startswith((_SETUPTOOLS_FILE, _SETUPTOOLS_FOLDER))]
    return all(digests.of(f"{setuptools.library}/{path}") == setuptools.recorded[path][0] for path in run)


def modules_of(found: Collection[Distribution], locked: Collection[str]) -> Iterator[str]:
    """Names of the modules of the software and of its dependencies."""
    yield "nesqc_gmp"
    for one in found:
        if one.name in locked:
            yield from one.modules()
