"""Entry points: code that a distribution asks others to load, by a file beside its modules.

A locked module loads what any distribution on the search path offers to it (Entry points specification,
packaging.python.org), for instance plug-ins of records. The files of locked distributions are in their digests. Of all
others, and of the software itself, every entry point is named that is neither a command nor made for installing.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Final

from nesqc_gmp.installation.distributions import INSTALLERS, Distribution
from nesqc_gmp.installation.lines import Line
from nesqc_gmp.installation.roots import Installation

_FILE: Final = "entry_points.txt"
_COMMANDS: Final = frozenset({"console_scripts", "gui_scripts"})
_INSTALLING: Final = frozenset(
    {"distutils.commands", "distutils.setup_keywords", "egg_info.writers", "setuptools.finalize_distribution_options"}
)
"""Groups that ``setuptools`` loads from itself and from ``wheel`` when something is built."""


def entry_points_line(
    installation: Installation, found: Collection[Distribution], locked: Collection[str], own: str
) -> Line:
    """The line of entry points that no release knows.

    Args:
        installation: Where to look.
        found: Distributions of the libraries.
        locked: Canonical names.
        own: Canonical name of the software itself.
    """
    named = {f"{one.library}/{one.info}": one.name for one in found}
    values = []
    for folder in _folders(installation):
        name = named.get(folder)
        if name is None or name not in locked:
            usual = _COMMANDS | _INSTALLING if name in INSTALLERS else _COMMANDS
            values += [f"{name or folder}: {group}: {text}" for group, text in _entries(folder) if group not in usual]
    return Line("dependencies", "entry points of other distributions", "; ".join(sorted(values)) or "none")


def _folders(installation: Installation) -> Iterator[str]:
    """Folders with notes about a distribution, in the libraries and everywhere else on the search path."""
    places = (*installation.libraries, *(os.path.abspath(place) for place in installation.search_path))
    for place in dict.fromkeys(places):
        try:
            names = sorted(os.listdir(place))
        except OSError:
            continue
        yield from (f"{place}/{name}" for name in names if name.lower().endswith((".dist-info", ".egg-info")))


def _entries(folder: str) -> Iterator[tuple[str, str]]:
    """Group and text of each entry point."""
    try:
        with open(f"{folder}/{_FILE}", encoding="utf-8", errors="replace") as stream:
            lines = [line.strip() for line in stream]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        yield _FILE, "cannot be read"
        return
    group = ""
    for line in lines:
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif line and not line.startswith(("#", ";")):
            yield group, line
