"""A person's own reading of an image; it stands beside what the model said and never replaces it."""

from __future__ import annotations

from nesqc_gmp.errors import InvalidInputError, NotAuthorisedError
from nesqc_gmp.procedures.batches.common import load_batch, subject
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.batches import ImageOutcome, ImageRead
from nesqc_gmp.records.images import Outcome
from nesqc_gmp.state import release


def read(session: Session, batch: str, image: str, reading: Outcome, reason: str | None, *, blinded: bool) -> ImageRead:
    """Record a reading.

    Args:
        session: An operator or reviewer.
        batch: The batch.
        image: The image.
        reading: The person's outcome.
        reason: Why it differs from the model's; needed then. A blinded reading always needs one, what was seen, so
            that no refusal tells the reader what the model said.
        blinded: Whether the score was withheld from the reader until now.

    Raises:
        InvalidInputError: The reading is blinded or differs from the model's outcome, and no reason is given.
        NotAuthorisedError: A blinded reading of an image whose score this person has been shown.
    """
    with session.acting("batches.read", subject(batch)) as act:
        state, _ = load_batch(act.transaction, batch)
        release.require_open(state)
        release.image(state, image)
        outcome = release.model_outcome(state, image)
        shown_to = {attempt.opened_by for attempt in state.attempts}
        if blinded and act.person.id in shown_to:
            raise NotAuthorisedError(
                "you ran the analysis and were shown the scores; your reading is not blinded", where=image
            )
        if blinded and (act.person.id, image) in state.heat_maps_shown:
            raise NotAuthorisedError(
                "you were shown the heat map and the score of this image; your reading is not blinded", where=image
            )
        override = outcome is not None and outcome != reading
        if not reason and (blinded or override):
            raise _reason_needed(image, None if blinded else outcome)
        record = ImageRead(image=image, reading=reading, blinded=blinded, model_outcome=outcome, override=override)
        act.append(subject(batch), record, reason)
    return record


def _reason_needed(image: str, outcome: ImageOutcome | None) -> InvalidInputError:
    """The refusal of a reading without a reason; of a blinded one it does not tell what the model said."""
    what = "a blinded reading needs a reason: what was seen"
    if outcome is not None:
        what = f"the reading differs from the model's outcome ({outcome}) and needs a reason"
    return InvalidInputError(what, where=image, remedy="Give --reason.")
