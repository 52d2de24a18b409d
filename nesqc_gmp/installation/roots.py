"""Where an installation lies: handed in, so that any can be looked at and not only the one that runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_USUAL_FLAGS = {"hash_randomization": 1, "gil": 1}
# They keep compiled code off the disk and folders of the user out; the last is seen in its environment variable.
_HARMLESS_FLAGS = frozenset(
    {"dont_write_bytecode", "no_user_site", "isolated", "ignore_environment", "safe_path", "quiet"}
    | {"int_max_str_digits"}
)


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation of the software.

    Attributes:
        package: Folder of the package ``nesqc_gmp``.
        libraries: Folders with installed distributions (site-packages).
        scripts: Folder of the commands.
        search_path: Where the interpreter looks for modules, in order.
        standard_library: Folders of the search path that belong to the interpreter.
        executable: The interpreter as it was started.
        python_version: For instance ``3.11.7``.
        implementation: For instance ``CPython``.
        build: Build and compiler, as the interpreter names them.
        flags: Options of the interpreter that change behaviour, each as ``name=value``.
        environment: Environment variables that the process was started with.
        zone_folders: Folders of the system's time zone data, in order.
        proc: The kernel's view of processes and processors.
        etc: Configuration of the operating system.
    """

    package: str
    libraries: tuple[str, ...]
    scripts: str
    search_path: tuple[str, ...]
    standard_library: tuple[str, ...]
    executable: str
    python_version: str
    implementation: str
    build: str
    flags: tuple[str, ...]
    environment: Mapping[str, str]
    zone_folders: tuple[str, ...]
    proc: str = "/proc"
    etc: str = "/etc"


def present_installation() -> Installation:
    """The installation that runs this code."""
    import sysconfig
    import zoneinfo

    names = sysconfig.get_paths()
    libraries = tuple(dict.fromkeys(os.path.realpath(names[key]) for key in ("purelib", "platlib")))
    standard = {os.path.realpath(names[key]) for key in ("stdlib", "platstdlib")}
    own = tuple(place for place in sys.path if _belongs(place, standard))
    return Installation(
        package=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        libraries=libraries,
        scripts=names["scripts"],
        search_path=tuple(sys.path),
        standard_library=own,
        executable=sys.executable,
        python_version=".".join(map(str, sys.version_info[:3])),
        implementation="CPython" if sys.implementation.name == "cpython" else sys.implementation.name,
        build=" ".join(sys.version.split(" ", 1)[1].split()),
        flags=_flags(),
        environment=_environment(),
        zone_folders=tuple(zoneinfo.TZPATH),
    )


def _belongs(place: str, standard: set[str]) -> bool:
    """Whether a folder of the search path is the interpreter's own: library, its compiled part, or its archive."""
    real = os.path.realpath(place) if place else ""
    inside = real in standard or (os.path.dirname(real) in standard and os.path.basename(real) == "lib-dynload")
    archive = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    return inside or (os.path.basename(real) == archive and not os.path.exists(real))


def _environment() -> dict[str, str]:
    """What the process was started with: modules set variables for libraries, and a state must not tell which."""
    try:
        with open("/proc/self/environ", "rb") as stream:
            data = stream.read()
    except OSError:
        return dict(os.environ)
    pairs = (os.fsdecode(item).partition("=") for item in data.split(b"\0") if b"=" in item)
    # Where a name is there twice, the interpreter takes the first.
    return {name: value for name, _, value in reversed(list(pairs))}


def _flags() -> tuple[str, ...]:
    return tuple(sorted((*_changed_flags(), *_options())))


def _changed_flags() -> Iterator[str]:
    names = (name for name in dir(sys.flags) if not name.startswith(("_", "n_")) and name not in ("count", "index"))
    found = {name: int(getattr(sys.flags, name)) for name in names}
    odd = (name for name, value in found.items() if name not in _HARMLESS_FLAGS and value != _USUAL_FLAGS.get(name, 0))
    return (f"{name}={found[name]}" for name in odd)


def _options() -> Iterator[str]:
    """Options that ``sys.flags`` does not tell: of ``-X`` and ``-W``, and where and how compiled code is looked for."""
    import _imp

    yield from (f"-X {name}" if value is True else f"-X {name}={value}" for name, value in sys._xoptions.items())
    yield from (f"-W {text}" for text in sys.warnoptions)
    if sys.pycache_prefix is not None:
        yield f"pycache_prefix={sys.pycache_prefix}"
    if _imp.check_hash_based_pycs != "default":
        yield f"check_hash_based_pycs={_imp.check_hash_based_pycs}"
