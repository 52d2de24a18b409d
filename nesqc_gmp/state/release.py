"""What stands between a batch and its next step: pure rules over the folded state (21 CFR 11.10(f)).

Every function returns quietly or raises the one refusal that names what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping

from nesqc_gmp.decision.heterogeneity import largest
from nesqc_gmp.decision.morphology import MorphologyVerdict, ReadingOf, judge
from nesqc_gmp.decision.rules import worst
from nesqc_gmp.errors import NotAuthorisedError, NotFoundError, OutOfSequenceError
from nesqc_gmp.records.batches import Decision, ImageOutcome
from nesqc_gmp.records.images import Heterogeneity, Outcome
from nesqc_gmp.records.products import ManualTest, Specification
from nesqc_gmp.state.batches import Batch, Image, Reading


def require_open(batch: Batch) -> None:
    """No decision was made yet; a batch on hold can go on.

    Raises:
        OutOfSequenceError: The batch is released or rejected.
    """
    if batch.stage in {"released", "rejected"}:
        raise OutOfSequenceError(f"the batch is {batch.stage}; nothing can be added", where=batch.registered.batch)


def require_receiving(batch: Batch) -> None:
    """Images can be received: the set is not sealed.

    Raises:
        OutOfSequenceError: It is sealed.
    """
    require_open(batch)
    if batch.sealed:
        raise OutOfSequenceError(
            "the image set is sealed; no image can be added or changed",
            where=batch.registered.batch,
            remedy="Register a new batch, or reject this one.",
        )


def require_sealable(batch: Batch, specification: Specification) -> None:
    """The set fulfils the sampling plan and every likeness is explained.

    Raises:
        OutOfSequenceError: It does not.
    """
    require_receiving(batch)
    blocked = [name for name, image in batch.images.items() if image.blocked]
    if blocked:
        raise OutOfSequenceError(
            f"images are like others and nobody has explained why: {', '.join(blocked[:10])}",
            where=batch.registered.batch,
            remedy="Explain each with `nesqc batches explain`, or reject the batch.",
        )
    plan = specification.sampling
    if len(batch.cultures) < plan.cultures_min:
        raise OutOfSequenceError(
            f"the sampling plan asks for {plan.cultures_min} cultures; there are {len(batch.cultures)}",
            where=batch.registered.batch,
        )
    for culture in batch.cultures:
        # The same picture twice shows one field, whatever it was called and however that was explained.
        seen = (image.received for image in batch.images.values() if image.received.culture == culture)
        fields = len({received.facts.pixels_sha256 for received in seen})
        if fields < plan.fields_min:
            raise OutOfSequenceError(
                f"the sampling plan asks for {plan.fields_min} different fields; culture {culture} has {fields}",
                where=batch.registered.batch,
            )


def require_analysable(batch: Batch, reason: str | None) -> None:
    """The set is sealed, no attempt is running, and a repeat has a reason.

    Raises:
        OutOfSequenceError: One of these does not hold.
    """
    require_open(batch)
    where = batch.registered.batch
    if not batch.sealed:
        raise OutOfSequenceError("the image set is not sealed", where=where, remedy="Use `nesqc batches seal`.")
    if batch.open_attempt:
        raise OutOfSequenceError(f"attempt {batch.open_attempt.number} is still running", where=where)
    if any(attempt.completed for attempt in batch.attempts) and not reason:
        raise OutOfSequenceError(
            "the batch was analysed before; a repeat needs a reason, and every attempt counts",
            where=where,
            remedy="Give --reason.",
        )


def image(batch: Batch, name: str) -> Image:
    """One received image.

    Raises:
        NotFoundError: There is none of this name.
    """
    if name not in batch.images:
        raise NotFoundError(
            "there is no such image in the batch", where=name, remedy="See `nesqc batches show --images`."
        )
    return batch.images[name]


def model_outcome(batch: Batch, name: str) -> ImageOutcome | None:
    """What the last completed attempt said of an image."""
    for attempt in reversed(batch.attempts):
        if attempt.completed and name in attempt.scores:
            return attempt.scores[name].outcome
    return None


def differs(batch: Batch, reading: Reading) -> bool:
    """Whether a reading is another than the model's outcome; one that was made before the analysis is compared too."""
    found = model_outcome(batch, reading.read.image)
    return reading.read.override or (found is not None and found != reading.read.reading)


def morphology(batch: Batch, specification: Specification) -> MorphologyVerdict:
    """The image test as it stands now."""
    readings: dict[str, list[ReadingOf]] = {}
    for reading in batch.readings:
        readings.setdefault(reading.read.image, []).append(ReadingOf(reading.person, reading.read.reading))
    return judge(
        specification.morphology,
        [{n: s.outcome for n, s in attempt.scores.items()} for attempt in batch.attempts if attempt.completed],
        heterogeneity(batch),
        {name: image.received.culture for name, image in batch.images.items()},
        readings,
        len(batch.refused),
    )


def heterogeneity(batch: Batch) -> Mapping[str, Heterogeneity]:
    """Of each image that a completed attempt measured: the largest over the attempts."""
    found: dict[str, list[Heterogeneity]] = {}
    for attempt in batch.attempts:
        for name, scored in attempt.scores.items() if attempt.completed else ():
            if scored.prediction is not None:
                found.setdefault(name, []).append(scored.prediction.heterogeneity)
    return {name: largest(measured) for name, measured in found.items()}


def manual_outcome(batch: Batch, test: ManualTest) -> Outcome:
    """The outcome of a test done elsewhere: the least favourable of its results; undecided until one is verified."""
    results = [result for result in batch.results if result.recorded.test == test.test]
    if any(result.recorded.outcome == "not conforming" for result in results):
        return "not conforming"
    return "conforming" if results and all(result.verified_by for result in results) else "undecided"


def outcome(batch: Batch, specification: Specification) -> Outcome:
    """The outcome of all tests of the specification."""
    return worst(
        [
            morphology(batch, specification).outcome,
            *(manual_outcome(batch, test) for test in specification.manual),
        ]
    )


def require_submittable(batch: Batch, specification: Specification, person: str) -> None:
    """The work is complete.

    Raises:
        OutOfSequenceError: Something is missing.
    """
    require_open(batch)
    where = batch.registered.batch
    if not any(attempt.completed for attempt in batch.attempts) or batch.open_attempt:
        raise OutOfSequenceError("no analysis has been completed", where=where, remedy="Use `nesqc batches analyse`.")
    if batch.in_present_form(batch.submitted):
        raise OutOfSequenceError("the batch was submitted in its present form already", where=where)
    wanted = [
        name
        for name in batch.images
        if specification.morphology.reading == "every image"
        or (specification.morphology.undecided_images == "two readings" and model_outcome(batch, name) == "undecided")
    ]
    read = {reading.read.image for reading in batch.readings}
    if unread := [name for name in wanted if name not in read]:
        raise OutOfSequenceError(
            f"images wait for a person's reading: {', '.join(unread[:10])}"
            + (f" and {len(unread) - 10} more" if len(unread) > 10 else ""),
            where=where,
            remedy="Use `nesqc batches read`.",
        )
    if person not in batch.performers:
        raise NotAuthorisedError("only a person who did the work can submit it", where=where)


def require_reviewable(batch: Batch, person: str) -> None:
    """The batch was submitted as it is, and the reviewer did none of the work.

    Raises:
        OutOfSequenceError: It was not.
        NotAuthorisedError: The reviewer performed.
    """
    require_open(batch)
    where = batch.registered.batch
    if not batch.in_present_form(batch.submitted):
        raise OutOfSequenceError(
            "the batch is not submitted in its present form", where=where, remedy="Use `nesqc batches submit`."
        )
    if person in batch.performers or (batch.submitted and person == batch.submitted.person):
        raise NotAuthorisedError("nobody reviews their own work", where=where)
    if batch.in_present_form(batch.reviewed):
        raise OutOfSequenceError("the batch was reviewed in its present form already", where=where)


def require_audit_reviewable(batch: Batch, person: str) -> None:
    """The audit-trail reviewer did nothing on the batch (EU GMP Annex 11 draft 12.5).

    Raises:
        NotAuthorisedError: They acted on it.
    """
    require_open(batch)
    if person in _acted(batch):
        raise NotAuthorisedError(
            "an audit trail is reviewed by a person who did not act on the batch", where=batch.registered.batch
        )


def _acted(batch: Batch) -> frozenset[str]:
    """Everybody who entered content, submitted or reviewed, in this form or an earlier one."""
    return batch.contributors | batch.reviewers | ({batch.submitted.person} if batch.submitted else frozenset())


def require_disposable(batch: Batch, specification: Specification, person: str, decision: Decision) -> None:
    """A decision can be signed.

    Rejecting and holding are possible at any time before the final decision, by a person who did none of the work. A
    release needs every step, every signature over the present content, and every test conforming.

    Raises:
        OutOfSequenceError: A step is missing or a test does not conform.
        NotAuthorisedError: The person performed or reviewed.
    """
    require_open(batch)
    where = batch.registered.batch
    if person in _acted(batch):
        raise NotAuthorisedError("performer, reviewer and releaser are three different people", where=where)
    if batch.open_attempt:
        raise OutOfSequenceError(f"attempt {batch.open_attempt.number} is still running", where=where)
    if decision == "released":
        _require_releasable(batch, specification)


def _require_releasable(batch: Batch, specification: Specification) -> None:
    where = batch.registered.batch
    if not batch.in_present_form(batch.submitted):
        raise OutOfSequenceError("the batch is not submitted in its present form", where=where)
    if not batch.in_present_form(batch.reviewed):
        raise OutOfSequenceError("the batch is not reviewed in its present form", where=where)
    if batch.audit_review is None or not batch.in_present_form(batch.audit_reviewed):
        raise OutOfSequenceError(
            "the audit trail is not reviewed up to the last record", where=where, remedy="Use `nesqc audit review`."
        )
    last_act = max(signed.index for signed in (batch.submitted, batch.reviewed) if signed)
    if batch.audit_review.last < last_act:
        raise OutOfSequenceError(
            "records were added after the audit trail was reviewed", where=where, remedy="Use `nesqc audit review`."
        )
    if not batch.audit_review.acceptable:
        raise OutOfSequenceError("the audit-trail review found the trail not acceptable", where=where)
    found = outcome(batch, specification)
    if found != "conforming":
        raise OutOfSequenceError(
            f"the tests of the specification are {found}; a batch is released only where every test conforms",
            where=where,
            remedy="Reject the batch or place it on hold.",
        )
