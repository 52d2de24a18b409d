"""A chart as lines, shapes and words on a plane, drawn once for page and screen alike.

Lines differ by dashes and points by shape as well as by colour, so a chart can be read in grey. A series that is named
after an outcome always has the colour, dashes and mark of that outcome, and no other series has its colour.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from nesqc_gmp.certificate.colours import CHART_COLOURS
from nesqc_gmp.reports.document import Chart, ColourScale, Series, Tally, tally_words, tick_text, ticks

WIDTH: Final = 500.0
HEIGHT: Final = 230.0
SCALE_HEIGHT: Final = 34.0
TALLY_HEIGHT: Final = 34.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 120.0, 26.0, 40.0
COLOURS: Final = ("#3b4754", "#1d8a99", "#6a4c93", "#4b8a3f", "#8a5a2b", "#b0559b", "#7d8790")
"""Of series that are no outcome, in this order; all dark enough for white paper."""

DASHES: Final = ((), (5.0, 2.0), (1.5, 1.5), (7.0, 2.0, 1.5, 2.0), (3.0, 3.0), (9.0, 3.0), (1.0, 3.0))
INK, GREY, RULE = "#16191d", "#5b6570", "#dfe4e8"
_LEGEND_MAX = 12
_LETTER: Final = 4.5
"""Points that one letter of a name takes at the most, with a share of the gap to the next name."""

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """How a series is drawn.

    Attributes:
        colour: Of its line and marks.
        dash: Of its line.
        shape: Of its marks: 0 square, 1 diamond, 2 triangle.
        hollow: Whether its marks are outlines.
    """

    colour: str
    dash: tuple[float, ...]
    shape: int
    hollow: bool = False


_OUTCOMES: Final[dict[str, Look]] = {
    "conforming": Look(CHART_COLOURS["conforming"], (), 0),
    "not conforming": Look(CHART_COLOURS["not conforming"], (5.0, 2.0), 1, hollow=True),
    "undecided": Look(CHART_COLOURS["undecided"], (1.5, 1.5), 2),
}


def look(name: str, number: int) -> Look:
    """That of the outcome of this name, else that of the place in the chart, counted from 0."""
    other = Look(COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)], number % 3)
    return _OUTCOMES.get(name, other)


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; y grows downwards."""

    points: tuple[Point, ...]
    colour: str
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Area:
    """A filled shape."""

    points: tuple[Point, ...]
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """Text at a point."""

    place: Point
    text: str
    size: float = 7.0
    colour: str = GREY
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False
    upright: bool = True


Shape: TypeAlias = Line | Area | Words


def draw(chart: Chart) -> tuple[Shape, ...]:
    """Every shape of a chart on a plane of 500 by 230 points."""
    plane = _Plane(chart)
    shapes: list[Shape] = [*plane.frame(chart)]
    for number, series in enumerate(chart.series):
        shapes += _drawn(series, plane, number)
    for limit in chart.limits:
        ends = plane.across(limit.value, limit.axis)
        shapes.append(Line(ends, INK, 0.8, (2.0, 2.0)))
        shapes.append(Words((ends[1][0] + 3, ends[1][1] + 2.5), limit.name, 6.5, INK))
    return (*shapes, *_legend(chart.series))


def draw_scale(scale: ColourScale) -> tuple[Shape, ...]:
    """Every shape of a legend on a plane of 500 by 34 points: what the colours mean, above and below their band."""
    width, (top, bottom) = WIDTH / len(scale.colours), (13.0, 23.0)
    edges = [round(number * width, 3) for number in range(len(scale.colours) + 1)]
    bands = tuple(
        Area(((left, top), (right, top), (right, bottom), (left, bottom)), colour)
        for (left, right), colour in zip(itertools.pairwise(edges), scale.colours, strict=True)
    )
    return (
        *bands,
        Words((0, 9), scale.low, 7.5, INK, bold=True),
        Words((WIDTH, 9), scale.high, 7.5, INK, "end", bold=True),
        Words((WIDTH / 2, 32), scale.middle, 7.0, INK, "middle"),
    )


def draw_tally(tally: Tally) -> tuple[Shape, ...]:
    """Every shape of a tally on a plane of 500 by 34 points.

    In grey as in colour: passed is solid, failed is striped, not executed is an empty frame.
    """
    counts = (tally.passed, tally.failed, tally.not_executed)
    total = max(sum(counts), 1)
    left, shapes = 0.0, list[Shape]()
    for number, (count, words) in enumerate(zip(counts, tally_words(tally), strict=True)):
        right = round(left + WIDTH * count / total, 3)
        if count:
            shapes += _part(number, left, right, 2.0, 16.0)
        left = right
        place = number * WIDTH / 3
        shapes += _part(number, place, place + 14, 23.0, 31.0)
        shapes.append(Words((place + 19, 30), words, 7.5, INK, bold=number > 0 and count > 0))
    return tuple(shapes)


_TALLY: Final = ("#14683a", "#a51d24", "#5b6570")


def _part(number: int, left: float, right: float, top: float, bottom: float) -> list[Shape]:
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    colour = _TALLY[number]
    if number == 0:
        return [Area(corners, colour)]
    shapes: list[Shape] = [] if number == 2 else [Area(corners, colour, 0.25), *_stripes(left, right, top, bottom)]
    return [*shapes, Line((*corners, corners[0]), colour, 1.0)]


def _stripes(left: float, right: float, top: float, bottom: float) -> list[Shape]:
    """Strokes from the lower left to the upper right, cut off at the ends of the part."""
    height, step = bottom - top, 4.0
    shapes: list[Shape] = []
    start = left - height
    while start < right:
        low, high = max(start, left), min(start + height, right)
        if high > low:
            shapes.append(Line(((low, bottom - (low - start)), (high, bottom - (high - start))), _TALLY[1], 1.2))
        start += step
    return shapes


class _Plane:
    """From values to places."""

    def __init__(self, chart: Chart) -> None:
        xs = [value for series in chart.series for value in series.x]
        ys = [value for series in chart.series for part in (series.y, series.low, series.high) for value in part]
        ys += [limit.value for limit in chart.limits if limit.axis == "y"]
        xs += [limit.value for limit in chart.limits if limit.axis == "x"]
        if chart.x_names:
            places = tuple(float(place) for place in range(1, len(chart.x_names) + 1))
            self.x_ends, self.x_marks = (0.5, len(places) + 0.5), tuple(zip(places, chart.x_names, strict=True))
        else:
            x_ticks = ticks(*(chart.x_range or _range(xs)))
            self.x_ends = (x_ticks[0], x_ticks[-1])
            self.x_marks = tuple((value, tick_text(value, x_ticks)) for value in x_ticks)
        self.y_ticks = ticks(*(chart.y_range or _range(ys)))

    def at(self, x: float, y: float) -> Point:
        """Place of a value, kept inside the frame."""
        across = (x - self.x_ends[0]) / (self.x_ends[1] - self.x_ends[0])
        up = (y - self.y_ticks[0]) / (self.y_ticks[-1] - self.y_ticks[0])
        across, up = min(max(across, 0.0), 1.0), min(max(up, 0.0), 1.0)
        return (
            round(_LEFT + across * (WIDTH - _LEFT - _RIGHT), 3),
            round(HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM), 3),
        )

    def across(self, value: float, axis: str) -> tuple[Point, Point]:
        """A line over the whole frame."""
        if axis == "y":
            return self.at(self.x_ends[0], value), self.at(self.x_ends[1], value)
        return self.at(value, self.y_ticks[0]), self.at(value, self.y_ticks[-1])

    def frame(self, chart: Chart) -> list[Shape]:
        """Title, grid, ticks and labels."""
        shapes: list[Shape] = [Words((0, 11), chart.title, 9.0, INK, bold=True)]
        for value in self.y_ticks:
            start, end = self.across(value, "y")
            shapes.append(Line((start, end), RULE, 0.5))
            shapes.append(Words((start[0] - 5, start[1] + 2.5), tick_text(value, self.y_ticks), anchor="end"))
        longest = max((len(name) for _, name in self.x_marks), default=0)
        step = math.ceil(len(self.x_marks) * longest * _LETTER / (WIDTH - _LEFT - _RIGHT)) or 1
        for number, (value, name) in enumerate(self.x_marks):
            start, end = self.across(value, "x")
            shapes.append(Line((start, end), RULE, 0.5))
            if number % step == 0 or not chart.x_names:  # names that would run into each other are left out
                shapes.append(Words((start[0], start[1] + 11), name, anchor="middle"))
        left, right = (self.at(end, self.y_ticks[0]) for end in self.x_ends)
        shapes.append(Line((left, right), GREY, 0.8))
        middle = (left[0] + right[0]) / 2
        shapes.append(Words((middle, HEIGHT - 12), chart.x_label, 7.5, INK, "middle"))
        upright = (10.0, (_TOP + HEIGHT - _BOTTOM) / 2)
        shapes.append(Words(upright, chart.y_label, 7.5, INK, "middle", upright=False))
        return shapes


def _range(values: Sequence[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (0.0, 1.0)


def _drawn(series: Series, plane: _Plane, number: int) -> list[Shape]:
    drawn = look(series.name, number)
    colour = drawn.colour
    points = [plane.at(x, y) for x, y in zip(series.x, series.y, strict=True)]
    shapes: list[Shape] = []
    if series.low:
        lows = [plane.at(x, y) for x, y in zip(series.x, series.low, strict=True)]
        highs = [plane.at(x, y) for x, y in zip(series.x, series.high, strict=True)]
        if series.style == "points":
            shapes += [Line((low, high), colour, 0.8) for low, high in zip(lows, highs, strict=True)]
        else:
            shapes.append(Area((*lows, *reversed(highs)), colour, 0.15))
    if series.style == "points" or len(points) == 1:
        return [*shapes, *(mark(point, drawn) for point in points)]
    if series.style == "steps":
        points = [p for a, b in itertools.pairwise(points) for p in (a, (b[0], a[1]))] + points[-1:]
    return [*shapes, Line(tuple(points), colour, 1.4, drawn.dash)] if points else shapes


def mark(place: Point, drawn: Look) -> Area | Line:
    """A square, diamond or triangle around a point."""
    x, y = place
    corners = (
        ((-2.2, -2.2), (2.2, -2.2), (2.2, 2.2), (-2.2, 2.2)),
        ((0.0, -3.2), (3.2, 0.0), (0.0, 3.2), (-3.2, 0.0)),
        ((0.0, -3.0), (2.9, 2.2), (-2.9, 2.2)),
    )[drawn.shape]
    around = tuple((x + dx, y + dy) for dx, dy in corners)
    return Line((*around, around[0]), drawn.colour, 0.8) if drawn.hollow else Area(around, drawn.colour)


def _legend(series: Sequence[Series]) -> list[Shape]:
    """Names at the right of the frame."""
    if len(series) < 2:
        return []
    shapes: list[Shape] = []
    left, top = WIDTH - _RIGHT + 10, _TOP + 4
    for number, one in enumerate(series[:_LEGEND_MAX]):
        y = top + number * 13
        drawn = look(one.name, number)
        if one.style == "points":
            shapes.append(mark((left + 8, y), drawn))
        else:
            shapes.append(Line(((left, y), (left + 16, y)), drawn.colour, 1.4, drawn.dash))
        name = one.name if len(one.name) <= 22 else one.name[:21] + "…"
        shapes.append(Words((left + 20, y + 2.5), name, 7.0, INK))
    if len(series) > _LEGEND_MAX:
        shapes.append(Words((left, top + _LEGEND_MAX * 13), f"and {len(series) - _LEGEND_MAX} more"))
    return shapes
