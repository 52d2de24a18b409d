"""The part of the annex about heterogeneity: a forest plot beside its numbers, for each culture and the batch."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Literal

from reportlab.lib.colors import white
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, TableStyle

from nesqc_gmp.certificate.forest import Scale, Strip, axis
from nesqc_gmp.certificate.style import BODY, CAPTION, CELL, CELL_STRONG, text
from nesqc_gmp.certificate.tables import Column, listing, section
from nesqc_gmp.records.certificates import CertificateContent
from nesqc_gmp.records.images import spread_words

Measure = Literal["appearance", "score"]

PADDING: Final = 9.0
"""Padding of a cell at both sides, in points."""

NAME, PLOT, VALUE, LIMIT = 19.0, 45.0, 37.0, 15.0
"""Widths of the columns, in millimetres or shares of the width."""

EXPLAINED: Final = (
    "Dots: images. Square: mean of a culture with its 95 % interval (Student’s t, images as units); diamond: mean of "
    "the cultures, likewise. Scores: spread of the scores of the tiles of an image, in log-odds."
)
EXPLAINED_APPEARANCE: Final = (
    " Appearance: spread of the embeddings of the tiles; 1 (thin line) is a typical conforming development image. A "
    "limit (dashed) holds for the upper bound of the interval."
)


def heterogeneity(content: CertificateContent) -> list[Flowable]:
    """How unlike the places of the images of each culture are, with intervals and limit."""
    if content.heterogeneity.score is None:
        return [*section("Heterogeneity"), text("Not measured.", BODY)]
    measured = content.heterogeneity.appearance is not None
    limit = content.specification.heterogeneity_max
    cultures, count = content.cultures, len(content.cultures)
    columns = [
        (Column("Culture", NAME), [text(name, CELL_STRONG) for name in (*(c.culture for c in cultures), "Batch", "")]),
        *_measure(content, "appearance", "Appearance", plotted=measured),
        (Column("Limit", LIMIT), [text(word, CELL) for word in (*[limit or "no limit"] * count, "no limit", "")]),
        *_measure(content, "score", "Scores (log-odds)", plotted=True),
    ]
    table = listing([column for column, _ in columns], list(zip(*(cells for _, cells in columns), strict=True)))
    table.setStyle(_style([number for number, (column, _) in enumerate(columns) if column.share == PLOT]))
    explained = EXPLAINED + (EXPLAINED_APPEARANCE if measured else "")
    return [*section("Heterogeneity", 45 * mm), table, Spacer(1, 2), text(explained, CAPTION)]


def _measure(
    content: CertificateContent, measure: Measure, heading: str, *, plotted: bool
) -> list[tuple[Column, list[Any]]]:
    """The numbers of one measure, and the plot before them where there is something to plot."""
    means = [getattr(each, measure) for each in (*(c.heterogeneity for c in content.cultures), content.heterogeneity)]
    numbers = [*(text(spread_words(mean)) for mean in means), ""]
    if not plotted:
        return [(Column(heading, VALUE), numbers)]
    return [(Column(heading, PLOT), _plot(content, measure, means)), (Column("Mean (95 % interval)", VALUE), numbers)]


def _plot(content: CertificateContent, measure: Measure, means: list[Any]) -> list[Flowable]:
    """A strip a culture, one for the batch, and the ticks."""
    parts: dict[str, list[Any]] = {line.culture: [] for line in content.cultures}
    for line in content.images:
        found = getattr(line.heterogeneity, measure, None)
        if found is not None:
            parts[line.culture].append(found)
    appearance = measure == "appearance"
    scale = axis(
        [*(each for spreads in parts.values() for each in spreads), *(mean for mean in means if mean)],
        content.specification.heterogeneity_max if appearance else None,
        Decimal(1) if appearance else None,
    )
    width = PLOT * mm - PADDING
    rows = [
        Strip(scale, mean, spreads, whole=False, width=width)
        for mean, spreads in zip(means, parts.values(), strict=False)
    ]
    return [*rows, Strip(scale, means[-1], (), whole=True, width=width), Scale(scale, width)]


def _style(plots: list[int]) -> TableStyle:
    """Strips touch each other, so their lines go through; the row of the ticks has no ground."""
    tight = [(name, (column, 1), (column, -1), 0) for column in plots for name in ("TOPPADDING", "BOTTOMPADDING")]
    return TableStyle([*tight, ("BACKGROUND", (0, -1), (-1, -1), white)])
