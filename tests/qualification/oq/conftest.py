"""Small protocols in a folder, executed with the package under test as the tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.qualification.oq import CaseResult, OqProtocol, execute, read_protocol
from nesqc_gmp.qualification.oq.tool import Tool
from tests.conftest import ROOT, model_folder

TOOL = Tool(copy=ROOT)
"""The package under test; in a site it is the installed one."""

HEAD = """id = "{id}"
title = "A small case"
requirements = ["UR-QUALIFY-04"]
reviewed = {{ UR-QUALIFY-04 = "00000000" }}
risk = "low"
negative = false
prerequisites = "none"
start = "{start}"
{more}
"""


def step(action: str, **fields: Any) -> str:
    """A step as TOML; texts, numbers, lists and tables of texts."""

    def toml(value: Any) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + " }"
        if isinstance(value, list):
            return "[" + ", ".join(map(toml, value)) + "]"
        return f"'''{value}'''" if isinstance(value, str) else str(value)

    fields = {"do": "Something is done", "expected": "Something is seen", "action": action, **fields}
    return "\n[[steps]]\n" + "".join(f"{name} = {toml(value)}\n" for name, value in fields.items())


VERSION = step("nesqc", command="--version", says=["nesqc"])
WRONG = step("nesqc", command="--version", says=["something else"])


class Folder:
    """A folder of validation that a test fills."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "oq" / "drivers").mkdir(parents=True)
        (path / "seeds").mkdir()

    def case(self, number: int, *steps: str, start: str = "empty", more: str = "") -> Path:
        file = self.path / "oq" / f"OQ-{number}-small.toml"
        file.write_text(HEAD.format(id=f"OQ-{number}", start=start, more=more) + "".join(steps), "utf-8")
        return file

    def driver(self, name: str, text: str) -> None:
        (self.path / "oq" / "drivers" / name).write_text(text, "utf-8")

    def seed(self, number: int, **fields: Any) -> Path:
        file = self.path / "seeds" / f"SEED-{number:02d}-small.toml"
        given = {"id": f"SEED-{number:02d}", "title": "A fault", "why": "It would matter", "step": 1, **fields}
        file.write_text("".join(f"{name} = {value!r}\n" for name, value in given.items()), "utf-8")
        return file

    def read(self) -> OqProtocol:
        return read_protocol(self.path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "validation")


Run = Callable[[Folder], dict[str, CaseResult]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Executes what is in the folder; results by case."""

    def executed(folder: Folder) -> dict[str, CaseResult]:
        return {each.case: each for each in execute(folder.read(), tmp_path / "out", model_folder(), TOOL)}

    return executed
