"""``nesqc qualify review``: the periodic review of the validated state."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nesqc_gmp.cli.options import SiteOption
from nesqc_gmp.cli.run import logged_in


def review(
    since: Annotated[str, typer.Option("--since", metavar="DAY", help="First day, YYYY-MM-DD.")],
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="Last day, YYYY-MM-DD.")],
    draft: Annotated[
        Path | None,
        typer.Option("--draft", metavar="DIR", help="Only write the report for reading, into a new folder."),
    ] = None,
    remains: Annotated[
        bool | None,
        typer.Option(
            "--remains-valid/--does-not-remain-valid",
            help="Whether the system remains in its validated state.",
            show_default=False,
        ),
    ] = None,
    conclusion: Annotated[
        str | None, typer.Option("--conclusion", metavar="TEXT", help="Why; it is signed.", show_default=False)
    ] = None,
    site: SiteOption = None,
) -> None:
    """Gather what happened in a period; QA concludes and signs.

    Read it first with --draft. Then give --remains-valid or --does-not-remain-valid and --conclusion, and sign. The
    report holds versions, changes, incidents, deviations, refusals, access, audit-trail reviews, scores over time,
    readers, backups, restore tests, checkpoints kept elsewhere and the qualified state.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.errors import InvalidInputError
    from nesqc_gmp.procedures.qualification import periodic

    with logged_in(site) as session:
        if (draft is None) == (remains is None or conclusion is None):
            raise InvalidInputError(
                "either a draft is written, or the review is concluded",
                where="--draft",
                remedy="Give --draft DIR, or else --remains-valid or --does-not-remain-valid with --conclusion.",
            )
        if draft is not None:
            for path in periodic.draft(session, since, until, draft):
                show.say(str(path))
            return
        said = periodic.Conclusion(bool(remains), conclusion or "")
        number = periodic.review(session, since, until, said, terminal.ceremony)
    show.say(f"Periodic review {number} is signed. Its report: `nesqc qualify report {number} --out DIR`.")
