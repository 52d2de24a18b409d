"""Qualification on records: order, three people, deviations, changes, and the state that may be used.

Protocols here are two made-up cases and the installed state is three made-up lines, so every expected value follows
by hand from what a test writes. What a real installation gives is tested in `tests/installation`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import (
    IntegrityError,
    InvalidInputError,
    NotAuthorisedError,
    NotFoundError,
    NotQualifiedError,
    OutOfSequenceError,
)
from nesqc_gmp.procedures import qualification
from nesqc_gmp.procedures.qualification import approval, runs
from nesqc_gmp.procedures.qualification.changes import ChangeRequest
from nesqc_gmp.procedures.qualification.common import load_qualified
from nesqc_gmp.procedures.qualification.reports.content import site_lines
from nesqc_gmp.procedures.qualification.reports.plan import PlanContent, read_plan
from nesqc_gmp.procedures.qualification.runs import Execution, Installed
from nesqc_gmp.records.entry import SIGNED_KINDS
from nesqc_gmp.records.qualification import (
    CaseExecuted,
    CaseVerdict,
    ChangeKind,
    Evidence,
    PlannedCase,
    PlannedStep,
    Priority,
    ProtocolContent,
    Stage,
    StateLine,
    StepResult,
)
from nesqc_gmp.state.qualification import Validation, require_qualified

ROOT = Path(__file__).parents[2]
WHY = "Because of the test"
KINDS: tuple[ChangeKind, ...] = ("software", "runtime library", "operating system or processor")
RISKS: dict[str, Priority] = {"A": "high", "B": "low"}


def state(**values: str) -> Installed:
    """An installed state of three lines, one of each as it stands or as a test changes it."""
    found = {"software": "1.0", "dependencies": "2.0", "machine": "3.0"} | values
    lines = tuple(StateLine(group=group, name=f"the {group}", value=value) for group, value in sorted(found.items()))
    text = json.dumps([[line.group, line.name, line.value] for line in lines])
    return Installed(lines, sha256_hex(text.encode()), "0" * 64)


def protocol(stage: Stage) -> ProtocolContent:
    cases = tuple(
        PlannedCase(
            case=f"{stage}-{name}", title=f"Case {name}", requirements=(), findings=(), risk=risk, prerequisites="none",
            steps=(PlannedStep(do="look", expected="seen"),),
        )
        for name, risk in RISKS.items()
    )  # fmt: skip
    return ProtocolContent(stage=stage, files=(), cases=cases)


FILES = {stage: sha256_hex(f"files of {stage}".encode()) for stage in ("IQ", "OQ", "PQ")}


class Bench:
    """The people of a qualification on one site."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def validation(self) -> Validation:
        with self.world.site.ledger.reading() as reader:
            return qualification.load_validation(reader)

    def document(self, kind: Any, subject: str | None, approve: bool = True) -> str:
        world = self.world
        content: Any = protocol(kind.split()[0]) if "protocol" in kind else self.plan()
        name = qualification.prepare(
            world.session("engineer"), kind, f"A {kind}", content, subject, world.signs("engineer")
        )
        if approve:
            self.approve(name)
        return name

    def plan(self) -> PlanContent:
        """The plan of the release; every fact that a production site must state is stated."""
        site = self.world.site
        text = (ROOT / "validation" / "plan.toml").read_text("utf-8")
        given = dict.fromkeys(tomllib.loads(text)["site"], "as the test says")
        return read_plan(text, given, site_lines(site.founded, site.ledger.origin))

    def approve(self, name: str, who: str = "qa", accept: bool = True) -> str:
        world = self.world
        return approval.approve(world.session(who), name, accept=accept, reason=WHY, ceremony=world.signs(who))

    def documents(self, *stages: Stage) -> None:
        self.document("validation plan", None)
        for stage in stages:
            self.document(f"{stage} protocol", FILES[stage])

    def case(self, run: str, stage: Stage, name: str, verdict: CaseVerdict = "passed") -> CaseExecuted:
        now = self.world.site.now()
        return CaseExecuted(
            run=run, case=f"{stage}-{name}", title=f"Case {name}", requirements=(), findings=(), risk=RISKS[name],
            prerequisites="none", verdict=verdict, reason=None, evidence=(), started=now, ended=now,
            steps=(StepResult(do="look", expected="seen", actual="something", verdict=verdict),),
        )  # fmt: skip

    def execute(
        self, stage: Stage, installed: Installed | None = None, model: str | None = None, **verdicts: CaseVerdict
    ) -> str:
        session, installed = self.world.session("engineer"), installed or state()
        with Execution(session, protocol(stage), FILES[stage], installed, model) as execution:
            for name in RISKS:
                execution.record(self.case(execution.run, stage, name, verdicts.get(name, "passed")))
        return execution.run

    def signed(self, run: str) -> None:
        world = self.world
        qualification.submit(world.session("engineer"), run, world.signs("engineer"))
        qualification.check(world.session("reviewer"), run, "Read", world.signs("reviewer"))

    def passed(self, stage: Stage, installed: Installed | None = None, model: str | None = None) -> str:
        run = self.execute(stage, installed, model)
        self.signed(run)
        assert self.approve(run) == "accepted"
        return run

    def deviation(self, run: str, case: str, accepted: bool = True) -> str:
        world = self.world
        name = qualification.deviation(world.session("engineer"), run, case, "It was not seen", "None for the use")
        qualification.assess(world.session("qa"), name, accepted=accepted, reason=WHY, ceremony=world.signs("qa"))
        return name

    def change(self, installed: Installed, *retest: Stage, kinds: tuple[ChangeKind, ...] = KINDS) -> str:
        world = self.world
        request = ChangeRequest(kinds, "An update", "None on results", retest, "As the plan says")
        return qualification.change(
            world.session("engineer"), request, installed.lines, installed.sha256, world.signs("engineer")
        )

    def usable(self, installed: Installed | None = None, model: str | None = None) -> None:
        installed = installed or state()
        with self.world.site.ledger.reading() as reader:
            validation = load_qualified(reader)
        assert validation.qualified == self.validation().qualified
        require_qualified(validation, installed.lines, installed.sha256, model, "batches analyse")


@pytest.fixture
def bench(founded: Any) -> Bench:
    return Bench(founded)


@pytest.mark.requirement("UR-QUALIFY-11", reviewed="877f13cc", negative=True)
def test_the_whole_way(bench: Bench) -> None:
    """Plan, protocols, IQ, OQ, PQ: after each step the next thing that is missing is named."""
    with pytest.raises(NotQualifiedError, match="no installed state of this site is qualified"):
        bench.usable()
    bench.documents("IQ", "OQ", "PQ")
    bench.passed("IQ")
    with pytest.raises(NotQualifiedError, match="the OQ of the installed state is not approved"):
        bench.usable()
    bench.passed("OQ")
    bench.usable()
    model = "a" * 64
    with pytest.raises(NotQualifiedError, match="performance qualification of the model is not approved"):
        bench.usable(model=model)
    bench.passed("PQ", model=model)
    bench.usable(model=model)
    with pytest.raises(NotQualifiedError):
        bench.usable(model="b" * 64)


@pytest.mark.requirement("UR-QUALIFY-08", reviewed="3bb1b10a", negative=True)
@pytest.mark.parametrize("missing", ["plan", "plan not approved", "protocol", "protocol not approved", "other files"])
def test_nothing_runs_before_its_approval(bench: Bench, missing: str) -> None:
    if missing != "plan":
        bench.document("validation plan", None, approve=missing != "plan not approved")
    if missing != "protocol":
        files = FILES["OQ"] if missing == "other files" else FILES["IQ"]
        bench.document("IQ protocol", files, approve=missing != "protocol not approved")
    with pytest.raises(OutOfSequenceError, match="approved"):
        bench.execute("IQ")
    assert not bench.validation().runs
    assert bench.world.refused()[-1] == ("v.nystrom", "qualify.iq", "OutOfSequenceError")


@pytest.mark.requirement("UR-QUALIFY-08", reviewed="3bb1b10a", negative=True)
def test_a_protocol_that_was_prepared_again_needs_its_own_approval(bench: Bench) -> None:
    bench.documents("IQ")
    bench.document("IQ protocol", FILES["OQ"])
    with pytest.raises(OutOfSequenceError, match="another IQ protocol is approved"):
        bench.execute("IQ")


def test_stages_come_in_their_order(bench: Bench) -> None:
    bench.documents("IQ", "OQ", "PQ")
    for stage in ("OQ", "PQ"):
        with pytest.raises(NotQualifiedError):
            bench.execute(stage)  # type: ignore[arg-type]
    run = bench.execute("IQ")
    with pytest.raises(NotQualifiedError, match="the IQ of the installed state is not approved"):
        bench.execute("OQ")
    bench.signed(run)
    bench.approve(run)
    with pytest.raises(NotQualifiedError):
        bench.execute("OQ", state(machine="other"))
    bench.execute("OQ")


@pytest.mark.requirement("UR-QUALIFY-09", reviewed="8207bde5", negative=True)
def test_nobody_signs_off_their_own_work(bench: Bench) -> None:
    """One person with several roles would otherwise be tester, reviewer and approver at once."""
    world = bench.world
    name = bench.document("validation plan", None, approve=False)
    with pytest.raises(NotAuthorisedError):
        approval.approve(world.session("engineer"), name, accept=True, reason=WHY, ceremony=world.signs("engineer"))
    bench.approve(name)
    bench.document("IQ protocol", FILES["IQ"])
    run = bench.execute("IQ")
    for who in ("reviewer", "qa"):
        with pytest.raises(NotAuthorisedError):
            qualification.submit(world.session(who), run, world.signs(who))
    qualification.submit(world.session("engineer"), run, world.signs("engineer"))
    for who in ("engineer", "qa"):
        with pytest.raises(NotAuthorisedError):
            qualification.check(world.session(who), run, "Read", world.signs(who))
    with pytest.raises(OutOfSequenceError, match="has to be reviewed"):
        bench.approve(run)
    qualification.check(world.session("reviewer"), run, "Read", world.signs("reviewer"))
    for who in ("engineer", "reviewer"):
        with pytest.raises(NotAuthorisedError):
            bench.approve(run, who)
    assert bench.approve(run) == "accepted"


@pytest.mark.requirement("UR-QUALIFY-09", reviewed="8207bde5", negative=True)
def test_who_reviewed_does_not_approve_in_another_role(bench: Bench) -> None:
    from nesqc_gmp.procedures import people

    world = bench.world
    people.grant(world.session("qa"), "r.ozdemir", "qa", "TR-9", None, WHY, world.signs("qa"))
    bench.documents("IQ")
    run = bench.execute("IQ")
    bench.signed(run)
    with pytest.raises(NotAuthorisedError, match="nobody approves their own work"):
        bench.approve(run, "reviewer")


@pytest.mark.requirement("UR-QUALIFY-07", reviewed="8560a719", negative=True)
@pytest.mark.parametrize("verdict", ["failed", "not executed"])
def test_a_case_of_high_risk_that_did_not_pass_is_never_accepted(bench: Bench, verdict: CaseVerdict) -> None:
    bench.documents("IQ")
    run = bench.execute("IQ", A=verdict)
    bench.deviation(run, "IQ-A")
    bench.signed(run)
    with pytest.raises(OutOfSequenceError, match=f"IQ-A {verdict}, and its risk is high"):
        bench.approve(run)
    assert bench.approve(run, accept=False) == "not accepted"
    with pytest.raises(NotQualifiedError):
        bench.usable()


@pytest.mark.requirement("UR-QUALIFY-07", reviewed="8560a719", negative=True)
@pytest.mark.parametrize("verdict", ["failed", "not executed"])
def test_what_did_not_pass_needs_an_accepted_deviation(bench: Bench, verdict: CaseVerdict) -> None:
    world = bench.world
    bench.documents("IQ")
    run = bench.execute("IQ", B=verdict)
    with pytest.raises(OutOfSequenceError, match=f"IQ-B {verdict} and has no deviation"):
        qualification.submit(world.session("engineer"), run, world.signs("engineer"))
    with pytest.raises(InvalidInputError, match="no execution of this case waits"):
        qualification.deviation(world.session("engineer"), run, "IQ-A", "Nothing", "Nothing")
    name = qualification.deviation(world.session("engineer"), run, "IQ-B", "It was not seen", "None")
    with pytest.raises(InvalidInputError):
        qualification.deviation(world.session("engineer"), run, "IQ-B", "Once more", "None")
    bench.signed(run)
    with pytest.raises(OutOfSequenceError, match=f"deviation {name} is not assessed"):
        bench.approve(run)
    qualification.assess(world.session("qa"), name, accepted=True, reason=WHY, ceremony=world.signs("qa"))
    assert bench.approve(run) == "accepted with deviations"
    with pytest.raises(OutOfSequenceError):
        qualification.assess(world.session("qa"), name, accepted=False, reason=WHY, ceremony=world.signs("qa"))


@pytest.mark.requirement("UR-QUALIFY-07", reviewed="8560a719", negative=True)
def test_a_deviation_that_is_not_accepted_stands_against_the_run(bench: Bench) -> None:
    bench.documents("IQ")
    run = bench.execute("IQ", B="failed")
    name = bench.deviation(run, "IQ-B", accepted=False)
    bench.signed(run)
    with pytest.raises(OutOfSequenceError, match=f"deviation {name} is not accepted"):
        bench.approve(run)


@pytest.mark.requirement("UR-QUALIFY-05", reviewed="3b653dc1", negative=True)
def test_a_case_without_a_result_is_not_passed(bench: Bench) -> None:
    bench.documents("IQ")
    with Execution(bench.world.session("engineer"), protocol("IQ"), FILES["IQ"], state()) as execution:
        execution.record(bench.case(execution.run, "IQ", "A"))
    closed = bench.validation().run(execution.run).closed
    assert closed is not None
    assert (closed.passed, closed.failed, closed.not_executed) == (1, 0, 1)
    bench.signed(execution.run)
    with pytest.raises(OutOfSequenceError, match="1 of 2 cases have no result"):
        bench.approve(execution.run)


def test_what_is_added_unsigns_a_run(bench: Bench) -> None:
    world = bench.world
    bench.documents("IQ")
    run = bench.execute("IQ", B="failed", A="failed")
    for case in ("IQ-A", "IQ-B"):
        qualification.deviation(world.session("engineer"), run, case, "It was not seen", "None")
    bench.signed(run)
    with world.session("engineer").acting("qualify.iq", runs.subject(run)) as act:
        act.append(runs.subject(run), bench.case(run, "IQ", "B", "failed"))
    assert bench.validation().run(run).standing == "closed"
    with pytest.raises(OutOfSequenceError):
        bench.approve(run)
    assert [case.case for case in bench.validation().run(run).without_deviation()] == ["IQ-B"]


def _stopped(bench: Bench, stop: type[BaseException]) -> None:
    with Execution(bench.world.session("engineer"), protocol("IQ"), FILES["IQ"], state()) as execution:
        execution.record(bench.case(execution.run, "IQ", "A"))
        raise stop


@pytest.mark.requirement("UR-QUALIFY-05", reviewed="3b653dc1", negative=True)
@pytest.mark.parametrize(("stop", "ending"), [(KeyboardInterrupt, "aborted"), (RuntimeError, "failed")])
def test_a_stopped_run_stays_with_what_it_recorded(bench: Bench, stop: type[BaseException], ending: str) -> None:
    bench.documents("IQ")
    with pytest.raises(stop):
        _stopped(bench, stop)
    run = bench.validation().run("IQ-0001")
    assert run.closed is not None
    assert (run.closed.ending, len(run.cases)) == (ending, 1)
    bench.signed("IQ-0001")
    with pytest.raises(OutOfSequenceError, match="the run was not completed"):
        bench.approve("IQ-0001")
    assert bench.execute("IQ") == "IQ-0002"
    assert list(bench.validation().runs) == ["IQ-0001", "IQ-0002"]


@pytest.mark.requirement("UR-QUALIFY-05", reviewed="3b653dc1", negative=True)
def test_a_run_whose_process_died_is_closed_with_an_incident(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.documents("IQ")
    monkeypatch.setattr(runs, "this_process", lambda: "another boot/1/1")
    execution = Execution(bench.world.session("engineer"), protocol("IQ"), FILES["IQ"], state())
    monkeypatch.undo()
    assert bench.execute("IQ") == "IQ-0002"
    first = bench.validation().run("IQ-0001")
    assert first.closed is not None
    assert first.closed.ending == "aborted"
    (incident,) = bench.world.entries("incident_opened")
    assert incident.record.batch == execution.run == "IQ-0001"
    with pytest.raises(OutOfSequenceError, match="closed meanwhile"):
        execution.record(bench.case("IQ-0001", "IQ", "B"))


def test_a_later_run_that_is_not_accepted_takes_the_qualification_away(bench: Bench) -> None:
    bench.documents("IQ", "OQ")
    bench.passed("IQ")
    bench.passed("OQ")
    bench.usable()
    run = bench.execute("OQ", A="failed")
    bench.usable()
    bench.deviation(run, "OQ-A")
    bench.signed(run)
    bench.approve(run, accept=False)
    with pytest.raises(NotQualifiedError, match="the OQ of the installed state is not approved"):
        bench.usable()


@pytest.mark.requirement("UR-QUALIFY-11", reviewed="877f13cc", negative=True)
def test_every_changed_line_is_named(bench: Bench) -> None:
    bench.documents("IQ", "OQ")
    bench.passed("IQ")
    bench.passed("OQ")
    with pytest.raises(NotQualifiedError) as refusal:
        bench.usable(state(machine="3.1"))
    assert "machine, the machine: 3.0 -> 3.1" in str(refusal.value)
    assert "software" not in str(refusal.value)
    assert refusal.value.exit_code == 15


@pytest.mark.requirement("UR-QUALIFY-12", reviewed="23f55856")
@pytest.mark.parametrize("retest", [("IQ",), ("IQ", "OQ"), ("IQ", "PQ")])
def test_a_change_carries_over_what_is_not_tested_again(bench: Bench, retest: tuple[Stage, ...]) -> None:
    bench.documents("IQ", "OQ", "PQ")
    model = "a" * 64
    for stage in ("IQ", "OQ"):
        bench.passed(stage)  # type: ignore[arg-type]
    bench.passed("PQ", model=model)
    after = state(machine="3.1")
    name = bench.change(after, *retest)
    with pytest.raises(NotQualifiedError):
        bench.usable(after)
    bench.approve(name)
    for stage in retest:
        with pytest.raises(NotQualifiedError, match=f"the {stage} of|performance qualification"):
            bench.usable(after, model)
        bench.passed(stage, after, model if stage == "PQ" else None)
    bench.usable(after, model)
    with pytest.raises(NotQualifiedError):
        bench.usable(state())


@pytest.mark.requirement("UR-QUALIFY-12", reviewed="23f55856", negative=True)
@pytest.mark.parametrize(
    ("group", "kind", "least"),
    [
        ("software", "software", ("IQ", "OQ")),
        ("dependencies", "runtime library", ("IQ", "OQ")),
        ("machine", "operating system or processor", ("IQ",)),
    ],
)
def test_a_change_is_never_called_or_tested_less_than_its_lines_ask_for(
    bench: Bench, group: str, kind: Any, least: tuple[Stage, ...]
) -> None:
    """The table of SOP-10, 5.7, written down here a second time."""
    bench.documents("IQ")
    bench.passed("IQ")
    after = state(**{group: "other"})
    with pytest.raises(InvalidInputError, match=f"a change of the kind {kind}"):
        bench.change(after, "IQ", "OQ", "PQ", kinds=("procedure",))
    for stage in least:
        with pytest.raises(InvalidInputError, match="are done again"):
            bench.change(after, *(each for each in least if each != stage), kinds=(kind,))
    bench.change(after, *least, kinds=(kind,))


@pytest.mark.requirement("UR-QUALIFY-04", reviewed="ac49f216", negative=True)
def test_evidence_that_is_not_what_the_case_names_is_not_recorded(bench: Bench) -> None:
    bench.documents("IQ")
    named = Evidence(name="transcript.txt", sha256=sha256_hex(b"what was seen"))
    with pytest.raises(IntegrityError, match="a file of evidence was changed"):
        _with_evidence(bench, named, b"something else")
    run = bench.validation().run("IQ-0001")
    assert run.closed is not None
    assert (run.closed.ending, run.cases) == ("failed", ())


def _with_evidence(bench: Bench, named: Evidence, data: bytes) -> None:
    with Execution(bench.world.session("engineer"), protocol("IQ"), FILES["IQ"], state()) as execution:
        case = bench.case(execution.run, "IQ", "A").model_copy(update={"evidence": (named,)})
        execution.record(case, [data])


@pytest.mark.requirement("UR-QUALIFY-12", reviewed="23f55856", negative=True)
def test_nobody_approves_their_own_change_and_none_twice(bench: Bench) -> None:
    bench.documents("IQ")
    with pytest.raises(OutOfSequenceError, match="no state of this site is qualified"):
        bench.change(state(machine="3.1"), "IQ")
    bench.passed("IQ")
    first, second = bench.change(state(machine="3.1"), "IQ"), bench.change(state(machine="3.2"), "IQ")
    for who in ("engineer", "reviewer"):
        with pytest.raises(NotAuthorisedError):
            bench.approve(first, who)
    bench.approve(first)
    with pytest.raises(OutOfSequenceError, match="approved already"):
        bench.approve(first)
    with pytest.raises(OutOfSequenceError, match="another state was qualified"):
        bench.approve(second)


def test_numbers_that_name_nothing(bench: Bench) -> None:
    world = bench.world
    acts: list[Callable[[], Any]] = [
        lambda: bench.approve("OQ-0007"),
        lambda: qualification.submit(world.session("engineer"), "OQ-0007", world.signs("engineer")),
        lambda: qualification.check(world.session("reviewer"), "OQ-0007", "Read", world.signs("reviewer")),
        lambda: qualification.deviation(world.session("engineer"), "OQ-0007", "OQ-A", "x", "y"),
        lambda: bench.deviation("OQ-0007", "OQ-A"),
    ]
    for act in acts:
        with pytest.raises(NotFoundError, match="there is no such"):
            act()


@pytest.mark.requirement("UR-QUALIFY-09", reviewed="8207bde5")
def test_signatures_of_a_qualification_hold_and_the_log_is_whole(bench: Bench) -> None:
    from nesqc_gmp.esign import check_signatures

    bench.documents("IQ")
    run = bench.execute("IQ", B="failed")
    bench.deviation(run, "IQ-B")
    bench.signed(run)
    bench.approve(run)
    with bench.world.site.ledger.reading() as reader:
        assert list(check_signatures(reader)) == []
        signed = [entry.kind for entry in reader.entries("qualification", run) if entry.kind in SIGNED_KINDS]
    assert signed == [
        "deviation_assessed",
        "qualification_submitted",
        "qualification_reviewed",
        "qualification_approved",
    ]


def test_the_shown_statement_says_what_was_found(bench: Bench) -> None:
    bench.documents("IQ")
    run = bench.execute("IQ", B="not executed")
    name = bench.deviation(run, "IQ-B")
    bench.signed(run)
    bench.approve(run)
    shown = bench.world.shown
    assert "2 cases: 1 passed, 0 failed, 1 not executed" in shown
    assert "IQ-B not executed: Case B" in shown
    assert f"Deviation {name} of IQ-B: accepted" in shown
    assert "Conclusion: accepted with deviations" in shown


def test_the_same_state_in_another_order_is_another_digest_only_where_a_line_differs() -> None:
    first = state()
    assert first.sha256 == state().sha256 != state(machine="x").sha256
    assert replace(first) == first
