"""Issuing a certificate with the signature of the person who decided, withdrawing it, superseding it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nesqc_gmp.certificate.render import render
from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError, NesqcError, NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony, sign_text
from nesqc_gmp.ledger import Reader
from nesqc_gmp.notes import NoteVerifier
from nesqc_gmp.procedures.batches.common import load_batch
from nesqc_gmp.procedures.batches.disposition import require_evidence
from nesqc_gmp.procedures.certificates.content import Numbering, Source, content, gather
from nesqc_gmp.procedures.certificates.evidence import write_evidence
from nesqc_gmp.procedures.certificates.pictures import examples
from nesqc_gmp.procedures.certificates.whole import whole_copy
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.pdf_signing import sign_pdf
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer, require_recent, require_same_signer, statement_for
from nesqc_gmp.records.certification import CertificateIssued, CertificateSuperseded, CertificateWithdrawn
from nesqc_gmp.records.entry import Record, Subject
from nesqc_gmp.records.signatures import MEANING_SENTENCES, ElectronicSignature, Statement
from nesqc_gmp.state.batches import Batch
from nesqc_gmp.state.certificates import fold_certificates, get, of_batch, require_current
from nesqc_gmp.state.people import Person

RECORD = "record.json"


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate and where it lies.

    Attributes:
        number: Certificate number.
        pdf: The signed file.
        evidence: The folder with records and proofs.
    """

    number: str
    pdf: Path
    evidence: Path


@dataclass(frozen=True, slots=True)
class _Draft:
    """A certificate before its signature."""

    source: Source
    numbering: Numbering
    issued_at: datetime
    record: bytes
    pictures: Mapping[str, bytes]
    unsigned: bytes
    attachments: Mapping[str, bytes]


def _subject(number: str) -> Subject:
    return Subject(type="certificate", id=number)


def issue(session: Session, batch: str, ceremony: Ceremony) -> IssuedCertificate:
    """Issue the certificate of a decided batch, signed by the person who decided.

    The whole ledger and all evidence of the batch are verified first. Where a certificate was entered but its files
    were not laid out any more, because the computer stopped in between, they are laid out now; nothing is signed again.

    Raises:
        OutOfSequenceError: No decision was made, or a current certificate exists.
        NotAuthorisedError: Another person decided.
        IntegrityError: Something was altered.
    """
    about = Subject(type="batch", id=batch)
    try:
        require_whole(session.site)
        with session.site.ledger.reading() as reader:
            person, role = session.authorise(reader, "certificates.issue")
            entered = _entered_without_files(session.site, reader, batch)
            draft = None if entered else _draft(session.site, reader, batch, person)
    except (OutOfSequenceError, NotAuthorisedError, IntegrityError) as error:
        session.refuse("certificates.issue", error, about)
    if draft is None:
        return _lay_out(session.site, entered[-1])
    return _signed(session, draft, (person, role), ceremony)


def _entered_without_files(site: Site, reader: Reader, batch: str) -> tuple[CertificateIssued, ...]:
    """The current certificate of a batch where a file of it is missing."""
    current = [
        certificate.issued
        for certificate in of_batch(fold_certificates(reader.entries_about("certificate")), batch)
        if certificate.standing == "current"
    ]
    return tuple(issued for issued in current if not all(path.exists() for path in _places(site, issued)))


def _places(site: Site, issued: CertificateIssued) -> tuple[Path, Path]:
    folder = site.paths.certificates
    return folder / f"{issued.certificate}.pdf", folder / f"{issued.certificate}.evidence"


def require_whole(site: Site) -> None:
    """The ledger is whole.

    Raises:
        IntegrityError: It is not; names the first bad record.
    """
    with whole_copy(site.paths, NoteVerifier.parse(site.founded.log_key)):
        pass


def _draft(site: Site, reader: Reader, batch: str, person: Person) -> _Draft:
    source = gather(reader, site.founded, batch, site.ledger.origin)
    state = source.batch
    if state.disposition is None or state.disposed is None:
        raise OutOfSequenceError(
            "no decision was made about the batch", where=batch, remedy="Release, reject or hold it first."
        )
    _require_decider(state, person)
    certificates = fold_certificates(reader.entries_about("certificate"))
    earlier = of_batch(certificates, batch)
    if earlier and earlier[-1].standing == "current":
        raise OutOfSequenceError(
            f"certificate {earlier[-1].issued.certificate} is current",
            where=batch,
            remedy="Withdraw or supersede it first.",
        )
    require_evidence(site, reader, state)
    moment = site.moment()
    number = f"QC-{site.now().local[:4]}-{len(certificates) + 1:06d}"
    numbering = Numbering(number, len(earlier) + 1, earlier[-1].issued.certificate if earlier else None)
    shown, pictures = examples(state, site.objects)
    record = canonical_json(content(source, numbering, site.now(), shown).model_dump(mode="json"))
    attachments = {RECORD: record, **_proof(site, reader, source)}
    unsigned = render(content(source, numbering, site.now(), shown), pictures, attachments)
    return _Draft(source, numbering, moment, record, pictures, unsigned, attachments)


def _require_decider(batch: Batch, person: Person) -> None:
    if batch.disposed is None or batch.disposed.person != person.id:
        raise NotAuthorisedError(
            "the person who decided about the batch issues its certificate", where=batch.registered.batch
        )


def _proof(site: Site, reader: Reader, source: Source) -> dict[str, bytes]:
    """What proves the decision without this software: the entry, its inclusion proof, and the public keys."""
    disposed = source.batch.disposed
    index = disposed.index if disposed else 0
    return {
        "disposition.json": reader.body(index),
        "disposition.tlog-proof": reader.inclusion(index, source.size).format().encode(),
        "log.vkey": f"{site.founded.log_key}\n".encode(),
        "authority.pem": site.founded.authority.encode(),
    }


def _signed(session: Session, draft: _Draft, signer: tuple[Person, str], ceremony: Ceremony) -> IssuedCertificate:
    site, person = session.site, signer[0]
    number = draft.numbering.certificate
    subject = _subject(number)

    def make(signature: ElectronicSignature, pdf_sha256: str = "0" * 64) -> CertificateIssued:
        return CertificateIssued(
            certificate=number,
            batch=draft.source.batch.registered.batch,
            revision=draft.numbering.revision,
            supersedes=draft.numbering.supersedes,
            content_sha256=sha256_hex(draft.record),
            unsigned_sha256=sha256_hex(draft.unsigned),
            pdf_sha256=pdf_sha256,
            anchored_size=draft.source.size,
            signature=signature,
        )

    with site.ledger.reading() as reader:
        statement = statement_for(site, reader, subject, (person.id, person.name, signer[1]), make, _shown(draft), None)
    text = statement.format()
    private, credential = session.opened_key(ceremony(text), "sign: issued")
    signer_of_file = (person, private, credential.certificate)
    pdf = sign_pdf(site, draft.unsigned, signer_of_file, draft.issued_at, MEANING_SENTENCES["issued"])
    signature = sign_text(text, private, credential)
    return _enter(session, draft, statement, make(signature, sha256_hex(pdf)), pdf)


def _shown(draft: _Draft) -> Signer:
    source = draft.source
    decision = source.batch.disposition.decision if source.batch.disposition else "none"
    return Signer(
        "issued",
        (
            f"Certificate {draft.numbering.certificate}, revision {draft.numbering.revision}, "
            f"of batch {source.batch.registered.batch}",
            f"Decision: {decision}; record SHA-256 {sha256_hex(draft.record)}",
            f"Log {source.origin}, size {source.size}",
        ),
    )


def _enter(
    session: Session, draft: _Draft, statement: Statement, record: CertificateIssued, pdf: bytes
) -> IssuedCertificate:
    """Store the file, append the record, and lay both out; the file is stored before the record that names it."""
    site, number = session.site, record.certificate
    site.objects.put(draft.record)
    site.objects.put(pdf)
    try:
        with site.ledger.writing() as transaction:
            person, role = session.authorise(transaction, "certificates.issue")
            if number in fold_certificates(transaction.entries_about("certificate")):
                raise OutOfSequenceError("the certificate number was taken meanwhile", where=number)
            batch = record.batch
            state = gather(transaction, site.founded, batch, site.ledger.origin).batch
            if state.last != draft.source.batch.last:
                raise OutOfSequenceError("the batch changed while its certificate was being signed", where=batch)
            require_recent(site, statement)
            require_same_signer(statement, record.signature, person, role)
            site.append(transaction, session.actor(person, role, signed=True), _subject(number), record)
    except NesqcError as error:
        session.refuse("certificates.issue", error, _subject(number))
    return _lay_out(site, record)


def _lay_out(site: Site, issued: CertificateIssued) -> IssuedCertificate:
    """Write the file and the evidence folder of a certificate, each whole or not at all."""
    pdf, folder = _places(site, issued)
    passing = pdf.with_name(f".{issued.certificate}.{os.getpid()}")
    if not pdf.exists():
        passing.write_bytes(site.objects.read(issued.pdf_sha256))
        passing.chmod(0o444)
        passing.replace(pdf)
    if not folder.exists():
        with site.ledger.reading() as reader:
            source = gather(reader, site.founded, issued.batch, site.ledger.origin, size=issued.anchored_size)
            write_evidence(site, reader, source, site.objects.read(issued.content_sha256), passing)
        passing.replace(folder)
    return IssuedCertificate(issued.certificate, pdf, folder)


def withdraw(session: Session, number: str, reason: str, ceremony: Ceremony) -> None:
    """Withdraw a certificate, signed; both the certificate and its withdrawal remain."""
    _end(session, number, reason, ceremony, "withdrawn")


def supersede(session: Session, number: str, reason: str, ceremony: Ceremony) -> IssuedCertificate:
    """Replace a certificate by a new revision, both signed; the old one remains and says so.

    Raises:
        NotAuthorisedError: Another person decided; nothing is replaced that cannot be issued again.
    """
    batch = _end(session, number, reason, ceremony, "superseded")
    return issue(session, batch, ceremony)


def _end(session: Session, number: str, reason: str, ceremony: Ceremony, how: str) -> str:
    batches: list[str] = []

    def prepare(reader: Reader, person: Person) -> Prepared:
        found = get(fold_certificates(reader.entries_about("certificate")), number)
        require_current(found)
        if how == "superseded":
            _require_decider(load_batch(reader, found.issued.batch)[0], person)
        batches.append(found.issued.batch)

        def make(signature: ElectronicSignature) -> Record:
            if how == "withdrawn":
                return CertificateWithdrawn(certificate=number, signature=signature)
            return CertificateSuperseded(certificate=number, signature=signature)

        lines = (f"Certificate {number} of batch {found.issued.batch}", f"PDF SHA-256 {found.issued.pdf_sha256}")
        return make, Signer("withdrawn" if how == "withdrawn" else "superseded", lines)

    right = "certificates.withdraw" if how == "withdrawn" else "certificates.supersede"
    session.sign(right, _subject(number), prepare, ceremony, reason)
    return batches[-1]
