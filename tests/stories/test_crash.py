"""Sudden ends and two at once: nothing that was shown is lost, no attempt is hidden, the log never forks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nesqc_gmp.errors import ModelRefusedError, OutOfSequenceError
from nesqc_gmp.procedures import audit, batches
from nesqc_gmp.procedures import site as site_procedures

PROGRAM = Path(__file__).with_name("processes.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
KILLS = 100
"""Kills a test; there are two, so that two cores share them."""


@pytest.fixture
def sealed(ready: Any, life: Any, pictures: Any) -> Any:
    """A site with a sealed batch of two images."""
    acts = life(ready)
    acts.register("B-2")
    acts.receive("B-2", pictures.good(2))
    acts.seal("B-2")
    return ready


@pytest.mark.requirement("UR-BATCHES-09", reviewed="d52d1b84", negative=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_of_an_analysis(seed: int, sealed: Any, tmp_path: Path) -> None:
    """SIGKILL, 100 times here; what must hold after each is asserted by the program."""
    sealed.close()
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        [sys.executable, PROGRAM, "kill", sealed.folder, tmp_path / "work", str(KILLS), str(seed)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    places = json.loads(done.stdout)
    assert sum(places.values()) == KILLS
    inside = sum(count for place, count in places.items() if place.endswith("results"))
    assert inside >= KILLS // 10, places
    print(f"\n{done.stdout}")


def stopped_after(count: int, error: BaseException) -> Any:
    """Shows results and raises at one of them."""
    seen: list[batches.Progress] = []

    def shown(progress: batches.Progress) -> None:
        seen.append(progress)
        if len(seen) == count:
            raise error

    return shown


@pytest.mark.requirement("UR-BATCHES-10", reviewed="e5283424", negative=True)
def test_ctrl_c_closes_the_attempt_as_aborted(sealed: Any, life: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        life(sealed).analyse("B-2", shown=stopped_after(1, KeyboardInterrupt()))
    attempt = sealed.batch("B-2").batch.attempts[0]
    assert (attempt.closed.ending, attempt.closed.scored, list(attempt.scores)) == ("aborted", 1, ["C01_F01"])
    assert sealed.entries("incident_opened") == [], "the person knows why"
    life(sealed).analyse("B-2")
    assert [a.closed.ending for a in sealed.batch("B-2").batch.attempts] == ["aborted", "completed"]


def test_ctrl_c_between_the_commit_and_its_count(sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result is in the log though nobody was shown it; the closing entry counts what is in the log."""
    from nesqc_gmp.ledger.signer import LogSigner

    keep = LogSigner.remember
    written: list[str] = []

    def stopped(self: LogSigner, note: str) -> None:
        keep(self, note)
        written.append(note)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(LogSigner, "remember", stopped)
    with pytest.raises(KeyboardInterrupt):
        life(sealed).analyse("B-2", shown=lambda progress: pytest.fail("shown before it was safe"))
    attempt = sealed.batch("B-2").batch.attempts[0]
    assert (attempt.closed.ending, attempt.closed.scored, len(attempt.scores)) == ("aborted", 1, 1)
    sealed.close()
    assert audit.verify(sealed.paths).verified


@pytest.mark.requirement("UR-BATCHES-10", reviewed="e5283424")
def test_engine_that_fails_in_the_middle(sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nesqc_gmp.inference.engine import Engine

    predict, calls = Engine.predict_prepared, []

    def failing(self: Engine, *given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise ModelRefusedError("the model gave a value that is not finite")
        return predict(self, *given)

    monkeypatch.setattr(Engine, "predict_prepared", failing)
    with pytest.raises(ModelRefusedError):
        life(sealed).analyse("B-2")
    attempt = sealed.batch("B-2").batch.attempts[0]
    assert (attempt.closed.ending, attempt.closed.scored) == ("failed", 1)
    assert attempt.closed.detail == "the model gave a value that is not finite"
    with pytest.raises(OutOfSequenceError, match="no analysis has been completed"):
        life(sealed).submit("B-2")


@pytest.mark.requirement("UR-AUDIT-17", reviewed="0fbb59d9")
def test_unexpected_failure_tells_no_content(sealed: Any, life: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        life(sealed).analyse("B-2", shown=stopped_after(1, ZeroDivisionError("patient 4711")))
    closed = sealed.batch("B-2").batch.attempts[0].closed
    assert (closed.ending, closed.detail) == ("failed", "unexpected ZeroDivisionError")


@pytest.mark.requirement("UR-BATCHES-10", reviewed="e5283424", negative=True)
@pytest.mark.requirement("UR-SITE-03", reviewed="b37c0a47", negative=True)
def test_dead_attempt_is_closed_by_the_next_command_and_blocks_until_assessed(sealed: Any, life: Any) -> None:
    acts = life(sealed)
    child = os.fork()
    if child == 0:
        acts.world._site = None
        try:
            acts.analyse("B-2", shown=lambda progress: os._exit(0))
        finally:
            os._exit(1)
    # Not collected yet: a dead process that still has an entry in the table of processes.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    view = sealed.batch("B-2")
    assert os.waitpid(child, 0) == (child, 0)
    assert (view.batch.attempts[0].closed.ending, view.batch.attempts[0].closed.scored) == ("aborted", 1)
    incident = sealed.entries("incident_opened")[0].record
    assert (incident.incident_kind, incident.batch) == ("interrupted attempt", "B-2")
    with pytest.raises(OutOfSequenceError, match="an incident is open"):
        acts.analyse("B-2")
    site_procedures.assess(
        sealed.session("qa"), incident.incident, "The power failed; nothing lost", sealed.signs("qa")
    )
    acts.analyse("B-2")
    assert [a.closed.ending for a in sealed.batch("B-2").batch.attempts] == ["aborted", "completed"]


def test_running_attempt_is_left_alone(sealed: Any, life: Any) -> None:
    """Somebody who looks while another analyses does not close the attempt, and nobody can begin a second one."""
    looked: list[Any] = []

    def shown(progress: Any) -> None:
        view = sealed.batch("B-2").batch
        looked.append((len(view.attempts), view.attempts[0].closed, len(view.attempts[0].scores)))
        if len(looked) == 1:
            with pytest.raises(OutOfSequenceError, match="attempt 1 is still running"):
                life(sealed).analyse("B-2")

    life(sealed).analyse("B-2", shown=shown)
    assert looked == [(1, None, 1), (1, None, 2)]


def test_two_processes_receive_at_once(ready: Any, tmp_path: Path) -> None:
    ready.close()
    random = np.random.default_rng(4)
    count = 20
    for batch in ("B-7", "B-8"):
        (tmp_path / batch).mkdir()
        for number in range(count):
            samples = random.integers(0, 256, (40, 40), dtype=np.uint8)
            Image.fromarray(samples).save(tmp_path / batch / f"F{number:02d}.png")
    processes = [
        subprocess.Popen(
            [sys.executable, PROGRAM, "race", ready.folder, batch, tmp_path / batch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for batch in ("B-7", "B-8")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, errors = process.communicate(timeout=100)
        assert (process.returncode, errors) == (0, "")
        assert json.loads(output) == [f"C01_F{number:02d}" for number in range(count)]
    report = audit.verify(ready.paths)
    assert report.verified, report.steps
    entries = [e.subject.id for e in ready.entries() if e.subject.type == "batch"]
    assert (entries.count("B-7"), entries.count("B-8")) == (count + 1, count + 1)
    changes = sum(a != b for a, b in pairwise(entries))
    assert changes > 1, "the two took turns"
    assert batches.show(ready.session("operator"), "B-8").batch.stage == "registered"
