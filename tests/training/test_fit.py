"""The same plan gives the same weights, stopped or not; what goes wrong leaves the last checkpoint as it was."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError  # noqa: E402
from nesqc_gmp.training import checkpoint, targets  # noqa: E402
from nesqc_gmp.training.augment import augmented, orientations, reach  # noqa: E402
from nesqc_gmp.training.checkpoint import Work  # noqa: E402
from nesqc_gmp.training.fit import Epoch, counts, evaluate, fit  # noqa: E402
from nesqc_gmp.training.images import Box  # noqa: E402
from nesqc_gmp.training.measure import fit_gaussian  # noqa: E402
from nesqc_gmp.training.network import Network  # noqa: E402
from tests.training import plans  # noqa: E402

IMAGES = plans.images(boxed=True)
DIGESTS = {"plan": "1" * 64, "manifest": "2" * 64}


def _bytes(network: Network) -> bytes:
    return b"".join(value.numpy().tobytes() for value in network.state_dict().values())


def _fit(work: Work | None = None, stop_after: int | None = None, **training: Any) -> Network:
    changed = {**plans.WORST, "training": {**plans.WORST["training"], **training}}

    def show(epoch: Epoch) -> None:
        if epoch.number == stop_after:
            raise KeyboardInterrupt

    return fit(IMAGES, plans.plan(changed), "final", work, show)


@pytest.fixture(scope="module")
def whole() -> bytes:
    return _bytes(_fit())


def test_the_same_plan_gives_the_same_weights(whole: bytes) -> None:
    assert _bytes(_fit()) == whole


def test_another_seed_gives_other_weights(whole: bytes) -> None:
    assert _bytes(_fit(seed=4)) != whole


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_fit_stopped_by_ctrl_c_goes_on_to_the_same_weights(tmp_path: Path, whole: bytes, epoch: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        _fit(Work(tmp_path, DIGESTS), stop_after=epoch)
    assert _bytes(_fit(Work(tmp_path, DIGESTS))) == whole


_CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.training import test_fit as t
t._fit(t.Work(Path(sys.argv[1]), t.DIGESTS), epochs=400)
"""


def test_a_fit_that_is_killed_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """Killed at any moment, also while a checkpoint is written."""
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path), str(root)])
    saved = tmp_path / "final.checkpoint"
    deadline = time.monotonic() + 60
    while not saved.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    state = Work(tmp_path, DIGESTS).load("final")
    assert state is not None
    done = len(state["losses"])
    assert 1 <= done < 400
    reference = tmp_path / "reference"
    with pytest.raises(KeyboardInterrupt):
        _fit(Work(reference, DIGESTS), stop_after=done + 1, epochs=400)
    with pytest.raises(KeyboardInterrupt):
        _fit(Work(tmp_path, DIGESTS), stop_after=done + 1, epochs=400)
    assert saved.read_bytes() == (reference / "final.checkpoint").read_bytes()


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(tmp_path, DIGESTS)
    with pytest.raises(KeyboardInterrupt):
        _fit(work, stop_after=1)
    before = (tmp_path / "final.checkpoint").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.os, "fsync", full)
        with pytest.raises(NesqcError, match="the disk is full") as refusal:
            _fit(work)
    assert refusal.value.remedy
    assert (tmp_path / "final.checkpoint").read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["final.checkpoint", "run.json", "run.lock"]


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    """The real limit of the system and not a patched function: RLIMIT_FSIZE gives EFBIG."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from nesqc_gmp.errors import NesqcError; from nesqc_gmp.training.checkpoint import write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "file = Path(sys.argv[1]); write_whole(file, b'first')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_whole(file, bytes(100_000))\n"
        "except NesqcError as error: print(error.what)\n"
    )
    file = tmp_path / "some"
    found = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "the disk is full; the last checkpoint before this stands"
    assert file.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["some"]


def test_another_plan_or_manifest_cannot_go_on(tmp_path: Path) -> None:
    Work(tmp_path, DIGESTS)
    with pytest.raises(InvalidInputError, match="another plan"):
        Work(tmp_path, {**DIGESTS, "plan": "3" * 64})
    with pytest.raises(InvalidInputError, match="another manifest"):
        Work(tmp_path, {**DIGESTS, "manifest": "3" * 64})


def test_two_runs_never_share_a_work_folder(tmp_path: Path) -> None:
    first = Work(tmp_path, DIGESTS)
    with pytest.raises(InvalidInputError, match="another training run is at work"):
        Work(tmp_path, DIGESTS)
    del first
    Work(tmp_path, DIGESTS)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    work = Work(tmp_path, DIGESTS)
    with pytest.raises(KeyboardInterrupt):
        _fit(work, stop_after=1)
    file = tmp_path / "final.checkpoint"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        _fit(work)


def test_a_loss_that_is_no_number_stops_the_fit() -> None:
    with pytest.raises(NesqcError, match=r"the loss is (nan|inf)"):
        _fit(learning_rate=1e30, gradient_limit=1e30)


def test_one_class_cannot_be_learned() -> None:
    with pytest.raises(InvalidInputError, match="one class only"):
        fit([image for image in IMAGES if image.conforming], plans.plan(), "final", None, lambda epoch: None)


def test_too_few_images_for_a_batch() -> None:
    with pytest.raises(InvalidInputError, match="0 steps"):
        fit(IMAGES[:3], plans.plan(), "final", None, lambda epoch: None)


def test_marks_of_a_box_by_hand() -> None:
    """A box of 8 x 8: its rim of 25 % is 2 pixels; a dead cell over a living one wins where it is drawn later."""
    found = targets.marks((20, 20), (Box(4, 4, 12, 12, conforming=True), Box(-4, 12, 4, 20, conforming=False)))
    assert (found[6:10, 6:10] == targets.LIVING).all()
    assert int((found == targets.LIVING).sum()) == 16
    assert found[4, 4] == found[11, 11] == 3
    assert found[12:14, 12:14].max() == targets.BACKGROUND
    assert (found[14:18, 0:2] == targets.DEAD).all()
    assert int((found == targets.DEAD).sum()) == 8


def test_marks_turn_with_the_image() -> None:
    """A bright square with its own marks: after any turn the marked pixels are still the bright ones."""
    section = plans.plan(plans.WORST).augmentation.model_copy(
        update={
            "brightness": 0.0,
            "contrast": 0.0,
            "blur": None,
            "noise": 0.0,
            "illumination": 0.0,
            "compression": None,
        }
    )
    edge = reach(48, section)
    picture = torch.full((4, 1, edge, edge), 1000.0)
    picture[:, :, 40:52, 30:44] = 60000.0
    marked = (picture > 30000).to(torch.uint8) * targets.DEAD
    turned, marks = augmented(picture, marked, 48, section, torch.Generator().manual_seed(1))
    assert marks is not None
    assert turned.shape == marks.shape == (4, 1, 48, 48)
    agree = ((turned > 30000) == (marks == targets.DEAD)).float().mean()
    assert float(agree) > 0.97
    assert int((marks == targets.DEAD).sum()) > 100


def test_what_is_measured_of_an_image_does_not_depend_on_the_others() -> None:
    network = _fit()
    together = evaluate(network, IMAGES[:3], plans.plan())
    alone = evaluate(network, IMAGES[1:2], plans.plan())
    assert np.array_equal(together.logit[1:2], alone.logit)
    assert np.array_equal(together.boxed[1:2], alone.boxed)


def test_a_dead_cell_cut_by_the_border_is_not_asked_for() -> None:
    """Map of 6 x 6 cells of 4 pixels: the core lies in the outer ring, so with one border cell nothing is there."""
    marked = torch.zeros(1, 1, 24, 24, dtype=torch.uint8)
    marked[..., 0:3, 8:12] = targets.DEAD
    dead = torch.zeros(1, 1, 6, 6)
    assert targets.dense_losses(dead, None, marked, 0)[2].tolist() == [1.0]
    assert targets.dense_losses(dead, None, marked, 1)[2].tolist() == [0.0]
    marked[..., 12:16, 12:16] = targets.DEAD
    assert targets.dense_losses(dead, None, marked, 1)[2].tolist() == [1.0]


@pytest.mark.parametrize("views", ["one", "eight"])
def test_the_score_does_not_depend_on_the_border_of_the_map(views: str) -> None:
    section = plans.plan(
        {**plans.WORST, "network": {**plans.WORST["network"], "border_cells": 1, "views": views}}
    ).network
    network = Network(section).eval()
    with torch.no_grad():
        found = network.viewed(torch.rand(1, 1, 64, 72) * 30000)
    assert float(found.logit) == pytest.approx(float(found.map[0, 0, 1:-1, 1:-1].min()))


@pytest.mark.parametrize(
    ("rotation", "flip", "count"),
    [("none", False, 1), ("none", True, 2), ("quarter turns", False, 4), ("any", True, 8)],
)
def test_ways_to_lay_an_image_are_those_of_the_augmentation(rotation: str, flip: bool, count: int) -> None:
    """Against numpy: turns are rot90, and with mirrors each of them mirrored left and right."""
    section = plans.plan({"augmentation": {"rotation": rotation, "flip": flip}}).augmentation
    picture = np.arange(12).reshape(3, 4)
    expected = [np.rot90(picture, turns) for turns in (range(4) if rotation != "none" else range(1))]
    expected += [np.fliplr(laid) for laid in expected] if flip else []
    ways = orientations(section)
    found = [way.of(torch.from_numpy(picture)[None, None])[0, 0].numpy() for way in ways]
    assert len(ways) == count
    assert {(laid.shape, laid.tobytes()) for laid in map(np.ascontiguousarray, found)} == {
        (laid.shape, laid.tobytes()) for laid in map(np.ascontiguousarray, expected)
    }


def test_an_image_that_comes_turned_is_no_stranger() -> None:
    """Stripes across instead of along, which the plan holds for the same: the distance does not tell them apart."""
    plan = plans.plan({"augmentation": {"rotation": "quarter turns", "flip": True}})
    many = plans.images(48)
    network = fit(many, plan, "final", None, lambda epoch: None)
    turns = [np.rot90(image.samples, turn).copy() for turn in (0, 1) for image in many]
    with torch.no_grad():
        laid = torch.stack([network(counts(samples, 1)).features[0] for samples in turns]).double().numpy()

    def ratio(changes: dict[str, Any]) -> float:
        """Median distance of the turned images over that of the upright ones."""
        fitted = fit_gaussian(evaluate(network, many, plans.plan(changes)).features, 0.05)
        upright, turned = fitted.distance(laid).reshape(2, -1)
        return float(np.median(turned) / np.median(upright))

    assert ratio({"augmentation": {"rotation": "quarter turns", "flip": True}}) < 1.5
    assert ratio({"augmentation": {}}) > 2
