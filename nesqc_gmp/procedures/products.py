"""Specifications: draft from a file, approve by a second person, retire."""

from __future__ import annotations

from pathlib import Path

from nesqc_gmp.errors import InvalidInputError, NotAuthorisedError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.files import read_given_toml
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.products import (
    Specification,
    SpecificationApproved,
    SpecificationDrafted,
    SpecificationRetired,
)
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state import models as model_state
from nesqc_gmp.state.people import Person
from nesqc_gmp.state.products import Specifications, fold_specifications, get, require, require_next_version


def _subject(name: str) -> Subject:
    return Subject(type="specification", id=name)


def read_specification(path: Path) -> Specification:
    """Read a specification from a TOML file.

    Raises:
        InvalidInputError: The file cannot be read, or a field is missing, unknown or wrong; every one is named.
    """
    return read_given_toml(
        path, Specification, "specification", "Compare with the example that `nesqc demo` leaves beside its site."
    )


def draft(session: Session, specification: Specification) -> str:
    """Enter a draft; returns its id.

    Raises:
        OutOfSequenceError: The version is not the next one.
    """
    name = specification.identifier
    with session.acting("products.draft", _subject(name)) as act:
        require_next_version(fold_specifications(act.transaction.entries_about("specification")), specification)
        act.append(_subject(name), SpecificationDrafted(specification=specification))
    return name


def approve(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Approve a draft; nobody approves their own.

    Raises:
        OutOfSequenceError: It is not a draft, or the model it names is not active.
        NotAuthorisedError: The approver drafted it.
    """

    def prepare(reader: Reader, person: Person) -> Prepared:
        found = get(fold_specifications(reader.entries_about("specification")), name)
        require(found, "drafted", "approve")
        if found.drafted_by == person.id:
            raise NotAuthorisedError("nobody approves their own draft", where=name)
        test = found.specification.morphology
        model = model_state.require_active(model_state.fold_models(reader.entries_about("model")), test.model_sha256)
        if (model.manifest.name, model.manifest.model_version) != (test.model, test.model_version):
            raise InvalidInputError(
                f"the digest belongs to {model.label}, not to {test.model} {test.model_version}", where=name
            )
        if test.heterogeneity_max is not None and model.manifest.tile_embedding_scale is None:
            raise InvalidInputError(
                f"the specification limits the heterogeneity of a culture, which {model.label} does not measure",
                where=name,
                remedy="Take the limit out, or name a model that measures it.",
            )

        def make(signature: ElectronicSignature) -> SpecificationApproved:
            return SpecificationApproved(specification_id=name, signature=signature)

        return make, Signer("approved", _shown(found.specification))

    session.sign("products.approve", _subject(name), prepare, ceremony, reason)


def retire(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Take an approved specification out of use for new batches.

    Raises:
        OutOfSequenceError: It is not approved.
    """

    def prepare(reader: Reader, _: Person) -> Prepared:
        found = get(fold_specifications(reader.entries_about("specification")), name)
        require(found, "approved", "retire")

        def make(signature: ElectronicSignature) -> SpecificationRetired:
            return SpecificationRetired(specification_id=name, signature=signature)

        return make, Signer("retired", _shown(found.specification))

    session.sign("products.retire", _subject(name), prepare, ceremony, reason)


def _shown(specification: Specification) -> tuple[str, ...]:
    test = specification.morphology
    return (
        f"Specification {specification.identifier}: {specification.name}"[:390],
        f"Model {test.model} {test.model_version}, digest {test.model_sha256}",
        f"Conforming share at least {test.conforming_share_min}; rejected share at most {test.rejected_share_max}; "
        f"valid images of a culture at least {test.valid_images_min}",
        f"Heterogeneity of a culture: {test.heterogeneity_limit}",
        f"Undecided images: {test.undecided_images}; readings: {test.reading}",
        *(f"Test {other.test}: {other.name}; {other.criterion}"[:390] for other in specification.manual),
    )


def specifications(session: Session) -> Specifications:
    """All specifications."""
    with session.viewing("products.list") as reader:
        return fold_specifications(reader.entries_about("specification"))
