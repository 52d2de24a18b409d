"""``nesqc models plan`` and ``nesqc models test``: what is frozen before a test, and the one run of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nesqc_gmp.cli.options import JsonOption, RepeatReasonOption, SiteOption
from nesqc_gmp.cli.run import logged_in

if TYPE_CHECKING:
    from nesqc_gmp.records.model_tests import CriterionResult
    from nesqc_gmp.state.model_tests import PackageTests

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="name:version, the digest, or its first digits (at least 8).")
]


def plan(
    name: ModelArgument,
    file: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="The plan; see SOP-04.", show_default=False)],
    site: SiteOption = None,
) -> None:
    """Freeze the plan of a test, signed.

    It is never changed; a further plan is a new record, and the last one counts. The statement shows everything that
    is frozen, and warns of criteria that the test set is too small to reach.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import model_tests

    with logged_in(site) as session:
        frozen = model_tests.plan(session, name, model_tests.read_plan(file), terminal.ceremony)
    show.say(f"Plan {frozen.plan} of {name} is frozen. Another person runs it with `nesqc models test`.")


def run_test(
    name: ModelArgument, reason: RepeatReasonOption = None, site: SiteOption = None, as_json: JsonOption = False
) -> None:
    """Run the frozen plan once, and write its report.

    Package, images, content of the set and analysis have to be what was frozen. A run that was interrupted or failed
    stays listed and can be repeated with a reason; a completed one never.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import model_tests

    with logged_in(site) as session, show.progress("images") as bar:
        tested = model_tests.run(session, name, reason, lambda done: bar.at(done.done, done.total))
    closed = tested.closed
    if as_json:
        show.print_json({**closed.model_dump(mode="json"), "reports": [str(path) for path in tested.reports]})
        return
    show.print_table(HEAD, [criterion_row(each) for each in closed.criteria], "none")
    show.say(f"Test {closed.test} of {tested.model.label} is completed: {closed.verdict}.")
    if tested.not_copied is not None:
        show.say(f"The report could not be copied to the folder of reports ({tested.not_copied}); it is in the store:")
    for path in tested.reports:
        show.say(f"report {path}")


HEAD = ("Criterion", "Found", "Interval", "#Cultures", "Verdict")


def criterion_row(result: CriterionResult) -> tuple[Any, ...]:
    """A criterion as a row of a table."""
    planned, found = result.criterion, result.found
    where = f", {planned.subgroup[0]} {planned.subgroup[1]}" if planned.subgroup else ""
    name = f"{planned.metric} {planned.limit}{where}"
    return name, found.estimate or "none", found.bounds, found.units, result.outcome


def print_tests(package: PackageTests) -> None:
    """Plans and tests of a package for the eye."""
    from nesqc_gmp.cli import show

    show.print_title("Plans")
    plans = [(p.frozen.plan, p.frozen.test_set, p.name, p.at[:19], len(p.frozen.criteria)) for p in package.plans]
    show.print_table(("#Plan", "Test set", "Signed by", "UTC", "#Criteria"), plans, "No plan is frozen.")
    show.print_title("Tests")
    tests = [
        (t.opened.test, t.opened.plan, t.name, t.at[:19], t.outcome, "" if t.closed is None else t.closed.detail)
        for t in package.tests
    ]
    show.print_table(("#Test", "#Plan", "Run by", "UTC", "Outcome", "Detail"), tests, "It was never tested.")


def tests_json(package: PackageTests) -> dict[str, Any]:
    """Plans and tests of a package as JSON."""
    return {
        "plans": [
            {**p.frozen.model_dump(mode="json", exclude={"signature"}), "signed_by": p.by, "at": p.at, "entry": p.index}
            for p in package.plans
        ],
        "tests": [
            {
                "test": t.opened.test,
                "plan": t.opened.plan,
                "run_by": t.by,
                "at": t.at,
                "entry": t.index,
                "reason": t.reason,
                "outcome": t.outcome,
                "closed": None if t.closed is None else t.closed.model_dump(mode="json"),
            }
            for t in package.tests
        ],
    }
