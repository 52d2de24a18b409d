"""Command lines in documents: where they stand, which command they name, whether the program would take them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import typer

from nesqc_gmp.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path for place in ("*.md", "sops/*.md", "audit/**/*.md", "validation/*.md", "models/**/*.md")
    for path in ROOT.glob(place)
)  # fmt: skip


def typed(text: str) -> list[str]:
    """Command lines that stand on a line of their own."""
    joined = text.replace("\\\n", " ")
    return re.findall(r"^\s*(?:\$ )?(nesqc (?!signature statement).+)$", joined, re.MULTILINE)


def inline(text: str) -> list[str]:
    """Command lines inside a sentence."""
    return re.findall(r"`(nesqc [^`]+)`", text)


def resolve(words: list[str]) -> tuple[str, Any, Any, list[str]]:
    """The name of the command that words begin with, the command, its context's parent, and the words that remain."""
    command: Any = typer.main.get_command(app)
    context: Any = None
    names: list[str] = []
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        context = command.make_context("nesqc", words, parent=context)
        name, command, words = command.resolve_command(context, words)
        assert command is not None, f"there is no {name}"
        names.append(str(name))
    return " ".join(names), command, context, words


def parse(line: str) -> str:
    """Read a command line as the program would, and name its command; asking for help is reading it too.

    Raises:
        typer.TyperException: The program would refuse it as wrong usage.
    """
    name, command, parent, rest = resolve(shlex.split(line)[1:])
    if not {"--help", "-h", "--version"} & set(rest):
        command.make_context("nesqc", rest, parent=parent)
    return name


def name_of(line: str) -> str:
    """The command that a line names, whether or not all it needs stands there."""
    return resolve(shlex.split(line)[1:])[0]
