"""Sections, grids of label and value, tables with hairlines, the band of a conclusion, and boxes side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Spacer, Table, TableStyle

from nesqc_gmp.certificate.figures import OutcomeMark
from nesqc_gmp.certificate.style import (
    ACCENT,
    DIGEST_RIGHT,
    HEAD,
    HEAD_NUMBER,
    LABEL,
    OUTCOME_COLOURS,
    PANEL,
    RULE,
    SECTION,
    STRONG,
    WIDTH,
    text,
)

GRID_COLUMNS: Final = 4
CARDS: Final = 4
CARD_GAP: Final = 2.5 * mm


class Field(NamedTuple):
    """One value of a grid with its label, over one or more of the four columns."""

    label: str
    value: str
    span: int = 1


class Column(NamedTuple):
    """One column of a table: heading, share of the width, and whether it holds numbers."""

    heading: str
    share: float
    number: bool = False


def section(heading: str, room: float = 30 * mm, digest: str = "") -> list[Flowable]:
    """A heading with its rule, moved to the next page where less than ``room`` points are left below it.

    Args:
        heading: The heading.
        room: Points.
        digest: Digest of what the section is about, at the right end of the line.
    """
    share = 0.35 if digest else 1
    rule = Table([[text(heading, SECTION), text(digest, DIGEST_RIGHT)]], colWidths=[WIDTH * share, WIDTH * (1 - share)])
    rule.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.9, ACCENT),
                ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 5.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    return [CondPageBreak(room), rule, Spacer(1, 2)]


def grid(rows: Sequence[Sequence[Field]]) -> Table:
    """Labels over values in four columns, a hairline under each row."""
    cells: list[list[Any]] = []
    commands: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 6),
        ("TOPPADDING", (0, 0), (-1, -1), 2.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
    ]
    for number, row in enumerate(rows):
        line: list[Any] = []
        for field in row:
            start = len(line)
            line += [[text(field.label, LABEL), text(field.value, STRONG)], *[""] * (field.span - 1)]
            if field.span > 1:
                commands.append(("SPAN", (start, number), (start + field.span - 1, number)))
        cells.append(line)
    table = Table(cells, colWidths=[WIDTH / GRID_COLUMNS] * GRID_COLUMNS)
    table.setStyle(TableStyle(commands))
    return table


def listing(columns: Sequence[Column], rows: Sequence[Sequence[Any]], width: float = WIDTH) -> Table:
    """A table whose heading is repeated on every page; rows are separated by hairlines."""
    heading: list[Paragraph] = [text(column.heading, HEAD_NUMBER if column.number else HEAD) for column in columns]
    total = sum(column.share for column in columns)
    widths = [width * column.share / total for column in columns]
    table = Table([heading, *rows], colWidths=widths, repeatRows=1, splitByRow=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), ACCENT),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 5),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [None, PANEL]),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
            ]
        )
    )
    return table


def panel(mark: OutcomeMark, sentences: list[Flowable]) -> Table:
    """The band that says how something ended: an edge in the colour of the outcome, its mark, and what it means."""
    table = Table([["", mark, sentences]], colWidths=[1.6 * mm, 46 * mm, WIDTH - 47.6 * mm])
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (0, 0), OUTCOME_COLOURS[mark.outcome]),
                ("BACKGROUND", (1, 0), (-1, -1), PANEL),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (1, 0), (1, 0), 8),
                ("TOPPADDING", (0, 0), (-1, -1), 6),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
            ]
        )
    )
    return table


def cards(contents: Sequence[list[Flowable]]) -> list[Flowable]:
    """Boxes, four in a row, with a gap between the rows."""
    rows: list[Flowable] = []
    for start in range(0, len(contents), CARDS):
        rows += [_row_of_cards(contents[start : start + CARDS]), Spacer(1, CARD_GAP)]
    return rows[:-1]


def _row_of_cards(contents: Sequence[list[Flowable]]) -> Table:
    width = (WIDTH - (CARDS - 1) * CARD_GAP) / CARDS
    cells: list[list[Flowable] | str] = []
    commands: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 5),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
    ]
    for content in contents:
        commands.append(("BOX", (len(cells), 0), (len(cells), 0), 0.6, RULE))
        cells += [content, ""]
    table = Table([cells[:-1]], colWidths=([width, CARD_GAP] * len(contents))[:-1], hAlign="LEFT")
    table.setStyle(TableStyle(commands))
    return table
