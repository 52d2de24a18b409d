"""``nesqc qualify iq`` and ``nesqc qualify oq``: the runs that the software executes itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nesqc_gmp.cli.options import JsonOption, SiteOption, ValidationOption
from nesqc_gmp.cli.run import logged_in

if TYPE_CHECKING:
    from nesqc_gmp.procedures.session import Session
    from nesqc_gmp.qualification.oq.results import CaseResult
    from nesqc_gmp.state.qualification import Run


def iq(
    site: SiteOption = None,
    validation: ValidationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what is installed with the signed release manifest.

    Line by line, and recorded.
    Files, dependencies, interpreter, processor, time zone data, fonts, database with its guards, permissions, clock,
    backup and models. Ends with exit code 0 also where a case failed: the run is recorded, and the tester submits it.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.config import find_validation
    from nesqc_gmp.procedures.qualification.installing import run_installation

    folder = find_validation(validation)
    with logged_in(site) as session:
        with show.progress("cases") as bar:
            number = run_installation(session, folder, bar.at)
        _print_run(session, number, as_json)


def oq(
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="A new folder for the qualification sites and transcripts."),
    ],
    site: SiteOption = None,
    validation: ValidationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Execute the operational qualification.

    The installed tool runs every case of the protocol, and each is recorded.

    It works on sites that it makes in a folder of its own and touches no other site; only the results go into the log
    of this one. After the cases it puts seeded faults into copies of the tool, each of which has to make its case fail.
    Takes a few minutes. Ctrl-C ends it; what ran stays recorded, and the rest is not executed.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.config import find_validation
    from nesqc_gmp.demonstration.script import find_model
    from nesqc_gmp.qualification.operational import run_operational

    folder, model = find_validation(validation), find_model()
    with logged_in(site) as session:
        with show.progress("cases") as bar:

            def shown(done: int, total: int, result: CaseResult) -> None:
                if result.verdict != "passed":
                    show.say(f"{result.case}  {result.verdict}: {result.title}. {result.reason or ''}".rstrip())
                bar.at(done, total)

            number = run_operational(session, folder, out, model, shown)
        _print_run(session, number, as_json)


def _print_run(session: Session, number: str, as_json: bool) -> None:
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures.qualification import load_validation

    with session.viewing("qualify.status") as reader:
        run = load_validation(reader).run(number)
    if as_json:
        show.print_json(
            {"run": number, "cases": [case.model_dump(mode="json") for case in run.cases],
             "closed": run.closed.model_dump(mode="json") if run.closed else None}
        )  # fmt: skip
        return
    _print_cases(run)


def _print_cases(run: Run) -> None:
    from nesqc_gmp.cli import show

    rows = [(case.case, case.title, len(case.steps), case.verdict) for case in sorted(run.cases, key=lambda c: c.case)]
    show.print_table(("Case", "What", "#Steps", "Verdict"), rows, "no case")
    for case in run.not_passed:
        show.print_title(f"{case.case} {case.verdict}")
        for step in case.steps:
            if step.verdict != "passed":
                show.say(f"  {step.do}")
                show.say(f"    expected: {step.expected}")
                show.say(f"    seen: {step.actual}")
    closed = run.closed
    if closed is not None:
        counts = f"{closed.passed} passed, {closed.failed} failed, {closed.not_executed} not executed"
        show.say(f"{run.number} {closed.ending}: {counts}.")
    if run.not_passed:
        show.say("Each case that did not pass needs a deviation: see `nesqc qualify deviation --help`.")
    show.say(f"Then the tester signs: `nesqc qualify submit {run.number}`.")
