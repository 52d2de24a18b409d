"""Values on standard output: canonical JSON, or tables and lists for the eye.

Text that people or files brought is printed with its control characters escaped, so no file name can move the cursor
or rewrite a line. There is no colour where the output is not a terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress
    from rich.text import Text

    from nesqc_gmp.verifier.report import VerificationReport

_STYLES: Final = {
    "conforming": "green",
    "not conforming": "red",
    "undecided": "yellow",
    "rejected by input check": "yellow",
    "not signed in its present form": "red",
    "released": "green",
    "rejected": "red",
    "on hold": "yellow",
    "passed": "green",
    "FAILED": "red",
    "failed": "red",
    "not assessed": "yellow",
}
"""Words that are coloured on a terminal; the word itself always says the same as its colour."""

_PIPED_WIDTH: Final = 200
_WORD_ROOM: Final = 24
_GAP: Final = 2
"""Blanks between two columns of a table."""


def printable(text: str) -> str:
    """A text with every character that could act on a terminal written as its escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def print_json(value: Any) -> None:
    """Print a JSON value in its canonical form, one line, nothing else."""
    from nesqc_gmp.digest import canonical_json

    print(canonical_json(value).decode())


def indented_json(value: Any, *, shortened: bool = False) -> str:
    """A JSON value for the eye, indented.

    Args:
        value: The value.
        shortened: Cut long texts, such as certificates and signatures.
    """
    if shortened:
        value = _shortened(value)
    return "\n".join(printable(line) for line in _json_lines(value, _screen().width))


def _json_lines(value: Any, room: int, name: str = "") -> Iterator[str]:
    """The lines of a JSON value after its name: what fits into the room stands on one line, the rest is opened."""
    line = name + json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(line) < room or not isinstance(value, dict | list):
        yield line
        return
    if isinstance(value, dict):
        marks, parts = "{}", [(f"{json.dumps(key)}: ", item) for key, item in sorted(value.items())]
    else:
        marks, parts = "[]", [("", item) for item in value]
    yield name + marks[0]
    for number, (inner, item) in enumerate(parts, 1):
        lines = list(_json_lines(item, room - 2, inner))
        lines[-1] += "," if number < len(parts) else ""
        yield from (f"  {text}" for text in lines)
    yield marks[1]


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return f"{value[:100]}..." if isinstance(value, str) and len(value) > 100 else value


def print_report(report: VerificationReport, *, as_json: bool) -> None:
    """Print what a verification found: its numbered steps, and one sentence."""
    if as_json:
        steps = [step.model_dump(mode="json") for step in report.steps]
        found = {"verified": report.verified, "sentence": report.sentence, "not_asked": list(report.not_asked)}
        print_json({**found, "steps": steps})
        return
    rows: list[tuple[object, str, str]] = []
    for step in report.steps:
        rows.append((step.number, "passed" if step.passed else "FAILED", step.name))
        rows.append(("", "", step.detail))
    print_table(("#Step", "Result", "What was asked, what was found"), rows, "Nothing was checked.")
    print()
    say(report.sentence)


def _screen() -> Console:
    """The terminal, or a page wide enough not to wrap where output is piped."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def _print(value: RenderableType) -> None:
    """Print without blanks at the line ends."""
    screen = _screen()
    with screen.capture() as captured:
        screen.print(value)
    print("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under heads; a head that begins with ``#`` is a column of numbers, set to the right.

    Args:
        heads: One a column.
        rows: The cells; ``None`` is printed as a dash.
        empty: The sentence to print where there is no row.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        print(empty)
        return
    columns = [[head.removeprefix("#"), *(row[n].plain for row in cells)] for n, head in enumerate(heads)]
    widths = _column_widths(columns, _screen().width - _GAP * (len(heads) - 1))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for head, width in zip(heads, widths, strict=True):
        right = head.startswith("#")
        table.add_column(
            Text(head.removeprefix("#"), overflow="fold"), justify="right" if right else "left", width=width
        )
    for row in cells:
        table.add_row(*row)
    _print(table)


def _column_widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths at which nothing is cut off: the widest column gives way first, at blanks while it can, then in words.

    Args:
        columns: The texts of each column.
        room: Characters for all columns together.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in columns]
    words = [max(map(cell_len, " ".join(column).split()), default=1) for column in columns]
    for least in ([min(word, _WORD_ROOM) for word in words], [1] * len(widths)):
        while sum(widths) > room and any(width > low for width, low in zip(widths, least, strict=True)):
            number = max((n for n, low in enumerate(least) if widths[n] > low), key=widths.__getitem__)
            widths[number] -= 1
    return widths


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values, aligned; long values wrap under themselves."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(name, "bold"), _cell(value))
    _print(table)


def print_title(text: str) -> None:
    """Print a heading with an empty line above it."""
    from rich.text import Text

    print()
    _print(Text(printable(text), "bold"))


def wrapped(text: str, stream: TextIO) -> str:
    """A text without control characters, broken between words where the stream is a terminal."""
    text = printable(text)
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def say(text: str) -> None:
    """Print one sentence that names values people brought."""
    print(wrapped(text, sys.stdout))


def say_command(command: str) -> None:
    """Print a command to be typed, never broken, so that it can be copied."""
    print(f"  {printable(command)}")


def _cell(value: object) -> Text:
    from rich.text import Text

    text = "-" if value is None else printable(str(value))
    return Text(text, _STYLES.get(text, ""), overflow="fold")


@contextmanager
def progress(what: str) -> Iterator[Bar]:
    """A progress bar on standard error, where that is a terminal.

    Args:
        what: What is going on.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True, markup=False, highlight=False, emoji=False)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=screen,
        disable=not sys.stderr.isatty(),
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
    )
    with bar:
        yield Bar(bar, what)


class Bar:
    """One running progress bar."""

    def __init__(self, bar: Progress, what: str) -> None:
        self._bar = bar
        self._what = what
        self._task = bar.add_task(what, total=None)

    def at(self, done: int, total: int) -> None:
        """So much is done."""
        self.of(self._what, done, total)

    def of(self, what: str, done: int, total: int) -> None:
        """So much is done of one part of the work."""
        self._bar.update(self._task, description=f"{what} {done}/{total}", completed=done, total=total)
