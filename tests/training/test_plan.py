"""A plan says everything, exactly: unknown, missing and contradicting fields are refused with the field's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.training.plan import Plan
from nesqc_gmp.training.plan_file import read_plan

MODELS = Path(__file__).parents[2] / "models"
SHIPPED = sorted(MODELS.glob("*.toml"))
TEXT = (MODELS / "nes-morphology-sim.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_plan_is_valid(file: Path) -> None:
    plan = read_plan(file).plan
    assert plan.model.name == file.stem
    assert plan.model.demonstration


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        (
            "epochs = 12",
            "epoch = 12",
            "training.epochs, training.epoch",
            "training.epochs: the field is missing; training.epoch: there is no such field",
        ),
        ("epochs = 12", "epochs = 12\nspeed = 3", "training.speed", "there is no such field"),
        ("epochs = 12", "epochs = 0", "training.epochs", "greater"),
        ("epochs = 12", 'epochs = "many"', "training.epochs", "integer"),
        ("crop = 512", "crop = 500", "the plan", "multiple of 32"),
        ("training = 0.5", "training = 0.6", "data.split.fractions", "add up to 1"),
        ("demonstration = true", "demonstration = false", "the plan", "is a demonstration"),
        ("strides = [2, 1, 2, 2, 2]", "strides = [2, 1, 2, 2]", "network", "equally many"),
        ('"8 bits 1" = 0.05', "wobble = 0.05", "robustness", "no disturbance named wobble"),
        ('pooling = "mean"', 'pooling = "median"', "network.pooling", "worst"),
        ("learning_rate = 4e-3", "learning_rate = nan", "training.learning_rate", "finite"),
        ("learning_rate = 4e-3", "learning_rate = 1e300", "training.learning_rate", "less"),
        ("wrong_conforming = 0.01", "wrong_conforming = 1.0", "calibration.wrong_conforming", "less than 0.5"),
        ('narrowest = ["0.2", "0.8"]', 'narrowest = ["0.9", "0.1"]', "calibration", "the smaller first"),
        ('narrowest = ["0.2", "0.8"]', 'narrowest = ["-3", "7"]', "calibration", "between 0 and 1"),
        ('pixel_size_um_min = "0.95"', 'pixel_size_um_min = "1.9"', "input", "pixel_size_um_min <= pixel_size_um_max"),
        ("threads = 1", "threads = 9999999999", "training.threads", "less than or equal to 256"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, old: str, new: str, field: str, words: str) -> None:
    assert old in TEXT
    file = tmp_path / "plan.toml"
    file.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInputError) as refusal:
        read_plan(file)
    assert refusal.value.where == f"{file}, {field}"
    assert words in refusal.value.what
    assert refusal.value.remedy


def test_no_file_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_plan(tmp_path / "none.toml")
    for text in ("[model\n", "a = " + "[" * 3000, "a = " + "9" * 5001):
        (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInputError, match="not a TOML file"):
            read_plan(tmp_path / "bad.toml")


def test_the_digest_is_that_of_the_values(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    digests = []
    for text in (TEXT, "# a comment\n" + TEXT, TEXT.replace("flip = true", "flip = false")):
        file.write_text(text, encoding="utf-8")
        digests.append(read_plan(file).plan.digest)
    assert digests[0] == digests[1] != digests[2]


def test_every_field_is_part_of_the_digest() -> None:
    """A default that is written out is the same plan."""
    plan = read_plan(MODELS / "ldc-viability.toml").plan
    assert Plan.model_validate(plan.model_dump()).digest == plan.digest


def test_another_calibration_or_input_space_needs_no_new_fit() -> None:
    content = read_plan(MODELS / "ldc-viability.toml").plan.model_dump()
    plan = Plan.model_validate(content)
    calibrated = Plan.model_validate({**content, "calibration": {**content["calibration"], "wrong_conforming": 0.2}})
    trained = Plan.model_validate({**content, "training": {**content["training"], "epochs": 17}})
    assert calibrated.digest != plan.digest
    assert calibrated.fit_digest == plan.fit_digest != trained.fit_digest


def test_an_unknown_kind_of_alteration_is_named_with_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(TEXT + '\n[alterations]\nkinds = ["inverted contrst"]\n', encoding="utf-8")
    with pytest.raises(InvalidInputError) as refusal:
        read_plan(file)
    assert '"inverted contrst" is no kind of alteration' in refusal.value.what
    assert '"inverted contrast"; ' in refusal.value.what
    assert str(refusal.value.where) == f"{file}, alterations"
