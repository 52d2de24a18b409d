"""``nesqc products``: the specifications that batches are tested against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nesqc_gmp.cli.options import JsonOption, ReasonOption, SiteOption
from nesqc_gmp.cli.run import logged_in, noun

if TYPE_CHECKING:
    from nesqc_gmp.records.products import Specification
    from nesqc_gmp.state.products import SpecificationState

app = noun(
    """Products and their specifications: tests, acceptance criteria, sampling plan, input sample space, and the one
    model package whose scores count. A version is never changed; a change is the next version.

    The order: `draft` from a TOML file, `approve` by a second person (QA, signed; the model has to be active),
    `retire` when no new batch may use it.

    \b
    Example:
      nesqc products draft NES-01.v1.toml
      nesqc products approve NES-01.v1 --reason "Agrees with dossier 3.2.P.5.1"
      nesqc products show NES-01.v1
    """
)
SpecificationArgument = Annotated[
    str, typer.Argument(metavar="SPECIFICATION", help="Product code and version, such as NES-01.v1.")
]


@app.command()
def draft(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The specification.", show_default=False)],
    site: SiteOption = None,
) -> None:
    """Enter a specification from a TOML file as a draft."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import products

    with logged_in(site) as session:
        name = products.draft(session, products.read_specification(file))
    show.say(f"{name} is drafted. QA approves it with `nesqc products approve {name}`.")


@app.command()
def approve(name: SpecificationArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Approve a draft for use, signed. Nobody approves their own."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import products

    with logged_in(site) as session:
        products.approve(session, name, reason, terminal.ceremony)
    show.say(f"{name} is approved.")


@app.command()
def retire(name: SpecificationArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Close a specification for new batches, signed."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import products

    with logged_in(site) as session:
        products.retire(session, name, reason, terminal.ceremony)
    show.say(f"{name} is retired.")


@app.command("list")
def list_products(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List all specifications with their standing."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import products

    with logged_in(site) as session:
        found = products.specifications(session)
    if as_json:
        show.print_json([_summary(state) for state in found.values()])
        return
    rows = [
        (name, s.standing, s.specification.name, f"{s.specification.morphology.model} "
         f"{s.specification.morphology.model_version}", len(s.specification.tests))
        for name, s in found.items()
    ]  # fmt: skip
    show.print_table(("Specification", "Standing", "Name", "Model", "#Tests"), rows, "There is no specification.")


def _summary(state: SpecificationState) -> dict[str, Any]:
    specification = state.specification
    return {
        "specification": specification.identifier,
        "standing": state.standing,
        "drafted_by": state.drafted_by,
        "name": specification.name,
        "model_sha256": specification.morphology.model_sha256,
        "tests": [test.test for test in specification.tests],
    }


@app.command("show")
def show_product(name: SpecificationArgument, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show one specification with its tests and criteria."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import products
    from nesqc_gmp.state.products import get

    with logged_in(site) as session:
        state = get(products.specifications(session), name)
    if as_json:
        show.print_json({**_summary(state), "content": state.specification.model_dump(mode="json")})
        return
    _print_specification(state)


def _print_specification(state: SpecificationState) -> None:
    from nesqc_gmp.cli import show

    specification = state.specification
    show.print_facts(
        [
            ("specification", f"{specification.identifier}, {state.standing}, drafted by {state.drafted_by}"),
            ("name", specification.name),
            ("form", specification.form),
            ("strength", specification.strength),
            ("storage", specification.storage),
            ("authorisation", specification.authorisation),
            ("retention", f"{specification.retention_years} years"),
            ("not covered here", specification.not_covered),
            ("model", f"{specification.morphology.model} {specification.morphology.model_version}"),
            ("model digest", specification.morphology.model_sha256),
        ]
    )
    show.print_title("Tests")
    show.print_table(("Test", "Name", "Procedure", "Criterion"), _tests(specification), "none")
    plan = specification.sampling
    show.print_title("Sampling plan")
    show.say(f"At least {plan.cultures_min} cultures of at least {plan.fields_min} fields: {plan.description}")
    show.print_title("Input sample space")
    space = specification.input_space.model_dump(mode="json")
    show.print_facts([(key.replace("_", " "), _joined(value)) for key, value in space.items()])


def _tests(specification: Specification) -> list[tuple[str, str, str, str]]:
    image = specification.morphology
    criterion = (
        f"conforming share of each culture at least {image.conforming_share_min} of at least "
        f"{image.valid_images_min} valid images; rejected share at most {image.rejected_share_max}; "
        f"heterogeneity of each culture: {image.heterogeneity_limit}; "
        f"readings: {image.reading}; undecided images: {image.undecided_images}"
    )
    return [
        (image.test, image.name, image.sop, criterion),
        *((t.test, t.name, t.sop, f"{t.criterion} ({_limits(t)})") for t in specification.manual),
    ]


def _limits(test: Any) -> str:
    if test.expected is not None:
        return f"expected: {test.expected}"
    bounds = (("at least", test.minimum), ("at most", test.maximum))
    return " and ".join(f"{word} {value} {test.unit}".strip() for word, value in bounds if value is not None)


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
