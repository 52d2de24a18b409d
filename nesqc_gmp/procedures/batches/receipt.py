"""Registering a batch, receiving its images, explaining likenesses, and sealing the set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import ImageRejectedError, InvalidInputError, OutOfSequenceError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.duplicates import KnownImages
from nesqc_gmp.imaging.sample_sheet import read_sample_sheet
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.batches.common import load_batch, subject
from nesqc_gmp.procedures.context import require_day
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.batches import (
    BatchRegistered,
    DuplicateExplained,
    ImageReceived,
    ImageRefused,
    ImageSetSealed,
)
from nesqc_gmp.records.images import KnownImage
from nesqc_gmp.state import products as product_state
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch, fold_batch

CAPTURE_TOLERANCE = timedelta(hours=1)
"""How much the clock of a microscope may be ahead."""

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")


def register(
    session: Session, batch: str, specification_id: str, line_code: str, manufactured_on: str, expires_on: str
) -> None:
    """Register a batch against an approved specification.

    Raises:
        InvalidInputError: The number was used before, or a date is not one.
        OutOfSequenceError: The specification is not approved.
    """
    record = BatchRegistered(
        batch=batch,
        specification_id=specification_id,
        line_code=line_code,
        manufactured_on=manufactured_on,
        expires_on=expires_on,
    )
    if require_day(manufactured_on, "manufactured_on") > require_day(expires_on, "expires_on"):
        raise InvalidInputError("the expiry date lies before the date of manufacture", where="expires_on")
    with session.acting("batches.register", subject(batch)) as act:
        if batch in act.transaction.batches():
            raise InvalidInputError("the batch number was used before", where=batch)
        specifications = product_state.fold_specifications(act.transaction.entries_about("specification"))
        product_state.require(product_state.get(specifications, specification_id), "approved", "register a batch for")
        act.append(subject(batch), record)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One file to be received and what the person says it shows.

    Attributes:
        path: The file.
        culture: Culture.
        passage: Passage number.
        field: Field of view.
        captured_at: Capture time with offset, where known.
        pixel_size_um: Pixel edge in micrometres, where the sheet gives it.
    """

    path: Path
    culture: str
    passage: int
    field: str
    captured_at: str | None = None
    pixel_size_um: str | None = None


def incoming(paths: Sequence[Path], culture: str | None, passage: int | None) -> tuple[Incoming, ...]:
    """The files that paths stand for: files, folders, or sample sheets.

    Args:
        paths: Image files, folders of image files, or CSV sample sheets.
        culture: Culture of files that no sheet describes.
        passage: Their passage number.

    Raises:
        InvalidInputError: A path does not exist, or culture or passage is not known.
    """
    found: list[Incoming] = []
    for path in paths:
        if path.suffix.casefold() == ".csv":
            found += _from_sheet(path)
        elif _is_folder(path):
            files = sorted(p for p in path.iterdir() if p.suffix.casefold() in IMAGE_SUFFIXES)
            found += [_described(file, culture, passage) for file in files]
        else:
            found.append(_described(path, culture, passage))
    if not found:
        raise InvalidInputError("there is no image to receive", where=", ".join(map(str, paths)))
    return tuple(found)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # A name that no file can have; reading it says so.
        return False


def _from_sheet(path: Path) -> Iterator[Incoming]:
    for row in read_sample_sheet(read_given_file(path), path.name):
        file = path.parent / row.file
        yield Incoming(file, row.culture, row.passage, row.field, row.captured_at, row.pixel_size_um)


def _described(path: Path, culture: str | None, passage: int | None) -> Incoming:
    if culture is None or passage is None:
        raise InvalidInputError(
            "culture and passage of the image are not known",
            where=str(path),
            remedy="Give --culture and --passage, or a sample sheet (CSV).",
        )
    field = "".join(c if c.isalnum() or c in "._-" else "-" for c in path.stem).strip("-._")[:40] or "image"
    return Incoming(path, culture, passage, field)


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one file.

    Attributes:
        file_name: Its name.
        image: Its id in the batch, ``None`` where it was refused.
        note: What a person must know: a likeness, or why it was refused.
    """

    file_name: str
    image: str | None
    note: str


def receive(
    session: Session,
    batch: str,
    files: Sequence[Incoming],
    shown: Callable[[Received], None] = lambda received: None,
) -> tuple[Received, ...]:
    """Store the original bytes of each file and record it, one by one.

    A file that is no acceptable image is kept and recorded as refused; it counts as submitted.

    Raises:
        OutOfSequenceError: The set is sealed.
        InvalidInputError: A file cannot be read, or an image is said to be captured later than now; then nothing is
            received.
    """
    _require_captured(files, session.site.moment())
    done: list[Received] = []
    receiving = _Receiving(session, batch)
    for file in files:
        data = read_given_file(file.path, "What was received so far is kept.")
        try:
            outcome = receiving.receive(file, data)
        except ImageRejectedError as error:
            outcome = receiving.refuse(file, data, error)
        done.append(outcome)
        shown(outcome)
    return tuple(done)


def _require_captured(files: Sequence[Incoming], now: datetime) -> None:
    """No image is captured in the future, but for a microscope whose clock is a little fast."""
    for file in files:
        if file.captured_at is not None and datetime.fromisoformat(file.captured_at) > now + CAPTURE_TOLERANCE:
            raise InvalidInputError(
                f"the image cannot have been captured in the future: {file.captured_at}",
                where=file.path.name,
                remedy="Correct the time in the sample sheet; nothing was received.",
            )


class _Receiving:
    """Files received one after the other for one batch.

    The batch and all known images are read once; then only what is new in the log, which only grows.
    """

    def __init__(self, session: Session, batch: str) -> None:
        self._session = session
        self._batch = batch
        self._state: Batch | None = None
        self._known = KnownImages()
        self._read = 0

    def receive(self, file: Incoming, data: bytes) -> Received:
        """Keep and record one image, with every image that it is like."""
        frame = decode(data, name=file.path.name)
        name = f"{file.culture}_{file.field}"
        with self._session.acting("batches.receive", subject(self._batch)) as act:
            state = self._required(act.transaction)
            if name in state.images:
                raise InvalidInputError(f"the batch has an image {name} already", where=file.path.name)
            duplicates = self._known.like(frame.facts)
            record = ImageReceived(
                image=name,
                culture=file.culture,
                passage=file.passage,
                field=file.field,
                captured_at=file.captured_at,
                pixel_size_um=file.pixel_size_um,
                file_name=file.path.name,
                facts=frame.facts,
                duplicates=duplicates[:50],
            )
            self._session.site.objects.put(data)
            act.append(subject(self._batch), record)
        likeness = "; ".join(f"{d.kind} of {d.image} in {d.batch}" for d in duplicates[:3])
        return Received(file.path.name, name, likeness)

    def refuse(self, file: Incoming, data: bytes, error: ImageRejectedError) -> Received:
        """Keep a file that is no acceptable image, and record why."""
        with self._session.acting("batches.receive", subject(self._batch)) as act:
            self._required(act.transaction)
            digest = self._session.site.objects.put(data)
            record = ImageRefused(file_name=file.path.name, sha256=digest, why=error.what[:2000])
            act.append(subject(self._batch), record)
        return Received(file.path.name, None, error.what)

    def _required(self, reader: Reader) -> Batch:
        """The batch as it is now, which must still receive; called before anything is appended."""
        self._state = fold_batch(reader.entries("batch", self._batch, after=self._read - 1), self._batch, self._state)
        self._known.add(
            KnownImage(batch=b, image=i, sha256=s, pixels_sha256=p, perceptual_hash=h)
            for b, i, s, p, h in reader.known_images(since=self._read)
        )
        self._read = reader.size
        release.require_receiving(self._state)
        return self._state


def explain(session: Session, batch: str, image: str, reason: str) -> None:
    """Explain why an image is like another one.

    Raises:
        OutOfSequenceError: The image is like no other, or was explained.
    """
    with session.acting("batches.explain", subject(batch)) as act:
        state, _ = load_batch(act.transaction, batch)
        release.require_receiving(state)
        if not release.image(state, image).blocked:
            raise OutOfSequenceError("there is nothing to explain about this image", where=image)
        act.append(subject(batch), DuplicateExplained(image=image), reason)


def seal(session: Session, batch: str) -> int:
    """Make the set final; returns the count of images.

    Raises:
        OutOfSequenceError: The sampling plan is not fulfilled, or a likeness is not explained.
    """
    with session.acting("batches.seal", subject(batch)) as act:
        state, specification = load_batch(act.transaction, batch)
        release.require_sealable(state, specification)
        record = ImageSetSealed(images=len(state.images), images_sha256=set_digest(state), refused=len(state.refused))
        act.append(subject(batch), record)
    return len(state.images)


def set_digest(batch: Batch) -> str:
    """Digest of the sealed set: canonical JSON of image ids with the digests of their bytes."""
    return sha256_hex(canonical_json({name: image.received.facts.sha256 for name, image in batch.images.items()}))
