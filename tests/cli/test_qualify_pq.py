"""``nesqc qualify pq`` by options and by questions at a terminal, on a site with a tested package.

The installed state is made up, as in ``tests/procedures/test_qualification.py``; all else is what a site has.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.config import sessions_folder
from nesqc_gmp.errors import (
    AuthenticationError,
    InvalidInputError,
    NotAuthorisedError,
    NotFoundError,
    OutOfSequenceError,
)
from nesqc_gmp.identity.sessions import read_session, session_path, write_session
from nesqc_gmp.procedures.qualification import enforcement
from tests.cli.conftest import Run
from tests.conftest import World
from tests.procedures import performance as small
from tests.procedures.performance import MODEL, VALUES, Bench, other_test
from tests.procedures.test_qualification import state


@pytest.fixture(scope="session")
def performance_origin(founded_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A site on which the first case can be executed; never altered."""
    world = founded_origin.copy(tmp_path_factory.mktemp("performance"))
    small.prepare(world)
    (world.folder / "validation" / "clauses.toml").write_text("")
    world.close()
    return world


class Command:
    """The command as people of the site type it."""

    def __init__(self, world: World, nesqc: Run) -> None:
        self.world = world
        self._nesqc = nesqc

    def log_in(self, who: str) -> None:
        now = datetime.now(UTC)
        found = read_session(next((self.world.folder / "sessions" / who).glob("*.json")), now)
        write_session(session_path(sessions_folder(), found.origin), replace(found, last_used=now))

    def __call__(self, *arguments: object, model: str = MODEL) -> Any:
        return self._nesqc(
            "qualify", "pq", model, "--validation", self.world.folder / "validation",
            "--site", self.world.folder / "site", *arguments,
        )  # fmt: skip


@pytest.fixture
def pq(performance_origin: World, tmp_path: Path, nesqc: Run, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(enforcement, "installed_for", lambda *_, anew: state())
    world = performance_origin.copy(tmp_path / "site-copy")
    command = Command(world, nesqc)
    command.log_in("engineer")
    yield command
    world.close()


def stated(case: str) -> list[str]:
    return [word for name, text in VALUES[case].items() for word in ("--value", f"{name}={text}")]


def test_a_qualification_by_options(pq: Command, tmp_path: Path) -> None:
    table = tmp_path / "flow.csv"
    table.write_bytes(other_test())
    for case in ("PQ-101", "PQ-102"):
        assert pq("--case", case, *stated(case)).code == 0
    for case in ("PQ-201", "PQ-202", "PQ-203", "PQ-204"):
        assert "is recorded in PQ-0001: passed" in pq("--case", case).out
    early = pq("--close")
    assert (early.code, "PQ-205 has no result" in early.err) == (OutOfSequenceError.exit_code, True)
    done = json.loads(pq("--case", "PQ-205", "--evidence", table, "--json").out)
    assert (done["case"], done["verdict"], done["evidence"][0]["name"]) == ("PQ-205", "passed", "flow.csv")
    assert pq("--case", "PQ-901", *stated("PQ-901")).code == 0
    ended = pq("--close")
    assert (ended.code, "PQ-0001 is completed: 8 passed, 0 failed, 0 not executed." in ended.out) == (0, True)
    assert [case.verdict for case in Bench(pq.world).validation().runs["PQ-0001"].cases] == ["passed"] * 8


def test_a_case_that_did_not_pass_says_what_comes_next(pq: Command) -> None:
    found = pq("--case", "PQ-101")
    assert found.code == 0
    assert "is recorded in PQ-0001: not executed" in found.out
    blocked = pq("--close")
    assert blocked.code == OutOfSequenceError.exit_code
    stopped = pq("--stop", "The people are not trained yet")
    assert "PQ-0001 is aborted: 0 passed, 0 failed, 8 not executed." in stopped.out
    assert pq("--stop", "Once more, for nothing").code == NotFoundError.exit_code


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--case", "PQ-102", "--value", "imaging"), InvalidInputError.exit_code, "is not name=text"),
        (("--case", "PQ-102", "--value", "imaging SOP=1", "--value", "imaging SOP=2"), 40, "stands twice"),
        (("--case", "PQ-203", "--value", "verdict=passed"), InvalidInputError.exit_code, "asks for no value"),
        (("--case", "PQ-205"), InvalidInputError.exit_code, "needs a table"),
        (("--case", "PQ-205", "--evidence", "missing.csv"), InvalidInputError.exit_code, "there is no such file"),
        (("--case", "PQ-999"), NotFoundError.exit_code, "Its cases are PQ-101"),
        (("--value", "imaging SOP=1"), InvalidInputError.exit_code, "belong to one case"),
        (("--case", "PQ-203", "--close"), InvalidInputError.exit_code, "are two things"),
        (("--stop", "no"), InvalidInputError.exit_code, "the reason is too short"),
        ((), AuthenticationError.exit_code, "at a terminal"),
    ],
)
def test_what_is_refused(pq: Command, arguments: tuple[str, ...], code: int, said: str) -> None:
    found = pq(*arguments)
    assert (found.code, said in found.err) == (code, True), found.err
    assert not pq.world.entries("case_executed")[4:]


def test_wrong_people_and_models(pq: Command) -> None:
    assert pq("--case", "PQ-203", model="nes-other:1.0.0").code == NotFoundError.exit_code
    for who in ("operator", "qa"):
        pq.log_in(who)
        assert pq("--case", "PQ-203").code == NotAuthorisedError.exit_code


@pytest.mark.requirement("UR-QUALIFY-10", reviewed="fdc3386b")
def test_the_questions(pq: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All answers at a terminal: a wrong table is asked for again, and the tester comes back after the first case."""
    from nesqc_gmp.cli import terminal

    good, wrong = tmp_path / "flow.csv", tmp_path / "wrong.csv"
    good.write_bytes(other_test())
    wrong.write_bytes(other_test().replace(b"T03", b"T99"))
    monkeypatch.setattr(terminal, "require_terminal", lambda: None)
    answers: list[str] = []
    asked: list[str] = []

    def ask(question: str, at_least: int = 1) -> str:
        asked.append(question)
        return answers.pop(0)

    monkeypatch.setattr(terminal, "ask", ask)
    answers += ["yes", *VALUES_IN_ORDER["PQ-101"], "no"]
    first = pq()
    assert "PQ-101 is recorded in PQ-0001: passed" in first.out
    assert "PQ-0001 stays open" in first.out
    assert not answers
    answers += ["yes", *VALUES_IN_ORDER["PQ-102"], *["yes"] * 4, "yes", str(wrong), str(good)]
    answers += ["yes", *VALUES_IN_ORDER["PQ-901"], "yes"]
    second = pq()
    assert second.code == 0, second.err
    assert "the test set has no culture T99" in second.err
    assert "PQ-0001 is completed: 8 passed, 0 failed, 0 not executed." in second.out
    assert not answers
    assert any("Flow cytometry" in question for question in asked)


VALUES_IN_ORDER = {
    "PQ-101": [
        VALUES["PQ-101"][f"{role} {what}"]
        for role in ("operator", "reviewer", "qa", "administrator", "test data custodian", "subject matter expert",
                     "validation engineer")
        for what in ("person", "training", "SOP")
    ],
    "PQ-102": list(VALUES["PQ-102"].values()),
    "PQ-901": list(VALUES["PQ-901"].values()),
}  # fmt: skip


def test_the_log_proves_the_evidence(pq: Command, tmp_path: Path) -> None:
    from nesqc_gmp.procedures.audit.verification import digests_of

    table = tmp_path / "flow.csv"
    table.write_bytes(other_test())
    assert pq("--case", "PQ-205", "--evidence", table).code == 0
    entry = pq.world.entries("case_executed")[-1]
    assert digests_of(entry) == tuple(each.sha256 for each in entry.record.evidence)
    assert len(digests_of(entry)) == 2
