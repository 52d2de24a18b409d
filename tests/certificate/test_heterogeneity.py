"""The forest plot of heterogeneity: its axis, its rows, and what is said where nothing was measured."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from reportlab.platypus import Table

from nesqc_gmp.certificate.fonts import register
from nesqc_gmp.certificate.forest import MARK, Scale, Strip, axis, place
from nesqc_gmp.certificate.heterogeneity import heterogeneity
from nesqc_gmp.certificate.render import render
from nesqc_gmp.records.certificates import CertificateContent
from nesqc_gmp.records.images import Heterogeneity, Spread

Sample = Callable[..., tuple[CertificateContent, dict[str, bytes]]]


@pytest.fixture(autouse=True)
def _fonts() -> None:
    register()


def of(value: str, low: str | None = None, high: str | None = None) -> Spread:
    return Spread(value=value, low=low, high=high, units=3)


@pytest.mark.parametrize(
    ("values", "limit", "reference", "ticks"),
    [
        (["1.2"], None, "1", "0 0.5 1 1.5"),
        (["1.9"], "1.5", "1", "0 0.5 1 1.5 2 2.5"),
        (["0.2"], "4", "1", "0 1 2 3 4 5"),
        (["12.052"], None, None, "0 5 10 15"),
        (["0.093"], None, None, "0 0.025 0.05 0.075 0.1 0.125"),
        (["0.000"], None, None, "0 0.1"),
        (["999999.000"], None, None, "0 250000 500000 750000 1000000 1250000"),
    ],
)
def test_the_axis_holds_everything_in_at_most_five_round_steps(
    values: list[str], limit: str | None, reference: str | None, ticks: str
) -> None:
    """Expected ticks by hand: the largest number and 8 %, in steps of 1, 2, 2.5, 5 and tens of them."""
    found = axis([of(value) for value in values], limit, Decimal(reference) if reference else None)
    assert " ".join(f"{tick.normalize():f}" for tick in found.ticks) == ticks


def test_a_value_beyond_the_axis_stands_at_its_end() -> None:
    scale = axis([of("1.0")], None, None)
    assert place(scale, Decimal("99"), 100) == place(scale, scale.end, 100) == 100 - 2 * MARK
    assert place(scale, Decimal(0), 100) == 0


def cells(content: CertificateContent) -> list[list[Any]]:
    table = next(part for part in heterogeneity(content)[3:] if isinstance(part, Table))
    return [list(row) for row in table._cellvalues]


def words(row: list[Any]) -> list[str]:
    return [cell.getPlainText().replace("\xa0", " ") for cell in row if hasattr(cell, "getPlainText")]


def test_a_row_for_each_culture_and_one_for_the_batch(sample: Sample) -> None:
    content, _ = sample(40, "failing")
    head, *rows, batch, ticks = cells(content)
    assert words(head) == [
        "Culture", "Appearance", "Mean (95 % interval)", "Limit", "Scores (log-odds)", "Mean (95 % interval)",
    ]  # fmt: skip
    assert [words(row)[0] for row in rows] == [line.culture for line in content.cultures]
    assert words(rows[0]) == ["C1", "1.900 (1.760 to 2.040)", "1.5", "1.330 (1.232 to 1.428)"]
    assert words(batch) == ["Batch", "1.040 (0.830 to 1.250)", "no limit", "0.728 (0.581 to 0.875)"]
    strips = [cell for row in rows for cell in row if isinstance(cell, Strip)]
    assert [len(strip.parts) for strip in strips[::2]] == [10, 10, 10, 8]  # two images of C4 failed the input check
    assert sum(isinstance(cell, Scale) for cell in ticks) == 2


def changed(content: CertificateContent, appearance: Spread | None, score: Spread | None) -> CertificateContent:
    found = Heterogeneity(appearance=appearance, score=score)
    cultures = tuple(line.model_copy(update={"heterogeneity": found}) for line in content.cultures)
    images = tuple(
        line if line.heterogeneity is None else line.model_copy(update={"heterogeneity": found})
        for line in content.images
    )
    specification = content.specification.model_copy(update={"heterogeneity_max": None})
    return content.model_copy(
        update={"cultures": cultures, "images": images, "heterogeneity": found, "specification": specification}
    )


def test_without_tile_embeddings_the_scores_alone_are_plotted(sample: Sample) -> None:
    content, _ = sample()
    rows = cells(changed(content, None, of("2.000")))
    assert words(rows[1]) == ["C1", "not measured", "no limit", "2.000 (no interval)"]
    assert sum(isinstance(cell, Strip) for cell in rows[1]) == 1


def test_where_nothing_was_measured_it_says_so(sample: Sample) -> None:
    content, _ = sample()
    assert heterogeneity(changed(content, None, None))[-1].getPlainText() == "Not measured."


@pytest.mark.parametrize(
    ("appearance", "score"),
    [(of("1.0", "0.0", "98765.0"), of("0.000")), (None, of("1.0")), (None, None), (of("0.000"), of("0.000"))],
)
def test_every_kind_is_drawn_the_same_twice(
    sample: Sample, attachments: dict[str, bytes], appearance: Spread | None, score: Spread | None
) -> None:
    content, pictures = sample()
    made = [render(changed(content, appearance, score), pictures, attachments) for _ in range(2)]
    assert made[0] == made[1]


def test_many_cultures_go_over_pages(sample: Sample, attachments: dict[str, bytes]) -> None:
    content, pictures = sample()
    line, image = content.cultures[0], content.images[0]
    names = [f"Culture-{number:03d}" for number in range(120)]
    many = content.model_copy(
        update={
            "cultures": tuple(line.model_copy(update={"culture": name}) for name in names),
            "images": tuple(image.model_copy(update={"culture": name, "image": name}) for name in names),
            "examples": (),
        }
    )
    assert render(many, pictures, attachments).startswith(b"%PDF")
