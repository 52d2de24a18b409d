"""The lines of what the software stands on: interpreter, machine, clock and time zone data."""

from __future__ import annotations

import ctypes
import os
import re
import sysconfig
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from nesqc_gmp.installation.files import FileDigests, Tree, files_value, tree_lines, walk
from nesqc_gmp.installation.lines import UNREADABLE, Line, unreadable
from nesqc_gmp.installation.roots import Installation

_VARIABLES = frozenset(
    {
        "PYTHONHOME",
        "PYTHONPLATLIBDIR",
        "PYTHONEXECUTABLE",
        "PYTHONOPTIMIZE",
        "PYTHONWARNINGS",
        "PYTHONHASHSEED",
        "PYTHONINTMAXSTRDIGITS",
        "PYTHONCASEOK",
        "PYTHONBREAKPOINT",
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "PYTHONUSERBASE",
        "PYTHONTZPATH",
        "PYTHONPYCACHEPREFIX",
        "PYTHONDEVMODE",
        "PYTHONMALLOC",
        "PYTHONUTF8",
        "PYTHONIOENCODING",
        "PYTHONCOERCECLOCALE",
        "PYTHONTRACEMALLOC",
        "PYTHONNODEBUGRANGES",
        "PYTHON_FROZEN_MODULES",
        "PYTHON_GIL",
        "PYTHON_JIT",
        "SETUPTOOLS_USE_DISTUTILS",
        "TZ",
        "TZDIR",
        # What glibc takes away from programs with more rights (its unsecvars.h), but for the folder of temporary files.
        "GCONV_PATH",
        "GETCONF_DIR",
        "GLIBC_TUNABLES",
        "HOSTALIASES",
        "LOCALDOMAIN",
        "LOCPATH",
        "NIS_PATH",
        "NLSPATH",
        "RESOLV_HOST_CONF",
        "RES_OPTIONS",
        "SQLITE_TMPDIR",
    }
)
_PREFIXES = (
    *("LD_", "MALLOC_", "OMP_", "KMP_", "GOMP_", "ORT_", "ONNX", "DNNL_", "OPENBLAS_", "BLIS_", "MKL_", "NPY_"),
    *("OPENSSL_", "PYDANTIC_"),
)
"""Variables by which loader, memory, threads, runtime, arrays, cryptography and records are steered."""

_OWN: Final = {"ORT_DISABLE_TELEMETRY": "1"}
"""What the software sets itself before it needs it; a command that one of its commands starts is born with it."""

_FEATURES = re.compile(r"avx\w*|fma|f16c|amx_\w+")
"""Processor features that onnxruntime chooses its arithmetic by; AVX-512 and VNNI are among ``avx``."""

_NOT_PROGRAM = frozenset({"site-packages", "dist-packages", "test", "idlelib", "ensurepip", "lib2to3"})
"""Folders of the standard library that the software never imports."""

_SERVICES: Final = {
    "systemd-timesyn": "systemd-timesyncd",
    "chronyd": "chrony",
    "ntpd": "ntpd",
    "openntpd": "OpenNTPD",
    "ptp4l": "linuxptp",
    "phc2sys": "linuxptp",
}

_SYSTEM_VERSION = r"# version (\S+)"
_PACKAGE_VERSION = r"IANA_VERSION = .(\w+)"

_UNSYNCHRONISED = 0x40
"""``STA_UNSYNC`` of adjtimex(2)."""
_CLOCK_ERROR = 5
"""``TIME_ERROR`` of adjtimex(2)."""
_STATUS_OFFSET = 40
"""Where ``status`` stands in ``struct timex`` of 64-bit Linux: after modes, padding and four longs."""


def standard_library(installation: Installation) -> Tree | None:
    """The standard library, walked, without folders that the software never imports."""
    folder = next((place for place in installation.standard_library if os.path.isfile(f"{place}/os.py")), None)
    return walk(folder, leave_out=_NOT_PROGRAM) if folder is not None else None


def python_lines(installation: Installation, library: Tree | None, digests: FileDigests) -> Iterator[Line]:
    """The interpreter: what it is, its bytes, and what steers it.

    Args:
        installation: Where to look.
        library: The standard library.
        digests: Digests of files.
    """
    yield Line("python", "version", installation.python_version)
    yield Line("python", "implementation", installation.implementation)
    yield Line("python", "build", installation.build)
    found = digests.of(installation.executable)
    yield Line("python", "executable", f"SHA-256 {found}" if found else f"{UNREADABLE}: missing")
    yield Line("python", "standard library", _library(library, digests))
    yield Line("python", "options", ", ".join(installation.flags) or "none")
    names = (name for name in installation.environment if name in _VARIABLES or name.startswith(_PREFIXES))
    given = {name: installation.environment[name] for name in sorted(names)}
    steering = ", ".join(f"{name}={value}" for name, value in given.items() if _OWN.get(name) != value)
    yield Line("python", "environment variables", steering or "none")


def _library(library: Tree | None, digests: FileDigests) -> str:
    """Files of the standard library, and of the shared library of the interpreter where it has one."""
    if library is None:
        return f"{UNREADABLE}: not found"
    rows = list(tree_lines(library, digests))
    shared = f"{sysconfig.get_config_var('LIBDIR')}/{sysconfig.get_config_var('INSTSONAME')}"
    if ".so" in shared and os.path.isfile(shared):
        rows.append((os.path.basename(shared), str(digests.of(shared)), os.path.getsize(shared)))
    return files_value(rows)


def machine_lines(installation: Installation) -> Iterator[Line]:
    """Architecture, processor features, operating system, kernel release without its build, and C library."""
    system = os.uname()
    yield Line("machine", "architecture", system.machine)
    yield Line("machine", "processor features", _features(f"{installation.proc}/cpuinfo"))
    yield Line("machine", "operating system", _operating_system(f"{installation.etc}/os-release"))
    release = re.match(r"[0-9]+(\.[0-9]+)*", system.release)
    yield Line("machine", "kernel", f"{system.sysname} {release[0] if release else system.release}")
    try:
        library = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        library = None
    yield Line("machine", "C library", library or "not glibc")


def _features(path: str) -> str:
    """Features that every processor has."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            sets = {line for line in stream if line.startswith("flags")}
    except OSError as error:
        return unreadable(error)
    common = set.intersection(*(set(line.partition(":")[2].split()) for line in sets)) if sets else set()
    return " ".join(sorted(name for name in common if _FEATURES.fullmatch(name))) or "none of those looked for"


def _operating_system(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            rows = dict(line.rstrip("\n").split("=", 1) for line in stream if "=" in line)
    except OSError as error:
        return unreadable(error)
    return rows.get("PRETTY_NAME", rows.get("ID", "not named")).strip("\"'")


def kernel_clock() -> tuple[int, int]:
    """State and status of the kernel's clock, as adjtimex(2) reads them; nothing is set.

    Raises:
        OSError: The kernel does not say.
    """
    library = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(512)
    state = int(library.adjtimex(buffer))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return state, int.from_bytes(buffer.raw[_STATUS_OFFSET : _STATUS_OFFSET + 4], "little")


def clock_lines(installation: Installation) -> Iterator[Line]:
    """Whether the kernel calls its clock synchronised, by which service, and the time zone of the system."""
    try:
        state, status = kernel_clock()
        kept = state != _CLOCK_ERROR and not status & _UNSYNCHRONISED
        value = "synchronised" if kept else "not synchronised"
    except OSError as error:
        value = unreadable(error)
    yield Line("clock", "kernel", value)
    yield Line("clock", "time service", _service(installation.proc))
    link = f"{installation.etc}/localtime"
    zone = os.path.realpath(link).partition("zoneinfo/")[2] if os.path.islink(link) else ""
    yield Line("clock", "time zone of the system", zone or "not named")


def _service(proc: str) -> str:
    """The running program that keeps the time, where processes can be seen."""
    found = set()
    for name in os.listdir(proc):
        if name.isdigit():
            try:
                with open(f"{proc}/{name}/comm", encoding="utf-8", errors="replace") as stream:
                    found.add(_SERVICES.get(stream.read().strip()))
            except OSError:
                continue
    return ", ".join(sorted(name for name in found if name)) or "none seen"


def zone_lines(
    installation: Installation, trees: dict[str, Tree], zone: str, now: datetime, digests: FileDigests
) -> Iterator[Line]:
    """Where the time zone data come from, their versions, the file of the site's zone, and whether offsets agree.

    Args:
        installation: Where to look.
        trees: The libraries, walked, by folder.
        zone: IANA name of the site's zone.
        now: For the offset.
        digests: Digests of files.
    """
    if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", zone):
        yield Line("time zone data", "source", f"{zone!r} is not the name of a zone")
        return
    system = next((f"{place}/{zone}" for place in installation.zone_folders if os.path.isfile(f"{place}/{zone}")), None)
    inside = f"tzdata/zoneinfo/{zone}"
    package = next((f"{folder}/{inside}" for folder, tree in trees.items() if inside in tree.files), None)
    source = "the system" if system else "the package tzdata" if package else "none"
    yield Line("time zone data", "source", source)
    yield Line("time zone data", "version", _versions(system, zone, package))
    used = system or package
    yield Line("time zone data", "file of the zone", f"{zone}, SHA-256 {digests.of(used) if used else 'of no file'}")
    yield Line("time zone data", "offset of today", _offsets(system, package, now))


def _versions(system: str | None, zone: str, package: str | None) -> str:
    found = []
    if system:
        found.append(f"system {_first(system.removesuffix(zone) + 'tzdata.zi', _SYSTEM_VERSION)}")
    if package:
        found.append(f"package {_first(package.split('zoneinfo/')[0] + '__init__.py', _PACKAGE_VERSION)}")
    return ", ".join(found) or "none"


def _first(path: str, pattern: str) -> str:
    """What a pattern finds in the first kilobyte of a file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            match = re.search(pattern, stream.read(1000))
    except OSError:
        return "not named"
    return match[1] if match else "not named"


def _offsets(system: str | None, package: str | None, now: datetime) -> str:
    named = {"system": system, "package": package}
    try:
        found = {name: _offset(path, now) for name, path in named.items() if path}
    except (OSError, ValueError) as error:
        return f"{UNREADABLE}: {error}"
    if len(found) < 2:
        return "one source only" if found else "no source"
    if len(set(found.values())) == 1:
        return "system and package agree"
    return ", ".join(f"{name} {offset}" for name, offset in found.items())


def _offset(path: str, now: datetime) -> str:
    with open(path, "rb") as stream:
        return now.astimezone(ZoneInfo.from_file(stream)).strftime("%z")
