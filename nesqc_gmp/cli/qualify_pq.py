"""``nesqc qualify pq``: case after case, by questions at a terminal or by options, over as many days as needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nesqc_gmp.cli.options import JsonOption, SiteOption, ValidationOption
from nesqc_gmp.cli.run import logged_in

if TYPE_CHECKING:
    from nesqc_gmp.procedures.qualification.performance import Given, PerformanceRun
    from nesqc_gmp.procedures.session import Session
    from nesqc_gmp.records.performance import PerformanceCase
    from nesqc_gmp.records.qualification import CaseExecuted
    from nesqc_gmp.state.qualification import Run


def pq(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="name:version, the digest, or its first digits (at least 8).")
    ],
    case: Annotated[
        str | None,
        typer.Option("--case", metavar="CASE", help="Execute this case; no questions.", show_default=False),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            "--value", metavar="NAME=TEXT", help="What you state for it; can be given again.", show_default=False
        ),
    ] = None,
    evidence: Annotated[
        list[Path] | None,
        typer.Option(
            "--evidence",
            metavar="FILE",
            help="File to keep; where a table is wanted, it is the first.",
            show_default=False,
        ),
    ] = None,
    close: Annotated[bool, typer.Option("--close", help="Close the run, of which every case has a result.")] = False,
    stop: Annotated[
        str | None, typer.Option("--stop", metavar="REASON", help="End the open run as aborted.", show_default=False)
    ] = None,
    site: SiteOption = None,
    validation: ValidationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Execute the performance qualification of a model.

    It opens a run of the approved PQ protocol, or goes on with yours that is open. Without --case it asks at the
    terminal for what the next case needs. Each result is recorded at once, whatever it is; you may stop after any case
    and go on days later. A case can be executed again, and every execution stays. A run is closed once every case has
    a result and no role or reference is missing; then come `submit`, `check` and `approve`.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures.qualification import performance

    _require_one_wish(case, value, evidence, close=close, stop=stop)
    with logged_in(site) as session:
        if stop is not None:
            _say_closed(performance.stop(session, name, stop))
            return
        begun = _begin(session, name, validation)
        if case is not None:
            done = performance.execute(session, begun, case, performance.read_given(value or (), evidence or ()))
            if as_json:
                show.print_json(done.model_dump(mode="json"))
            else:
                _print_result(done)
        elif close:
            _say_closed(performance.close(session, begun))
        else:
            _guide(session, begun)


def _require_one_wish(
    case: str | None, value: list[str] | None, evidence: list[Path] | None, *, close: bool, stop: str | None
) -> None:
    """Options that belong to a case come with it, and only one thing is done at a time.

    Raises:
        InvalidInputError: They do not.
    """
    from nesqc_gmp.errors import InvalidInputError

    wishes = [option for option, wanted in (("--case", case), ("--close", close), ("--stop", stop)) if wanted]
    if len(wishes) > 1:
        raise InvalidInputError(
            f"{' and '.join(wishes)} are two things", where=wishes[1], remedy="Do one after the other."
        )
    if (value or evidence) and case is None:
        raise InvalidInputError(
            "--value and --evidence belong to one case",
            where="--case",
            remedy="Name the case, or be asked for both.",
        )


def _begin(session: Session, name: str, validation: Path | None) -> PerformanceRun:
    from nesqc_gmp.cli import terminal
    from nesqc_gmp.config import find_validation
    from nesqc_gmp.procedures.qualification import enforcement, performance

    protocol = performance.read_protocol(find_validation(validation))
    opening = performance.find_open(session, name) is None
    if opening:
        terminal.tell("A run is opened. Every installed file is read first; this may take a minute.")
    # Every file was hashed when the run was opened; from then on, as before each analysis, what has changed since.
    installed = enforcement.installed_for(session, "qualify.pq", anew=opening)
    return performance.begin(session, name, protocol, installed)


def _guide(session: Session, begun: PerformanceRun) -> None:
    """Ask for one case after the other, until all have a result or the tester leaves."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures.qualification import performance

    terminal.require_terminal()
    _print_run(begun)
    while (case := begun.next_case) is not None:
        _print_case(case)
        if terminal.ask_choice(f"Execute {case.id} now?", ("yes", "no")) == "no":
            show.say(f"{begun.run.number} stays open. Go on with the same command.")
            return
        _print_result(_execute_asked(session, begun, case))
        begun = performance.refreshed(session, begun)
    _print_run(begun)
    if terminal.ask_choice("Every case has a result. Close the run?", ("yes", "no")) == "yes":
        _say_closed(performance.close(session, begun))


def _execute_asked(session: Session, begun: PerformanceRun, case: PerformanceCase) -> CaseExecuted:
    """Ask, execute; what was wrong is asked again, since nothing of it was recorded."""
    from nesqc_gmp.cli import terminal
    from nesqc_gmp.errors import InvalidInputError
    from nesqc_gmp.procedures.qualification import performance

    while True:
        try:
            return performance.execute(session, begun, case.id, _asked(case))
        except InvalidInputError as error:
            terminal.tell(f"Not recorded: {error}")


def _asked(case: PerformanceCase) -> Given:
    from nesqc_gmp.cli import terminal
    from nesqc_gmp.procedures.qualification import performance

    questions, files = performance.questions(case), []
    if questions and not any(one.choices for one in questions):
        terminal.tell("Where the site has nothing to state, type none: the step is then not executed.")
    values = [
        f"{one.name}={terminal.ask_choice(one.text, one.choices) if one.choices else terminal.ask(one.text)}"
        for one in questions
    ]
    if wanted := performance.table_wanted(case):
        files.append(Path(terminal.ask(f"{wanted}. File")))
    return performance.read_given(values, files)


def _print_run(begun: PerformanceRun) -> None:
    from nesqc_gmp.cli import show

    run = begun.run
    show.print_facts(
        [
            ("run", f"{run.number}, opened {run.by.at[:10]} by {run.by.name}"),
            ("model", f"{begun.model.label}, digest {begun.model.model_sha256}"),
            ("protocol", f"{run.opened.protocol}, files {run.opened.protocol_sha256}"),
        ]
    )
    results = run.last
    times = [sum(done.case == case.id for done in run.cases) for case in begun.protocol.cases]
    rows = [
        (case.id, case.title, results[case.id].verdict if case.id in results else "", count)
        for case, count in zip(begun.protocol.cases, times, strict=True)
    ]
    show.print_title("Cases")
    show.print_table(("Case", "Title", "Last result", "#Executed"), rows, "")


def _print_case(case: PerformanceCase) -> None:
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures.qualification import performance

    show.print_title(f"{case.id}: {case.title}")
    show.say(case.prerequisites)
    steps = [(step.do, step.expected) for step in performance.planned_steps(case)]
    show.print_table(("Do", "Expected"), steps, "")


def _print_result(done: CaseExecuted) -> None:
    from nesqc_gmp.cli import show

    show.print_table(
        ("#Step", "Found", "Verdict"), [(n, step.actual, step.verdict) for n, step in enumerate(done.steps, 1)], ""
    )
    for evidence in done.evidence:
        show.say(f"kept {evidence.name}, SHA-256 {evidence.sha256}")
    show.say(f"{done.case} is recorded in {done.run}: {done.verdict}.")


def _say_closed(run: Run) -> None:
    from nesqc_gmp.cli import show

    closed = run.closed
    if closed is None:
        return
    counts = f"{closed.passed} passed, {closed.failed} failed, {closed.not_executed} not executed"
    show.say(f"{run.number} is {closed.ending}: {counts}.")
    if closed.ending == "completed":
        for each in run.without_deviation():
            command = f"nesqc qualify deviation {run.number} {each.case}"
            show.say(f"{each.case} {each.verdict} and needs a deviation: `{command}`.")
        show.say(f"Next: `nesqc qualify submit {run.number}`.")
