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
    from rich.console import RenderableType
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
}
"""Words that are coloured on a terminal; the word itself always says the same as its colour."""

_PIPED_WIDTH: Final = 200
_WORD_ROOM: Final = 24


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
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return "\n".join(printable(line) for line in text.split("\n"))


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
        print_json({"verified": report.verified, "sentence": report.sentence, "steps": steps})
        return
    rows: list[tuple[object, str, str]] = []
    for step in report.steps:
        rows.append((step.number, "passed" if step.passed else "FAILED", step.name))
        rows.append(("", "", step.detail))
    print_table(("#Step", "Result", "What was asked, what was found"), rows, "Nothing was checked.")
    print()
    say(report.sentence)


def _print(value: RenderableType) -> None:
    """Print as wide as the terminal, or wide enough not to wrap where output is piped; no blanks at the line ends."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    screen = Console(width=width, markup=False, highlight=False, emoji=False)
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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, head in enumerate(heads):
        words = [word for row in cells for word in row[number].plain.split()]
        # Columns give way at blanks before a word is cut.
        room = min(max(map(len, words), default=0), _WORD_ROOM)
        right = head.startswith("#")
        table.add_column(Text(head.removeprefix("#")), justify="right" if right else "left", min_width=room)
    for row in cells:
        table.add_row(*row)
    if table.row_count:
        _print(table)
    else:
        print(empty)


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
