"""No sequence of commands reaches *released* without every step and signature before it.

Random people with random roles try random commands. The judge of every release that comes about is the function
``violations`` in ``conftest.py``, which reads the raw list of entries and knows neither the fold nor the rules.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nesqc_gmp.identity.roles import EXCLUSIVE
from nesqc_gmp.state import release

BOUNDED = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PEOPLE = ("ada", "bo", "cleo", "dag", "eva")
USUAL = {
    "ada": frozenset({"operator"}),
    "bo": frozenset({"reviewer"}),
    "cleo": frozenset({"qa"}),
    "dag": frozenset({"operator", "reviewer"}),
    "eva": frozenset({"reviewer", "qa"}),
}
"""Who holds what where a test does not say otherwise; the last two hold what one person may hold at most."""

ALLOWED = st.sets(st.sampled_from(["administrator", "operator", "reviewer", "qa", "data scientist", "auditor"])).filter(
    lambda held: not any(pair <= held for pair in EXCLUSIVE)
)
COMMANDS = ("receive", "receive_again", "refuse", "explain", "seal", "open", "score", "close", "read", "read", "record")
COMMANDS += ("verify", "submit", "review", "audit", "release", "reject", "hold")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("next"), st.sampled_from(PEOPLE), st.integers(0, 7)),
        st.tuples(st.just("next"), st.just("whoever may"), st.integers(0, 5)),
        st.tuples(st.just("next"), st.just("whoever may"), st.integers(0, 1)),
        st.tuples(
            st.sampled_from(
                [
                    "receive",
                    "receive_again",
                    "refuse",
                    "explain",
                    "seal",
                    "open",
                    "score",
                    "close",
                    "read",
                    "read",
                    "record",
                    "verify",
                    "submit",
                    "review",
                    "audit",
                    "release",
                    "reject",
                    "hold",
                ]
            ),
            st.sampled_from(PEOPLE),
            st.integers(0, 7),
        ),
    ),
    min_size=25,
    max_size=45,
)


def run(life: Any, steps: list[tuple[str, str, int]]) -> int:
    """Try every step; returns how many were done."""
    done = 0
    for command, person, choice in steps:
        role = None
        if command == "next":
            command, role = life.next_command()
        if person == "whoever may":
            able = [p for p in PEOPLE if role in life.roles[p]]
            person = able[choice % len(able)] if able else PEOPLE[0]
        done += life.do(command, person, choice)
    return done


@pytest.mark.requirement("UR-BATCHES-01", reviewed="37ccabae", negative=True)
@pytest.mark.requirement("UR-BATCHES-18", reviewed="6110b96b", negative=True)
@BOUNDED
@given(roles=st.fixed_dictionaries({person: ALLOWED.map(frozenset) for person in PEOPLE}), steps=STEPS)
def test_no_release_without_everything_before_it(machine: Any, wrong: Any, roles: Any, steps: Any) -> None:
    life = machine(roles)
    run(life, steps)
    assert wrong(life.entries) == []


@pytest.mark.requirement("UR-BATCHES-17", reviewed="29607e63", negative=True)
@BOUNDED
@given(steps=STEPS)
def test_no_release_without_everything_before_it_where_people_can(machine: Any, wrong: Any, steps: Any) -> None:
    life = machine(USUAL)
    run(life, [*steps, *[("next", "whoever may", 0)] * 12])
    assert wrong(life.entries) == []


@pytest.mark.requirement("UR-PEOPLE-14", reviewed="8e43b3fd")
@BOUNDED
@given(steps=STEPS, extra=st.sampled_from(["read", "record", "verify", "open", "close"]))
def test_a_change_takes_every_signature_away(machine: Any, steps: Any, extra: str) -> None:
    life = machine(USUAL)
    run(life, [("next", "whoever may", 0)] * 30 + steps[:3])
    if life.do(extra, "dag", 1) and life.batch.disposition is None:
        batch = life.batch
        for signed in (batch.submitted, batch.reviewed, batch.audit_reviewed):
            assert not batch.in_present_form(signed)
        assert batch.stage not in {"submitted", "reviewed"}


@pytest.mark.requirement("UR-BATCHES-17", reviewed="29607e63")
def test_a_good_life_ends_released(machine: Any, wrong: Any) -> None:
    """The machine can reach what the others say it never reaches wrongly."""
    life = machine(USUAL)
    done = run(life, [("next", "whoever may", 0)] * 16)
    assert life.batch.stage == "released"
    assert wrong(life.entries) == []
    kinds = [entry.kind for entry in life.entries]
    assert done == len(kinds)
    assert kinds[:4] == ["batch_registered", "image_received", "image_received", "image_set_sealed"]
    assert kinds[-4:] == ["batch_submitted", "batch_reviewed", "audit_trail_reviewed", "batch_disposed"]


def test_on_hold_goes_on_to_released(machine: Any, wrong: Any) -> None:
    life = machine(USUAL)
    run(life, [("next", "whoever may", 0)] * 9)
    assert life.do("hold", "cleo")
    assert life.batch.stage == "on hold"
    run(life, [("next", "whoever may", 0)] * 12)
    assert life.batch.stage == "released"
    assert wrong(life.entries) == []


GOOD = [("next", "whoever may", 0)]
"""One proper step by a proper person."""

SEALED, SCORED, TESTED, SUBMITTED, REVIEWED, AUDITED = 4, 7, 10, 11, 12, 13
"""How many proper steps lead there."""

WITHOUT = {
    "_require_releasable: submitted": ("_require_releasable", GOOD * TESTED + [("release", "cleo", 0)]),
    "_require_releasable: reviewed": ("_require_releasable", GOOD * SUBMITTED + [("release", "cleo", 0)]),
    "_require_releasable: audited": ("_require_releasable", GOOD * REVIEWED + [("release", "cleo", 0)]),
    "_require_releasable: not conforming": (
        "_require_releasable",
        GOOD * (SEALED + 1) + [("next", "ada", 6), ("next", "ada", 6)] + GOOD * 6 + [("release", "cleo", 0)],
    ),
    "require_disposable: the reviewer releases": ("require_disposable", GOOD * SUBMITTED + [
        ("review", "eva", 0), ("audit", "cleo", 0), ("release", "eva", 0)]),
    "require_audit_reviewable: the reviewer audits": ("require_audit_reviewable", GOOD * SUBMITTED + [
        ("review", "eva", 0), ("audit", "eva", 0), ("release", "cleo", 0)]),
    "require_reviewable: the performer reviews": ("require_reviewable", GOOD * TESTED + [
        ("submit", "ada", 0), ("read", "dag", 0), ("submit", "ada", 0), ("review", "dag", 0), ("audit", "cleo", 0),
        ("release", "cleo", 0)]),
    "require_submittable: submitted while running": ("require_submittable", [
        *GOOD * TESTED, ("open", "ada", 1), ("submit", "ada", 0), ("review", "bo", 0), ("audit", "cleo", 0),
        ("release", "cleo", 0)]),
    "require_sealable: a likeness unexplained": ("require_sealable", [
        *GOOD * 3, ("receive_again", "ada", 0), ("seal", "ada", 0), *[("open", "ada", 0)], *[("score", "ada", 0)] * 3,
        ("close", "ada", 0), ("record", "ada", 0), ("verify", "bo", 0), ("submit", "ada", 0), ("review", "bo", 0),
        ("audit", "cleo", 0), ("release", "cleo", 0)]),
    "require_analysable: a repeat without a reason": ("require_analysable", [
        *GOOD * (SCORED + 1), ("open", "ada", 0), *GOOD * 9]),
    "require_receiving: received after the seal": ("require_receiving", [
        *GOOD * SEALED, ("receive", "ada", 0), *GOOD * 12]),
    "require_open: released twice": ("require_open", GOOD * (AUDITED + 1) + [("release", "cleo", 0)]),
}  # fmt: skip
"""For each rule a life that it alone stops."""


@pytest.mark.requirement("UR-BATCHES-17", reviewed="29607e63", negative=True)
@pytest.mark.requirement("UR-PRODUCTS-03", reviewed="44c7f0ae", negative=True)
@pytest.mark.parametrize("name", WITHOUT)
def test_every_rule_is_needed(name: str, machine: Any, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rule nothing is wrong; without it the same steps end in a release that the judge condemns."""
    rule, steps = WITHOUT[name]
    life = machine(USUAL)
    run(life, steps)
    assert wrong(life.entries) == []
    monkeypatch.setattr(release, rule, lambda *_: None)
    if rule == "require_submittable":
        whole = release.require_disposable
        monkeypatch.setattr(
            release,
            "require_disposable",
            lambda batch, rules, person, decision: whole(_closed(batch), rules, person, decision),
        )
    life = machine(USUAL)
    run(life, steps)
    assert wrong(life.entries) != [], [entry.kind for entry in life.entries]


def _closed(batch: Any) -> Any:
    """The batch as if its running attempt were not there: the second rule that stops the same life."""
    from dataclasses import replace

    return replace(batch, attempts=tuple(attempt for attempt in batch.attempts if attempt.closed))


ROLES_APART = [
    ("the performer reviews", ["submit ada", "read dag", "submit ada"], "review dag"),
    ("the submitter reviews", ["read dag", "submit dag"], "review dag"),
    ("the reviewer audits", ["submit ada", "review eva"], "audit eva"),
    ("the reviewer releases", ["submit ada", "review eva", "audit cleo"], "release eva"),
    ("the reviewer rejects", ["submit ada", "review eva"], "reject eva"),
    ("a reader audits", ["read eva", "submit ada", "review bo"], "audit eva"),
    ("a reader releases", ["read eva", "submit ada", "review bo", "audit cleo"], "release eva"),
    ("a reader holds", ["read eva"], "hold eva"),
    ("a verifier releases", ["record ada", "verify eva", "submit ada", "review bo", "audit cleo"], "release eva"),
    ("a verifier audits", ["record ada", "verify eva"], "audit eva"),
    ("the submitter did no work", [], "submit dag"),
]


@pytest.mark.requirement("UR-BATCHES-02", reviewed="e58f7b19", negative=True)
@pytest.mark.requirement("UR-BATCHES-16", reviewed="10145da1", negative=True)
@pytest.mark.parametrize(("name", "before", "last"), ROLES_APART, ids=[case[0] for case in ROLES_APART])
def test_people_who_are_kept_apart(name: str, before: list[str], last: str, machine: Any) -> None:
    life = machine(USUAL)
    run(life, GOOD * TESTED)
    for step in before:
        command, person = step.split()
        assert life.do(command, person, 0), step
    assert not life.do(*last.split(), 0)


def test_explaining_a_likeness_is_work_on_the_batch(machine: Any) -> None:
    """Who explained one neither audits the trail of the batch nor decides about it."""
    life = machine(USUAL)
    run(life, [*GOOD, ("receive_again", "ada", 0), ("receive", "ada", 0)])
    assert life.do("explain", "eva", 1)
    run(life, GOOD * 7)
    assert not life.do("audit", "eva", 0)
    assert not life.do("reject", "eva", 0)
    assert life.do("submit", "ada", 0)
    assert life.do("review", "bo", 0)
    assert life.do("audit", "cleo", 0)
    assert not life.do("release", "eva", 0)
    assert life.do("release", "cleo", 0)
