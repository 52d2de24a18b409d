"""The qualification of a demonstration site, played by its people: plan, protocols, IQ, OQ, signed reports.

Every act is the real one; only passphrases are known to everybody and signatures are given by the script.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nesqc_gmp.config import SitePaths
from nesqc_gmp.demonstration.people import ENGINEER, QA, REVIEWER, Turns, signs
from nesqc_gmp.demonstration.script import find_model
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.procedures import qualification
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.qualification import load_validation
from nesqc_gmp.procedures.qualification.approval import approve
from nesqc_gmp.procedures.qualification.installing import run_installation
from nesqc_gmp.procedures.qualification.views import write_report
from nesqc_gmp.qualification.operational import run_operational
from nesqc_gmp.qualification.oq.results import CaseResult
from nesqc_gmp.qualification.prepared import Source, plan_questions, prepare
from nesqc_gmp.state.qualification import Run

Say = Callable[[str, str], None]
"""Called with the person's name (or an empty text) and one sentence."""

Tick = Callable[[str, int, int], None]
"""Called on long work with its name, steps done and steps in all."""

_APPROVED: Final = "Read and complete, for the demonstration"
_SEEN: Final = "Cases, evidence and deviations were looked at"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the qualification left.

    Attributes:
        runs: Number and conclusion of each run.
        reports: The files that were written.
    """

    runs: tuple[tuple[str, str], ...]
    reports: tuple[Path, ...]


def rehearse(paths: SitePaths, validation: Path, out: Path, say: Say, tick: Tick) -> Rehearsal:
    """Qualify a demonstration site.

    Args:
        paths: The site.
        validation: Folder ``validation`` of the release.
        out: A new folder for the reports and for the sites of the operational qualification.
        say: Tells each step.
        tick: Tells progress.

    Raises:
        InvalidInputError: The site is not for demonstration.
    """
    with Site(paths) as site:
        if site.founded.purpose != "demonstration":
            raise InvalidInputError("only a demonstration is played", where=str(paths.folder))
        turns = Turns(site, paths.folder.parent / "sessions")
        source = Source(validation, _facts(validation))
        documents = [_document(turns, what, source, say) for what in ("plan", "iq", "oq")]
        engineer = turns.of(ENGINEER)
        run = run_installation(engineer, validation, lambda done, total: tick("installation", done, total))
        runs = [_conclude(turns, run, say)]

        def shown(done: int, total: int, _: CaseResult) -> None:
            tick("operational qualification", done, total)

        if runs[0][1] != "not accepted":
            run = run_operational(turns.of(ENGINEER), validation, out / "oq", find_model(), shown)
            runs.append(_conclude(turns, run, say))
        reader = turns.of(QA)
        reports = [path for name in (*documents, *(run for run, _ in runs)) for path in write_report(reader, name, out)]
    return Rehearsal(tuple(runs), tuple(reports))


def _facts(validation: Path) -> dict[str, str]:
    """What the demonstration says of itself: honestly that it has nothing of the kind."""
    return dict.fromkeys(plan_questions(validation), "none: this is a demonstration")


def _document(turns: Turns, what: str, source: Source, say: Say) -> str:
    name = prepare(turns.of(ENGINEER), what, source, signs(ENGINEER))
    approve(turns.of(QA), name, accept=True, reason=_APPROVED, ceremony=signs(QA))
    say(ENGINEER.name, f"prepares {name}; QA approves it. Both sign.")
    return name


def _conclude(turns: Turns, name: str, say: Say) -> tuple[str, str]:
    """Deviations for what did not pass, then the three signatures."""
    run = _run(turns, name)
    for case in run.not_passed:
        what = f"{case.verdict}: {_first(case.reason)}"[:400]
        engineer = turns.of(ENGINEER)
        number = qualification.deviation(engineer, name, case.case, what, "Demonstration: not assessed in earnest")
        reason = "Demonstration: nobody looks for the cause, so it is not accepted"
        qualification.assess(turns.of(QA), number, accepted=False, reason=reason, ceremony=signs(QA))
    counts = f"{len(run.last) - len(run.not_passed)} of {run.opened.cases} cases passed"
    say(ENGINEER.name, f"executes {name}: {counts}.")
    qualification.submit(turns.of(ENGINEER), name, signs(ENGINEER))
    qualification.check(turns.of(REVIEWER), name, _SEEN, signs(REVIEWER))
    accept = not _run(turns, name).outstanding()
    conclusion = approve(turns.of(QA), name, accept=accept, reason=_APPROVED, ceremony=signs(QA))
    say(QA.name, f"concludes on {name} after the review, signed: {conclusion}.")
    return name, conclusion


def _run(turns: Turns, name: str) -> Run:
    with turns.of(QA).viewing("qualify.status") as reader:
        return load_validation(reader).run(name)


def _first(reason: str | None) -> str:
    return (reason or "a step was not as expected").split("\n")[0]
