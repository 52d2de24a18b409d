"""Every procedure refuses everybody whose role does not allow it, and the refusal is a record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import NotAuthorisedError
from nesqc_gmp.procedures import (
    audit,
    backup,
    batches,
    certificates,
    features,
    heat_maps,
    intended_use,
    model_tests,
    models,
    people,
    products,
    qualification,
    test_sets,
)
from nesqc_gmp.procedures import site as site_procedures
from nesqc_gmp.procedures.qualification import approval, enforcement, performance, periodic
from nesqc_gmp.procedures.qualification import views as qualification_views
from nesqc_gmp.procedures.qualification.installing import run_installation
from tests.procedures.model_tests import plan_of

DAY = "2026-11-20"
WHY = "Because of the test"
READERS = {"operator", "reviewer", "qa", "scientist", "custodian", "expert", "engineer", "auditor"}


def never(statement: str) -> Any:
    raise AssertionError("somebody without the right was asked to sign")


def nobody(world: Any) -> dict[str, tuple[set[str], Callable[[Any], Any]]]:
    """Every procedure with a login: who may do it, and a call of it; the calls need not succeed."""
    out = world.folder / "out.checkpoint"
    draft = world.entries("specification_drafted")[0].record.specification
    model, name = world.entries("model_installed")[0].record.model_sha256, draft.identifier
    evidence = world.folder / "sessions.json"
    use: Any = None  # never looked at: the refusal comes first
    return {
        "audit.log": (READERS, lambda s: audit.log(s, 5, None)),
        "audit.search": (READERS, lambda s: audit.search(
            s, who=None, role=None, what=None, record=None, since=None, until=None, reason=None)),
        "audit.checkpoint": ({"admin", "reviewer", "qa", "auditor"}, lambda s: audit.checkpoint(s, out)),
        "audit.review": ({"reviewer", "qa"}, lambda s: audit.review(s, "B-1", {}, "c", True, never)),
        "batches.list": (READERS, batches.batches),
        "batches.show": (READERS, lambda s: batches.show(s, "B-1")),
        "batches.register": ({"operator"}, lambda s: batches.register(s, "B-2", name, "L", DAY, DAY)),
        "batches.receive": ({"operator"}, lambda s: batches.receive(
            s, "B-1", [batches.Incoming(evidence, "C01", 1, "F09")])),
        "batches.explain": ({"operator", "reviewer"}, lambda s: batches.explain(s, "B-1", "C01_F01", WHY)),
        "batches.seal": ({"operator"}, lambda s: batches.seal(s, "B-1")),
        "batches.analyse": ({"operator"}, lambda s: batches.analyse(s, "B-1")),
        "batches.read": ({"operator", "reviewer"}, lambda s: batches.read(
            s, "B-1", "C01_F01", "conforming", WHY, blinded=False)),
        "batches.record-result": ({"operator"}, lambda s: batches.record_result(
            s, "B-1", "viability", "1", DAY, evidence, WHY, never)),
        "batches.verify-result": ({"reviewer"}, lambda s: batches.verify_result(s, "B-1", "viability", never)),
        "batches.submit": ({"operator"}, lambda s: batches.submit(s, "B-1", never)),
        "batches.review": ({"reviewer"}, lambda s: batches.review(s, "B-1", (), "c", never)),
        "batches.release": ({"qa"}, lambda s: batches.release(s, "B-1", "c", never)),
        "batches.reject": ({"qa"}, lambda s: batches.reject(s, "B-1", "c", WHY, never)),
        "batches.hold": ({"qa"}, lambda s: batches.hold(s, "B-1", "c", WHY, never)),
        "certificates.list": (READERS, certificates.certificates),
        "certificates.show": (READERS, lambda s: certificates.show(s, "QC-2026-000001")),
        "certificates.issue": ({"qa"}, lambda s: certificates.issue(s, "B-1", never)),
        "certificates.withdraw": ({"qa"}, lambda s: certificates.withdraw(s, "QC-2026-000001", WHY, never)),
        "certificates.supersede": ({"qa"}, lambda s: certificates.supersede(s, "QC-2026-000001", WHY, never)),
        "models.list": (READERS, models.models),
        "models.card": (READERS, lambda s: models.card(s, model)),
        "models.verify": (READERS, lambda s: models.verify(s, model)),
        "models.explain": (READERS, lambda s: heat_maps.explain(s, "B-1", "C01_F01", world.folder / "never.png")),
        "models.features": ({"expert"}, lambda s: features.sheet(s, model, world.folder / "never")),
        "models.intend": ({"expert"}, lambda s: intended_use.intend(s, model, use, None, never)),
        "models.plan": ({"qa"}, lambda s: model_tests.plan(s, model, plan_of(), never)),
        "models.test": ({"operator", "custodian"}, lambda s: model_tests.run(s, model)),
        "test-sets.list": (READERS, test_sets.listed),
        "test-sets.seal": ({"custodian"}, lambda s: test_sets.seal(s, "NES-A", evidence, world.folder)),
        "test-sets.show": ({"custodian"}, lambda s: test_sets.show(s, "NES-A")),
        "test-sets.consume": ({"custodian", "qa"}, lambda s: test_sets.consume(s, "NES-A", WHY, never)),
        "models.lock": ({"scientist"}, lambda s: models.lock(s, world.folder, evidence)),
        "models.approve": ({"qa"}, lambda s: models.approve(s, model, WHY, never)),
        "models.activate": ({"qa"}, lambda s: models.activate(s, model, WHY, never)),
        "models.retire": ({"qa"}, lambda s: models.retire(s, model, WHY, never)),
        "people.list": (READERS | {"admin"}, people.people),
        "people.access-list": (READERS | {"admin"}, lambda s: people.access_list(s, DAY)),
        "people.enrol": ({"admin"}, lambda s: people.enrol(s, "n.new", "New", "ref")),
        "people.grant": ({"qa"}, lambda s: people.grant(s, "u.hallgren", "data scientist", "T", None, WHY, never)),
        "people.revoke": ({"admin", "qa"}, lambda s: people.revoke(s, "d.sandell", "data scientist", WHY)),
        "people.disable": ({"admin", "qa"}, lambda s: people.disable(s, "d.sandell", WHY)),
        "people.reset": ({"admin", "qa"}, lambda s: people.reset(s, "d.sandell", WHY)),
        "products.list": (READERS, products.specifications),
        "products.draft": ({"reviewer", "scientist"}, lambda s: products.draft(s, draft)),
        "products.approve": ({"qa"}, lambda s: products.approve(s, name, WHY, never)),
        "products.retire": ({"qa"}, lambda s: products.retire(s, name, WHY, never)),
        "qualify.status": (READERS, qualification_views.status),
        "qualify.report": (READERS, lambda s: list(qualification_views.write_report(s, "IQ-0001", world.folder))),
        "qualify.prepare": ({"engineer"}, lambda s: qualification.prepare(s, "validation plan", "T", use, None, never)),
        "qualify.iq": ({"engineer"}, lambda s: run_installation(s, world.folder, never)),
        "qualify.oq": ({"engineer"}, lambda s: enforcement.installed_for(s, "qualify.oq")),
        "qualify.pq": ({"engineer"}, lambda s: performance.begin(s, model, use, use)),
        "qualify.deviation": ({"engineer"}, lambda s: qualification.deviation(s, "IQ-0001", "IQ-501", WHY, WHY)),
        "qualify.submit": ({"engineer"}, lambda s: qualification.submit(s, "IQ-0001", never)),
        "qualify.change": ({"engineer"}, lambda s: qualification.change(s, use, (), "0" * 64, never)),
        "qualify.check": ({"reviewer"}, lambda s: qualification.check(s, "IQ-0001", WHY, never)),
        "qualify.approve": ({"qa"}, lambda s: approval.approve(
            s, "IQ-0001", accept=True, reason=WHY, ceremony=never)),
        "qualify.assess": ({"qa"}, lambda s: qualification.assess(
            s, "DV-0001", accepted=True, reason=WHY, ceremony=never)),
        "qualify.review": ({"qa"}, lambda s: periodic.review(s, DAY, DAY, use, never)),
        "site.status": (READERS | {"admin"}, site_procedures.status),
        "site.backup": ({"admin"}, lambda s: backup.make(s, world.folder)),
        "site.restore-test": ({"admin", "qa"}, lambda s: backup.restore_test(s, world.folder)),
        "site.assess": ({"qa"}, lambda s: site_procedures.assess(s, "I-000001", WHY, never)),
    }  # fmt: skip


@pytest.mark.requirement("UR-AUDIT-16", reviewed="8666df3e", negative=True)
@pytest.mark.requirement("UR-PEOPLE-09", reviewed="9be18938", negative=True)
def test_everybody_else_is_refused_and_it_is_recorded(analysed: Any, people: Any) -> None:
    """Walks every procedure with every role that may not do it; nobody is asked for a passphrase."""
    expected: list[tuple[str, str, str]] = []
    content = len([entry for entry in analysed.entries() if entry.kind != "act_refused"])
    for right, (allowed, call) in nobody(analysed).items():
        for who in people.keys() - allowed:
            with pytest.raises(NotAuthorisedError, match="may not do this"):
                call(analysed.session(who))
            expected.append((people[who][0], right, "NotAuthorisedError"))
    assert analysed.refused() == expected
    assert len(expected) > 140
    assert len([entry for entry in analysed.entries() if entry.kind != "act_refused"]) == content


@pytest.mark.requirement("UR-PEOPLE-09", reviewed="9be18938")
def test_the_walk_is_complete(analysed: Any) -> None:
    """Every right of the table is walked, but for views of one record that share their procedure with the list."""
    from nesqc_gmp.identity.roles import RIGHTS

    walked = set(nobody(analysed))
    assert set().union(*RIGHTS.values()) - walked == {"models.show", "products.show", "models.install"}


def test_install_is_refused_too(analysed: Any, people: Any) -> None:
    """On its own: it runs the golden images before it asks."""
    folder = Path(__file__).parents[2] / "models"
    package = sorted(folder.glob("nes-morphology-sim-*/manifest.json"))[-1].parent
    with pytest.raises(NotAuthorisedError, match="may not do this"):
        models.install(analysed.session("operator"), package)
    assert analysed.refused() == [("o.brannstrom", "models.install", "NotAuthorisedError")]


@pytest.mark.requirement("UR-PEOPLE-10", reviewed="0153b226", negative=True)
def test_administrator_sees_no_batch(analysed: Any) -> None:
    for look in (batches.batches, lambda s: batches.show(s, "B-1"), certificates.certificates):
        with pytest.raises(NotAuthorisedError):
            look(analysed.session("admin"))
