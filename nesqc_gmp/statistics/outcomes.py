"""Figures at the locked thresholds, with the three outcomes and the images outside the input check.

What must not be missed is the class *not conforming*: sensitivity is the share of those that were called so.
An undecided image is reported three ways (as requirement ST-06 asks): left out, counted as wrong, and as a rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.statistics.interval import Interval, proportion

Label = Literal["conforming", "not conforming"]
ScoredOutcome = Literal["conforming", "not conforming", "undecided", "rejected by input check"]
WORST_FIRST: tuple[ScoredOutcome, ...] = ("not conforming", "undecided", "rejected by input check", "conforming")


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One labelled image with what the locked model said.

    Attributes:
        image: Its name.
        culture: The culture it shows: the unit of a claim.
        donor: The donor or line.
        label: What readers said.
        score: Probability of conforming, ``None`` where the input check refused the image.
        outcome: The outcome at the locked thresholds.
        attributes: Further subgroups, as pairs of name and value.
        readings: What single readers said, as pairs of reader and label.
    """

    image: str
    culture: str
    donor: str
    label: Label
    score: float | None
    outcome: ScoredOutcome
    attributes: tuple[tuple[str, str], ...] = ()
    readings: tuple[tuple[str, Label], ...] = ()

    def stratum(self, name: str) -> str | None:
        """Value of a subgroup: ``culture``, ``donor``, ``label`` or one of the attributes."""
        if name in {"culture", "donor", "label"}:
            return str(getattr(self, name))
        return dict(self.attributes).get(name)


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Counts of one class with its figures.

    Attributes:
        label: The class.
        right: Called what it is.
        wrong: Called the other class.
        undecided: Undecided.
        refused: Outside the input check.
        excluding: Share right of those that were decided: (a) undecided left out.
        counted_wrong: Share right of all, undecided and refused counted as wrong: (b).
        undecided_rate: Share without a decision of all, undecided or refused: (c). Refused is not decided, so a refusal
            never makes the rate look better.
        not_missed: Share that was not called conforming, of all; for *not conforming* this is what release rests on.
    """

    label: Label
    right: int
    wrong: int
    undecided: int
    refused: int
    excluding: Interval
    counted_wrong: Interval
    undecided_rate: Interval
    not_missed: Interval

    @property
    def total(self) -> int:
        """All units of the class."""
        return self.right + self.wrong + self.undecided + self.refused


def at_threshold(rows: Iterable[ScoredRow], label: Label) -> AtThreshold:
    """Counts and figures of the units of one class; every interval is Clopper and Pearson's."""
    outcomes = [row.outcome for row in rows if row.label == label]
    counts = {outcome: outcomes.count(outcome) for outcome in WORST_FIRST}
    other: Label = "conforming" if label == "not conforming" else "not conforming"
    right, wrong = counts[label], counts[other]
    undecided, refused = counts["undecided"], counts["rejected by input check"]
    total, decided = len(outcomes), right + wrong
    return AtThreshold(
        label=label,
        right=right,
        wrong=wrong,
        undecided=undecided,
        refused=refused,
        excluding=proportion(right, decided),
        counted_wrong=proportion(right, total),
        undecided_rate=proportion(undecided + refused, total),
        not_missed=proportion(total - counts["conforming"], total),
    )


def by_culture(rows: Iterable[ScoredRow]) -> tuple[ScoredRow, ...]:
    """One row a culture, with the least favourable outcome and the lowest score of its images.

    Raises:
        InvalidInputError: The images of a culture carry different labels.
    """
    cultures: dict[str, list[ScoredRow]] = {}
    for row in rows:
        cultures.setdefault(row.culture, []).append(row)
    return tuple(_culture(name, found) for name, found in cultures.items())


def _culture(name: str, rows: Sequence[ScoredRow]) -> ScoredRow:
    labels = {row.label for row in rows}
    if len(labels) > 1:
        raise InvalidInputError(
            "the images of the culture carry different labels", where=name, remedy="Claim images, not cultures."
        )
    scores = [row.score for row in rows if row.score is not None]
    outcome = next(worst for worst in WORST_FIRST if any(row.outcome == worst for row in rows))
    shared = tuple(pair for pair in rows[0].attributes if all(pair in row.attributes for row in rows))
    first = rows[0]
    return ScoredRow(
        name,
        name,
        first.donor,
        first.label,
        min(scores) if scores else None,
        outcome,
        shared,
        culture_readings([row.readings for row in rows]),
    )


def culture_readings(images: Sequence[tuple[tuple[str, Label], ...]]) -> tuple[tuple[str, Label], ...]:
    """The least favourable reading of each reader who read every image of a culture.

    Args:
        images: For each image of the culture, at least one, pairs of reader and label.
    """
    read = [dict(readings) for readings in images]
    complete = [reader for reader in read[0] if all(reader in one for one in read)]
    return tuple(
        (reader, "not conforming" if any(one[reader] == "not conforming" for one in read) else "conforming")
        for reader in complete
    )


@dataclass(frozen=True, slots=True)
class Stratum:
    """One subgroup.

    Attributes:
        attribute: What it is a subgroup by.
        value: Its value.
        declared: Whether the plan named it; a declared one is listed even where nothing fell into it.
        rows: The units in it.
    """

    attribute: str
    value: str
    declared: bool
    rows: tuple[ScoredRow, ...]


def strata(rows: Sequence[ScoredRow], declared: Iterable[tuple[str, str]]) -> tuple[Stratum, ...]:
    """Every declared subgroup, empty ones too, and every one found beside them under a declared attribute."""
    named = list(dict.fromkeys(declared))
    attributes = list(dict.fromkeys(attribute for attribute, _ in named))
    found = [(a, v) for a in attributes for row in rows if (v := row.stratum(a)) is not None]
    everything = list(dict.fromkeys([*named, *found]))
    member: Callable[[str, str], tuple[ScoredRow, ...]] = lambda a, v: tuple(  # noqa: E731 - one use, one line
        row for row in rows if row.stratum(a) == v
    )
    return tuple(Stratum(a, v, (a, v) in named, member(a, v)) for a, v in everything)
