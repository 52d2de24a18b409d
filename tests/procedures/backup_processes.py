"""Processes that write to a site while it is backed up, and that are killed or run out of room. Run as a program.

``write FOLDER NAME IMAGE...`` registers batches and receives images until a line comes on standard input; it prints the
seconds of its slowest act.
``make FOLDER PLACE`` makes a backup; ``make-small FOLDER PLACE LIMIT`` does where no file may grow beyond LIMIT bytes.
"""

from __future__ import annotations

import json
import resource
import select
import sys
import time
from pathlib import Path

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import NesqcError
from nesqc_gmp.procedures import backup, batches
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session


def session(site: Site, folder: Path, who: str, person: str) -> Session:
    return Session(site, person, json.loads((folder / "sessions.json").read_text())[who])


def write(folder: Path, name: str, images: list[Path]) -> None:
    with Site(SitePaths(folder / "site")) as site:
        operator = session(site, folder, "operator", "o.brannstrom")
        print("ready", flush=True)
        slowest, number = 0.0, 0
        while not select.select([sys.stdin], [], [], 0)[0]:
            number += 1
            batch = f"{name}-{number}"
            began = time.perf_counter()
            batches.register(operator, batch, "NES-TEST.v1", "LINE-7", "2026-11-20", "2027-11-20")
            slowest = max(slowest, time.perf_counter() - began)
            batches.receive(operator, batch, [batches.Incoming(images[number % len(images)], "C01", 3, "F01")])
        print(slowest, flush=True)


def make(folder: Path, place: Path, limit: int | None) -> None:
    with Site(SitePaths(folder / "site")) as site:
        administrator = session(site, folder, "admin", "a.lindqvist")
        print("ready", flush=True)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            backup.make(administrator, place)
        except NesqcError as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", place, batch, *files]:
            write(Path(place), batch, [Path(file) for file in files])
        case ["make", place, target]:
            make(Path(place), Path(target), None)
        case ["make-small", place, target, most]:
            make(Path(place), Path(target), int(most))
        case _:
            sys.exit(__doc__)
