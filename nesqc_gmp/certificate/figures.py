"""What is drawn and not written: marks of an outcome, the histogram of the scores, the QR code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import segno
from reportlab.lib.colors import Color
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from nesqc_gmp.certificate.fonts import BOLD, MEDIUM, REGULAR
from nesqc_gmp.certificate.style import BAR_COLOURS, GREY, INK, OUTCOME_COLOURS, RULE
from nesqc_gmp.certificate.wording import OUTCOME_WORDS
from nesqc_gmp.records.images import Outcome

BAR_ORDER: Final[tuple[Outcome, ...]] = ("conforming", "undecided", "not conforming")
STEPS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000, 20000, 50000)


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
        draw_mark(self.canv, self.outcome, 0, self.size * 0.18, self.size, colour)
        self.canv.setFillColor(colour)
        self.canv.setFont(BOLD, self.size)
        self.canv.drawString(self.size * 1.45, self.size * 0.27, self.words)


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


class Histogram(Flowable):  # type: ignore[misc]
    """Scores in equal bins from 0 to 1, stacked by outcome, with both thresholds and the median.

    Args:
        bins: Counts by outcome, from the lowest bin to the highest.
        lower: Scores below this are not conforming.
        upper: Scores at or above this are conforming.
        width: Width, in points.
        height: Height, in points.
    """

    left: float = 9 * mm
    bottom: float = 9 * mm
    top: float = 10 * mm

    def __init__(
        self, bins: Sequence[Mapping[Outcome, int]], *, lower: str, upper: str, width: float, height: float
    ) -> None:
        super().__init__()
        self.bins, self.lower, self.upper = bins, lower, upper
        self.width: float = width
        self.height: float = height
        self.highest: int = max((sum(counts.values()) for counts in bins), default=0)
        self.step = next((step for step in STEPS if self.highest <= 5 * step), STEPS[-1])
        self.ceiling: int = max(self.step * -(-self.highest // self.step), 1)

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Axes first, bars over them, thresholds on top."""
        self._axes()
        self._bars()
        self._threshold(self.lower, f"not conforming below {self.lower}", 0)
        self._threshold(self.upper, f"conforming from {self.upper}", 1)

    def _x(self, score: float) -> float:
        return float(self.left + score * (self.width - self.left - 2 * mm))

    def _y(self, count: float) -> float:
        return self.bottom + count / self.ceiling * (self.height - self.bottom - self.top)

    def _axes(self) -> None:
        canvas = self.canv
        canvas.setFont(REGULAR, 6.6)
        canvas.setFillColor(GREY)
        canvas.setLineWidth(0.4)
        for count in range(0, self.ceiling + 1, self.step):
            canvas.setStrokeColor(INK if count == 0 else RULE)
            canvas.line(self._x(0), self._y(count), self._x(1), self._y(count))
            canvas.drawRightString(self._x(0) - 4, self._y(count) - 2.3, str(count))
        for tenth in range(0, 11, 2):
            canvas.drawCentredString(self._x(tenth / 10), self.bottom - 9, f"{tenth / 10:.1f}")
        total = sum(sum(counts.values()) for counts in self.bins)
        noun = "image" if total == 1 else "images"
        canvas.drawString(0, self.height - 7, "Images")
        canvas.drawCentredString(self._x(0.5), self.bottom - 20, f"Score of the image (n = {total} {noun})")

    def _bars(self) -> None:
        canvas = self.canv
        for number, counts in enumerate(self.bins):
            base = 0
            start, end = self._x(number / len(self.bins)) + 0.5, self._x((number + 1) / len(self.bins)) - 0.5
            for outcome in BAR_ORDER:
                if counts[outcome]:
                    canvas.setFillColor(BAR_COLOURS[outcome])
                    foot = self._y(base)
                    base += counts[outcome]
                    canvas.rect(start, foot, end - start, self._y(base) - foot, stroke=0, fill=1)

    def _threshold(self, score: str, words: str, level: int) -> None:
        canvas = self.canv
        x, above = self._x(float(score)), self._y(self.ceiling)
        tip = above + 3 + level * 8.5
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.7)
        canvas.setDash(2, 1.6)
        canvas.line(x, self.bottom, x, tip + 4)
        canvas.setDash()
        canvas.setFont(MEDIUM, 6.6)
        canvas.setFillColor(INK)
        if x - stringWidth(words, MEDIUM, 6.6) - 3 > self._x(0):
            canvas.drawRightString(x - 3, tip, words)
        else:
            canvas.drawString(x + 3, tip, words)
