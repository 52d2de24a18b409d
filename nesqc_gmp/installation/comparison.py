"""The installed state beside what was released and what the site asks for, line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from nesqc_gmp.installation.distributions import INSTALLERS
from nesqc_gmp.installation.files import files_value
from nesqc_gmp.installation.lines import UNREADABLE, Finding, Group, Line
from nesqc_gmp.installation.release import ReleaseFile, ReleaseManifest, environment_name
from nesqc_gmp.installation.search_path import start_up_value
from nesqc_gmp.installation.software import COMMAND, FONTS

_ABSENT: Final = "not installed"
RECORDED: Final = "recorded, no value is required"


@dataclass(frozen=True, slots=True)
class SiteExpectations:
    """What a site asks for that no release can know.

    Attributes:
        zone: IANA time zone of the computer; ``None`` is recorded, not required.
        backup_target: Where the site is backed up to; ``None`` is recorded, not required.
        clock_synchronised: Whether the kernel must call its clock synchronised; otherwise recorded, not required.
        variables: Environment variables that steer the software, as the line gives them, for instance ``none``;
            ``None`` is recorded, not required.
    """

    zone: str | None
    backup_target: str | None
    clock_synchronised: bool
    variables: str | None


NOT_REQUIRED: Final = SiteExpectations(zone=None, backup_target=None, clock_synchronised=False, variables=None)
"""For demonstration and qualification sites."""


@dataclass(frozen=True, slots=True)
class _Expectation:
    """What is asked of one line; ``holds`` is missing where there is nothing to compare with."""

    expected: str
    holds: Callable[[str], bool] | None


def compare(manifest: ReleaseManifest, lines: Collection[Line], site: SiteExpectations) -> tuple[Finding, ...]:
    """Compare each line with what was released, and each thing that was released with its line.

    Args:
        manifest: The release.
        lines: The installed state.
        site: What the site asks for.

    Returns:
        One finding for each line, and one for each line that is missing, in the order of the lines.
    """
    wanted = dict(_expectations(manifest, lines, site))
    found = {(line.group, line.name): line.value for line in lines}
    return tuple(_finding(key, wanted.get(key), found.get(key)) for key in sorted(wanted.keys() | found.keys()))


def _finding(key: tuple[Group, str], asked: _Expectation | None, actual: str | None) -> Finding:
    group, name = key
    if asked is None:
        return Finding(group, name, "no such line: the release knows nothing of it", actual or "", "failed")
    if actual is None:
        return Finding(group, name, asked.expected, "no such line was found", "failed")
    if asked.holds is None or actual.startswith(UNREADABLE):
        return Finding(group, name, asked.expected, actual, "not executed")
    return Finding(group, name, asked.expected, actual, "passed" if asked.holds(actual) else "failed")


def _expectations(
    manifest: ReleaseManifest, lines: Collection[Line], site: SiteExpectations
) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    found = {(line.group, line.name): line.value for line in lines}
    yield from _of_software(manifest)
    yield from _of_dependencies(manifest, found)
    yield from _of_computer(manifest)
    yield from _of_database(manifest)
    yield from _of_grants(line.name for line in lines if line.group == "grants")
    yield from _of_site(site)
    yield from _of_models(manifest, found)


def _exactly(value: str) -> _Expectation:
    return _Expectation(value, lambda actual: actual == value)


def _recorded() -> _Expectation:
    # It can fail: a line whose fact could not be read is never passed, see _finding.
    return _Expectation(RECORDED, lambda actual: bool(actual))


def _stated(value: str | None) -> _Expectation:
    return _recorded() if value is None else _exactly(value)


def _of_software(manifest: ReleaseManifest) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    fonts = [file for file in manifest.files if file.path.startswith(FONTS)]
    rest = [file for file in manifest.files if not file.path.startswith(FONTS)]
    yield ("software", "version"), _exactly(manifest.version)
    yield ("software", "files of the package"), _exactly(_files(rest))
    yield ("fonts", "fonts of the certificate"), _exactly(_files(fonts))
    yield ("software", "compiled code"), _exactly("as its source")
    yield ("software", f"command {COMMAND}"), _exactly(f"{manifest.entry_point}, with this interpreter")
    yield ("software", "requirements and protocols"), _exactly(_files(manifest.validation))


def _files(files: Collection[ReleaseFile]) -> str:
    return files_value((file.path, file.sha256, file.size) for file in files)


def _of_dependencies(
    manifest: ReleaseManifest, found: dict[tuple[Group, str], str]
) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    environment = environment_name(
        found.get(("python", "version"), "0.0"),
        found.get(("python", "implementation"), ""),
        found.get(("machine", "architecture"), ""),
        found.get(("machine", "C library"), ""),
    )
    for dependency in manifest.dependencies:
        key: tuple[Group, str] = ("dependencies", dependency.name)
        wheel = next((one for one in dependency.wheels if one.environment == environment), None)
        if wheel is not None:
            yield key, _released(f"{dependency.version}, {wheel.files} files, SHA-256 {wheel.digest}", dependency.extra)
        elif environment in manifest.environments:
            yield key, _exactly(_ABSENT)
        else:
            yield key, _Expectation(f"{dependency.version}; the release has no digest for this environment", None)
    others = f"none but what installs: {', '.join(sorted(INSTALLERS))}"
    yield ("dependencies", "other distributions"), _Expectation(others, _only_installers)
    yield ("dependencies", "files that no distribution brought"), _exactly("none")
    yield ("dependencies", "found before the installed files"), _exactly("nothing")
    yield ("dependencies", "entry points of other distributions"), _exactly("none")
    yield ("dependencies", "files run at every start"), _start_up(manifest)


def _released(value: str, extra: str | None) -> _Expectation:
    """What a wheel of the release gives; what only an extra needs may also not be there."""
    if extra is None:
        return _exactly(value)
    return _Expectation(f"{value}, or not installed: only the extra {extra} needs it", {value, _ABSENT}.__contains__)


def _only_installers(actual: str) -> bool:
    """Whether the line names nothing but installers, each by name and version alone."""
    words = [item.split(" ") for item in actual.split(", ")]
    return actual == "none" or all(len(item) == 2 and item[0] in INSTALLERS for item in words)


def _start_up(manifest: ReleaseManifest) -> _Expectation:
    """No start-up file, or those alone whose bytes the release knows."""
    known = {start_up_value(one.name, one.place, one.sha256, one.runs) for one in manifest.start_up}
    makers = ", ".join(sorted({one.brought_by for one in manifest.start_up}))
    expected = f"none, or the bytes that the release lists of {makers}" if makers else "none"
    return _Expectation(expected, lambda actual: actual == "none" or known.issuperset(actual.split("; ")))


def _of_computer(manifest: ReleaseManifest) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    versions = sorted({re.sub(r"cp(\d)(\d+)-.*", r"\1.\2", name) for name in manifest.environments})
    supported = f"one of {', '.join(versions)}"
    yield (
        ("python", "version"),
        _Expectation(supported, lambda actual: ".".join(actual.split(".")[:2]) in versions),
    )
    yield ("python", "implementation"), _exactly("CPython")
    for name in ("build", "executable", "standard library"):
        yield ("python", name), _recorded()
    yield ("python", "options"), _exactly("none")
    yield ("machine", "architecture"), _exactly("x86_64")
    features = "AVX2 and FMA among them"
    yield (
        ("machine", "processor features"),
        _Expectation(features, lambda actual: {"avx2", "fma"} <= set(actual.split())),
    )
    for name in ("operating system", "kernel"):
        yield ("machine", name), _recorded()
    yield ("machine", "C library"), _Expectation("glibc", lambda actual: actual.startswith("glibc "))
    yield ("time zone data", "source"), _Expectation("the system or the package tzdata", _has_source)
    for name in ("version", "file of the zone"):
        yield ("time zone data", name), _recorded()
    agree = "system and package agree, where there are two"
    allowed = ("system and package agree", "one source only")
    yield ("time zone data", "offset of today"), _Expectation(agree, lambda actual: actual in allowed)


def _has_source(actual: str) -> bool:
    return actual in ("the system", "the package tzdata")


def _of_database(manifest: ReleaseManifest) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    yield ("database", "SQLite"), _recorded()
    triggers = "triggers are not left out, and threads are safe"
    yield (
        ("database", "compile options"),
        _Expectation(triggers, lambda actual: "OMIT_TRIGGER" not in actual and "THREADSAFE=0" not in actual),
    )
    yield ("database", "journal mode"), _exactly("wal")
    yield ("database", "tables and indexes"), _exactly(manifest.ledger.tables)
    for table, value in manifest.ledger.guards.items():
        yield ("database", f"guards of {table}"), _exactly(value)


def _of_grants(names: Iterator[str]) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    alone = "nobody but the owner may write"
    yield ("grants", "site folder"), _Expectation(alone, _nobody_else)
    yield ("grants", "ledger"), _Expectation(alone, _nobody_else)
    keys = "mode 0700, and every file inside is the owner's alone"
    yield ("grants", "keys"), _Expectation(keys, lambda actual: actual.endswith(
        "mode 0700; every file is the owner's alone"
    ))  # fmt: skip
    yield ("grants", "other writers in the site folder"), _exactly("nobody")
    for name in sorted({"library folder", *(name for name in names if name.startswith("library folder"))}):
        yield ("grants", name), _Expectation(alone, _nobody_else)


def _nobody_else(actual: str) -> bool:
    return "writable for" not in actual and "others may write" not in actual


def _of_site(site: SiteExpectations) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    yield ("python", "environment variables"), _stated(site.variables)
    yield ("clock", "kernel"), _exactly("synchronised") if site.clock_synchronised else _recorded()
    yield ("clock", "time service"), _recorded()
    yield ("clock", "time zone of the system"), _stated(site.zone)
    yield ("backup", "target"), _stated(site.backup_target)


def _of_models(
    manifest: ReleaseManifest, found: dict[tuple[Group, str], str]
) -> Iterator[tuple[tuple[Group, str], _Expectation]]:
    for model in manifest.models:
        yield ("models", f"package {model.folder}"), _exactly(f"SHA-256 {model.sha256}")
    for group, name in found:
        if group == "models" and name.startswith("active "):
            whole = "approved on this site, and every file in the store as its manifest names it"
            yield ("models", name), _Expectation(whole, lambda actual: ";" not in actual)
