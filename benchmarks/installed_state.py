"""What reading the installed state costs, beside what a person would use to look at an installation.

Run it with ``python benchmarks/installed_state.py [RUNS]`` and the interpreter of an environment in which the software
is installed. All are measured by turns, so that a busy machine slows them alike. It prints medians, and their ratio to
``sha256sum`` over the same files.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from nesqc_gmp import store
from nesqc_gmp.config import SitePaths
from nesqc_gmp.installation.roots import present_installation
from nesqc_gmp.installation.state import SiteFacts, installed_state, quick_state

YARDSTICK = "sha256sum of every library file"


def site(folder: Path) -> SitePaths:
    """A folder with an empty ledger and no keys."""
    paths = SitePaths(folder)
    paths.keys.mkdir(mode=0o700)
    engine = store.writing_engine(paths.ledger)
    with engine.connect() as connection:
        store.create_tables(connection)
        connection.commit()
    engine.dispose()
    return paths


def ways(folder: Path) -> dict[str, Callable[[], object]]:
    """Each way to look at the installation."""
    installation = present_installation()
    locked = frozenset(each.name.lower().replace("_", "-") for each in metadata.distributions())
    facts = SiteFacts(locked, "Europe/Stockholm", datetime.now(UTC))
    paths = site(folder)
    files = [str(path) for place in installation.libraries for path in Path(place).rglob("*") if path.is_file()]
    listed = "\0".join(file for file in files if not file.endswith(".pyc")).encode()
    print(f"{len(listed.split(bytes(1)))} files, {len(locked)} distributions")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return {
        YARDSTICK: lambda: subprocess.run(["xargs", "-0", "sha256sum"], input=listed, check=True, **quiet),
        "pip check": lambda: subprocess.run([sys.executable, "-m", "pip", "check"], check=False, **quiet),
        "installed_state": lambda: installed_state(paths, facts, installation),
        "quick_state": lambda: quick_state(paths, facts, installation),
        "quick_state, nothing remembered": lambda: (os.unlink(paths.installed_files), quick_state(paths, facts)),
    }


def main(runs: int) -> None:
    """Measure in turn."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = ways(Path(folder))
        taken: dict[str, list[float]] = {name: [] for name in chosen}
        for _ in range(runs):
            for name, way in chosen.items():
                begin = time.perf_counter()
                way()
                taken[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, median in medians.items():
        print(f"{name:34} {1000 * median:8.1f} ms   {median / medians[YARDSTICK]:5.2f} x {YARDSTICK}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
