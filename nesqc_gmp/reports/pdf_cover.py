"""The head of a numbered document: letterhead, conclusion, facts in four columns, and cards of signatures."""

from __future__ import annotations

from typing import Final

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from nesqc_gmp.certificate.figures import OutcomeMark
from nesqc_gmp.certificate.fonts import drawn_or_named
from nesqc_gmp.certificate.page import Letterhead
from nesqc_gmp.certificate.style import (
    BODY,
    CARD,
    CELL_STRONG,
    CENTRED,
    SMALL,
    STRONG,
    text,
)
from nesqc_gmp.certificate.tables import GRID_COLUMNS, Field, cards, grid, panel
from nesqc_gmp.certificate.wording import ORIGINAL, moment
from nesqc_gmp.records.images import Outcome
from nesqc_gmp.reports.document import NOT_SIGNED, Cover, Document, SignatureCard, Signatures

VERDICT_OUTCOMES: Final[dict[str, Outcome]] = {
    "passed": "conforming",
    "failed": "not conforming",
    "not executed": "undecided",
}
"""Verdicts have the colours and marks that outcomes have on a certificate: tick, cross, and neither."""

_TONES: Final[dict[str, Outcome]] = {"good": "conforming", "bad": "not conforming", "open": "undecided"}
_SEAL: Final = (
    "The signature of the approving person protects this file (PAdES); the same act is a signed record of the log."
)
_COPY: Final = "Not signed. The record of the site is its log."


def letterhead(document: Document) -> Letterhead:
    """What every page of a numbered document carries.

    Raises:
        ValueError: It has no cover.
    """
    cover = document.cover
    if cover is None:
        raise ValueError("the document has no cover")
    return Letterhead(
        site=cover.site,
        address=cover.address,
        kind=cover.kind,
        number=cover.number,
        notes=cover.notes,
        mark=document.mark,
        footer=(f"content sha256 {cover.content_sha256}", ORIGINAL if cover.signer else _COPY),
        seal=_SEAL if cover.signer else "",
    )


def front(document: Document, cover: Cover) -> list[Flowable]:
    """Conclusion and facts."""
    outcome = _TONES[cover.tone]
    size = 14.0
    while size > 7 and OutcomeMark(outcome, cover.word, size).wrap(0, 0)[0] > 42 * mm:
        size -= 0.5
    first, *rest = [drawn_or_named(sentence) for sentence in cover.sentences]
    said: list[Flowable] = [text(first, STRONG)]
    said += [text(sentence, BODY) for sentence in rest[:-1]]
    said += [Spacer(1, 1.5), text(rest[-1], SMALL)] if rest else []
    return [
        panel(OutcomeMark(outcome, cover.word, size), said),
        Spacer(1, 4),
        grid(_rows(document.facts)),
        Spacer(1, 6),
    ]


def _rows(facts: tuple[tuple[str, str], ...]) -> list[list[Field]]:
    """Facts in rows of four columns, in order; the longer a value, the more columns it takes, and no gap is left."""
    rows: list[list[Field]] = []
    for name, value in facts:
        span = 1 if len(value) <= 26 else 2 if len(value) <= 64 else GRID_COLUMNS
        used = sum(field.span for field in rows[-1]) if rows else GRID_COLUMNS
        if used + span > GRID_COLUMNS:
            if rows:
                rows[-1][-1] = rows[-1][-1]._replace(span=rows[-1][-1].span + GRID_COLUMNS - used)
            rows.append([])
        rows[-1].append(Field(drawn_or_named(name), drawn_or_named(value), span))
    if rows:
        rest = GRID_COLUMNS - sum(field.span for field in rows[-1])
        rows[-1][-1] = rows[-1][-1]._replace(span=rows[-1][-1].span + rest)
    return rows


def signature_cards(signatures: Signatures) -> list[Flowable]:
    """The cards."""
    return cards([_card(card) for card in signatures.cards])


def _card(card: SignatureCard) -> list[Flowable]:
    if not card.name:
        return [text(card.act, CARD), Spacer(1, 8), text(NOT_SIGNED.upper(), CENTRED), Spacer(1, 12)]
    return [
        text(card.act, CARD),
        text(drawn_or_named(card.name), STRONG),
        text(f"{card.person}, {card.role}", SMALL),
        text(card.meaning, SMALL),
        text(moment(card.local), CELL_STRONG),
        text(moment(card.utc), SMALL),
        text(card.entry, SMALL),
    ]
