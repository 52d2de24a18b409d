"""``nesqc test-sets``: sealed images that models are tested with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nesqc_gmp.cli.options import JsonOption, ReasonOption, SiteOption
from nesqc_gmp.cli.run import logged_in, noun

if TYPE_CHECKING:
    from nesqc_gmp.procedures.test_sets import Listed
    from nesqc_gmp.records.model_tests import TestSetContent

app = noun(
    """Sealed images that models are tested with. A set is closed when it is sealed; every opening of its content is a
    record, and a set that has given a result for a model tests no other version of it.

    The order: `seal` (test data custodian), then QA freezes a plan for a package with `nesqc models plan`, then
    `nesqc models test`. `consume` (signed) takes a set out of use because a result of it has informed a change.

    \b
    Example:
      nesqc test-sets seal NES-A manifest.csv --images images
      nesqc test-sets list
    """
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the test set.", show_default=False)]


@app.command()
def seal(
    name: IdArgument,
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST.csv", help="One row an image; see SOP-07.", show_default=False)
    ],
    images: Annotated[Path, typer.Option("--images", metavar="DIR", help="Folder of the images.")],
    site: SiteOption = None,
) -> None:
    """Seal labelled images as a test set.

    Nothing can be added, left out or relabelled after this.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import test_sets

    with logged_in(site) as session, show.progress("images") as bar:
        sealed = test_sets.seal(session, name, manifest, images, bar.of)
    show.say(
        f"Test set {name} is sealed with {sealed.images} images, {sealed.excluded} excluded. Content "
        f"{sealed.content_sha256}."
    )
    for pair in sealed.conflicting:
        show.say(f"Copies with different labels: {pair}.")


@app.command("list")
def list_sets(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List all test sets with counts and uses."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import test_sets

    with logged_in(site) as session:
        found = test_sets.listed(session)
    if as_json:
        show.print_json([_summary(each) for each in found])
        return
    rows = [
        (
            each.state.sealed.test_set,
            each.state.sealed.images,
            f"{each.state.sealed.cultures_conforming} / {each.state.sealed.cultures_not_conforming}",
            each.state.sealed.simulated,
            len(each.uses),
            len(each.state.openings),
            _standing(each),
        )
        for each in found
    ]
    head = ("Set", "#Images", "Cultures conforming / not", "#Simulated", "#Tests", "#Openings", "Standing")
    show.print_table(head, rows, "There is no test set.")


@app.command("show")
def show_set(name: IdArgument, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show one test set. Your look is recorded.

    Counts by label and subgroup, every test and every opening; no image.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import test_sets

    with logged_in(site) as session:
        found, content = test_sets.show(session, name)
    counts = _counts(content)
    if as_json:
        value = {"column": None, "value": None, "label": None, "images": 0}
        rows = [dict(zip(value, row, strict=True)) for row in counts]
        show.print_json({**_summary(found), "counts": rows, "excluded": [list(pair) for pair in content.excluded]})
        return
    sealed = found.state.sealed
    show.print_facts(
        [
            ("test set", f"{name}, {_standing(found)}"),
            ("content", sealed.content_sha256),
            ("sealed", f"by {found.state.name} on {found.state.at[:10]}, entry {found.state.index}"),
            ("images", f"{sealed.images}, of them {sealed.simulated} simulated; {sealed.excluded} excluded"),
            ("readers", ", ".join(sealed.readers) or "no readings of single readers"),
            (
                "copies inside",
                f"{sealed.copies}, {sealed.copies_across} across cultures or donors, "
                f"{len(sealed.conflicting)} with different labels",
            ),
        ]
    )
    show.print_title("Images")
    show.print_table(("Column", "Value", "Label", "#Images"), counts, "none")
    show.print_title("Tests")
    tests = [(use.at[:19], use.label, use.plan, use.test, use.outcome) for use in found.uses]
    show.print_table(("UTC", "Model", "#Plan", "#Test", "Outcome"), tests, "No test has used it.")
    show.print_title("Openings")
    openings = [(each.at[:19], each.name, each.role, each.read.purpose) for each in found.state.openings]
    show.print_table(("UTC", "Person", "Role", "Purpose"), openings, "Nobody has opened it.")


@app.command()
def consume(name: IdArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Take a set out of use, signed.

    A result of it has informed a change: it tests nothing any more.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import test_sets

    with logged_in(site) as session:
        test_sets.consume(session, name, reason, terminal.ceremony)
    show.say(f"Test set {name} is consumed.")


def _standing(found: Listed) -> str:
    if found.state.consumed is not None:
        return "consumed"
    models = sorted({use.model for use in found.uses if use.gave_results})
    return f"consumed for {', '.join(models)}" if models else "unused"


def _summary(found: Listed) -> dict[str, Any]:
    return {
        **found.state.sealed.model_dump(mode="json"),
        "sealed_by": found.state.by,
        "sealed_at": found.state.at,
        "openings": len(found.state.openings),
        "tests": [
            {"model_sha256": use.model_sha256, "plan": use.plan, "test": use.test, "outcome": use.outcome}
            for use in found.uses
        ],
        "standing": _standing(found),
        "consumed": found.state.consumed,
    }


def _counts(content: TestSetContent) -> list[tuple[str, str, str, int]]:
    """Images by column, value and label."""
    found = Counter(
        (column, value, image.label)
        for image in content.images
        for column, value in (("all", "all"), ("donor", image.donor), *image.subgroups)
    )
    return [(*key, found[key]) for key in sorted(found)]
