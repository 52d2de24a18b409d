"""Speed of the ledger: durable appends beside plain SQLite inserts, two writers, verification of a large log.

Usage: ``python benchmarks/ledger.py [--records N] [--folder DIR]``

Disks of shared machines are noisy, so things to be compared run in short blocks by turns in one process, and the
median of the ratios of neighbouring blocks counts, not the quotient of two totals. Sample records are simulated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from nesqc_gmp import merkle, store
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.ledger import Ledger, LogSigner, reading_copy, verify_database
from nesqc_gmp.ledger.body import compose
from nesqc_gmp.ledger.projections import PROJECTIONS
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.batches import ImageScored
from nesqc_gmp.records.entry import Actor, Record, Subject
from nesqc_gmp.records.images import HeatMap, InputCheck, InputFinding, Prediction, TileHeterogeneity
from nesqc_gmp.records.people import AuthenticationFailed

BLOCK, ROUNDS = 50, 40
BATCH = 500
ORIGIN = "example.org/nesqc/benchmark/1"
SUBJECT = Subject(type="batch", id="B-2026-001")
ACTOR = Actor(person="op1", name="Anna Operator", role="operator", authentication="session", session="a" * 64)
CONSOLE = Console()


def instant(number: int) -> Instant:
    """A time of its own for every record."""
    clock = f"{number // 60 % 60:02}:{number % 60:02}.{number % 1_000_000:06}"
    return Instant(utc=f"2026-01-02T09:{clock}Z", local=f"2026-01-02T10:{clock}+01:00", zone="Europe/Stockholm")


def short_record(number: int) -> Record:
    """A record of about 700 bytes with its envelope."""
    return AuthenticationFailed(person="op1", purpose=f"sign {number}: " + "x" * 280, locked=False)


def scored_image(number: int) -> Record:
    """The result of one image, the record the tool writes most: about 2300 bytes."""
    rules = ("FORMAT", "DEPTH", "CHANNELS", "SIZE", "SCALE", "SATURATION", "FOCUS", "ILLUMINATION")
    findings = tuple(
        InputFinding(rule=f"INPUT-{rule}", measured="1.25", limit="0.5 to 2", passed=True) for rule in rules
    )
    prediction = Prediction(
        score="0.912345",
        tiles=(("0.91", "0.93", "0.88"),) * 3,
        heat_map=HeatMap(rows=8, columns=8, values="AAAAPwAA" * 43),
        heterogeneity=TileHeterogeneity(appearance=None, score=None, tile_distances=()),
        embedding_sha256="e" * 64,
        distance="3.2",
        distance_limit="9",
        statistics_distance="1.5",
        statistics_limit="7",
        outputs_sha256="f" * 64,
    )
    return ImageScored(
        attempt=1,
        image=f"C1-F{number}",
        sha256="a" * 64,
        check=InputCheck(findings=findings),
        model_check=(),
        prediction=prediction,
        outcome="conforming",
    )


def new_ledger(folder: Path) -> Ledger:
    """An empty ledger with its key."""
    return Ledger.create(folder / "ledger.sqlite", LogSigner.create(folder / "log.key", folder / "log.state", ORIGIN))


def append(ledger: Ledger, number: int, record: Record) -> None:
    """One record, one transaction, one signed checkpoint."""
    with ledger.writing() as transaction:
        transaction.append(time=instant(number), actor=ACTOR, subject=SUBJECT, record=record)


class PlainDatabase:
    """The rows of a ledger in SQLite, written without hashing, signing or a second thought.

    Args:
        path: The file, to be made.
        guarded: With the triggers and indexes of the ledger, or bare tables.
    """

    def __init__(self, path: Path, *, guarded: bool) -> None:
        self._run = sqlite3.connect(path, isolation_level=None).execute
        self._run("PRAGMA journal_mode=WAL")
        self._run("PRAGMA synchronous=FULL")
        for kind, _, statement in store.expected_schema():
            if guarded or kind == "table":
                self._run(statement)

    def append(self, number: int, body: dict[str, Any]) -> None:
        """Serialise and insert one record with the rows that the ledger makes of it."""
        data = json.dumps(body).encode()
        run = self._run
        run("BEGIN IMMEDIATE")
        run("INSERT INTO leaf VALUES (?, ?, ?)", (number, data, b"h" * 32))
        level, index = 0, number
        while index & 1:
            index, level = index >> 1, level + 1
            run("INSERT INTO node VALUES (?, ?, ?, ?)", (store.node_id(level, index), level, index, b"h" * 32))
        for table, project in PROJECTIONS.items():
            row = project(body)
            if row is not None:
                run(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        run("INSERT INTO checkpoint VALUES (?, ?, ?)", (number + 1, b"h" * 32, "n" * 200))
        run("COMMIT")


def plain_body(number: int, record: Record) -> dict[str, Any]:
    """The JSON value of an entry, made before the clock starts."""
    return {
        "version": 1,
        "origin": ORIGIN,
        "index": number,
        "time": instant(number).model_dump(mode="json"),
        "actor": ACTOR.model_dump(mode="json"),
        "subject": SUBJECT.model_dump(mode="json"),
        "reason": None,
        "software": "plain",
        "record": record.model_dump(mode="json"),
    }


def append_ratio(folder: Path, name: str, make: Callable[[int], Record]) -> None:
    """Appends by turns: the ledger, plain SQLite with the same schema, plain SQLite with bare tables."""
    ledger = new_ledger(folder)
    same, bare = PlainDatabase(folder / "same", guarded=True), PlainDatabase(folder / "bare", guarded=False)
    times: list[tuple[float, float, float]] = []
    for start in range(0, BLOCK * ROUNDS, BLOCK):
        numbers = range(start, start + BLOCK)
        records = [make(number) for number in numbers]
        bodies = [plain_body(number, record) for number, record in zip(numbers, records, strict=True)]
        blocks = (
            lambda n=numbers, r=records: [append(ledger, *pair) for pair in zip(n, r, strict=True)],
            lambda n=numbers, b=bodies: [same.append(*pair) for pair in zip(n, b, strict=True)],
            lambda n=numbers, b=bodies: [bare.append(*pair) for pair in zip(n, b, strict=True)],
        )
        times.append(tuple(_seconds(block) / BLOCK * 1e6 for block in blocks))  # type: ignore[arg-type]
    ledger.close()
    ours, plain, bare_tables = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"append, {name}: ledger {ours:.0f} us, same schema {plain:.0f} us, bare tables {bare_tables:.0f} us a record"
    )
    print(
        f"  speed of the ledger: {statistics.median(b / a for a, b, _ in times):.2f} of the same schema, "
        f"{statistics.median(c / a for a, _, c in times):.2f} of bare tables"
    )


def breakdown(folder: Path, make: Callable[[int], Record]) -> None:
    """What an append costs beyond the inserts."""
    signer = LogSigner.create(folder / "key", folder / "state", ORIGIN)
    record, moment = make(1), instant(1)
    whole = plain_body(1, record)
    data, note, lock = canonical_json(whole), signer.sign(1, b"h" * 32), signer.lock()
    parts: dict[str, Callable[[], object]] = {
        "sign the checkpoint (Ed25519)": lambda: signer.sign(1, b"h" * 32),
        "values and canonical JSON of the entry": lambda: compose(ORIGIN, 1, moment, ACTOR, SUBJECT, None, record),
        "leaf hash": lambda: merkle.leaf_hash(data),
        "lock and unlock": lambda: (lock.acquire(), lock.release()),
        "keep the checkpoint": lambda: signer.remember(note),
        "(only in the plain insert: json.dumps)": lambda: json.dumps(whole).encode(),
    }
    for name, part in parts.items():
        runs = [_seconds(lambda part=part: [part() for _ in range(200)]) / 200 * 1e6 for _ in range(10)]
        print(f"  {statistics.median(runs):6.1f} us  {name}")
    signer.close()


def two_writers(folder: Path, count: int = 1000) -> None:
    """Two processes append at once, one record a transaction."""
    new_ledger(folder).close()
    command = [sys.executable, __file__, "--folder", str(folder), "--append", str(count)]
    seconds = _seconds(lambda: [process.wait() for process in [subprocess.Popen(command) for _ in range(2)]])
    with reading_copy(folder / "ledger.sqlite") as engine:
        report = verify_database(engine, _signer(folder).verifier, anchors={})
    if not report.whole or report.size != 2 * count:
        raise SystemExit(f"two writers: {report.size} of {2 * count} entries, {report.findings}")
    print(f"two processes: {2 * count / seconds:.0f} durable appends a second, {seconds:.1f} s with the start of both")


def write_alone(folder: Path, count: int) -> None:
    """The work of one of the two processes."""
    ledger = Ledger(folder / "ledger.sqlite", _signer(folder))
    for number in range(count):
        append(ledger, number, short_record(number))
    ledger.close()


def build(folder: Path, size: int, progress: Progress) -> float:
    """Grow the ledger to a size, 500 records a transaction; entries a second."""
    ledger = Ledger(folder / "ledger.sqlite", _signer(folder))
    with ledger.reading() as reader:
        first = reader.size
    task = progress.add_task(f"appending up to {size:,}", total=size - first)
    start = time.perf_counter()
    for base in range(first, size, BATCH):
        with ledger.writing() as transaction:
            for number in range(base, min(base + BATCH, size)):
                transaction.append(time=instant(number), actor=ACTOR, subject=SUBJECT, record=short_record(number))
        progress.update(task, completed=base + BATCH - first)
    ledger.close()
    return (size - first) / (time.perf_counter() - start)


def measure(folder: Path) -> None:
    """Verify in this process and print rates and memory as JSON; a process of its own has a peak of its own."""
    path = folder / "ledger.sqlite"
    before = _peak_memory()
    first = _linear_pass(path)
    with reading_copy(path) as engine:
        start = time.perf_counter()
        report = verify_database(engine, _signer(folder).verifier, anchors={})
        seconds = time.perf_counter() - start
    if not report.whole:
        raise SystemExit(f"verification found {report.findings}")
    peak = _peak_memory()
    linear = (first + _linear_pass(path)) / 2
    print(json.dumps({"size": report.size, "seconds": seconds, "linear": linear, "before": before, "peak": peak}))


def _linear_pass(path: Path) -> float:
    """Seconds to read every entry and chain it with SHA-256: the least that any check of a log must do."""
    connection = sqlite3.connect(path)
    chain = b""
    start = time.perf_counter()
    for (body,) in connection.execute("SELECT body FROM leaf ORDER BY idx"):
        chain = hashlib.sha256(chain + body).digest()
    seconds = time.perf_counter() - start
    connection.close()
    return seconds


def verification(folder: Path, records: int) -> None:
    """Verify logs of growing size, each in a process of its own."""
    new_ledger(folder).close()
    sizes = sorted({size for size in (10_000, 100_000, records) if size <= records})
    with Progress(console=CONSOLE) as progress:
        for size in sizes:
            rate = build(folder, size, progress)
            task = progress.add_task(f"verifying {size:,}", total=None)
            command = [sys.executable, __file__, "--folder", str(folder), "--measure"]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            progress.update(task, total=1, completed=1)
            progress.console.print(
                f"{size:>9,} entries (appended {BATCH} at a time at {rate:,.0f}/s): "
                f"verified in {found['seconds']:.1f} s, {size / found['seconds']:,.0f}/s; "
                f"{found['seconds'] / found['linear']:.1f} times a plain linear pass; "
                f"peak memory {found['peak'] / 1024:.0f} MB, {found['before'] / 1024:.0f} MB before",
                soft_wrap=True,
            )


def _signer(folder: Path) -> LogSigner:
    return LogSigner(folder / "log.key", folder / "log.state")


def _peak_memory() -> int:
    """Largest resident set so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run everything, or the part of it that a child process was started for."""
    parser = argparse.ArgumentParser(description="Speed of the ledger.")
    parser.add_argument("--records", type=int, default=1_000_000, help="size of the largest log verified")
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder otherwise")
    parser.add_argument("--append", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.append:
        write_alone(options.folder, options.append)
    elif options.measure:
        measure(options.folder)
    else:
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="ledger-benchmark-") as name:
            folder = Path(name)
            parts = {part: folder / part for part in ("short", "scored", "parts", "parts2", "two", "many")}
            for path in parts.values():
                path.mkdir()
            append_ratio(parts["short"], "short record", short_record)
            breakdown(parts["parts"], short_record)
            append_ratio(parts["scored"], "scored image", scored_image)
            breakdown(parts["parts2"], scored_image)
            two_writers(parts["two"])
            verification(parts["many"], options.records)


if __name__ == "__main__":
    main()
