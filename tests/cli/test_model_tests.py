"""The whole life of a test of a model at a terminal: seal, plan, interrupted run, repeat, report, consume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from nesqc_gmp.demonstration.people import Player
from nesqc_gmp.errors import InvalidInputError, NotAuthorisedError, OutOfSequenceError
from tests.cli.conftest import Run, Terminal, ended
from tests.cli.test_help import COMMANDS
from tests.procedures.model_tests import write_images

LogIn = Callable[[str], Player]
NAME = "nes-morphology-sim:1.1.0"
PLAN = """test_set = "NES-A"
justification = "Exercise, see VP-3"
seed = 17
feature_images = 2
subgroups = ["instrument"]

[[criteria]]
metric = "sensitivity"
limit = "0.25"
cultures_min = 3

[[criteria]]
metric = "specificity"
limit = "0.90"
cultures_min = 3
"""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three simulated cultures of each label."""
    return write_images(tmp_path_factory.mktemp("cli-set") / "set", cultures=3, simulated="yes")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve fields of each culture: enough work to be stopped in the middle."""
    return write_images(tmp_path_factory.mktemp("cli-many") / "set", cultures=3, fields=12, simulated="yes")


def sign(child: pexpect.spawn[str], player: Player) -> str:
    child.expect("\nId: ")
    screen = str(child.before)
    child.sendline(player.person)
    child.expect("Passphrase: ")
    child.sendline(player.passphrase)
    return screen


def test_the_whole_life(site: Path, manifest: Path, nesqc: Run, log_in: LogIn, terminal: Terminal) -> None:
    log_in("test data custodian")
    done = nesqc("test-sets", "seal", "NES-A", manifest, "--images", manifest.parent / "images")
    assert done.code == 0, done.err
    assert "sealed with 6 images" in done.out
    assert nesqc("test-sets", "seal", "NES-A", manifest, "--images", manifest.parent / "images").code == (
        InvalidInputError.exit_code
    )
    shown = json.loads(nesqc("test-sets", "show", "NES-A", "--json").out)
    assert (shown["images"], shown["simulated"], shown["standing"], shown["openings"]) == (6, 6, "unused", 1)

    plan = site.parent / "plan.toml"
    plan.write_text(PLAN)
    qa = log_in("qa")
    child = terminal("models", "plan", NAME, plan)
    screen = sign(child, qa)
    assert "Plan 1 for the test of" in screen
    assert "WARNING: specificity" in screen.replace("\r\n", " ")
    assert ended(child) == 0
    assert nesqc("models", "test", NAME).code == NotAuthorisedError.exit_code

    log_in("operator")
    # The lower bound of three of three is 0.025 ** (1 / 3) = 0.2924, above 0.25 and below 0.90.
    done = nesqc("models", "test", NAME, "--json")
    assert done.code == 0, done.err
    closed = json.loads(done.out)
    assert [each["verdict"] for each in closed["criteria"]] == ["passed", "failed"]
    assert closed["criteria"][0]["found"]["low"] == "0.292402"
    assert closed["verdict"] == "failed"
    assert [Path(path).is_file() for path in closed["reports"]] == [True, True]
    again = nesqc("models", "test", NAME, "--reason", "I would like it better")
    assert again.code == OutOfSequenceError.exit_code
    assert "A completed test is never repeated" in again.err

    shown_text = nesqc("models", "show", NAME).out
    assert "Plans" in shown_text
    assert "failed" in shown_text
    value = json.loads(nesqc("models", "show", NAME, "--json").out)
    assert [test["outcome"] for test in value["tests"]] == ["failed"]
    assert value["plans"][0]["criteria"][1]["limit"] == "0.90"
    (listed,) = json.loads(nesqc("test-sets", "list", "--json").out)
    assert listed["standing"] == "consumed for nes-morphology-sim"
    assert "consumed for" in nesqc("test-sets", "list").out

    log_in("test data custodian")
    assert "failed" in nesqc("test-sets", "show", "NES-A").out
    child = terminal("test-sets", "consume", "NES-A", "--reason", "The thresholds were moved after it, CC-12")
    assert "From now on it can test no model" in sign(child, log_in("test data custodian"))
    assert ended(child) == 0
    assert nesqc("audit", "verify").code == 0


@pytest.mark.requirement("UR-MODELS-11", reviewed="4dc4f7fa", negative=True)
def test_ctrl_c_leaves_an_aborted_test(site: Path, many: Path, nesqc: Run, log_in: LogIn, terminal: Terminal) -> None:
    log_in("test data custodian")
    assert nesqc("test-sets", "seal", "NES-A", many, "--images", many.parent / "images").code == 0
    plan = site.parent / "plan.toml"
    plan.write_text(PLAN)
    qa = log_in("qa")
    child = terminal("models", "plan", NAME, plan)
    sign(child, qa)
    assert ended(child) == 0
    log_in("operator")
    child = terminal("models", "test", NAME)
    child.expect(r"images [1-9]\d*/72")
    child.sendintr()
    assert ended(child) == 130
    value = json.loads(nesqc("models", "show", NAME, "--json").out)
    assert [test["outcome"] for test in value["tests"]] == ["aborted"]
    assert "Say why it is run again" in nesqc("models", "test", NAME).err
    done = nesqc("models", "test", NAME, "--reason", "Stopped by mistake, DEV-0042")
    assert done.code == 0, done.err
    assert "is completed: failed" in done.out


@pytest.mark.requirement("UR-MODELS-09", reviewed="4919c9be", negative=True)
def test_there_is_no_option_that_relaxes_anything() -> None:
    assert {parameter.name for parameter in COMMANDS["models test"].params} == {"name", "reason", "site", "as_json"}
    assert {parameter.name for parameter in COMMANDS["models plan"].params} == {"name", "file", "site"}
