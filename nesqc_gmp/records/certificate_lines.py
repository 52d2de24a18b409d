"""The lines of a QC certificate: the values that its content is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from nesqc_gmp.records.base import DateText, DecimalText, Frozen, Identifier, Sha256, Text
from nesqc_gmp.records.batches import Ending, ImageOutcome
from nesqc_gmp.records.images import Heterogeneity, Outcome

LineOutcome = ImageOutcome | Literal["not analysed"]
"""Outcome of one image of the sealed set; *not analysed* where no attempt got as far."""

Count = Annotated[int, Field(ge=0)]
OptionalText = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"
LocalTime = Annotated[str, StringConstraints(pattern=rf"^{_MOMENT}[+-]\d\d:\d\d$")]
"""Local time with its offset, as ``Instant.local``."""

UtcTime = Annotated[str, StringConstraints(pattern=rf"^{_MOMENT}Z$")]
"""Universal time, as ``Instant.utc``."""


class IssuingSite(Frozen):
    """Who issues: name, address, number of the manufacturing authorisation."""

    name: Text
    address: Text
    authorisation: Text


class ProductLines(Frozen):
    """The product.

    Attributes:
        name: Name.
        code: Product code.
        form: Pharmaceutical form.
        strength: Strength and pack.
        storage: Storage condition.
        authorisation: Marketing authorisation or trial number.
    """

    name: Text
    code: Text
    form: Text
    strength: Text
    storage: Text
    authorisation: Text


class BatchLines(Frozen):
    """The batch.

    Attributes:
        number: Batch number.
        line_code: Pseudonymous code of the cell line or donor.
        cultures: Culture ids.
        passages: Passage or passages, as text.
        manufactured_on: Date of manufacture.
        expires_on: Expiry date.
        retained_until: Day until which the records are kept.
    """

    number: Identifier
    line_code: Identifier
    cultures: tuple[Identifier, ...]
    passages: Text
    manufactured_on: DateText
    expires_on: DateText
    retained_until: DateText


class SpecificationLines(Frozen):
    """The specification.

    Attributes:
        identifier: Product code and version.
        sha256: Digest of its canonical JSON.
        sampling_plan: The sampling plan in words.
        heterogeneity_max: Largest upper bound of the heterogeneity of appearance of a culture; ``None``: no limit.
        approved_by: Who approved it.
    """

    identifier: Identifier
    sha256: Sha256
    sampling_plan: Text
    heterogeneity_max: DecimalText | None
    approved_by: Text


class TestLine(Frozen):
    """One test of the specification.

    Attributes:
        number: Counted from 1.
        name: Printed name.
        method: Method.
        sop: Number and version of the procedure.
        criterion: Acceptance criterion.
        result: Result with its unit.
        outcome: Outcome against the criterion.
        performed_by: Printed name of the person.
        verified_by: Printed name of the second person; empty where the specification asks for none.
    """

    __test__ = False  # not a test of pytest

    number: int
    name: Text
    method: Text
    sop: Text
    criterion: Text
    result: Text
    outcome: Outcome
    performed_by: Text
    verified_by: OptionalText


class Counts(Frozen):
    """Where every submitted image went; the sum of the parts is what was submitted.

    Attributes:
        submitted: Files handed in.
        refused: Files that could not be received as images.
        conforming: Images.
        not_conforming: Images.
        undecided: Images.
        rejected: Images without a verdict because the input check failed.
        not_analysed: Images that no attempt reached.
    """

    submitted: Count
    refused: Count
    conforming: Count
    not_conforming: Count
    undecided: Count
    rejected: Count
    not_analysed: Count


class CultureLine(Frozen):
    """One culture.

    Attributes:
        culture: Culture id.
        images: Images of the sealed set.
        conforming: Images.
        not_conforming: Images.
        undecided: Images.
        rejected: Images that failed the input check.
        not_analysed: Images that no attempt reached.
        median_score: Median of the scores, ``None`` without any.
        lowest_score: Lowest score, ``None`` without any.
        heterogeneity: Mean over its valid images.
        outcome: Outcome of the culture by the rules of the specification.
    """

    culture: Identifier
    images: Count
    conforming: Count
    not_conforming: Count
    undecided: Count
    rejected: Count
    not_analysed: Count
    median_score: DecimalText | None
    lowest_score: DecimalText | None
    heterogeneity: Heterogeneity
    outcome: Outcome


class ImageLine(Frozen):
    """One image of the sealed set.

    Attributes:
        image: Image id.
        culture: Culture id.
        field: Field of view.
        score: Score of the model, ``None`` without one.
        outcome: Outcome by the thresholds.
        heterogeneity: How unlike its places are; ``None`` without a score.
        reason: Why there is no score; empty where there is one.
    """

    image: Identifier
    culture: Identifier
    field: Identifier
    score: DecimalText | None
    heterogeneity: Heterogeneity | None
    outcome: LineOutcome
    reason: OptionalText


class ReadingLine(Frozen):
    """A person's own reading of one image.

    Attributes:
        image: Image id.
        reader: Printed name.
        reading: What the person read.
        blinded: Whether the score was withheld until then.
        override: Whether the reading differs from the model's outcome, be it from before the analysis or after it.
        reason: Why, where it differed when it was made, or was blinded.
    """

    image: Identifier
    reader: Text
    reading: Outcome
    blinded: bool
    override: bool
    reason: OptionalText


class AttemptLine(Frozen):
    """One attempt at analysis, completed or not.

    Attributes:
        number: Counted from 1.
        opened: Local time with offset.
        closed: Local time with offset; ``None`` while it is open.
        ending: How it ended.
        scored: Images with a result.
        detail: What happened.
    """

    number: int
    opened: LocalTime
    closed: LocalTime | None
    ending: Ending | Literal["interrupted"]
    scored: Count
    detail: OptionalText


class AmendmentLine(Frozen):
    """One change of something recorded before: when, who, what, why."""

    when: LocalTime
    person: Text
    what: Text
    reason: Text


class LateEntryLine(Frozen):
    """Something entered well after it was done (EU GMP Annex 11 cl. 16).

    Attributes:
        what: Printed name of the test, or the count of images.
        happened: Day of the test, or first to last day of capture.
        entered: Day of the entry, or first to last day of receipt.
        person: Printed name of who entered it.
        reason: Why; empty for images.
    """

    what: Text
    happened: Text
    entered: Text
    person: Text
    reason: OptionalText


class RemarkLine(Frozen):
    """What a reviewer or the deciding person wrote: who, and the text."""

    person: Text
    text: Text


class ModelLines(Frozen):
    """The locked model.

    Attributes:
        name: Name.
        version: Version.
        sha256: Digest of the package.
        intended_use: What it is for, and not for.
        conforming_from: Scores at or above this are conforming.
        not_conforming_below: Scores below this are not conforming.
        self_test: Result of the golden run.
        runtime: Runtime and provider.
        approved: Who approved it for use, and when.
        demonstration: Whether the model is for demonstration only.
    """

    name: Text
    version: Text
    sha256: Sha256
    intended_use: Text
    conforming_from: DecimalText
    not_conforming_below: DecimalText
    self_test: Text
    runtime: Text
    approved: Text
    demonstration: bool


class AuditReviewLine(Frozen):
    """The review of the audit trail.

    Attributes:
        reviewer: Printed name.
        first: Index of the first entry.
        last: Index of the last entry.
        exceptions: Count of exceptions, each with its assessment.
        conclusion: What the reviewer concludes.
    """

    reviewer: Text
    first: Count
    last: Count
    exceptions: Count
    conclusion: Text


class Manifestation(Frozen):
    """One electronic signature as printed (21 CFR 11.50).

    Attributes:
        person: Person id.
        name: Printed name.
        role: Role in which the person signed.
        meaning: Meaning, a colon, and its sentence.
        local: Local time with offset.
        utc: The same moment in UTC.
        statement_sha256: Digest of the signed statement.
    """

    person: Identifier
    name: Text
    role: Text
    meaning: Text
    local: LocalTime
    utc: UtcTime
    statement_sha256: Sha256


class ResultManifestation(Manifestation):
    """An electronic signature on the result of a test done elsewhere, or on its verification.

    Attributes:
        test: Printed name of the test.
    """

    test: Text


class LogAnchor(Frozen):
    """State of the log to which the certificate is an outside anchor.

    Attributes:
        origin: Origin of the log.
        size: Count of entries.
        root: Root hash, Base64.
        disposition_index: Index of the entry with the disposition.
    """

    origin: Text
    size: Annotated[int, Field(ge=1)]
    root: Text
    disposition_index: Count


class ExampleImage(Frozen):
    """A picture in the annex.

    Attributes:
        image: Image id.
        thumbnail_sha256: Digest of the thumbnail's JPEG file.
        heat_map_sha256: Digest of the JPEG file of the thumbnail with the heat map laid over.
    """

    image: Identifier
    thumbnail_sha256: Sha256
    heat_map_sha256: Sha256
