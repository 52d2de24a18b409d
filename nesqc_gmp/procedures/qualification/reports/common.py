"""What every report of validation has: letterhead, conclusion, cards of signatures, and how to check it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from nesqc_gmp.certificate import wording
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.procedures.qualification.reports.content import (
    DeviationLine,
    RunLine,
    SignatureLine,
    SiteLines,
    content_bytes,
)
from nesqc_gmp.records.base import Frozen, Instant
from nesqc_gmp.records.signatures import MEANING_SENTENCES, Statement
from nesqc_gmp.reports.document import (
    Block,
    Cover,
    Document,
    Facts,
    Heading,
    Paragraph,
    SignatureCard,
    Signatures,
    Table,
)

Tone = Literal["good", "bad", "open"]

HOW_TO_CHECK: Final = (
    "Take record.json out of this file with any PDF reader or with “pdfdetach”. Its SHA-256 is the digest at the foot "
    "of every page, and the one that the signed statement statement.txt leads to.",
    "Check the signature and the time stamps with a verifier for PAdES that also judges later changes, trusting only "
    "the certificate authority of the site: “pyhanko sign adesverify --trust-replace --trust authority.pem”. Take "
    "that certificate from the site once, by another way than this file.",
    "Compare what is printed with record.json. Evidence files are named with their SHA-256: “sha256sum FILE” gives "
    "the digest of the file that you were handed.",
    "The entries of the log that are named here can be proven to stand in it: the site exports a signed checkpoint, "
    "and the commands for an auditor are written down beside the software.",
)


def numbered(
    content: Frozen,
    site: SiteLines,
    *,
    kind: str,
    number: str,
    notes: tuple[str, ...],
    title: str,
    subtitle: str,
    conclusion: tuple[str, Tone, tuple[str, ...]],
    facts: Iterable[tuple[str, str]],
    blocks: Iterable[Block],
    approval: Statement | None,
) -> Document:
    """A numbered document of a site.

    Args:
        content: What it says.
        site: The site.
        kind: What the number is of.
        number: The number.
        notes: Lines below the number.
        title: Title.
        subtitle: What it is about.
        conclusion: The word, whether it is good news, and its sentences.
        facts: Names and values at its head.
        blocks: Its parts.
        approval: The statement its approver signs; ``None`` where nobody signs the file.
    """
    word, tone, sentences = conclusion
    cover = Cover(
        site=site.name,
        address=f"{site.address} · Manufacturing authorisation {site.authorisation}",
        kind=kind,
        number=number,
        notes=notes,
        word=word,
        tone=tone,
        sentences=sentences,
        content_sha256=sha256_hex(content_bytes(content)),
        software=site.software,
        signer=approval.name if approval else "",
        signed_at=approval.time.local if approval else "",
    )
    return Document(title, subtitle, site.mark, tuple(facts), tuple(blocks), cover)


def moment(instant: Instant) -> str:
    """Local time to the second with its offset; it stays on one line."""
    return wording.moment(instant.local)


def signature_card(line: SignatureLine) -> SignatureCard:
    """A signature that is in the log."""
    return SignatureCard(
        line.act, line.name, line.person, line.role, line.meaning, line.time.local, line.time.utc,
        f"entry {line.index} of the log",
    )  # fmt: skip


def approval_card(approval: Statement | None) -> SignatureCard:
    """The signature that is given with this file, or its place."""
    if approval is None:
        return SignatureCard("Approved")
    return SignatureCard(
        "Approved",
        approval.name,
        approval.person,
        approval.role,
        MEANING_SENTENCES[approval.meaning],
        approval.time.local,
        approval.time.utc,
        f"entered in the log after entry {approval.previous_size - 1}",
    )


def signatures(lines: Iterable[SignatureLine], wanted: tuple[str, ...], approval: Statement | None) -> Iterator[Block]:
    """A card for every signature that is wanted, given or missing, the approval last."""
    given = {line.act: line for line in lines}
    cards = [signature_card(given[act]) if act in given else SignatureCard(act) for act in wanted]
    yield Heading("Electronic signatures")
    yield Signatures((*cards, approval_card(approval)))


def deviation_blocks(lines: Iterable[DeviationLine]) -> Iterator[Block]:
    """Each deviation with what it means and what QA said."""
    for line in lines:
        standing = {None: "not assessed", True: "accepted", False: "not accepted"}[line.accepted]
        yield Heading(f"{line.number}: {line.case} of {line.run}, {standing}", 2)
        rows = [
            ("What happened", line.description),
            ("What it means", line.impact),
            ("Recorded", f"{line.recorded.name} ({line.recorded.person}), {moment(line.recorded.time)}, "
             f"entry {line.recorded.index}"),
        ]  # fmt: skip
        if line.assessed:
            rows.append(("Assessment", line.assessed.reason or ""))
            rows.append(
                ("Assessed", f"{line.assessed.name} ({line.assessed.person}), {line.assessed.role}, "
                 f"{moment(line.assessed.time)}, entry {line.assessed.index}")
            )  # fmt: skip
        yield Facts(tuple(rows))


def numbered_points(heading: str, points: Iterable[str], none: str) -> Iterator[Block]:
    """Points under a heading, each with its number; what is said where there is none."""
    yield Heading(heading)
    listed = [Paragraph(f"{number}. {point}") for number, point in enumerate(points, start=1)]
    yield from listed or [Paragraph(none)]


def run_table(lines: Iterable[RunLine]) -> Table:
    """Runs, one a line, failed and aborted ones as well."""
    rows = tuple(
        (line.run, moment(line.opened), line.tester, line.ending, str(line.passed), str(line.failed),
         str(line.not_executed), line.conclusion or "not concluded")
        for line in lines
    )  # fmt: skip
    head = ("Run", "Opened", "Tester", "Ended", "Passed", "Failed", "Not executed", "Conclusion")
    return Table(head, rows, "Every run stays in the log, whatever came of it.", (4, 5, 6))


def how_to_check() -> Iterator[Block]:
    """How somebody checks the document without this software."""
    yield Heading("How to check this document without us")
    for number, sentence in enumerate(HOW_TO_CHECK, start=1):
        yield Paragraph(f"{number}. {sentence}")
