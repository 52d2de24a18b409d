"""What became of each test that cites a requirement, written as JSON: ``pytest --requirement-results FILE``.

The matrix (``nesqc qualify matrix --results FILE``) prints it. With several workers each report carries what its test
cites to the one process that writes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

import nesqc_gmp

FORMAT: Final = "nesqc-requirement-results/1"
_CITED: Final = "requirement"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirement-results", metavar="FILE", help="write what became of each test that cites a requirement"
    )


def pytest_configure(config: pytest.Config) -> None:
    if named := config.getoption("--requirement-results"):
        config.pluginmanager.register(Results(Path(named), worker=hasattr(config, "workerinput")))


class Results:
    """Collects the outcomes and writes them at the end; a worker only says what its tests cite."""

    def __init__(self, file: Path, *, worker: bool) -> None:
        self._file = file
        self._worker = worker
        self._cited: dict[str, list[str]] = {}
        self._outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers(_CITED):
                item.user_properties.append((_CITED, mark.args[0]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cited = sorted({str(value) for name, value in report.user_properties if name == _CITED})
        if not cited:
            return
        self._cited[report.nodeid] = cited
        # The worst of set-up, call and tear-down counts, and an expected failure is no pass.
        order = ("passed", "skipped", "failed")
        before = self._outcomes.get(report.nodeid, "passed")
        self._outcomes[report.nodeid] = max(before, report.outcome, key=order.index)

    def pytest_sessionfinish(self) -> None:
        if self._worker:
            return
        tests: list[dict[str, Any]] = [
            {"test": test, "requirements": self._cited[test], "outcome": self._outcomes[test]}
            for test in sorted(self._cited)
        ]
        content = {
            "format": FORMAT,
            "software": nesqc_gmp.__version__,
            "ended": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "tests": tests,
        }
        self._file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
