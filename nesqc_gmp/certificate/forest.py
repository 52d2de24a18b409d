"""The strips of a forest plot: one row a culture, its images as dots, its mean as a mark with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from reportlab.lib.colors import Color, HexColor, white
from reportlab.platypus import Flowable

from nesqc_gmp.certificate.fonts import REGULAR
from nesqc_gmp.certificate.style import ACCENT, GREY, INK, RULE
from nesqc_gmp.records.images import Spread

STEPS: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5))
TICKS: Final = 5
"""Most steps of an axis."""

ROOM: Final = Decimal("1.08")
"""How far an axis goes beyond the largest value; a bound that lies farther out ends in an arrow."""

HEIGHT: Final = 14.0
DOT: Final = 1.3
DOTS: Final = HexColor("#8e99a4")
MARK: Final = 2.3
SIZE: Final = 6.2


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from 0.

    Attributes:
        step: Distance of two ticks.
        end: Its last value, a whole number of steps.
        limit: Where the dashed line stands, ``None`` without a limit.
        reference: Where the thin line stands, ``None`` without one.
    """

    step: Decimal
    end: Decimal
    limit: Decimal | None
    reference: Decimal | None

    @property
    def ticks(self) -> tuple[Decimal, ...]:
        """Every tick, 0 first."""
        return tuple(self.step * number for number in range(int(self.end / self.step) + 1))


def axis(spreads: Iterable[Spread], limit: str | None, reference: Decimal | None) -> Axis:
    """The axis that holds every value, the limit and the reference, with at most five round steps.

    Args:
        spreads: What is drawn.
        limit: The limit of the specification.
        reference: A value that the reader compares with.
    """
    bound = None if limit is None else Decimal(limit)
    values = [Decimal(each.value) for each in spreads]
    largest = max([*values, bound or Decimal(0), reference or Decimal(0)], default=Decimal(0)) * ROOM
    power = Decimal(1).scaleb(largest.adjusted() - 1) if largest else Decimal("0.1")
    steps = (power * factor * ten for ten in (1, 10) for factor in STEPS)
    step = next(each for each in steps if each * TICKS >= largest)
    count = max(1, int((largest / step).to_integral_value(ROUND_CEILING)))
    return Axis(step, step * count, bound, reference)


class Strip(Flowable):  # type: ignore[misc]
    """One row of a forest plot; rows that touch share their vertical lines.

    Args:
        scale: The axis.
        mean: The mean of the row, ``None`` where nothing was measured.
        parts: Spreads of the images, drawn as dots.
        whole: Whether the row is that of the batch, whose mark is a diamond.
        width: Width, in points.
    """

    def __init__(self, scale: Axis, mean: Spread | None, parts: Sequence[Spread], *, whole: bool, width: float) -> None:
        super().__init__()
        self.scale, self.mean, self.parts, self.whole = scale, mean, parts, whole
        self.width: float = width
        self.height: float = HEIGHT

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Lines of the axis first, then dots, then the interval and its mark."""
        draw_lines(self.canv, self.scale, self.width, 0, self.height)
        middle = self.height / 2
        self.canv.setFillColor(DOTS)
        self.canv.setStrokeColor(white)
        self.canv.setLineWidth(0.3)
        for part in self.parts:
            self.canv.circle(self._x(part.value), middle, DOT, stroke=1, fill=1)
        if self.mean is not None:
            self._interval(self.mean, middle)
            self._mark(self._x(self.mean.value), middle)

    def _x(self, value: str) -> float:
        return place(self.scale, Decimal(value), self.width)

    def _interval(self, mean: Spread, middle: float) -> None:
        if mean.low is None or mean.high is None:
            return
        canvas, start, end = self.canv, self._x(mean.low), self._x(mean.high)
        beyond = Decimal(mean.high) > self.scale.end
        canvas.setStrokeColor(INK if self.whole else ACCENT)
        canvas.setLineWidth(1.1)
        canvas.line(start, middle, end, middle)
        canvas.line(start, middle - 2, start, middle + 2)
        if beyond:
            canvas.line(end - 2.4, middle - 2, end, middle)
            canvas.line(end - 2.4, middle + 2, end, middle)
        else:
            canvas.line(end, middle - 2, end, middle + 2)

    def _mark(self, x: float, middle: float) -> None:
        canvas = self.canv
        canvas.setFillColor(INK if self.whole else ACCENT)
        if not self.whole:
            canvas.rect(x - MARK, middle - MARK, 2 * MARK, 2 * MARK, stroke=0, fill=1)
            return
        path = canvas.beginPath()
        path.moveTo(x - 1.5 * MARK, middle)
        for px, py in ((x, middle + 1.5 * MARK), (x + 1.5 * MARK, middle), (x, middle - 1.5 * MARK)):
            path.lineTo(px, py)
        path.close()
        canvas.drawPath(path, stroke=0, fill=1)


class Scale(Flowable):  # type: ignore[misc]
    """The ticks below the last row.

    Args:
        scale: The axis.
        width: Width, in points.
    """

    def __init__(self, scale: Axis, width: float) -> None:
        super().__init__()
        self.scale = scale
        self.width: float = width
        self.height: float = HEIGHT

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """A line with numbers below it; the limit reaches down to the line."""
        canvas, top = self.canv, self.height - 2.5
        draw_lines(canvas, self.scale, self.width, top, self.height)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.5)
        canvas.line(0, top, place(self.scale, self.scale.end, self.width), top)
        canvas.setFont(REGULAR, SIZE)
        canvas.setFillColor(GREY)
        for tick in self.scale.ticks:
            x = place(self.scale, tick, self.width)
            canvas.line(x, top, x, top - 2)
            draw = canvas.drawString if tick == 0 else canvas.drawCentredString
            draw(x, top - 9, f"{tick.normalize():f}")


def place(scale: Axis, value: Decimal, width: float) -> float:
    """Where a value stands, in points from the left; a value beyond the axis stands at its end."""
    return float(min(value / scale.end, Decimal(1))) * (width - 2 * MARK)


def draw_lines(canvas: Any, scale: Axis, width: float, foot: float, head: float) -> None:
    """The thin line of the reference and the dashed one of the limit."""
    drawn: tuple[tuple[Decimal | None, Color, float, tuple[float, ...]], ...] = (
        (scale.reference, RULE, 0.7, ()),
        (scale.limit, INK, 0.8, (2.0, 1.5)),
    )
    for value, colour, weight, dash in drawn:
        if value is not None:
            x = place(scale, value, width)
            canvas.setStrokeColor(colour)
            canvas.setLineWidth(weight)
            canvas.setDash(*([list(dash)] if dash else []))
            canvas.line(x, foot, x, head)
            canvas.setDash()
