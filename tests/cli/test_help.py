"""Help: it comes fast, teaches every noun and every option, and says the same as the tables it speaks of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

import pytest

import nesqc_gmp
from nesqc_gmp import cli, errors
from nesqc_gmp.cli import options
from nesqc_gmp.identity.roles import RIGHTS
from nesqc_gmp.records.images import Outcome
from nesqc_gmp.records.people import Role
from tests.cli.conftest import Run

HEAVY = (
    "sqlmodel", "sqlalchemy", "pydantic", "numpy", "onnxruntime", "reportlab", "pikepdf", "pyhanko", "cryptography",
    "PIL", "torch", "rich",
)  # fmt: skip
SHOWING = {"list", "show", "status", "whoami", "log", "search", "access-list"}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command, as ``noun verb`` or alone."""
    for name in cli.NOUNS:
        loaded = cli.load(name)
        if hasattr(loaded, "commands"):
            yield from ((f"{name} {verb}", command) for verb, command in loaded.commands.items())
        else:
            yield name, loaded


COMMANDS = dict(commands())


def test_help_loads_nothing_heavy() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "nesqc_gmp", "--help"], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "typer" in loaded
    assert {name for name in loaded if name.split(".")[0] in HEAVY} == set()


def test_help_names_every_noun_with_its_sentence(nesqc: Run) -> None:
    said = nesqc("--help")
    assert said.code == 0
    for name, (_, sentence) in cli.NOUNS.items():
        assert f"  {name} " in said.out
        assert sentence in said.out


def test_help_names_every_exit_code_of_the_error_tree(nesqc: Run) -> None:
    out = nesqc("--help").out
    tree = {c.exit_code for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.NesqcError)}
    words = out[out.index("Exit codes") :].split()
    # 1 is the root of the tree, which is never raised by itself.
    assert {str(code) for code in tree - {1}} <= set(words)


@pytest.mark.parametrize("noun", [name for name in cli.NOUNS if hasattr(cli.load(name), "commands")])
def test_a_noun_teaches_itself(noun: str, nesqc: Run) -> None:
    said = nesqc(noun, "--help")
    assert said.code == 0
    assert "Example:" in said.out
    assert f"nesqc {noun} " in said.out[said.out.index("Example:") :]
    for verb in cli.load(noun).commands:
        assert f"\n  {verb} " in said.out
    assert "..." not in said.out.replace("[ARGS]...", "")
    assert max(map(len, said.out.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_and_every_option(name: str, nesqc: Run) -> None:
    said = nesqc(*name.split(), "--help")
    assert said.code == 0
    assert "\x1b" not in said.out
    assert COMMANDS[name].help.split("\n")[0].endswith(".")
    assert [p.name for p in COMMANDS[name].params if not (p.help or "").strip()] == []


def test_showing_verbs_speak_json() -> None:
    for name, command in COMMANDS.items():
        has_json = "--json" in {option for parameter in command.params for option in parameter.opts}
        assert has_json == (
            name.split()[-1] in SHOWING
            or name
            in {
                "audit verify",
                "certificates verify",
                "models test",
                "site restore-test",
                *(f"qualify {verb}" for verb in ("iq", "oq", "pq", "verify")),
            }
        ), name


def test_every_right_is_a_command() -> None:
    # RIGHTS is the table of roles; a right that no command asks for would be a wish.
    named = {right.replace(".", " ") for rights in RIGHTS.values() for right in rights}
    assert named <= set(COMMANDS)


def test_choices_are_those_of_the_records() -> None:
    assert get_args(options.Role) == get_args(Role)
    assert get_args(options.Outcome) == get_args(Outcome)


def test_version(nesqc: Run) -> None:
    assert nesqc("--version").out == f"nesqc {nesqc_gmp.__version__}\n"


def test_a_mistyped_noun_is_answered_with_the_right_one(nesqc: Run) -> None:
    said = nesqc("batch", "list")
    assert said.code == 2
    assert "Did you mean 'batches'" in said.err
