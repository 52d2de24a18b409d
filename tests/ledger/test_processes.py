"""Writers that are killed, and writers that race."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WRITERS = Path(__file__).with_name("writers.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.mark.requirement("UR-AUDIT-12", reviewed="b1edbd27", negative=True)
def test_killed_at_random_moments(new_site: Any) -> None:
    """44 times SIGKILL: nothing acknowledged is lost, no half transaction stays, the next writer goes on.

    The program checks after every round; this is not a loss of power, which no test here can make.
    """
    done = subprocess.run(
        [sys.executable, WRITERS, "crash", new_site.folder, "44", "1"],
        capture_output=True,
        text=True,
        timeout=120,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    size, lagging = map(int, done.stdout.split())
    assert size >= 44 * 3
    print(f"\n{size} entries after 44 kills; the state lagged behind the database {lagging} times")
    assert new_site.verify_with_state().size == size


@pytest.mark.requirement("UR-AUDIT-12", reviewed="b1edbd27", negative=True)
@pytest.mark.parametrize("writers", [2, 3])
def test_racing_writers(new_site: Any, writers: int) -> None:
    """All records of all processes are there, each process's in its own order; the log does not fork."""
    count = 120
    names = [f"writer{number}" for number in range(writers)]
    processes = [
        subprocess.Popen(
            [sys.executable, WRITERS, "race", new_site.folder, name, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for name in names
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    results = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, errors = process.communicate(timeout=100)
        assert (process.returncode, errors) == (0, "")
        results.append(float(output))
    print(f"\n{writers} processes: {writers * count / max(results):.0f} durable appends a second")
    report = new_site.verify_with_state()
    assert report.whole
    assert (report.size, report.checkpoints) == (writers * count, writers * count)
    ledger = new_site.open()
    with ledger.reading() as reader:
        for name in names:
            said = [entry.record.purpose for entry in reader.entries("person", name)]
            assert said == [f"number {number}" for number in range(count)]
    ledger.close()
