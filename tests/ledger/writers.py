"""Processes that write to a ledger, for the tests of crashes and races. Run as a program.

``race FOLDER NAME COUNT`` waits for a line on standard input, then appends COUNT records, one a transaction.
``crash FOLDER ROUNDS SEED`` starts a writer again and again and kills it at a random moment.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from nesqc_gmp.ledger import Ledger, LogSigner, reading_copy, verify_database
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.entry import Actor, Subject
from nesqc_gmp.records.people import AuthenticationFailed

TIME = Instant(utc="2026-01-02T09:00:00.000000Z", local="2026-01-02T10:00:00.000000+01:00", zone="Europe/Stockholm")
ACTOR = Actor(person="system", name="Test", role="system", authentication="none", session=None)
BATCH = 3


def open_ledger(folder: Path) -> Ledger:
    return Ledger(folder / "ledger.sqlite", LogSigner(folder / "log.key", folder / "log.state"))


def append(ledger: Ledger, name: str, numbers: range) -> int:
    with ledger.writing() as transaction:
        for number in numbers:
            record = AuthenticationFailed(person=name, purpose=f"number {number}", locked=False)
            transaction.append(time=TIME, actor=ACTOR, subject=Subject(type="person", id=name), record=record)
        return transaction.size


def race(folder: Path, name: str, count: int) -> None:
    ledger = open_ledger(folder)
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    for number in range(count):
        append(ledger, name, range(number, number + 1))
    print(time.perf_counter() - start, flush=True)
    ledger.close()


def write_until_killed(folder: Path, acknowledged: int) -> None:
    ledger = open_ledger(folder)
    while True:
        size = append(ledger, "writer", range(BATCH))
        os.write(acknowledged, size.to_bytes(8, "big"))


def killed_once(folder: Path, chooser: random.Random) -> int:
    """Start a writer and kill it; the largest size it had acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            write_until_killed(folder, writing)
        finally:
            os._exit(70)
    os.close(writing)
    first = os.read(reading, 8) if chooser.random() < 0.7 else b""
    time.sleep(chooser.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the writer failed by itself: {status}"
    said = first
    while block := os.read(reading, 65536):
        said += block
    os.close(reading)
    return int.from_bytes(said[-8:], "big")


def crash(folder: Path, rounds: int, seed: int) -> None:
    chooser = random.Random(seed)
    known = lagging = 0
    for _ in range(rounds):
        known = max(known, killed_once(folder, chooser))
        signer = LogSigner(folder / "log.key", folder / "log.state")
        state = signer.last()
        with reading_copy(folder / "ledger.sqlite") as engine:
            report = verify_database(engine, signer.verifier, anchors={"state": state})
        signer.close()
        assert report.whole, report.findings
        assert report.size >= known, f"{known} acknowledged, {report.size} there"
        assert report.size % BATCH == 0, "half a transaction"
        lagging += state.size < report.size
        ledger = open_ledger(folder)
        known = append(ledger, "after", range(BATCH))
        ledger.close()
        assert known == report.size + BATCH
    print(known, lagging)


if __name__ == "__main__":
    mode, place, first, second = sys.argv[1:]
    if mode == "race":
        race(Path(place), first, int(second))
    else:
        crash(Path(place), int(first), int(second))
