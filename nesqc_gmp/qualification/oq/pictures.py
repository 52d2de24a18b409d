"""The files that people of the qualification sites hand in: simulated images, wrong ones, a test set."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

IMAGES: Final = 4
"""Images of culture C01, which is the batch that every site from ``received`` on holds."""

LARGE_IMAGES: Final = 6
_COLUMNS: Final = ("file", "culture", "passage", "field", "captured_at", "pixel_size_um")


def captured_on() -> str:
    """The day on which the images say that they were taken: the day before, so that none comes late or too early."""
    return (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


def write_images(folder: Path) -> None:
    """Simulated images of three cultures with their sample sheets, and files that are no acceptable images.

    C01 conforms, C02 is another conforming culture, C03 does not conform, C04 lies between the two thresholds.
    """
    from nesqc_gmp.simulation.culture import PIXEL_SIZE_UM, simulate
    from nesqc_gmp.simulation.files import write_simulated
    from nesqc_gmp.simulation.look import draw_look

    folder.mkdir(parents=True)
    for culture, look, fields, severity in (
        ("C01", 900_001, IMAGES, 0.0), ("C02", 900_002, 2, 0.0), ("C03", 910_001, 2, 0.35), ("C04", 910_010, 3, 0.12),
    ):  # fmt: skip
        with (folder / f"sheet-{culture}.csv").open("x", newline="", encoding="utf-8") as stream:
            sheet = csv.writer(stream)
            sheet.writerow(_COLUMNS)
            for field in range(1, fields + 1):
                name = f"simulated-{culture}-F{field:02d}.png"
                samples = simulate(
                    look * 100 + field, good=not severity, severity=severity, culture=draw_look(look)
                )  # fmt: skip
                write_simulated(folder / name, samples)
                sheet.writerow(
                    (name, culture, 14, f"F{field:02d}", f"{captured_on()}T09:{field:02d}:00+01:00", PIXEL_SIZE_UM)
                )
    _write_large_images(folder)
    _write_wrong_images(folder)


def write_test_set(folder: Path) -> None:
    """Simulated images of six cultures of each label with the manifest of a test set, and a plan for a test on them."""
    from nesqc_gmp.simulation.culture import simulate
    from nesqc_gmp.simulation.files import write_simulated
    from nesqc_gmp.simulation.look import draw_look

    (folder / "images").mkdir(parents=True)
    with (folder / "manifest.csv").open("x", newline="", encoding="utf-8") as stream:
        manifest = csv.writer(stream)
        manifest.writerow(("image", "label", "culture", "donor", "readers", "pixel_size_um", "simulated"))
        for number in range(12):
            good, seed = number % 2 == 0, 700_010 + number
            name = f"simulated-T{number:02d}.png"
            samples = simulate(seed * 100, good=good, severity=0.0 if good else 0.5, culture=draw_look(seed))
            write_simulated(folder / "images" / name, samples)
            label = "conforming" if good else "not conforming"
            manifest.writerow((name, label, f"T{number:02d}", f"N{number:02d}", "anna;bo", "1", "yes"))
    (folder / "plan.toml").write_text(_PLAN)


_PLAN = """\
test_set = "OQ-SET"
justification = "Small on purpose, for the qualification of the software"
seed = 17
feature_images = 2
subgroups = []

[[criteria]]
metric = "sensitivity"
limit = "0.50"
cultures_min = 5

[[criteria]]
metric = "specificity"
limit = "0.50"
cultures_min = 5
"""


def _write_large_images(folder: Path) -> None:
    """Images of a further culture that take long enough to stop an analysis in the middle."""
    import numpy as np

    from nesqc_gmp.simulation.culture import PIXEL_SIZE_UM, simulate
    from nesqc_gmp.simulation.files import write_simulated
    from nesqc_gmp.simulation.look import draw_look

    look = draw_look(900_007)
    with (folder / "sheet-large.csv").open("x", newline="", encoding="utf-8") as stream:
        sheet = csv.writer(stream)
        sheet.writerow(_COLUMNS)
        for field in range(1, LARGE_IMAGES + 1):
            quarters = [
                simulate(90_000_700 + 10 * field + quarter, good=True, severity=0.0, culture=look)
                for quarter in range(4)
            ]
            name = f"simulated-C07-F{field:02d}.png"
            write_simulated(folder / name, np.block([quarters[:2], quarters[2:]]))
            sheet.writerow(
                (name, "C07", 14, f"F{field:02d}", f"{captured_on()}T10:{field:02d}:00+01:00", PIXEL_SIZE_UM)
            )


def _write_wrong_images(folder: Path) -> None:
    """What must be refused, flagged, or left without a verdict."""
    import numpy as np
    from PIL import Image

    good = folder / "simulated-C01-F01.png"
    with Image.open(good) as image:
        gray = image.convert("L")
    inches = (25_400, 25_400)
    (folder / "cut-short.png").write_bytes(good.read_bytes()[:4000])
    (folder / "no-image.png").write_text("This is not an image.\n")
    gray.save(folder / "encoded-again.tif", dpi=inches)
    Image.fromarray(np.asarray(gray)[::-1, ::-1].copy()).save(folder / "turned.png", dpi=inches)
    Image.fromarray(255 - np.asarray(gray)).save(folder / "inverted.png", dpi=inches)
    Image.fromarray(np.full_like(np.asarray(gray), 255)).save(folder / "overexposed.png", dpi=inches)
    Image.fromarray(np.asarray(gray)).save(folder / "coarse.png", dpi=(2_540, 2_540))
    noise = np.random.default_rng(4).integers(0, 256, np.asarray(gray).shape, dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png", dpi=inches)
    with (folder / "sheet-wrong.csv").open("x", newline="", encoding="utf-8") as stream:
        sheet = csv.writer(stream)
        sheet.writerow(_COLUMNS[:5])
        for field, name in enumerate(("overexposed.png", "noise.png", "coarse.png", "inverted.png"), 1):
            sheet.writerow((name, "C05", 14, f"F{field:02d}", f"{captured_on()}T11:{field:02d}:00+01:00"))
