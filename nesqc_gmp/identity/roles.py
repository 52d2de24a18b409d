"""The one table of roles and rights (21 CFR 11.10(g); EU GMP Annex 11 cl. 12, draft 12.3).

A right is named ``noun.verb``, as the command is. The administrator keeps accounts and has no right on batch data;
QA decides who may do what and decides about batches; whoever performs, reviews or releases a batch does one of the
three. The subject matter expert says what a model is for and judges its heat maps, and never makes a model. Nobody
grants to themselves.
"""

from __future__ import annotations

from typing import Final

from nesqc_gmp.records.people import Role

_READING: Final = frozenset(
    {
        "audit.log",
        "audit.search",
        "batches.list",
        "batches.show",
        "certificates.list",
        "certificates.show",
        "models.card",
        "models.explain",
        "models.list",
        "models.show",
        "models.verify",
        "people.access-list",
        "people.list",
        "products.list",
        "products.show",
        "qualify.report",
        "qualify.status",
        "site.status",
        "test-sets.list",
    }
)

RIGHTS: Final[dict[Role, frozenset[str]]] = {
    "administrator": frozenset(
        {
            "people.access-list",
            "people.list",
            "people.enrol",
            "people.disable",
            "people.revoke",
            "people.reset",
            "audit.checkpoint",
            "site.backup",
            "site.restore-test",
            "site.status",
        }
    ),
    "operator": _READING
    | {
        "batches.register",
        "batches.receive",
        "batches.explain",
        "batches.seal",
        "batches.analyse",
        "batches.read",
        "batches.record-result",
        "batches.submit",
        "models.test",
    },
    "reviewer": _READING
    | {
        "products.draft",
        "models.install",
        "batches.explain",
        "batches.read",
        "batches.verify-result",
        "batches.review",
        "qualify.check",
        "audit.checkpoint",
        "audit.review",
    },
    "qa": _READING
    | {
        "people.grant",
        "people.revoke",
        "people.disable",
        "people.reset",
        "products.approve",
        "products.retire",
        "models.plan",
        "models.approve",
        "models.activate",
        "models.retire",
        "batches.hold",
        "batches.reject",
        "batches.release",
        "certificates.issue",
        "certificates.supersede",
        "certificates.withdraw",
        "audit.checkpoint",
        "audit.review",
        "site.assess",
        "site.restore-test",
        "qualify.approve",
        "qualify.assess",
        "qualify.review",
        "test-sets.consume",
    },
    "data scientist": _READING | {"models.lock", "models.install", "products.draft"},
    "test data custodian": _READING | {"models.test", "test-sets.consume", "test-sets.seal", "test-sets.show"},
    "subject matter expert": _READING | {"models.intend", "models.features"},
    "validation engineer": _READING
    | {
        "qualify.prepare",
        "qualify.iq",
        "qualify.oq",
        "qualify.pq",
        "qualify.deviation",
        "qualify.submit",
        "qualify.change",
    },
    "auditor": _READING | {"audit.checkpoint"},
}
"""What each role may do."""

EXCLUSIVE: Final[frozenset[frozenset[Role]]] = frozenset(
    {
        frozenset({"administrator", "operator"}),
        frozenset({"administrator", "reviewer"}),
        frozenset({"administrator", "qa"}),
        frozenset({"administrator", "data scientist"}),
        frozenset({"subject matter expert", "administrator"}),
        frozenset({"subject matter expert", "data scientist"}),
        frozenset({"qa", "operator"}),
        frozenset({"auditor", "administrator"}),
        frozenset({"auditor", "operator"}),
        frozenset({"auditor", "reviewer"}),
        frozenset({"auditor", "qa"}),
        frozenset({"validation engineer", "administrator"}),
        frozenset({"validation engineer", "qa"}),
        frozenset({"validation engineer", "auditor"}),
        frozenset({"test data custodian", "administrator"}),
        frozenset({"test data custodian", "auditor"}),
        frozenset({"test data custodian", "data scientist"}),
    }
)
"""Pairs of roles that one person never holds together (PIC/S PI 041 9.5, 9.6)."""


LASTING: Final = frozenset({"test data custodian", "data scientist"})
"""Roles of which a person who ever held one never receives another: who has seen test data develops no model, and who
has developed one sees no test data, also after the role has ended (EU GMP Annex 22 draft 6.5)."""


def role_for(right: str, roles: frozenset[Role]) -> Role | None:
    """The role in which a person with these roles does an act, ``None`` where no role allows it."""
    return next((role for role in RIGHTS if role in roles and right in RIGHTS[role]), None)


def conflicts(role: Role, roles: frozenset[Role], once: frozenset[Role] = frozenset()) -> tuple[Role, ...]:
    """Roles held, or of the lasting ones held once, that exclude a further role."""
    held_before = once & LASTING if role in LASTING else frozenset()
    return tuple(held for held in sorted(roles | held_before) if frozenset({held, role}) in EXCLUSIVE)
