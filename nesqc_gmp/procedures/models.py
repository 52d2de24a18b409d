"""Model packages: install, verify, approve, activate, retire, and load for a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from nesqc_gmp.errors import IntegrityError, InvalidInputError, ModelRefusedError, NesqcError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.ledger import Reader
from nesqc_gmp.modelpack.layout import CARD, MANIFEST
from nesqc_gmp.modelpack.lock import lock as lock_folder
from nesqc_gmp.modelpack.package import LockedModel, open_package, open_package_bytes, parse_manifest
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Record, Subject
from nesqc_gmp.records.models import (
    ModelActivated,
    ModelApproved,
    ModelDescription,
    ModelInstalled,
    ModelRetired,
)
from nesqc_gmp.records.signatures import ElectronicSignature, Meaning
from nesqc_gmp.state.feature_review import last_review, require_evidence
from nesqc_gmp.state.model_tests import (
    NO_TESTS,
    ModelTest,
    PackageTests,
    SealedSet,
    fold_test_sets,
    fold_tests,
    require_another_sealed,
)
from nesqc_gmp.state.models import Models, ModelState, Standing, fold_models, get, require, require_another
from nesqc_gmp.state.people import Person


def _subject(digest: str) -> Subject:
    return Subject(type="model", id=digest)


def lock(session: Session, folder: Path, description: Path) -> LockedModel:
    """Lock a folder of model, card and golden images: from here on one changed byte is another model.

    Args:
        session: A data scientist.
        folder: The parts of a package.
        description: JSON file with what is said of the model (``records.models.ModelDescription``).

    Raises:
        InvalidInputError: The description is not complete.
        ModelRefusedError: The folder is not a package, or the golden run does not give the golden outputs.
    """
    with session.viewing("models.lock"):
        try:
            value = ModelDescription.model_validate_json(description.read_bytes())
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"the description cannot be used: {error}", where=str(description)) from error
        model = lock_folder(folder, value)
    Engine(model)
    return model


def install(session: Session, folder: Path) -> ModelState:
    """Bring a locked package to the site: every byte into the store, after the golden run.

    Raises:
        ModelRefusedError: The package is not what its manifest names, or the golden run differs.
        InvalidInputError: It is installed already.
    """
    model = open_package(folder)
    engine = Engine(model)
    with session.acting("models.install", _subject(model.digest)) as act:
        if model.digest in fold_models(act.transaction.entries_about("model")):
            raise InvalidInputError("the package is installed already", where=model.digest[:16])
        for data in model.files().values():
            session.site.objects.put(data)
        record = ModelInstalled(
            model_sha256=model.digest, manifest=model.manifest, self_test=engine.runtime_facts().self_test
        )
        act.append(_subject(model.digest), record)
        return fold_models(act.transaction.entries("model", model.digest))[model.digest]


def load(site: Site, digest: str) -> LockedModel:
    """The package of this digest from the site's store, every byte hashed again.

    Raises:
        ModelRefusedError: A byte is not what was installed.
    """
    try:
        manifest_bytes = site.objects.read(digest)
        manifest = parse_manifest(manifest_bytes)
        files = {part.path: site.objects.read(part.sha256) for part in manifest.parts}
    except IntegrityError as error:
        raise ModelRefusedError(f"a file of the model was altered: {error}", where=digest[:16]) from error
    return open_package_bytes({MANIFEST: manifest_bytes, **files}, digest)


def verify(session: Session, name: str) -> ModelState:
    """Check an installed package byte for byte and repeat its golden run; a failure opens an incident.

    Raises:
        ModelRefusedError: It is not what was installed.
    """
    with session.viewing("models.verify") as reader:
        model = get(fold_models(reader.entries_about("model")), name)
    start(session.site, model.model_sha256)
    return model


def card(session: Session, name: str) -> str:
    """The card of an installed package, as it was locked: what the model is for, and what was measured.

    Raises:
        ModelRefusedError: A byte of the package is not what was installed.
    """
    with session.viewing("models.card") as reader:
        model = get(fold_models(reader.entries_about("model")), name)
    return load(session.site, model.model_sha256).parts[CARD].decode("utf-8")


def start(site: Site, digest: str) -> Engine:
    """An engine for a package; a refusal opens an incident.

    Raises:
        ModelRefusedError: A byte differs, or the golden run does.
    """
    try:
        return Engine(load(site, digest))
    except NesqcError as error:
        with site.ledger.writing() as transaction:
            site.open_incident(transaction, "model refused", f"{digest[:16]}: {error}")
        raise


def approve(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Approve an installed package; nobody approves what they installed, or what was tested on a set they sealed."""
    _step(session, name, reason, ceremony, ("approve", "installed", "approved"))


def activate(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Put an approved package into use; what its approval rested on has to hold still."""
    _step(session, name, reason, ceremony, ("activate", "approved", "activated"))


def retire(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Take an active package out of use."""
    _step(session, name, reason, ceremony, ("retire", "active", "retired"))


_Act = Literal["approve", "activate", "retire"]
_RECORDS: dict[_Act, type[ModelApproved | ModelActivated | ModelRetired]] = {
    "approve": ModelApproved,
    "activate": ModelActivated,
    "retire": ModelRetired,
}


def _step(session: Session, name: str, reason: str, ceremony: Ceremony, step: tuple[_Act, Standing, Meaning]) -> None:
    verb, standing, meaning = step
    with session.viewing(f"models.{verb}") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256

    def prepare(reader: Reader, person: Person) -> Prepared:
        model = get(fold_models(reader.entries_about("model")), digest)
        require(model, standing, verb)
        lines = _shown(model)
        if verb == "approve":
            require_another(model, person.id, "approves")
        if verb != "retire":
            package = fold_tests(reader.entries("model", digest)).get(digest, NO_TESTS)
            tested_on = _test_set(reader, package)
            if verb == "approve" and tested_on is not None:
                require_another_sealed(tested_on, person.id, "approves a package tested on")
            require_evidence(model, package)
            lines = (*lines, *evidence_for(model, package, tested_on))

        def make(signature: ElectronicSignature) -> Record:
            return _RECORDS[verb](model_sha256=digest, signature=signature)

        return make, Signer(meaning, lines)

    session.sign(f"models.{verb}", _subject(digest), prepare, ceremony, reason)


def _shown(model: ModelState) -> tuple[str, ...]:
    manifest = model.manifest
    return (
        f"Model {model.label}, digest {model.model_sha256}",
        f"Intended use: {manifest.intended_use}"[:390],
        f"Conforming from {manifest.conforming_from}, not conforming below {manifest.not_conforming_below}",
        *(f"Input check by the model, {label}: {limit}"[:390] for label, limit in manifest.check_lines()),
        "For demonstration only, not for GMP use" if manifest.demonstration else "Not marked as a demonstration",
    )


def _test_set(reader: Reader, package: PackageTests) -> SealedSet | None:
    """The set of the last plan, ``None`` where no plan was frozen."""
    if package.plan is None:
        return None
    name = package.plan.frozen.test_set
    return fold_test_sets(reader.entries("test-set", name))[name]


def evidence_for(model: ModelState, package: PackageTests, tested_on: SealedSet | None) -> tuple[str, ...]:
    """What speaks for a package and what against it, in words; what there is not is said as well."""
    use, plan, test = model.intended_use, package.plan, package.completed
    failed = sum(not each.completed for each in package.tests)
    return (
        "No intended use is signed" if use is None else f"Intended use signed by {use.name}, entry {use.index}",
        "No test plan was frozen"
        if plan is None
        else f"Test plan {plan.frozen.plan} on {plan.frozen.test_set}, signed by {plan.name}, entry {plan.index}",
        "No test was completed under the last plan"
        if test is None
        else f"Test {test.opened.test} run by {test.name}: {test.outcome}",
        *_consumed(tested_on),
        *_features(model, test),
        f"{len(package.tests)} tests in all, {failed} of them without figures; {len(package.plans)} plans in all",
    )


def _consumed(tested_on: SealedSet | None) -> tuple[str, ...]:
    """Why the set can test nothing any more; it may say something of the test that was made with it."""
    if tested_on is None or tested_on.consumed is None:
        return ()
    return (f"Test set {tested_on.sealed.test_set} was taken out of use, {tested_on.consumed}"[:390],)


def _features(model: ModelState, test: ModelTest | None) -> Iterator[str]:
    """Every review of the package, oldest first: a later one does not hide an earlier one."""
    for review in model.feature_reviews:
        sense = "make sense" if review.reviewed.sensible else "do not make sense"
        again = "" if review.reason is None else f"; reviewed again because: {review.reason}"
        yield (
            f"Heat maps of test {review.reviewed.test} reviewed by {review.name} ({review.person}), entry "
            f"{review.index}: the features {sense}{again}"
        )[:390]
    if last_review(model, test) is None:
        yield "The heat maps of that test are not reviewed"


def models(session: Session) -> Models:
    """All packages."""
    with session.viewing("models.list") as reader:
        return fold_models(reader.entries_about("model"))
