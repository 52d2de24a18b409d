"""The whole installed state as lines, with every file hashed anew or with digests remembered by identity."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nesqc_gmp.config import SitePaths
from nesqc_gmp.installation.files import FileDigests, Tree, load, walk
from nesqc_gmp.installation.lines import Line
from nesqc_gmp.installation.roots import Installation, present_installation


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What the installation cannot know by itself.

    Attributes:
        locked: Canonical names of the distributions that the release was locked with, from its manifest
            (``ReleaseManifest.locked``) or from an approved state (:func:`locked_names`).
        zone: IANA time zone of the site.
        now: The present moment, with an offset; no line holds it.
        backup_target: Where the site is backed up to, as the site states it.
        active_models: Digest of each active package by its name and version.
        validation: Folder ``validation/`` of the release, where it is at hand.
        models: Folder ``models/`` of the release, where it is at hand.
    """

    locked: Collection[str]
    zone: str
    now: datetime
    backup_target: str | None = None
    active_models: Mapping[str, str] = field(default_factory=dict)
    validation: Path | None = None
    models: Path | None = None


def installed_state(paths: SitePaths, facts: SiteFacts, installation: Installation | None = None) -> tuple[Line, ...]:
    """The installed state, every file hashed anew; what was hashed is remembered for :func:`quick_state`.

    Args:
        paths: The site.
        facts: What is known elsewhere.
        installation: Where to look; what runs this code where none is given.

    Returns:
        Sorted lines; two calls on the same state give the same lines.

    Raises:
        OSError: A folder of the installation cannot be read.
    """
    digests = FileDigests()
    lines = _lines(paths, facts, installation or present_installation(), digests)
    digests.save(str(paths.installed_files))
    return lines


def quick_state(paths: SitePaths, facts: SiteFacts, installation: Installation | None = None) -> tuple[Line, ...]:
    """The same lines, with the digests of files that are the same by identity as when they were last hashed.

    Args:
        paths: The site.
        facts: What is known elsewhere.
        installation: Where to look; what runs this code where none is given.

    Returns:
        Sorted lines, those of :func:`installed_state`.

    Raises:
        OSError: A folder of the installation cannot be read.
    """
    digests = FileDigests(load(str(paths.installed_files)))
    lines = _lines(paths, facts, installation or present_installation(), digests)
    digests.save(str(paths.installed_files))
    return lines


def locked_names(lines: Collection[Line]) -> frozenset[str]:
    """Canonical names of the locked distributions, from the lines of a state."""
    return frozenset(line.name for line in lines if line.group == "dependencies" and " " not in line.name)


def _lines(paths: SitePaths, facts: SiteFacts, installation: Installation, digests: FileDigests) -> tuple[Line, ...]:
    from nesqc_gmp.installation import compiled, computer, site
    from nesqc_gmp.objects import ObjectStore

    trees = {folder: walk(folder) for folder in installation.libraries}
    inside = os.path.dirname(installation.package) in trees
    package = () if inside else (walk(installation.package),)
    library = computer.standard_library(installation)

    def every() -> Iterator[Line]:
        yield from _distributions(facts, installation, trees, digests)
        yield from computer.python_lines(installation, library, digests)
        yield compiled.compiled_line((*trees.values(), *package, *((library,) if library else ())), digests)
        yield from computer.machine_lines(installation)
        yield from computer.clock_lines(installation)
        yield from computer.zone_lines(installation, trees, facts.zone, facts.now, digests)
        yield from site.database_lines(paths.ledger)
        yield from site.grant_lines(paths, trees)
        yield Line("backup", "target", facts.backup_target or "none stated")
        yield from site.model_lines(facts.models, facts.active_models, ObjectStore(paths.objects), digests)

    return tuple(sorted(every()))


def _distributions(
    facts: SiteFacts, installation: Installation, trees: dict[str, Tree], digests: FileDigests
) -> Iterator[Line]:
    from nesqc_gmp.installation import distributions, entry_points, search_path, software

    found = [one for folder in trees for one in distributions.distributions(folder)]
    validation = str(facts.validation) if facts.validation is not None else None
    yield from software.software_lines(installation, found, validation, digests)
    yield from distributions.dependency_lines(found, facts.locked, trees, digests)
    elsewhere = search_path.elsewhere(installation)
    yield distributions.other_distributions(found, facts.locked, software.NAME, elsewhere)
    start_up = search_path.start_up_files(installation)
    spoken_of = {*_inside(installation.package, trees), *start_up}
    yield distributions.other_files(found, facts.locked, software.NAME, trees, spoken_of)
    yield entry_points.entry_points_line(installation, found, facts.locked, software.NAME)
    modules = set(search_path.modules_of(found, facts.locked))
    yield search_path.search_path_line(installation, modules, trees.values())
    yield search_path.start_up_line(installation, trees, start_up, digests)


def _inside(package: str, trees: dict[str, Tree]) -> Iterator[str]:
    """Absolute paths of the software's own files, where it lies in a library folder."""
    for folder, tree in trees.items():
        if os.path.dirname(package) == folder:
            prefix = f"{os.path.basename(package)}/"
            for path in (*tree.files, *tree.links):
                if path.startswith(prefix):
                    yield f"{folder}/{path}"
