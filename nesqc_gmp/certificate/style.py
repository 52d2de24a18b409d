"""Colours, measures and paragraphs: one accent and greys, one family of type, mono only for digests.

Measures are PostScript points unless they say otherwise.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph

from nesqc_gmp.certificate.fonts import BOLD, MEDIUM, MONO, REGULAR, printable
from nesqc_gmp.records.images import Outcome

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN: Final = 15 * mm
WIDTH: Final = PAGE_WIDTH - 2 * MARGIN

INK: Final = HexColor("#16191d")
GREY: Final = HexColor("#5b6570")
RULE: Final = HexColor("#c6ccd2")
PANEL: Final = HexColor("#f2f5f8")
ACCENT: Final = HexColor("#0c3b5e")
GREEN: Final = HexColor("#14683a")
RED: Final = HexColor("#a51d24")
AMBER: Final = HexColor("#8a5a00")
OUTCOME_COLOURS: Final[dict[Outcome, Color]] = {"conforming": GREEN, "not conforming": RED, "undecided": AMBER}
BAR_COLOURS: Final[dict[Outcome, Color]] = {
    "conforming": ACCENT,
    "undecided": HexColor("#e0a73a"),
    "not conforming": HexColor("#c2474d"),
}


def _style(name: str, font: str, size: float, leading: float, colour: Color, **more: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading, textColor=colour, **more)


TITLE: Final = _style("title", BOLD, 19, 23, INK)
SUBTITLE: Final = _style("subtitle", REGULAR, 9, 12, GREY)
ANNEX: Final = _style("annex", BOLD, 15, 19, INK, spaceBefore=12)
SECTION: Final = _style("section", BOLD, 10, 13, ACCENT)
BODY: Final = _style("body", REGULAR, 8.2, 10.8, INK)
STRONG: Final = _style("strong", MEDIUM, 7.9, 10, INK)
SMALL: Final = _style("small", REGULAR, 6.5, 8.2, GREY)
LABEL: Final = _style("label", REGULAR, 6.6, 8.4, GREY)
CELL: Final = _style("cell", REGULAR, 7.4, 9.2, INK)
CELL_STRONG: Final = _style("cell-strong", MEDIUM, 7.4, 9.2, INK)
CELL_NUMBER: Final = _style("cell-number", REGULAR, 7.4, 9.2, INK, alignment=TA_RIGHT)
HEAD: Final = _style("head", BOLD, 7, 8.8, HexColor("#ffffff"))
HEAD_NUMBER: Final = _style("head-number", BOLD, 7, 8.8, HexColor("#ffffff"), alignment=TA_RIGHT)
DIGEST: Final = _style("digest", MONO, 6.6, 8.6, INK)
DIGEST_SMALL: Final = _style("digest-small", MONO, 6, 7.6, GREY)
DIGEST_LARGE: Final = _style("digest-large", MONO, 8.4, 11, INK)
SITE: Final = _style("site", BOLD, 11, 13, ACCENT)
RIGHT_SMALL: Final = _style("right-small", REGULAR, 6.8, 8.8, GREY, alignment=TA_RIGHT)
RIGHT_STRONG: Final = _style("right-strong", BOLD, 10.5, 12.5, INK, alignment=TA_RIGHT)
CAPTION: Final = _style("caption", REGULAR, 6.8, 8.8, GREY)
CENTRED: Final = _style("centred", BOLD, 8, 10, RED, alignment=TA_CENTER)


def markup(text: str) -> str:
    """Text from a record, safe inside the markup of a paragraph."""
    return escape(printable(text)).replace("\n", "<br/>")


def text(value: str, style: ParagraphStyle = CELL) -> Paragraph:
    """A paragraph with the text of a record."""
    return Paragraph(markup(value), style)
