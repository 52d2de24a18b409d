"""The matrix: every link both ways, results as they were, and nothing that was not run or was skipped called passed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from typer.testing import CliRunner

from nesqc_gmp.cli import app
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.qualification.matrix import (
    CaseResult,
    Matrix,
    build_matrix,
    executed_cases,
    matrix_content,
    read_results,
)
from nesqc_gmp.qualification.matrix_document import matrix_document
from nesqc_gmp.qualification.matrix_files import write_matrix
from nesqc_gmp.qualification.traceability import read_trace
from nesqc_gmp.reports.document import Table, texts
from tests.procedures.test_qualification import Bench
from tests.qualification.test_requirements import DOCUMENTS

ROOT = Path(__file__).parents[2]

MAP = f"""\
{DOCUMENTS}[[clauses]]
id = "P11-01"
document = "part-11"
clause = "11.10(a)"
asks = "Altered records are found"
met = "partly"
lacks = "The moon is not looked at"
site = "Looks at it"

[[clauses]]
id = "T1"
document = "traps"
clause = "T1"
asks = "A cut chain verifies"
met = "yes"
"""

REQUIREMENT = """\
id = "{id}"
shall = "The system shall be traced by {id}."
rationale = "For the test."
sources = [{sources}]
reviewed = "{reviewed}"
[risk]
harm = "none"
severity = "high"
likelihood = "high"
detectability = "low"
[verification]
method = "test"
"""

CASE = """\
id = "{id}"
title = "A case"
requirements = ["UR-AUDIT-01"]
reviewed = {{ UR-AUDIT-01 = "{reviewed}" }}
findings = ["T1"]
risk = "high"
negative = true
"""

TESTS = """\
import pytest

pytestmark = pytest.mark.requirement("UR-AUDIT-01", reviewed="{reviewed}")


@pytest.mark.parametrize("value", [1, 2, 3])
def test_passes(value):
    pass


@pytest.mark.parametrize("value", [1, 2])
def test_half_skipped(value):
    if value == 2:
        pytest.skip("not here")


@pytest.mark.skip(reason="never")
def test_skipped():
    pass


@pytest.mark.xfail(reason="known")
def test_expected_to_fail():
    raise AssertionError


@pytest.fixture
def ends_badly():
    yield
    raise RuntimeError


def test_fails_at_the_end(ends_badly):
    pass


@pytest.mark.requirement("UR-AUDIT-02", reviewed="{other}", negative=True)
def test_fails():
    raise AssertionError
"""


class Release:
    """A made-up release: two requirements, six tests, two cases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.validation = folder / "validation"
        for place in ("requirements/audit", "oq"):
            (self.validation / place).mkdir(parents=True)
        (folder / "tests").mkdir()
        (folder / "sops").mkdir()
        (folder / "sops" / "SOP-06-audit.md").touch()
        (folder / "nesqc_gmp" / "procedures" / "audit").mkdir(parents=True)
        (self.validation / "clauses.toml").write_text(MAP)
        self.reviewed: dict[str, str] = {}
        for name, sources in (("UR-AUDIT-01", '"P11-01", "T1"'), ("UR-AUDIT-02", '"P11-01"')):
            self.requirement(name, sources)
        tests = TESTS.format(reviewed=self.reviewed["UR-AUDIT-01"], other=self.reviewed["UR-AUDIT-02"])
        (folder / "tests" / "test_audit.py").write_text(tests)
        for case in ("OQ-401", "OQ-402"):
            (self.validation / "oq" / f"{case}.toml").write_text(
                CASE.format(id=case, reviewed=self.reviewed["UR-AUDIT-01"])
            )

    def requirement(self, name: str, sources: str) -> None:
        from nesqc_gmp.qualification.requirements import read_requirement

        file = self.validation / "requirements" / "audit" / f"{name}.toml"
        file.write_text(REQUIREMENT.format(id=name, sources=sources, reviewed="00000000"))
        self.reviewed[name] = read_requirement(file).fingerprint
        file.write_text(REQUIREMENT.format(id=name, sources=sources, reviewed=self.reviewed[name]))

    def run_tests(self, *options: str) -> Path:
        """Run its tests with the plugin of this project's tests; returns the file of results."""
        file = self.folder / "results.json"
        subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "tests.requirement_results", "--import-mode=importlib",
                f"--rootdir={self.folder}", "--requirement-results", file, *options, self.folder / "tests",
            ],
            cwd=ROOT, check=False, capture_output=True,
        )  # fmt: skip
        return file

    def matrix(self, results: Path | None = None, **executed: str) -> Matrix:
        cases = {
            name.replace("_", "-"): CaseResult(verdict, "OQ-0001", "2026-11-25") for name, verdict in executed.items()
        }  # type: ignore[arg-type]
        return build_matrix(read_trace(self.validation), self.folder, read_results(results) if results else None, cases)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


def results_of(matrix: Matrix) -> dict[str, tuple[str, str]]:
    rows = (*matrix.tests, *matrix.cases)
    return {row.verified.source.split("::test_")[-1]: (row.verified.result, row.verified.detail) for row in rows}


@pytest.mark.requirement("UR-QUALIFY-14", reviewed="f0f9c41c")
@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_results_are_as_they_were(options: tuple[str, ...], release: Release) -> None:
    """Skipped, expected to fail and failed at the end are no pass, whatever else passed."""
    matrix = release.matrix(release.run_tests(*options), OQ_401="passed")
    assert results_of(matrix) == {
        "passes": ("passed", "3 passed"),
        "half_skipped": ("skipped, not a pass", "1 passed, 1 skipped"),
        "skipped": ("skipped, not a pass", ""),
        "expected_to_fail": ("skipped, not a pass", ""),
        "fails_at_the_end": ("failed", ""),
        "fails": ("failed", ""),
        "OQ-401": ("passed", "OQ-0001, 2026-11-25"),
        "OQ-402": ("not run", ""),
    }
    assert [row.result for row in matrix.requirements] == ["failed", "failed"]


@pytest.mark.requirement("UR-QUALIFY-05", reviewed="3b653dc1", negative=True)
def test_a_case_that_was_not_executed_is_not_passed(release: Release) -> None:
    matrix = release.matrix(None, OQ_401="not executed", OQ_402="failed")
    assert [row.verified.result for row in matrix.cases] == ["not run", "failed"]
    assert "passed" not in {row.result for row in matrix.requirements}


def test_the_mark_says_which_results_are_missing(release: Release) -> None:
    with_cases = matrix_document(release.matrix(None, OQ_401="passed", OQ_402="passed"))
    assert "No results of a test run are in this matrix: cases show" in with_cases.mark
    assert "or of a qualification" not in with_cases.mark


def test_without_results_nothing_is_said_to_pass(release: Release) -> None:
    matrix = release.matrix()
    document = matrix_document(matrix)
    assert {row.result for row in matrix.requirements} == {"not run"}
    assert "not what passed" in document.mark
    tables = [block for block in document.blocks if isinstance(block, Table)]
    assert not any("passed" in cell for table in tables for row in table.rows for cell in row)


@pytest.mark.requirement("UR-QUALIFY-14", reviewed="f0f9c41c")
def test_every_link_stands_in_both_directions(release: Release) -> None:
    content = matrix_content(release.matrix(None, OQ_401="passed", OQ_402="passed"))
    assert content["problems"] == []
    first, second = content["requirements"]
    assert [each["source"] for each in first["cases"]] == ["OQ-401", "OQ-402"]
    assert len(first["tests"]) == 6
    assert [(each["source"], each["attacks"]) for each in second["tests"]] == [
        ("tests/test_audit.py::test_fails", True)
    ]
    assert {each["attacks"] for each in first["tests"]} == {False}
    assert (first["command"], first["procedure"], first["sop"], first["priority"]) == (
        "nesqc audit", "nesqc_gmp/procedures/audit/", "SOP-06-audit", "high",
    )  # fmt: skip
    by_test = {each["source"].split("::test_")[1]: each["requirements"] for each in content["tests"]}
    assert by_test["fails"] == ("UR-AUDIT-01", "UR-AUDIT-02")
    assert by_test["passes"] == ("UR-AUDIT-01",)
    by_clause = {each["id"]: (each["requirements"], each["cases"]) for each in content["clauses"]}
    assert by_clause == {
        "P11-01": (("UR-AUDIT-01", "UR-AUDIT-02"), ()),
        "T1": (("UR-AUDIT-01",), ("OQ-401", "OQ-402")),
    }


def test_what_is_missing_and_what_is_broken_is_printed(release: Release) -> None:
    (release.validation / "oq" / "OQ-402.toml").unlink()
    file = release.validation / "requirements" / "audit" / "UR-AUDIT-02.toml"
    file.write_text(file.read_text().replace("be traced", "be well traced"))
    document = matrix_document(release.matrix())
    assert document.mark == "2 broken links"
    said = list(texts(document))
    assert "The moon is not looked at. Site: looks at it" in said
    assert "its text is not the one that was reviewed" in said


def test_the_files_say_the_same_and_are_the_same_twice(release: Release) -> None:
    matrix = release.matrix(None, OQ_401="failed")
    files = write_matrix(matrix, release.folder / "one")
    again = write_matrix(matrix, release.folder / "two")
    assert [file.name for file in files] == [f"traceability-matrix.{kind}" for kind in ("pdf", "html", "json")]
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]
    content = json.loads(files[2].read_text())
    html = files[1].read_text()
    for row in content["requirements"]:
        assert f"<td>{row['id']}</td>" in html
    with pikepdf.open(files[0]) as pdf:
        assert len(pdf.pages) >= 1
    with pytest.raises(InvalidInputError, match="nothing is overwritten"):
        write_matrix(matrix, release.folder / "one")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "the file"),
        ("[]", "the file"),
        ('{"format": "other/1"}', "format"),
        ('{"format": "nesqc-requirement-results/1", "software": "1", "ended": "x", "tests": [{"test": "a", '
         '"requirements": [], "outcome": "fine"}]}', "tests.0.outcome"),
    ],
)  # fmt: skip
def test_results_that_are_none_are_refused(text: str, field: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(InvalidInputError, match=f"no file of results: {field}:"):
        read_results(file)


def command(release: Release, *more: Any) -> Any:
    words = ("qualify", "matrix", "--validation", release.validation, "--out", release.folder / "out", *more)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_writes_the_matrix_without_a_site(release: Release) -> None:
    ended = command(release, "--results", release.run_tests())
    assert ended.exit_code == 0, ended.output
    assert len(list((release.folder / "out").iterdir())) == 3


@pytest.mark.requirement("UR-QUALIFY-14", reviewed="f0f9c41c", negative=True)
def test_the_command_ends_with_30_where_a_link_is_broken(release: Release) -> None:
    file = release.folder / "tests" / "test_audit.py"
    file.write_text(file.read_text().replace("UR-AUDIT-02", "UR-AUDIT-09"))
    ended = command(release)
    assert ended.exit_code == 30
    assert "there is no requirement UR-AUDIT-09" in " ".join(ended.output.split())
    assert "UR-AUDIT-02: no test and no case cites it" in " ".join(ended.output.split())
    assert len(list((release.folder / "out").iterdir())) == 3


@pytest.mark.parametrize("missing", ["validation", "results"])
def test_what_is_not_there_is_named_and_nothing_is_written(missing: str, release: Release) -> None:
    more = ("--results", release.folder / "none.json") if missing == "results" else ()
    if missing == "validation":
        (release.validation / "clauses.toml").unlink()
    ended = command(release, *more)
    assert ended.exit_code == {"validation": 10, "results": 40}[missing]
    assert not (release.folder / "out").exists()


@pytest.mark.requirement("UR-QUALIFY-05", reviewed="3b653dc1")
def test_the_last_execution_on_a_site_counts(founded: Any) -> None:
    bench = Bench(founded)
    bench.documents("IQ")
    bench.execute("IQ", A="failed")
    day = founded.site.now().local[:10]
    session = founded.session("engineer")
    assert executed_cases(session) == {
        "IQ-A": CaseResult("failed", "IQ-0001", day),
        "IQ-B": CaseResult("passed", "IQ-0001", day),
    }
    bench.execute("IQ", B="failed")
    assert {case: (each.verdict, each.run) for case, each in executed_cases(session).items()} == {
        "IQ-A": ("passed", "IQ-0002"),
        "IQ-B": ("failed", "IQ-0002"),
    }


def test_results_of_a_site_need_a_login(release: Release, founded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(release.folder / "nobody"))
    ended = command(release, "--site", founded.paths.folder)
    assert ended.exit_code == 13
    assert not (release.folder / "out").exists()
