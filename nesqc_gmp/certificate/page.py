"""Header and footer of every page, and the field of the signature at the foot of the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from nesqc_gmp.certificate.fonts import BOLD, MONO, REGULAR
from nesqc_gmp.certificate.style import (
    ACCENT,
    CENTRED,
    GREY,
    INK,
    LABEL,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    RIGHT_SMALL,
    RIGHT_STRONG,
    RULE,
    SITE,
    SMALL,
    WIDTH,
    text,
)

FOOTER: Final = 17 * mm
SIGNATURE_HEIGHT: Final = 13 * mm
SIGNATURE_BOX: Final = (MARGIN, FOOTER + mm, MARGIN + WIDTH, FOOTER + mm + SIGNATURE_HEIGHT)
"""Rectangle of the signature field on the first page: left, bottom, right, top, in points."""

RIGHT_SHARE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What is the same on every page of a document of a site.

    Attributes:
        site: Name of the site.
        address: Its address, and what else stands below its name.
        kind: What the number is of, such as ``Certificate No.``.
        number: Number of the document.
        notes: Lines below the number.
        mark: The line above everything on a document that is not for GMP use; else empty.
        footer: The two lines at the foot: a digest, and what else there is to say.
        seal: What stands above the field of the signature on the first page; empty where there is no field.
    """

    site: str
    address: str
    kind: str
    number: str
    notes: tuple[str, ...]
    mark: str
    footer: tuple[str, str]
    seal: str


class PageFurniture:
    """Draws what is the same on every page.

    Args:
        letterhead: What that is.
    """

    def __init__(self, letterhead: Letterhead) -> None:
        self._letterhead = letterhead
        right = WIDTH * RIGHT_SHARE
        self._left = [text(letterhead.site, SITE), text(letterhead.address, SMALL)]
        self._right = [text(letterhead.kind, RIGHT_SMALL), text(letterhead.number, RIGHT_STRONG)]
        self._right += [text(note, RIGHT_SMALL) for note in letterhead.notes]
        self._heights = [part.wrap(WIDTH - right - 6 * mm, PAGE_HEIGHT)[1] for part in self._left]
        self._right_heights = [part.wrap(right, PAGE_HEIGHT)[1] for part in self._right]
        self._marking = text(letterhead.mark, CENTRED)
        self.top: float = PAGE_HEIGHT - 11 * mm
        self.header: float = self.top - max(sum(self._heights), sum(self._right_heights)) - 5

    def first(self, canvas: Canvas, document: Any) -> None:
        """Furniture of the first page."""
        self.later(canvas, document)
        if not self._letterhead.seal:
            return
        left, bottom, right, top = SIGNATURE_BOX
        label = text(self._letterhead.seal, LABEL)
        label.wrapOn(canvas, WIDTH, SIGNATURE_HEIGHT)
        label.drawOn(canvas, left, top + 1.5)
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.6)
        canvas.rect(left, bottom, right - left, top - bottom, stroke=1, fill=0)

    def later(self, canvas: Canvas, document: Any) -> None:
        """Furniture of every page but for the page count, which ``NumberedCanvas`` writes."""
        if self._marking.text:
            self._marking.wrapOn(canvas, WIDTH, 5 * mm)
            self._marking.drawOn(canvas, MARGIN, PAGE_HEIGHT - 8 * mm)
        self._column(canvas, self._left, self._heights, MARGIN, WIDTH * (1 - RIGHT_SHARE) - 6 * mm)
        self._column(canvas, self._right, self._right_heights, PAGE_WIDTH - MARGIN - WIDTH * RIGHT_SHARE, None)
        canvas.setStrokeColor(ACCENT)
        canvas.setLineWidth(1.2)
        canvas.line(MARGIN, self.header, PAGE_WIDTH - MARGIN, self.header)
        self._footer(canvas)

    def _column(self, canvas: Canvas, parts: list[Any], heights: list[float], x: float, width: float | None) -> None:
        y = self.top
        for part, height in zip(parts, heights, strict=True):
            part.wrapOn(canvas, width or WIDTH * RIGHT_SHARE, PAGE_HEIGHT)
            y -= height
            part.drawOn(canvas, x, y)

    def _footer(self, canvas: Canvas) -> None:
        y = FOOTER - 3 * mm
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.5)
        canvas.line(MARGIN, y, PAGE_WIDTH - MARGIN, y)
        canvas.setFillColor(GREY)
        for number, (font, line) in enumerate(zip((MONO, REGULAR), self._letterhead.footer, strict=True), start=1):
            canvas.setFont(font, 6.4)
            canvas.drawString(MARGIN, y - 9 * number, line)


class NumberedCanvas(Canvas):  # type: ignore[misc]
    """A canvas that writes "Page x of y" once the count of pages is known."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._finished: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802
        """Keep the page until the last one is drawn."""
        self._finished.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write every page with its number."""
        pages = self._finished
        for number, state in enumerate(pages, start=1):
            self.__dict__.update(state)
            self.setFont(BOLD, 7.4)
            self.setFillColor(INK)
            self.drawRightString(PAGE_WIDTH - MARGIN, FOOTER - 3 * mm - 9.5, f"Page {number} of {len(pages)}")
            super().showPage()
        super().save()
