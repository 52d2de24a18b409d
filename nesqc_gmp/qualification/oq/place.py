"""Where a case is executed: its own folder with its own copy of a site, and what placeholders stand for."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from nesqc_gmp.config import LEDGER_FILE
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.qualification.oq.case import PLACEHOLDER, TODAY, Case
from nesqc_gmp.qualification.oq.people import PEOPLE
from nesqc_gmp.qualification.oq.process import Processes
from nesqc_gmp.qualification.oq.sites import ZONE, state_folder
from nesqc_gmp.qualification.oq.tool import Tool

NOBODY: Final = "nobody"


@dataclass(slots=True)
class Place:
    """The folder of one case, and what runs in it.

    Attributes:
        folder: The folder; the site lies in ``site``.
        tool: The tool that is called.
        drivers: Driver scripts of the protocol by name, as they were read.
        processes: What runs now.
        kept: What earlier steps kept, by name.
        transcript: All that was done and seen so far.
    """

    folder: Path
    tool: Tool
    drivers: Mapping[str, bytes]
    processes: Processes
    kept: dict[str, str] = field(default_factory=dict)
    transcript: list[str] = field(default_factory=list)

    @property
    def ledger(self) -> Path:
        """The database of the site."""
        return self.folder / "site" / LEDGER_FILE

    def driver(self, name: str) -> Path:
        """A driver script, written anew from what was read before each use: nobody's change in between runs."""
        folder = self.folder.parent.parent / "drivers" / self.folder.name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.unlink(missing_ok=True)
        path.write_bytes(self.drivers[name])
        return path

    def filled(self, text: str) -> str:
        """A text with every placeholder replaced."""
        return PLACEHOLDER.sub(lambda found: self._value(found[1]), text)

    def _value(self, name: str) -> str:
        if name == TODAY:
            return datetime.now(ZoneInfo(ZONE)).date().isoformat()
        key, _, attribute = name.partition(".")
        return str(getattr(PEOPLE[key], attribute)) if attribute else self.kept[name]

    def environment(self, person: str | None, more: Mapping[str, str]) -> dict[str, str]:
        """The environment of a command: the site of this case and the terminal of one person, nothing of the runner's.

        Nothing that names a site, a home or a Python of the person who runs the qualification is handed on.
        """
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
        own = {
            "HOME": str(self.folder),
            "NESQC_SITE": str(self.folder / "site"),
            "XDG_STATE_HOME": str(state_folder(self.folder, person or NOBODY)),
        }
        return {**kept, **own, **{name: self.filled(value) for name, value in more.items()}}

    def one(self, pattern: str) -> Path:
        """The one file or folder that a path or pattern of the case means.

        Raises:
            ValueError: None or several fit.
        """
        text = self.filled(pattern)
        if not any(character in text for character in "*?["):
            return self.folder / text
        found = sorted(self.folder.glob(text))
        if len(found) != 1:
            raise ValueError(f"{text} fits {len(found)} files instead of one")
        return found[0]

    def note(self, *lines: str) -> None:
        """Write into the transcript; the folder of the case is called CASE there."""
        self.transcript += [line.replace(str(self.folder), "CASE") for line in lines]


def set_up(case: Case, sites: Path, folder: Path) -> None:
    """Copy the starting site of a case; everybody who was logged in has just used their terminal."""
    shutil.copytree(sites / case.start, folder)
    now = datetime.now(UTC).isoformat()
    for path in (folder / "terminals").glob("*/nesqc/sessions/*.json"):
        session = json.loads(path.read_text())
        path.write_text(json.dumps({**session, "last_used": now}))


def require_apart(out: Path) -> None:
    """The folder of a qualification is new or empty, and is no part of any site.

    Raises:
        InvalidInputError: It holds something, or lies in a site.
    """
    whole = out.resolve()
    for above in (whole, *whole.parents):
        if (above / LEDGER_FILE).exists():
            raise InvalidInputError(
                "the folder is a site or lies in one; a qualification works on sites of its own",
                where=str(out),
                remedy="Name a new folder outside of every site.",
            )
    if whole.exists() and (not whole.is_dir() or any(whole.iterdir())):
        raise InvalidInputError(
            "the folder is not empty, and nothing is overwritten", where=str(out), remedy="Name a new folder."
        )
