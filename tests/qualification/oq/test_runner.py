"""The runner: what passes, what fails, what was not executed, and that none of the three is taken for another."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.qualification.oq import execute
from nesqc_gmp.qualification.oq.tool import Tool
from tests.conftest import ROOT, model_folder
from tests.qualification.oq.conftest import TOOL, VERSION, WRONG, step


def verdicts(result: Any) -> list[str]:
    return [each.verdict for each in result.steps]


@pytest.mark.requirement("UR-QUALIFY-04", reviewed="ac49f216")
@pytest.mark.requirement("UR-QUALIFY-05", reviewed="3b653dc1", negative=True)
def test_passed_failed_and_not_executed(folder: Any, run: Any, tmp_path: Path) -> None:
    folder.case(101, VERSION, VERSION)
    folder.case(102, VERSION, WRONG, VERSION)
    results = run(folder)
    good, bad = results["OQ-101"], results["OQ-102"]
    assert (good.verdict, verdicts(good), good.reason) == ("passed", ["passed", "passed"], None)
    assert (bad.verdict, verdicts(bad)) == ("failed", ["passed", "failed", "not executed"])
    assert good.steps[0].actual == "Exit code 0. nesqc 0.1.0"
    assert bad.steps[1].actual == "NOT AS EXPECTED: 'something else' does not appear. Exit code 0. nesqc 0.1.0"
    assert bad.reason == f"Step 2: {bad.steps[1].actual}"
    for result in results.values():
        assert (result.version, result.folder) == ("0.1.0", str(ROOT / "nesqc_gmp"))
        assert result.started < result.ended
        (evidence,) = result.evidence
        assert sha256_hex((tmp_path / "out" / "evidence" / evidence.name).read_bytes()) == evidence.sha256
    assert not (tmp_path / "out" / "cases" / "OQ-101").exists()
    assert (tmp_path / "out" / "cases" / "OQ-102").is_dir(), "what failed is kept to look at"


def test_a_fault_of_the_runner_is_a_failed_case(folder: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nesqc_gmp.qualification.oq import runner

    def broken(*_: object) -> None:
        raise ZeroDivisionError("in the runner")

    monkeypatch.setattr(runner, "act", broken)
    folder.case(101, VERSION, VERSION)
    result = run(folder)["OQ-101"]
    assert (result.verdict, verdicts(result)) == ("failed", ["failed", "not executed"])
    assert "ZeroDivisionError: in the runner" in result.reason
    assert len(result.evidence) == 1


def test_a_missing_extra_is_not_executed_and_not_passed(folder: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    facts = Tool.facts
    monkeypatch.setattr(Tool, "facts", lambda tool: replace(facts(tool), evaluate=False))
    folder.case(101, VERSION, more='needs = "evaluate"')
    folder.case(102, VERSION)
    results = run(folder)
    assert (results["OQ-101"].verdict, verdicts(results["OQ-101"])) == ("not executed", ["not executed"])
    assert "[evaluate] is not installed" in results["OQ-101"].reason
    assert results["OQ-102"].verdict == "passed"


def test_sites_that_cannot_be_made_leave_every_case_not_executed(
    folder: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that makes them is told of a site that does not exist."""
    module = Tool.module
    monkeypatch.setattr(Tool, "module", lambda tool, name, words: module(tool, name, [*words, "no such site"]))
    folder.case(101, VERSION)
    result = run(folder)["OQ-101"]
    assert (result.verdict, verdicts(result)) == ("not executed", ["not executed"])
    assert "The starting sites could not be made" in result.reason
    assert "no such site" in result.reason


@pytest.mark.requirement("UR-QUALIFY-03", reviewed="fbeca303", negative=True)
@pytest.mark.parametrize("inside", ["", "run", "deep/run"])
def test_a_folder_that_is_or_lies_in_a_site_is_refused(inside: str, folder: Any, tmp_path: Path) -> None:
    site = tmp_path / "production"
    site.mkdir()
    (site / "ledger.sqlite").write_bytes(b"a site")
    folder.case(101, VERSION)
    with pytest.raises(InvalidInputError, match="is a site or lies in one"):
        execute(folder.read(), site / inside, model_folder(), TOOL)
    assert list(site.iterdir()) == [site / "ledger.sqlite"]


def test_a_folder_in_a_site_behind_a_link_is_refused(folder: Any, tmp_path: Path) -> None:
    (tmp_path / "production").mkdir()
    (tmp_path / "production" / "ledger.sqlite").write_bytes(b"a site")
    (tmp_path / "link").symlink_to(tmp_path / "production")
    folder.case(101, VERSION)
    with pytest.raises(InvalidInputError, match="is a site or lies in one"):
        execute(folder.read(), tmp_path / "link" / "run", model_folder(), TOOL)


def test_a_folder_that_holds_something_is_refused(folder: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept.txt").write_text("mine")
    folder.case(101, VERSION)
    with pytest.raises(InvalidInputError, match="not empty"):
        execute(folder.read(), tmp_path / "out", model_folder(), TOOL)


def test_a_tool_that_is_not_installed_is_refused(folder: Any, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    folder.case(101, VERSION)
    with pytest.raises(NotFoundError, match="not installed"):
        execute(folder.read(), tmp_path / "out", model_folder(), Tool("/usr/bin/env"))


def test_the_site_of_the_person_and_a_source_tree_are_out_of_reach(
    folder: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NESQC_SITE", str(tmp_path / "production"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "source"))
    folder.driver(
        "look.py",
        "import os, sys\nprint(os.environ['NESQC_SITE'], os.environ['XDG_STATE_HOME'], os.getcwd(), sep='\\n')\n"
        "print('PYTHONPATH' in os.environ, sys.flags.isolated)\n",
    )
    place = tmp_path / "out" / "cases" / "OQ-101"
    said = [f"{place}/site {place}/terminals/nobody {place} False 1"]
    folder.case(101, step("python", script="look.py", says=said))
    result = run(folder)["OQ-101"]
    assert result.verdict == "passed", result.reason
    assert result.steps[0].actual.endswith("CASE/site CASE/terminals/nobody CASE False 1")


def test_ctrl_c_reports_what_ran_and_executes_nothing_more(folder: Any, tmp_path: Path) -> None:
    folder.driver("wait.py", "import time\ntime.sleep(60)\n")
    folder.case(101, VERSION)
    for number in range(102, 108):
        folder.case(number, step("python", script="wait.py"), VERSION)
    before = signal.getsignal(signal.SIGINT)
    results = []
    for result in execute(folder.read(), tmp_path / "out", model_folder(), TOOL):
        results.append(result)
        if len(results) == 1:
            os.kill(os.getpid(), signal.SIGINT)
    assert [r.verdict for r in sorted(results, key=lambda r: r.case)] == ["passed"] + ["not executed"] * 6
    assert {r.reason for r in results} == {None, "The run was stopped by the person (Ctrl-C)."}
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.requirement("UR-QUALIFY-06", reviewed="6c8c34fc", negative=True)
def test_a_seed_that_is_caught_and_three_that_are_not(folder: Any, run: Any) -> None:
    folder.case(101, VERSION)
    folder.case(102, WRONG)
    place = {"file": "cli/__init__.py", "find": 'print(f"nesqc {nesqc_gmp.__version__}")'}
    folder.seed(1, **place, replace='print("0.1.0")', case="OQ-101")
    folder.seed(2, **place, replace=place["find"], case="OQ-101")
    folder.seed(3, file="cli/__init__.py", find="this stands nowhere", replace="x", case="OQ-101")
    folder.seed(4, **place, replace='print("0.1.0")', case="OQ-102")
    results = run(folder)
    assert (results["SEED-01"].verdict, results["SEED-01"].reason) == ("passed", None)
    assert "OQ-101 failed at step 1" in results["SEED-01"].steps[0].actual
    assert results["SEED-02"].verdict == "failed"
    assert "the fault was not noticed" in results["SEED-02"].reason
    assert results["SEED-03"].verdict == "failed"
    assert "stands there 0 times" in results["SEED-03"].reason
    assert results["SEED-04"].verdict == "not executed"
    assert "did not pass without the fault" in results["SEED-04"].reason
    assert 'print("0.1.0")' not in (ROOT / "nesqc_gmp" / "cli" / "__init__.py").read_text()


def test_a_seed_that_breaks_everything_is_not_taken_for_a_caught_one(folder: Any, run: Any) -> None:
    folder.case(101, step("nesqc", command="--nothing", exit=2), VERSION)
    folder.seed(1, file="__init__.py", find="__version__ =", replace="broken syntax =", case="OQ-101", step=2)
    result = run(folder)["SEED-01"]
    assert result.verdict == "failed"
    assert "OQ-101 failed at step 1" in result.reason
