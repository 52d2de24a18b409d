"""What a verification found: numbered steps, and one sentence."""

from __future__ import annotations

from nesqc_gmp.records.base import Frozen


class Step(Frozen):
    """One step.

    Attributes:
        number: Counted from 1, the same in every report.
        name: What the step asks.
        passed: Whether it passed.
        detail: What was found.
    """

    number: int
    name: str
    passed: bool
    detail: str


class VerificationReport(Frozen):
    """Every step in order; where one failed, those that stand on it count as failed."""

    steps: tuple[Step, ...]
    not_asked: tuple[str, ...] = ()
    """What could not be asked, and why; it stands in the sentence of a report in which every step passed."""

    @property
    def verified(self) -> bool:
        """Whether there is a step and every step passed."""
        return bool(self.steps) and all(step.passed for step in self.steps)

    @property
    def sentence(self) -> str:
        """The result in one plain sentence."""
        failed = next((step for step in self.steps if not step.passed), None)
        if failed is not None:
            return f"NOT VERIFIED: step {failed.number}, {failed.name}: {failed.detail}"
        if not self.steps:
            return "NOT VERIFIED: nothing was checked"
        missing = "".join(f"; NOT ASKED: {question}" for question in self.not_asked)
        return f"VERIFIED: all {len(self.steps)} steps passed{missing}"
