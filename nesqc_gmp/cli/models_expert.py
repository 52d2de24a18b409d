"""``nesqc models intend``, ``explain``, ``features``: what the subject matter expert does with a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from nesqc_gmp.cli.options import BatchArgument, RepeatReasonOption, SiteOption
from nesqc_gmp.cli.run import logged_in

if TYPE_CHECKING:
    from nesqc_gmp.procedures.features import FeatureSheet
    from nesqc_gmp.records.feature_review import Place

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="name:version, the digest, or its first digits (at least 8).")
]


def intend(
    name: ModelArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The intended use.", show_default=False)],
    reason: RepeatReasonOption = None,
    site: SiteOption = None,
) -> None:
    """Sign the intended use of an installed package.

    The content is the purpose, the input sample space and the limits of the use, as the subject matter expert says
    them. The whole of it is shown in the statement. The input space may be narrower than the one locked in the
    package, never wider. Signed again, it takes the place of the one before; both stay visible.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import intended_use

    with logged_in(site) as session:
        use = intended_use.read_intended_use(file)
        intended_use.intend(session, name, use, reason, terminal.ceremony)
    show.say(f"The intended use of {name} is signed.")


def explain(
    batch: BatchArgument,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Image of the batch.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.png", help="The picture; must not exist.")],
    site: SiteOption = None,
) -> None:
    """Write the recorded heat map of an image. The log keeps the look.

    Nothing is computed again: the map is the one that the last completed or running attempt recorded. Light colours
    speak for conforming, dark ones against it.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import heat_maps

    with logged_in(site) as session:
        shown = heat_maps.explain(session, batch, image, out)
    show.say(f"The heat map of {image} from attempt {shown.attempt} is written to {out}, SHA-256 {shown.png_sha256}.")


_PLACES: Final[dict[str, Place]] = {
    "cells": "cells",
    "background": "background",
    "edge": "edge",
    "debris": "debris",
    "text": "scale bar or text",
    "unclear": "cannot tell",
}
"""What is typed for each place in which the weight of a heat map can lie."""


def features(
    name: ModelArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the page; must not exist.")],
    reason: RepeatReasonOption = None,
    site: SiteOption = None,
) -> None:
    """Review the heat maps of a tested model, signed.

    The frozen plan has drawn the images. They are written as a page and as PDF, each with its heat map; then one
    answer is asked for each. What was answered is kept until it is signed or you leave with Ctrl-C. A second review of
    a package needs a reason, and who said no cannot say yes afterwards.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import features as procedure

    with logged_in(site) as session:
        terminal.require_terminal()
        sheet = procedure.sheet(session, name, out, reason)
        places = _ask_places(sheet, out / procedure.PAGE)
        sensible = terminal.ask_choice("Do the features make sense for the intended use?", ("yes", "no")) == "yes"
        comment = _ask_comment()
        _sign_at_last(lambda: procedure.review(session, sheet, places, sensible, comment, terminal.ceremony, reason))
    show.say(f"The features of {sheet.label} are reviewed: they {'make' if sensible else 'do not make'} sense.")


def _ask_places(sheet: FeatureSheet, page: Path) -> dict[str, Place]:
    """One answer an image; there is no way to answer several at once."""
    from nesqc_gmp.cli import show, terminal

    show.print_facts(
        [
            ("model", sheet.label),
            ("test", f"plan {sheet.plan}, test {sheet.test}"),
            ("heat maps", f"{len(sheet.shown)}; {len(sheet.without_map)} images of the sample have none"),
            ("page", f"{page}, as PDF beside it"),
        ]
    )
    terminal.tell("Open the page. text is a scale bar or text in the image; unclear is that you cannot tell.")
    places: dict[str, Place] = {}
    for number, item in enumerate(sheet.shown, 1):
        show.print_title(f"Image {number} of {len(sheet.shown)}: {item.image}")
        answer = terminal.ask_choice("Where does the weight lie?", _PLACES)
        places[item.image] = _PLACES[answer]
    return places


def _ask_comment() -> str:
    """A comment that the record takes: one visible line of at most 2000 characters."""
    from pydantic import TypeAdapter, ValidationError

    from nesqc_gmp.cli import terminal
    from nesqc_gmp.records.base import Line

    while True:
        try:
            return TypeAdapter[str](Line).validate_python(terminal.ask("Your comment", at_least=3))
        except ValidationError:
            terminal.tell("Please type one line of at most 2000 visible characters.")


def _sign_at_last(sign: Callable[[], None]) -> None:
    """Sign, and sign again where that failed and the person wants to: a slip of the hand must not lose the answers.

    Raises:
        NesqcError: The last refusal, once the person gives up; at once where another try cannot help.
    """
    from nesqc_gmp.cli import terminal
    from nesqc_gmp.errors import AccountLockedError, AuthenticationError, OutOfSequenceError

    while True:
        try:
            sign()
            return
        except AccountLockedError:
            raise
        except (AuthenticationError, OutOfSequenceError) as error:
            terminal.tell(f"Not signed: {error}")
            if terminal.ask_choice("Your answers are kept. Sign again?", ("yes", "no")) == "no":
                raise
