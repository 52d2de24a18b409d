"""Options that several commands share, so that they are named and explained in one way."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from nesqc_gmp.errors import InvalidInputError


def day(text: str | None, param: typer.CallbackParam) -> str | None:
    """A calendar day as typed.

    Raises:
        InvalidInputError: It is not YYYY-MM-DD.
    """
    if text is None:
        return None
    try:
        good = date.fromisoformat(text).isoformat() == text
    except ValueError:
        good = False
    if not good:
        raise InvalidInputError(f"{text!r} is not a day", where=f"--{param.name}", remedy="Write it as YYYY-MM-DD.")
    return text


SiteOption = Annotated[
    Path | None,
    typer.Option(
        "--site",
        metavar="DIR",
        help="The site folder. Else NESQC_SITE, else the nearest folder above that holds a site.",
        show_default=False,
    ),
]
TrustOption = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        metavar="DIR",
        help="Folder with log.vkey and authority.pem as you keep them; else the site's own.",
        show_default=False,
    ),
]
ValidationOption = Annotated[
    Path | None,
    typer.Option(
        "--validation",
        metavar="DIR",
        help="Folder `validation` of the release; else beside the package or in this folder.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print canonical JSON (RFC 8785) instead of a table.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, in at least eight characters; it is kept for ever.")
]
RepeatReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why it is done again; needed for a repeat.", show_default=False),
]
CommentOption = Annotated[str, typer.Option("--comment", metavar="TEXT", help="What you say of it; it is signed.")]
BatchArgument = Annotated[str, typer.Argument(metavar="BATCH", help="Batch number.", show_default=False)]

Role = Literal[
    "administrator",
    "operator",
    "reviewer",
    "qa",
    "data scientist",
    "test data custodian",
    "subject matter expert",
    "validation engineer",
    "auditor",
]
"""As ``records.people.Role``, which is too heavy to import for help."""

Purpose = Literal["production", "demonstration", "qualification"]
"""As ``records.site.Purpose``."""

Outcome = Literal["conforming", "not conforming", "undecided"]
"""As ``records.images.Outcome``."""
