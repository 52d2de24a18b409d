"""Reports: every text arrives on page and screen, the same bytes each time, nothing from outside."""

from __future__ import annotations

import hashlib
import io
import itertools
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pikepdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfbase.pdfmetrics import stringWidth

from nesqc_gmp.certificate.fonts import REGULAR, drawn_or_named, register
from nesqc_gmp.certificate.style import BAR_COLOURS
from nesqc_gmp.certificate.style import WIDTH as PAGE
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.reports.chart import (
    COLOURS,
    HEIGHT,
    SCALE_HEIGHT,
    WIDTH,
    Area,
    Line,
    Words,
    draw,
    draw_scale,
    draw_tally,
)
from nesqc_gmp.reports.document import (
    Chart,
    ColourScale,
    Cover,
    Document,
    Facts,
    Heading,
    Limit,
    Paragraph,
    Picture,
    PictureGrid,
    Series,
    SignatureCard,
    Signatures,
    Table,
    Tally,
    texts,
    ticks,
)
from nesqc_gmp.reports.html import render_html, svg
from nesqc_gmp.reports.pdf import _widths, render_pdf
from nesqc_gmp.reports.signable import render_signable

VERDICT_ROWS = (("one", "failed"), ("two", "passed"), ("three", "not assessed"), ("four", "not executed"))
WHEN, UTC = "2026-11-25T10:00:00.000000+01:00", "2026-11-25T09:00:00.000000Z"


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), 120).save(stream, "PNG")
    return stream.getvalue()


def document() -> Document:
    """One of everything."""
    x = tuple(float(n) for n in range(1, 13))
    curve = Series("training", x, tuple(1 / n for n in x))
    band = Series("calibration", x, tuple(1.2 / n for n in x), tuple(1.0 / n for n in x), tuple(1.5 / n for n in x))
    bins = Series("bins", (0.1, 0.5, 0.9), (0.2, 0.5, 0.8), (0.1, 0.4, 0.7), (0.3, 0.6, 0.9), style="points")
    rows = tuple((f"culture {n}", f"{n / 90:.3f}", "a <b> & \"c\" 'd'") for n in range(90))
    return Document(
        title="Training report",
        subtitle="An example <with> signs & accents: Åre",
        mark="Simulated data. Not for GMP use.",
        facts=(("Package", "f" * 64),),
        blocks=(
            Heading("Curves"),
            Paragraph("Text with <script>alert(1)</script>."),
            Chart("Loss", "epoch", "loss", (curve, band), (Limit(0.4, "limit"),), caption="Bands: 95 %"),
            Chart("Calibration", "score", "share", (bins,), x_range=(0.0, 1.0), y_range=(0.0, 1.0)),
            Chart("One point", "x", "y", (Series("a", (1.0,), (2.0,)),)),
            Chart("Nothing", "x", "y", ()),
            Heading("Table", 2),
            Table(("Culture", "AUROC", "Remark"), rows, "Ninety rows", (1,)),
            Table(("Limit", "Result"), VERDICT_ROWS, verdict=1),
            Table(("Nothing", "here"), ()),
            Facts((("name", "value"),)),
            ColourScale(("#002457", "#7d7a78", "#ffeb45"), "against <", "neither", "for"),
            Picture(png(), "a picture", 0.2),
            PictureGrid((Picture(png(), "one"), Picture(png(), "two"), Picture(png(), "three")), 2),
            Chart("Months", "month", "images", (Series("m", (1.0, 2.0), (3.0, 4.0)),), x_names=("2026-01", "2026-02")),
            Heading("Case 1", 2, verdict="not executed"),
            Tally(5, 2, 1),
            Signatures(
                (
                    SignatureCard("Performed", "Åsa <B>", "a.b", "operator", "I did", WHEN, UTC, "entry 7"),
                    SignatureCard("Approved"),
                )
            ),
        ),
    )


def numbered() -> Document:
    """The same as a numbered document that is to be signed."""
    cover = Cover(
        site="Prüfstelle & Co", address="Storgatan 1", kind="Report No.", number="OQ-0001", notes=("OQP-0001",),
        word="NOT ACCEPTED", tone="bad", sentences=("Two cases <failed>.", "Scope."), content_sha256="c" * 64,
        software="nesqc_gmp 0.1.0", signer="Åsa B", signed_at=WHEN,
    )  # fmt: skip
    return replace(document(), cover=cover)


def test_same_bytes_in_another_process() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from test_reports import *; import hashlib; "
    code += "print(hashlib.sha256(render_pdf(numbered()) + render_html(numbered()).encode()).hexdigest())"
    from pathlib import Path

    again = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    own = hashlib.sha256(render_pdf(numbered()) + render_html(numbered()).encode()).hexdigest()
    assert again.stdout.strip() == own


def test_page_carries_mark_and_number_and_embedded_fonts() -> None:
    with pikepdf.open(io.BytesIO(render_pdf(numbered()))) as file:
        assert len(file.pages) >= 3
        for page in file.pages:
            for font in page.Resources.Font.values():
                descriptor = font.get("/FontDescriptor") or (font.get("/DescendantFonts") or [{}])[0].get(
                    "/FontDescriptor"
                )
                assert descriptor is None or any(key in descriptor for key in ("/FontFile2", "/FontFile3")), font


class Reader(HTMLParser):
    """Collects the text and the addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action"}]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_page_says_everything_and_refers_to_nothing_outside() -> None:
    reader = Reader()
    reader.feed(render_html(numbered()))
    said = "\n".join(reader.said)
    unnamed = {"bins", "a", "m"}  # a chart of one series has no legend
    assert all(text in said for text in texts(numbered()) if text not in unnamed)
    assert all(address.startswith("data:image/png;base64,") for address in reader.addresses)
    assert "script" not in reader.tags


def test_verdicts_are_marked_by_weight_and_word() -> None:
    page = render_html(document())
    assert '<td class="v failed">failed</td>' in page
    assert '<td class="v passed">passed</td>' in page
    assert '<td class="v">not assessed</td>' in page
    assert '<td class="v not-executed">not executed</td>' in page
    assert page.count('class="v failed"') == 1


def test_a_tally_can_be_read_in_grey() -> None:
    """Five of eight parts solid, two striped, one an empty frame: by hand 312.5, 125 and 62.5 of 500 points."""
    shapes = [s for s in draw_tally(Tally(5, 2, 1)) if not isinstance(s, Words)]
    bar = [s for s in shapes if max(y for _, y in s.points) <= 16.0]
    solid = [s for s in bar if isinstance(s, Area) and s.opacity == 1]
    assert [(s.points[0][0], s.points[1][0]) for s in solid] == [(0.0, 312.5)]
    stripes = [s for s in bar if isinstance(s, Line) and len(s.points) == 2]
    assert stripes
    assert all(312.5 <= x <= 437.5 and 2 <= y <= 16 for s in stripes for x, y in s.points)
    assert not [s for s in bar if isinstance(s, Area) and s.points[0][0] >= 437.5], "not executed is never filled"
    said = [s.text for s in draw_tally(Tally(5, 2, 1)) if isinstance(s, Words)]
    assert said == ["5 passed", "2 failed", "1 not executed"]


def test_nothing_of_nothing_has_a_tally() -> None:
    assert all(0 <= x <= WIDTH for s in draw_tally(Tally(0, 0, 0)) if not isinstance(s, Words) for x, _ in s.points)


def test_names_of_places_do_not_run_into_each_other() -> None:
    months = tuple(f"2026-{n:02d}" for n in range(1, 13))
    chart = Chart("t", "month", "y", (Series("a", (1.0,), (1.0,)),), x_names=months)
    places = [s.place[0] for s in draw(chart) if isinstance(s, Words) and s.text in months]
    assert len(places) >= 3
    assert min(b - a for a, b in itertools.pairwise(places)) >= 7 * 4.0


def test_the_page_of_a_signature_that_is_missing_says_so() -> None:
    words = "\n".join(texts(numbered()))
    assert "not signed" in words
    for part in ("Åsa <B>", "a.b, operator", "I did", WHEN, UTC, "entry 7"):
        assert part in words


def test_only_a_document_for_signing_with_its_own_content_becomes_a_file_for_archives() -> None:
    content = b'{"a":1}'
    with pytest.raises(InvalidInputError, match="not one for signing"):
        render_signable(document(), content, {})
    with pytest.raises(InvalidInputError, match="not made from this content"):
        render_signable(numbered(), content, {})
    cover = replace(numbered().cover, content_sha256=hashlib.sha256(content).hexdigest())
    made = [render_signable(replace(numbered(), cover=cover), content, {"a.txt": b"x"}) for _ in range(2)]
    assert made[0] == made[1]
    with pikepdf.open(io.BytesIO(made[0])) as file:
        assert {name: bytes(a.get_file().read_bytes()) for name, a in file.attachments.items()} == {
            "record.json": content,
            "a.txt": b"x",
        }
        assert [str(field.FT) for field in file.Root.AcroForm.Fields] == ["/Sig"]


def test_columns_are_as_wide_as_their_words_and_fill_the_page() -> None:
    long = (
        "a sentence that is long " * 9,
        "another one that is long " * 9,
        "2026-11-25\u00a010:00:00\u00a0+01:00",
        "9",
    )
    register()
    widths = _widths(Table(("One", "Two", "When", "Verdict"), (long,), verdict=3))
    assert sum(widths) == pytest.approx(PAGE)
    assert widths[2] >= stringWidth(long[2], REGULAR, 7.4) + 8


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("plain, Å, €, ≥", "plain, Å, €, ≥"),
        ("──── end", "[U+2500 × 4] end"),
        ("a\n\tb", "a\n\tb"),
        ("日\u202e", "[U+65E5][U+202E]"),
    ],
)
def test_what_the_typefaces_cannot_draw_is_named(text: str, drawn: str) -> None:
    assert drawn_or_named(text) == drawn


def test_a_colour_scale_runs_from_low_to_high() -> None:
    shapes = draw_scale(ColourScale(("#000000", "#777777", "#ffffff"), "low", "middle", "high"))
    bands = [shape for shape in shapes if isinstance(shape, Area)]
    assert [band.colour for band in bands] == ["#000000", "#777777", "#ffffff"]
    assert [band.points[0][0] for band in bands] == pytest.approx([0, WIDTH / 3, 2 * WIDTH / 3], abs=1e-3)
    assert all(0 <= y <= SCALE_HEIGHT for band in bands for _, y in band.points)


def test_chart_is_xml_with_every_shape_inside() -> None:
    for block in document().blocks:
        if isinstance(block, Chart):
            root = ET.fromstring(svg(block).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))
            for element in root.iter():
                for pair in (element.get("points") or "").split():
                    x, y = map(float, pair.split(","))
                    assert 0 <= x <= WIDTH
                    assert 0 <= y <= HEIGHT


def test_line_goes_where_the_values_are() -> None:
    """Ends of the axes 0 and 1, by hand: left 52, right 380, bottom 190, top 26."""
    chart = Chart("t", "x", "y", (Series("a", (0.0, 1.0), (0.0, 1.0)),), x_range=(0.0, 1.0), y_range=(0.0, 1.0))
    lines = [s.points for s in draw(chart) if not isinstance(s, Words) and s.colour == "#3b4754"]
    assert lines == [((52.0, 190.0), (380.0, 26.0))]


@pytest.mark.parametrize("order", [("conforming", "not conforming"), ("not conforming", "conforming")])
def test_an_outcome_looks_the_same_in_whatever_order_and_as_on_the_certificate(order: tuple[str, str]) -> None:
    """Both styles: line and points; in grey, by dashes and by a mark that is filled or hollow."""
    for style in ("steps", "points"):
        series = tuple(Series(name, (0.0, 0.5), (0.0, 0.5), style=style) for name in order)
        shapes = draw(Chart("t", "x", "y", series))
        for name, dash in (("conforming", ()), ("not conforming", (5.0, 2.0))):
            colour = f"#{BAR_COLOURS[name].hexval()[2:]}"
            own = [shape for shape in shapes if not isinstance(shape, Words) and shape.colour == colour]
            assert own, (style, name)
            if style == "steps":
                assert {shape.dash for shape in own if isinstance(shape, Line)} == {dash}
            else:
                assert {isinstance(shape, Line) for shape in own} == {name == "not conforming"}


def test_no_other_series_has_the_colour_of_an_outcome() -> None:
    assert not set(COLOURS) & {f"#{colour.hexval()[2:]}" for colour in BAR_COLOURS.values()}


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_value_that_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidInputError, match="no number"):
        Series("a", (1.0,), (wrong,))
    with pytest.raises(InvalidInputError):
        Series("a", (1.0, 2.0), (1.0,))
    with pytest.raises(InvalidInputError):
        Table(("a", "b"), (("1",),))


@example(0.0, 5e-324)
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_ticks_are_round_few_and_cover_the_range(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = ticks(low, high)
    assert 2 <= len(found) <= 13
    if high - low > 1e-6 * max(abs(low), abs(high), 1e-3):
        step = found[1] - found[0]
        assert found[0] <= low + 1e-6 * step
        assert found[-1] >= high - 1e-6 * step
        mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(mantissa - nice) for nice in (1, 2, 5, 10)) < 1e-3


def test_words_of_the_page_can_be_extracted() -> None:
    import shutil

    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    said = subprocess.run(["pdftotext", "-layout", "-", "-"], input=render_pdf(document()), capture_output=True).stdout
    for number in (0, 45, 89):
        assert re.search(rf"culture {number}\s+{number / 90:.3f}", said.decode())
    assert said.decode().count("Not for GMP use") == said.decode().count("Page ")


def test_a_column_is_wide_enough_for_its_longest_word() -> None:
    """An id in a narrow column beside long texts is printed on one line."""
    import shutil

    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    long = "many words that want all the room there is and more of it " * 3
    rows = tuple((f"UR-CERTIFICATES-{n:02d}", long, long, long, "passed") for n in range(3))
    table = Table(("Id", "One", "Two", "Three", "Result"), rows, verdict=4)
    data = render_pdf(Document("Widths", "Of columns", "", (), (table,)))
    said = subprocess.run(["pdftotext", "-layout", "-", "-"], input=data, capture_output=True).stdout.decode()
    assert all(row[0] in said for row in rows)
    assert said.count("passed") == 3
