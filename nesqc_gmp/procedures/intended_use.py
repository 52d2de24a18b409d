"""The intended use of an installed model: read from a file, bounded by the package, signed by the expert.

Nothing is entered but what is shown in full in the signed statement (EU GMP Annex 22 draft 3.1: described in detail,
under the responsibility of a subject matter expert of the process, before any acceptance testing).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from nesqc_gmp.decision.input_space import require_within
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import OutOfSequenceError, RecordTooLargeError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader, Transaction
from nesqc_gmp.procedures.files import read_given_toml
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.intended_use import IntendedUse, IntendedUseSigned
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.models import fold_models, get, require_another
from nesqc_gmp.state.people import Person

CONTENT_LIMIT: Final = 24_000
"""Largest intended use, in bytes of canonical JSON: it stands in the entry twice, as content and in the statement."""


def read_intended_use(path: Path) -> IntendedUse:
    """Read an intended use from a TOML file.

    Raises:
        InvalidInputError: The file cannot be read, or a field is missing, unknown or wrong; every one is named.
        RecordTooLargeError: It is too long to be shown and signed in one statement.
    """
    use = read_given_toml(path, IntendedUse, "intended use", "Compare with the example in SOP-04.")
    size = len(canonical_json(use.model_dump(mode="json")))
    if size > CONTENT_LIMIT:
        raise RecordTooLargeError(
            f"the intended use takes {size} bytes; the limit is {CONTENT_LIMIT}",
            where=str(path),
            remedy="Shorten the texts and name the documents that say more.",
        )
    return use


def intend(session: Session, name: str, use: IntendedUse, reason: str | None, ceremony: Ceremony) -> None:
    """Sign the intended use of an installed package; a further one takes the place of the one before.

    Args:
        session: A subject matter expert.
        name: The package.
        use: The whole content.
        reason: Why it is signed again; needed then.
        ceremony: Shows the statement and asks for id and passphrase.

    Raises:
        NotFoundError: No installed package fits the name.
        InvalidInputError: The input space is wider than the one locked in the package; the field is named.
        OutOfSequenceError: The package is retired, or one was signed before and no reason is given.
        NotAuthorisedError: The person installed the package.
    """
    with session.viewing("models.intend") as reader:
        digest = get(fold_models(reader.entries_about("model")), name).model_sha256

    def prepare(reader: Reader, person: Person) -> Prepared:
        model = get(fold_models(reader.entries("model", digest)), digest)
        require_another(model, person.id, "signs the intended use of")
        if model.standing == "retired":
            raise OutOfSequenceError("the model is retired", where=model.label)
        earlier = model.intended_use
        if earlier is not None and not reason:
            raise OutOfSequenceError(
                f"an intended use was signed before, entry {earlier.index}; another needs a reason",
                where=model.label,
                remedy="Give --reason.",
            )
        require_within(use.input_space, model.manifest.input_space)

        def make(signature: ElectronicSignature) -> IntendedUseSigned:
            return IntendedUseSigned(model_sha256=digest, intended_use=use, signature=signature)

        lines = (
            f"Model {model.label}, digest {digest}",
            "For demonstration only, not for GMP use"
            if model.manifest.demonstration
            else "Not marked as a demonstration",
            f"Takes the place of entry {earlier.index}" if earlier else "The first intended use of this package",
            *(f"{label}: {text}" for label, text in use.lines()),
        )
        return make, Signer("intended use approved", lines)

    def beside(transaction: Transaction) -> None:
        signed = fold_models(transaction.entries("model", digest))[digest].intended_uses
        if len(signed) > 1:
            what = f"{signed[-1].name} signed another intended use, entry {signed[-1].index}"
            session.site.open_incident_if_active(transaction, digest, what)

    session.sign("models.intend", Subject(type="model", id=digest), prepare, ceremony, reason, beside)
