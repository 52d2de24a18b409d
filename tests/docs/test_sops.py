"""The standard operating procedures are whole: one for each noun, in one form, and no signature outside of them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

import nesqc_gmp
from nesqc_gmp.cli import NOUNS, app
from nesqc_gmp.identity.roles import RIGHTS
from nesqc_gmp.records.qualification import ChangeKind
from nesqc_gmp.records.site import IncidentKind
from tests.docs.commands import ROOT, inline, name_of, parse, resolve, typed

SOPS = ROOT / "sops"
OVERVIEW = (SOPS / "README.md").read_text("utf-8")
TEXTS = {path.name: path.read_text("utf-8") for path in sorted(SOPS.glob("*.md")) if path.name != "README.md"}
PROCEDURES = {name: text for name, text in TEXTS.items() if name.startswith("SOP-")}
HEADINGS = [
    "1 Purpose",
    "2 Scope",
    "3 Who does what",
    "4 Before you start",
    "5 Steps",
    "6 What the software does, what people must do",
    "7 When something goes wrong",
    "8 Records",
    "9 Forms",
    "10 References",
]
HEAD = [
    "Document number",
    "Version",
    "Effective from",
    "Written by, date, signature",
    "Reviewed by, date, signature",
    "Approved by QA, date, signature",
]


# Reading a document


def prose(text: str) -> str:
    """A document without the examples of files in it, whose comments look like headings."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def headings(text: str, level: int) -> list[str]:
    """Headings of one level."""
    return re.findall(rf"^{'#' * level} (.+)$", prose(text), re.MULTILINE)


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", prose(text), re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, heads of tables and their rules left out."""
    lines = text.split("\n")
    tables = [
        line for number, line in enumerate(lines)
        if line.startswith("|") and not line.startswith("|---")
        and not (number + 1 < len(lines) and lines[number + 1].startswith("|---"))
    ]  # fmt: skip
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in tables]


def faults(name: str, text: str) -> list[str]:
    """What a procedure lacks, in words; empty for a whole one."""
    number = name[4:6]
    found = [f"heading {heading!r}" for heading in HEADINGS if heading not in headings(text, 2)]
    if not found and headings(text, 2) != HEADINGS:
        found.append("headings in another order, or further ones")
    found += [f"section {heading!r} is empty" for heading in HEADINGS if not section(text, heading).strip()]
    found += [f"line {line!r} of the head" for line in HEAD if f"\n| {line} |" not in text.split("\n## ", 1)[0]]
    steps = re.findall(r"^### (\S+)", section(text, "5 Steps"), re.MULTILINE)
    if steps != [f"5.{count}" for count in range(1, len(steps) + 1)] or not steps:
        found.append("steps 5.1, 5.2, ... without a gap")
    forms = re.findall(r"^### (\S+)", section(text, "9 Forms"), re.MULTILINE)
    if forms != [f"F-{number}-{count}" for count in range(1, len(forms) + 1)] or not forms:
        found.append("forms, numbered after the procedure without a gap")
    before = prose(text).split("\n## 8 ", 1)[0]
    found += [f"form {form} in a step" for form in forms if form not in before]
    return found


# What the program asks


def commands(command: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command of the program, by name."""
    if command is None:
        command = typer.main.get_command(app)
    for name in getattr(command, "commands", {}):
        _, child, _, _ = resolve([*path.split(), name])
        full = f"{path} {name}".strip()
        if getattr(child, "commands", None):
            yield from commands(child, full)
        else:
            yield full, child


def _file(module: str) -> Path:
    return Path(ROOT, *module.split(".")).with_suffix(".py")


@cache
def _module(name: str) -> tuple[dict[str, ast.AST], dict[str, tuple[str, str]]]:
    """The functions of a module of the command line, and where each imported name comes from."""
    tree = ast.parse(_file(name).read_text("utf-8"))
    functions: dict[str, ast.AST] = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nesqc_gmp.cli")
        for alias in node.names
    }
    return functions, imported


def asks_to_sign(module: str, function: str, seen: frozenset[tuple[str, str]] = frozenset()) -> bool:
    """Whether a function of the command line, or one that it calls, lets a person sign."""
    if module.endswith("cli.terminal"):
        return function in {"ceremony", "ask_new_passphrase"}
    functions, imported = _module(module)
    if function not in functions or (module, function) in seen:
        return False
    seen |= {(module, function)}
    nodes = list(ast.walk(functions[function]))
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            target = (".".join(imported[node.value.id]), node.attr)
        elif isinstance(node, ast.Name) and node.id not in own:
            target = imported.get(node.id, (module, node.id))
        else:
            continue
        if _file(target[0]).is_file() and asks_to_sign(*target, seen):
            return True
    return False


@cache
def signing_commands() -> frozenset[str]:
    """Commands in which a person signs."""
    found = set()
    for name, command in commands():
        callback = inspect.unwrap(command.callback)
        if asks_to_sign(callback.__module__, callback.__name__):
            found.add(name)
    return frozenset(found)


def rights_that_sign() -> set[str]:
    """The commands whose procedure signs, found in another way: the right that is named where a record is signed."""
    found: set[str] = set()
    for path in (Path(nesqc_gmp.__file__).parent / "procedures").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "sign"
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and re.fullmatch(r"[a-z-]+\.[a-z-]+", str(node.args[0].value))
            ):
                found.add(str(node.args[0].value).replace(".", " "))
    return found & {name for name, _ in commands()}


def given_whole(texts: Iterable[str]) -> set[str]:
    """Commands that stand in documents with all they need."""
    whole: set[str] = set()
    for text in texts:
        for line in (*typed(text), *inline(text)):
            try:
                whole.add(parse(line))
            except (typer.TyperException, AssertionError):
                continue
    return whole


def named(text: str) -> set[str]:
    """Commands that a document names."""
    return {name_of(line) for line in (*typed(text), *inline(text))}


# The overview


def _overview() -> dict[str, tuple[list[str], list[str]]]:
    """Of each document of the overview: the nouns it covers and the files that belong to it."""
    table = OVERVIEW.split("| document | commands |", 1)[1].split("\n\n", 1)[0]
    found = {}
    for document, nouns, *files in rows(f"\n{table}"):
        linked = re.search(r"\]\(([^)]+)\)", document)
        if linked:
            found[linked.group(1)] = (re.findall(r"`([^`]+)`", nouns), re.findall(r"`([^`]+)`", " ".join(files)))
    return found


def test_the_overview_lists_every_document_and_no_other() -> None:
    assert sorted(_overview()) == sorted(TEXTS)


def test_every_noun_has_its_procedure() -> None:
    covered = {noun for document, (nouns, _) in _overview().items() if document in PROCEDURES for noun in nouns}
    assert covered == set(NOUNS)


def test_files_of_the_overview_exist() -> None:
    for _, files in _overview().values():
        for file in files:
            assert (ROOT / file).exists(), file


@pytest.mark.parametrize("noun", NOUNS)
def test_every_command_is_named_in_the_procedures_of_its_noun(noun: str) -> None:
    words = set().union(*(named(TEXTS[document]) for document, (nouns, _) in _overview().items() if noun in nouns))
    wanted = {name for name, _ in commands() if name.split()[0] == noun}
    assert wanted - words == set()


# The documents


@pytest.mark.parametrize("name", PROCEDURES)
def test_a_procedure_is_whole(name: str) -> None:
    assert faults(name, PROCEDURES[name]) == []


def test_a_procedure_that_is_not_whole_would_be_found() -> None:
    name, whole = next(iter(PROCEDURES.items()))
    assert faults(name, whole.replace("## 8 Records", "## 8 Files")) == [
        "heading '8 Records'",
        "section '8 Records' is empty",
    ]
    assert faults(name, whole.replace("### 5.2 ", "### 5.3 ")) == ["steps 5.1, 5.2, ... without a gap"]
    assert faults(name, whole.replace("| Effective from |", "| Valid from |")) == ["line 'Effective from' of the head"]
    assert faults(name, whole.replace("form F-01-3", "the form")) == ["form F-01-3 in a step"]
    emptied = whole.replace(section(whole, "10 References"), "")
    assert faults(name, emptied) == ["section '10 References' is empty"]


def test_every_role_does_something_in_a_procedure() -> None:
    told = " ".join(
        row[0].casefold() for text in PROCEDURES.values() for row in rows(section(text, "3 Who does what"))
    )  # fmt: skip
    assert {role for role in RIGHTS if role not in told} == set()


def test_every_form_that_is_named_exists_once() -> None:
    made = [form for text in TEXTS.values() for form in re.findall(r"^### (F-\w\w?-\d+)", text, re.MULTILINE)]
    assert len(made) == len(set(made))
    for name, text in TEXTS.items():
        assert set(re.findall(r"F-(?:\d\d|M)-\d+", text)) <= set(made), name


REFERENCE = re.compile(
    r"\]\(((?:SOP|MANUAL)-[\w-]+\.md)\), (\d+(?:\.\d+)?(?:(?:,| and| to) \d+(?:\.\d+)?)*)(?![\w.]\d)"
)
"""A link to a document and the sections of it that are meant."""


def wrong_references(name: str, texts: dict[str, str]) -> list[str]:
    """Sections that a document names and that do not exist, in itself or in another one."""
    numbers = {
        document: {heading.split(" ")[0] for level in (2, 3) for heading in headings(text, level)}
        for document, text in texts.items()
    }
    text = prose(texts[name]).split("\n## 10 References", 1)[0]
    elsewhere = [
        (document, number)
        for document, listed in REFERENCE.findall(text)
        for number in re.findall(r"\d+(?:\.\d+)?", listed)
    ]
    here = [(name, number) for number in re.findall(r"(?<![\w.])5\.\d+(?![\w.]*\d)", REFERENCE.sub("", text))]
    return [f"{document}, {number}" for document, number in (*elsewhere, *here) if number not in numbers[document]]


@pytest.mark.parametrize("name", TEXTS)
def test_every_section_that_is_named_exists(name: str) -> None:
    assert wrong_references(name, TEXTS) == []


def test_a_section_that_does_not_exist_would_be_found() -> None:
    added = "\nSee 5.99, 5.1 and [SOP-02](SOP-02-products.md), 5.1 and 5.98.\n"
    broken = TEXTS | {"SOP-01-people.md": TEXTS["SOP-01-people.md"].replace("\n## 6 ", f"{added}\n## 6 ", 1)}
    assert wrong_references("SOP-01-people.md", broken) == ["SOP-02-products.md, 5.98", "SOP-01-people.md, 5.99"]


def test_every_kind_of_incident_is_explained() -> None:
    explained = {row[0].strip("`") for row in rows(section(TEXTS["SOP-08-site.md"], "5 Steps"))}
    assert set(get_args(IncidentKind)) - explained == set()


def test_every_kind_of_change_says_what_is_tested_again() -> None:
    kinds = {row[0]: row[1] for row in rows(section(TEXTS["SOP-10-qualification.md"], "5 Steps"))}
    assert {kind: kinds.get(kind) for kind in get_args(ChangeKind) if not kinds.get(kind)} == {}


def _words_not_used() -> list[str]:
    table = section(OVERVIEW, "Words")
    return [word for row in rows(table) for word in row[2].split(", ") if word]


@pytest.mark.parametrize("name", TEXTS)
def test_one_thing_has_one_word(name: str) -> None:
    text = re.sub(r"`[^`]+`|^    .+$", "", prose(TEXTS[name]), flags=re.MULTILINE)
    assert [word for word in _words_not_used() if re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE)] == []


def test_the_words_that_are_not_used_are_looked_for() -> None:
    assert {"lot", "password", "OOS"} <= set(_words_not_used())
    assert re.search(r"\blots?\b", "This lot is released.", re.IGNORECASE)


# Signatures


def test_two_ways_to_find_what_signs_agree() -> None:
    asked = signing_commands()
    assert rights_that_sign() - asked == set()
    assert {"site init", "people passphrase", "certificates issue"} <= asked - rights_that_sign()
    assert not {"batches analyse", "audit verify", "people list", "site status", "login"} & asked


def test_every_command_that_signs_is_in_a_procedure_with_all_it_needs() -> None:
    assert signing_commands() - given_whole(PROCEDURES.values()) == set()


def test_a_signature_that_no_procedure_describes_would_be_found() -> None:
    kept = [re.sub(r"nesqc batches release \S+ --comment", "nesqc batches release", t) for t in PROCEDURES.values()]
    assert signing_commands() - given_whole(kept) == {"batches release"}
