"""Which process runs an attempt: told apart from a later one with the same id, and known to be gone when it is."""

from __future__ import annotations

import os
from pathlib import Path


def this_process() -> str:
    """This process: boot, id and start time, so that a later process with the same id is not taken for it."""
    return f"{_boot()}/{os.getpid()}/{_start_time(os.getpid())}"


def running(process: str) -> bool:
    """Whether a process, named as ``this_process`` does, still runs."""
    boot, identifier, started = process.split("/")
    return boot == _boot() and _start_time(int(identifier)) == started


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _start_time(identifier: int) -> str:
    """When a process started, in ticks since the boot; a dead one that nobody has collected yet is gone (proc(5))."""
    try:
        state, *rest = Path(f"/proc/{identifier}/stat").read_text().rpartition(") ")[2].split()
        return "gone" if state in {"Z", "X"} else rest[18]
    except (OSError, IndexError, ValueError):
        return "gone"
