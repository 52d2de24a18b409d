"""Documents of validation: the plan, the protocols that are approved before they are executed, the summary report."""

from __future__ import annotations

import json

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.qualification.common import PREFIXES, load_validation, require_other, subject, unknown
from nesqc_gmp.procedures.qualification.signing import Rendered, sign_with_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.base import Frozen
from nesqc_gmp.records.entry import Record
from nesqc_gmp.records.qualification import DocumentApproved, DocumentKind, DocumentPrepared
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.people import Person
from nesqc_gmp.state.qualification import Validation, ValidationDocument, number


def prepare(
    session: Session,
    kind: DocumentKind,
    title: str,
    content: Frozen,
    subject_sha256: str | None,
    ceremony: Ceremony,
) -> str:
    """Write a document and sign it as its author.

    Args:
        session: A validation engineer.
        kind: What it is.
        title: Its title.
        content: What it says; its canonical JSON is kept in the store.
        subject_sha256: Digest of the files that a protocol executes; ``None`` where it is the content itself.
        ceremony: Shows the statement and asks for id and passphrase.

    Returns:
        The number of the document.
    """
    with session.viewing("qualify.prepare") as reader:
        name = number(load_validation(reader), PREFIXES[kind])
    data = canonical_json(content.model_dump(mode="json"))
    digest = sha256_hex(data)

    def ready(reader: Reader, _: Person) -> Prepared:
        if number(load_validation(reader), PREFIXES[kind]) != name:
            raise OutOfSequenceError("another document took this number meanwhile", where=name, remedy="Try again.")

        def make(signature: ElectronicSignature) -> Record:
            return DocumentPrepared(
                document=name,
                document_kind=kind,
                title=title,
                content_sha256=digest,
                subject_sha256=subject_sha256 or digest,
                signature=signature,
            )

        lines = [f"{title} ({kind}), number {name}", f"Content SHA-256 {digest}"]
        lines += [f"Files that are executed SHA-256 {subject_sha256}"] if subject_sha256 else []
        lines += _key_line(data)
        return make, Signer("prepared", tuple(lines))

    session.site.objects.put(data)
    session.sign("qualify.prepare", subject(name), ready, ceremony)
    return name


def _key_line(content: bytes) -> list[str]:
    """The key of the releases that a protocol of an IQ binds the site to."""
    key = json.loads(content).get("release_key")
    return [f"Key of the releases: {key}"] if key else []


def get_document(validation: Validation, name: str) -> ValidationDocument:
    """One document.

    Raises:
        NotFoundError: There is none of this number.
    """
    if name not in validation.documents:
        raise unknown(name)
    return validation.documents[name]


def approve_document(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Approve a document and sign its file; nobody approves what they wrote.

    Raises:
        OutOfSequenceError: It is approved already, or a later one of its kind was prepared.
    """

    def ready(reader: Reader, person: Person) -> Prepared:
        document = get_document(load_validation(reader), name)
        require_other(person.id, {document.by.person}, "approves", name)
        if document.approved is not None:
            raise OutOfSequenceError("the document is approved already", where=name)
        prepared = document.prepared

        def make(signature: ElectronicSignature, pdf_sha256: str = "0" * 64) -> Record:
            return DocumentApproved(document=name, pdf_sha256=pdf_sha256, signature=signature)

        lines = (
            f"{prepared.title} ({prepared.document_kind}), number {name}, prepared by {document.by.name}",
            f"Content SHA-256 {prepared.content_sha256}",
            *([] if prepared.subject_sha256 == prepared.content_sha256
              else [f"Files that are executed SHA-256 {prepared.subject_sha256}"]),
            *_key_line(session.site.objects.read(prepared.content_sha256)),
        )  # fmt: skip
        return make, Signer("approved", lines)

    def render(rendered: Rendered) -> bytes:
        from nesqc_gmp.procedures.qualification.reports.files import document_pdf

        return document_pdf(session.site, name, rendered)

    sign_with_file(session, "qualify.approve", subject(name), ready, ceremony, reason, render)
