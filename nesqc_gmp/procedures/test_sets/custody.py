"""The custody of sealed test sets: listed without content, opened only on record, consumed for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nesqc_gmp.errors import IntegrityError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Record, Subject
from nesqc_gmp.records.images import KnownImage
from nesqc_gmp.records.model_tests import (
    LISTED,
    DevelopmentImage,
    TestImage,
    TestSetConsumed,
    TestSetContent,
    TestSetRead,
    TestSetSealed,
)
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.model_tests import (
    SealedSet,
    SealedSets,
    Use,
    fold_test_sets,
    fold_tests,
    get_test_set,
    spent_sets,
    uses_of,
)
from nesqc_gmp.state.models import fold_models
from nesqc_gmp.state.people import Person

if TYPE_CHECKING:
    pass


def subject(name: str) -> Subject:
    """The test set as an entry names it."""
    return Subject(type="test-set", id=name)


@dataclass(frozen=True, slots=True)
class Listed:
    """A test set with the uses that are known of it."""

    state: SealedSet
    uses: tuple[Use, ...]


def listed(session: Session) -> tuple[Listed, ...]:
    """All test sets with their counts and uses; nothing of their content."""
    with session.viewing("test-sets.list") as reader:
        return tuple(Listed(state, _uses(reader, name)) for name, state in _all(reader).items())


def _all(reader: Reader) -> SealedSets:
    return fold_test_sets(reader.entries_about("test-set"))


def _uses(reader: Reader, name: str) -> tuple[Use, ...]:
    return uses_of(name, fold_tests(reader.entries_about("model")), fold_models(reader.entries_about("model")))


def show(session: Session, name: str) -> tuple[Listed, TestSetContent]:
    """One test set with its content, which is recorded as read.

    Raises:
        NotFoundError: There is none of this id.
        IntegrityError: Its content was altered; recorded.
    """
    state, content = open_content(session, "test-sets.show", name, "shown")
    with session.viewing("test-sets.show") as reader:
        return Listed(state, _uses(reader, name)), content


def open_content(
    session: Session,
    right: str,
    name: str,
    purpose: Literal["shown", "plan", "test", "feature review", "performance qualification"],
    model_sha256: str | None = None,
    number: int | None = None,
) -> tuple[SealedSet, TestSetContent]:
    """Open the content of a set; nobody gets it before the opening is in the log.

    Args:
        session: Who opens it.
        right: The act for which it is opened.
        name: Id of the set.
        purpose: For what.
        model_sha256: The package it is opened for.
        number: Number of the plan or test.

    Raises:
        NotFoundError: There is no such set.
        NotAuthorisedError: The person may not; recorded.
        IntegrityError: The content was altered; recorded.
    """
    with session.acting(right, subject(name)) as act:
        sealed = get_test_set(fold_test_sets(act.transaction.entries("test-set", name)), name).sealed
        content = read_content(session.site, sealed)
        record = TestSetRead(test_set=name, purpose=purpose, model_sha256=model_sha256, number=number)
        act.append(subject(name), record)
        return fold_test_sets(act.transaction.entries("test-set", name))[name], content


def read_content(site: Site, sealed: TestSetSealed) -> TestSetContent:
    """The content that a seal names; for procedures that have recorded the opening.

    Raises:
        IntegrityError: It was altered, or is not the content of this set.
    """
    content = TestSetContent.model_validate_json(site.objects.read(sealed.content_sha256))
    if content.test_set != sealed.test_set or len(content.images) != sealed.images:
        raise IntegrityError(
            "the content is that of another set", where=sealed.test_set, remedy="Run `nesqc audit verify`."
        )
    return content


def shared(images: Sequence[TestImage], known: Sequence[tuple[str, DevelopmentImage | TestImage]]) -> Iterator[str]:
    """Images, cultures and donors that are on both sides, in words.

    Args:
        images: Images of a test set.
        known: The images to compare with, each with the name of where it stands.
    """
    from nesqc_gmp.imaging.duplicates import KnownImages

    other = KnownImages()
    other.add(
        KnownImage(
            sha256=each.sha256, pixels_sha256=each.pixels_sha256, perceptual_hash=each.perceptual_hash,
            batch=place, image=each.image,
        )
        for place, each in known
    )  # fmt: skip
    for image in images:
        for copy in other.like(image):
            yield f"{image.image} and {copy.image} ({copy.batch}): {copy.kind}"
    used = {"culture": {each.culture for _, each in known}, "donor": {each.donor for _, each in known}}
    for column, values in used.items():
        folded = {value.casefold() for value in values}
        for value in sorted({str(getattr(image, column)) for image in images}):
            if value.casefold() in folded:
                yield f"{column} {value} is in both"


def first_of(found: Sequence[str]) -> str:
    """The first findings in one line, and how many more there are."""
    rest = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return f"{'; '.join(found[:LISTED])}"[:1700] + rest


def require_unspent_images(
    session: Session,
    right: str,
    content: TestSetContent,
    digest: str,
    purpose: Literal["plan", "test"],
    number: int | None = None,
) -> None:
    """No image, culture or donor of a set stands in another one that tests the package no more.

    Args:
        session: Who plans or tests.
        right: The act for which the spent sets are opened; every opening is recorded.
        content: The set.
        digest: The package.
        purpose: For what they are opened.
        number: Number of the test.

    Raises:
        OutOfSequenceError: Some do; recorded, with the pairs.
        IntegrityError: The content of a spent set was altered; recorded.
    """
    with session.viewing(right) as reader:
        models, tests = fold_models(reader.entries_about("model")), fold_tests(reader.entries_about("model"))
        spent = spent_sets(_all(reader), tests, models, models[digest])
    for state in spent:
        name = state.sealed.test_set
        if name == content.test_set:
            continue
        _, other = open_content(session, right, name, purpose, digest, number)
        found = list(shared(content.images, [(name, each) for each in other.images]))
        if found:
            error = OutOfSequenceError(
                f"these images were spent as {name}: {first_of(found)}", where=content.test_set,
                remedy="Seal a new set of images, cultures and donors that nobody has tested with.",
            )  # fmt: skip
            session.refuse(right, error, Subject(type="model", id=digest))


def consume(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Sign that a result of the set has informed a change: it tests nothing any more.

    Raises:
        NotFoundError: There is no such set.
        OutOfSequenceError: It is consumed already.
    """

    def prepare(reader: Reader, _: Person) -> Prepared:
        state = get_test_set(fold_test_sets(reader.entries("test-set", name)), name)
        if state.consumed is not None:
            raise OutOfSequenceError(f"the set is consumed already: {state.consumed}", where=name)

        def make(signature: ElectronicSignature) -> Record:
            return TestSetConsumed(test_set=name, signature=signature)

        lines = (
            f"Test set {name}, content {state.sealed.content_sha256}",
            f"{state.sealed.images} images, opened {len(state.openings)} times since it was sealed",
            "From now on it can test no model",
        )
        return make, Signer("retired", lines)

    session.sign("test-sets.consume", subject(name), prepare, ceremony, reason)
