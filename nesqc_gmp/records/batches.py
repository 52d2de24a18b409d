"""Records of the life of a batch, from registration to disposition."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from nesqc_gmp.records.base import DateText, DecimalText, Frozen, Identifier, Line, Sha256, Text
from nesqc_gmp.records.images import (
    Duplicate,
    FrameFacts,
    InputCheck,
    InputFinding,
    Outcome,
    Prediction,
    RuntimeFacts,
)
from nesqc_gmp.records.signatures import ElectronicSignature

ImageOutcome = Literal["conforming", "not conforming", "undecided", "rejected by input check"]
"""An image that fails the input check gets no verdict."""

Ending = Literal["completed", "aborted", "failed"]
Decision = Literal["released", "rejected", "on hold"]
MomentText = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?([+-]\d\d:\d\d|Z)$")
]
"""A moment with its offset, ISO 8601."""


class BatchRegistered(Frozen):
    """A batch was registered against an approved specification.

    Attributes:
        batch: Batch number, used once.
        specification_id: Product code and version.
        line_code: Pseudonymous code of the cell line or donor; no personal data.
        manufactured_on: Date of manufacture.
        expires_on: Expiry date.
    """

    kind: Literal["batch_registered"] = "batch_registered"
    batch: Identifier
    specification_id: Identifier
    line_code: Identifier
    manufactured_on: DateText
    expires_on: DateText


class ImageReceived(Frozen):
    """The original bytes of an image were stored.

    Attributes:
        image: Id of the image within the batch: culture and field.
        culture: Culture (vessel) it shows.
        passage: Passage number.
        field: Field of view.
        captured_at: Capture time, where the sample sheet gives it.
        pixel_size_um: Pixel edge in micrometres, from the file or else from the sample sheet.
        file_name: Name of the file it came from.
        facts: Facts of the file.
        duplicates: Images it is like; each blocks the seal until it is explained.
    """

    kind: Literal["image_received"] = "image_received"
    image: Identifier
    culture: Identifier
    passage: int = Field(ge=0, le=1000)
    field: Identifier
    captured_at: MomentText | None
    pixel_size_um: DecimalText | None
    file_name: Text
    facts: FrameFacts
    duplicates: tuple[Duplicate, ...]


class ImageRefused(Frozen):
    """A file was refused; its bytes are kept and it counts as submitted.

    Attributes:
        file_name: Name of the file.
        sha256: Digest of its bytes.
        why: The reason.
    """

    kind: Literal["image_refused"] = "image_refused"
    file_name: Text
    sha256: Sha256
    why: Text


class DuplicateExplained(Frozen):
    """A person explained a likeness; the reason is the explanation."""

    kind: Literal["duplicate_explained"] = "duplicate_explained"
    image: Identifier


class ImageSetSealed(Frozen):
    """The set of images is final; no image can be added or left out after this.

    Attributes:
        images: Every image with the digest of its original bytes.
        refused: Count of files that were refused at receipt.
    """

    kind: Literal["image_set_sealed"] = "image_set_sealed"
    images: Annotated[int, Field(ge=1)]
    images_sha256: Sha256
    refused: int


class AttemptOpened(Frozen):
    """An attempt at analysis begins; committed before any score exists.

    Attributes:
        attempt: Number of the attempt, counted from 1.
        model_sha256: Digest of the package.
        images: Images to be scored.
        runtime: The environment.
        process: Id of the process, to tell a running attempt from an interrupted one.
    """

    kind: Literal["attempt_opened"] = "attempt_opened"
    attempt: int
    model_sha256: Sha256
    images: int
    runtime: RuntimeFacts
    process: str


class ImageScored(Frozen):
    """The result of one image; committed before it is shown.

    Attributes:
        attempt: Number of the attempt.
        image: The image.
        sha256: Digest of the original bytes, hashed again at this use.
        check: The input check by the specification.
        model_check: The input check by the model; empty where the first check failed.
        prediction: What the model says, ``None`` where the input check by the specification failed.
        outcome: The outcome; an image outside the input space gets none of the three.
    """

    kind: Literal["image_scored"] = "image_scored"
    attempt: int
    image: Identifier
    sha256: Sha256
    check: InputCheck
    model_check: tuple[InputFinding, ...]
    prediction: Prediction | None
    outcome: ImageOutcome

    @property
    def judged_score(self) -> str | None:
        """The score as people see it: none where the image was rejected (EU GMP Annex 22 draft 3.1)."""
        return None if self.prediction is None or self.outcome == "rejected by input check" else self.prediction.score


class RuleResult(Frozen):
    """One rule applied.

    Attributes:
        rule: Id of the rule.
        about: The culture, or the batch.
        measured: What was measured, exact.
        limit: What the specification asks.
        outcome: What the rule says.
    """

    rule: str
    about: str
    measured: str
    limit: str
    outcome: Outcome


class AttemptClosed(Frozen):
    """An attempt ended; an aborted or failed one stays visible for ever.

    Attributes:
        attempt: Number of the attempt.
        ending: How it ended.
        scored: Images with a result.
        detail: What happened.
    """

    kind: Literal["attempt_closed"] = "attempt_closed"
    attempt: int
    ending: Ending
    scored: int
    detail: Text


class ImageRead(Frozen):
    """A person's own reading of an image; it never changes what the model said.

    Attributes:
        image: The image.
        reading: The person's outcome.
        blinded: Whether the score was withheld until the reading was recorded.
        model_outcome: What the model had said, ``None`` before any attempt.
        override: Whether the reading differs from the model's outcome; then the entry has a reason.
    """

    kind: Literal["image_read"] = "image_read"
    image: Identifier
    reading: Outcome
    blinded: bool
    model_outcome: ImageOutcome | None
    override: bool


class HeatMapShown(Frozen):
    """A person was shown the heat map of an image, made from the prediction that an attempt had recorded.

    Attributes:
        attempt: Number of the attempt.
        image: The image.
        png_sha256: Digest of the PNG file that was written for the person.
    """

    kind: Literal["heat_map_shown"] = "heat_map_shown"
    attempt: int
    image: Identifier
    png_sha256: Sha256


class ResultRecorded(Frozen):
    """The result of a test done elsewhere.

    Attributes:
        test: Id of the test in the specification.
        value: The result as measured.
        outcome: By the acceptance criterion.
        performed_on: Day of the test.
        evidence_name: Name of the evidence file.
        evidence_sha256: Digest of the evidence file.
        signature: Signature of the person who performed it.
    """

    kind: Literal["result_recorded"] = "result_recorded"
    test: Identifier
    value: Text
    outcome: Literal["conforming", "not conforming"]
    performed_on: DateText
    evidence_name: Text
    evidence_sha256: Sha256
    signature: ElectronicSignature


class ResultVerified(Frozen):
    """A second person compared a recorded result with its evidence."""

    kind: Literal["result_verified"] = "result_verified"
    test: Identifier
    recorded_index: int
    signature: ElectronicSignature


class BatchSubmitted(Frozen):
    """The operator declares the work complete."""

    kind: Literal["batch_submitted"] = "batch_submitted"
    signature: ElectronicSignature


class BatchReviewed(Frozen):
    """The reviewer has gone through data, attempts and exceptions.

    Attributes:
        deviations: References of deviations that belong to this batch.
        comment: What the reviewer noted.
    """

    kind: Literal["batch_reviewed"] = "batch_reviewed"
    deviations: tuple[Text, ...]
    comment: Line
    signature: ElectronicSignature


class ExceptionAssessed(Frozen):
    """One exception of an audit-trail review.

    Attributes:
        index: Index of the entry.
        what: What the entry is.
        assessment: What the reviewer says of it.
    """

    index: int
    what: Text
    assessment: Text


class AuditTrailReviewed(Frozen):
    """The audit trail of the batch was read by a person who did none of the work (EU GMP Annex 11 cl. 9).

    Attributes:
        first: Index of the first entry reviewed.
        last: Index of the last entry reviewed: the bound against which a release is checked.
        entries: Count of entries reviewed.
        exceptions: Every exception with its assessment.
        sample_seed: Seed of the random sample.
        sample: Indexes of the sampled entries.
        conclusion: What the reviewer concludes.
        acceptable: Whether nothing stands against a disposition.
    """

    kind: Literal["audit_trail_reviewed"] = "audit_trail_reviewed"
    first: int
    last: int
    entries: int
    exceptions: tuple[ExceptionAssessed, ...]
    sample_seed: str
    sample: tuple[int, ...]
    conclusion: Line
    acceptable: bool
    signature: ElectronicSignature


class BatchDisposed(Frozen):
    """A person decided about the batch; a score never does.

    Attributes:
        decision: The decision.
        outcome: The outcome of all tests at that moment.
        comment: What the person says.
    """

    kind: Literal["batch_disposed"] = "batch_disposed"
    decision: Decision
    outcome: Outcome
    comment: Line
    signature: ElectronicSignature
