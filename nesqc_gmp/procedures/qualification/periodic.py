"""The periodic review: gathered from the log, read as a draft, concluded and signed by QA (EU GMP Annex 11 cl. 11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.files import require_new
from nesqc_gmp.procedures.qualification.common import PREFIXES, load_validation, subject
from nesqc_gmp.procedures.qualification.reports import content as contents
from nesqc_gmp.procedures.qualification.reports import review as report
from nesqc_gmp.procedures.qualification.reports.files import review_pdf
from nesqc_gmp.procedures.qualification.review import gather
from nesqc_gmp.procedures.qualification.signing import Rendered, sign_with_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Record
from nesqc_gmp.records.qualification import PeriodicReviewSigned
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.people import Person
from nesqc_gmp.state.qualification import number

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What QA concludes.

    Attributes:
        remains_valid: Whether the system remains in its validated state.
        why: Why.
    """

    remains_valid: bool
    why: str


def draft(session: Session, since: str, until: str, out: Path) -> Iterator[Path]:
    """Write what a periodic review would say, without a conclusion, for reading.

    Returns:
        The files that were written: PDF, page for a browser, and JSON.

    Raises:
        InvalidInputError: A day is none, or the folder exists.
    """
    from nesqc_gmp.reports.html import render_html
    from nesqc_gmp.reports.pdf import render_pdf

    require_new(out)
    with session.viewing("qualify.review") as reader:
        content = gather(session.site, reader, since, until)
    document = report.document(content, "draft", None, None)
    files = {
        "pdf": render_pdf(document),
        "html": render_html(document).encode(),
        "json": contents.content_bytes(content),
    }
    out.mkdir()
    for kind, data in files.items():
        path = out / f"periodic-review-draft.{kind}"
        path.write_bytes(data)
        yield path


def review(session: Session, since: str, until: str, conclusion: Conclusion, ceremony: Ceremony) -> str:
    """Conclude on a period and sign the report; what it says is gathered now.

    Returns:
        The number of the review.

    Raises:
        InvalidInputError: A day is none, or the period ends before it begins or after today.
    """
    site = session.site
    with session.viewing("qualify.review") as reader:
        content = gather(site, reader, since, until)
        name = number(load_validation(reader), PREFIXES["periodic review"])
    data = contents.content_bytes(content)

    def ready(reader: Reader, _: Person) -> Prepared:
        if number(load_validation(reader), PREFIXES["periodic review"]) != name:
            raise OutOfSequenceError("another review took this number meanwhile", where=name, remedy="Try again.")

        def make(signature: ElectronicSignature) -> Record:
            return PeriodicReviewSigned(
                review=name,
                since=since,
                until=until,
                remains_valid=conclusion.remains_valid,
                conclusion=conclusion.why,
                content_sha256=sha256_hex(data),
                pdf_sha256="0" * 64,
                signature=signature,
            )

        more = len(content.overdue) - _SHOWN
        lines = (
            f"Periodic review {name}, {since} to {until}",
            f"Content SHA-256 {sha256_hex(data)}",
            f"{len(content.overdue)} items are overdue or open",
            *(f"Overdue: {item}"[:2000] for item in content.overdue[:_SHOWN]),
            *([f"and {more} more in the report"] if more > 0 else []),
            f"The system {'remains' if conclusion.remains_valid else 'does not remain'} in its validated state",
            f"Because: {conclusion.why}",
        )
        return make, Signer("reviewed", lines)

    def render(rendered: Rendered) -> bytes:
        return review_pdf(site, name, content, (conclusion.remains_valid, conclusion.why), rendered)

    site.objects.put(data)
    sign_with_file(session, "qualify.review", subject(name), ready, ceremony, None, render)
    return name
