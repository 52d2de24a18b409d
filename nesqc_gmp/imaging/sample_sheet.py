"""The sample sheet: a CSV file (RFC 4180, UTF-8) that says what each image file shows and when it was captured.

Columns ``file, culture, passage, field, captured_at`` in any order, and where they are known ``pixel_size_um,
objective, instrument``. Nothing is guessed: a sheet with any fault is refused whole.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from datetime import datetime

from pydantic import ValidationError

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.images import SampleRow

REQUIRED_COLUMNS = ("file", "culture", "passage", "field", "captured_at")
"""Columns that every sheet has."""

OPTIONAL_COLUMNS = ("pixel_size_um", "objective", "instrument")
"""Columns that a sheet may have; an empty cell means not known."""

_BYTES_MAX = 8 * 1024 * 1024
_CELL_MAX = 200
_PASSAGE = re.compile(r"[0-9]{1,3}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:")


def read_sample_sheet(data: bytes, name: str) -> tuple[SampleRow, ...]:
    """Read a sample sheet.

    Args:
        data: The whole file; a byte order mark is accepted.
        name: Name of the file, for messages.

    Returns:
        The rows in the order of the sheet, at least one.

    Raises:
        InvalidInputError: The sheet has a fault; the message names the line and the column.
    """
    table = _table(data, name)
    columns = _columns(table, name)
    rows = tuple(
        _row(dict(zip(columns, cells, strict=True)), f"{name}, line {line}")
        for line, cells in _lines(table, len(columns), name)
    )
    if not rows:
        raise InvalidInputError("The sheet has no rows.", where=name, remedy="Add one row for each image.")
    _refuse_repeated_files(rows, name)
    return rows


def _table(data: bytes, name: str) -> list[tuple[int, list[str]]]:
    """The cells of each line with the number of the line on which it ends."""
    if len(data) > _BYTES_MAX:
        raise InvalidInputError(f"The sheet is larger than {_BYTES_MAX} bytes.", where=name, remedy="Split the batch.")
    try:
        text = data.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        return [(reader.line_num, cells) for cells in reader]
    except UnicodeDecodeError as problem:
        raise InvalidInputError(
            f"Byte {problem.start} is not UTF-8.", where=name, remedy="Save the sheet as CSV UTF-8."
        ) from problem
    except csv.Error as problem:
        raise InvalidInputError(
            f"The sheet is not well-formed CSV ({problem}).", where=name, remedy="Save the sheet as CSV again."
        ) from problem


def _columns(table: list[tuple[int, list[str]]], name: str) -> list[str]:
    """The column names of the first line."""
    columns = table[0][1] if table else []
    missing = [column for column in REQUIRED_COLUMNS if column not in columns]
    unknown = [column for column in columns if column not in REQUIRED_COLUMNS + OPTIONAL_COLUMNS]
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    for fault, found in (("lacks", missing), ("has unknown", unknown), ("repeats", repeated)):
        if found:
            listed = ", ".join(repr(column[:40]) for column in found[:10])
            raise InvalidInputError(
                f"The sheet {fault} columns: {listed}.",
                where=f"{name}, line 1",
                remedy=f"Use the columns {', '.join(REQUIRED_COLUMNS)}, and if known {', '.join(OPTIONAL_COLUMNS)}; "
                "separate them by commas.",
            )
    return columns


def _lines(table: list[tuple[int, list[str]]], width: int, name: str) -> list[tuple[int, list[str]]]:
    """The lines below the first, each as wide as the first."""
    for line, cells in table[1:]:
        if len(cells) != width:
            raise InvalidInputError(
                f"The line has {len(cells)} cells, the first line {width}.",
                where=f"{name}, line {line}",
                remedy="Fill every column; leave no empty line.",
            )
    return table[1:]


def _row(cells: dict[str, str], where: str) -> SampleRow:
    """One row, every cell checked."""
    for column, cell in cells.items():
        if len(cell) > _CELL_MAX or not cell.isprintable() or cell != cell.strip():
            raise _fault(where, column, cell, f"printable text of at most {_CELL_MAX} characters, no space at its ends")
    _check_file(cells["file"], where)
    if not _PASSAGE.fullmatch(cells["passage"]):
        raise _fault(where, "passage", cells["passage"], "a whole number from 0 to 200")
    _check_moment(cells["captured_at"], where)
    if re.fullmatch(r"-.*|0(\.0*)?", cells.get("pixel_size_um", "")):
        raise _fault(where, "pixel_size_um", cells["pixel_size_um"], _EXPECTED["pixel_size_um"])
    known = {column: cells.get(column) or None for column in OPTIONAL_COLUMNS}
    try:
        return SampleRow.model_validate(
            {**{column: cells[column] for column in REQUIRED_COLUMNS}, **known, "passage": int(cells["passage"])}
        )
    except ValidationError as problem:
        column = str(problem.errors()[0]["loc"][0])
        raise _fault(where, column, cells.get(column, ""), _EXPECTED[column]) from problem


_EXPECTED = {
    "culture": "letters, digits, dot, underscore and hyphen, at most 64",
    "field": "letters, digits, dot, underscore and hyphen, at most 64",
    "passage": "a whole number from 0 to 200",
    "pixel_size_um": "a plain decimal number above 0, in micrometres",
}


def _check_file(file: str, where: str) -> None:
    """Refuse a file name that could lead out of the folder of the sheet."""
    parts = file.split("/")
    if "\\" in file or _DRIVE.match(file) or any(part in ("", ".", "..") for part in parts):
        raise _fault(where, "file", file, "a path below the folder of the sheet, with forward slashes")


def _check_moment(text: str, where: str) -> None:
    """Refuse a text that is not a moment with its offset from UTC (ISO 8601-1:2019, 5.4)."""
    expected = "date and time with offset, e.g. 2026-03-14T09:26:00+01:00"
    if not _MOMENT.fullmatch(text):
        raise _fault(where, "captured_at", text, expected)
    try:
        datetime.fromisoformat(text)
    except ValueError as problem:
        raise _fault(where, "captured_at", text, expected) from problem


def _refuse_repeated_files(rows: tuple[SampleRow, ...], name: str) -> None:
    """Refuse a file that stands in two rows, also where only case or accents are written differently."""
    seen: set[str] = set()
    for row in rows:
        key = unicodedata.normalize("NFC", row.file).casefold()
        if key in seen:
            raise InvalidInputError(
                f"The file {row.file!r} stands in more than one row.",
                where=f"{name}, column file",
                remedy="Give every image one row.",
            )
        seen.add(key)


def _fault(where: str, column: str, cell: str, expected: str) -> InvalidInputError:
    """The refusal of one cell."""
    return InvalidInputError(
        f"{cell[:60]!r} is not {expected}.", where=f"{where}, column {column}", remedy="Correct the cell."
    )
