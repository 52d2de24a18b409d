"""The periodic review: what happened since the last one, what is overdue, and what QA concludes.

EU GMP Annex 11 cl. 11; its consultation draft of 7 July 2025, section 14; Annex 22, consultation draft, section 10.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from nesqc_gmp.procedures.qualification.reports.common import (
    Tone,
    approval_card,
    deviation_blocks,
    how_to_check,
    moment,
    numbered,
    numbered_points,
    run_table,
)
from nesqc_gmp.procedures.qualification.reports.content import DeviationLine, RunLine, SiteLines
from nesqc_gmp.procedures.qualification.reports.standing import (
    AccessLine,
    AuditReviewLine,
    ChangeLine,
    IncidentLine,
    QualifiedLine,
    access_blocks,
    audit_review_blocks,
    change_blocks,
    incident_blocks,
    qualified_blocks,
)
from nesqc_gmp.records.base import Frozen, Instant
from nesqc_gmp.records.signatures import Statement
from nesqc_gmp.reports.document import (
    Block,
    Chart,
    Document,
    Facts,
    Heading,
    Limit,
    Paragraph,
    Series,
    Signatures,
    Table,
)

SUSPICIOUS_READINGS = 20
"""Readings after which it is asked why somebody never differed from the model."""


class InForce(Frozen):
    """A model or specification with its standing."""

    kind: Literal["model", "specification"]
    name: str
    standing: str
    detail: str


class MonthLine(Frozen):
    """What one model did in one month; every result of every attempt counts, those of aborted attempts too.

    Attributes:
        rejected: Images without a verdict because an input check failed.
        lower: Lower quartile of the scores of images that were judged; ``None`` without any.
        median: Their median.
        upper: Upper quartile.
    """

    month: str
    model: str
    images: int
    conforming: int
    not_conforming: int
    undecided: int
    rejected: int
    lower: str | None
    median: str | None
    upper: str | None
    conforming_from: str
    not_conforming_below: str


class ReaderLine(Frozen):
    """How one person read images beside the model.

    Attributes:
        compared: Readings of images that the model had judged; undecided is no judgement.
        agreed: Of these, readings that are the model's outcome.
        overrides: Readings that differ from what the model said, undecided included.
        blinded: Readings made before the score was shown.
    """

    person: str
    name: str
    readings: int
    compared: int
    agreed: int
    overrides: int
    blinded: int

    @property
    def never_differed(self) -> bool:
        """Whether it has to be asked if the person looks at all."""
        return self.readings >= SUSPICIOUS_READINGS and not self.overrides


class PeopleCounts(Frozen):
    """Events about people in the period."""

    logins: int
    failed: tuple[tuple[str, int], ...]
    locked: tuple[tuple[str, int], ...]
    resets: tuple[tuple[str, int], ...]
    granted: tuple[str, ...]
    ended: tuple[str, ...]


class BackupLine(Frozen):
    """A backup or the test of one.

    Attributes:
        kind: What was done.
        result: What came of it.
    """

    kind: Literal["backup", "restore test", "restore"]
    backup: str
    time: Instant
    size: int
    result: str


class Anchors(Frozen):
    """What proves the log outside the site.

    Attributes:
        exported: Checkpoints written out in the period: time and size.
        certificates: Certificates issued, withdrawn and replaced in the period.
        unanchored: Entries after the last checkpoint or certificate.
    """

    exported: tuple[tuple[Instant, int], ...]
    certificates: tuple[tuple[str, int], ...]
    unanchored: int


class ReviewContent(Frozen):
    """What the report says.

    Attributes:
        since: First day that was looked at.
        until: Last day.
        made: When it was gathered.
        size: Size of the log at that moment.
        previous: The review before: number, last day, conclusion; empty where there was none.
        overdue: What should have been done and was not.
        refused: Acts that were refused in the period, with how often.
        attempts: Analyses in the period: completed, aborted, failed, open, repeated.
        decisions: Batches decided in the period.
    """

    format: Literal["nesqc periodic review v1"] = "nesqc periodic review v1"
    site: SiteLines
    since: str
    until: str
    made: Instant
    size: int
    previous: tuple[str, ...]
    overdue: tuple[str, ...]
    qualified: QualifiedLine | None
    software: tuple[str, ...]
    in_force: tuple[InForce, ...]
    changes: tuple[ChangeLine, ...]
    runs: tuple[RunLine, ...]
    deviations: tuple[DeviationLine, ...]
    incidents: tuple[IncidentLine, ...]
    refused: tuple[tuple[str, int], ...]
    access: tuple[AccessLine, ...]
    people: PeopleCounts
    audit_reviews: tuple[AuditReviewLine, ...]
    waiting: tuple[str, ...]
    readers: tuple[ReaderLine, ...]
    attempts: tuple[tuple[str, int], ...]
    decisions: tuple[tuple[str, int], ...]
    months: tuple[MonthLine, ...]
    backups: tuple[BackupLine, ...]
    anchors: Anchors


def document(
    content: ReviewContent, number: str, verdict: tuple[bool, str] | None, approval: Statement | None
) -> Document:
    """The report.

    Args:
        content: What was found.
        number: Number of the review.
        verdict: Whether the system remains in its validated state, and why; ``None`` before QA concludes.
        approval: The statement that QA signs; ``None`` before.
    """
    site = content.site
    remains, why = verdict or (False, "")
    word, sentence = "NOT CONCLUDED", "Nobody has concluded on this review."
    tone: Tone = "open" if verdict is None else "good" if remains else "bad"
    if verdict is not None:
        word = "REMAINS VALIDATED" if remains else "DOES NOT REMAIN"
        sentence = f"QA concludes that the system {'remains' if remains else 'does NOT remain'} in its validated state."
    return numbered(
        content,
        site,
        kind="Periodic review No.",
        number=number,
        notes=(f"{content.since} to {content.until}",),
        title="Periodic review",
        subtitle=f"What happened from {content.since} to {content.until}, what is overdue, and what follows",
        conclusion=(
            word,
            tone,
            (
                sentence,
                *((f"Why: {why}",) if why else ()),
                f"{len(content.overdue)} items are overdue or open. What is not in the log is not in this report: "
                "instruments, training, procedures and the computer are looked at on the review sheet of the site.",
            ),
        ),
        facts=(
            ("Purpose of the site", site.purpose),
            ("Software", ", ".join(content.software) or site.software),
            ("Gathered", moment(content.made)),
            ("Entries of the log", str(content.size)),
            ("Review before", ", ".join(content.previous) or "none"),
            ("Origin of the log", site.origin),
        ),
        blocks=(
            *numbered_points("Overdue and open", content.overdue, "Nothing that the log shows."),
            Heading("Electronic signature"),
            Signatures((approval_card(approval),)),
            *qualified_blocks(content.qualified),
            *_in_force(content),
            *change_blocks(content.changes),
            *_runs(content),
            *incident_blocks(content.incidents),
            *_refused(content),
            *access_blocks(content.access, "Access at the end of the period"),
            *_people(content.people),
            *audit_review_blocks(content.audit_reviews, content.waiting),
            *_months(content),
            *_readers(content),
            *_work(content),
            *_backups(content),
            *_anchors(content.anchors),
            *how_to_check(),
        ),
        approval=approval,
    )


def _in_force(content: ReviewContent) -> Iterator[Block]:
    yield Heading("Models and specifications")
    if content.in_force:
        rows = tuple((line.kind, line.name, line.standing, line.detail) for line in content.in_force)
        yield Table(("Kind", "Name", "Standing", "Digest, or model it names"), rows)
    else:
        yield Paragraph("None.")


def _runs(content: ReviewContent) -> Iterator[Block]:
    yield Heading("Qualification in the period")
    yield run_table(content.runs) if content.runs else Paragraph("No run was opened.")
    if content.deviations:
        yield from deviation_blocks(content.deviations)
    else:
        yield Paragraph("No deviation is recorded.")


def _counts(heading: str, names: tuple[str, str], counts: tuple[tuple[str, int], ...]) -> Iterator[Block]:
    yield Heading(heading)
    if counts:
        yield Table(names, tuple((name, str(count)) for name, count in counts), "", (1,))
    else:
        yield Paragraph("None.")


def _refused(content: ReviewContent) -> Iterator[Block]:
    yield from _counts("Acts that were refused", ("Act, and class of the refusal", "Times"), content.refused)


def _listed(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts) or "none"


def _people(people: PeopleCounts) -> Iterator[Block]:
    yield Heading("Logins and changes of access in the period")
    yield Facts(
        (
            ("Logins", str(people.logins)),
            ("Wrong id or passphrase", _listed(people.failed)),
            ("Accounts that were locked", _listed(people.locked)),
            ("Resets of a passphrase", _listed(people.resets)),
            ("Roles granted", "\n".join(people.granted) or "none"),
            ("Roles revoked, accounts closed", "\n".join(people.ended) or "none"),
        )
    )


def _months(content: ReviewContent) -> Iterator[Block]:
    yield Heading("What the models did, month by month")
    if not content.months:
        yield Paragraph("No image was scored in the period.")
        return
    head = ("Month", "Model", "Images", "Conforming", "Not conforming", "Undecided", "Refused by input check",
            "Scores: quartiles")  # fmt: skip
    rows = tuple(
        (m.month, m.model, str(m.images), str(m.conforming), str(m.not_conforming), str(m.undecided), str(m.rejected),
         "none" if m.median is None else f"{m.lower} / {m.median} / {m.upper}")
        for m in content.months
    )  # fmt: skip
    caption = "Every result of every attempt. Scores of refused images count for nothing and are left out."
    yield Table(head, rows, caption, (2, 3, 4, 5, 6))
    months = tuple(sorted({line.month for line in content.months}))
    yield _shares(content, months)
    for model in sorted({line.model for line in content.months}):
        yield _drift([line for line in content.months if line.model == model], months)


def _shares(content: ReviewContent, months: tuple[str, ...]) -> Chart:
    totals = [
        (place, [line for line in content.months if line.month == month]) for place, month in enumerate(months, start=1)
    ]

    def shares(name: str, part: str) -> Series:
        values = tuple(
            100 * sum(getattr(line, part) for line in lines) / sum(line.images for line in lines) for _, lines in totals
        )
        return Series(name, tuple(float(place) for place, _ in totals), values)

    series = (shares("undecided", "undecided"), shares("refused by input check", "rejected"))
    highest = max(10.0, *(share for one in series for share in one.y))
    return Chart(
        "Undecided and refused images", "month", "share of the images, %", series,
        y_range=(0.0, highest), x_names=months,
        caption="Of all images that were scored in the month, all models together.",
    )  # fmt: skip


def _drift(lines: list[MonthLine], months: tuple[str, ...]) -> Chart:
    judged = [(line, line.lower, line.median, line.upper) for line in lines if line.median is not None]
    series = Series(
        "median",
        tuple(float(months.index(line.month) + 1) for line, *_ in judged),
        tuple(float(median or 0) for *_, median, _ in judged),
        tuple(float(lower or 0) for _, lower, _, _ in judged),
        tuple(float(upper or 0) for *_, upper in judged),
        style="points",
    )
    limits = (
        Limit(float(lines[0].conforming_from), "from: conforming"),
        Limit(float(lines[0].not_conforming_below), "below: not conforming"),
    )
    return Chart(
        f"Scores of {lines[0].model}", "month", "score of the image", (series,), limits,
        y_range=(0.0, 1.0), x_names=months,
        caption="Median, and the range from the lower to the upper quartile. A shift says that images, cells, "
        "microscopes or people changed; it does not say which.",
    )  # fmt: skip


def _readers(content: ReviewContent) -> Iterator[Block]:
    yield Heading("Readers and the model")
    if not content.readers:
        yield Paragraph("Nobody read an image in the period.")
        return
    rows = tuple(
        (line.name, line.person, str(line.readings), str(line.blinded), f"{line.agreed} of {line.compared}",
         str(line.overrides), "never differed from the model" if line.never_differed else "")
        for line in content.readers
    )  # fmt: skip
    head = ("Reader", "Id", "Readings", "Blinded", "Agreed", "Overrides", "To be asked")
    caption = (
        "Agreed: of images that the model called conforming or not conforming. Overrides: readings that differ from "
        f"what the model said, undecided included. After {SUSPICIOUS_READINGS} readings without one, ask why."
    )
    yield Table(head, rows, caption, (2, 3, 4, 5))


def _work(content: ReviewContent) -> Iterator[Block]:
    yield from _counts("Analyses", ("Attempts", "Count"), content.attempts)
    yield from _counts("Decisions about batches", ("Decision", "Count"), content.decisions)


def _backups(content: ReviewContent) -> Iterator[Block]:
    yield Heading("Backups and restore tests")
    if not content.backups:
        yield Paragraph("None is recorded in the period.")
        return
    rows = tuple((line.kind, line.backup, moment(line.time), str(line.size), line.result) for line in content.backups)
    yield Table(("What", "Backup", "When", "Entries", "Result"), rows, "", (3,))


def _anchors(anchors: Anchors) -> Iterator[Block]:
    yield Heading("Proofs kept elsewhere")
    exported = "; ".join(f"{moment(time)}, {size} entries" for time, size in anchors.exported)
    yield Facts(
        (
            ("Checkpoints written out", exported or "none"),
            ("Certificates", _listed(anchors.certificates)),
            (
                "Entries after the last of them",
                f"{anchors.unanchored}: who holds the key of the log could rewrite them",
            ),
        )
    )
