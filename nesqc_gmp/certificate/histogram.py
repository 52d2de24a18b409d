"""The histogram of the scores: every image in its bin, both thresholds, and the band between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from nesqc_gmp.certificate.fonts import MEDIUM, REGULAR
from nesqc_gmp.certificate.style import BAND, BAR_COLOURS, GREY, INK, RULE
from nesqc_gmp.records.images import Outcome

BAR_ORDER: Final[tuple[Outcome, ...]] = ("conforming", "undecided", "not conforming")
STEPS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000, 20000, 50000)
SIZE: Final = 6.6
LINE: Final = 8.0
PADDING: Final = 3.0
"""Between a label and the line it belongs to, in points."""

BETWEEN: Final = "undecided"


class Labels(NamedTuple):
    """Where the labels of two thresholds stand, in points from score 0: one ends at ``lower``, one starts at ``upper``.

    Attributes:
        lower: Right edge of the label of the lower threshold.
        upper: Left edge of the label of the upper threshold.
        named: Whether the name of the band fits between them.
    """

    lower: float
    upper: float
    named: bool


def place_labels(lower: float, upper: float, widths: tuple[float, float, float], room: float) -> Labels:
    """Beside their own thresholds where there is room, else as near as the edges and each other allow.

    The order of the labels is that of the thresholds, so leaders from threshold to label never cross.

    Args:
        lower: Place of the lower threshold, in points.
        upper: Place of the upper threshold, at or right of the lower one.
        widths: Widths of both labels and of the name of the band, with their padding.
        room: Width of the plot.
    """
    left, right, name = widths
    end = min(max(lower, left), room - right)
    start = min(max(upper, left), room - right)
    return Labels(end, start, start - end >= name)


class Histogram(Flowable):  # type: ignore[misc]
    """Scores in equal bins from 0 to 1, stacked by outcome, with both thresholds.

    Args:
        bins: Counts by outcome, from the lowest bin to the highest.
        lower: Scores below this are not conforming.
        upper: Scores at or above this are conforming.
        width: Width, in points.
        height: Height, in points.
    """

    left: float = 9 * mm
    bottom: float = 9 * mm
    top: float = 2 * LINE + 9

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
        """The band first, axes and bars over it, thresholds on top."""
        self._band()
        self._axes()
        self._bars()
        self._thresholds()

    def _x(self, score: float) -> float:
        return float(self.left + score * (self.width - self.left - 2 * mm))

    def _y(self, count: float) -> float:
        return self.bottom + count / self.ceiling * (self.height - self.bottom - self.top)

    def _band(self) -> None:
        start, end = self._x(float(self.lower)), self._x(float(self.upper))
        self.canv.setFillColor(BAND)
        self.canv.rect(start, self.bottom, end - start, self._y(self.ceiling) - self.bottom, stroke=0, fill=1)

    def _axes(self) -> None:
        canvas = self.canv
        canvas.setFont(REGULAR, SIZE)
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
        canvas.drawString(0, self.height - LINE, "Images")
        shaded = f"; shaded: {BETWEEN}" if float(self.lower) < float(self.upper) else ""
        words = f"Score of the image (n = {total} {noun}){shaded}"
        canvas.drawCentredString(self._x(0.5), self.bottom - 20, words)

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

    def _thresholds(self) -> None:
        """Dashed lines in the plot, each led to its label in the strip above it."""
        below, above = ("not conforming", f"below {self.lower}"), ("conforming", f"from {self.upper}")
        places = self._x(float(self.lower)), self._x(float(self.upper))
        origin = self._x(0)
        widths = _width(below), _width(above), _width((BETWEEN,)) + PADDING
        labels = place_labels(places[0] - origin, places[1] - origin, widths, self._x(1) - origin)
        canvas, foot = self.canv, self.height - 2 * LINE - 2
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.7)
        for place, label in zip(places, (origin + labels.lower, origin + labels.upper), strict=True):
            canvas.setDash(2, 1.6)
            canvas.line(place, self.bottom, place, self._y(self.ceiling))
            canvas.setDash()
            canvas.line(place, self._y(self.ceiling), label, foot)
            canvas.line(label, foot, label, self.height)
        canvas.setFont(MEDIUM, SIZE)
        canvas.setFillColor(INK)
        for number in range(2):
            baseline = self.height - (number + 1) * LINE + 1.5
            canvas.drawRightString(origin + labels.lower - PADDING, baseline, below[number])
            canvas.drawString(origin + labels.upper + PADDING, baseline, above[number])
        if labels.named:
            canvas.drawCentredString(origin + (labels.lower + labels.upper) / 2, self.height - LINE + 1.5, BETWEEN)


def _width(lines: Sequence[str]) -> float:
    return float(max(stringWidth(line, MEDIUM, SIZE) for line in lines)) + PADDING
