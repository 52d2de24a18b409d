"""What the documents say of the command line is what the command line is; nothing is run."""

from __future__ import annotations

import inspect
import re
import shlex
from typing import Any

import pytest
import typer

from nesqc_gmp import errors
from nesqc_gmp.cli import NOUNS, load
from nesqc_gmp.cli.run import STOPPED, UNEXPECTED
from nesqc_gmp.evidence import layout
from nesqc_gmp.identity.roles import EXCLUSIVE, RIGHTS
from tests.docs.commands import DOCUMENTS, ROOT, inline, parse, resolve, typed

README = (ROOT / "README.md").read_text("utf-8")
INSTALL = (
    "python3 -m venv .venv && .venv/bin/pip install --quiet --constraint requirements.lock . "
    "&& .venv/bin/nesqc demo --out demo"
)
TEST = (
    "python3 -m venv .venv-test && .venv-test/bin/pip install --quiet --constraint requirements.lock "
    "--constraint requirements-test.lock '.[test]' && .venv-test/bin/python -m pytest -n 2"
)


def _lines(kind: Any) -> list[Any]:
    return [
        pytest.param(line, id=f"{path.name}: {line[:60]}")
        for path in DOCUMENTS
        for line in dict.fromkeys(kind(path.read_text("utf-8")))
    ]


@pytest.mark.parametrize("line", _lines(typed))
def test_command_lines_parse(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("line", _lines(inline))
def test_commands_named_in_sentences_exist(line: str) -> None:
    _, _, _, rest = resolve(shlex.split(line)[1:])
    if rest:
        parse(line)


def test_command_lines_in_evidence_folders_parse() -> None:
    lines = typed(layout.README_TEXT)
    assert lines
    for line in lines:
        parse(line)


def test_a_wrong_command_line_would_be_found() -> None:
    for line in ("nesqc batches register B-1", "nesqc batches list --sorted", "nesqc people invite anna"):
        with pytest.raises((typer.TyperException, AssertionError)):
            parse(line)


def _table(head: str) -> list[list[str]]:
    """The cells of the table that begins with this line, without its two lines of head."""
    after = README.split(f"{head}\n", 1)[1].split("\n")[1:]
    rows = after[: next(number for number, line in enumerate(after) if not line.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_nouns_and_verbs_are_those_of_the_command_line() -> None:
    shown = {row[0].strip("`"): re.findall(r"`([a-z-]+)`", row[1]) for row in _table("| noun | verbs |")}
    assert shown == {noun: list(getattr(load(noun), "commands", {})) for noun in NOUNS}


def test_exit_codes_are_those_of_the_errors() -> None:
    classes = [
        value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, errors.NesqcError)
    ]
    wanted = {(value.exit_code, value.__name__) for value in classes}
    wanted |= {(code, "") for code in (0, 2, UNEXPECTED, STOPPED)}
    shown = [(int(code), name.strip("`")) for code, name, _ in _table("| code | class | meaning |")]
    assert set(shown) == wanted
    assert shown == sorted(shown)


def _rights(cell: str) -> frozenset[str]:
    parts = re.findall(r"`([a-z-]+)` ([a-z, -]+)", cell)
    return frozenset(f"{noun}.{verb}" for noun, verbs in parts for verb in verbs.split(", "))


def test_roles_are_those_of_the_table_of_rights() -> None:
    (everybody, reading), *rows = _table("| role | may |")
    assert everybody == "all below but the administrator"
    shown = {role: _rights(may) | (_rights(reading) if role != "administrator" else frozenset()) for role, may in rows}
    assert shown == RIGHTS


def test_roles_that_exclude_each_other_are_those_of_the_table() -> None:
    shown = {role: set(excluded.split(", ")) for role, excluded in _table("| role | excludes |")}
    pairs = {frozenset({role, other}) for role, excluded in shown.items() for other in excluded}
    assert pairs == EXCLUSIVE
    for role, excluded in shown.items():
        assert excluded == {other for pair in EXCLUSIVE if role in pair for other in pair - {role}}


def test_the_first_screen_has_exactly_the_two_commands() -> None:
    first_screen = README.split("\n## ", 1)[0]
    assert re.findall(r"^    (.+)$", first_screen, re.MULTILINE) == [INSTALL, TEST]


def test_the_test_command_is_the_one_that_the_check_of_every_change_takes() -> None:
    extraction = "'s/^    \\(python3 -m venv \\.venv-test .*\\)$/\\1/p' README.md"
    assert extraction in (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.findall(r"^    (python3 -m venv \.venv-test .*)$", README, re.MULTILINE) == [TEST]
