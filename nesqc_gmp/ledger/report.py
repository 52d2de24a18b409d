"""What a verification of a ledger found."""

from __future__ import annotations

from dataclasses import dataclass

FINDINGS_LIMIT = 20
"""Most contradictions that are listed; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction.

    Attributes:
        what: What contradicts what.
        first_bad: Lowest index the altered record can have, as long as the signatures before it are genuine.
        exact: Whether that is the altered record itself, or only the lowest it can be.
    """

    what: str
    first_bad: int
    exact: bool


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What a verification found.

    Attributes:
        size: Entries read.
        root: Root hash over them.
        checkpoints: Signed checkpoints checked.
        anchors: Checkpoints kept elsewhere that agree.
        findings: Contradictions; none means the ledger is whole.
        last_good: Size of the last checkpoint, in the ledger or elsewhere, that agrees.
        more: Contradictions beyond those listed.
    """

    size: int
    root: bytes
    checkpoints: int
    anchors: tuple[str, ...]
    findings: tuple[Finding, ...]
    last_good: int = 0
    more: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def first_bad(self) -> int | None:
        """Lowest index among the findings."""
        return min((finding.first_bad for finding in self.findings), default=None)


class FindingList:
    """Contradictions as they are found: a bounded count of them, the one with the lowest index always among them."""

    def __init__(self) -> None:
        self.listed: list[Finding] = []
        self.more = 0

    def add(self, what: str, first_bad: int, *, exact: bool = True) -> None:
        """Note one contradiction."""
        finding = Finding(what, first_bad, exact)
        if len(self.listed) < FINDINGS_LIMIT:
            self.listed.append(finding)
            return
        self.more += 1
        if first_bad < min(listed.first_bad for listed in self.listed):
            self.listed[-1] = finding
