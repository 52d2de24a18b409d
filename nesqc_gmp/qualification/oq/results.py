"""What one case gave, as it goes into the log."""

from __future__ import annotations

from datetime import datetime

from nesqc_gmp.qualification.oq.case import Risk
from nesqc_gmp.records.base import Frozen
from nesqc_gmp.records.qualification import CaseVerdict, Evidence, StepResult


class CaseResult(Frozen):
    """The result of a case or of a seeded fault.

    Attributes:
        case: Its id, ``OQ-nnn`` or ``SEED-nn``.
        title: What it shows.
        requirements: Requirements it verifies.
        findings: Findings and traps it shows.
        risk: Risk of the function.
        negative: Whether it attacks.
        prerequisites: What was there before.
        steps: Every step: what was done, what had to be seen, what was seen, the verdict. After a failed one the rest
            are not executed.
        verdict: ``passed`` only where every step was executed and passed.
        reason: Why it failed or was not executed; ``None`` where it passed.
        evidence: The transcript and what the steps produced, by names inside the folder of evidence.
        version: Version of the tool that was called.
        folder: The folder that the tool ran from.
        started: When it began, UTC.
        ended: When it ended, UTC.
    """

    case: str
    title: str
    requirements: tuple[str, ...]
    findings: tuple[str, ...]
    risk: Risk
    negative: bool
    prerequisites: str
    steps: tuple[StepResult, ...]
    verdict: CaseVerdict
    reason: str | None
    evidence: tuple[Evidence, ...]
    version: str
    folder: str
    started: datetime
    ended: datetime
