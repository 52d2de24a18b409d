"""What is drawn and not written: marks of an outcome, the QR code, the colours of a heat map."""

from __future__ import annotations

from typing import Any, Final

import segno
from reportlab.lib.colors import Color
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from nesqc_gmp.certificate.fonts import BOLD, REGULAR
from nesqc_gmp.certificate.style import GREY, HEAT_MAP_RAMP, INK, OUTCOME_COLOURS
from nesqc_gmp.certificate.wording import OUTCOME_WORDS
from nesqc_gmp.records.images import Outcome

LEGEND_STEPS: Final = 41
LEGEND_GROUND: Final = 0.5
LEGEND_OPACITY: Final = 0.75
"""As the pictures are drawn: the stronger the value, the more of its colour over the image, at most this share."""


def draw_mark(canvas: Any, outcome: Outcome, x: float, y: float, size: float, colour: Color) -> None:
    """Tick, cross or bar: the outcome as a shape, so that it can be read in grey. (x, y) is the lower left corner."""
    canvas.saveState()
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(size * 0.17)
    canvas.setLineCap(0)
    path = canvas.beginPath()
    corners: dict[Outcome, tuple[tuple[tuple[float, float], ...], ...]] = {
        "conforming": (((0.05, 0.48), (0.36, 0.16), (0.95, 0.84)),),
        "not conforming": (((0.12, 0.12), (0.88, 0.88)), ((0.12, 0.88), (0.88, 0.12))),
        "undecided": (((0.33, 0.1), (0.33, 0.9)), ((0.67, 0.1), (0.67, 0.9))),
    }
    for line in corners[outcome]:
        path.moveTo(x + line[0][0] * size, y + line[0][1] * size)
        for px, py in line[1:]:
            path.lineTo(x + px * size, y + py * size)
    canvas.drawPath(path, stroke=1, fill=0)
    canvas.restoreState()


class OutcomeMark(Flowable):  # type: ignore[misc]
    """Mark and word of an outcome on one line.

    Args:
        outcome: The outcome.
        words: The word; that of the outcome where not given.
        size: Size of the type, in points.
    """

    def __init__(self, outcome: Outcome, words: str | None = None, size: float = 7.4) -> None:
        super().__init__()
        self.outcome = outcome
        self.words = OUTCOME_WORDS[outcome] if words is None else words
        self.size = size

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        return self.size * 1.45 + stringWidth(self.words, BOLD, self.size), self.size * 1.2

    def draw(self) -> None:
        """Draw at the origin."""
        colour = OUTCOME_COLOURS[self.outcome]
        draw_mark(self.canv, self.outcome, 0, self.size * 0.11, self.size, colour)
        self.canv.setFillColor(colour)
        self.canv.setFont(BOLD, self.size)
        self.canv.drawString(self.size * 1.45, self.size * 0.2, self.words)


class QrCode(Flowable):  # type: ignore[misc]
    """A QR code (ISO/IEC 18004, error correction M) as one vector path, with its quiet zone.

    Args:
        payload: What it says.
        edge: Edge of the square with the quiet zone, in points.
    """

    def __init__(self, payload: str, edge: float) -> None:
        super().__init__()
        self.rows = [bytes(row) for row in segno.make(payload, error="m", micro=False).matrix_iter(border=2)]
        self.width = self.height = edge

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw dark runs as rectangles of one path."""
        module = self.width / len(self.rows)
        path = self.canv.beginPath()
        for number, row in enumerate(self.rows):
            start = None
            for column, dark in enumerate((*row, 0)):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    path.rect(start * module, self.height - (number + 1) * module, (column - start) * module, module)
                    start = None
        self.canv.setFillColor(INK)
        self.canv.drawPath(path, stroke=0, fill=1)


class HeatMapLegend(Flowable):  # type: ignore[misc]
    """The colours of the class-activation maps, over a mid gray, from what speaks against to what speaks for.

    Args:
        width: Width with the words, in points; it stands at the right.
    """

    size: float = 6.6

    def __init__(self, width: float) -> None:
        super().__init__()
        self.width: float = width
        self.height: float = 9

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Words at both ends of the bar."""
        canvas = self.canv
        after, before = "for", "speaks against"
        end = self.width - stringWidth(after, REGULAR, self.size) - 4
        start = stringWidth(before, REGULAR, self.size) + 12
        canvas.setFont(REGULAR, self.size)
        canvas.setFillColor(GREY)
        canvas.drawRightString(self.width, 2.2, after)
        canvas.drawRightString(start - 4, 2.2, before)
        step = (end - start) / LEGEND_STEPS
        for number in range(LEGEND_STEPS):
            canvas.setFillColor(legend_colour(number / (LEGEND_STEPS - 1) * 2 - 1))
            canvas.rect(start + number * step, 1, step + (0.3 if number < LEGEND_STEPS - 1 else 0), 7, stroke=0, fill=1)


def legend_colour(value: float) -> Color:
    """The colour of a value of a class-activation map, from -1 to 1, over a mid gray."""
    against, neither, speaks_for = HEAT_MAP_RAMP
    end = speaks_for if value > 0 else against
    share = abs(value)
    opacity = LEGEND_OPACITY * share
    channels = zip(neither.rgb(), end.rgb(), strict=True)
    mixed = ((low + (high - low) * share) * opacity + LEGEND_GROUND * (1 - opacity) for low, high in channels)
    return Color(*mixed)
