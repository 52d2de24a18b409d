"""The annex: the evidence behind the verdict, and how to check it without this software."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportlab.lib.colors import white
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, Table, TableStyle

from nesqc_gmp.certificate import wording
from nesqc_gmp.certificate.figures import OutcomeMark, QrCode
from nesqc_gmp.certificate.heterogeneity import heterogeneity
from nesqc_gmp.certificate.histogram import Histogram
from nesqc_gmp.certificate.pictures import Example, gallery
from nesqc_gmp.certificate.style import (
    ANNEX,
    BODY,
    CAPTION,
    CELL,
    CELL_NUMBER,
    CELL_STRONG,
    DIGEST,
    DIGEST_LARGE,
    LABEL,
    SMALL,
    WIDTH,
    text,
)
from nesqc_gmp.certificate.tables import Column, Field, grid, listing, section
from nesqc_gmp.records.certificate_lines import AmendmentLine, ImageLine, LateEntryLine
from nesqc_gmp.records.certificates import CertificateContent, score_histogram

COUNT_LABELS = (
    ("conforming", "Conforming"),
    ("not_conforming", "Not conforming"),
    ("undecided", "Undecided"),
    ("rejected", "Rejected by input check"),
    ("not_analysed", "Not analysed"),
    ("refused", "Refused at receipt"),
)
QR_EDGE = 30 * mm


def annex(content: CertificateContent, shown: Sequence[Example], record_sha256: str) -> list[Flowable]:
    """Everything after the first page."""
    return [
        text("Annex: evidence and verification", ANNEX),
        *_scores(content),
        *_examples(content, shown),
        *_cultures(content),
        *heterogeneity(content),
        *_attempts(content),
        *_people(content),
        *_result_signatures(content),
        *_integrity(content, record_sha256),
        *_images(content),
    ]


def _scores(content: CertificateContent) -> list[Flowable]:
    counts = _counts(content)
    if not any(line.score for line in content.images):
        return [*section("Where every image went"), counts]
    plot = Histogram(
        score_histogram(content.images),
        lower=content.model.not_conforming_below,
        upper=content.model.conforming_from,
        width=112 * mm,
        height=56 * mm,
    )
    table = Table([[plot, counts]], colWidths=[116 * mm, WIDTH - 116 * mm])
    table.setStyle(_bare())
    return [*section("Scores, and where every image went"), table]


def _counts(content: CertificateContent) -> Table:
    values = content.counts.model_dump()
    rows = [[text(label), text(str(values[name]), CELL_NUMBER)] for name, label in COUNT_LABELS]
    rows.append([text("Submitted (sum)", CELL_STRONG), text(str(content.counts.submitted), CELL_NUMBER)])
    return listing((Column("Images", 44), Column("Count", 20, number=True)), rows, WIDTH - 116 * mm)


def _examples(content: CertificateContent, shown: Sequence[Example]) -> list[Flowable]:
    if not shown:
        return []
    return [*section("Example images", 105 * mm), *gallery(shown, content.heat_map_legend)]


def _cultures(content: CertificateContent) -> list[Flowable]:
    names = ("Images", "Conforming", "Not conforming", "Undecided", "Rejected", "Not analysed", "Median", "Lowest")
    shares = (13, 19, 19, 18, 16, 17, 15, 15)
    numbers = (Column(name, share, number=True) for name, share in zip(names, shares, strict=True))
    columns = (Column("Culture", 22), *numbers, Column("Outcome", 26))
    rows = [
        [
            text(line.culture, CELL_STRONG),
            *(
                text(str(value), CELL_NUMBER)
                for value in (
                    line.images,
                    line.conforming,
                    line.not_conforming,
                    line.undecided,
                    line.rejected,
                    line.not_analysed,
                    line.median_score or "–",
                    line.lowest_score or "–",
                )
            ),
            OutcomeMark(line.outcome, line.outcome.capitalize()),
        ]
        for line in content.cultures
    ]
    body = listing(columns, rows) if rows else text("None.", BODY)
    return [*section("Results per culture"), body]


def _attempts(content: CertificateContent) -> list[Flowable]:
    columns = (
        Column("No.", 9, number=True),
        Column("Opened", 43),
        Column("Closed", 43),
        Column("Ending", 20),
        Column("Scored", 15, number=True),
        Column("Detail", 50),
    )
    rows = [
        [
            text(str(line.number), CELL_NUMBER),
            text(wording.moment(line.opened)),
            text(wording.moment(line.closed) if line.closed else "–"),
            text(line.ending, CELL_STRONG),
            text(str(line.scored), CELL_NUMBER),
            text(line.detail or "–"),
        ]
        for line in content.attempts
    ]
    body = listing(columns, rows) if rows else text("None.", BODY)
    return [*section("Attempts at analysis"), body]


def _people(content: CertificateContent) -> list[Flowable]:
    """What people read, changed, found and wrote; each part says "none" where there is nothing."""
    overrides = [line for line in content.readings if line.override]
    blinded = sum(line.blinded for line in content.readings)
    review = content.audit_review
    readings = f"Readings by people: {len(content.readings)}; declared as made before seeing the score: {blinded}; "
    readings += f"different from the classifier: {len(overrides)}."
    parts: list[tuple[str, list[str]]] = [
        (
            "Readings",
            [readings, *(f"{line.image}: {line.reader} read “{line.reading}”. {line.reason}" for line in overrides)],
        ),
        (
            "Amendments",
            [_amendment(line) for line in content.amendments],
        ),
        ("Late entries", [_late_entry(line) for line in content.late_entries]),
        ("Deviations", list(content.deviations)),
        ("Remarks", [f"{line.person}: {line.text}" for line in content.remarks]),
        (
            "Audit trail",
            [
                f"Reviewed by {review.reviewer}: entries {review.first} to {review.last}, {review.exceptions} "
                f"exceptions, each assessed. {review.conclusion}"
            ]
            if review
            else ["Not reviewed."],
        ),
    ]
    rows = [
        [text(label if number == 0 else "", LABEL), text(line, CELL)]
        for label, lines in parts
        for number, line in enumerate(lines or ["None."])
    ]
    table = Table(rows, colWidths=[24 * mm, WIDTH - 24 * mm])
    table.setStyle(TableStyle([*_bare().getCommands(), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)]))
    return [*section("Readings, amendments, late entries, deviations, remarks"), table]


def _amendment(line: AmendmentLine) -> str:
    return f"{wording.moment(line.when)}, {line.person}: {line.what.rstrip('.')}. Reason: {line.reason}"


def _late_entry(line: LateEntryLine) -> str:
    reason = f" Reason: {line.reason}" if line.reason else ""
    return f"{line.what}: done {line.happened}, entered {line.entered}, {line.person}.{reason}"


def _result_signatures(content: CertificateContent) -> list[Flowable]:
    """Who signed the results of the other tests; what each meaning says stands once below the table."""
    signed = content.result_manifestations
    if not signed:
        return []
    columns = (
        Column("Test", 38),
        Column("Signed by", 47),
        Column("Meaning", 19),
        Column("Local time", 40),
        Column("Universal time", 36),
    )
    rows = [
        [
            text(line.test),
            text(f"{line.name}, {line.role}", CELL_STRONG),
            text(line.meaning.partition(":")[0]),
            text(wording.moment(line.local)),
            text(wording.moment(line.utc)),
        ]
        for line in signed
    ]
    meanings = " ".join(
        f"{meaning.capitalize()}: “{sentence}”"
        for meaning, _, sentence in dict.fromkeys(line.meaning.partition(": ") for line in signed)
    )
    caption = text(f"{meanings} The signed statements and their digests are in record.json and the evidence.", CAPTION)
    return [*section("Electronic signatures on results of other tests"), listing(columns, rows), Spacer(1, 2), caption]


def _integrity(content: CertificateContent, record_sha256: str) -> list[Flowable]:
    payload = f"NESQC1/{content.certificate}/{content.revision}/{record_sha256.upper()}"
    steps = [text(f"{number}. {step}", SMALL) for number, step in enumerate(wording.VERIFICATION, start=1)]
    right = [
        text("Record digest: SHA-256 of the attached file record.json", LABEL),
        text(f"{record_sha256[:32]}\n{record_sha256[32:]}", DIGEST_LARGE),
        Spacer(1, 3),
        text("To verify without this software", LABEL),
        *steps,
    ]
    code = Table([[QrCode(payload, QR_EDGE), right]], colWidths=[QR_EDGE + 4 * mm, WIDTH - QR_EDGE - 4 * mm])
    code.setStyle(_bare())
    log = content.log
    state = grid(
        [
            [
                Field("Log", log.origin, 2),
                Field("Entries at issue", f"{log.size}; decision: entry {log.disposition_index}"),
                Field("Software", content.software),
            ]
        ]
    )
    digests = [
        text(f"log root {log.root}", DIGEST),
        text(f"specification sha256 {content.specification.sha256}", DIGEST),
    ]
    return [*section("Integrity and verification", 70 * mm), state, Spacer(1, 2), *digests, Spacer(1, 4), code]


def _images(content: CertificateContent) -> list[Flowable]:
    """Every image, two on a line."""
    if not content.images:
        return []
    half = (Column("Image", 21), Column("Score", 12, number=True), Column("Outcome", 36), Column("Reading", 23))
    read: dict[str, list[str]] = {}
    for reading in content.readings:
        read.setdefault(reading.image, []).append(
            reading.reading.capitalize() + (" (differs)" if reading.override else "")
        )
    cells = [_image(line, "\n".join(read.get(line.image, ["–"]))) for line in content.images]
    if len(cells) % 2:
        cells.append([""] * len(half))
    rows = [left + right for left, right in zip(cells[::2], cells[1::2], strict=True)]
    table = listing((*half, *half), rows)
    table.setStyle(TableStyle([("LINEAFTER", (len(half) - 1, 0), (len(half) - 1, -1), 3, white)]))
    return [*section("All images"), table]


def _image(line: ImageLine, readings: str) -> list[Any]:
    outcome: Any = [text(line.outcome.capitalize()), text(line.reason, SMALL)]
    if line.outcome in ("conforming", "not conforming", "undecided"):
        outcome = OutcomeMark(line.outcome, line.outcome.capitalize())
    return [text(line.image, CELL_STRONG), text(line.score or "–", CELL_NUMBER), outcome, text(readings)]


def _bare() -> TableStyle:
    return TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
        ]
    )
