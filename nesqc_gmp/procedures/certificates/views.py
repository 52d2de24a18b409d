"""Looking at certificates, and verifying a certificate file without a login."""

from __future__ import annotations

import base64
from pathlib import Path

from nesqc_gmp.certificate.verify import CertificateReport
from nesqc_gmp.certificate.verify import verify as verify_pdf
from nesqc_gmp.config import SitePaths
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError, NesqcError
from nesqc_gmp.ledger import Reader
from nesqc_gmp.notes import InclusionProof, NoteVerifier
from nesqc_gmp.procedures.certificates.whole import whole_copy
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.pinned_keys import pinned_keys
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.certificates import CertificateContent
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.state.certificates import Certificates, CertificateState, fold_certificates, get
from nesqc_gmp.store import refusals
from nesqc_gmp.verifier import verify_bundle
from nesqc_gmp.verifier.report import Step, VerificationReport


def certificates(session: Session) -> Certificates:
    """All certificates."""
    with session.viewing("certificates.list") as reader:
        return fold_certificates(reader.entries_about("certificate"))


def show(session: Session, number: str) -> CertificateState:
    """One certificate."""
    with session.viewing("certificates.show") as reader:
        return get(fold_certificates(reader.entries_about("certificate")), number)


def verify(
    pdf: Path, *, site: SitePaths | None, evidence: Path | None, trust: Path | None = None
) -> VerificationReport:
    """Verify a certificate file, needing no login: the file, its proof, its evidence, and its standing at the site.

    Args:
        pdf: The file.
        site: The site whose keys are pinned and whose log says whether the certificate still stands.
        evidence: The evidence folder; by default the one beside the file, where there is one.
        trust: Folder with the public keys (``log.vkey``, ``authority.pem``) as somebody outside keeps them; it goes
            before those of the site. Keys that come with the file itself prove nothing and are never used.

    Raises:
        InvalidInputError: The file cannot be read, or there is no key to pin.
    """
    data = read_given_file(pdf)
    folder = evidence or _beside(pdf)
    authority, log_key = pinned_keys(site, trust)
    report = verify_pdf(data, authority_pem=authority)
    steps = [Step(number=s.number, name=s.name, passed=s.passed, detail=s.detail) for s in report.steps]
    if report.passed:
        checks = [
            _proof(report, log_key),
            *_evidence(report, folder, log_key, authority),
            *([_standing(site, log_key, report, data)] if site else []),
        ]
        steps += [Step(number=len(steps) + n, name=s[0], passed=s[1], detail=s[2]) for n, s in enumerate(checks, 1)]
    return VerificationReport(steps=tuple(steps), not_asked=_not_asked(site, folder))


def _not_asked(site: SitePaths | None, folder: Path | None) -> tuple[str, ...]:
    evidence = () if folder else ("whether the evidence proves the record, since no evidence folder was given",)
    standing = () if site else ("whether it was withdrawn or replaced since, because no site was named",)
    return evidence + standing


def _beside(pdf: Path) -> Path | None:
    folder = pdf.with_suffix(".evidence")
    return folder if folder.is_dir() else None


Check = tuple[str, bool, str]


def _attached(report: CertificateReport, name: str) -> bytes:
    for attachment in report.attachments:
        if attachment.name == name:
            return attachment.data
    raise IntegrityError(f"the file carries no {name}")


def _proof(report: CertificateReport, log_key: str) -> Check:
    name = "The decision, by the person who signed the file, stands in the log at the size and root that are printed"
    try:
        body = _attached(report, "disposition.json")
        proof = InclusionProof.parse(_attached(report, "disposition.tlog-proof"))
        checkpoint = proof.verify(body, NoteVerifier.parse(log_key))
        content = CertificateContent.model_validate_json(_attached(report, "record.json"))
        entry = Entry.model_validate_json(body)
    except (NesqcError, ValueError) as error:
        return name, False, str(error)[:300]
    log, decided = content.log, getattr(entry.record, "decision", None)
    root = base64.b64encode(checkpoint.root).decode("ascii")
    found = (checkpoint.origin, checkpoint.size, root, proof.index, entry.subject.id, decided, entry.actor.person)
    wanted = (
        log.origin,
        log.size,
        log.root,
        log.disposition_index,
        content.batch.number,
        content.decision,
        report.signer,
    )
    return name, found == wanted, f"entry {proof.index} of {checkpoint.size}, origin {checkpoint.origin}"


def _evidence(report: CertificateReport, folder: Path | None, log_key: str, authority: bytes) -> list[Check]:
    name = "The evidence folder proves the record"
    if folder is None:
        return []
    found = verify_bundle(folder, log_key=log_key, authority=authority, record_sha256=report.record_sha256)
    return [(name, found.verified, found.sentence)]


def _standing(site: SitePaths, log_key: str, report: CertificateReport, data: bytes) -> Check:
    """What the log of the site says of a certificate; one that is not whole could hide a withdrawal."""
    name = "The certificate stands"
    number = report.identifier.partition("/")[0]
    try:
        with (
            refusals(str(site.ledger)),
            whole_copy(site, NoteVerifier.parse(log_key)) as engine,
            engine.connect() as connection,
        ):
            found = get(fold_certificates(Reader(connection).entries_about("certificate")), number)
    except NesqcError as error:
        return name, False, str(error)
    if found.issued.pdf_sha256 != sha256_hex(data):
        return name, False, "the log of the site names another file under this number"
    reason = f": {found.reason}" if found.reason else ""
    return name, found.standing == "current", f"{found.standing}{reason}"
