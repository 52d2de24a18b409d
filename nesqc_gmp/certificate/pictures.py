"""Example images with their heat maps: each JPEG file by its digest, passed into the page as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final, NamedTuple

from PIL import Image
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Flowable, KeepTogether, Spacer, Table, TableStyle

from nesqc_gmp.certificate.figures import HeatMapLegend, OutcomeMark
from nesqc_gmp.certificate.style import CAPTION, CELL_STRONG, RED, RULE, WIDTH, text
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.certificate_lines import ExampleImage, ImageLine
from nesqc_gmp.records.certificates import CertificateContent
from nesqc_gmp.records.images import Outcome

COLUMNS: Final = 4
GAP: Final = 3 * mm
LEGEND_WIDTH: Final = 62 * mm
MAX_EDGE: Final = 2048
"""Longest edge of a picture, in pixels: a thumbnail, not the original."""


class Example(NamedTuple):
    """One picture, ready to be drawn: its line, its outcome and both JPEG files."""

    line: ImageLine
    outcome: Outcome
    thumbnail: bytes
    heat_map: bytes


class Picture(Flowable):  # type: ignore[misc]
    """A JPEG fitted into a square frame.

    Args:
        jpeg: Bytes of the file.
        edge: Edge of the square, in points.
        worst: Whether the frame is red.
    """

    def __init__(self, jpeg: bytes, edge: float, worst: bool) -> None:
        super().__init__()
        self.jpeg, self.edge, self.worst = jpeg, edge, worst

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Width and height, in points."""
        return self.edge, self.edge

    def draw(self) -> None:
        """Picture in the middle, frame over its edge."""
        reader = ImageReader(BytesIO(self.jpeg))
        columns, rows = reader.getSize()
        scale = self.edge / max(columns, rows)
        width, height = columns * scale, rows * scale
        x, y = (self.edge - width) / 2, (self.edge - height) / 2
        self.canv.drawImage(reader, x, y, width, height)
        self.canv.setStrokeColor(RED if self.worst else RULE)
        self.canv.setLineWidth(2 if self.worst else 0.5)
        self.canv.rect(x, y, width, height, stroke=1, fill=0)


def examples(content: CertificateContent, pictures: Mapping[str, bytes]) -> tuple[Example, ...]:
    """Join the examples with their lines and files.

    Raises:
        InvalidInputError: A file is missing, is not the one named by its digest, or is no small JPEG in gray or RGB.
    """
    lines = {line.image: line for line in content.images}
    found = []
    for example in content.examples:
        line = lines[example.image]
        outcome: Outcome = "undecided"
        if line.outcome in ("conforming", "not conforming"):
            outcome = line.outcome
        thumbnail, heat_map = (_picture(example, digest, pictures) for digest in _digests(example))
        found.append(Example(line, outcome, thumbnail, heat_map))
    return tuple(found)


def gallery(shown: Sequence[Example], legend: str) -> list[Flowable]:
    """Rows of up to four examples, the image above its heat map; the first of all has a red frame."""
    edge = (WIDTH - (COLUMNS - 1) * GAP) / COLUMNS
    flowables: list[Flowable] = []
    for start in range(0, len(shown), COLUMNS):
        row = shown[start : start + COLUMNS]
        cells: list[Any] = [_example(example, edge, worst=start + number == 0) for number, example in enumerate(row)]
        cells += [""] * (COLUMNS - len(row))
        table = Table([cells], colWidths=[edge + GAP] * (COLUMNS - 1) + [edge], hAlign="LEFT")
        table.setStyle(_bare())
        flowables.append(KeepTogether([table, Spacer(1, 3)]))
    caption = text(f"Thick red frame: the image with the lowest score. {legend}", CAPTION)
    foot = Table([[caption, HeatMapLegend(LEGEND_WIDTH)]], colWidths=[WIDTH - LEGEND_WIDTH, LEGEND_WIDTH])
    foot.setStyle(TableStyle([*_bare().getCommands(), ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    return [*flowables, foot]


def _example(example: Example, edge: float, *, worst: bool) -> list[Flowable]:
    score = f"{'Lowest' if worst else 'Score'} {example.line.score}"
    mark = OutcomeMark(example.outcome, example.outcome.capitalize(), 7)
    head = Table(
        [[text(example.line.image, CELL_STRONG), ""], [text(score), mark]], colWidths=[edge * 0.45, edge * 0.55]
    )
    head.setStyle(TableStyle([*_bare().getCommands(), ("SPAN", (0, 0), (1, 0)), ("ALIGN", (1, 1), (1, 1), "RIGHT")]))
    return [
        head,
        Spacer(1, 2),
        Picture(example.thumbnail, edge, worst),
        Spacer(1, 3),
        Picture(example.heat_map, edge, worst),
    ]


def _bare() -> TableStyle:
    return TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ]
    )


def _digests(example: ExampleImage) -> tuple[str, str]:
    return example.thumbnail_sha256, example.heat_map_sha256


def _picture(example: ExampleImage, digest: str, pictures: Mapping[str, bytes]) -> bytes:
    data = pictures.get(digest)
    if data is None or sha256_hex(data) != digest:
        raise InvalidInputError("The picture is missing or is not the one with this digest.", where=example.image)
    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as image:
            image.load()
            fits = image.mode in ("L", "RGB") and max(image.size) <= MAX_EDGE
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInputError("The picture is not a JPEG file.", where=example.image) from error
    if not fits:
        raise InvalidInputError(
            f"The picture is not gray or RGB, or is larger than {MAX_EDGE} pixels.", where=example.image
        )
    return data
