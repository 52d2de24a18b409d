"""``nesqc models train`` as typed: whole run, stopped and resumed, and refused without the extra."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.cli import app
from nesqc_gmp.modelpack.package import open_package
from tests.training import plans

PLAN = """
[model]
name = "tiny"
version = "0.0.1"
demonstration = true
intended_use = "Tests."
training_data = "Stripes and noise."
labels = "By construction."
[data]
images = "images"
manifest = "manifest.csv"
simulated = true
[network]
widths = [4, 6, 8]
strides = [2, 2, 2]
pooling = "mean"
tile_cells = 2
[training]
seed = 3
epochs = EPOCHS
batch = 4
learning_rate = 0.01
crop = 48
device = "cpu"
[input]
edge_min = 64
pixel_size_um_min = "0.9"
pixel_size_um_max = "1.1"
[robustness]
images = 1
[golden]
number = 1
edge = 128
"""


def _prepared(folder: Path, epochs: int) -> list[str]:
    plans.write_files(folder)
    (folder / "plan.toml").write_text(PLAN.replace("EPOCHS", str(epochs)), encoding="utf-8")
    return ["models", "train", str(folder / "plan.toml"), "--out", str(folder / "out"), "--work", str(folder / "work")]


def test_a_whole_run_without_site_and_login(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, _prepared(tmp_path, 3))
    assert found.exit_code == 0, found.output
    model = open_package(tmp_path / "out" / "tiny-0.0.1")
    assert model.digest in found.output
    assert "AUROC" in found.output
    # What failed and what holds stands last, so that it is what a reader sees.
    said = found.output[found.output.index("What failed, what holds") :]
    assert "exported model" in said
    last = said.rstrip().splitlines()[-1]
    assert last.startswith("All 5 limits hold. Of 6 images kept for the test labelled not conforming, ")
    assert "The plan sets no limit on: errors and refusals of images kept for the test, " in last


INTERRUPTED = """
import os, runpy, signal, sys
from nesqc_gmp.training.checkpoint import Work

save = Work.save

def save_and_interrupt(self, fit, state):
    save(self, fit, state)
    os.kill(os.getpid(), signal.SIGINT)

Work.save = save_and_interrupt
sys.argv[0] = "nesqc"
runpy.run_module("nesqc_gmp", run_name="__main__")
"""
"""The command with a real signal right after the first checkpoint, however busy the computer is."""


def test_ctrl_c_leaves_a_folder_from_which_the_run_goes_on(tmp_path: Path) -> None:
    words = _prepared(tmp_path, 5)
    whole = tmp_path / "whole"
    done = CliRunner().invoke(app, [*words[:3], "--out", str(whole), "--work", str(tmp_path / "other")])
    assert done.exit_code == 0, done.output
    stopped = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *words],
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
        check=False,
    )
    assert stopped.returncode == 130, stopped.stderr
    assert b"stopped" in stopped.stderr
    assert (tmp_path / "work" / "final.checkpoint").exists()
    assert not (tmp_path / "out").exists()
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 0, again.output
    packages = [open_package(folder / "tiny-0.0.1").digest for folder in (whole, tmp_path / "out")]
    assert packages[0] == packages[1]


def test_without_the_extra_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    found = CliRunner().invoke(app, _prepared(tmp_path, 3))
    assert found.exit_code == 10
    assert "torch not installed: training needs the extra [train]" in found.output
    assert not (tmp_path / "out").exists()


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["models", "train", str(tmp_path / "none.toml"), "--out", str(tmp_path)])
    assert found.exit_code == 10
    assert "there is no such plan" in found.output
