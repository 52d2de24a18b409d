"""``nesqc demo``: one batch played by the people of a site on a demonstration site."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nesqc_gmp.cli.options import ValidationOption
from nesqc_gmp.cli.run import noun

if TYPE_CHECKING:
    from nesqc_gmp.demonstration import Demonstration

app = noun("The demonstration.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for the site and the images.")] = Path(
        "nesqc-demo"
    ),
    images: Annotated[
        Path | None,
        typer.Option("--images", metavar="PATH", help="Your own images: a folder or a sample sheet; else simulated."),
    ] = None,
    qualify: Annotated[
        bool,
        typer.Option(
            "--qualify", help="Then play the qualification of the site: plan, protocols, IQ, OQ, signed reports."
        ),
    ] = False,
    validation: ValidationOption = None,
) -> None:
    """Play one batch with its people, from images to certificate, on a new demonstration site: not for GMP use."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.config import SitePaths, find_validation
    from nesqc_gmp.demonstration import play

    folder = find_validation(validation) if qualify else None

    def say(who: str, what: str) -> None:
        show.say(f"{who} {what}".strip())

    with show.progress("working") as bar:
        done = play(out, images, say, bar.of)
    rehearsal = None
    if folder is not None:
        from nesqc_gmp.qualification.rehearsal import rehearse

        with show.progress("qualifying") as bar:
            rehearsal = rehearse(SitePaths(done.site), folder, out / "qualification", say, bar.of)
    _print_outcome(done)
    if rehearsal is not None:
        show.print_title("Qualification of the demonstration site")
        show.print_facts(rehearsal.runs)
        for path in rehearsal.reports:
            if path.suffix == ".pdf":
                show.say(f"  {path}")


def _print_outcome(done: Demonstration) -> None:
    from nesqc_gmp.cli import show

    show.print_title("Demonstration, not for GMP use")
    show.print_facts(
        [
            ("site", done.site),
            ("batch", f"{done.batch}, {done.decision}"),
            ("certificate", done.certificate),
            ("evidence", done.evidence),
        ]
    )
    show.print_title("Check both, without a login")
    site, certificate = (shlex.quote(str(path)) for path in (done.site, done.certificate))
    show.say_command(f"nesqc certificates verify {certificate} --site {site}")
    show.say_command(f"nesqc audit verify --site {site}")
    show.print_title("Go on by hand as one of them; everybody knows these passphrases")
    rows = [(player.role, player.person, player.name, player.passphrase) for player in done.players]
    show.print_table(("Role", "Id", "Name", "Passphrase"), rows, "")
    show.say("")
    show.say_command(f"nesqc login {done.players[1].person} --site {site}")
