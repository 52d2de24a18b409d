"""Looking at the heat map of an image: from what an attempt recorded, never from a new inference.

The look is a record: who was shown which map, and the digest of the picture (EU GMP Annex 22 draft 8.1). It is entered
before the picture is there to be opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, OutOfSequenceError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.procedures.batches.analysis import recover
from nesqc_gmp.procedures.batches.common import load_batch, subject
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.files import require_new
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.batches import HeatMapShown, ImageScored
from nesqc_gmp.records.images import Prediction
from nesqc_gmp.records.models import ModelManifest
from nesqc_gmp.records.site import MARKS
from nesqc_gmp.reports.heat_map import HeatMapCaption, render_heat_map
from nesqc_gmp.simulation.files import NAME_PREFIX
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Attempt, Batch
from nesqc_gmp.state.models import fold_models

SIMULATED = "simulated image"
"""Stands on the picture of a simulated image."""

SUFFIX: Final = ".png"
"""How the name of a picture ends."""


def explain(session: Session, batch: str, image: str, out: Path) -> HeatMapShown:
    """Write the heat map of one image as PNG, after the look was recorded.

    Args:
        session: Any reader.
        batch: The batch.
        image: The image.
        out: A file that does not exist yet.

    Returns:
        The record of the look.

    Raises:
        NotFoundError: There is no such batch or image.
        OutOfSequenceError: No completed or running attempt holds a prediction for it.
        IntegrityError: The original was altered.
        InvalidInputError: The file exists, does not end in ``.png``, cannot be written, or its folder does not exist.
    """
    if out.suffix.lower() != SUFFIX:
        raise InvalidInputError(
            f"the picture is written as PNG, not as {out.suffix or 'a file without an ending'}", where=str(out),
            remedy=f"Let the name end in {SUFFIX}.",
        )  # fmt: skip
    require_new(out)
    site = session.site
    with _new_file(out) as stream:
        recover(site, batch)
        with session.viewing("models.explain") as reader:
            state, _ = load_batch(reader, batch)
            release.image(state, image)
            found = _recorded(state, image)
            digest = found.attempt.opened.model_sha256
            manifest = fold_models(reader.entries("model", digest))[digest].manifest
        try:
            png = _drawn(site, found, manifest)
        except IntegrityError as error:
            session.refuse("models.explain", error, subject(batch))
        record = HeatMapShown(attempt=found.attempt.number, image=image, png_sha256=sha256_hex(png))
        with session.acting("models.explain", subject(batch)) as act:
            act.append(subject(batch), record)
        stream.write(png)
    return record


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that did not exist, open for writing; taken away again where the act fails.

    Raises:
        InvalidInputError: It exists or cannot be made.
    """
    try:
        stream = path.open("xb")
    except OSError as error:
        raise InvalidInputError(
            f"the picture cannot be written: {error.strerror}", where=str(path), remedy="Name one that you may write."
        ) from error
    try:
        with stream:
            yield stream
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class _Found:
    """A recorded prediction with what it belongs to."""

    batch: Batch
    attempt: Attempt
    scored: ImageScored
    prediction: Prediction


def _recorded(batch: Batch, image: str) -> _Found:
    """The prediction of an image in the last completed or running attempt that has one.

    Raises:
        OutOfSequenceError: There is none.
    """
    for attempt in reversed(batch.attempts):
        scored = attempt.scores.get(image)
        if (attempt.completed or attempt.closed is None) and scored is not None and scored.prediction is not None:
            return _Found(batch, attempt, scored, scored.prediction)
    raise OutOfSequenceError(
        "no completed or running attempt holds a prediction for this image",
        where=f"{batch.registered.batch}, {image}",
        remedy="Analyse the batch first; an image that failed the input check never gets a prediction.",
    )


def _drawn(site: Site, found: _Found, manifest: ModelManifest) -> bytes:
    """The picture, from the original bytes, hashed again, and the map as it was recorded."""
    scored = found.scored
    samples = decode(site.objects.read(scored.sha256), name=scored.image).samples
    return render_heat_map(samples, found.prediction.heat_map, _caption(site, found, manifest))


def _caption(site: Site, found: _Found, manifest: ModelManifest) -> HeatMapCaption:
    scored, attempt = found.scored, found.attempt
    batch, image = found.batch.registered.batch, scored.image
    simulated = found.batch.images[image].received.file_name.startswith(NAME_PREFIX)
    mark = site.founded.mark or (MARKS["demonstration"] if manifest.demonstration else "")
    marks = [mark] if mark else []
    thresholds = f"conforming from {manifest.conforming_from}, not conforming below {manifest.not_conforming_below}"
    standing = "completed" if attempt.completed else "running"
    return HeatMapCaption(
        title=f"Heat map of image {image}, batch {batch}",
        mark=" · ".join([*marks, *([SIMULATED] if simulated else [])]),
        facts=(
            ("Score", f"{found.prediction.score}  ({thresholds})"),
            ("Outcome", scored.outcome),
            ("Recorded in", f"attempt {attempt.number}, {standing}, opened {attempt.opened_at[:19]}"),
            ("Model", f"{manifest.name} {manifest.model_version}"),
            ("Model digest", attempt.opened.model_sha256),
            ("Image digest", scored.sha256),
        ),
    )
