"""The error rim around every command, the settings of help, and the open session a command works in.

No traceback ever reaches a person: a refusal is printed as what is wrong, where, and what to do, and ends with the
exit code of its class (`nesqc_gmp.errors`). Everything goes to standard error; standard output is for values.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer

from nesqc_gmp.errors import InvalidInputError, NesqcError, NotFoundError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from nesqc_gmp.config import SitePaths
    from nesqc_gmp.procedures.session import Session

HELP: Final[dict[str, Any]] = {
    "rich_markup_mode": None,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "no_args_is_help": True,
    "context_settings": {"max_content_width": 100, "help_option_names": ["-h", "--help"]},
}
"""Settings of every app: help as plain text, which starts in half the time of help by rich."""

UNEXPECTED: Final = 70
"""Exit code of a fault nobody foresaw (``EX_SOFTWARE`` of sysexits.h)."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the operating system says where a file has no room: disk, quota, or largest file."""

STOPPED: Final = 130
"""Exit code after Ctrl-C."""


def noun(teaching: str) -> typer.Typer:
    """The app of one noun, with the help that teaches it."""
    return typer.Typer(help=teaching, **HELP)


@contextmanager
def logged_in(site: Path | None) -> Iterator[Session]:
    """The site opened for the person who is logged in.

    Args:
        site: The site folder as named; else ``NESQC_SITE``, else the nearest folder above.

    Raises:
        NotFoundError: There is no site.
        AuthenticationError: Nobody is logged in, or the session has ended.
    """
    from nesqc_gmp.config import find_site, sessions_folder
    from nesqc_gmp.procedures import people
    from nesqc_gmp.procedures.context import Site

    with Site(find_site(site)) as opened:
        yield people.resume(opened, sessions_folder())


def site_if_any(named: Path | None, file: Path) -> SitePaths | None:
    """The site, or ``None`` where none was named and none lies above."""
    from nesqc_gmp.config import find_site

    try:
        return find_site(named, beside=file)
    except NotFoundError:
        if named is not None or os.environ.get("NESQC_SITE"):
            raise
        return None


@contextmanager
def rim() -> Iterator[None]:
    """Turn whatever leaves a command into one message and one exit code.

    Raises:
        typer.Exit: With the exit code; usage errors of the command line pass through to typer.
    """
    try:
        yield
    except (typer.TyperException, typer.Exit):
        raise
    except NesqcError as error:
        _refuse(error)
    except (KeyboardInterrupt, typer.Abort):
        print("\nstopped", file=sys.stderr)
        raise typer.Exit(STOPPED) from None
    except BrokenPipeError:
        # Nobody reads on: what the interpreter flushes at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except Exception as error:
        _refuse_unforeseen(error)


def _refuse(error: NesqcError) -> NoReturn:
    _end(error.exit_code, error.what, error.where, error.remedy)


def _end(code: int, what: str, where: str | None, remedy: str | None) -> NoReturn:
    """Print what is wrong, where and what to do, and end with an exit code."""
    from nesqc_gmp.cli.show import wrapped

    for line in (f"Error: {what}", where and f"  where: {where}", remedy and f"  remedy: {remedy}"):
        if line:
            print(wrapped(line, sys.stderr), file=sys.stderr)
    raise typer.Exit(code) from None


def _refuse_unforeseen(error: Exception) -> NoReturn:
    """A wrong field is a refusal like any other; of a real fault only class and place are told, no content."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        _refuse(wrong_field(error))
    if isinstance(error, UnicodeEncodeError):
        _refuse(
            InvalidInputError("what was typed is not UTF-8 text", remedy="Set the terminal to UTF-8 and type it again.")
        )
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        _refuse(
            NesqcError(
                f"a file could not be written: {error.strerror}",
                where=error.filename,
                remedy="What was recorded before it stands. Make room on the disk, then repeat the command.",
            )
        )
    told = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    _end(
        UNEXPECTED,
        f"an unexpected fault stopped the command: {type(error).__name__}{told}",
        _place(error),
        "What was recorded before it stands. Give these lines to those who keep the software.",
    )


def _place(error: Exception) -> str:
    """The innermost line of this package through which a fault came."""
    package = Path(__file__).parents[1]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(package)]
    if not frames:
        return "outside the package"
    return f"{Path(frames[-1].filename).relative_to(package.parent)}, line {frames[-1].lineno}"


def wrong_field(error: ValidationError) -> InvalidInputError:
    """The first wrong field of a record, in words."""
    from nesqc_gmp.cli.words import remedy_for

    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "value"
    return InvalidInputError(f"the field cannot be used: {first['msg']}", where=field, remedy=remedy_for(dict(first)))
