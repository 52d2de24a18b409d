"""Colours, measures and paragraphs: one accent and greys, one family of type, mono only for digests.

Measures are PostScript points unless they say otherwise.
"""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph

from nesqc_gmp.certificate.colours import CHART_COLOURS
from nesqc_gmp.certificate.fonts import BOLD, MEDIUM, MONO, REGULAR, printable
from nesqc_gmp.records.images import Outcome

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN: Final = 15 * mm
WIDTH: Final = PAGE_WIDTH - 2 * MARGIN

INK: Final = HexColor("#16191d")
GREY: Final = HexColor("#5b6570")
RULE: Final = HexColor("#c6ccd2")
PANEL: Final = HexColor("#f2f5f8")
BAND: Final = HexColor("#f6efdf")
ACCENT: Final = HexColor("#0c3b5e")
GREEN: Final = HexColor("#14683a")
RED: Final = HexColor("#a51d24")
AMBER: Final = HexColor("#8a5a00")
OUTCOME_COLOURS: Final[dict[Outcome, Color]] = {"conforming": GREEN, "not conforming": RED, "undecided": AMBER}
BAR_COLOURS: Final[dict[Outcome, Color]] = {outcome: HexColor(colour) for outcome, colour in CHART_COLOURS.items()}


def _style(name: str, font: str, size: float, leading: float, colour: Color, **more: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading, textColor=colour, **more)


TITLE: Final = _style("title", BOLD, 19, 23, INK)
SUBTITLE: Final = _style("subtitle", REGULAR, 9, 12, GREY)
ANNEX: Final = _style("annex", BOLD, 15, 19, INK, spaceBefore=10)
SECTION: Final = _style("section", BOLD, 10, 12.5, ACCENT)
BODY: Final = _style("body", REGULAR, 8.2, 10.8, INK)
STRONG: Final = _style("strong", MEDIUM, 7.9, 10, INK)
SMALL: Final = _style("small", REGULAR, 6.5, 8.2, GREY)
LABEL: Final = _style("label", REGULAR, 6.6, 8.4, GREY)
CELL: Final = _style("cell", REGULAR, 7.4, 9.2, INK)
CELL_STRONG: Final = _style("cell-strong", MEDIUM, 7.4, 9.2, INK)
CARD: Final = _style("card", BOLD, 7.4, 10, ACCENT)
CELL_NUMBER: Final = _style("cell-number", REGULAR, 7.4, 9.2, INK, alignment=TA_RIGHT)
HEAD: Final = _style("head", BOLD, 7, 8.8, HexColor("#ffffff"))
HEAD_NUMBER: Final = _style("head-number", BOLD, 7, 8.8, HexColor("#ffffff"), alignment=TA_RIGHT)
DIGEST: Final = _style("digest", MONO, 6.6, 8.6, INK)
DIGEST_SMALL: Final = _style("digest-small", MONO, 6, 7.6, GREY)
DIGEST_RIGHT: Final = _style("digest-right", MONO, 6.4, 8.6, GREY, alignment=TA_RIGHT)
DIGEST_LARGE: Final = _style("digest-large", MONO, 8.4, 11, INK)
SITE: Final = _style("site", BOLD, 11, 13, ACCENT)
RIGHT_SMALL: Final = _style("right-small", REGULAR, 6.8, 8.8, GREY, alignment=TA_RIGHT)
RIGHT_STRONG: Final = _style("right-strong", BOLD, 10.5, 12.5, INK, alignment=TA_RIGHT)
CAPTION: Final = _style("caption", REGULAR, 6.8, 8.8, GREY)
CENTRED: Final = _style("centred", BOLD, 8, 10, RED, alignment=TA_CENTER)


HEAT_MAP_RAMP: Final = (HexColor("#002457"), HexColor("#7d7a78"), HexColor("#ffeb45"))
"""Ends and middle of the colours of a class-activation map: against conforming, neither, for."""

_SMALLEST: Final = 5.0
_TOGETHER: Final = re.compile(
    r"(?<=[≥≤<>±=]) (?=\d)|(?<=\d) (?=[%°µ×]|threads?\b)|(?<=Ph\.) (?=Eur)|(?<=Eur\.) (?=\d)|(?<=×) (?=\d)"
)
"""Spaces between a sign, its number and its unit, and within a reference: no line ends there."""


class FittedParagraph(Paragraph):  # type: ignore[misc]
    """A paragraph whose type shrinks, at most to 5 points, where its longest word is wider than the column."""

    style: ParagraphStyle

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        longest, size = float(self.minWidth()), float(self.style.fontSize)
        if longest > available_width and size > _SMALLEST:
            scale = max(0.99 * available_width / longest, _SMALLEST / size)
            self.style = ParagraphStyle(
                "fitted", parent=self.style, fontSize=size * scale, leading=self.style.leading * scale
            )
            for fragment in self.frags:
                fragment.fontSize *= scale
        width, height = super().wrap(available_width, available_height)
        return float(width), float(height)


def markup(text: str) -> str:
    """Text from a record, safe inside the markup of a paragraph."""
    return escape(_TOGETHER.sub("\u00a0", printable(text))).replace("\n", "<br/>")


def text(value: str, style: ParagraphStyle = CELL) -> FittedParagraph:
    """A paragraph with the text of a record."""
    return FittedParagraph(markup(value), style)
