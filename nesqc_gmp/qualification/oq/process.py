"""Running a command line as a person or a script would: on a terminal of its own, or with pipes.

The terminal is a real one for the command (a pseudo-terminal that controls its session), so that a passphrase is asked
as it is asked of a person. Every command is the leader of a session of its own: Ctrl-C at the runner does not reach it,
and the runner ends it where the run is stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TIMEOUT_SECONDS: Final = 120
"""After this long without an end a command is ended and has failed."""

_COLUMNS: Final = 200
_LAUNCH: Final = """
import os, resource, signal, sys
terminal, limit, *words = sys.argv[1:]
signal.signal(signal.SIGINT, signal.SIG_DFL)
if terminal:
    import fcntl, termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
os.execv(words[0], words)
"""
"""What a process does to itself before it becomes the command; a hook after the fork is not safe beside threads."""

_ESCAPES: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")


class StoppedError(Exception):
    """The run was stopped while a command ran."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        exit: Exit code, ``None`` where a signal ended it.
        text: All it wrote, standard error included, without control sequences.
        fault: What went wrong around it, such as a question nobody had an answer for.
    """

    exit: int | None
    text: str
    fault: str | None = None


class Processes:
    """The commands that run now, so that a stop of the run ends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopped = False

    def stop(self) -> None:
        """End every command and start no other."""
        with self._lock:
            self.stopped = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def start(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        streams: tuple[int, int],
        *,
        terminal: bool = False,
        limit: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command in a folder; streams are its standard input and its output.

        Raises:
            StoppedError: The run was stopped.
        """
        launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, "1" * terminal, "" if limit is None else str(limit)]
        stdin, stdout = streams
        with self._lock:
            if self.stopped:
                raise StoppedError
            process = subprocess.Popen(  # noqa: S603 - the words are those of the approved protocol
                [*launch, *words],
                cwd=folder,
                env=dict(environment),
                stdin=stdin,
                stdout=stdout,
                stderr=stdout,
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def ended(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[int | None, str | None]:
        """Wait for the end of a command; its exit code and a fault.

        Raises:
            StoppedError: The run was stopped meanwhile.
        """
        fault = None
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            fault = f"ended after {TIMEOUT_SECONDS} seconds"
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with self._lock:
            self._running.discard(process)
            if self.stopped:
                raise StoppedError
        return (process.returncode if process.returncode >= 0 else None), fault


class Piped:
    """A command that runs without a terminal, with a text on standard input.

    Its output goes to a file: a pipe that nobody reads would stop it.
    """

    def __init__(
        self,
        processes: Processes,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        text: str = "",
        limit: int | None = None,
    ) -> None:
        self._processes = processes
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - wait() closes it
        self._deadline = time.monotonic() + TIMEOUT_SECONDS
        inside = _pipe_with(text)
        try:
            streams = (inside, self._out.fileno())
            self._process = processes.start(words, folder, environment, streams, limit=limit)
        except BaseException:
            self._out.close()
            raise
        finally:
            os.close(inside)

    @property
    def running(self) -> bool:
        """Whether it runs and there is time left for it."""
        return self._process.poll() is None and time.monotonic() < self._deadline

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.killpg(self._process.pid, number)

    def wait(self) -> Ended:
        """Wait for its end.

        Raises:
            StoppedError: The run was stopped meanwhile.
        """
        with self._out as out:
            code, fault = self._processes.ended(self._process, self._deadline)
            out.seek(0)
            return Ended(code, _clean(out.read()), fault)


def _pipe_with(text: str) -> int:
    """The reading end of a pipe that holds a short text and then ends."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        stream.write(text.encode())
    return reading


def on_terminal(
    processes: Processes,
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    answers: Sequence[tuple[str, str]],
) -> Ended:
    """Run a command on a terminal and answer its questions in order."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, _COLUMNS, 0, 0))
    try:
        try:
            process = processes.start(words, folder, environment, (slave, slave), terminal=True)
        finally:
            os.close(slave)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        seen, unanswered = _converse(master, answers, deadline)
        code, fault = processes.ended(process, deadline)
    finally:
        os.close(master)
    if unanswered and fault is None:
        fault = f"never asked {unanswered[0][0]!r}"
    return Ended(code, _clean(seen), fault)


def _converse(
    master: int, answers: Sequence[tuple[str, str]], deadline: float
) -> tuple[bytes, Sequence[tuple[str, str]]]:
    """Read until the command lets go of the terminal, typing each answer at its question."""
    seen, looked, left = b"", 0, list(answers)
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:
            # The command has ended and nobody holds the other side any more.
            break
        if not data:
            break
        seen += data
        while left and (place := seen.find(left[0][0].encode(), looked)) >= 0:
            looked = place + len(left[0][0].encode())
            os.write(master, f"{left.pop(0)[1]}\n".encode())
    return seen, left


def _clean(data: bytes) -> str:
    """Text without control sequences; a line that was drawn over stays as it was drawn last."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)
