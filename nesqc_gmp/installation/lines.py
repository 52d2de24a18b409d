"""The vocabulary of the room: lines of a state, and what a comparison finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from nesqc_gmp.digest import canonical_json, sha256_hex

Group = Literal[
    "software",
    "dependencies",
    "python",
    "machine",
    "time zone data",
    "fonts",
    "database",
    "grants",
    "clock",
    "backup",
    "models",
]
"""What a line is about; one installation qualification case each."""

Verdict = Literal["passed", "failed", "not executed"]
"""``not executed``: there was nothing to compare with, or nothing could be read. It never counts as passed."""

UNREADABLE: Final = "cannot be read"
"""How the value of a line begins where the fact could not be had."""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One fact about the installed state.

    Attributes:
        group: What the line is about.
        name: Which fact.
        value: The fact as text; it holds no time and nothing else that changes by itself.
    """

    group: Group
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One line beside what it should be.

    Attributes:
        group: As in the line.
        name: As in the line.
        expected: What the release or the site asks for, for a reader.
        actual: What was found, for a reader.
        verdict: Whether they agree.
    """

    group: Group
    name: str
    expected: str
    actual: str
    verdict: Verdict


def state_sha256(lines: Iterable[Line]) -> str:
    """The one name of a state: SHA-256 over the canonical JSON of its sorted lines, each as group, name, value."""
    return sha256_hex(canonical_json([[line.group, line.name, line.value] for line in sorted(lines)]))


def unreadable(error: OSError) -> str:
    """The value of a line whose fact the operating system did not give."""
    return f"{UNREADABLE}: {error.strerror}"


def some(names: Iterable[str], most: int = 3) -> str:
    """The first few of many names, in order, and how many more there are."""
    found = sorted(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several: one that failed fails all, and none at all is not executed."""
    found = set(verdicts)
    if "failed" in found:
        return "failed"
    return "passed" if found == {"passed"} else "not executed"
