"""What must not exist: a variable or option that weakens a control, a command that deletes or seals again."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.cli.test_help import COMMANDS

PACKAGE = Path(__file__).parents[2] / "nesqc_gmp"

READ = {"NESQC_SITE", "XDG_STATE_HOME", "COLUMNS", "PYTHONPATH"}
"""Variables that are read: where the site is, where sessions lie, how wide a table is, and one whose presence is
itself a fault of the installation. None of them weakens a control."""

SET = {"ORT_DISABLE_TELEMETRY", "CUBLAS_WORKSPACE_CONFIG"}
"""Variables that are set for libraries: no messages to anybody, and repeatable training."""

WEAKENING = re.compile(r"test-?mode|dry|preview|debug|force|unsafe|skip|ignore|no-|without|disable-|trust-all")
DELETING = re.compile(r"delete|purge|remove|prune|clean|repair|reseal|rehash|rebuild|rewrite|migrate|edit|undo|vacuum")


def _variables() -> set[str]:
    """Every name of a variable of the environment in the source of the package."""
    found: set[str] = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            spoken = ast.unparse(node) if isinstance(node, ast.Subscript | ast.Call | ast.Compare) else ""
            if "environ" in spoken or "getenv" in spoken:
                found |= set(re.findall(r"""['"]([A-Z][A-Z0-9_]+)['"]""", spoken))
    return found


@pytest.mark.requirement("UR-AUDIT-02", reviewed="c3fe6bb5", negative=True)
def test_no_variable_is_a_control() -> None:
    assert _variables() == READ | SET


@pytest.mark.requirement("UR-AUDIT-02", reviewed="c3fe6bb5", negative=True)
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_option_weakens_a_control(name: str) -> None:
    options = [word for parameter in COMMANDS[name].params for word in (*parameter.opts, *parameter.secondary_opts)]
    assert [word for word in options if WEAKENING.search(word)] == []


@pytest.mark.requirement("UR-AUDIT-13", reviewed="d2606754", negative=True)
@pytest.mark.requirement("UR-PRODUCTS-06", reviewed="e99c2841", negative=True)
def test_no_command_deletes_or_seals_again() -> None:
    assert [name for name in COMMANDS if DELETING.search(name)] == []
