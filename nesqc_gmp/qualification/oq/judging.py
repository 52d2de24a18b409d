"""Comparing what was seen with what had to be seen, and saying both in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from nesqc_gmp.qualification.oq.case import PLACEHOLDER, RaceStep, Step
from nesqc_gmp.qualification.oq.people import PEOPLE
from nesqc_gmp.qualification.oq.place import Place
from nesqc_gmp.qualification.oq.process import Ended

_ACTUAL_LIMIT: Final = 1900
"""Characters of the actual value of a step; the whole of it is in the transcript."""

_TELLING: Final = re.compile(r"Error|remedy:|where:|FAILED|VERIFIED|REFUSED|stopped|Traceback")
_LINES: Final = 6
"""Further lines that are quoted where none of those that matter was found."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was seen in words, and whether it was what had to be seen."""

    actual: str
    passed: bool


def judge(step: Step, seen: Ended, place: Place) -> Judged:
    """Judge a step; what it keeps for later steps is kept in its place."""
    flat = _flat(seen.text)
    faults = [seen.fault] if seen.fault else []
    if not isinstance(step, RaceStep) and seen.exit != step.exit and seen.fault is None:
        faults.append(f"the exit code is {_code(seen)} instead of {step.exit}")
    wanted = [_flat(place.filled(text)) for text in step.says]
    faults += [f"{text!r} does not appear" for text in wanted if text not in flat]
    faults += [f"{text!r} appears" for text in map(place.filled, step.never) if _flat(text) in flat]
    faults += [
        f"a passphrase of {person.id} appears" for person in PEOPLE.values() if person.passphrase in seen.text
    ]  # fmt: skip
    patterns = [_pattern(text, place) for text in (*step.matches, *step.keep.values())]
    faults += [f"nothing fits {pattern.pattern!r}" for pattern in patterns if not pattern.search(flat)]
    for name, text in step.keep.items():
        if found := _pattern(text, place).search(flat):
            place.kept[name] = found[1]
    quoted = _quoted(seen.text, flat, wanted, patterns)
    actual = f"Exit code {_code(seen)}. {quoted}".replace(str(place.folder), "CASE")
    if faults:
        actual = f"NOT AS EXPECTED: {'; '.join(faults)}. {actual}".replace(str(place.folder), "CASE")
    return Judged(shortened(actual), not faults)


def _pattern(text: str, place: Place) -> re.Pattern[str]:
    """A regular expression of the case; what placeholders stand for is meant letter by letter."""
    return re.compile(PLACEHOLDER.sub(lambda found: re.escape(place.filled(found[0])), text))


def _code(seen: Ended) -> str:
    return "none, a signal ended it" if seen.exit is None else str(seen.exit)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str, flat: str, wanted: list[str], patterns: list[re.Pattern[str]]) -> str:
    """The lines that say what happened; those that were looked for, and those in which the tool refuses or fails."""
    lines = [_flat(line) for line in text.splitlines() if line.strip()]
    told = [
        line
        for line in lines
        if _TELLING.search(line) or any(w in line for w in wanted) or any(p.search(line) for p in patterns)
    ]
    # Texts that were found across a line break stand in no single line.
    across = [found[0] for p in patterns if (found := p.search(flat)) and not any(p.search(line) for line in told)]
    across += [w for w in wanted if w in flat and not any(w in line for line in told)]
    return " / ".join(dict.fromkeys([*told, *across])) or " / ".join(lines[-_LINES:]) or "Nothing was written."


def shortened(text: str) -> str:
    """A text that a record takes as the actual value of a step; of a long one, beginning and end."""
    visible = "".join(character if character.isprintable() else " " for character in text).strip()
    if len(visible) <= _ACTUAL_LIMIT:
        return visible
    half = _ACTUAL_LIMIT // 2 - 20
    return f"{visible[:half]} [...] {visible[-half:]}"
