"""``nesqc qualify supplier-pack``: what a site needs to assess the supplier, in one folder and one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nesqc_gmp.cli.options import ValidationOption


def supplier_pack(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder; DIR.zip is written beside it.")],
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="FILE", help="Results of the tests: `pytest --requirement-results FILE` writes them."
        ),
    ] = None,
    validation: ValidationOption = None,
) -> None:
    """Write the supplier pack.

    Needs no site and no login; ends with 10 where a part of the release is missing.

    Release notes, known issues, list of parts with licences, signed release manifest, development procedure, evidence
    of the tests, clause map, traceability matrix, protocols, threats, trust, formats and model cards; manifest.json
    names each with its digest, and what is missing.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.config import find_validation
    from nesqc_gmp.errors import NotFoundError
    from nesqc_gmp.qualification.supplier_pack import write_pack

    folder = find_validation(validation)
    pack = write_pack(folder, out, results)
    show.print_facts([("folder", pack.folder), ("file", pack.file), ("parts", len(pack.parts))])
    for each in pack.missing:
        show.say(f"Missing: {each.path}: {each.why}")
    absent = [each for each in pack.missing if not each.from_caller]
    if absent:
        raise NotFoundError(
            f"{len(absent)} parts of the release are missing in the pack",
            where=str(folder.resolve().parent),
            remedy="They are listed above and in manifest.json. Run the command from a clone of the release.",
        )
