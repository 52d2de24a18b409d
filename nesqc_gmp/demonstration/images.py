"""The images of the demonstration: simulated cultures, or the person's own."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from nesqc_gmp.simulation.culture import PIXEL_SIZE_UM, simulate
from nesqc_gmp.simulation.files import write_simulated
from nesqc_gmp.simulation.look import draw_look

CULTURES = (("C01", 900_001), ("C02", 900_002), ("C03", 900_003))
"""Cultures and the seeds of their looks; the model has never seen them."""

FIELDS = 8


def simulate_batch(folder: Path, done: Callable[[int, int], None]) -> Path:
    """Write simulated images of three conforming cultures with a sample sheet; returns the sheet.

    Args:
        folder: A new folder.
        done: Called after each image with images done and images in all.
    """
    folder.mkdir(parents=True)
    sheet = folder / "sample-sheet.csv"
    with sheet.open("x", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "culture", "passage", "field", "captured_at", "pixel_size_um"))
        for number, (culture, seed) in enumerate(CULTURES):
            look = draw_look(seed)
            for field in range(1, FIELDS + 1):
                name = f"simulated-{culture}-F{field:02d}.png"
                write_simulated(folder / name, simulate(seed * 100 + field, good=True, severity=0.0, culture=look))
                captured = datetime.now(UTC).isoformat(timespec="seconds")
                writer.writerow((name, culture, look.passage, f"F{field:02d}", captured, PIXEL_SIZE_UM))
                done(number * FIELDS + field, len(CULTURES) * FIELDS)
    return sheet
