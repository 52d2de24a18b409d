"""The manifest of labelled images: one CSV row an image, with the groups that may never be divided.

Columns: ``image``, ``label``, ``culture`` and ``donor`` must be there and filled. ``passage``, ``instrument``,
``operator``, ``readers`` (ids of who labelled, with semicolons), ``sha256`` (checked where given), ``objects`` (a
Pascal VOC file with boxes), ``simulated`` (yes or no) and ``excluded`` (why the image is not to be used) are optional.
Any other column is an attribute by which results can be divided. Nothing is dropped silently: an excluded image stays
in the manifest with its reason.
"""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

from pydantic import ValidationError

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.records.base import Frozen, Identifier, Sha256, Text

Label = Literal["conforming", "not conforming"]

REQUIRED: Final = ("image", "label", "culture", "donor")
OPTIONAL: Final = ("passage", "instrument", "operator", "readers", "sha256", "objects", "simulated", "excluded")
BYTES_MAX: Final = 64 * 2**20
"""Largest manifest, in bytes."""


class ManifestRow(Frozen):
    """One image.

    Attributes:
        image: Path inside the folder of the images, with forward slashes.
        label: What its readers said.
        culture: The culture vessel; images of one culture are never divided.
        donor: The donor or line; likewise.
        passage: Passage number, where known.
        instrument: The microscope, where known.
        operator: Who captured it, where known.
        readers: Ids of those who labelled it, each apart from the others.
        sha256: Digest of the file's bytes.
        objects: Path of the file with boxes, or ``None``.
        objects_sha256: Digest of that file's bytes, or ``None``.
        simulated: Whether the image is simulated.
        excluded: Why it is not used, or ``None``.
        attributes: Every other column, as pairs of name and value.
    """

    image: Text
    label: Label
    culture: Identifier
    donor: Identifier
    passage: str
    instrument: str
    operator: str
    readers: tuple[Identifier, ...]
    sha256: Sha256
    objects: Text | None
    objects_sha256: Sha256 | None = None
    simulated: bool
    excluded: Text | None
    attributes: tuple[tuple[str, str], ...]

    def group(self, name: str) -> str:
        """Value of a column that groups images, an attribute among them; may be empty."""
        if name in {"culture", "donor", "passage", "instrument", "operator", "label"}:
            return str(getattr(self, name))
        return dict(self.attributes).get(name, "")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest whose every image was found and hashed.

    Attributes:
        rows: The images, in the order of the file.
        sha256: Digest of the canonical JSON of the rows, the digests of every image and every file of boxes among them.
    """

    rows: tuple[ManifestRow, ...]
    sha256: str

    @property
    def used(self) -> tuple[ManifestRow, ...]:
        """The images that are not excluded."""
        return tuple(row for row in self.rows if row.excluded is None)


def read_manifest(file: Path, images: Path) -> Manifest:
    """Read a manifest and hash every image it names.

    Args:
        file: The CSV file, UTF-8.
        images: Folder of the images.

    Raises:
        InvalidInputError: The first thing that is wrong, with line, column and remedy.
    """
    table = _table(file)
    rows, seen, spelled = [], dict[str, int](), dict[tuple[str, str], str]()
    for line, fields in table:
        row = _row(fields, images, f"{file}, line {line}")
        if row.image in seen:
            raise InvalidInputError(
                f"the image is named in line {seen[row.image]} already", where=f"{file}, line {line}, column image",
                remedy="Name each image once.",
            )  # fmt: skip
        seen[row.image] = line
        _require_one_spelling(row, spelled, f"{file}, line {line}")
        rows.append(row)
    if not rows:
        raise InvalidInputError("the manifest names no image", where=str(file), remedy="Write one row an image.")
    return Manifest(tuple(rows), sha256_hex(canonical_json([_content(row) for row in rows])))


def _content(row: ManifestRow) -> dict[str, Any]:
    """A row as it enters the digest; a row without boxes says nothing of them."""
    unsaid = {"objects_sha256"} if row.objects_sha256 is None else None
    return row.model_dump(mode="json", exclude=unsaid)


def _require_one_spelling(row: ManifestRow, spelled: dict[tuple[str, str], str], where: str) -> None:
    """Refuse a culture or donor that differs from an earlier one in capitals only: it would be a group of its own."""
    for column, value in (("culture", row.culture), ("donor", row.donor)):
        before = spelled.setdefault((column, value.casefold()), value)
        if before != value:
            raise InvalidInputError(
                f"{value!r} was written {before!r} in an earlier line", where=f"{where}, column {column}",
                remedy="Write one name in one way.",
            )  # fmt: skip


def require_two_classes(rows: Iterable[ManifestRow], where: str) -> None:
    """Refuse rows of one class.

    Raises:
        InvalidInputError: There is no image of one of the two classes.
    """
    labels = {row.label for row in rows}
    if len(labels) < 2:
        found = f"only images that are {labels.pop()}" if labels else "no image"
        raise InvalidInputError(f"there are {found}", where=where, remedy="Both classes are needed.")


def _table(file: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows with their line numbers, every cell stripped and in Unicode's composed form."""
    text = _text(file)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [_cell(name) for name in reader.fieldnames or ()]
        missing = [name for name in REQUIRED if name not in header]
        if missing:
            _require_commas(header, f"{file}, line 1")
        if missing or len(set(header)) != len(header) or "" in header:
            raise InvalidInputError(
                f"the column {missing[0]} is missing" if missing else "a column has no name, or two have the same",
                where=f"{file}, line 1",
                remedy=f"The first line names the columns; {', '.join(REQUIRED)} must be among them.",
            )
        return [(reader.line_num, _cells(header, row, f"{file}, line {reader.line_num}")) for row in reader]
    except csv.Error as error:
        raise InvalidInputError(
            f"is not CSV: {error}", where=f"{file}, line {reader.line_num}", remedy="Correct the line."
        ) from error


def _text(file: Path) -> str:
    """The text of the file.

    Raises:
        InvalidInputError: There is none, or it is no text.
    """
    try:
        if not file.is_file():
            raise InvalidInputError(
                "there is no such file", where=str(file), remedy="Check the name and the folder of the manifest."
            )
        if file.stat().st_size > BYTES_MAX:
            raise InvalidInputError(
                f"the manifest is larger than {BYTES_MAX} bytes",
                where=str(file),
                remedy="See whether it is a CSV file.",
            )
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidInputError(
            f"the manifest cannot be read: {error.strerror}", where=str(file),
            remedy="Check its name, and that your account may read it.",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"byte {error.start} is not UTF-8", where=str(file), remedy="Save the manifest as CSV in UTF-8."
        ) from error
    if "\0" in text:
        raise InvalidInputError("is not a CSV file", where=str(file), remedy="Save the manifest as CSV in UTF-8.")
    return text


def _require_commas(header: list[str], where: str) -> None:
    """Say what is wrong with a table whose whole first line is one cell, as some spreadsheets write it."""
    for separator, name in ((";", "semicolons"), ("\t", "tabulators")):
        if len(header) == 1 and separator in header[0]:
            raise InvalidInputError(
                f"the columns are divided by {name}", where=where,
                remedy="Save the manifest as CSV with commas between the columns.",
            )  # fmt: skip


def _cells(header: list[str], row: dict[str | None, str | list[str] | None], where: str) -> dict[str, str]:
    values = list(row.values())
    if None in row or None in values:
        raise InvalidInputError(
            "the line has another number of cells than the first", where=where, remedy="Fill every column."
        )
    return {name: _cell(str(value)) for name, value in zip(header, values, strict=True)}


def _cell(text: str) -> str:
    """Stripped and composed, so that one culture is never two by a blank or by the way an accent is stored."""
    return unicodedata.normalize("NFC", text).strip()


def _row(fields: dict[str, str], images: Path, where: str) -> ManifestRow:
    for name in REQUIRED:
        if not fields[name]:
            raise InvalidInputError("is empty", where=f"{where}, column {name}", remedy="Fill it in.")
    if fields["label"] not in {"conforming", "not conforming"}:
        raise InvalidInputError(
            f"{fields['label']!r} is no label", where=f"{where}, column label",
            remedy="Write conforming or not conforming.",
        )  # fmt: skip
    if fields.get("simulated", "") not in {"", "yes", "no"}:
        raise InvalidInputError("neither yes nor no", where=f"{where}, column simulated", remedy="Write yes or no.")
    digest = _digest(images, fields["image"], f"{where}, column image")
    given = fields.get("sha256", "").lower()
    if given and given != digest:
        raise InvalidInputError(
            f"the file {fields['image']} has another digest: {digest}", where=f"{where}, column sha256",
            remedy="The file was changed since, or the manifest is wrong: find out which.",
        )  # fmt: skip
    boxes = None
    if fields.get("objects"):
        boxes = _digest(images, fields["objects"], f"{where}, column objects")
    try:
        return ManifestRow(
            image=fields["image"],
            label="conforming" if fields["label"] == "conforming" else "not conforming",
            culture=fields["culture"],
            donor=fields["donor"],
            passage=fields.get("passage", ""),
            instrument=fields.get("instrument", ""),
            operator=fields.get("operator", ""),
            readers=_readers(fields.get("readers", ""), f"{where}, column readers"),
            sha256=digest,
            objects=fields.get("objects") or None,
            objects_sha256=boxes,
            simulated=fields.get("simulated") == "yes",
            excluded=fields.get("excluded") or None,
            attributes=tuple((k, v) for k, v in fields.items() if k not in {*REQUIRED, *OPTIONAL}),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        column = str(first["loc"][0])
        raise InvalidInputError(first["msg"], where=f"{where}, column {column}", remedy="Correct the cell.") from error


def _readers(cell: str, where: str) -> tuple[str, ...]:
    """The ids in a cell, none of them empty or named twice: two equal ones would count as two readers."""
    if not cell:
        return ()
    readers = tuple(part.strip() for part in cell.split(";"))
    if "" in readers:
        raise InvalidInputError(
            "an id of a reader is empty", where=where, remedy="Write ids with one semicolon between."
        )
    if len({reader.casefold() for reader in readers}) < len(readers):
        raise InvalidInputError(f"a reader is named twice: {cell}", where=where, remedy="Name each reader once.")
    return readers


def inside(folder: Path, name: str, where: str) -> Path:
    """The file of this name inside a folder.

    Raises:
        InvalidInputError: The name leads out of the folder, or there is no such file.
    """
    parts = PurePosixPath(name)
    path = folder / parts
    if parts.is_absolute() or ".." in parts.parts or "\\" in name:
        raise InvalidInputError(f"{name!r} leads out of the folder", where=where, remedy="Name files inside it.")
    if str(parts) != name:  # ./a.png and a.png would be two images
        raise InvalidInputError(f"{name!r} is {str(parts)!r}", where=where, remedy="Write the path in its short form.")
    try:
        there = path.is_file()
    except OSError as error:
        raise InvalidInputError(f"cannot be looked at: {error.strerror}", where=where, remedy="Shorten it.") from error
    if not there and not folder.is_dir():
        raise InvalidInputError(
            f"there is no folder {folder}", where=where, remedy="Name the folder in which the images are."
        )
    if not there:
        raise InvalidInputError(f"there is no file {name!r} in {folder}", where=where, remedy="Bring the file.")
    return path


def _digest(images: Path, name: str, where: str) -> str:
    with inside(images, name, where).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
