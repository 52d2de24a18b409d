"""``nesqc qualify matrix``: requirements, clauses, tests and cases, linked both ways, as PDF, HTML and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nesqc_gmp.cli.options import ValidationOption
from nesqc_gmp.cli.run import logged_in


def matrix(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for the PDF, HTML and JSON file.")],
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="FILE", help="Results of the tests: `pytest --requirement-results FILE` writes them."
        ),
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option("--site", metavar="DIR", help="With the last results of the cases on this site; needs a login."),
    ] = None,
    validation: ValidationOption = None,
) -> None:
    """Write the traceability matrix. Without --site it needs no login; it ends with 30 where a link is broken."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.config import find_validation
    from nesqc_gmp.errors import IntegrityError
    from nesqc_gmp.qualification import matrix as made
    from nesqc_gmp.qualification.matrix_files import write_matrix
    from nesqc_gmp.qualification.traceability import read_trace

    folder = find_validation(validation)
    given = made.read_results(results) if results else None
    executed = {}
    if site is not None:
        with logged_in(site) as session:
            executed = made.executed_cases(session)
    whole = made.build_matrix(read_trace(folder), folder.resolve().parent, given, executed)
    files = write_matrix(whole, out)
    show.print_facts([(file.suffix.lstrip(".").upper(), file) for file in files])
    if whole.problems:
        for problem in whole.problems:
            show.say(str(problem))
        raise IntegrityError(
            f"{len(whole.problems)} links of the traceability are broken",
            where=str(folder),
            remedy="They are listed above.",
        )
