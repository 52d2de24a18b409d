"""The seal of a test set: its manifest and images read, checked and put under one digest before anybody uses them.

Whatever would spend the set for nothing later is refused here: a missing pixel size, one class, copies under two
cultures, readings that nobody can be held to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from nesqc_gmp.decision.input_check import agree
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import ImageRejectedError, InvalidInputError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.evaluation import require_evaluation
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.test_sets.custody import first_of, subject
from nesqc_gmp.records.base import DecimalText, Identifier, Line
from nesqc_gmp.records.images import FrameFacts
from nesqc_gmp.records.model_tests import (
    IMAGE_NAME_BYTES,
    LISTED,
    Label,
    TestImage,
    TestSetContent,
    TestSetSealed,
    Value,
)
from nesqc_gmp.state.model_tests import (
    fold_test_sets,
)

if TYPE_CHECKING:
    from nesqc_gmp.datasets.leakage import CopyPair, Fingerprint
    from nesqc_gmp.datasets.manifest import ManifestRow

READING = "reading "
"""A column of the manifest that begins with this word holds what one reader said alone: ``reading`` and the id."""

PIXEL_SIZE = "pixel_size_um"
"""The column that gives the edge of a pixel where the file does not."""

_DECIMAL: TypeAdapter[str] = TypeAdapter(DecimalText)
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_VALUE: TypeAdapter[str] = TypeAdapter(Value)
_LINE: TypeAdapter[str] = TypeAdapter(Line)

Shown = Callable[[str, int, int], None]


def seal(session: Session, name: str, manifest: Path, images: Path, shown: Shown = lambda *_: None) -> TestSetSealed:
    """Seal labelled images as a test set: every byte into the store, the content under one digest.

    Args:
        session: A test data custodian.
        name: Id of the set, used once.
        manifest: CSV file with one row an image (``datasets.manifest``).
        images: Folder of the images.
        shown: Called with what is done, how much of it, and how much there is.

    Returns:
        The seal, with the copies inside the set whose labels differ.

    Raises:
        NotFoundError: The packages that compare images are not installed.
        InvalidInputError: The manifest is wrong, a class is missing, a column of readings names no reader, an image
            cannot be read, has a drawing in it, a name that is too long or no pixel size, a culture carries two labels,
            one image stands under two cultures or donors, or the id was used before.
    """
    require_evaluation()
    with session.viewing("test-sets.seal") as reader:
        _require_new(reader, name)
    from nesqc_gmp.datasets.leakage import find_copies
    from nesqc_gmp.datasets.manifest import read_manifest, require_two_classes

    listed = read_manifest(manifest, images)
    require_two_classes(listed.used, str(manifest))
    _require_readings(listed.rows[0], listed.used, str(manifest))
    _require_one_label(listed.used)
    for row in listed.used:
        _require_name(row)
    read = []
    for number, row in enumerate(listed.used, start=1):
        read.append(_read(row, images))
        shown("images", number, len(listed.used))
    copies = find_copies([each.fingerprint for each in read], lambda done, of: shown("copies", done, of))
    across = _across([each.image for each in read], copies)
    _require_one_culture(across)
    content = TestSetContent(
        version=1,
        test_set=name,
        images=tuple(each.image for each in read),
        excluded=tuple((row.image, row.excluded) for row in listed.rows if row.excluded),
    )
    data = canonical_json(content.model_dump(mode="json"))
    with session.acting("test-sets.seal", subject(name)) as act:
        _require_new(act.transaction, name)
        store = session.site.objects
        for number, each in enumerate(read, start=1):
            store.put(each.data)
            shown("kept", number, len(read))
        record = _sealed(content, store.put(data), listed.sha256, copies, len(across))
        act.append(subject(name), record)
    return record


def _require_new(reader: Reader, name: str) -> None:
    if name in fold_test_sets(reader.entries("test-set", name)):
        raise InvalidInputError(
            "there is a test set of this id; a set is never changed", where=name, remedy="Choose another id."
        )


def _require_one_label(rows: Sequence[ManifestRow]) -> None:
    """A culture is the unit of a claim, so it has one label."""
    labels: dict[str, str] = {}
    for row in rows:
        if labels.setdefault(row.culture, row.label) != row.label:
            raise InvalidInputError(
                f"the culture {row.culture} has images of both labels", where=f"{row.image}, column label",
                remedy="A culture is the unit of a claim: give every image of it one label, or divide it.",
            )  # fmt: skip


def _require_readings(first: ManifestRow, rows: Sequence[ManifestRow], manifest: str) -> None:
    """Every column of readings names one reader, and no reading hides in a column that is taken for a subgroup."""
    remedy = f"Name a column of readings {READING!r} and the id of the reader, such as 'reading anna'."
    readers: dict[str, str] = {}
    for column, _ in first.attributes:
        where = f"{manifest}, line 1, column {column}"
        if column.startswith(READING):
            reader = column.removeprefix(READING).strip()
            if not _fits(_IDENTIFIER, reader):
                raise InvalidInputError(f"{reader!r} is no id of a reader", where=where, remedy=remedy)
            before = readers.setdefault(reader.casefold(), column)
            if before != column:
                raise InvalidInputError(
                    f"the column {before} is of the same reader", where=where, remedy="Give each reader one column."
                )
        elif column.casefold().startswith("read") or _holds_labels(column, rows):
            raise InvalidInputError(
                "the column looks like readings and would be taken for a subgroup", where=where,
                remedy=f"{remedy} Name and fill a subgroup in other words.",
            )  # fmt: skip


def _holds_labels(column: str, rows: Sequence[ManifestRow]) -> bool:
    """Whether every filled cell of a column is one of the two labels."""
    values = {row.group(column) for row in rows} - {""}
    return bool(values) and values <= {"conforming", "not conforming"}


def _fits(kind: TypeAdapter[str], value: str) -> bool:
    try:
        kind.validate_python(value)
    except ValidationError:
        return False
    return True


def _require_name(row: ManifestRow) -> None:
    """A name is one visible line, and so short that the names of the largest sample fit into one entry of the log."""
    size = len(canonical_json(row.image)) - 2
    if size > IMAGE_NAME_BYTES or not _fits(_LINE, row.image):
        what = f"takes {size} bytes" if size > IMAGE_NAME_BYTES else "holds characters that nobody sees"
        raise InvalidInputError(
            f"the name {what}", where=f"{row.image[:IMAGE_NAME_BYTES]!r}, column image",
            remedy=f"Give the file and its folders shorter names, together at most {IMAGE_NAME_BYTES} bytes, each a "
            "visible line.",
        )  # fmt: skip


def _across(images: Sequence[TestImage], copies: Sequence[CopyPair]) -> list[CopyPair]:
    """Copies whose culture or donor differs."""
    source = {image.image: (image.culture, image.donor) for image in images}
    return [pair for pair in copies if source[pair.first] != source[pair.second]]


def _require_one_culture(across: Sequence[CopyPair]) -> None:
    """One image shows one culture of one donor; under several names it would count as several units."""
    same = [f"{p.first} and {p.second}: {p.kind}" for p in across if p.kind in {"same bytes", "same pixels"}]
    if same:
        raise InvalidInputError(
            f"copies of one image stand under different cultures or donors: {first_of(same)}",
            where="manifest, columns culture and donor",
            remedy="A culture is the unit of a claim: keep one of each, and exclude the others with a reason.",
        )


@dataclass(frozen=True, slots=True)
class _ReadImage:
    """An image of the manifest, decoded and compared by its fingerprint."""

    image: TestImage
    fingerprint: Fingerprint
    data: bytes


def _read(row: ManifestRow, folder: Path) -> _ReadImage:
    from nesqc_gmp.datasets.burnt_in import require_nothing_burnt_in
    from nesqc_gmp.datasets.leakage import fingerprint

    data = read_given_file(folder / row.image)
    try:
        frame = decode(data, name=row.image)
    except ImageRejectedError as refusal:
        raise InvalidInputError(
            refusal.what, where=row.image,
            remedy='Replace the file, or write the reason into the column "excluded" of the manifest.',
        ) from refusal  # fmt: skip
    facts = frame.facts
    if facts.sha256 != row.sha256:
        raise InvalidInputError("the file changed while it was read", where=row.image, remedy="Begin again.")
    if not row.simulated:
        require_nothing_burnt_in(frame.samples, row.image)
    columns = {name: value for name, value in row.attributes if value}
    pixel_size = _pixel_size(row, facts, columns.pop(PIXEL_SIZE, None))
    image = TestImage(
        image=row.image,
        sha256=facts.sha256,
        pixels_sha256=facts.pixels_sha256,
        perceptual_hash=facts.perceptual_hash,
        label=row.label,
        culture=row.culture,
        donor=row.donor,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        channels=facts.channels,
        bit_depth=facts.bit_depth,
        pixel_size_um=pixel_size,
        subgroups=_subgroups(row, columns),
        readers=row.readers,
        readings=tuple(_readings(row, columns)),
        simulated=row.simulated,
    )
    return _ReadImage(image, fingerprint(row.image, facts.sha256, facts.pixels_sha256, frame.samples), data)


def _pixel_size(row: ManifestRow, facts: FrameFacts, stated: str | None) -> DecimalText:
    """The edge of a pixel, which every input sample space bounds: without it a model refuses the image."""
    where = f"{row.image}, column {PIXEL_SIZE}"
    if stated is not None and not (_fits(_DECIMAL, stated) and Decimal(stated) > 0):
        raise InvalidInputError(
            f"{stated!r} is no pixel size", where=where,
            remedy="Write the edge of a pixel in micrometres as a plain decimal number above 0, such as 0.65.",
        )  # fmt: skip
    size = facts.pixel_size_um or stated
    if size is None:
        raise InvalidInputError(
            "neither the file nor the manifest states a pixel size, and no model takes an image without one",
            where=where, remedy="Write the edge of a pixel in micrometres, or exclude the image with a reason.",
        )  # fmt: skip
    if stated is not None and not agree(Decimal(size), Decimal(stated)):
        raise InvalidInputError(
            f"the file states a pixel size of {size}, the manifest {stated}", where=where,
            remedy="Find out which is right; correct the manifest, or export the image again.",
        )  # fmt: skip
    return size


def _subgroups(row: ManifestRow, columns: dict[str, str]) -> tuple[tuple[str, str], ...]:
    known = {name: row.group(name) for name in ("passage", "instrument", "operator")}
    others = {name: value for name, value in columns.items() if not name.startswith(READING)}
    found = tuple((name, value) for name, value in {**known, **others}.items() if value)
    for name, value in found:
        if not (_fits(_VALUE, name) and _fits(_VALUE, value)):
            raise InvalidInputError(
                "name or value of the column is too long, or holds characters that nobody sees",
                where=f"{row.image}, column {name[:200]!r}", remedy="Write at most 200 visible characters.",
            )  # fmt: skip
    return found


def _readings(row: ManifestRow, columns: dict[str, str]) -> list[tuple[str, Label]]:
    found: list[tuple[str, Label]] = []
    for column, value in columns.items():
        if not column.startswith(READING):
            continue
        if value not in {"conforming", "not conforming"}:
            raise InvalidInputError(
                f"{value!r} is no reading", where=f"{row.image}, column {column}",
                remedy="Write conforming or not conforming, or leave it empty.",
            )  # fmt: skip
        found.append(
            (column.removeprefix(READING).strip(), "conforming" if value == "conforming" else "not conforming")
        )
    return found


def _sealed(
    content: TestSetContent, digest: str, manifest: str, copies: Sequence[CopyPair], across: int
) -> TestSetSealed:
    images = content.images
    labels = {image.image: image.label for image in images}
    classes = Counter(image.label for image in images)
    cultures = Counter(label for _, label in {(image.culture, image.label) for image in images})
    differing = [pair for pair in copies if labels[pair.first] != labels[pair.second]]
    return TestSetSealed(
        test_set=content.test_set,
        manifest_sha256=manifest,
        content_sha256=digest,
        images=len(images),
        excluded=len(content.excluded),
        conforming=classes["conforming"],
        not_conforming=classes["not conforming"],
        cultures_conforming=cultures["conforming"],
        cultures_not_conforming=cultures["not conforming"],
        donors=len({image.donor for image in images}),
        subgroups=tuple(sorted({name for image in images for name, _ in image.subgroups})),
        readers=tuple(sorted({reader for image in images for reader, _ in image.readings})),
        simulated=sum(image.simulated for image in images),
        copies=len(copies),
        copies_across=across,
        conflicting=tuple(f"{p.first} and {p.second}: {p.kind}, {p.evidence}" for p in differing[:LISTED]),
    )
