"""The drawn certificate: the same bytes everywhere, fit for archives, readable, and honest in its words."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nesqc_gmp.certificate import wording
from nesqc_gmp.certificate.figures import legend_colour
from nesqc_gmp.certificate.histogram import Histogram, place_labels
from nesqc_gmp.certificate.render import render
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.picture import render_heat_map_jpeg
from nesqc_gmp.records.certificate_lines import ImageLine
from nesqc_gmp.records.certificates import CertificateContent, culture_line, image_counts, score_histogram
from nesqc_gmp.records.images import HeatMap, Heterogeneity

Sample = Callable[..., tuple[CertificateContent, dict[str, bytes]]]
Attachments = Mapping[str, bytes]

needs_pdftotext = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")


@pytest.fixture(scope="module")
def drawn(sample: Sample, attachments: Attachments) -> bytes:
    content, pictures = sample()
    return render(content, pictures, attachments)


def _pages(pdf: bytes) -> list[str]:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode("utf-8").split("\f")[:-1]


_SCRIPT = """
import hashlib, importlib.util, sys
specification = importlib.util.spec_from_file_location("samples", sys.argv[1])
samples = importlib.util.module_from_spec(specification)
sys.modules["samples"] = samples
specification.loader.exec_module(samples)
from nesqc_gmp.certificate.render import render
content, pictures = samples.make_content()
print(hashlib.sha256(render(content, pictures, samples.ATTACHMENTS)).hexdigest())
"""


@pytest.mark.requirement("UR-CERTIFICATES-10", reviewed="9f1bef9e")
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "SOURCE_DATE_EPOCH": "1"},
        {"PYTHONHASHSEED": "2", "TZ": "America/Lima", "SOURCE_DATE_EPOCH": "1900000000", "LC_ALL": "C"},
    ],
)
def test_the_same_content_gives_the_same_bytes_elsewhere(drawn: bytes, environment: dict[str, str]) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(Path(__file__).with_name("conftest.py"))],
        env={**os.environ, **environment, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == hashlib.sha256(drawn).hexdigest()


@pytest.mark.requirement("UR-CERTIFICATES-10", reviewed="9f1bef9e")
def test_archive_structure(drawn: bytes, attachments: Attachments) -> None:
    """Structural demands of PDF/A-3b (ISO 19005-3), looked up one by one."""
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        root = pdf.Root
        assert "/Encrypt" not in pdf.trailer
        assert len(pdf.trailer.ID) == 2
        assert int(root.OutputIntents[0].DestOutputProfile.N) == 3
        names = root.Names.EmbeddedFiles.Names
        assert [str(name) for name in names[::2]] == sorted(attachments)
        assert {str(item.UF) for item in root.AF} == set(attachments)
        for item in root.AF:
            assert item.AFRelationship in (pikepdf.Name.Source, pikepdf.Name.Supplement)
            assert bytes(item.EF.F.read_bytes()) == attachments[str(item.UF)]
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "3B"
            assert metadata["dc:title"] == str(pdf.docinfo.Title)
            assert metadata["xmp:CreateDate"] == "2026-11-22T20:58:34+01:00"
            assert str(pdf.docinfo.CreationDate) == "D:20261122205834+01'00'"
            assert metadata["dc:source"] == "urn:sha256:" + hashlib.sha256(attachments["record.json"]).hexdigest()
        _check_objects(pdf)
        for page in pdf.pages:
            for annotation in page.obj.get("/Annots", ()):
                assert int(annotation.F) & 4
                assert "/AP" in annotation


def _check_objects(pdf: pikepdf.Pdf) -> None:
    for item in pdf.objects:
        if not isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
            continue
        assert item.get("/S") != pikepdf.Name.JavaScript
        assert "LZW" not in str(item.get("/Filter"))
        assert item.get("/ColorSpace") != pikepdf.Name.DeviceCMYK
        if item.get("/Type") == pikepdf.Name.FontDescriptor:
            assert "/FontFile2" in item


def test_pikepdf_validator_finds_no_violation(drawn: bytes, tmp_path: Path) -> None:
    """The PDF/A checker of pikepdf reports what it does not know as "unsupported"; a violation it would name."""
    pdfa = pytest.importorskip("pikepdf.pdfa", reason="pikepdf[pdfa] is not installed", exc_type=ImportError)
    (tmp_path / "drawn.pdf").write_bytes(drawn)
    report = pdfa.validate_written(tmp_path / "drawn.pdf", "3b")
    assert [finding for finding in report.findings if finding.kind != "unsupported"] == []


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed")
def test_qpdf_finds_no_error(drawn: bytes, tmp_path: Path) -> None:
    (tmp_path / "drawn.pdf").write_bytes(drawn)
    assert subprocess.run(["qpdf", "--check", tmp_path / "drawn.pdf"], capture_output=True, check=False).returncode == 0


@pytest.mark.requirement("UR-CERTIFICATES-01", reviewed="95002c19")
@pytest.mark.requirement("UR-CERTIFICATES-11", reviewed="54f5bb02")
@needs_pdftotext
@pytest.mark.parametrize("kind", ["conforming", "failing", "undecided"])
def test_every_page_says_what_it_is(sample: Sample, attachments: Attachments, kind: str) -> None:
    content, pictures = sample(24, kind)
    pages = _pages(render(content, pictures, attachments))
    digest = hashlib.sha256(attachments["record.json"]).hexdigest()
    for number, page in enumerate(pages, start=1):
        for words in (f"Page {number} of {len(pages)}", "QC-2026-000417", digest, "NOT FOR GMP USE", "simulated images",
                      "QC-F-031 v2"):  # fmt: skip
            assert words in page
    whole = " ".join(" ".join(pages).split())
    assert "is not the certification of the batch by a Qualified Person" in whole
    assert "sterility, karyotype, potency" in whole
    for forbidden in ("compliant", "released by AI", "approved by AI", "released by the"):
        assert forbidden not in whole
    word = {"conforming": "COMPLIES", "failing": "DOES NOT COMPLY", "undecided": "UNDECIDED"}[kind]
    assert word in pages[0]


@pytest.mark.requirement("UR-CERTIFICATES-11", reviewed="54f5bb02")
@needs_pdftotext
def test_a_certificate_for_use_has_no_marking(sample: Sample, attachments: Attachments) -> None:
    content, pictures = sample()
    model = content.model.model_copy(update={"demonstration": False})
    content = content.model_copy(update={"demonstration": False, "simulated_images": False, "model": model})
    assert not any("DEMONSTRATION" in page for page in _pages(render(content, pictures, attachments)))


@pytest.mark.requirement("UR-CERTIFICATES-02", reviewed="93ca604b")
@needs_pdftotext
@pytest.mark.parametrize("count", [1, 2, 300])
def test_every_image_is_listed(sample: Sample, attachments: Attachments, count: int) -> None:
    content, pictures = sample(count)
    whole = " ".join(_pages(render(content, pictures, attachments)))
    assert all(line.image in whole and (line.score or "–") in whole for line in content.images)
    assert f"Submitted (sum) {content.counts.submitted}" in " ".join(whole.split())


@needs_pdftotext
def test_without_any_score_there_is_no_histogram(sample: Sample, attachments: Attachments) -> None:
    content, _ = sample()
    line = ImageLine(
        image="C1-F1", culture="C1", field="F1", score=None, heterogeneity=None, outcome="not analysed", reason="none"
    )
    nothing = Heterogeneity(appearance=None, score=None)
    cultures = (culture_line("C1", (line,), "undecided", nothing),)
    batch = content.batch.model_copy(update={"cultures": ("C1",)})
    values = content.model_copy(
        update={"images": (line,), "cultures": cultures, "batch": batch, "counts": image_counts((line,), 0),
                "examples": (), "readings": (), "heterogeneity": nothing}
    )  # fmt: skip
    whole = " ".join(_pages(render(CertificateContent.model_validate(values.model_dump()), {}, attachments)))
    assert "Where every image went" in whole
    assert "Score of the image" not in whole


@pytest.mark.requirement("UR-CERTIFICATES-12", reviewed="d84fcb74")
@pytest.mark.skipif(
    not shutil.which("zbarimg") or not shutil.which("pdftoppm"), reason="zbarimg or pdftoppm is missing"
)
def test_the_code_is_read_from_a_picture_of_the_page(drawn: bytes, attachments: Attachments, tmp_path: Path) -> None:
    subprocess.run(["pdftoppm", "-r", "110", "-png", "-", str(tmp_path / "p")], input=drawn, check=True)
    done = subprocess.run(["zbarimg", "-q", "--raw", *sorted(tmp_path.glob("*.png"))], capture_output=True, check=False)
    digest = hashlib.sha256(attachments["record.json"]).hexdigest().upper()
    assert done.stdout.decode().strip() == f"NESQC1/QC-2026-000417/1/{digest}"


@pytest.mark.parametrize(("text", "code"), [("李小龍", "U+674E"), ("QA 😀", "U+1F600"), ("tab\there", "U+0009")])
def test_a_character_that_cannot_be_drawn_is_refused_with_its_place(
    sample: Sample, attachments: Attachments, text: str, code: str
) -> None:
    content, pictures = sample()
    product = content.product.model_copy(update={"strength": text})
    with pytest.raises(InvalidInputError, match=code.replace("+", r"\+")) as refusal:
        render(content.model_copy(update={"product": product}), pictures, attachments)
    assert refusal.value.where == "product.strength"


def test_accents_greek_cyrillic_markup_and_length_are_drawn(sample: Sample, attachments: Attachments) -> None:
    name = ("Zoe\u0308 Ångström Ελένη Дарья <b>&amp; O'Brien </b> " * 5)[:200].strip()
    content, pictures = sample(name=name)
    pdf = render(content, pictures, attachments)
    if shutil.which("pdftotext"):
        assert "<b>&amp; O'Brien </b>" in " ".join(_pages(pdf)[0].split())


def test_a_text_longer_than_a_page_is_refused(sample: Sample, attachments: Attachments) -> None:
    content, pictures = sample()
    tests = (content.tests[0].model_copy(update={"criterion": "long " * 400}), *content.tests[1:])
    with pytest.raises(InvalidInputError, match="too long"):
        render(content.model_copy(update={"tests": tests}), pictures, attachments)


def test_record_and_pictures_must_be_there(sample: Sample, attachments: Attachments) -> None:
    content, pictures = sample()
    with pytest.raises(InvalidInputError):
        render(content, pictures, {})
    with pytest.raises(InvalidInputError):
        render(content, {}, attachments)
    with pytest.raises(InvalidInputError):
        render(content, {digest: data + b"x" for digest, data in pictures.items()}, attachments)


@pytest.mark.parametrize("kind", ["PNG", "CMYK", "large", "noise"])
def test_pictures_of_another_kind_are_refused(sample: Sample, attachments: Attachments, kind: str) -> None:
    content, pictures = sample()
    target = io.BytesIO()
    if kind == "noise":
        target.write(b"\xff\xd8\xff\xe0 no picture")
    else:
        edge = 3000 if kind == "large" else 8
        image = Image.new("CMYK" if kind == "CMYK" else "L", (edge, edge))
        image.save(target, "PNG" if kind == "PNG" else "JPEG")
    data = target.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    first = content.examples[0].model_copy(update={"thumbnail_sha256": digest})
    content = content.model_copy(update={"examples": (first, *content.examples[1:])})
    with pytest.raises(InvalidInputError):
        render(content, {**pictures, digest: data}, attachments)


@pytest.mark.parametrize(("highest", "ceiling"), [(0, 1), (1, 1), (4, 4), (7, 8), (41, 50), (298, 300), (9999, 10000)])
def test_the_axis_of_the_histogram_ends_on_a_round_count(highest: int, ceiling: int) -> None:
    """Expected ends by hand: at most five steps of 1, 2, 5, 10, 20, 25, 50 and so on."""
    bins: Any = [{"conforming": highest, "undecided": 0, "not conforming": 0}]
    assert Histogram(bins, lower="0.6", upper="0.8", width=100, height=100).ceiling == ceiling


def test_bins_of_the_histogram() -> None:
    """Counted by hand: 0.05 belongs to the second of twenty bins, 1 to the last."""
    rows = [("0", "not conforming"), ("0.0499", "not conforming"), ("0.05", "not conforming"), ("0.79", "undecided"),
            ("1", "conforming"), ("1.0000", "conforming")]  # fmt: skip
    lines = [
        ImageLine.model_validate(
            {
                "image": f"i{n}",
                "culture": "C",
                "field": "F",
                "score": score,
                "heterogeneity": None,
                "outcome": outcome,
                "reason": "",
            }
        )
        for n, (score, outcome) in enumerate(rows)
    ]
    bins = score_histogram(lines)
    assert [sum(counts.values()) for counts in bins] == [2, 1, *[0] * 13, 1, *[0] * 3, 2]
    assert bins[15]["undecided"] == 1


@pytest.mark.requirement("UR-CERTIFICATES-01", reviewed="95002c19")
@pytest.mark.requirement("UR-PEOPLE-15", reviewed="e05a32f4")
@needs_pdftotext
@pytest.mark.parametrize("count", [3, 8])
def test_the_first_page_holds_every_test_and_the_four_signatures_on_the_batch(
    sample: Sample, attachments: Attachments, count: int
) -> None:
    content, pictures = sample()
    lines = [content.tests[0], *(content.tests[1 + number % 4] for number in range(count - 1))]
    numbered = tuple(line.model_copy(update={"number": number}) for number, line in enumerate(lines, start=1))
    pages = _pages(render(content.model_copy(update={"tests": numbered}), pictures, attachments))
    first = pages[0]
    for words in ("Performed", "Reviewed", "Audit trail reviewed", "Released", "2026-11-22 20:58:30 +01:00",
                  "2026-11-22 19:58:30 UTC"):  # fmt: skip
        assert words in first.replace("\u00a0", " ")
    assert "Annex: evidence and verification" in pages[1]
    assert "second person" not in first
    assert "I verified this result against its evidence as a second person." in " ".join(" ".join(pages).split())


@needs_pdftotext
def test_no_time_is_printed_with_fractions_or_over_two_lines(sample: Sample, attachments: Attachments) -> None:
    content, pictures = sample(24, "failing")
    pages = [page.replace("\u00a0", " ") for page in _pages(render(content, pictures, attachments))]
    whole = "\n".join(pages)
    assert ".205516" not in whole
    assert "T18:" not in whole
    moments = [*(line.opened for line in content.attempts), *(line.when for line in content.amendments)]
    moments += [line.local for line in (*content.manifestations, *content.result_manifestations)]
    for moment in moments:
        assert f"{moment[:10]} {moment[11:19]} +01:00" in whole


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("2026-11-23T04:46:47.205516+01:00", "2026-11-23 04:46:47 +01:00"),
        ("2026-11-23T03:46:47.999999Z", "2026-11-23 03:46:47 UTC"),
    ],
)
def test_a_moment_is_printed_to_the_second_with_its_offset(value: str, printed: str) -> None:
    assert wording.moment(value).replace("\u00a0", " ") == printed
    assert " " not in wording.moment(value)


@pytest.mark.requirement("UR-CERTIFICATES-03", reviewed="953e6165")
def test_what_is_not_covered_is_one_sentence(sample: Sample) -> None:
    content, _ = sample(not_covered=("identity, potency and sterility.",))
    assert wording.scope_sentence(content).startswith(
        "Not covered by this certificate: identity, potency and sterility. This is not the certification"
    )


def test_a_failing_certificate_also_counts_what_is_undecided(sample: Sample) -> None:
    content, _ = sample(24, "failing")
    tests = (*content.tests[:-1], content.tests[-1].model_copy(update={"outcome": "undecided"}))
    sentence = wording.verdict_sentence(content.model_copy(update={"tests": tests}))
    assert sentence == "1 of 5 tests listed does not conform, 1 is undecided (specification NES-01.v6)."


@pytest.mark.requirement("UR-CERTIFICATES-07", reviewed="cccb51dc")
@needs_pdftotext
def test_a_replacing_certificate_names_the_one_it_replaces(sample: Sample, attachments: Attachments) -> None:
    content, pictures = sample(revision=2, supersedes="QC-2026-000401")
    for page in _pages(render(content, pictures, attachments)):
        assert "Revision 2" in page
        assert "Supersedes QC-2026-000401" in page


@needs_pdftotext
def test_readings_of_hundreds_of_images_go_over_pages(sample: Sample, attachments: Attachments) -> None:
    content, pictures = sample(300)
    reading = content.readings[0].model_copy(update={"reading": "undecided", "override": True})
    readings = tuple(
        reading.model_copy(update={"image": line.image, "reason": f"Reason {number}."})
        for number, line in enumerate(content.images)
        if line.score
    )
    whole = " ".join(_pages(render(content.model_copy(update={"readings": readings}), pictures, attachments)))
    assert all(line.reason in whole for line in readings)


@given(scores=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted), widths=st.tuples(*[st.floats(20, 90)] * 3))
@settings(max_examples=50, deadline=None)
def test_labels_of_thresholds_never_cross_or_leave_the_plot(
    scores: list[float], widths: tuple[float, float, float]
) -> None:
    room = 280.0
    lower, upper = scores[0] * room, scores[1] * room
    labels = place_labels(lower, upper, widths, room)
    assert labels.lower <= labels.upper
    assert labels.lower - widths[0] >= -1e-9
    assert labels.upper + widths[1] <= room + 1e-9
    if lower >= widths[0] and upper <= room - widths[1]:
        assert (labels.lower, labels.upper) == (lower, upper)
    assert not labels.named or labels.upper - labels.lower >= widths[2]


def test_the_legend_has_the_colours_of_the_heat_maps() -> None:
    """A mid gray image under a map of three values, drawn by the imaging room, is the reference."""
    values = base64.b64encode(np.array([-1, 0, 1], dtype="<f4").tobytes()).decode()
    row = np.where(np.arange(960) % 2 == 0, 255, 0)
    for start in (0, 464, 832):
        row[start : start + 128] = 128
    samples = np.tile(row.astype(np.uint8), (16, 1))
    picture = render_heat_map_jpeg(samples, HeatMap(rows=1, columns=3, values=values), size=960)
    with Image.open(io.BytesIO(picture)) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.float64)[8]
    for column, value in ((60, -1.0), (480, 0.0), (900, 1.0)):
        assert np.abs(pixels[column] - np.array(legend_colour(value).rgb()) * 255).max() < 6
    gray = [sum(legend_colour(step / 10).rgb()) for step in range(-10, 11)]
    assert gray == sorted(gray)
