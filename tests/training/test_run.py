"""A whole run on tiny data, and one clear refusal for each kind of bad input, with nothing half-written."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from collections.abc import Callable
from html import escape as html_escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.decision.model_check import inside_input_space  # noqa: E402
from nesqc_gmp.errors import InvalidInputError, NesqcError, NotFoundError  # noqa: E402
from nesqc_gmp.imaging.check import check  # noqa: E402
from nesqc_gmp.imaging.decode import decode  # noqa: E402
from nesqc_gmp.inference.engine import Engine  # noqa: E402
from nesqc_gmp.modelpack.package import open_package  # noqa: E402
from nesqc_gmp.records.images import AttemptReceipt  # noqa: E402
from nesqc_gmp.training import run  # noqa: E402
from nesqc_gmp.training.data import load  # noqa: E402
from nesqc_gmp.training.device import device_used  # noqa: E402
from nesqc_gmp.training.limit_checks import summary  # noqa: E402
from nesqc_gmp.training.plan_file import Places  # noqa: E402
from nesqc_gmp.training.run import Show, Trained, train  # noqa: E402
from tests.training import plans  # noqa: E402

QUIET = Show(lambda text: None, lambda name, done, of: None, lambda epoch: None)


def _run(folder: Path, changes: dict[str, Any] | None = None) -> Trained:
    plan = plans.plan(changes)
    places = Places(plan, folder / "plan.toml", folder / "images", folder / "manifest.csv", ())
    return train(places, folder / "out", folder / "work", QUIET)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    folder = tmp_path_factory.mktemp("run")
    plans.write_files(folder)
    return folder, _run(folder)


def test_the_package_is_whole_and_runs(finished: tuple[Path, Trained]) -> None:
    _, trained = finished
    model = open_package(trained.folder)
    assert model.digest == trained.model.digest
    Engine(model)
    facts = json.loads(model.parts["training.json"])
    assert facts["plan_sha256"] == plans.plan().digest
    assert facts["splits"]["training"]["images"] + facts["splits"]["test"]["images"] < 48
    listed = facts["development"]
    for split, counted in facts["splits"].items():
        assert sum(image["split"] == split for image in listed) == counted["images"]
    assert len({image["sha256"] for image in listed}) == 48
    assert trained.exported < 1e-4


def test_the_report_stands_beside_the_package_and_names_it(finished: tuple[Path, Trained]) -> None:
    _, trained = finished
    pdf, html = trained.reports
    assert pdf.read_bytes().startswith(b"%PDF-")
    page = html.read_text(encoding="utf-8")
    for words in (
        trained.model.digest,
        plans.plan().digest,
        "Simulated data. Not for GMP use.",
        "Images left out",
        "mirror up and down",
        "Dark blue: speaks for not conforming",
        "Light yellow: speaks for conforming",
        "Labelled not conforming",
        "cpu: ",
        "; 1 thread<",
    ):
        assert words in page
    assert page.index("What failed, what holds") < page.index("<h2>Data</h2>")
    assert f"<p>{html_escape(summary(trained.checks))}" in page
    for each in trained.checks:
        assert f">{each.verdict}</td><td>{each.part}</td><td>{html_escape(each.name)}</td>" in page


@pytest.mark.requirement("UR-MODELS-24", reviewed="39797023")
def test_the_first_page_and_the_card_say_what_failed(finished: tuple[Path, Trained]) -> None:
    _, trained = finished
    assert {each.part for each in trained.checks} == {"Thresholds", "Input check", "Robustness", "Export"}
    verdicts = [each.verdict for each in trained.checks]
    assert verdicts == sorted(verdicts, key=("failed", "not assessed", "passed").index)
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    words = ["pdftotext", "-l", "1", "-raw", str(trained.reports[0]), "-"]
    first = " ".join(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    card = trained.model.parts["CARD.md"].decode()
    for said in ("What failed, what holds", summary(trained.checks)):
        assert said in first
        assert said in card
    for each in trained.checks:
        assert f"| {each.verdict} | {each.part} | {each.name} |" in card
        assert each.reached in first


def test_counts_of_refused_images_are_those_of_a_batch(finished: tuple[Path, Trained]) -> None:
    """The engine and ``imaging.check`` judge each measured image once more, as an analysis would."""
    folder, trained = finished
    engine, space = Engine(trained.model), trained.model.manifest.input_space
    refused = set()
    for row in trained.results.rows:
        frame = decode((folder / "images" / row.image).read_bytes(), name=row.image)
        receipt = AttemptReceipt(record="B-1", attempt=1, index=0, checkpoint="test only")
        findings = (
            *check(frame, space, pixel_size_um="1").findings,
            *inside_input_space(engine.predict(frame.samples, receipt)),
        )
        if not all(finding.passed for finding in findings):
            refused.add(row.image)
    assert {row.image for row in trained.results.rows if row.outcome == "rejected by input check"} == refused
    figures = (trained.results.conforming, trained.results.not_conforming)
    assert sum(each.refused for each in figures) == len(refused)


def test_a_run_from_checkpoints_says_that_their_device_is_not_known(finished: tuple[Path, Trained]) -> None:
    training = plans.plan().training
    assert "may have run elsewhere" in device_used(training, resumed=True)
    assert device_used(training, resumed=False).endswith("; 1 thread")
    assert "may have run elsewhere" not in finished[1].reports[1].read_text(encoding="utf-8")


def test_the_package_locks_the_scale_of_its_heterogeneity(finished: tuple[Path, Trained]) -> None:
    """Over the images that set the limits a typical conforming one is 1: the engine gives it back as their median."""
    folder, trained = finished
    model = trained.model
    assert model.manifest.tile_embedding_scale is not None
    facts = json.loads(model.parts["training.json"])["heterogeneity"]
    assert set(facts) == {"appearance", "scores of the tiles, in log-odds"}
    assert facts["appearance"]["images"] == len(trained.results.rows)
    plan = plans.plan()
    places = Places(plan, folder / "plan.toml", folder / "images", folder / "manifest.csv", ())
    engine = Engine(model)
    receipt = AttemptReceipt(record="B-1", attempt=1, index=0, checkpoint="test only")
    loaded = load(places, lambda name, done, of: None)
    found = [
        engine.predict(image.samples, receipt).heterogeneity.appearance
        for image in loaded.division.calibration
        if image.conforming
    ]
    assert statistics.median(float(each.value) for each in found if each) == pytest.approx(1, abs=2e-3)
    page = trained.reports[1].read_text(encoding="utf-8")
    for words in ("Heterogeneity against score, appearance", "Histogram, appearance", "Median, not conforming"):
        assert words in page
    card = model.parts["CARD.md"].decode()
    assert f"(scale of the appearance: {model.manifest.tile_embedding_scale})" in card
    assert facts["appearance"]["auroc"] in card


@pytest.mark.requirement("UR-MODELS-23", reviewed="fd438ad3")
def test_no_culture_and_no_donor_is_in_two_splits(finished: tuple[Path, Trained]) -> None:
    _, trained = finished
    assert trained.results.basis == "test"
    assert {row.label for row in trained.results.rows} == {"conforming", "not conforming"}


def test_the_same_plan_gives_the_same_package(finished: tuple[Path, Trained], tmp_path: Path) -> None:
    plans.write_files(tmp_path)
    assert _run(tmp_path).model.digest == finished[1].model.digest


def test_a_package_is_never_overwritten(finished: tuple[Path, Trained]) -> None:
    with pytest.raises(InvalidInputError, match="the package exists"):
        _run(finished[0])


def test_another_plan_does_not_go_on_in_the_same_work_folder(finished: tuple[Path, Trained]) -> None:
    changed = {"training": {**plans.TINY["training"], "seed": 4}, "model": {**plans.TINY["model"], "version": "2"}}
    with pytest.raises(InvalidInputError, match="another plan"):
        _run(finished[0], changed)


def test_cross_validation_scores_each_family_by_a_network_that_never_saw_it(tmp_path: Path) -> None:
    plans.write_files(tmp_path)
    data = {**plans.TINY["data"], "split": {"fractions": {"training": 1, "calibration": 0, "test": 0}}}
    network = {**plans.WORST["network"], "border_cells": 1, "views": "eight"}
    trained = _run(tmp_path, {**plans.WORST, "network": network, "data": data, "cross_validation": {"by": "family"}})
    assert trained.results.basis == "out-of-fold"
    assert [family.name for family in trained.results.families] == ["F0", "F1", "F2"]
    assert len(trained.results.rows) == 48
    assert trained.model.manifest.graph.opset == 20
    # One cell of the map is 2 * 2 * 2 = 8 pixels.
    card = (trained.folder / "CARD.md").read_text(encoding="utf-8")
    assert "Nothing within 8 pixels of the border is judged" in card
    assert "eight turns by 90 degrees and mirrors" in card


def _relabelled(folder: Path, old: str, new: str) -> None:
    manifest = folder / "manifest.csv"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def _one_pixel(folder: Path) -> None:
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(folder / "images" / "03.png")


def _not_a_number(folder: Path) -> None:
    (folder / "images" / "03.png").unlink()
    tifffile.imwrite(folder / "images" / "03.tif", np.full((64, 64), np.nan, np.float32))
    _relabelled(folder, "03.png", "03.tif")


def _copied(folder: Path) -> None:
    """The first image of every culture is the same picture, turned: copies in every split."""
    for number in range(0, 48, 2):
        with Image.open(folder / "images" / "00.png") as image:
            image.rotate(90 * (number % 4), expand=True).save(folder / "images" / f"{number:02d}.png")


def _lying(folder: Path) -> None:
    _relabelled(folder, "image,", "sha256,image,")
    lines = (folder / "manifest.csv").read_text(encoding="utf-8").splitlines()
    (folder / "manifest.csv").write_text("\n".join([lines[0], *(f"{'0' * 64},{line}" for line in lines[1:])]))


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "a wrong labels column": (lambda folder: _relabelled(folder, "label", "class"), "column label is missing"),
    "a label that is none": (lambda folder: _relabelled(folder, ",not conforming,", ",bad,"), "'bad' is no label"),
    "a subgroup without a column": (lambda folder: None, "no column instrument with a value"),
    "one class": (lambda folder: _relabelled(folder, ",not conforming,", ",conforming,"), "only images that are"),
    "a missing file": (lambda folder: (folder / "images" / "03.png").unlink(), "there is no file '03.png'"),
    "an image of one pixel": (_one_pixel, "1 x 1 pixels"),
    "values that are no numbers": (_not_a_number, "03.tif"),
    "a digest that lies": (_lying, "has another digest"),
    "copies in two splits": (_copied, "are copies and lie in different splits"),
    "real images called simulated": (lambda folder: _relabelled(folder, ",yes", ",no"), "not simulated"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_refusal_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    plans.write_files(tmp_path)
    spoil, words = BAD[name]
    spoil(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    data = {**plans.TINY["data"], "subgroups": ["instrument"]} if name.startswith("a subgroup") else plans.TINY["data"]
    with pytest.raises(NesqcError) as refusal:
        _run(tmp_path, {"data": data})
    assert words in str(refusal.value)
    assert refusal.value.remedy
    assert sorted(tmp_path.rglob("*")) == before


def test_an_unreadable_image_may_be_left_out_and_is_listed(tmp_path: Path) -> None:
    plans.write_files(tmp_path)
    _one_pixel(tmp_path)
    trained = _run(tmp_path, {"data": {**plans.TINY["data"], "unreadable": "leave out"}})
    facts = json.loads(trained.model.parts["training.json"])
    assert facts["left_out"] == 1


def test_a_fault_while_packing_leaves_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans.write_files(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("nesqc_gmp.training.run.lock", fail)
        with pytest.raises(NesqcError, match="the disk is full"):
            _run(tmp_path)
    assert list((tmp_path / "out").iterdir()) == []
    assert _run(tmp_path).folder.is_dir()


def test_a_package_that_another_run_wrote_meanwhile_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans.write_files(tmp_path)
    other = tmp_path / "out" / "tiny-0.0.1"

    def late(*arguments: object) -> None:
        other.mkdir()
        (other / "manifest.json").write_text("{}", encoding="utf-8")
        named(*arguments)

    named = run._named
    monkeypatch.setattr(run, "_named", late)
    with pytest.raises(InvalidInputError, match="another run wrote it meanwhile"):
        _run(tmp_path)
    assert [file.name for file in sorted((tmp_path / "out").iterdir())] == ["tiny-0.0.1"]
    assert (other / "manifest.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("name", ["out", "work"])
def test_a_file_in_the_place_of_a_folder_is_noticed_before_anything(tmp_path: Path, name: str) -> None:
    plans.write_files(tmp_path)
    (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="not a folder"):
        _run(tmp_path)


def test_too_few_steps_are_refused_before_a_work_folder_is_made(tmp_path: Path) -> None:
    """A plan that is then corrected must not meet the folder of the one before."""
    plans.write_files(tmp_path)
    with pytest.raises(InvalidInputError, match="too few to learn anything"):
        _run(tmp_path, {"training": {**plans.TINY["training"], "epochs": 1, "batch": 20}})
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_of_images_is_named_as_such(tmp_path: Path) -> None:
    plans.write_files(tmp_path)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(NotFoundError) as refusal:
        _run(tmp_path)
    assert refusal.value.where == str(tmp_path / "images")
    assert not (tmp_path / "work").exists()
