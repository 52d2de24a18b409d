"""A numbered document as a file for archives with its content inside and an empty field for one signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nesqc_gmp.certificate.archive import Description, archive
from nesqc_gmp.certificate.names import RECORD
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.reports.document import Document
from nesqc_gmp.reports.pdf import render_pdf

REVISION: Final = 1
"""A document is never issued twice under one number."""


def render_signable(document: Document, content: bytes, attachments: Mapping[str, bytes]) -> bytes:
    """A PDF/A-3b file with one empty signature field, not yet signed; the same arguments give the same bytes.

    Args:
        document: A document with a cover that names a signer.
        content: What it was made from, canonical JSON; attached as ``record.json``.
        attachments: What else is attached, by name.

    Raises:
        InvalidInputError: It is not for signing, or its cover names another content.
    """
    cover = document.cover
    if cover is None or not cover.signer:
        raise InvalidInputError("the document is not one for signing", where=document.title)
    digest = sha256_hex(content)
    if cover.content_sha256 != digest:
        raise InvalidInputError("the document was not made from this content", where=cover.number)
    description = Description(
        title=f"{document.title} {cover.number}",
        author=cover.site,
        identifier=f"{cover.number}/{REVISION}",
        created=cover.signed_at,
        software=cover.software,
        signer=cover.signer,
    )
    return archive(render_pdf(document), description, {**attachments, RECORD: content}, digest)
