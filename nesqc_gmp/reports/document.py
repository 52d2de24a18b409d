"""A report as one frozen value: headings, text, tables, charts and pictures, apart from how it is printed."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from nesqc_gmp.errors import InvalidInputError

VERDICTS: Final = ("passed", "failed", "not executed")
"""Verdicts that are marked by word and weight, and by colour as well."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 or 2; ``verdict``, where there is one, stands at its right end in a frame."""

    text: str
    level: Literal[1, 2] = 1
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one pair a line."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        head: Names of the columns.
        rows: Cells, row by row, as many as there are columns.
        caption: Printed below.
        numbers: Columns, from 0, whose cells stand at the right.
        verdict: The column of verdicts; those of ``VERDICTS`` are marked in it by colour and weight.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    numbers: tuple[int, ...] = ()
    verdict: int | None = None

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise InvalidInputError("a row of the table has another number of cells", where=", ".join(self.head))


@dataclass(frozen=True, slots=True)
class Series:
    """Points of a chart.

    Attributes:
        name: Printed beside the line.
        x: Abscissae.
        y: Ordinates.
        low: Lower ends of intervals; empty without.
        high: Upper ends of intervals; empty without.
        style: A line, single points, or steps.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    style: Literal["line", "points", "steps"] = "line"

    def __post_init__(self) -> None:
        lengths = {len(self.x), len(self.y), *(len(part) for part in (self.low, self.high) if part)}
        values = (*self.x, *self.y, *self.low, *self.high)
        if len(lengths) != 1 or bool(self.low) != bool(self.high) or not all(map(math.isfinite, values)):
            raise InvalidInputError(
                "the series has parts of other lengths, or a value that is no number", where=self.name
            )


@dataclass(frozen=True, slots=True)
class Limit:
    """A line across the chart at one value of an axis."""

    value: float
    name: str
    axis: Literal["x", "y"] = "y"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with two linear axes; ranges are taken from the series where not given.

    With ``x_names`` the horizontal axis has places instead: 1, 2 and so on, named so.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    limits: tuple[Limit, ...] = ()
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    caption: str = ""
    x_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColourScale:
    """The legend of coloured pictures: their colours from one end to the other, and what ends and middle mean.

    Attributes:
        colours: ``#rrggbb``, from the low end to the high one.
        low: Meaning of the first colour.
        middle: Meaning of the one in the middle.
        high: Meaning of the last.
    """

    colours: tuple[str, ...]
    low: str
    middle: str
    high: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG picture; ``width`` is its share of the width of the text."""

    png: bytes
    caption: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class PictureGrid:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]
    columns: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of all passed, failed and were not executed, as a bar whose parts differ by pattern."""

    passed: int
    failed: int
    not_executed: int


@dataclass(frozen=True, slots=True)
class SignatureCard:
    """One electronic signature as printed (21 CFR 11.50), or the place of one that is missing.

    Attributes:
        act: What was signed, such as ``Reviewed``.
        name: Printed name; empty where nobody has signed.
        person: Person id.
        role: Role in which the person signed.
        meaning: Meaning in one sentence.
        local: Local time with offset.
        utc: The same moment in UTC.
        entry: The entry of the log that holds it.
    """

    act: str
    name: str = ""
    person: str = ""
    role: str = ""
    meaning: str = ""
    local: str = ""
    utc: str = ""
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Electronic signatures as cards, side by side."""

    cards: tuple[SignatureCard, ...]


Block: TypeAlias = (
    Heading | Paragraph | Facts | Table | Chart | ColourScale | Picture | PictureGrid | Tally | Signatures
)


@dataclass(frozen=True, slots=True)
class Cover:
    """What makes a report a numbered document of a site.

    Attributes:
        site: Name of the site.
        address: What stands below its name.
        kind: What the number is of, such as ``OQ report No.``.
        number: The number.
        notes: Lines below the number.
        word: The conclusion in a word or two.
        tone: Whether that is good news, bad news, or open.
        sentences: The conclusion in sentences: the first strong, the last small.
        content_sha256: Digest of the content that is attached.
        software: Name and version of what made it.
        signer: Who signs the file; empty: it has no field for a signature.
        signed_at: When, local time with offset; empty without a signer.
    """

    site: str
    address: str
    kind: str
    number: str
    notes: tuple[str, ...]
    word: str
    tone: Literal["good", "bad", "open"]
    sentences: tuple[str, ...]
    content_sha256: str
    software: str
    signer: str = ""
    signed_at: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report.

    Attributes:
        title: Its title.
        subtitle: What it is about, in one or two sentences.
        mark: Printed on every page, for example that data are simulated.
        facts: Digests and numbers at its head.
        blocks: Its content.
        cover: What makes it a numbered document of a site; ``None`` for a report that is none.
    """

    title: str
    subtitle: str
    mark: str
    facts: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]
    cover: Cover | None = None


def ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Round numbers that cover a range: steps of 1, 2 or 5 times a power of ten (Heckbert, Graphics Gems 1990).

    The first is at or below ``low`` and the last at or above ``high``.
    """
    if not (high - low) / count > sys.float_info.min:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, low + margin
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(nice * power for nice in (1.0, 2.0, 5.0, 10.0) if nice * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(number * step for number in range(first, last + 1))


def tick_text(value: float, places: tuple[float, ...]) -> str:
    """A tick as text, with the decimals that the step of the axis needs."""
    step = places[1] - places[0] if len(places) > 1 else 1.0
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value + 0.0:.{min(decimals, 6)}f}" if abs(value) < 1e6 else f"{value:.2g}"


def tally_words(tally: Tally) -> tuple[str, str, str]:
    """The three counts in words, in the order of ``VERDICTS``."""
    counts = (tally.passed, tally.failed, tally.not_executed)
    return tuple(f"{count} {word}" for count, word in zip(counts, VERDICTS, strict=True))  # type: ignore[return-value]


NOT_SIGNED: Final = "not signed"


def card_lines(card: SignatureCard) -> tuple[str, ...]:
    """What a card says, line by line; of a signature that is missing, only that."""
    if not card.name:
        return (card.act, NOT_SIGNED)
    return (card.act, card.name, f"{card.person}, {card.role}", card.meaning, card.local, card.utc, card.entry)


def is_digest(value: str) -> bool:
    """Whether a value is a SHA-256, which is printed in a typeface of even width."""
    return re.fullmatch(r"[0-9a-f]{64}", value) is not None


def texts(document: Document) -> Iterator[str]:
    """Every text of a document, in order."""
    yield from (document.title, document.subtitle, document.mark)
    yield from (part for pair in document.facts for part in pair)
    if document.cover is not None:
        cover = document.cover
        yield from (cover.site, cover.address, cover.kind, cover.number, *cover.notes, cover.word, *cover.sentences)
    for block in document.blocks:
        match block:
            case Heading():
                yield from (block.text, block.verdict)
            case Paragraph():
                yield block.text
            case Tally():
                yield from tally_words(block)
            case Signatures():
                yield from (part for card in block.cards for part in card_lines(card))
            case Facts():
                yield from (part for pair in block.rows for part in pair)
            case Table():
                yield from (*block.head, *(cell for row in block.rows for cell in row), block.caption)
            case Chart():
                yield from (block.title, block.x_label, block.y_label, *(s.name for s in block.series), block.caption)
                yield from block.x_names
            case ColourScale():
                yield from (block.low, block.middle, block.high)
            case Picture():
                yield block.caption
            case PictureGrid():
                yield from (picture.caption for picture in block.pictures)
