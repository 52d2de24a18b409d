"""Who may do what: the table of the standard operating procedures, written down here a second time by hand."""

from __future__ import annotations

from itertools import combinations
from typing import Any, get_args

import pytest

from nesqc_gmp.identity.roles import EXCLUSIVE, RIGHTS, conflicts, role_for
from nesqc_gmp.records.people import Role

A, O, R, Q, D, T, S, V, U = ROLES = (  # noqa: E741
    "administrator", "operator", "reviewer", "qa", "data scientist", "test data custodian", "subject matter expert",
    "validation engineer", "auditor",
)  # fmt: skip
READERS = {O, R, Q, D, T, S, V, U}

MATRIX: dict[str, set[str]] = {
    "audit.log": READERS,
    "audit.search": READERS,
    "audit.checkpoint": {A, R, Q, U},
    "audit.review": {R, Q},
    "batches.list": READERS,
    "batches.show": READERS,
    "batches.register": {O},
    "batches.receive": {O},
    "batches.explain": {O, R},
    "batches.seal": {O},
    "batches.analyse": {O},
    "batches.read": {O, R},
    "batches.record-result": {O},
    "batches.verify-result": {R},
    "batches.submit": {O},
    "batches.review": {R},
    "batches.hold": {Q},
    "batches.reject": {Q},
    "batches.release": {Q},
    "certificates.list": READERS,
    "certificates.show": READERS,
    "certificates.issue": {Q},
    "certificates.supersede": {Q},
    "certificates.withdraw": {Q},
    "models.card": READERS,
    "models.explain": READERS,
    "models.features": {S},
    "models.intend": {S},
    "models.list": READERS,
    "models.show": READERS,
    "models.verify": READERS,
    "models.lock": {D},
    "models.install": {R, D},
    "models.plan": {Q},
    "models.test": {O, T},
    "models.approve": {Q},
    "models.activate": {Q},
    "models.retire": {Q},
    "people.list": READERS | {A},
    "people.access-list": READERS | {A},
    "people.enrol": {A},
    "people.grant": {Q},
    "people.revoke": {A, Q},
    "people.disable": {A, Q},
    "people.reset": {A, Q},
    "products.list": READERS,
    "products.show": READERS,
    "products.draft": {R, D},
    "products.approve": {Q},
    "products.retire": {Q},
    "qualify.status": READERS,
    "qualify.report": READERS,
    "qualify.prepare": {V},
    "qualify.iq": {V},
    "qualify.oq": {V},
    "qualify.pq": {V},
    "qualify.deviation": {V},
    "qualify.submit": {V},
    "qualify.change": {V},
    "qualify.check": {R},
    "qualify.approve": {Q},
    "qualify.assess": {Q},
    "qualify.review": {Q},
    "site.status": READERS | {A},
    "site.assess": {Q},
    "site.backup": {A},
    "site.restore-test": {A, Q},
    "test-sets.list": READERS,
    "test-sets.seal": {T},
    "test-sets.show": {T},
    "test-sets.consume": {Q, T},
}


@pytest.mark.requirement("UR-PEOPLE-09", reviewed="9be18938")
@pytest.mark.parametrize("right", sorted(MATRIX))
@pytest.mark.parametrize("role", ROLES)
def test_matrix(role: Any, right: str) -> None:
    expected = role if role in MATRIX[right] else None
    assert role_for(right, frozenset({role})) == expected


def test_nothing_is_in_the_table_that_is_not_in_the_matrix() -> None:
    assert set().union(*RIGHTS.values()) == set(MATRIX)
    assert set(RIGHTS) == set(get_args(Role)) == set(ROLES)


@pytest.mark.requirement("UR-PEOPLE-10", reviewed="0153b226")
def test_administrator_has_no_right_on_batches_models_products_or_certificates() -> None:
    assert {right.split(".")[0] for right in RIGHTS["administrator"]} == {"people", "audit", "site"}
    assert "audit.review" not in RIGHTS["administrator"]


@pytest.mark.requirement("UR-PEOPLE-10", reviewed="0153b226")
def test_no_single_person_can_enrol_and_grant() -> None:
    """Whoever could do both could invent a colleague."""
    allowed = [
        held
        for size in range(1, len(ROLES) + 1)
        for held in combinations(ROLES, size)
        if not any(pair <= set(held) for pair in EXCLUSIVE)
    ]
    assert len(allowed) > len(ROLES)
    for held in allowed:
        roles: Any = frozenset(held)
        assert None in {role_for("people.enrol", roles), role_for("people.grant", roles)}, held
        assert None in {role_for("batches.analyse", roles), role_for("batches.release", roles)}, held


@pytest.mark.requirement("UR-PEOPLE-10", reviewed="0153b226")
@pytest.mark.parametrize(
    ("first", "second"),
    [(A, O), (A, R), (A, Q), (A, D), (A, S), (D, S), (A, T), (U, T), (D, T), (A, U), (Q, O), (U, O), (U, R), (U, Q)],
)
def test_roles_that_exclude_each_other(first: Any, second: Any) -> None:
    assert conflicts(first, frozenset({second})) == (second,)
    assert conflicts(second, frozenset({first})) == (first,)


@pytest.mark.parametrize(
    ("first", "second"), [(O, R), (R, Q), (R, D), (O, D), (Q, D), (D, U), (S, O), (S, R), (S, Q), (S, U)]
)
def test_roles_that_go_together(first: Any, second: Any) -> None:
    assert conflicts(first, frozenset({second})) == ()


@pytest.mark.requirement("UR-TEST-SETS-03", reviewed="8800b8ca")
def test_who_saw_test_data_never_develops_and_the_other_way_round() -> None:
    """Of no other role the past counts."""
    for first in ROLES:
        for once in ROLES:
            expected = (once,) if {first, once} == {D, T} else ()
            assert conflicts(first, frozenset(), frozenset({once})) == expected


def test_nobody_has_no_right() -> None:
    assert all(role_for(right, frozenset()) is None for right in MATRIX)
