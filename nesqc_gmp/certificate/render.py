"""From content to file: the same content, pictures and attachments give the same bytes, everywhere and always."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import ActionFlowable, BaseDocTemplate, Frame, NextPageTemplate, PageTemplate
from reportlab.platypus.doctemplate import LayoutError

from nesqc_gmp.certificate import wording
from nesqc_gmp.certificate.annex import annex
from nesqc_gmp.certificate.archive import Description, archive
from nesqc_gmp.certificate.fonts import check_drawable
from nesqc_gmp.certificate.front import front
from nesqc_gmp.certificate.names import RECORD
from nesqc_gmp.certificate.page import FOOTER, SIGNATURE_BOX, Letterhead, NumberedCanvas, PageFurniture
from nesqc_gmp.certificate.pictures import examples
from nesqc_gmp.certificate.style import MARGIN, WIDTH
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.certificates import CertificateContent


class _AnnexStart(ActionFlowable):  # type: ignore[misc]
    """The annex never begins on the first page; where the front needs two pages, it follows on the second."""

    def apply(self, doc: BaseDocTemplate) -> None:
        """Turn the page if the first one is still open."""
        if doc.page == 1:
            doc.handle_pageBreak()


def render(content: CertificateContent, pictures: Mapping[str, bytes], attachments: Mapping[str, bytes]) -> bytes:
    """Draw a certificate.

    Args:
        content: Everything that is printed.
        pictures: JPEG files by their SHA-256: those the examples name.
        attachments: Files by name; ``record.json`` is required, its SHA-256 is printed on every page.

    Returns:
        A PDF/A-3b file with one empty signature field, not yet signed.

    Raises:
        InvalidInputError: A picture or the record is missing, a character cannot be drawn, or a text is too long
            for a page.
    """
    if RECORD not in attachments:
        raise InvalidInputError("The record is missing among the attachments.", where=RECORD)
    check_drawable(content)
    record_sha256 = sha256_hex(attachments[RECORD])
    shown = examples(content, pictures)
    story = [*front(content), _AnnexStart(), *annex(content, shown, record_sha256)]
    return archive(_draw(content, story, record_sha256), _description(content), attachments, record_sha256)


def _description(content: CertificateContent) -> Description:
    return Description(
        title=f"{wording.TITLE} {content.certificate}, batch {content.batch.number}",
        author=content.site.name,
        identifier=f"{content.certificate}/{content.revision}",
        created=content.issued.local,
        software=content.software,
        signer=content.manifestations[-1].name,
    )


def _letterhead(content: CertificateContent, record_sha256: str) -> Letterhead:
    site = content.site
    supersedes = (f"Supersedes {content.supersedes}",) if content.supersedes else ()
    return Letterhead(
        site=site.name,
        address=f"{site.address} · Manufacturing authorisation {site.authorisation}",
        kind="Certificate No.",
        number=content.certificate,
        notes=(f"Revision {content.revision} · Batch {content.batch.number}", *supersedes),
        mark=wording.marking(content),
        footer=(f"record sha256 {record_sha256}", f"{wording.ORIGINAL} Form {content.form}"),
        seal=wording.SEAL,
    )


def _draw(content: CertificateContent, story: list[Any], record_sha256: str) -> bytes:
    target = BytesIO()
    furniture = PageFurniture(_letterhead(content, record_sha256))
    document = BaseDocTemplate(target, pagesize=(WIDTH + 2 * MARGIN, 297 * mm), invariant=1, pageCompression=1)
    top = furniture.header - 3 * mm
    document.addPageTemplates(
        [
            PageTemplate("first", [_frame(SIGNATURE_BOX[3] + 4 * mm, top)], onPage=furniture.first),
            PageTemplate("later", [_frame(FOOTER, top)], onPage=furniture.later),
        ]
    )
    try:
        document.build([NextPageTemplate("later"), *story], canvasmaker=NumberedCanvas)
    except LayoutError as error:
        raise InvalidInputError(
            "A text is too long for one page of the certificate.", where=content.certificate, remedy="Shorten it."
        ) from error
    return target.getvalue()


def _frame(bottom: float, top: float) -> Frame:
    return Frame(MARGIN, bottom, WIDTH, top - bottom, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
