"""The rules, each a small object with an id that says what it allows.

All arithmetic is exact: scores and limits are decimal text, shares are fractions. A limit belongs to the better side:
a score equal to ``conforming_from`` conforms, a share equal to its minimum conforms.

A culture is judged by bounds. An undecided image may turn out either way, so the share of conforming images lies
between *all undecided fail* and *all undecided pass*. Only where both ends agree is the culture decided; undecided
images are never left out of the denominator (EU GMP Annex 22 draft 9.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.batches import ImageOutcome, RuleResult
from nesqc_gmp.records.images import Outcome, Spread, spread_words

_SHARE_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """``IMAGE-SCORE``: where the score of an image lies among the two thresholds of the locked model."""

    conforming_from: str
    not_conforming_below: str
    id: str = "IMAGE-SCORE"

    def apply(self, image: str, score: str) -> RuleResult:
        """The outcome of one image; the score is the rounded one that was recorded."""
        value = Decimal(score)
        outcome: Outcome = "undecided"
        if value >= Decimal(self.conforming_from):
            outcome = "conforming"
        elif value < Decimal(self.not_conforming_below):
            outcome = "not conforming"
        limit = f"conforming from {self.conforming_from}, not conforming below {self.not_conforming_below}"
        return RuleResult(rule=self.id, about=image, measured=score, limit=limit, outcome=outcome)


@dataclass(frozen=True, slots=True)
class ValidImagesRule:
    """``CULTURE-VALID-IMAGES``: a culture with too few valid images cannot be decided."""

    minimum: int
    id: str = "CULTURE-VALID-IMAGES"

    def apply(self, culture: str, outcomes: Sequence[ImageOutcome]) -> RuleResult:
        """The outcome for one culture."""
        valid = sum(outcome != "rejected by input check" for outcome in outcomes)
        outcome: Outcome = "conforming" if valid >= self.minimum else "undecided"
        return RuleResult(
            rule=self.id, about=culture, measured=str(valid), limit=f"at least {self.minimum}", outcome=outcome
        )


@dataclass(frozen=True, slots=True)
class ConformingShareRule:
    """``CULTURE-CONFORMING-SHARE``: the share of valid images of a culture that conform."""

    minimum: str
    id: str = "CULTURE-CONFORMING-SHARE"

    def apply(self, culture: str, outcomes: Sequence[ImageOutcome]) -> RuleResult:
        """The outcome for one culture, decided only where undecided images cannot change it."""
        valid = [outcome for outcome in outcomes if outcome != "rejected by input check"]
        good, open_images = valid.count("conforming"), valid.count("undecided")
        limit = Fraction(Decimal(self.minimum))
        outcome: Outcome = "undecided"
        if valid and Fraction(good, len(valid)) >= limit:
            outcome = "conforming"
        elif valid and Fraction(good + open_images, len(valid)) < limit:
            outcome = "not conforming"
        measured = f"{share_text(good, len(valid))} ({good}/{len(valid)}, {open_images} undecided)"
        return RuleResult(
            rule=self.id, about=culture, measured=measured, limit=f"at least {self.minimum}", outcome=outcome
        )


@dataclass(frozen=True, slots=True)
class HeterogeneityRule:
    """``CULTURE-HETEROGENEITY``: how unlike the places of a culture are in appearance, by its confidence bounds.

    Conforming needs the whole interval inside the limit, not conforming the whole interval outside. Too few images, or
    valid images that were not measured, leave it undecided.
    """

    maximum: str
    id: str = "CULTURE-HETEROGENEITY"

    def apply(self, culture: str, found: Spread | None, valid: int) -> RuleResult:
        """The outcome for one culture.

        Args:
            culture: The culture.
            found: Its heterogeneity of appearance, ``None`` where no image was measured.
            valid: Count of its valid images.
        """
        outcome: Outcome = "undecided"
        if found is not None and found.low is not None and found.high is not None and found.units == valid:
            if Decimal(found.high) <= Decimal(self.maximum):
                outcome = "conforming"
            elif Decimal(found.low) > Decimal(self.maximum):
                outcome = "not conforming"
        return RuleResult(
            rule=self.id,
            about=culture,
            measured=spread_words(found),
            limit=f"upper bound at most {self.maximum}",
            outcome=outcome,
        )


@dataclass(frozen=True, slots=True)
class RejectedShareRule:
    """``BATCH-REJECTED-SHARE``: with too many images outside the input check, nothing can be said of the batch."""

    maximum: str
    id: str = "BATCH-REJECTED-SHARE"

    def apply(self, outcomes: Sequence[ImageOutcome], refused_files: int) -> RuleResult:
        """The outcome for the batch; files refused at receipt count as rejected."""
        total = len(outcomes) + refused_files
        rejected = sum(outcome == "rejected by input check" for outcome in outcomes) + refused_files
        inside = total > 0 and Fraction(rejected, total) <= Fraction(Decimal(self.maximum))
        return RuleResult(
            rule=self.id,
            about="batch",
            measured=f"{share_text(rejected, total)} ({rejected}/{total})",
            limit=f"at most {self.maximum}",
            outcome="conforming" if inside else "undecided",
        )


def share_text(part: int, whole: int) -> str:
    """A share for the eye, four decimals; exact decisions use the counts beside it."""
    if not whole:
        return "none"
    return decimal_text(Decimal(part) / Decimal(whole), _SHARE_DECIMALS)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Outcome of several: not conforming if any is, else undecided if any is or there is none, else conforming."""
    if "not conforming" in outcomes:
        return "not conforming"
    if not outcomes or "undecided" in outcomes:
        return "undecided"
    return "conforming"
