"""Specification and model: each was approved by another person than the one who brought it, before it was used."""

from __future__ import annotations

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.records import models, products
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.state.feature_review import require_evidence
from nesqc_gmp.state.model_tests import NO_TESTS, fold_tests
from nesqc_gmp.state.models import ModelState, fold_models
from nesqc_gmp.state.models import Standing as ModelStanding
from nesqc_gmp.state.models import get as get_model
from nesqc_gmp.state.models import require as require_model
from nesqc_gmp.state.products import SpecificationState, fold_specifications, get, require
from nesqc_gmp.verifier.proven import Proven

_NEEDS: dict[type[object], ModelStanding] = {
    models.ModelApproved: "installed",
    models.ModelActivated: "approved",
    models.ModelRetired: "active",
}


def approved_specification(proven: Proven, before: int) -> SpecificationState:
    """The specification as it stood below an index, its approval replayed.

    Raises:
        NesqcError: It was approved by the person who drafted it, or out of order.
    """
    name = proven.specification.identifier
    for entry in proven.about("specification", name):
        state = fold_specifications(proven.about("specification", name, entry.index)).get(name)
        if isinstance(entry.record, products.SpecificationApproved):
            if state is None or state.drafted_by == entry.actor.person:
                raise _own(entry, "the specification was approved by the person who drafted it")
            require(state, "drafted", "approve")
    return get(fold_specifications(proven.about("specification", name, before)), name)


def approved_model(proven: Proven) -> ModelState:
    """The model of the specification, its approval and activation replayed.

    Raises:
        NesqcError: It is missing, is not what its digest names, or was approved by its installer or out of order.
    """
    digest = proven.specification.morphology.model_sha256
    for entry in proven.about("model", digest):
        needed = _NEEDS.get(type(entry.record))
        if needed is None:
            continue
        state = get_model(fold_models(proven.about("model", digest, entry.index)), digest)
        require_model(state, needed, entry.kind.removeprefix("model_"))
        if needed == "installed" and state.installed_by == entry.actor.person:
            raise _own(entry, "the model was approved by the person who installed it")
        if needed != "active":
            _require_evidence(proven, state, entry)
    model = fold_models(proven.about("model", digest)).get(digest)
    if model is None:
        raise IntegrityError("the model that the specification names was never installed")
    if sha256_hex(canonical_json(model.manifest.model_dump(mode="json"))) != digest:
        raise IntegrityError("the manifest of the model does not have the digest that names it")
    return model


def _require_evidence(proven: Proven, state: ModelState, entry: Entry) -> None:
    """What approval and activation for real use rest on: a passed test of a plan that others froze, and a review."""
    digest = state.model_sha256
    tests = fold_tests(proven.about("model", digest, entry.index)).get(digest, NO_TESTS)
    require_evidence(state, tests)
    for test in tests.tests:
        plan = tests.plans[test.opened.plan - 1]
        if test.by == state.installed_by:
            raise _own(entry, "the model's test was run by who installed it")
        if plan.by in {test.by, state.installed_by}:
            raise _own(entry, "the plan of the model's test was frozen by who ran it or installed the model")


def _own(entry: Entry, what: str) -> IntegrityError:
    return IntegrityError(f"entry {entry.index}: {what}", first_bad=entry.index)
