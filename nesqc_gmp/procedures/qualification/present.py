"""The installed state of a site as its records carry it, and which of its lines are the qualified state.

The qualified state is every line that decides what a score or a record is. Not part of it are packages of models, which
are hashed at each use and have a qualification of their own; the place of backups; and the files of the release that
are not installed (protocols, packages as shipped), whose approval is that of the documents made from them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.records.qualification import StateLine
from nesqc_gmp.records.site import BackupMade
from nesqc_gmp.state.models import fold_models

if TYPE_CHECKING:
    from nesqc_gmp.installation.lines import Line

_OTHER_GROUPS: Final = frozenset({"models", "backup"})
_NOT_INSTALLED: Final = ("software", "requirements and protocols")


@dataclass(frozen=True, slots=True)
class PresentState:
    """The installed state now.

    Attributes:
        lines: The lines that are the qualified state.
        sha256: Their digest.
        every: All lines.
    """

    lines: tuple[StateLine, ...]
    sha256: str
    every: tuple[StateLine, ...]


def of_lines(every: Sequence[StateLine]) -> PresentState:
    """The state that these lines are."""
    lines = tuple(
        line for line in every if line.group not in _OTHER_GROUPS and (line.group, line.name) != _NOT_INSTALLED
    )
    text = canonical_json([[line.group, line.name, line.value] for line in lines])
    return PresentState(lines, sha256_hex(text), tuple(every))


def read_state(
    site: Site, reader: Reader, locked: Collection[str], *, anew: bool, shipped: Path | None = None
) -> PresentState:
    """Read the installed state.

    Args:
        site: The site.
        reader: Its ledger, for active models and the last backup.
        locked: Names of the distributions that the release was locked with.
        anew: Whether every file is hashed anew, or where its identity is that of the last full hash, not.
        shipped: Folder ``validation`` of the release, whose files and the packages beside it are lines too.
    """
    from nesqc_gmp.installation.state import SiteFacts, installed_state, quick_state

    models = fold_models(reader.entries_about("model")).values()
    packages = shipped.parent / "models" if shipped is not None else None
    facts = SiteFacts(
        locked=locked,
        zone=site.founded.zone,
        now=site.moment(),
        backup_target=backup_target(reader),
        active_models={model.label: model.model_sha256 for model in models if model.standing == "active"},
        validation=shipped,
        models=packages if packages is not None and packages.is_dir() else None,
    )
    lines = (installed_state if anew else quick_state)(site.paths, facts)
    return of_lines([_recorded(line) for line in lines])


def _recorded(line: Line) -> StateLine:
    return StateLine(group=line.group, name=line.name[:2000], value=line.value[:2000] or "empty")


def backup_target(reader: Reader) -> str | None:
    """Where the last backup was made to; ``None`` where there is none."""
    places = [e.record.place for e in reader.entries_of({"backup_made"}) if isinstance(e.record, BackupMade)]
    return str(Path(places[-1]).parent) if places else None
