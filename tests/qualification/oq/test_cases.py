"""The shipped protocol: every command line exists, and real cases pass and fail as they have to."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.config import find_validation
from nesqc_gmp.qualification.oq import CaseResult, execute, read_protocol
from nesqc_gmp.qualification.oq.case import PLACEHOLDER, Case, KillStep, LimitStep, NesqcStep, PythonStep, RaceStep
from tests.conftest import ROOT, model_folder
from tests.docs.commands import parse
from tests.qualification.oq.conftest import TOOL

PROTOCOL = read_protocol(ROOT / "validation")

EXECUTED = ("OQ-103", "OQ-303", "OQ-408", "OQ-503")
"""Between them every action: command lines, terminal, driver, SQL, kill, race, full disk."""

SEED = "SEED-13"


def _commands(case: Case) -> list[str]:
    """Command lines of a case that the tool has to know; those that it has to refuse are left out."""
    found: list[str] = []
    for step in case.steps:
        if isinstance(step, NesqcStep) and step.exit != 2:
            found.append(step.command)
        if isinstance(step, KillStep | LimitStep):
            found.append(step.command)
        if isinstance(step, RaceStep):
            found += [each.command for each in step.commands]
        if isinstance(step, PythonStep) and step.script == "clock.py":
            found.append(step.arguments.partition(" ")[2])
    return found


@pytest.mark.parametrize("case", PROTOCOL.cases, ids=lambda case: case.id)
def test_command_lines_of_the_cases_exist_with_their_options(case: Case) -> None:
    for command in _commands(case):
        parse("nesqc " + PLACEHOLDER.sub("2026-11-20", command))


def test_the_protocol_is_found_where_the_release_has_it() -> None:
    assert read_protocol(find_validation(ROOT / "validation")).protocol_sha256 == PROTOCOL.protocol_sha256


def test_every_case_has_the_risk_of_its_gravest_requirement() -> None:
    from nesqc_gmp.qualification.requirements import read_requirements

    order = ("low", "medium", "high")
    priority = {each.id: each.risk.priority for each in read_requirements(ROOT / "validation")}
    for case in PROTOCOL.cases:
        assert case.risk == max((priority[each] for each in case.requirements), key=order.index), case.id


def test_every_seed_names_a_text_that_stands_once_in_its_file() -> None:
    assert len(PROTOCOL.seeds) >= 12
    for seed in PROTOCOL.seeds:
        text = (ROOT / "nesqc_gmp" / seed.file).read_text("utf-8")
        assert text.count(seed.find) == 1, seed.id
        assert seed.find != seed.replace


def test_no_case_names_a_computer() -> None:
    for path in sorted((ROOT / "validation" / "oq").rglob("*.*")):
        if path.suffix in {".toml", ".py", ".md"}:
            assert not re.search(r"(?<![\w.])/(work|root|home|tmp|opt|srv)/", path.read_text("utf-8")), path.name


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, CaseResult]]:
    out = tmp_path_factory.mktemp("qualification") / "out"
    some = dataclasses.replace(
        PROTOCOL,
        cases=tuple(case for case in PROTOCOL.cases if case.id in EXECUTED),
        seeds=tuple(seed for seed in PROTOCOL.seeds if seed.id == SEED),
    )
    return out, {result.case: result for result in execute(some, out, model_folder(), TOOL)}


@pytest.mark.timeout(600)
def test_real_cases_pass(executed: Any) -> None:
    out, results = executed
    found = {name: (result.verdict, result.reason) for name, result in results.items()}
    assert found == dict.fromkeys((*EXECUTED, SEED), ("passed", None))
    killed = results["OQ-303"]
    assert killed.steps[3].actual.startswith("Exit code 137.")
    assert killed.findings == ("I-05", "T21", "T13")
    transcript = (out / "evidence" / "OQ-303" / "transcript.txt").read_text("utf-8")
    assert "$ nesqc batches analyse B-2    (at the terminal of operator)" in transcript
    assert str(out) not in transcript
    assert not list((out / "cases").iterdir()), "nothing is left of what passed"


@pytest.mark.timeout(600)
def test_no_passphrase_stands_in_what_is_kept(executed: Any) -> None:
    from nesqc_gmp.qualification.oq.people import PEOPLE

    out, _ = executed
    kept = [path for path in out.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        data = path.read_bytes()
        assert not any(person.passphrase.encode() in data for person in PEOPLE.values()), path


@pytest.mark.requirement("UR-QUALIFY-06", reviewed="6c8c34fc")
@pytest.mark.timeout(600)
def test_a_seeded_fault_lets_its_case_fail(executed: Any) -> None:
    _, results = executed
    (step,) = results[SEED].steps
    assert "OQ-103 failed at step 2: NOT AS EXPECTED" in step.actual
