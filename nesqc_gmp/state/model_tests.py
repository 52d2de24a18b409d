"""Test sets, frozen plans and tests of models, folded from the records about them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nesqc_gmp.errors import NotAuthorisedError, NotFoundError, OutOfSequenceError
from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.records import model_tests as records
from nesqc_gmp.records.base import Identifier
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.models import OutputName
from nesqc_gmp.state.models import Models, ModelState


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of the content of a test set."""

    index: int
    person: Identifier
    name: str
    role: str
    at: str
    read: records.TestSetRead


@dataclass(frozen=True, slots=True)
class SealedSet:
    """One test set.

    Attributes:
        sealed: The seal.
        by: Who sealed it.
        name: Their printed name.
        at: When, UTC.
        index: Index of the entry.
        openings: Every opening of its content.
        consumed: Why it can test nothing any more, ``None`` while it can.
    """

    sealed: records.TestSetSealed
    by: Identifier
    name: str
    at: str
    index: int
    openings: tuple[Opening, ...] = ()
    consumed: str | None = None


SealedSets = dict[str, SealedSet]


def fold_test_sets(entries: Iterable[Entry]) -> SealedSets:
    """All test sets by id, from the entries about test sets."""
    found: SealedSets = {}
    for entry in entries:
        actor = entry.actor
        match entry.record:
            case records.TestSetSealed(test_set=name) as sealed:
                found[name] = SealedSet(sealed, actor.person, actor.name, entry.time.utc, entry.index)
            case records.TestSetRead(test_set=name) as read:
                opening = Opening(entry.index, actor.person, actor.name, actor.role, entry.time.utc, read)
                found[name] = replace(found[name], openings=(*found[name].openings, opening))
            case records.TestSetConsumed(test_set=name):
                found[name] = replace(found[name], consumed=f"{entry.time.utc[:10]}, {actor.name}: {entry.reason}")
            case _:
                continue
    return found


def get_test_set(sets: SealedSets, name: str) -> SealedSet:
    """One test set.

    Raises:
        NotFoundError: There is none of this id.
    """
    if name not in sets:
        raise NotFoundError("there is no test set of this id", where=name, remedy="See `nesqc test-sets list`.")
    return sets[name]


def require_another_sealed(state: SealedSet, person: str, act: str) -> None:
    """Who judges a package by a set, or says how, is not who chose its images and knows its labels.

    Raises:
        NotAuthorisedError: The person sealed it.
    """
    if state.by == person:
        raise NotAuthorisedError(
            f"nobody {act} a test set they sealed", where=state.sealed.test_set, remedy="Another person does it."
        )


@dataclass(frozen=True, slots=True)
class FrozenPlan:
    """One frozen plan: who signed it, and when."""

    frozen: records.TestPlanFrozen
    by: Identifier
    name: str
    at: str
    index: int


@dataclass(frozen=True, slots=True)
class ModelTest:
    """One test of a package.

    Attributes:
        opened: What was recorded before the first score.
        by: Who ran it.
        name: Their printed name.
        at: When, UTC.
        index: Index of the entry that opened it.
        reason: Why it was run again, where an earlier one had ended without figures.
        closed: How it ended.
        closed_at: When, UTC.
    """

    opened: records.ModelTestOpened
    by: Identifier
    name: str
    at: str
    index: int
    reason: str | None
    closed: records.ModelTestClosed | None = None
    closed_at: str | None = None

    @property
    def completed(self) -> bool:
        """Whether it gave figures."""
        return self.closed is not None and self.closed.ending == "completed"

    @property
    def passed(self) -> bool:
        """Whether every criterion was passed."""
        return self.closed is not None and self.closed.verdict == "passed"

    @property
    def outcome(self) -> str:
        """For the eye: the verdict, or how it ended without one."""
        if self.closed is None:
            return "running or interrupted"
        return self.closed.verdict or self.closed.ending


@dataclass(frozen=True, slots=True)
class PackageTests:
    """Plans and tests of one package, every one of them."""

    plans: tuple[FrozenPlan, ...] = ()
    tests: tuple[ModelTest, ...] = ()

    @property
    def plan(self) -> FrozenPlan | None:
        """The plan that counts: the last one."""
        return self.plans[-1] if self.plans else None

    def of_plan(self, number: int) -> tuple[ModelTest, ...]:
        """The tests that ran one plan."""
        return tuple(test for test in self.tests if test.opened.plan == number)

    @property
    def completed(self) -> ModelTest | None:
        """The completed test of the last plan."""
        if self.plan is None:
            return None
        return next((test for test in self.of_plan(self.plan.frozen.plan) if test.completed), None)


NO_TESTS = PackageTests()
Tests = dict[str, PackageTests]


def fold_tests(entries: Iterable[Entry]) -> Tests:
    """Plans and tests by the digest of the package, from the entries about models."""
    found: Tests = {}
    for entry in entries:
        actor, at = entry.actor, entry.time.utc
        match entry.record:
            case records.TestPlanFrozen(model_sha256=digest) as frozen:
                package = found.get(digest, NO_TESTS)
                plan = FrozenPlan(frozen, actor.person, actor.name, at, entry.index)
                found[digest] = replace(package, plans=(*package.plans, plan))
            case records.ModelTestOpened(model_sha256=digest) as opened:
                package = found[digest]
                test = ModelTest(opened, actor.person, actor.name, at, entry.index, entry.reason)
                found[digest] = replace(package, tests=(*package.tests, test))
            case records.ModelTestClosed(model_sha256=digest) as closed:
                *before, last = found[digest].tests
                ended = replace(last, closed=closed, closed_at=at)
                found[digest] = replace(found[digest], tests=(*before, ended))
            case _:
                continue
    return found


_OF_THE_NETWORK: tuple[OutputName, ...] = ("embedding", "tile_embeddings", "map", "logit")
"""Outputs made of the last feature map alone; ``probability`` may round to 0 or 1 in any network."""


@dataclass(frozen=True, slots=True)
class Use:
    """One test in which a test set was used.

    Attributes:
        model_sha256: The package.
        model: Its name.
        label: Its name and version.
        network_sha256: Digest of its ``model.onnx``.
        golden_outputs: What it gives for its golden images (``ModelState.golden_outputs``).
        plan: Number of the plan.
        test: Number of the test.
        at: When it was opened, UTC.
        outcome: What came of it.
        gave_results: Whether an image of the set was scored, so that somebody may know a result.
    """

    model_sha256: str
    model: str
    label: str
    network_sha256: str
    golden_outputs: dict[tuple[str, str], str]
    plan: int
    test: int
    at: str
    outcome: str
    gave_results: bool

    def likeness(self, model: ModelState) -> str | None:
        """Why it was a test of the same model, ``None`` where nothing shows that it was.

        A package is one of the same network where one output that is made of its last feature map is equal, bit for
        bit, for every golden image that both packages have. Temperature, thresholds and the input check change none of
        the embeddings, and what is done to one output alone leaves the others.
        """
        if self.model == model.manifest.name:
            return "the same name"
        if self.network_sha256 == model.network_sha256:
            return f"the same {MODEL}"
        theirs = model.golden_outputs
        for output in _OF_THE_NETWORK:
            both = {key for key in self.golden_outputs.keys() & theirs.keys() if key[1] == output}
            if both and all(self.golden_outputs[key] == theirs[key] for key in both):
                return f"the same output {output} for every golden image that both have"
        return None

    def informs(self, model: ModelState) -> bool:
        """Whether it gave results for the same model."""
        return self.gave_results and self.likeness(model) is not None


def uses_of(name: str, tests: Tests, models: Models) -> tuple[Use, ...]:
    """Every test in which a set was used, oldest first."""
    found = [
        (test.index, _use(models[digest], test))
        for digest, package in tests.items()
        for test in package.tests
        if package.plans[test.opened.plan - 1].frozen.test_set == name
    ]
    return tuple(use for _, use in sorted(found, key=lambda pair: pair[0]))


def _use(model: ModelState, test: ModelTest) -> Use:
    gave_results = test.closed is None or test.closed.tested > 0
    opened = test.opened
    return Use(
        model.model_sha256,
        model.manifest.name,
        model.label,
        model.network_sha256,
        model.golden_outputs,
        opened.plan,
        opened.test,
        test.at,
        test.outcome,
        gave_results,
    )


def require_unspent(state: SealedSet, uses: Iterable[Use], model: ModelState, plan: int | None = None) -> None:
    """A plan may rest on a set: no result of it can have informed the package or the plan.

    A result of the same model, whatever its version and under whatever name, may have informed a change, and a plan
    written after a result can be made to fit it (EU GMP Annex 22 draft 6.3).

    Args:
        state: The set.
        uses: Its uses.
        model: The package.
        plan: The plan that is run, where one is: an earlier run of it that ended without figures does not count.

    Raises:
        OutOfSequenceError: The set is consumed, by signature or because it gave a result.
    """
    name, remedy = state.sealed.test_set, "Seal a new set of images that nobody has tested with."
    if state.consumed is not None:
        raise OutOfSequenceError(f"the test set is consumed: {state.consumed}", where=name, remedy=remedy)
    for use in uses:
        own = (use.model_sha256, use.plan) == (model.model_sha256, plan)
        if use.informs(model) and not own:
            raise OutOfSequenceError(
                f"the test set is consumed for {use.model}: test {use.test} of {use.label} on {use.at[:10]} gave "
                f"results, which may have informed this package or this plan; the two have {use.likeness(model)}",
                where=name,
                remedy=remedy,
            )


def spent_sets(sets: SealedSets, tests: Tests, models: Models, model: ModelState) -> tuple[SealedSet, ...]:
    """The sets whose images test the model no more: consumed by signature, or by a result for the same model."""
    return tuple(
        state
        for name, state in sets.items()
        if state.consumed is not None or any(use.informs(model) for use in uses_of(name, tests, models))
    )


def require_not_failed(model: ModelState, tests: PackageTests) -> None:
    """Every completed test of the package passed; what did not pass once is not tested again until it does.

    Raises:
        OutOfSequenceError: One did not pass.
    """
    for test in tests.tests:
        if test.completed and not test.passed:
            raise OutOfSequenceError(
                f"test {test.opened.test} of plan {test.opened.plan} came out {test.outcome}", where=model.label,
                remedy="A package that did not pass is not planned again or approved. Make a new one and test it on a "
                "new set.",
            )  # fmt: skip


def results_id(digest: str, number: int) -> Identifier:
    """Id of one test, under which the results of its images stand in the log."""
    return f"{digest[:32]}.{number}"


def fold_results(entries: Iterable[Entry]) -> dict[str, records.ImageTested]:
    """The results of one test by image, from the entries about it."""
    return {
        entry.record.image: entry.record for entry in entries if isinstance(entry.record, records.ImageTested)
    }  # fmt: skip


def feature_sample(plan: records.TestPlanFrozen, content: records.TestSetContent) -> tuple[records.TestImage, ...]:
    """The images that the plan draws for the review of features, of each class as many as it says.

    The draw is the order of SHA-256 over the seed and the digest of the image, so it is the same on every machine and
    was settled when the plan was signed. A class with fewer images gives all of them.
    """

    def drawn(image: records.TestImage) -> str:
        return hashlib.sha256(f"{plan.seed}\n{image.sha256}\n{image.image}".encode()).hexdigest()

    ordered = sorted(content.images, key=drawn)
    classes: tuple[records.Label, ...] = ("not conforming", "conforming")
    return tuple(
        image for label in classes for image in [i for i in ordered if i.label == label][: plan.feature_images]
    )


def require_tested(model: ModelState, tests: PackageTests) -> None:
    """A package failed no test; one that is no demonstration was tested by its last plan, to the end, and passed.

    Raises:
        OutOfSequenceError: It was not.
    """
    require_not_failed(model, tests)
    if model.manifest.demonstration:
        return
    use = model.intended_use
    if tests.plan is None:
        raise OutOfSequenceError(
            "the package was never tested on this site", where=model.label, remedy="Freeze a plan: `nesqc models plan`."
        )
    if tests.completed is None:
        raise OutOfSequenceError(
            f"no test of plan {tests.plan.frozen.plan} was completed", where=model.label,
            remedy="Run it with `nesqc models test`.",
        )  # fmt: skip
    if use is None or use.index != tests.plan.frozen.intended_use:
        raise OutOfSequenceError(
            "another intended use was signed since the plan was frozen", where=model.label,
            remedy="Freeze a new plan under it and test on a new set.",
        )  # fmt: skip
