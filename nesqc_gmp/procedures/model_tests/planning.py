"""Freezing the plan of a test: everything that decides about its outcome is signed before the first score.

EU GMP Annex 22 draft 4.2 and 7.2: metrics, criteria, data, script and calculations are approved beforehand. Nothing of
the file counts after the signature; what counts is the record, which nobody can change.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from nesqc_gmp.decision.input_check import check_stated
from nesqc_gmp.errors import InvalidInputError, ModelRefusedError, NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.modelpack.layout import TRAINING
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.procedures import models as model_procedures
from nesqc_gmp.procedures import test_sets
from nesqc_gmp.procedures.evaluation import require_evaluation
from nesqc_gmp.procedures.files import read_given_toml
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import PLACEHOLDER, Prepared, Signer
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.model_tests import (
    LISTED,
    DevelopmentImage,
    Label,
    PlannedCriterion,
    TestImage,
    TestPlan,
    TestPlanFrozen,
    TestSetContent,
)
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.model_tests import (
    NO_TESTS,
    SealedSet,
    Use,
    fold_test_sets,
    fold_tests,
    get_test_set,
    require_another_sealed,
    require_not_failed,
    require_unspent,
    uses_of,
)
from nesqc_gmp.state.models import ModelState, fold_models, get, require_another
from nesqc_gmp.state.people import Person

UPPER = frozenset({"undecided rate", "refused rate", "Brier score"})
"""As ``statistics.acceptance.UPPER``, which is too heavy to import for a signature."""

_NO_READINGS = "not assessable without readings of people"

_DEVELOPMENT: TypeAdapter[tuple[DevelopmentImage, ...]] = TypeAdapter(tuple[DevelopmentImage, ...])
Independence = Literal["no copy found by digests", "not shown by digests"]


def read_plan(path: Path) -> TestPlan:
    """Read a plan from a TOML file.

    Raises:
        InvalidInputError: The file cannot be read, or a field is missing, unknown or wrong; every one is named.
    """
    return read_given_toml(path, TestPlan, "plan", "Compare with the example in SOP-04.")


def plan(session: Session, name: str, written: TestPlan, ceremony: Ceremony) -> TestPlanFrozen:
    """Freeze a plan for an installed package, signed; a further one is a new record, and the last one counts.

    Args:
        session: QA.
        name: The package.
        written: The plan.
        ceremony: Shows what is frozen and asks for id and passphrase.

    Returns:
        What was frozen.

    Raises:
        NotFoundError: There is no such package or set, or the packages that compute figures are not installed.
        NotAuthorisedError: The person installed the package or sealed the set, or the set was sealed by who installed
            the package; recorded.
        OutOfSequenceError: The package is retired, has no signed intended use, did not pass a test, or is being
            tested; the set is consumed, holds simulated images for a real package, or holds copies of development
            images or of images of a spent set, or no image of one class lies in the input sample space; recorded.
        InvalidInputError: The plan names a subgroup that the set does not have.
    """
    require_evaluation()
    with session.viewing("models.plan") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256
    subject = Subject(type="model", id=digest)
    with session.acting("models.plan", subject) as act:
        _standing(act.transaction, digest, written.test_set, session.person)
    _, content = test_sets.open_content(session, "models.plan", written.test_set, "plan", digest)
    _require_columns(written, content)
    test_sets.require_unspent_images(session, "models.plan", content, digest, "plan")
    independence = _independence(session, subject, digest, content)
    analysis = _analysis()

    def prepare(reader: Reader, person: Person) -> Prepared:
        model, state, uses, number = _standing(reader, digest, written.test_set, person.id)
        use = model.intended_use
        outside = _outside(model, content)
        warnings = tuple(_warnings(written, content, state.sealed.copies_across, outside))[:LISTED]

        def make(signature: ElectronicSignature) -> TestPlanFrozen:
            return TestPlanFrozen(
                model_sha256=digest,
                plan=number,
                test_set=written.test_set,
                content_sha256=state.sealed.content_sha256,
                intended_use=None if use is None else use.index,
                justification=written.justification,
                criteria=written.criteria,
                subgroups=written.subgroups,
                feature_images=written.feature_images,
                seed=written.seed,
                analysis_sha256=analysis,
                independence=independence,
                warnings=warnings,
                signature=signature,
            )

        return make, Signer("approved", _shown(model, state, uses, make(PLACEHOLDER)))

    session.sign("models.plan", subject, prepare, ceremony)
    with session.viewing("models.plan") as reader:
        return fold_tests(reader.entries("model", digest))[digest].plans[-1].frozen


def _analysis() -> str:
    from nesqc_gmp.statistics.source import analysis_sha256

    return analysis_sha256()


def _standing(
    reader: Reader, digest: str, test_set: str, person: str
) -> tuple[ModelState, SealedSet, tuple[Use, ...], int]:
    """Package, set, earlier uses of the set and number of the plan, once nothing stands against it."""
    models, tests = fold_models(reader.entries_about("model")), fold_tests(reader.entries_about("model"))
    model = models[digest]
    require_another(model, person, "freezes the plan for")
    if model.standing == "retired":
        raise OutOfSequenceError("the package is retired", where=model.label)
    if not model.manifest.demonstration and model.intended_use is None:
        raise OutOfSequenceError(
            "the intended use of the package is not signed", where=model.label,
            remedy="The subject matter expert signs it first: `nesqc models intend`.",
        )  # fmt: skip
    package = tests.get(digest, NO_TESTS)
    require_not_failed(model, package)
    if any(test.closed is None for test in package.tests):
        raise OutOfSequenceError(
            "a test of the package is running or was interrupted", where=model.label,
            remedy="Let it end; `nesqc models test` closes an interrupted one.",
        )  # fmt: skip
    state = get_test_set(fold_test_sets(reader.entries("test-set", test_set)), test_set)
    require_another_sealed(state, person, "freezes a plan on")
    if state.by == model.installed_by:
        raise NotAuthorisedError(
            f"{state.name} sealed the test set and installed the package", where=test_set,
            remedy="Who brings a model does not hold its test data: let another person seal another set.",
        )  # fmt: skip
    if state.sealed.simulated and not model.manifest.demonstration:
        raise OutOfSequenceError(
            f"{state.sealed.simulated} images of the set are simulated; they show nothing of a model for real use",
            where=test_set,
            remedy="Seal a set of images of real cultures.",
        )
    uses = uses_of(test_set, tests, models)
    require_unspent(state, uses, model)
    return model, state, uses, len(package.plans) + 1


def _require_columns(written: TestPlan, content: TestSetContent) -> None:
    """Subgroups that the plan names are columns of the set; a value that no image has is an empty subgroup."""
    known = {name for image in content.images for name, _ in image.subgroups} | {"culture", "donor", "label"}
    named = [*written.subgroups, *(each.subgroup[0] for each in written.criteria if each.subgroup)]
    unknown = [repr(column) for column in dict.fromkeys(named) if column not in known]
    if unknown:
        raise InvalidInputError(
            f"no image of the test set has a value of {', '.join(unknown)}", where="plan, subgroups",
            remedy=f"Its columns are {', '.join(sorted(known))}.",
        )  # fmt: skip


def _outside(model: ModelState, content: TestSetContent) -> Counter[str]:
    """Images by the rule of the input check that file and manifest alone fail, the first one where there are several.

    Raises:
        OutOfSequenceError: No image of one class is inside: the test would spend the set and show nothing.
    """
    space = model.input_space
    failed = {
        image.image: next((found for found in check_stated(image, space, pixel_size_um=None) if not found.passed), None)
        for image in content.images
    }
    for label in ("conforming", "not conforming"):
        found = [failed[image.image] for image in content.images if image.label == label]
        first = found[0]
        if first is not None and None not in found:
            raise OutOfSequenceError(
                f"none of the {len(found)} {label} images of the set lies in the input sample space: {first.rule} is "
                f"{first.measured}, and {first.limit} is accepted",
                where=f"{content.test_set} for {model.label}",
                remedy="Compare with `nesqc models show`. Seal a set of images of the kind that the model takes.",
            )
    return Counter(each.rule for each in failed.values() if each is not None)


def _independence(session: Session, subject: Subject, digest: str, content: TestSetContent) -> Independence:
    """Compare the set with every image the package was developed with, where the package says which.

    Raises:
        OutOfSequenceError: An image, culture or donor is in both; recorded.
    """
    try:
        known = _developed_with(model_procedures.load(session.site, digest))
    except ModelRefusedError as error:
        session.refuse("models.plan", error, subject)
    if known is None:
        return "not shown by digests"
    found = list(test_sets.shared(content.images, [(each.split, each) for each in known]))
    if found:
        shared = OutOfSequenceError(
            f"the test set is not independent of the package: {test_sets.first_of(found)}",
            where=content.test_set,
            remedy="Seal a set without them. Images, cultures and donors of the development test nothing.",
        )
        session.refuse("models.plan", shared, subject)
    return "no copy found by digests"


def _developed_with(model: LockedModel) -> tuple[DevelopmentImage, ...] | None:
    """The images that the package lists as its development, ``None`` where it lists none or an empty list.

    Raises:
        ModelRefusedError: The list is not one.
    """
    try:
        listed = json.loads(model.parts[TRAINING]).get("development") if TRAINING in model.parts else None
        return None if listed is None else _DEVELOPMENT.validate_json(json.dumps(listed)) or None
    except (ValueError, AttributeError, ValidationError) as error:
        raise ModelRefusedError(
            "the list of development images in the package cannot be read", where=TRAINING,
            remedy="Ask who made the package for one with a correct list.",
        ) from error  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Cultures:
    """Cultures of a subgroup by label, those with readings, and by reader each culture they read as a whole."""

    conforming: int
    not_conforming: int
    read: int
    readings: dict[str, list[Label]]


def _cultures(content: TestSetContent, subgroup: tuple[str, str] | None) -> _Cultures:
    chosen = [
        image
        for image in content.images
        if subgroup is None
        or subgroup in image.subgroups
        or subgroup in {("culture", image.culture), ("donor", image.donor), ("label", image.label)}
    ]
    labels = Counter(label for _, label in {(image.culture, image.label) for image in chosen})
    read = {image.culture for image in chosen if image.readings}
    return _Cultures(labels["conforming"], labels["not conforming"], len(read), _readings(chosen))


def _readings(images: Sequence[TestImage]) -> dict[str, list[Label]]:
    from nesqc_gmp.statistics.outcomes import culture_readings

    by_culture: dict[str, list[TestImage]] = {}
    for image in images:
        by_culture.setdefault(image.culture, []).append(image)
    found: dict[str, list[Label]] = {}
    for culture in by_culture.values():
        for reader, reading in culture_readings([image.readings for image in culture]):
            found.setdefault(reader, []).append(reading)
    return found


def _warnings(written: TestPlan, content: TestSetContent, copies_across: int, outside: Counter[str]) -> Iterator[str]:
    """What QA should know before signing: units that may be one, and criteria that no result of this set could pass."""
    from nesqc_gmp.statistics.boundary import no_difference

    if copies_across:
        pairs = "1 pair of images looks" if copies_across == 1 else f"{copies_across} pairs of images look"
        yield f"{pairs} like copies across cultures or donors; the cultures may not be independent"
    if outside:
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(outside.items()))
        yield (
            f"{outside.total()} of {len(content.images)} images lie outside the input sample space and will be "
            f"refused, which counts as wrong: {rules}"
        )
    for criterion in written.criteria:
        cultures = _cultures(content, criterion.subgroup)
        reason = _unreachable(criterion, cultures)
        if reason:
            yield f"{criterion_words(criterion)}: cannot be passed with this set: {reason}"
        elif criterion.metric == "non-inferiority" and (open_ := no_difference(cultures.read)) >= float(
            criterion.limit
        ):
            yield (
                f"{criterion_words(criterion)}: {cultures.read} cultures without a difference give a bound of "
                f"-{open_:.3f}, so only a model that is right more often than the reader passes"
            )
    single = sum(len(image.readers) < 2 for image in content.images)
    if single:
        yield f"{single} of {len(content.images)} images were labelled by fewer than two readers"


def _unreachable(criterion: PlannedCriterion, cultures: _Cultures) -> str | None:
    """Why the best possible result would not pass, ``None`` where it would."""
    from nesqc_gmp.statistics.boundary import no_loss, perfect_separation
    from nesqc_gmp.statistics.planning import sample_size

    if criterion.metric == "kappa":
        return _unreachable_kappa(criterion, cultures.readings)
    both = cultures.conforming + cultures.not_conforming
    units = {
        "sensitivity": cultures.not_conforming,
        "not missed": cultures.not_conforming,
        "specificity": cultures.conforming,
        "non-inferiority": cultures.read,
    }.get(criterion.metric, both)
    if criterion.metric == "non-inferiority" and not cultures.read:
        return _NO_READINGS
    if units < criterion.cultures_min:
        return f"{units} cultures, and the plan asks for {criterion.cultures_min}"
    if criterion.metric == "AUROC" and min(cultures.conforming, cultures.not_conforming) == 0:
        return "cultures of one class only"
    limit = float(criterion.limit)
    if criterion.metric == "non-inferiority":
        return None
    if criterion.metric in {"AUROC", "Brier score"}:
        if criterion.metric == "AUROC":
            best = perfect_separation(cultures.conforming, cultures.not_conforming)
        else:
            best = no_loss(units)
        short = best > limit if criterion.metric in UPPER else best < limit
        return f"{units} cultures without an error give a bound of {best:.3f}" if short else None
    bound = float(1 - Decimal(criterion.limit) if criterion.metric in UPPER else Decimal(criterion.limit))
    needed = sample_size(bound, 0).units
    return f"{units} cultures, and {needed} without an error are needed" if units < needed else None


def _unreachable_kappa(criterion: PlannedCriterion, readings: dict[str, list[Label]]) -> str | None:
    """The same for kappa: a model that agrees with the reader on every culture has the reader's shares of answers."""
    from nesqc_gmp.statistics.boundary import perfect_agreement

    if not readings:
        return _NO_READINGS
    most = max(map(len, readings.values()))
    if most < criterion.cultures_min:
        return f"{most} cultures with readings, and the plan asks for {criterion.cultures_min}"
    for reader, given in readings.items():
        if len(set(given)) == 1:
            return f"{reader} gave one and the same answer to every culture"
    best, reader = min(
        (perfect_agreement(len(given), given.count("conforming") / len(given)), reader)
        for reader, given in readings.items()
    )
    if best >= float(criterion.limit):
        return None
    units = len(readings[reader])
    return f"{units} cultures without a difference from {reader} give a bound of {best:.3f}"


def criterion_words(criterion: PlannedCriterion) -> str:
    """A criterion as people read it."""
    where = f" where {criterion.subgroup[0]} is {criterion.subgroup[1]}" if criterion.subgroup else ""
    if criterion.metric == "non-inferiority":
        rule = f"lower bound above -{criterion.limit}"
    elif criterion.metric in UPPER:
        rule = f"upper bound at most {criterion.limit}"
    else:
        rule = f"lower bound at least {criterion.limit}"
    return f"{criterion.metric}{where}, {rule}, on at least {criterion.cultures_min} cultures"


def _earlier_uses(uses: tuple[Use, ...]) -> Iterator[str]:
    if not uses:
        yield "No test has used the set"
    for use in uses[:LISTED]:
        yield f"Earlier use of the set: test {use.test} of {use.label} on {use.at[:10]}: {use.outcome}"
    if len(uses) > LISTED:
        yield f"and {len(uses) - LISTED} more uses of the set"


def _shown(model: ModelState, state: SealedSet, uses: tuple[Use, ...], record: TestPlanFrozen) -> tuple[str, ...]:
    sealed = state.sealed
    use = model.intended_use
    return (
        f"Plan {record.plan} for the test of {model.label}, digest {record.model_sha256}",
        "For demonstration only, not for GMP use" if model.manifest.demonstration else "Not marked as a demonstration",
        "No intended use was signed" if use is None else f"Intended use of entry {use.index}, signed by {use.name}",
        f"Test set {sealed.test_set}, content {sealed.content_sha256}, sealed by {state.name} on {state.at[:10]}",
        f"  {sealed.images} images: {sealed.conforming} conforming of {sealed.cultures_conforming} cultures, "
        f"{sealed.not_conforming} not conforming of {sealed.cultures_not_conforming} cultures, {sealed.donors} donors",
        f"  {sealed.simulated} images are simulated; {len(sealed.conflicting)} copies with different labels",
        *_earlier_uses(uses),
        f"Independence of the test data: {record.independence}",
        f"Justification: {record.justification}",
        *(f"Criterion {n}: {criterion_words(each)}" for n, each in enumerate(record.criteria, start=1)),
        "All bounds are those of two-sided 95 % intervals with cultures as units; undecided counts as wrong",
        f"Subgroups: {', '.join(record.subgroups) or 'none'}",
        f"Feature review: {record.feature_images} images of each class, drawn by seed {record.seed}",
        f"Analysis: source files of nesqc_gmp.statistics, digest {record.analysis_sha256}",
        *(f"WARNING: {warning}" for warning in record.warnings),
        "The plan runs once, as it stands here. No option of the test changes it",
    )
