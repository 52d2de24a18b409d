"""What each action of a step does, and what was seen of it."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import shutil
import signal
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import assert_never

from nesqc_gmp.qualification.oq.case import (
    FileStep,
    KillStep,
    LimitStep,
    NesqcStep,
    PythonStep,
    RaceStep,
    SqlStep,
    Step,
)
from nesqc_gmp.qualification.oq.place import Place
from nesqc_gmp.qualification.oq.process import Ended, Piped, on_terminal

_CHANGES = ("update", "delete", "insert", "replace")
_POLL_SECONDS = 0.002


def act(step: Step, place: Place) -> Ended:
    """Do what a step says; what was seen.

    Raises:
        StoppedError: The run was stopped meanwhile.
    """
    match step:
        case NesqcStep() | PythonStep():
            return _typed(step, place)
        case KillStep():
            return _killed(step, place)
        case RaceStep():
            return _raced(step, place)
        case LimitStep():
            words = _nesqc(place, step.command, step.person)
            environment = place.environment(step.person, {})
            return Piped(place.processes, words, place.folder, environment, limit=step.bytes).wait()
        case SqlStep():
            return _sql(step, place)
        case FileStep():
            return _file(step, place)
        case _:
            assert_never(step)


def _nesqc(place: Place, command: str, person: str | None) -> list[str]:
    filled = place.filled(command)
    place.note(f"$ nesqc {filled}" + (f"    (at the terminal of {person})" if person else ""))
    return place.tool.nesqc(shlex.split(filled))


def _typed(step: NesqcStep | PythonStep, place: Place) -> Ended:
    if isinstance(step, NesqcStep):
        words = _nesqc(place, step.command, step.person)
    else:
        arguments = place.filled(step.arguments)
        place.note(f"$ python {step.script} {arguments}")
        words = place.tool.script(place.driver(step.script), shlex.split(arguments))
    environment = place.environment(step.person, step.environment)
    answers = step.typed()
    if not answers:
        return Piped(place.processes, words, place.folder, environment, place.filled(step.piped or "")).wait()
    for answer in answers:
        place.note(f"  asked {answer.prompt!r} types {answer.text!r}")
    typed = [(answer.prompt, place.filled(answer.text)) for answer in answers]
    return on_terminal(place.processes, words, place.folder, environment, typed)


def _killed(step: KillStep, place: Place) -> Ended:
    """Run a command and end it once so many entries of a kind came to the log."""
    words = _nesqc(place, step.command, step.person)
    with closing(_reading(place)) as database:
        wanted = _count(database, step.after) + step.count
        running = Piped(place.processes, words, place.folder, place.environment(step.person, {}))
        while running.running and _count(database, step.after) < wanted:
            time.sleep(_POLL_SECONDS)
        in_time = running.running
        if in_time:
            with contextlib.suppress(ProcessLookupError):
                running.send(signal.SIGKILL if step.signal == "kill" else signal.SIGINT)
        ended = running.wait()
    place.note(f"  {step.signal} after {step.count} more {step.after}")
    if ended.fault is None and (not in_time or (step.signal == "kill" and ended.exit is not None)):
        return Ended(ended.exit, ended.text, "ended before it was stopped")
    # A process that SIGKILL ended has no exit code; a shell shows 128 + 9.
    return Ended(128 + signal.SIGKILL if ended.exit is None else ended.exit, ended.text, ended.fault)


def _reading(place: Place) -> sqlite3.Connection:
    return sqlite3.connect(f"{place.ledger.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=60)


def _count(database: sqlite3.Connection, kind: str) -> int:
    return int(database.execute("SELECT count(*) FROM entry WHERE kind = ?", (kind,)).fetchone()[0])


def _raced(step: RaceStep, place: Place) -> Ended:
    """Start all commands, then wait for all; seen are the exit codes in ascending order and all they wrote."""
    started = [
        Piped(
            place.processes, _nesqc(place, each.command, each.person), place.folder, place.environment(each.person, {})
        )
        for each in step.commands
    ]
    ended = [each.wait() for each in started]
    faults = [each.fault for each in ended if each.fault]
    exits = tuple(sorted(-1 if each.exit is None else each.exit for each in ended))
    if exits != step.exits:
        faults.append(f"the exit codes are {', '.join(map(str, exits))} instead of {', '.join(map(str, step.exits))}")
    text = "\n".join(each.text for each in ended) + f"\nexit codes {', '.join(map(str, exits))}"
    return Ended(0, text, "; ".join(faults) or None)


def _sql(step: SqlStep, place: Place) -> Ended:
    """Run statements on the database as whoever owns its file can."""
    lines: list[str] = []
    with closing(sqlite3.connect(place.ledger, isolation_level=None, timeout=60)) as database:
        try:
            with _guards(database, step.guards):
                for statement in map(place.filled, step.statements):
                    place.note(f"sql> {statement}")
                    cursor = database.execute(statement)
                    lines += [" | ".join(map(_shown, row)) for row in cursor.fetchall()]
                    if statement.lstrip().casefold().startswith(_CHANGES) and cursor.rowcount < 1:
                        return Ended(0, "\n".join(lines), f"no row was changed by {statement}")
        except sqlite3.Error as error:
            return Ended(1, "\n".join([*lines, f"Error: {error}"]))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Ended(0, "\n".join(lines))


@contextlib.contextmanager
def _guards(database: sqlite3.Connection, what: str) -> Iterator[None]:
    """Take the guards away before, and put them back after, as the step says."""
    if what == "kept":
        yield
        return
    guards = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid").fetchall()
    for name, _ in guards:
        database.execute(f"DROP TRIGGER {name}")
    yield
    if what == "taken away and put back":
        for _, text in guards:
            database.execute(text)


def _shown(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _file(step: FileStep, place: Place) -> Ended:
    """Change or look at one file."""
    try:
        path = place.one(step.path)
        place.note(f"file> {step.change} {path}" + (f" to {step.to}" if step.to else ""))
        return Ended(0, _changed(step, path, place))
    except (OSError, ValueError) as error:
        return Ended(1, f"Error: {error}")


def _changed(step: FileStep, path: Path, place: Place) -> str:
    match step.change:
        case "look":
            return _described(path)
        case "delete":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        case "copy" | "move":
            target = place.folder / place.filled(step.to or "")
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)
            if step.change == "move":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        case "mode":
            path.chmod(int(step.mode or "", 8))
        case "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(place.filled(step.new or ""), encoding="utf-8")
        case "flip" | "truncate" | "replace":
            _overwritten(path, _edited(step, path.read_bytes(), place))
    return f"{step.change}: done"


def _edited(step: FileStep, data: bytes, place: Place) -> bytes:
    middle = len(data) // 2
    if step.change == "flip":
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    if step.change == "truncate":
        return data[:middle]
    old, new = (place.filled(text or "").encode() for text in (step.old, step.new))
    if data.count(old) != 1:
        raise ValueError(f"the text stands {data.count(old)} times in the file instead of once")
    return data.replace(old, new)


def _overwritten(path: Path, data: bytes) -> None:
    """Put other bytes in the place of a file, a read-only one too, with the permissions it had."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.unlink()
    path.write_bytes(data)
    path.chmod(mode)


def _described(path: Path) -> str:
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        return f"folder, mode {stat.S_IMODE(path.stat().st_mode):04o}, holds {', '.join(names) or 'nothing'}"
    if not path.is_file():
        return "does not exist"
    data = path.read_bytes()
    return (
        f"file, mode {stat.S_IMODE(path.stat().st_mode):04o}, {len(data)} bytes, "
        f"SHA-256 {hashlib.sha256(data).hexdigest()}"
    )
