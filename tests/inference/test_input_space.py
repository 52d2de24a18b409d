"""Images outside the input space never come out conforming: corrupted, meaningless and real ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from nesqc_gmp.decision.model_check import MODEL_DISTANCE, MODEL_STATISTICS, inside_input_space
from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.records.images import AttemptReceipt
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look

DATA = Path(__file__).parents[3] / "shared" / "data"
SOME = simulate(0, good=True, severity=0.0, culture=draw_look(7100), size=1024)
RANDOM = np.random.default_rng(0)

MEANINGLESS: dict[str, Any] = {
    "white noise": RANDOM.integers(0, 256, (512, 512), dtype=np.uint8),
    "white noise, 16 bit": RANDOM.integers(0, 65_536, (512, 512), dtype=np.uint16),
    "black": np.zeros((512, 512), np.uint8),
    "white": np.full((512, 512), 255, np.uint8),
    "gray": np.full((512, 512), 117, np.uint8),
    "gradient": np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1)),
    "checkerboard": np.asarray((np.indices((512, 512)).sum(axis=0) % 2) * 255, np.uint8),
    "inverted": 255 - SOME,
    "twice as large": SOME[:512, :512].repeat(2, axis=0).repeat(2, axis=1),
    "half as large": SOME[::2, ::2],
    "rows shuffled": RANDOM.permutation(SOME, axis=0),
}


def test_both_rules_report_with_their_limits(engine: Engine, shipped: LockedModel, receipt: AttemptReceipt) -> None:
    prediction = engine.predict(SOME, receipt)
    first, second = inside_input_space(prediction)
    assert (first.rule, second.rule) == (MODEL_DISTANCE, MODEL_STATISTICS)
    assert (first.limit, second.limit) == (shipped.manifest.distance_limit, shipped.manifest.statistics_limit)
    assert first.measured == prediction.distance
    assert first.passed
    assert second.passed


def test_a_distance_at_the_limit_passes_and_the_next_step_does_not(engine: Engine, receipt: AttemptReceipt) -> None:
    prediction = engine.predict(SOME, receipt)
    for field in ("distance", "statistics"):
        name = field if field == "distance" else "statistics_distance"
        limit = getattr(prediction, f"{field}_limit")
        above = f"{Decimal(limit) + Decimal('0.001'):f}"
        at = inside_input_space(prediction.model_copy(update={name: limit}))
        over = inside_input_space(prediction.model_copy(update={name: above}))
        assert all(finding.passed for finding in at)
        assert not all(finding.passed for finding in over)


@pytest.mark.requirement("UR-BATCHES-12", reviewed="53decca5", negative=True)
@pytest.mark.parametrize("name", MEANINGLESS)
def test_meaningless_images_are_refused(engine: Engine, receipt: AttemptReceipt, name: str) -> None:
    findings = inside_input_space(engine.predict(MEANINGLESS[name], receipt))
    assert not all(finding.passed for finding in findings)


def _real(folder: str, every: int) -> list[Path]:
    suffixes = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
    return sorted(path for path in (DATA / folder).rglob("*") if path.suffix.lower() in suffixes)[::every]


def _samples(path: Path) -> Any:
    if path.suffix.lower() in {".tif", ".tiff"}:
        return tifffile.imread(path)
    with Image.open(path) as image:
        return np.asarray(image if image.mode in {"L", "I;16"} else image.convert("RGB"))


@pytest.mark.requirement("UR-BATCHES-12", reviewed="53decca5", negative=True)
@pytest.mark.parametrize(("folder", "every"), [("phase16", 6), ("ldc/images", 60), ("ood", 2)])
def test_real_images_never_come_out_conforming(
    engine: Engine, shipped: LockedModel, receipt: AttemptReceipt, folder: str, every: int
) -> None:
    """Real images of other cultures; small ones are also mirrored to a size that the model takes."""
    paths = _real(folder, every)
    if not paths:
        pytest.skip(f"the real images of {folder} are not here")
    for path in paths:
        samples = _samples(path)
        if samples.ndim == 3 and samples.shape[2] != 3:
            continue
        grow = [(0, max(0, 512 - edge)) for edge in samples.shape[:2]] + [(0, 0)] * (samples.ndim - 2)
        try:
            prediction = engine.predict(np.pad(samples, grow, mode="symmetric"), receipt)
        except ImageRejectedError:
            continue
        inside = all(finding.passed for finding in inside_input_space(prediction))
        assert not (inside and Decimal(prediction.score) >= Decimal(shipped.manifest.conforming_from)), path.name
