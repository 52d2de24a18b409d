"""The first page: everything a Qualified Person reads first."""

from __future__ import annotations

from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from nesqc_gmp.certificate import wording
from nesqc_gmp.certificate.figures import OutcomeMark
from nesqc_gmp.certificate.style import (
    BODY,
    CARD,
    CELL_STRONG,
    DIGEST_SMALL,
    PAGE_HEIGHT,
    SMALL,
    STRONG,
    SUBTITLE,
    TITLE,
    WIDTH,
    markup,
    text,
)
from nesqc_gmp.certificate.tables import Column, Field, cards, grid, listing, panel, section
from nesqc_gmp.records.certificate_lines import LateEntryLine, Manifestation, TestLine
from nesqc_gmp.records.certificates import CertificateContent


def front(content: CertificateContent) -> list[Flowable]:
    """Title, verdict, product and batch, tests, model, signatures."""
    return [
        text(wording.TITLE, TITLE),
        text(wording.SUBTITLE, SUBTITLE),
        Spacer(1, 5),
        _verdict(content),
        *_product(content),
        *_tests(content),
        *_model(content),
        *_signatures(content),
    ]


def _verdict(content: CertificateContent) -> Table:
    word = wording.verdict_word(content)
    sentences = [
        Paragraph(
            f"<b>{markup(wording.verdict_sentence(content))}</b> {markup(wording.decision_sentence(content))}", BODY
        ),
        Spacer(1, 1.5),
        text(wording.scope_sentence(content), SMALL),
    ]
    mark = OutcomeMark(wording.HEADLINE_OUTCOMES[word], word, 11 if word == "DOES NOT COMPLY" else 14)
    return panel(mark, sentences)


def _product(content: CertificateContent) -> list[Flowable]:
    product, batch, specification = content.product, content.batch, content.specification
    return [
        *section("Product and batch"),
        grid(
            [
                [
                    Field("Product", product.name),
                    Field("Product code", product.code),
                    Field("Pharmaceutical form", product.form),
                    Field("Strength and pack", product.strength),
                ],
                [
                    Field("Batch number", batch.number),
                    Field("Cell line (coded)", batch.line_code),
                    Field("Passage", batch.passages),
                    Field("Storage", product.storage),
                ],
                [
                    Field("Date of manufacture", batch.manufactured_on),
                    Field("Expiry", batch.expires_on),
                    Field("Records kept until", batch.retained_until),
                    Field("Marketing / trial authorisation", product.authorisation),
                ],
                [
                    Field("Specification", f"{specification.identifier}, approved by {specification.approved_by}", 2),
                    Field("Sampling plan", specification.sampling_plan, 2),
                ],
            ]
        ),
    ]


def _tests(content: CertificateContent) -> list[Flowable]:
    columns = (
        Column("No.", 8),
        Column("Test", 47),
        Column("Method", 38),
        Column("Acceptance criterion", 34),
        Column("Result", 25),
        Column("Outcome", 28),
    )
    late = {line.what: line for line in content.late_entries}
    rows = [_test(line, late.get(line.name)) for line in content.tests]
    return [*section("Test results"), listing(columns, rows)]


def _test(line: TestLine, late: LateEntryLine | None) -> list[Flowable | list[Flowable]]:
    people = f"{line.performed_by}, verified by {line.verified_by}" if line.verified_by else line.performed_by
    people += f"; entered late: performed {late.happened}, entered {late.entered}" if late else ""
    return [
        text(str(line.number)),
        [text(line.name, CELL_STRONG), text(people, SMALL)],
        [text(line.method), text(line.sop, SMALL)],
        text(line.criterion),
        text(line.result, CELL_STRONG),
        OutcomeMark(line.outcome),
    ]


def _model(content: CertificateContent) -> list[Flowable]:
    model = content.model
    thresholds = f"{model.conforming_from} / {model.not_conforming_below}"
    return [
        *section("Image classifier (locked)", digest=f"package sha256 {model.sha256}"),
        grid(
            [
                [
                    Field("Model", f"{model.name} {model.version}"),
                    Field("Approved for use", model.approved),
                    Field("Conforming from / not conforming below", thresholds),
                    Field("Self-test", model.self_test),
                ],
                [Field("Intended use", model.intended_use, 3), Field("Runtime", model.runtime)],
            ]
        ),
    ]


def _signatures(content: CertificateContent) -> list[Flowable]:
    """Signatures on the batch as boxes; they stay together on one page as long as they fit one."""
    rows = cards([_card(line) for line in content.manifestations])
    height = sum(row.wrap(WIDTH, PAGE_HEIGHT)[1] for row in rows)
    return [*section("Electronic signatures", min(height + 26, PAGE_HEIGHT / 2)), Spacer(1, 3), *rows]


def _card(line: Manifestation) -> list[Flowable]:
    meaning, _, sentence = line.meaning.partition(": ")
    return [
        text(meaning.capitalize(), CARD),
        text(line.name, STRONG),
        text(f"{line.person}, {line.role}", SMALL),
        text(sentence, SMALL),
        text(wording.moment(line.local), CELL_STRONG),
        text(wording.moment(line.utc), SMALL),
        text(f"statement {line.statement_sha256[:16]}", DIGEST_SMALL),
    ]
