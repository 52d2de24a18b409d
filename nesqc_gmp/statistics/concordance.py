"""Agreement of the model with a test by another principle, culture by culture.

The other test is no perfect truth, so the figures are called agreement and not sensitivity (FDA, Statistical Guidance
on Reporting Results from Studies Evaluating Diagnostic Tests, 2007). Nothing is done again where the two differ: that
would raise the agreement by itself (Lipman and Astles, Clinical Chemistry 1998, 44: 108-115).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nesqc_gmp.statistics.interval import Interval, proportion
from nesqc_gmp.statistics.outcomes import Label, ScoredOutcome

OtherOutcome = Literal["conforming", "not conforming", "undecided"]


@dataclass(frozen=True, slots=True)
class AgreementOn:
    """Agreement where the other test gave one outcome.

    Attributes:
        outcome: The outcome of the other test.
        decided: Cultures to which the other test gave it.
        agreeing: Those to which the model gave the same.
        opposite: Those to which the model gave the opposite.
        without_decision: Those that the model left undecided or refused.
        other_undecided: Cultures that the other test left undecided; they count as not agreeing for both outcomes.
        share: Agreeing cultures of all of these.
    """

    outcome: Label
    decided: int
    agreeing: int
    opposite: int
    without_decision: int
    other_undecided: int
    share: Interval


def concordance(pairs: Sequence[tuple[OtherOutcome, ScoredOutcome]]) -> tuple[AgreementOn, AgreementOn]:
    """Agreement on not conforming and on conforming cultures; every interval is Clopper and Pearson's.

    A culture without a decision, by whichever of the two, never counts as agreement.

    Args:
        pairs: For each culture the outcome of the other test and of the model.
    """
    counts = Counter(pairs)
    return _on("not conforming", counts), _on("conforming", counts)


def _on(outcome: Label, counts: Counter[tuple[OtherOutcome, ScoredOutcome]]) -> AgreementOn:
    decided = sum(count for (other, _), count in counts.items() if other == outcome)
    undecided = sum(count for (other, _), count in counts.items() if other == "undecided")
    opposite: Label = "conforming" if outcome == "not conforming" else "not conforming"
    agreeing, against = counts[outcome, outcome], counts[outcome, opposite]
    return AgreementOn(
        outcome=outcome,
        decided=decided,
        agreeing=agreeing,
        opposite=against,
        without_decision=decided - agreeing - against,
        other_undecided=undecided,
        share=proportion(agreeing, decided + undecided),
    )
