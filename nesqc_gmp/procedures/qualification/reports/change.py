"""The record of a change under change control, for people."""

from __future__ import annotations

from collections.abc import Iterator

from nesqc_gmp.procedures.qualification.reports.common import how_to_check, numbered, signature_card
from nesqc_gmp.procedures.qualification.reports.content import ChangeContent
from nesqc_gmp.reports.document import Block, Document, Facts, Heading, Paragraph, SignatureCard, Signatures, Table


def document(content: ChangeContent) -> Document:
    """The record; its signatures are those of the log, and the file itself is a view."""
    change = content.change
    retest = ", ".join(change.retest)
    return numbered(
        content,
        content.site,
        kind="Change No.",
        number=change.change,
        notes=(),
        title="Change record",
        subtitle=f"Change of: {', '.join(change.kinds)}",
        conclusion=(
            "APPROVED" if content.approved else "NOT APPROVED",
            "good" if content.approved else "open",
            (
                f"Tested again before use: {retest}." if retest else "Nothing is tested again before use.",
                f"Because: {change.retest_reason}",
                "What is tested again loses its approval with this change until it is approved on the new state.",
            ),
        ),
        facts=(
            ("Purpose of the site", content.site.purpose),
            ("Software", content.site.software),
            ("Lines that differ", str(len(change.differences))),
            ("Tested again", retest or "nothing"),
            ("State before, SHA-256", change.from_sha256),
            ("State after, SHA-256", change.to_sha256),
        ),
        blocks=(*_blocks(content), *how_to_check()),
        approval=None,
    )


def _blocks(content: ChangeContent) -> Iterator[Block]:
    change = content.change
    yield Heading("Change and assessment")
    yield Facts(
        (
            ("What it touches", ", ".join(change.kinds)),
            ("What is changed, and why", change.description),
            ("What it may do to results and records", change.impact),
            ("Why these tests, and not the others", change.retest_reason),
        )
    )
    yield Heading("Lines of the installed state that differ")
    if change.differences:
        rows = tuple((each.group, each.name, each.before or "nothing", each.after or "nothing")
                     for each in change.differences)  # fmt: skip
        yield Table(("Group", "What", "Before", "After"), rows)
    else:
        yield Paragraph("None: the change shows in no line of the installed state.")
    yield Heading("Electronic signatures")
    approved = signature_card(content.approved) if content.approved else SignatureCard("Approved")
    yield Signatures((signature_card(content.prepared), approved))
