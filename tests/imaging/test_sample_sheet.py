"""The sample sheet: what a laboratory writes is read, every fault is refused with its line and column."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.sample_sheet import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, read_sample_sheet
from nesqc_gmp.records.images import SampleRow

HEAD = "file,culture,passage,field,captured_at,pixel_size_um,objective,instrument\n"
GOOD = ["f1.tif", "C-1", "12", "F1", "2026-03-14T09:26:00+01:00", "0.65", "10x/0.3", "Scope 2, left"]


def sheet(*rows: list[str], head: str = HEAD) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return (head + stream.getvalue()).encode()


def changed(column: str, cell: str) -> list[str]:
    columns = HEAD.strip().split(",")
    return [cell if name == column else value for name, value in zip(columns, GOOD, strict=True)]


def test_full_row() -> None:
    assert read_sample_sheet(sheet(GOOD), "s.csv") == (
        SampleRow(
            file="f1.tif",
            culture="C-1",
            passage=12,
            field="F1",
            captured_at="2026-03-14T09:26:00+01:00",
            pixel_size_um="0.65",
            objective="10x/0.3",
            instrument="Scope 2, left",
        ),
    )


def test_required_columns_in_another_order_with_mark_and_windows_line_ends() -> None:
    data = b"\xef\xbb\xbfcaptured_at,file,field,passage,culture\r\n2026-03-14T08:26:00Z,a/b.tif,F1,0,C1\r\n"
    (row,) = read_sample_sheet(data, "s.csv")
    assert (row.file, row.passage, row.captured_at) == ("a/b.tif", 0, "2026-03-14T08:26:00Z")
    assert row.pixel_size_um is row.objective is row.instrument is None


def test_empty_optional_cells_mean_not_known() -> None:
    (row,) = read_sample_sheet(sheet([*GOOD[:5], "", "", ""]), "s.csv")
    assert row.pixel_size_um is row.objective is row.instrument is None


FAULTS = [
    ("file", ""), ("file", "/etc/passwd"), ("file", "../a.tif"), ("file", "a/../../b.tif"), ("file", "a\\b.tif"),
    ("file", "C:/a.tif"), ("file", "./a.tif"), ("file", "a//b.tif"), ("file", "a/"), ("file", "a\0.tif"),
    ("file", "a\nb.tif"), ("file", " a.tif"), ("file", "x" * 201), ("file", "\u202egnp.tif"),
    ("culture", ""), ("culture", "C 1"), ("culture", "-rf"), ("culture", "C/1"), ("culture", "Ä1"),
    ("passage", ""), ("passage", "201"), ("passage", "-1"), ("passage", "1.0"), ("passage", "p12"),
    ("passage", "１２"), ("passage", "1_0"), ("passage", "+1"), ("passage", "1e1"),
    ("field", ""), ("field", "a b"),
    ("captured_at", ""), ("captured_at", "2026-03-14"), ("captured_at", "2026-03-14T09:26:00"),
    ("captured_at", "14.03.2026 09:26"), ("captured_at", "2026-02-30T09:26:00Z"),
    ("captured_at", "2026-03-14T25:00:00Z"), ("captured_at", "2026-03-14T09:26:00+25:00"),
    ("captured_at", "2026-03-14T09:26:00+01"), ("captured_at", "２026-03-14T09:26:00Z"),
    ("pixel_size_um", "0"), ("pixel_size_um", "0.000"), ("pixel_size_um", "-0.65"), ("pixel_size_um", "0,65"),
    ("pixel_size_um", "6.5e-1"), ("pixel_size_um", "nan"), ("pixel_size_um", "0.65 µm"),
    ("objective", " 10x"), ("instrument", "a\x1b[31m"),
]  # fmt: skip


@pytest.mark.requirement("UR-BATCHES-21", reviewed="56900c1c")
@pytest.mark.parametrize(("column", "cell"), FAULTS)
def test_fault_names_line_and_column(column: str, cell: str) -> None:
    data = sheet(["f0.tif", *GOOD[1:]], changed(column, cell))
    with pytest.raises(InvalidInputError) as fault:
        read_sample_sheet(data, "s.csv")
    line = data[: data.rindex(b"\n")].decode().count("\n") + 1
    assert fault.value.where == f"s.csv, line {line}, column {column}"
    assert fault.value.what.isprintable()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "lacks columns: 'file'"),
        (HEAD.encode(), "no rows"),
        (HEAD.replace("culture,", "").encode(), "lacks columns: 'culture'"),
        (HEAD.replace(",", ";").encode(), "lacks columns"),
        (sheet(GOOD, head=HEAD.replace("instrument", "camera")), "unknown columns: 'camera'"),
        (sheet(GOOD, head=HEAD.replace("instrument", "objective")), "repeats columns: 'objective'"),
        (sheet(GOOD[:7]), "7 cells"),
        (sheet([*GOOD, "x"]), "9 cells"),
        (sheet(GOOD) + b"\n" + sheet(changed("file", "b.tif"), head=""), "0 cells"),
        (sheet(GOOD).replace(b"Scope", b"Sc\xf6pe"), "not UTF-8"),
        (sheet(GOOD)[:-4] + b"\n", "not well-formed CSV"),
        (sheet(GOOD).decode().encode("utf-16"), "not UTF-8"),
        (sheet(GOOD, GOOD), "more than one row"),
        (sheet(GOOD, changed("file", "F1.TIF")), "more than one row"),
        (sheet(changed("file", "\u00e4.tif"), changed("file", "a\u0308.tif")), "more than one row"),
        (b"x" * (8 * 1024 * 1024 + 1), "larger than"),
    ],
)
def test_fault_of_the_sheet(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as fault:
        read_sample_sheet(data, "s.csv")
    assert str(fault.value.where).startswith("s.csv")
    assert fault.value.remedy


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), max_size=20)
ROWS = st.lists(
    st.tuples(NAMES, NAMES, st.integers(0, 200), NAMES, st.datetimes(), TEXTS, TEXTS),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[0].casefold(),
)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, order=st.permutations(REQUIRED_COLUMNS + OPTIONAL_COLUMNS))
def test_what_a_csv_writer_writes_is_read_back(rows: list[tuple[object, ...]], order: list[str]) -> None:
    lines = [
        {
            "file": f"{file}.tif",
            "culture": culture,
            "passage": str(passage),
            "field": field,
            "captured_at": f"{moment.isoformat()}+00:00",  # type: ignore[attr-defined]
            "pixel_size_um": "0.65",
            "objective": objective,
            "instrument": instrument,
        }
        for file, culture, passage, field, moment, objective, instrument in rows
    ]
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, order)
    writer.writeheader()
    writer.writerows(lines)
    read = read_sample_sheet(stream.getvalue().encode(), "s.csv")
    for row, line in zip(read, lines, strict=True):
        assert {name: "" if cell is None else str(cell) for name, cell in row.model_dump().items()} == line


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEAD + text).encode()))
def test_any_bytes_end_in_rows_or_a_refusal(data: bytes) -> None:
    try:
        result: object = read_sample_sheet(data, "s.csv")
    except InvalidInputError as fault:
        result = fault
    assert isinstance(result, tuple | InvalidInputError)
