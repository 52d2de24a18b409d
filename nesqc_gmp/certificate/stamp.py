"""What stands in the signature field of a signed certificate, drawn in the typefaces of the page."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import KeepInFrame

from nesqc_gmp.certificate.fonts import register
from nesqc_gmp.certificate.page import SIGNATURE_BOX
from nesqc_gmp.certificate.style import BODY, DIGEST_SMALL, LABEL, STRONG, text

PADDING = 3 * mm


def stamp(name: str, reason: str, when: datetime, certificate_sha256: str) -> bytes:
    """One page of the size of the signature field, as PDF.

    Args:
        name: Printed name of the signer.
        reason: Reason for signing.
        when: Time of signing, printed with its offset.
        certificate_sha256: Digest of the signer's certificate.
    """
    register()
    left, bottom, right, top = SIGNATURE_BOX
    width, height = right - left, top - bottom
    target = BytesIO()
    canvas = Canvas(target, pagesize=(width, height), invariant=1)
    moment = when.strftime("%Y-%m-%d %H:%M:%S ") + f"{when.strftime('%z')[:3]}:{when.strftime('%z')[3:]}"
    columns = (
        (0.36, [text("Signed by", LABEL), text(name, STRONG)]),
        (0.36, [text("Meaning", LABEL), text(reason, BODY)]),
        (0.28, [text("Time", LABEL), text(moment, STRONG),
                text(f"certificate {certificate_sha256[:16]}", DIGEST_SMALL)]),
    )  # fmt: skip
    x = PADDING
    for share, parts in columns:
        room = (width - 2 * PADDING) * share - 2 * mm
        frame = KeepInFrame(room, height - 4, parts, mode="shrink")
        used = frame.wrapOn(canvas, room, height - 4)[1]
        frame.drawOn(canvas, x, height - 3 - used)
        x += (width - 2 * PADDING) * share
    canvas.showPage()
    canvas.save()
    return target.getvalue()
