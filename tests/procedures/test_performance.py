"""The performance qualification of a model, and everything on which it must not pass.

Twelve cultures of two fields, all right by the model; reader anna errs on one of them and bo on two others. So every
figure follows by hand, and the bounds by the quantiles of the beta distribution (Clopper and Pearson).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import beta
from sklearn.metrics import cohen_kappa_score

from nesqc_gmp.errors import (
    IntegrityError,
    InvalidInputError,
    NotAuthorisedError,
    NotFoundError,
    NotQualifiedError,
    OutOfSequenceError,
)
from nesqc_gmp.procedures import models, people
from nesqc_gmp.procedures.qualification import performance
from nesqc_gmp.procedures.qualification.performance import Given
from nesqc_gmp.procedures.qualification.performance.execution import executed
from nesqc_gmp.procedures.qualification.performance.material import load
from tests.conftest import World
from tests.procedures import model_tests as packages
from tests.procedures import performance as small
from tests.procedures.performance import MODEL, Bench, given_for, other_test
from tests.procedures.test_qualification import state


@pytest.fixture(scope="session")
def performance_origin(founded_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A site on which the first case can be executed; never altered."""
    world = founded_origin.copy(tmp_path_factory.mktemp("performance"))
    small.prepare(world)
    world.close()
    return world


@pytest.fixture
def bench(performance_origin: World, tmp_path: Path) -> Any:
    world = performance_origin.copy(tmp_path / "site-copy")
    yield Bench(world)
    world.close()


def lower(right: int, total: int) -> str:
    return f"{beta.ppf(0.025, right, total - right + 1):.6f}"


def upper(wrong: int, total: int) -> str:
    return f"{beta.ppf(0.975, wrong + 1, total - wrong):.6f}"


def verdicts(done: Any) -> list[str]:
    return [step.verdict for step in done.steps]


# --- the way ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("UR-QUALIFY-10", reviewed="fdc3386b")
def test_the_whole_way(bench: Bench) -> None:
    done = bench.all()
    assert {case: each.verdict for case, each in done.items()} == dict.fromkeys(done, "passed")
    run = bench.close()
    assert (run.closed.ending, run.closed.passed, run.closed.failed, run.closed.not_executed) == ("completed", 8, 0, 0)
    bench.signed(run.number)
    assert bench.approve(run.number) == "accepted"
    (model,) = models.models(bench.world.session("qa")).values()
    bench.usable(model=model.model_sha256)
    with pytest.raises(NotQualifiedError):
        bench.usable(model="b" * 64)


def test_a_run_goes_on_after_days_in_another_process(bench: Bench) -> None:
    first = bench.begin()
    assert first.next_case is not None
    assert first.next_case.id == "PQ-101"
    bench.do("PQ-101")
    bench.world.close()
    bench.world.clock.move(hours=9)
    again = bench.begin()
    assert again.run.number == first.run.number
    assert again.run.closed is None
    assert again.next_case is not None
    assert again.next_case.id == "PQ-102"
    assert len(bench.world.entries("qualification_opened")) == 3


@pytest.mark.requirement("UR-TEST-SETS-02", reviewed="0205f6eb")
def test_no_case_scores_an_image(bench: Bench) -> None:
    scored = len(bench.world.entries("image_tested"))
    bench.all()
    assert len(bench.world.entries("image_tested")) == scored
    assert not bench.world.entries("image_scored")
    opened = [e for e in bench.world.entries("test_set_read") if e.record.purpose == "performance qualification"]
    assert len(opened) == 3
    assert {entry.actor.person for entry in opened} == {"v.nystrom"}


# --- figures ----------------------------------------------------------------------------------------------------------


def test_the_reader_study_by_hand_and_scikit_learn(bench: Bench) -> None:
    done = bench.do("PQ-202")
    labels = [number % 2 == 0 for number in range(12)]
    anna = [label != (number == 0) for number, label in enumerate(labels)]
    bo = [label != (number in {1, 2}) for number, label in enumerate(labels)]
    figures = bench.figures(done)
    (pair,) = figures["pairs"]
    assert pair["kappa"]["estimate"] == f"{cohen_kappa_score(anna, bo):.6f}"
    assert pair["raw agreement"]["low"] == lower(9, 12)
    assert pair["adjusted for prevalence"] == "0.500000"
    first, second = figures["readers"]
    assert first["with the label"]["kappa"]["estimate"] == f"{cohen_kappa_score(anna, labels):.6f}"
    assert (first["missed"], first["not recognised"]) == (0, 1)
    assert (second["missed"], second["not recognised"]) == (1, 1)
    assert second["share of wrong readings"]["high"] == upper(2, 12)
    assert "anna, bo also made the label" in done.steps[0].actual


def test_repeated_images_by_hand(bench: Bench) -> None:
    done = bench.do("PQ-204")
    figures = bench.figures(done)
    scores: dict[str, list[float]] = {}
    for entry in bench.world.entries("image_tested"):
        scores.setdefault(entry.record.image[:3], []).append(float(entry.record.prediction.score))
    # Of two images under two conditions each: half the squared difference, averaged over the cultures.
    variance = sum((a - b) ** 2 / 2 for a, b in scores.values()) / len(scores)
    together = figures["all factors together"]
    assert together["standard deviation within a culture"]["estimate"] == f"{variance**0.5:.6f}"
    assert together["share with one outcome"]["low"] == lower(12, 12)
    assert together["variance between conditions"] is None


def test_concordance_by_hand(bench: Bench) -> None:
    table = other_test(T00="not conforming", T01="undecided")
    done = bench.do("PQ-205", Given(files=(("flow.csv", table),)))
    bad, good = bench.figures(done)["agreement"]
    # Other test: not conforming 5 odd cultures and T00, which the model calls conforming; T01 counts against both.
    assert (bad["cultures"], bad["model the same"], bad["model the opposite"]) == (6, 5, 1)
    assert (good["cultures"], good["model the same"], good["other test undecided"]) == (5, 5, 1)
    assert (bad["share"]["low"], good["share"]["low"]) == (lower(5, 7), lower(5, 6))
    assert done.verdict == "failed"
    assert done.evidence[0].name == "flow.csv"
    assert bench.world.site.objects.read(done.evidence[0].sha256) == table


def test_the_acceptance_is_that_of_the_record(bench: Bench) -> None:
    done = bench.do("PQ-203")
    assert verdicts(done) == ["passed"] * 4
    assert f"sensitivity 1.000000 ({lower(6, 6)} to 1.000000), limit 0.50" in done.steps[1].actual
    assert "Siv Moberg" in done.steps[3].actual


# --- what is not there is not passed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "values", "verdict", "said"),
    [
        ("PQ-101", {"operator SOP": ""}, "not executed", "Not stated: SOP"),
        ("PQ-101", {"operator person": ""}, "not executed", "Not stated: person"),
        ("PQ-101", {"operator SOP": "none"}, "not executed", "is no reference"),
        ("PQ-101", {"qa training": "not needed"}, "not executed", "is no reference"),
        ("PQ-101", {"operator person": "nobody"}, "failed", "nobody has this id"),
        ("PQ-101", {"operator person": "r.ozdemir"}, "failed", "does not hold the role"),
        ("PQ-101", {"operator training": "TR-2"}, "failed", "granted under the training record TR-1"),
        ("PQ-102", {"imaging SOP": ""}, "not executed", "nothing was stated"),
        ("PQ-102", {"imaging version": "n/a"}, "not executed", "is none"),
        ("PQ-901", {"conclusion": ""}, "not executed", "No conclusion was stated"),
        ("PQ-901", {"conclusion": "none"}, "not executed", "No conclusion was stated: 'none'"),
        ("PQ-901", {"acceptable": ""}, "not executed", "No conclusion was stated"),
        ("PQ-901", {"acceptable": "no"}, "failed", "Not acceptable"),
    ],
)
def test_what_a_person_does_not_state_is_not_passed(
    bench: Bench, case: str, values: dict[str, str], verdict: str, said: str
) -> None:
    done = bench.do(case, given_for(case, **values))
    assert done.verdict == verdict
    assert said in " ".join(step.actual for step in done.steps if step.verdict == verdict)
    assert done.reason


@pytest.mark.requirement("UR-QUALIFY-10", reviewed="fdc3386b", negative=True)
def test_a_role_that_nobody_holds_any_more(bench: Bench) -> None:
    world = bench.world
    people.revoke(world.session("qa"), "o.brannstrom", "operator", "Has left the team")
    done = bench.do("PQ-101")
    assert done.steps[0].verdict == "failed"
    assert done.steps[0].actual == "No active person holds the role today"


@pytest.mark.requirement("UR-QUALIFY-10", reviewed="fdc3386b", negative=True)
@pytest.mark.requirement("UR-QUALIFY-05", reviewed="3b653dc1", negative=True)
def test_a_missing_reference_blocks_the_end_whatever_else_passed(bench: Bench) -> None:
    bench.all()
    bench.do("PQ-102", given_for("PQ-102", **{"imaging SOP": ""}))
    bench.do("PQ-901")
    with pytest.raises(OutOfSequenceError, match="PQ-102 not executed: The number of the procedure is missing"):
        bench.close()
    # The failed execution stays, and the case can be executed again.
    bench.do("PQ-102")
    bench.do("PQ-901")
    run = bench.close()
    assert [case.verdict for case in run.cases if case.case == "PQ-102"] == ["passed", "not executed", "passed"]
    assert run.outstanding() == ("PQ-102 not executed, without a deviation",)


@pytest.mark.requirement("UR-QUALIFY-10", reviewed="fdc3386b", negative=True)
def test_nothing_closes_before_every_case_has_a_result(bench: Bench) -> None:
    bench.do("PQ-101")
    with pytest.raises(OutOfSequenceError, match="PQ-102 has no result"):
        bench.close()
    assert bench.do("PQ-901").steps[0].verdict == "not executed"


def test_the_conclusion_is_the_last(bench: Bench) -> None:
    bench.all()
    assert bench.begin().next_case is None
    bench.do("PQ-203")
    again = bench.begin().next_case
    assert again is not None
    assert again.id == "PQ-901"
    with pytest.raises(OutOfSequenceError, match="PQ-901 is to be executed again: a case was executed after it"):
        bench.close()


def test_a_limit_that_is_not_kept_fails(bench: Bench, tmp_path: Path) -> None:
    for case, limits in (
        ("PQ-202", {'error_max = "0.50"': 'error_max = "0.30"'}),
        ("PQ-204", {'spread_max = "0.15"': 'spread_max = "0.0001"'}),
        ("PQ-205", {'agreement_min = "0.50"': 'agreement_min = "0.60"'}),
    ):
        done = judged(bench, tmp_path / case, case, **limits)
        assert (done.verdict, verdicts(done)[-1]) == ("failed", "failed")


@pytest.mark.parametrize("case", ["PQ-202", "PQ-204", "PQ-205"])
def test_too_few_cultures_are_no_result(bench: Bench, tmp_path: Path, case: str) -> None:
    done = judged(bench, tmp_path / "more", case, **{"cultures_min = 5": "cultures_min = 13"})
    assert verdicts(done) == ["not executed"] * len(done.steps)


def test_a_factor_that_the_set_does_not_have_is_no_result(bench: Bench, tmp_path: Path) -> None:
    done = judged(bench, tmp_path / "more", "PQ-204", **{'["operator", "day"]': '["operator", "room"]'})
    assert verdicts(done) == ["not executed"] * 3
    assert "room 0" in done.steps[0].actual


def judged(bench: Bench, folder: Path, case: str, **changes: str) -> Any:
    """What a case with other limits comes to; nothing is recorded, since nobody has approved them."""
    other = small.write_protocol(folder, **changes).case(case)
    session = bench.world.session("engineer")
    material, now = load(session, other, bench.begin().run), bench.world.site.now()
    return executed(other, material, given_for(case), now, now).case


# --- the model --------------------------------------------------------------------------------------------------------


@pytest.fixture
def other(founded: World) -> Bench:
    """A site with the documents and the qualified state, and no tested package yet."""
    bench = Bench(founded)
    protocol = small.write_protocol(bench.folder)
    bench.documents("IQ", "OQ")
    bench.document("PQ protocol", protocol.protocol_sha256)
    bench.passed("IQ")
    bench.passed("OQ")
    bench.models.seal(small.write_set(founded.folder / "set"))
    return bench


def test_a_model_that_was_never_tested(other: Bench) -> None:
    other.models.install(packages.package(other.world.folder / "package"), intended=False)
    assert verdicts(other.do("PQ-201")) == ["not executed"] * 2
    for case in ("PQ-202", "PQ-203", "PQ-204", "PQ-205"):
        done = other.do(case)
        assert set(verdicts(done)) == {"not executed"}
        assert not [e for e in other.world.entries("test_set_read") if e.record.purpose == "performance qualification"]


def test_a_test_that_was_stopped_is_no_test(other: Bench) -> None:
    model = other.models.install(packages.package(other.world.folder / "package"))
    other.models.plan(model)

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.models.run(model, shown=stop)
    done = other.do("PQ-203")
    assert verdicts(done) == ["not executed"] * 4
    assert "test 1 of plan 1 aborted" in done.steps[0].actual
    assert set(verdicts(other.do("PQ-204"))) == {"not executed"}


@pytest.mark.requirement("UR-MODELS-15", reviewed="4dc70547", negative=True)
def test_a_test_that_failed_fails_the_case_and_without_readers_nothing_is_compared(other: Bench) -> None:
    model = other.models.install(packages.package(other.world.folder / "package"))
    other.models.plan(model, packages.plan_of(packages.criterion(limit="0.90")))
    other.models.run(model)
    done = other.do("PQ-203")
    assert verdicts(done) == ["failed", "failed", "not executed", "not executed"]
    assert "no criterion of non-inferiority" in done.steps[2].actual
    assert "No expert has reviewed" in done.steps[3].actual


def test_an_intended_use_that_was_signed_after_the_plan(bench: Bench) -> None:
    (model,) = models.models(bench.world.session("qa")).values()
    bench.models.intend(model, "Another population")
    assert verdicts(bench.do("PQ-201")) == ["passed", "failed"]
    assert "Another intended use was signed since" in bench.do("PQ-203").steps[0].actual


def test_runs_of_two_models_are_kept_apart(bench: Bench) -> None:
    world = bench.world
    models.install(
        world.session("scientist"), packages.package(world.folder / "second", version="2.0.0", note="second")
    )
    first = bench.begin()
    second = performance.begin(world.session("engineer"), "nes-test:2.0.0", bench.protocol, state())
    assert first.run.number != second.run.number
    done = performance.execute(world.session("engineer"), second, "PQ-203", Given())
    assert (done.run, set(verdicts(done))) == (second.run.number, {"not executed"})
    assert not bench.begin().run.cases


# --- the wrong person, protocol, state --------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["operator", "qa", "scientist", "reviewer", "admin", "auditor"])
def test_only_a_validation_engineer_begins(bench: Bench, who: str) -> None:
    with pytest.raises(NotAuthorisedError):
        bench.begin(who)
    assert bench.world.refused()[-1][1:] == ("qualify.pq", "NotAuthorisedError")


def grant(world: World, person: str, role: Any) -> None:
    people.grant(world.session("qa"), person, role, "TR-9", None, "Needed for this test", world.signs("qa"))


def test_another_engineer_does_not_go_on_with_the_run(bench: Bench) -> None:
    bench.do("PQ-101")
    grant(bench.world, "r.ozdemir", "validation engineer")
    with pytest.raises(NotAuthorisedError, match="Vera Nyström opened the run"):
        bench.begin("reviewer")
    reviewer, begun = bench.world.session("reviewer"), bench.begin()
    with pytest.raises(NotAuthorisedError, match="Vera Nyström opened the run"):
        performance.execute(reviewer, begun, "PQ-102", given_for("PQ-102"))
    with pytest.raises(NotAuthorisedError, match="Vera Nyström opened the run"):
        performance.close(reviewer, begun)
    assert len(bench.begin().run.cases) == 1


def test_who_installed_the_model_does_not_qualify_it(bench: Bench) -> None:
    grant(bench.world, "d.sandell", "validation engineer")
    with pytest.raises(NotAuthorisedError, match="nobody qualifies a model they installed"):
        bench.begin("scientist")


def edit(bench: Bench, old: str, new: str) -> None:
    path = bench.folder / "pq" / "PQ-205-concordance.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.requirement("UR-QUALIFY-08", reviewed="3bb1b10a", negative=True)
def test_a_protocol_that_was_edited_after_the_approval(bench: Bench) -> None:
    edit(bench, 'agreement_min = "0.50"', 'agreement_min = "0.10"')
    with pytest.raises(OutOfSequenceError, match="another PQ protocol is approved"):
        bench.begin()
    edit(bench, 'agreement_min = "0.10"', 'agreement_min = "0.50"')
    bench.do("PQ-101")
    edit(bench, 'agreement_min = "0.50"', 'agreement_min = "0.10"')
    with pytest.raises(OutOfSequenceError, match="not the one with which the run was opened"):
        bench.begin()


def test_a_protocol_that_was_exchanged_in_the_open_run(bench: Bench, tmp_path: Path) -> None:
    other = small.write_protocol(tmp_path / "other", **{'agreement_min = "0.50"': 'agreement_min = "0.10"'})
    begun = replace(bench.begin(), protocol=other)
    with pytest.raises(OutOfSequenceError, match="not the one with which the run was opened"):
        performance.execute(bench.world.session("engineer"), begun, "PQ-205", given_for("PQ-205"))
    with pytest.raises(OutOfSequenceError, match="not the one with which the run was opened"):
        performance.close(bench.world.session("engineer"), begun)
    assert not bench.begin().run.cases


@pytest.mark.requirement("UR-QUALIFY-08", reviewed="3bb1b10a", negative=True)
def test_a_protocol_that_is_prepared_and_not_approved(bench: Bench) -> None:
    edit(bench, 'agreement_min = "0.50"', 'agreement_min = "0.10"')
    name = bench.document("PQ protocol", bench.protocol.protocol_sha256, approve=False)
    with pytest.raises(OutOfSequenceError, match="another PQ protocol is approved"):
        bench.begin()
    bench.approve(name)
    assert bench.begin().run.opened.protocol == name


def test_a_new_protocol_does_not_change_an_open_run(bench: Bench) -> None:
    bench.do("PQ-101")
    edit(bench, 'agreement_min = "0.50"', 'agreement_min = "0.10"')
    bench.document("PQ protocol", bench.protocol.protocol_sha256)
    with pytest.raises(OutOfSequenceError, match="with which the run was opened"):
        bench.begin()
    edit(bench, 'agreement_min = "0.10"', 'agreement_min = "0.50"')
    with pytest.raises(OutOfSequenceError, match="another protocol was approved since"):
        bench.begin()
    edit(bench, 'agreement_min = "0.50"', 'agreement_min = "0.10"')
    stopped = performance.stop(bench.world.session("engineer"), MODEL, "A new protocol was approved")
    assert (stopped.closed.ending, stopped.closed.not_executed) == ("aborted", 7)  # type: ignore[union-attr]
    assert bench.begin().run.number != stopped.number
    assert stopped.number in bench.validation().runs


def test_another_installed_state(bench: Bench) -> None:
    with pytest.raises(NotQualifiedError, match="the OQ of the installed state is not approved"):
        bench.begin(software="1.1")
    bench.do("PQ-101")
    with pytest.raises(OutOfSequenceError, match="the installed state is not the one"):
        bench.begin(software="1.1")


def test_nobody_stops_without_a_reason_or_what_is_not_open(bench: Bench) -> None:
    session = bench.world.session("engineer")
    with pytest.raises(NotFoundError, match="no run of this model is open"):
        performance.stop(session, MODEL, "Nothing is there")
    bench.begin()
    with pytest.raises(InvalidInputError, match="the reason is too short"):
        performance.stop(session, MODEL, "no")
    with pytest.raises(NotAuthorisedError):
        performance.stop(bench.world.session("operator"), MODEL, "Not my work at all")
    assert bench.begin().run.closed is None


def test_a_closed_run_takes_no_case(bench: Bench) -> None:
    begun = bench.begin()
    performance.stop(bench.world.session("engineer"), MODEL, "Begun by mistake")
    with pytest.raises(OutOfSequenceError, match="the run was closed meanwhile"):
        performance.execute(bench.world.session("engineer"), begun, "PQ-101", given_for("PQ-101"))


def test_a_retired_model_is_not_qualified(bench: Bench) -> None:
    world = bench.world
    for step in (models.approve, models.activate, models.retire):
        step(world.session("qa"), MODEL, "For this test", world.signs("qa"))
    with pytest.raises(OutOfSequenceError, match="the package is retired"):
        bench.begin()


# --- what is handed in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"T03,", b"T99,", "the test set has no culture T99"),
        (b"T03,", b"t03,", "the test set has no culture t03"),
        (b"T03,", b"T02,", "the culture T02 stands there twice"),
        (b"T11,not conforming,FC-11,2026-09-14", b"", "1 cultures of the test set have no line: T11"),
        (b"T03,not conforming", b"T03,positive", "outcome: "),
        (b"FC-3,", b",", "reference: "),
        (b"FC-3,2026-09-14", b"FC-3,2026-09-31", "2026-09-31 is no day up to today"),
        (b"FC-3,2026-09-14", b"FC-3,2996-09-14", "is no day up to today"),
        (b"FC-3,2026-09-14", b"FC-3,2026-09-14,again", "None"),
        (b"FC-3,2026-09-14", b"FC-3", "performed_on: "),
        (b"culture,outcome", b"culture;outcome", "the columns are"),
        (b"T03", b"\xff\xfe", "the table cannot be read"),
    ],
)
def test_a_wrong_table_is_refused_and_nothing_recorded(bench: Bench, old: bytes, new: bytes, said: str) -> None:
    bench.begin()
    table = other_test()
    assert old in table
    with pytest.raises(InvalidInputError, match=said):
        bench.do("PQ-205", Given(files=(("flow.csv", table.replace(old, new, 1)),)))
    assert not bench.begin().run.cases


@pytest.mark.parametrize(
    ("case", "given", "said"),
    [
        ("PQ-205", Given(), "needs a table"),
        ("PQ-205", Given(files=(("flow.csv", b""),)), "is empty"),
        ("PQ-203", Given({"verdict": "passed"}), "asks for no value 'verdict'"),
        ("PQ-101", Given({"operator SOP": "SOP-1\nSOP-2"}), "not one visible line"),
        ("PQ-101", Given({"operator SOP": "1" * 1501}), "not one visible line"),
        ("PQ-901", Given({"acceptable": "maybe"}), "'maybe' is no answer"),
        ("PQ-203", Given(files=(("a.txt", b"a"), ("a.txt", b"b"))), "has the name of another"),
        ("PQ-203", Given(files=(("PQ-203.json", b"{}"),)), "has the name of another"),
    ],
)
def test_what_does_not_belong_to_a_case_is_refused(bench: Bench, case: str, given: Given, said: str) -> None:
    bench.begin()
    with pytest.raises(InvalidInputError, match=said):
        bench.do(case, given)
    assert not bench.begin().run.cases


def test_there_is_no_other_case(bench: Bench) -> None:
    with pytest.raises(NotFoundError, match="the protocol has no such case"):
        performance.execute(bench.world.session("engineer"), bench.begin(), "PQ-999", Given())


def test_evidence_that_was_altered_stops_the_end(bench: Bench) -> None:
    done = bench.all()["PQ-205"]
    path = bench.world.site.objects.path(done.evidence[0].sha256)
    path.unlink()
    path.write_bytes(other_test(T01="conforming"))
    with pytest.raises(IntegrityError):
        bench.close()
    assert bench.begin().run.closed is None
    assert bench.world.refused()[-1][2] == "IntegrityError"


def test_another_table_under_the_same_name_is_another_execution(bench: Bench) -> None:
    first = bench.do("PQ-205")
    second = bench.do("PQ-205", Given(files=(("flow.csv", other_test(T00="undecided")),)))
    assert first.evidence[0].sha256 != second.evidence[0].sha256
    assert [case.case for case in bench.begin().run.cases] == ["PQ-205", "PQ-205"]


# --- protocols --------------------------------------------------------------------------------------------------------


def test_the_default_protocol_is_whole() -> None:
    from tests.conftest import ROOT

    protocol = performance.read_protocol(ROOT / "validation")
    assert [case.kind for case in protocol.cases] == [
        "people", "procedures", "intended-use", "reader-study", "model-acceptance", "robustness", "concordance",
        "conclusion",
    ]  # fmt: skip
    assert all(len(planned.steps) for planned in protocol.content.cases)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("PQ-202-reader-study", 'kappa_min = "0.01"', 'kappa_min = "1.5"', "kappa_min"),
        ("PQ-202-reader-study", 'kappa_min = "0.01"\n', "", "kappa_min: Field required"),
        ("PQ-202-reader-study", 'kappa_min = "0.01"', 'kappa_min = "0.01"\nkappa = 1', "Extra inputs"),
        ("PQ-203-model-acceptance", 'check = "features"', 'check = "criteria"', "the checks of this kind are"),
        (
            "PQ-203-model-acceptance",
            'kind = "model-acceptance"',
            'kind = "intended-use"',
            "the checks of this kind are",
        ),
        ("PQ-203-model-acceptance", 'kind = "model-acceptance"', 'kind = "score"', "score"),
        ("PQ-203-model-acceptance", 'id = "PQ-203"', 'id = "PQ-202"', "PQ-202 is used twice"),
        ("PQ-203-model-acceptance", 'id = "PQ-203"', 'id = "PQ-299"', "does not begin the name of the file"),
        ("PQ-204-robustness", '["operator", "day"]', '["culture"]', "a factor is named twice, or"),
        ("PQ-101-people", '"reviewer",', '"operator",', "a role is named twice"),
        ("PQ-102-procedures", 'name = "imaging"', 'name = "backup"', "a step is named twice"),
    ],
)
def test_a_wrong_protocol_is_refused(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    small.write_protocol(tmp_path)
    path = tmp_path / "pq" / f"{file}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=said):
        performance.read_protocol(tmp_path)


@pytest.mark.parametrize("kind", ["101-people", "102-procedures", "203-model-acceptance", "901-conclusion"])
def test_a_protocol_cannot_do_without(tmp_path: Path, kind: str) -> None:
    small.write_protocol(tmp_path)
    (tmp_path / "pq" / f"PQ-{kind}.toml").unlink()
    with pytest.raises(InvalidInputError, match="a protocol needs a case of the kind"):
        performance.read_protocol(tmp_path)


def test_without_a_case_there_is_no_protocol(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no case"):
        performance.read_protocol(tmp_path)
