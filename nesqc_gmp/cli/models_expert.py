"""``nesqc models intend``, ``explain``, ``features``: what the subject matter expert does with a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nesqc_gmp.cli.options import BatchArgument, RepeatReasonOption, SiteOption
from nesqc_gmp.cli.run import logged_in

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
