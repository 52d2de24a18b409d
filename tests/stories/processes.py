"""Processes that analyse until they are killed, and processes that work on one site at once. Run as a program.

``kill ORIGIN WORK KILLS SEED`` analyses batch B-2 of a copy of a site in a child process and kills it at a random
moment, again and again, each time on a fresh copy; it prints one JSON object.
``race FOLDER BATCH IMAGES`` waits for a line on standard input, then registers a batch and receives images.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import sys
import time
from collections import Counter
from pathlib import Path

from nesqc_gmp.config import SitePaths
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.ledger import reading_copy, verify_database
from nesqc_gmp.ledger.signer import read_state
from nesqc_gmp.notes import NoteVerifier
from nesqc_gmp.procedures import audit, batches
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session

ACKNOWLEDGED = struct.Struct(">Q64s")
BATCH = "B-2"


def operator(site: Site, folder: Path) -> Session:
    return Session(site, "o.brannstrom", json.loads((folder / "sessions.json").read_text())["operator"])


def analyse(folder: Path, out: int) -> None:
    """Analyse, and tell of the beginning and of each result shown: index and digest of the last entry then."""
    with Site(SitePaths(folder / "site")) as site:

        def tell() -> None:
            with site.ledger.reading() as reader:
                index = reader.size - 1
                os.write(out, ACKNOWLEDGED.pack(index, sha256_hex(reader.body(index)).encode()))

        def shown(progress: batches.Progress) -> None:
            with site.ledger.reading() as reader:
                assert reader.entry(reader.size - 1).record == progress.scored
            tell()

        tell()
        batches.analyse(operator(site, folder), BATCH, None, shown)


def killed(folder: Path, told: int, delay: float) -> list[tuple[int, str]]:
    """Let a child analyse and kill it some seconds after it told something; returns all that it told."""
    inside, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(inside)
        try:
            analyse(folder, out)
        finally:
            os._exit(0)
    os.close(out)
    with os.fdopen(inside, "rb") as stream:
        data = b"".join(stream.read(ACKNOWLEDGED.size) for _ in range(told))
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        data += stream.read()
    found = [ACKNOWLEDGED.unpack_from(data, at) for at in range(0, len(data), ACKNOWLEDGED.size)]
    return [(index, digest.decode()) for index, digest in found]


def judged(folder: Path, told: list[tuple[int, str]]) -> str:
    """Check a site after a kill: what is there, what the next command makes of it; returns where the kill fell."""
    with Site(SitePaths(folder / "site")) as site:
        with site.ledger.reading() as reader:
            size = reader.size
            assert all(index < size for index, _ in told), (told, size)
            assert all(sha256_hex(reader.body(index)) == digest for index, digest in told)
            kinds = Counter(entry.kind for entry in reader.entries("batch", BATCH))
        view = batches.show(operator(site, folder), BATCH)
        with site.ledger.reading() as reader:
            incidents = [e.record.incident_kind for e in reader.entries("site", "site") if e.kind == "incident_opened"]
    attempts = view.batch.attempts
    assert len(attempts) == kinds["attempt_opened"], "every attempt is listed"
    if not attempts:
        assert (len(told), incidents) == (1, [])
        return "before the attempt"
    closed = attempts[0].closed
    assert closed is not None
    assert len(attempts[0].scores) == closed.scored == kinds["image_scored"] >= len(told) - 1
    if kinds["attempt_closed"]:
        assert (closed.ending, incidents) == ("completed", [])
        return "after the attempt"
    assert (closed.ending, incidents) == ("aborted", ["interrupted attempt"])
    return f"after {closed.scored} results"


def kill(origin: Path, work: Path, kills: int, seed: int) -> None:
    """Kill many children; every site is verified after its kill."""
    chance = random.Random(seed)
    places: Counter[str] = Counter()
    for number in range(kills):
        folder = work / f"{number}"
        shutil.copytree(origin, folder, copy_function=linked)
        # The golden run before the attempt takes longer than one image.
        after, within = chance.choice([(1, 0.25), (1, 0.25), (2, 0.08), (3, 0.02)])
        places[judged(folder, killed(folder, after, chance.uniform(0, within)))] += 1
        verified(SitePaths(folder / "site"), thoroughly=number % 10 == 0)
        shutil.rmtree(folder)
    print(json.dumps(places))


def verified(paths: SitePaths, *, thoroughly: bool) -> None:
    """The ledger is whole and goes on from what its key signed last; now and then everything else too."""
    verifier = NoteVerifier.parse(paths.log_verifier.read_text().strip())
    state = read_state(paths.log_state.read_bytes(), verifier)
    with reading_copy(paths.ledger) as engine:
        report = verify_database(engine, verifier, anchors={"state": state})
    assert report.whole, report.findings
    if thoroughly:
        found = audit.verify(paths)
        assert found.verified, found.steps


def linked(source: str, target: str) -> None:
    """Link what is never changed, copy the rest."""
    (os.link if "/site/objects/" in source else shutil.copy2)(source, target)


def race(folder: Path, batch: str, images: Path) -> None:
    with Site(SitePaths(folder / "site")) as site:
        session = operator(site, folder)
        print("ready", flush=True)
        sys.stdin.readline()
        batches.register(session, batch, "NES-TEST.v1", "LINE-7", "2026-11-20", "2027-11-20")
        received = batches.receive(session, batch, batches.incoming([images], "C01", 3))
        print(json.dumps([item.image for item in received]), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["kill", origin, work, kills, seed]:
            kill(Path(origin), Path(work), int(kills), int(seed))
        case ["race", folder, batch, images]:
            race(Path(folder), batch, Path(images))
        case _:
            sys.exit(__doc__)
