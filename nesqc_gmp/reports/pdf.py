"""A report as PDF in the design of the certificate; the same document gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, Final

from reportlab.graphics.shapes import Drawing, Group, Polygon, PolyLine, String
from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    PageTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as Grid

from nesqc_gmp.certificate.fonts import BOLD, MONO, REGULAR, register
from nesqc_gmp.certificate.style import (
    ACCENT,
    BODY,
    CAPTION,
    CELL,
    CELL_FAILED,
    CELL_NUMBER,
    CELL_PASSED,
    CENTRED,
    GREY,
    HEAD,
    HEAD_NUMBER,
    INK,
    LABEL,
    MARGIN,
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
    Table,
    texts,
)

_VERDICTS: Final = {"passed": CELL_PASSED, "failed": CELL_FAILED}
_HEADER: Final = 24 * mm
_FOOTER: Final = 17 * mm
_CHART_HEIGHT: Final = plane.HEIGHT * WIDTH / plane.WIDTH


def render_pdf(document: Document) -> bytes:
    """The file."""
    register()
    stream = io.BytesIO()
    digest = sha256_hex("\n".join(texts(document)).encode())
    frame = Frame(MARGIN, _FOOTER, WIDTH, PAGE_HEIGHT - _HEADER - _FOOTER, 0, 0, 0, 0)
    furniture = _Furniture(document, digest)
    template = BaseDocTemplate(
        stream, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), invariant=1, title=document.title, author="nesqc_gmp"
    )
    template.addPageTemplates(PageTemplate("page", [frame], onPage=furniture.draw))
    parts: list[Flowable] = [text(document.title, TITLE), text(document.subtitle, SUBTITLE), Spacer(1, 6)]
    parts += [_facts(document.facts), Spacer(1, 8)] if document.facts else []
    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        if isinstance(block, Heading) and isinstance(following, Chart):
            # A chart is one piece: its heading goes with it to the next page.
            parts.append(CondPageBreak(_CHART_HEIGHT + 25 * mm))
        parts += _block(block)
    template.build(parts, canvasmaker=_Numbered)
    return stream.getvalue()


class _Furniture:
    """What is the same on every page."""

    def __init__(self, document: Document, digest: str) -> None:
        self._document = document
        self._digest = digest

    def draw(self, canvas: Canvas, _: Any) -> None:
        """Mark, title, line, and the digest of every text of the report."""
        if self._document.mark:
            mark = text(self._document.mark, CENTRED)
            mark.wrapOn(canvas, WIDTH, 6 * mm)
            mark.drawOn(canvas, MARGIN, PAGE_HEIGHT - 12 * mm)
        canvas.setFillColor(GREY)
        canvas.setFont(REGULAR, 7)
        canvas.drawString(MARGIN, PAGE_HEIGHT - 18 * mm, self._document.title[:110])
        canvas.setStrokeColor(ACCENT)
        canvas.setLineWidth(1.2)
        canvas.line(MARGIN, PAGE_HEIGHT - 20 * mm, PAGE_WIDTH - MARGIN, PAGE_HEIGHT - 20 * mm)
        canvas.setFont(MONO, 6.4)
        canvas.drawString(MARGIN, 10 * mm, f"texts of this report sha256 {self._digest}")


class _Numbered(Canvas):  # type: ignore[misc]
    """Writes the page count once it is known."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._finished: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802
        """Keep the page until the last one is drawn."""
        self._finished.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write every page with its number."""
        for number, state in enumerate(self._finished, start=1):
            self.__dict__.update(state)
            self.setFont(BOLD, 7.4)
            self.setFillColor(INK)
            self.drawRightString(PAGE_WIDTH - MARGIN, 10 * mm, f"Page {number} of {len(self._finished)}")
            super().showPage()
        super().save()


def _block(block: Block) -> list[Flowable]:
    match block:
        case Heading(level=1):
            return [CondPageBreak(40 * mm), Spacer(1, 8), text(block.text, SECTION), Spacer(1, 4)]
        case Heading():
            return [CondPageBreak(25 * mm), Spacer(1, 5), text(block.text, STRONG), Spacer(1, 2)]
        case Paragraph():
            return [text(block.text, BODY), Spacer(1, 5)]
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


def _caption(value: str) -> list[Flowable]:
    return [Spacer(1, 2), text(value, CAPTION), Spacer(1, 7)] if value else [Spacer(1, 7)]


def _facts(rows: tuple[tuple[str, str], ...]) -> Flowable:
    cells = [[text(name, LABEL), text(value, CELL)] for name, value in rows]
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
    cells = [[text(name, head) for name, (head, _) in zip(table.head, styles, strict=True)]]
    cells += [
        [
            text(cell, _VERDICTS.get(cell, style) if column == table.verdict else style)
            for column, (cell, (_, style)) in enumerate(zip(row, styles, strict=True))
        ]
        for row in table.rows
    ]
    grid = Grid(cells, colWidths=_widths(table), repeatRows=1)
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


def _widths(table: Table) -> list[float]:
    """Widths by the longest cell of each column and the longest word of its head, none so wide that it takes it all."""
    heads = [max(map(len, name.split()), default=0) for name in table.head]
    columns = list(zip(*table.rows, strict=True)) or [()] * len(heads)
    longest = [max([head, *map(len, column)]) for head, column in zip(heads, columns, strict=True)]
    # Three more than the letters, for the padding of a cell: a number is never broken.
    shares = [min(max(length, 6) + 3, 48) for length in longest]
    return [WIDTH * share / sum(shares) for share in shares]


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
