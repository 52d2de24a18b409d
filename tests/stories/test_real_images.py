"""Real images through the whole life: a model that never saw their like must not say that they conform.

Two sets lie beside the project and are never part of it: 16-bit phase contrast tiles of stem-cell-like colonies, and
brightfield images in RGB. Each is played twice: under the specification of the product, and under one whose own input
check lets everything pass, so that the model's input check stands alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
import tifffile
from PIL import Image

from nesqc_gmp.errors import OutOfSequenceError
from nesqc_gmp.procedures import audit, batches, certificates

WIDE = {
    "formats": ["TIFF", "PNG", "JPEG", "BMP"],
    "bit_depths": [8, 16],
    "channels": [1, 3],
    "width_min": 1,
    "width_max": 100_000,
    "height_min": 1,
    "height_max": 100_000,
    "pixel_size_um_min": "0.001",
    "pixel_size_um_max": "1000",
    "saturated_share_max": "1",
    "focus_min": "0",
    "illumination_max": "1000000",
}
"""An input space that lets everything pass."""

SIZE = "1.0"


def incoming(paths: list[Path], culture: str = "C01") -> list[Any]:
    """Files with a name of their own as field and the pixel size that a sample sheet would give."""
    return [
        batches.Incoming(path, culture, 3, f"F{number:02d}", pixel_size_um=SIZE) for number, path in enumerate(paths)
    ]


def ready_for(world: Any, specification_of: Any, approved: Any, *, wide: bool) -> str:
    """A specification for real images, version 2 of the product; returns its id."""
    installed = world.entries("model_installed")[0].record
    changes = {"input_space": WIDE} if wide else {}
    return str(approved(world, specification_of(installed, version=2, **changes)))


def played(world: Any, acts: Any, batch: str, name: str, files: list[Path]) -> Any:
    """Receive, explain, seal and analyse; returns what became of the files."""
    acts.register(batch, name)
    received = batches.receive(world.session("operator"), batch, incoming(files))
    for item in received:
        if item.image and item.note:
            batches.explain(world.session("operator"), batch, item.image, "Neighbouring tiles of one scan")
    acts.seal(batch)
    acts.analyse(batch)
    return received


def decided_honestly(world: Any, acts: Any, batch: str) -> dict[str, Any]:
    """Nothing conforms; it cannot be released by anybody; it is held, and its certificate says all this."""
    view = world.batch(batch)
    assert "conforming" not in view.morphology.images.values()
    assert "conforming" not in view.morphology.cultures.values()
    assert view.outcome != "conforming"
    acts.test(batch)
    for image, outcome in view.morphology.images.items():
        if outcome == "undecided":
            batches.read(world.session("operator"), batch, image, "undecided", None, blinded=False)
    acts.signed(batch)
    with pytest.raises(OutOfSequenceError, match="released only where every test conforms"):
        acts.release(batch)
    acts.hold(batch)
    issued = acts.issue(batch)
    checked = certificates.verify(issued.pdf, site=world.paths, evidence=None)
    assert checked.verified, [step for step in checked.steps if not step.passed]
    assert audit.verify(world.paths).verified
    with pikepdf.open(issued.pdf) as document:
        record = json.loads(document.attachments["record.json"].get_file().read_bytes())
    assert (record["decision"], record["outcome"]) == ("on hold", view.outcome)
    assert record["simulated_images"] is False
    printed_honestly(issued.pdf, record)
    return dict(record)


def printed_honestly(pdf: Path, record: dict[str, Any]) -> None:
    if shutil.which("pdftotext") is None:
        return
    done = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, check=True)
    text = " ".join(done.stdout.decode().split()).casefold()
    assert "not for gmp use" in text
    assert "on hold" in text
    assert record["outcome"] in text


def outcomes(world: Any, batch: str) -> list[str]:
    return [scored.outcome for scored in world.batch(batch).batch.attempts[-1].scores.values()]


def failed_rules(world: Any, batch: str) -> set[str]:
    return {
        finding.rule
        for scored in world.batch(batch).batch.attempts[-1].scores.values()
        for finding in (*scored.check.findings, *scored.model_check)
        if not finding.passed
    }


def test_phase16_tiles(ready: Any, life: Any, real_images: Any) -> None:
    """Tiles of 245 x 183 pixels: refused by the input check, and every pixel-identical pair noticed."""
    folder = real_images("phase16/tiles")
    files = [folder / f"ImageName_t{scan}_p{tile:02d}.tif" for scan in ("01", "02") for tile in range(1, 7)]
    acts = life(ready)
    acts.register("B-2")
    received = batches.receive(ready.session("operator"), "B-2", incoming(files))
    assert all(item.image for item in received)
    twins = [item.note.split("; ") for item in received[6:]]
    for number, notes in enumerate(twins):
        assert any(note.startswith(("same pixels", "same bytes")) and f"F{number:02d} " in note for note in notes)
    with pytest.raises(OutOfSequenceError, match="nobody has explained why"):
        acts.seal("B-2")
    for item in received:
        if item.note:
            batches.explain(ready.session("operator"), "B-2", item.image, "The same scan, delivered twice")
    acts.seal("B-2")
    acts.analyse("B-2")
    assert outcomes(ready, "B-2") == ["rejected by input check"] * 12
    assert "INPUT-SIZE" in failed_rules(ready, "B-2")
    record = decided_honestly(ready, acts, "B-2")
    assert record["outcome"] == "undecided"


@pytest.fixture
def mosaics(real_images: Any, tmp_path: Path) -> list[Path]:
    """Real tiles side by side, large enough for the model: 3 x 3 tiles of one scan in 16 bits, twelve times."""
    tiles = {
        number: tifffile.imread(real_images("phase16/tiles") / f"ImageName_t01_p{number:02d}.tif")
        for number in range(1, 26)
    }
    files = []
    for start in range(12):
        chosen = [tiles[1 + (start * 2 + step) % 25] for step in range(9)]
        rows = [np.hstack(chosen[row * 3 : row * 3 + 3]) for row in range(3)]
        path = tmp_path / f"mosaic-{start}.tif"
        tifffile.imwrite(path, np.vstack(rows), photometric="minisblack")
        files.append(path)
    return files


def test_phase16_reaches_the_model_and_is_not_believed(
    ready: Any, life: Any, mosaics: list[Path], specification_of: Any, approved: Any
) -> None:
    acts = life(ready)
    name = ready_for(ready, specification_of, approved, wide=True)
    received = played(ready, acts, "B-2", name, mosaics)
    assert all(item.image for item in received)
    scores = ready.batch("B-2").batch.attempts[-1].scores.values()
    assert all(scored.prediction is not None for scored in scores), "the model was asked"
    assert "conforming" not in outcomes(ready, "B-2")
    assert failed_rules(ready, "B-2") <= {"MODEL-DISTANCE", "MODEL-STATISTICS"}
    assert failed_rules(ready, "B-2")
    decided_honestly(ready, acts, "B-2")


def test_images_smaller_than_the_model_takes(
    ready: Any, life: Any, real_images: Any, specification_of: Any, approved: Any
) -> None:
    """However wide the specification: the model's own limits stand, and the attempt goes on to its end."""
    folder = real_images("phase16/tiles")
    files = [folder / f"ImageName_t03_p{tile:02d}.tif" for tile in (1, 9, 17)]
    acts = life(ready)
    played(ready, acts, "B-2", ready_for(ready, specification_of, approved, wide=True), files)
    assert outcomes(ready, "B-2") == ["rejected by input check"] * 3
    assert failed_rules(ready, "B-2") == {"MODEL-SIZE"}
    assert ready.batch("B-2").batch.attempts[-1].closed.ending == "completed"


def test_ldc_brightfield(ready: Any, life: Any, real_images: Any, tmp_path: Path) -> None:
    """Small RGB images, and among them files that are none: kept, counted, refused by name."""
    files = sorted(real_images("ldc/images").glob("*.png"))[:10]
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].read_bytes()[:4000])
    other = Path(shutil.copy(files[0].with_suffix(".xml"), tmp_path / "labels.png"))
    acts = life(ready)
    received = played(ready, acts, "B-2", "NES-TEST.v1", [*files, broken, other])
    assert [item.image is None for item in received] == [False] * 10 + [True, True]
    assert set(outcomes(ready, "B-2")) == {"rejected by input check"}
    record = decided_honestly(ready, acts, "B-2")
    assert record["outcome"] == "undecided"
    assert any("broken.png was refused" in remark["text"] for remark in record["remarks"])


def pixels(path: Path) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_ldc_reaches_the_model_and_is_not_believed(
    ready: Any, life: Any, real_images: Any, tmp_path: Path, specification_of: Any, approved: Any
) -> None:
    """The same images side by side, 3 x 3, in RGB."""
    files = sorted(real_images("ldc/images").glob("*.png"))
    made = []
    for number in range(8):
        chosen = [pixels(file)[:200, :200] for file in files[number * 3 :][:9]]
        rows = [np.hstack(chosen[row * 3 : row * 3 + 3]) for row in range(3)]
        path = tmp_path / f"mosaic-{number}.png"
        Image.fromarray(np.vstack(rows)).save(path)
        made.append(path)
    acts = life(ready)
    played(ready, acts, "B-2", ready_for(ready, specification_of, approved, wide=True), made)
    assert "conforming" not in outcomes(ready, "B-2")
    assert failed_rules(ready, "B-2") & {"MODEL-DISTANCE", "MODEL-STATISTICS"}
    decided_honestly(ready, acts, "B-2")
