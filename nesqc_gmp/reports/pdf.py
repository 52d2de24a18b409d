"""A report as PDF in the design of the certificate; the same document gives the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, Final

from reportlab.graphics.shapes import Drawing, Group, Polygon, PolyLine, String
from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    NextPageTemplate,
    PageTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as Grid
from reportlab.platypus.doctemplate import LayoutError

from nesqc_gmp.certificate.archive import PRODUCER
from nesqc_gmp.certificate.figures import OutcomeMark
from nesqc_gmp.certificate.fonts import BOLD, MONO, REGULAR, drawn_or_named, register
from nesqc_gmp.certificate.page import FOOTER, SIGNATURE_BOX, NumberedCanvas, PageFurniture
from nesqc_gmp.certificate.style import (
    ACCENT,
    BODY,
    CAPTION,
    CELL,
    CELL_NUMBER,
    CENTRED,
    DIGEST,
    GREY,
    HEAD,
    HEAD_NUMBER,
    LABEL,
    MARGIN,
    OUTCOME_COLOURS,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    PANEL,
    RULE,
    SECTION,
    STRONG,
    SUBTITLE,
    TITLE,
    WIDTH,
    text,
)
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.reports import chart as plane
from nesqc_gmp.reports.document import (
    Block,
    Chart,
    ColourScale,
    Document,
    Facts,
    Heading,
    Paragraph,
    Picture,
    PictureGrid,
    Signatures,
    Table,
    Tally,
    is_digest,
    texts,
)
from nesqc_gmp.reports.pdf_cover import VERDICT_OUTCOMES, front, letterhead, signature_cards

_LETTER: Final = 0.62 * CELL.fontSize
"""Width of a letter in a cell, on the safe side."""
_LONGEST_WORD: Final = 26
"""Letters of a word for which a column is made wider; longer ones, such as digests, are broken."""
_CHART_HEIGHT: Final = plane.HEIGHT * WIDTH / plane.WIDTH


def render_pdf(document: Document) -> bytes:
    """The file.

    Raises:
        InvalidInputError: A picture or chart does not fit a page.
    """
    register()
    stream = io.BytesIO()
    cover = document.cover
    furniture = PageFurniture(letterhead(document)) if cover else _Furniture(document)
    template = BaseDocTemplate(
        stream,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        invariant=1,
        title=drawn_or_named(document.title),
        author=cover.site if cover else PRODUCER,
    )
    bottom = SIGNATURE_BOX[3] + 4 * mm if cover and cover.signer else FOOTER
    template.addPageTemplates(
        [
            PageTemplate("first", [_frame(bottom, furniture.header - 3 * mm)], onPage=furniture.first),
            PageTemplate("later", [_frame(FOOTER, furniture.header - 3 * mm)], onPage=furniture.later),
        ]
    )
    parts: list[Flowable] = [
        NextPageTemplate("later"),
        _said(document.title, TITLE),
        _said(document.subtitle, SUBTITLE),
    ]
    parts.append(Spacer(1, 6))
    if cover:
        parts += front(document, cover)
    elif document.facts:
        parts += [_facts(document.facts), Spacer(1, 8)]
    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        if isinstance(block, Heading) and isinstance(following, Chart):
            # A chart is one piece: its heading goes with it to the next page.
            parts.append(CondPageBreak(_CHART_HEIGHT + 25 * mm))
        parts += _block(block)
    try:
        template.build(parts, canvasmaker=NumberedCanvas)
    except LayoutError as error:
        raise InvalidInputError(
            "a part of the report does not fit a page", where=document.title, remedy="Shorten its texts."
        ) from error
    return stream.getvalue()


def _frame(bottom: float, top: float) -> Frame:
    return Frame(MARGIN, bottom, WIDTH, top - bottom, 0, 0, 0, 0)


class _Furniture:
    """What is the same on every page of a report without a cover: mark, title, line, digest of every text."""

    header: float = PAGE_HEIGHT - 20 * mm

    def __init__(self, document: Document) -> None:
        self._document = document
        self._digest = sha256_hex("\n".join(texts(document)).encode())

    def first(self, canvas: Canvas, document: Any) -> None:
        """The first page is as every other."""
        self.later(canvas, document)

    def later(self, canvas: Canvas, _: Any) -> None:
        """Draw it."""
        if self._document.mark:
            mark = text(self._document.mark, CENTRED)
            mark.wrapOn(canvas, WIDTH, 6 * mm)
            mark.drawOn(canvas, MARGIN, PAGE_HEIGHT - 12 * mm)
        canvas.setFillColor(GREY)
        canvas.setFont(REGULAR, 7)
        canvas.drawString(MARGIN, PAGE_HEIGHT - 18 * mm, self._document.title[:110])
        canvas.setStrokeColor(ACCENT)
        canvas.setLineWidth(1.2)
        canvas.line(MARGIN, self.header, PAGE_WIDTH - MARGIN, self.header)
        canvas.setFont(MONO, 6.4)
        canvas.drawString(MARGIN, FOOTER - 3 * mm - 9.5, f"texts of this report sha256 {self._digest}")


def _block(block: Block) -> list[Flowable]:
    match block:
        case Heading(level=1):
            return [CondPageBreak(40 * mm), Spacer(1, 8), _headed(block, SECTION), Spacer(1, 4)]
        case Heading():
            return [CondPageBreak(25 * mm), Spacer(1, 5), _headed(block, STRONG), Spacer(1, 2)]
        case Paragraph():
            return [_said(block.text, BODY), Spacer(1, 5)]
        case Tally():
            return [_drawing(plane.draw_tally(block), plane.TALLY_HEIGHT), Spacer(1, 6)]
        case Signatures():
            return [KeepTogether([Spacer(1, 3), *signature_cards(block)]), Spacer(1, 6)]
        case Facts():
            return [_facts(block.rows), Spacer(1, 6)]
        case Table():
            return [_table(block), *_caption(block.caption)]
        case Chart():
            return [KeepTogether([_drawing(plane.draw(block), plane.HEIGHT), *_caption(block.caption)])]
        case ColourScale():
            return [_drawing(plane.draw_scale(block), plane.SCALE_HEIGHT), Spacer(1, 6)]
        case Picture():
            return [KeepTogether([_image(block.png, WIDTH * block.width), *_caption(block.caption)])]
        case PictureGrid():
            return [_grid(block), Spacer(1, 6)]


def _said(value: str, style: ParagraphStyle = CELL) -> Flowable:
    """A text, whoever wrote it."""
    return text(drawn_or_named(value), DIGEST if is_digest(value) and style is CELL else style)


def _headed(heading: Heading, style: ParagraphStyle) -> Flowable:
    """A heading, its verdict at the right."""
    words = _said(heading.text, style)
    if heading.verdict not in VERDICT_OUTCOMES:
        return words
    mark = OutcomeMark(VERDICT_OUTCOMES[heading.verdict], heading.verdict.upper(), 8)
    width = mark.wrap(WIDTH, 0)[0] + 4
    grid = Grid([[words, mark]], colWidths=[WIDTH - width, width])
    grid.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), PANEL),
                ("LINEABOVE", (0, 0), (-1, 0), 0.9, OUTCOME_COLOURS[mark.outcome]),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 4),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
            ]
        )
    )
    return grid


def _caption(value: str) -> list[Flowable]:
    return [Spacer(1, 2), _said(value, CAPTION), Spacer(1, 7)] if value else [Spacer(1, 7)]


def _facts(rows: tuple[tuple[str, str], ...]) -> Flowable:
    cells = [[_said(name, LABEL), _said(value)] for name, value in rows]
    grid = Grid(cells, colWidths=[WIDTH * 0.32, WIDTH * 0.68])
    grid.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return grid


def _table(table: Table) -> Flowable:
    styles = [(HEAD_NUMBER, CELL_NUMBER) if n in table.numbers else (HEAD, CELL) for n in range(len(table.head))]
    cells: list[list[Flowable]] = [[_said(name, head) for name, (head, _) in zip(table.head, styles, strict=True)]]
    cells += [
        [
            _verdict(cell) if column == table.verdict else _said(cell, style)
            for column, (cell, (_, style)) in enumerate(zip(row, styles, strict=True))
        ]
        for row in table.rows
    ]
    grid = Grid(cells, colWidths=_widths(table), repeatRows=1, splitInRow=1)
    grid.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), ACCENT),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [None, PANEL]),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
                ("LEFTPADDING", (0, 0), (-1, -1), 4),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return grid


def _verdict(cell: str) -> Flowable:
    """Mark and word of a verdict; another word as it is."""
    return OutcomeMark(VERDICT_OUTCOMES[cell], cell) if cell in VERDICT_OUTCOMES else _said(cell)


def _widths(table: Table) -> list[float]:
    """Widths by the longest cell of each column and the longest word of its head, none so wide that it takes it all."""
    heads = [_word(name) for name in table.head]
    columns = list(zip(*table.rows, strict=True)) or [()] * len(heads)
    longest = [max([head, *map(len, column)]) for head, column in zip(heads, columns, strict=True)]
    # Three more than the letters, for the padding of a cell: a number is never broken.
    shares = [min(max(length, 6) + 3, 48) for length in longest]
    room = 0.0
    if table.verdict is not None:
        # Marks and words of verdicts are drawn on one line: their column is as wide as the widest of them.
        shares[table.verdict] = 0
        room = max(OutcomeMark(outcome, word).wrap(0, 0)[0] for word, outcome in VERDICT_OUTCOMES.items()) + 9
    widths = [(WIDTH - room) * share / sum(shares) or room for share in shares]
    words = [max(map(_word, column), default=0) for column in columns]
    needed = [min(letters, _LONGEST_WORD) * _LETTER + 8 for letters in words]
    if table.verdict is not None:
        needed[table.verdict] = room
    return _unbroken(widths, needed)


def _word(text: str) -> int:
    """Letters of the longest word; an unbreakable space ends none."""
    return max(map(len, re.split("[ \n\t]", text)))


def _unbroken(widths: list[float], needed: list[float]) -> list[float]:
    """Columns that are too narrow for their longest word take from those that have more than they need."""
    lacking = sum(max(least - width, 0) for width, least in zip(widths, needed, strict=True))
    spare = sum(max(width - least, 0) for width, least in zip(widths, needed, strict=True))
    moved = min(lacking, spare)
    return [
        width - (width - least) * moved / spare if width > least else width + (least - width) * moved / (lacking or 1)
        for width, least in zip(widths, needed, strict=True)
    ]


def _drawing(shapes: Iterable[plane.Shape], height: float) -> Flowable:
    drawing = Drawing(plane.WIDTH, height)
    for shape in shapes:
        drawing.add(_shape(shape, height))
    scale = WIDTH / plane.WIDTH
    drawing.scale(scale, scale)
    drawing.width, drawing.height = WIDTH, height * scale
    return drawing


def _shape(shape: plane.Shape, height: float) -> Any:
    match shape:
        case plane.Line():
            return PolyLine(
                _flat(shape.points, height), strokeColor=HexColor(shape.colour), strokeWidth=shape.width,
                strokeDashArray=list(shape.dash) or None,
            )  # fmt: skip
        case plane.Area():
            return Polygon(
                _flat(shape.points, height), fillColor=HexColor(shape.colour), strokeColor=None,
                fillOpacity=shape.opacity,
            )  # fmt: skip
        case plane.Words():
            x, y = shape.place
            words = String(
                0, 0, shape.text, fontName=BOLD if shape.bold else REGULAR, fontSize=shape.size,
                fillColor=HexColor(shape.colour), textAnchor=shape.anchor,
            )  # fmt: skip
            placed = Group(words)
            placed.translate(x, height - y)
            if not shape.upright:
                placed.rotate(90)
            return placed


def _flat(points: tuple[tuple[float, float], ...], height: float) -> list[float]:
    return [value for x, y in points for value in (x, height - y)]


def _image(png: bytes, width: float) -> Image:
    image = Image(io.BytesIO(png))
    image.drawHeight *= width / image.drawWidth
    image.drawWidth = width
    image.hAlign = "LEFT"
    return image


def _grid(grid: PictureGrid) -> Flowable:
    width = WIDTH / grid.columns
    cells: list[list[Any]] = [
        [_image(picture.png, width - 6), text(picture.caption, CAPTION)] for picture in grid.pictures
    ]
    rows = [cells[start : start + grid.columns] for start in range(0, len(cells), grid.columns)]
    rows = [row + [[]] * (grid.columns - len(row)) for row in rows]
    table = Grid(rows, colWidths=[width] * grid.columns)
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table
