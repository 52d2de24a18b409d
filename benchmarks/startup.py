"""How long ``nesqc --help`` takes to come, beside the import of typer alone: both measured in one run, alternating.

Run it with ``python benchmarks/startup.py [RUNS]``. It prints medians in milliseconds and their ratio.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import typer'": ("-c", "import typer"),
    "nesqc --help": ("-m", "nesqc_gmp", "--help"),
    "nesqc batches --help": ("-m", "nesqc_gmp", "batches", "--help"),
    "nesqc batches analyse --help": ("-m", "nesqc_gmp", "batches", "analyse", "--help"),
}


def seconds(arguments: Sequence[str]) -> float:
    """Wall time of one start of the interpreter, in seconds."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main(runs: int) -> None:
    """Measure in turn, so that a busy machine slows all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            taken[name].append(seconds(arguments))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    yardstick = medians["python -c 'import typer'"]
    for name, median in medians.items():
        print(f"{name:32} {1000 * median:7.1f} ms   {median / yardstick:5.2f} x import typer")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
