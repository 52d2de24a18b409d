"""The files of validation: rendered from what the log and the store hold, signed with the approver's key."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from nesqc_gmp.certificate.verify import CertificateReport, VerificationStep
from nesqc_gmp.certificate.verify import verify as verify_file
from nesqc_gmp.errors import NesqcError
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.pdf_signing import sign_pdf
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.qualification.reports import content as contents
from nesqc_gmp.procedures.qualification.reports import deviations, plan, protocol, review, run, summary
from nesqc_gmp.procedures.qualification.signing import Rendered
from nesqc_gmp.records.qualification import Conclusion, ProtocolContent
from nesqc_gmp.records.signatures import MEANING_SENTENCES, Statement
from nesqc_gmp.reports.document import Document
from nesqc_gmp.reports.signable import render_signable
from nesqc_gmp.state.people import get as get_person
from nesqc_gmp.state.qualification import Validation

STATEMENT: Final = "statement.txt"
"""The attachment that its approver signed: it names the digest of what the file says."""


def run_content(site: Site, _: Reader, validation: Validation, name: str) -> dict[str, Any]:
    """What the report of a run says, as JSON."""
    return content_of_run(site, validation, name).model_dump(mode="json")


def content_of_run(site: Site, validation: Validation, name: str) -> contents.RunContent:
    """What the report of a run says.

    Raises:
        NotFoundError: There is no such run.
        IntegrityError: The protocol in the store is not the one that was approved.
    """
    prepared = validation.documents[validation.run(name).opened.protocol].prepared
    protocol_content = ProtocolContent.model_validate_json(site.objects.read(prepared.content_sha256))
    lines = contents.site_lines(site.founded, site.ledger.origin)
    return contents.run_content(lines, validation, name, protocol_content)


def run_pdf(site: Site, name: str, conclusion: Conclusion, rendered: Rendered) -> bytes:
    """The signed report of a run.

    Raises:
        InvalidInputError: A part of it does not fit a page.
    """
    with site.ledger.reading() as reader:
        content = content_of_run(site, load_validation(reader), name)
    document = run.document(content, conclusion, rendered.statement)
    return signed_report(site, document, contents.content_bytes(content), rendered)


def document_pdf(site: Site, name: str, rendered: Rendered) -> bytes:
    """The signed file of a plan, a protocol or a summary report."""
    with site.ledger.reading() as reader:
        document = load_validation(reader).documents[name]
    data = site.objects.read(document.prepared.content_sha256)
    lines = contents.site_lines(site.founded, site.ledger.origin)
    line = contents.document_line(lines, document)
    return signed_report(site, printed(lines, line, data, rendered.statement), data, rendered)


def review_pdf(
    site: Site, number: str, content: review.ReviewContent, verdict: tuple[bool, str], rendered: Rendered
) -> bytes:
    """The signed report of a periodic review.

    Args:
        site: The open site.
        number: Number of the review.
        content: What was gathered; the statement has a line with the digest of its canonical JSON.
        verdict: Whether the system remains in its validated state, and why.
        rendered: The statement that QA signed, and their open key.
    """
    document = review.document(content, number, verdict, rendered.statement)
    return signed_report(site, document, contents.content_bytes(content), rendered)


def printed(site: contents.SiteLines, line: contents.DocumentLine, data: bytes, approval: Statement | None) -> Document:
    """A plan, protocol, log or summary report as a document; without an approval, for reading."""
    if line.kind == "validation plan":
        return plan.document(site, line, plan.PlanContent.model_validate_json(data), approval)
    if line.kind == "deviation log":
        return deviations.document(line, contents.DeviationLog.model_validate_json(data), approval)
    if line.kind == "summary report":
        return summary.document(line, summary.SummaryContent.model_validate_json(data), approval)
    return protocol.document(site, line, ProtocolContent.model_validate_json(data), approval)


def signed_report(site: Site, document: Document, content: bytes, rendered: Rendered) -> bytes:
    """A report as a file, signed by its approver as certificates are (PAdES B-LTA).

    Args:
        site: The open site.
        document: A document whose cover names the approver.
        content: What it was made from.
        rendered: The statement that the approver signed, and their open key.

    Raises:
        InvalidInputError: The document was made from another content, or a part of it does not fit a page.
    """
    statement = rendered.statement
    unsigned = render_signable(document, content, {STATEMENT: statement.format().encode()})
    with site.ledger.reading() as reader:
        person = get_person(site.people(reader), statement.person)
    when = datetime.fromisoformat(statement.time.utc)
    signer = (person, rendered.private, rendered.certificate)
    return sign_pdf(site, unsigned, signer, when, MEANING_SENTENCES[statement.meaning])


def verify_report(pdf: bytes, authority_pem: bytes) -> CertificateReport:
    """Check a signed report: the steps of a certificate file, and that its statement is of this signer and content.

    Args:
        pdf: The file.
        authority_pem: Root certificate of the site, PEM, from a source other than the file.

    Raises:
        InvalidInputError: ``authority_pem`` is not a certificate.
    """
    report = verify_file(pdf, authority_pem=authority_pem)
    passed, detail = _stated(report) if report.passed else (False, "not reached")
    step = VerificationStep(number=len(report.steps) + 1, name=_STATED, passed=passed, detail=detail)
    return report.model_copy(update={"steps": (*report.steps, step)})


_STATED: Final = "The attached statement is of the person who signed, about this document and the attached record"


def _stated(report: CertificateReport) -> tuple[bool, str]:
    attached = {attachment.name: attachment.data for attachment in report.attachments}
    try:
        statement = Statement.parse(attached.get(STATEMENT, b"").decode())
    except (NesqcError, UnicodeDecodeError) as error:
        return False, str(error)
    number = report.identifier.partition("/")[0]
    found = (statement.person, statement.subject, f"Content SHA-256 {report.record_sha256}" in statement.summary)
    wanted = (report.signer, f"qualification {number}", True)
    return found == wanted, f"{statement.subject}, {statement.meaning}, {statement.name} ({statement.person})"
