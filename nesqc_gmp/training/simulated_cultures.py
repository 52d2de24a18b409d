"""Simulated cultures as files: images and a manifest, as a laboratory would give them.

``python -m nesqc_gmp.training.simulated_cultures --out DIR`` writes ``images/`` and ``manifest.csv``. The same numbers
give the same bytes, whatever the number of worker processes.
"""

from __future__ import annotations

import argparse
import csv
import io
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError, NesqcError
from nesqc_gmp.simulation.files import NAME_PREFIX, write_simulated
from nesqc_gmp.simulation.look import draw_look
from nesqc_gmp.training.cultures import conforming, defect_of, donor_of, field_of, severity_of

COLUMNS = ("image", "sha256", "label", "culture", "donor", "passage", "simulated", "severity", "defect")


def write_cultures(out: Path, cultures: range, fields: int, workers: int = 2) -> Path:
    """Write every field of every culture and the manifest.

    Args:
        out: The folder; must not exist.
        cultures: Numbers of the cultures.
        fields: Fields of each culture, 1 to 100.
        workers: Processes that simulate.

    Returns:
        The manifest.

    Raises:
        InvalidInputError: The folder exists.
    """
    if out.exists():
        raise InvalidInputError("the folder exists", where=str(out), remedy="Give another folder.")
    images = out / "images"
    images.mkdir(parents=True)
    jobs = [(images, culture, fields) for culture in cultures]
    with ProcessPoolExecutor(workers) as pool:
        rows = [row for found in pool.map(_write_culture, jobs, chunksize=4) for row in found]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    manifest = out / "manifest.csv"
    manifest.write_text(text.getvalue(), encoding="utf-8")
    return manifest


def _write_culture(job: tuple[Path, int, int]) -> list[dict[str, str]]:
    images, culture, fields = job
    rows = []
    for field in range(fields):
        name = f"{NAME_PREFIX}{culture:04d}-{field:02d}.png"
        write_simulated(images / name, field_of(culture, field))
        rows.append(
            {
                "image": name,
                "sha256": sha256_hex((images / name).read_bytes()),
                "label": "conforming" if conforming(culture) else "not conforming",
                "culture": f"C{culture:04d}",
                "donor": f"D{donor_of(culture):03d}",
                "passage": str(draw_look(culture).passage),
                "simulated": "yes",
                "severity": f"{severity_of(culture):.2f}",
                "defect": defect_of(culture),
            }
        )
    return rows


def main() -> None:
    """Parse the command line and write the cultures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="new folder")
    parser.add_argument("--cultures", type=int, default=340, help="how many cultures")
    parser.add_argument("--first", type=int, default=0, help="number of the first culture")
    parser.add_argument("--fields", type=int, default=5, help="fields of each culture")
    parser.add_argument("--workers", type=int, default=2, help="processes that simulate")
    arguments = parser.parse_args()
    cultures = range(arguments.first, arguments.first + arguments.cultures)
    try:
        print(write_cultures(arguments.out, cultures, arguments.fields, arguments.workers))
    except NesqcError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
