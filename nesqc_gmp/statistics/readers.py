"""How people do what the model is to do: agreement of readers with each other and with the label, and their errors.

EU GMP Annex 22 draft 4.3 asks for a model at least as good as the process it replaces, whose performance is known.
Units are cultures, each with the least favourable reading of those who read it completely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from nesqc_gmp.statistics.agreement import Agreement, agreement, fleiss_kappa
from nesqc_gmp.statistics.interval import Interval, proportion
from nesqc_gmp.statistics.outcomes import Label


@dataclass(frozen=True, slots=True)
class ReadCulture:
    """One culture: its label, and what each reader who read it completely said alone."""

    culture: str
    label: Label
    readings: tuple[tuple[str, Label], ...]


@dataclass(frozen=True, slots=True)
class ReaderPair:
    """Two readers, on the cultures that both read."""

    first: str
    second: str
    cultures: int
    found: Agreement


@dataclass(frozen=True, slots=True)
class ReaderResult:
    """One reader against the label.

    Attributes:
        reader: Id of the reader.
        cultures: Cultures read.
        missed: Not conforming cultures that were read as conforming.
        alarms: Conforming cultures that were read as not conforming.
        error: Share of wrong readings.
        found: Agreement with the label.
    """

    reader: str
    cultures: int
    missed: int
    alarms: int
    error: Interval
    found: Agreement


@dataclass(frozen=True, slots=True)
class ReaderStudy:
    """Every reader, every pair of readers, and all readers together.

    Attributes:
        readers: Each reader against the label, by id.
        pairs: Each two readers.
        fleiss: Kappa of all readers on the cultures that all of them read (Fleiss 1971).
        read_by_all: How many cultures these are.
    """

    readers: tuple[ReaderResult, ...]
    pairs: tuple[ReaderPair, ...]
    fleiss: float | None
    read_by_all: int

    @property
    def lowest(self) -> ReaderPair | None:
        """The pair that leaves the lowest bound of kappa; one without a bound is the lowest."""
        return min(self.pairs, key=lambda pair: _low(pair.found.kappa), default=None)

    @property
    def worst(self) -> ReaderResult | None:
        """The reader whose share of wrong readings may be the highest."""
        return max(self.readers, key=lambda one: 2.0 if one.error.high is None else one.error.high, default=None)


def _low(found: Interval) -> float:
    return -2.0 if found.low is None else found.low


def reader_study(cultures: Sequence[ReadCulture]) -> ReaderStudy:
    """Compare readers with each other and with the label; *conforming* is the positive answer of every kappa."""
    names = sorted({reader for culture in cultures for reader, _ in culture.readings})
    read = {name: {c.culture: dict(c.readings)[name] for c in cultures if name in dict(c.readings)} for name in names}
    labels = {culture.culture: culture.label for culture in cultures}
    everybody = [culture for culture in cultures if len(culture.readings) == len(names)]
    counts = [[sum(said == label for _, said in culture.readings) for label in _ANSWERS] for culture in everybody]
    return ReaderStudy(
        readers=tuple(_against_label(name, read[name], labels) for name in names),
        pairs=tuple(_pair(first, second, read) for first, second in combinations(names, 2)),
        fleiss=fleiss_kappa(counts) if len(names) > 1 else None,
        read_by_all=len(everybody),
    )


_ANSWERS: tuple[Label, ...] = ("conforming", "not conforming")


def _against_label(reader: str, said: dict[str, Label], labels: dict[str, Label]) -> ReaderResult:
    truth = {culture: labels[culture] for culture in said}
    wrong = [culture for culture, answer in said.items() if answer != truth[culture]]
    missed = sum(truth[culture] == "not conforming" for culture in wrong)
    found = _agreement(said, truth, list(said))
    return ReaderResult(reader, len(said), missed, len(wrong) - missed, proportion(len(wrong), len(said)), found)


def _pair(first: str, second: str, read: dict[str, dict[str, Label]]) -> ReaderPair:
    both = [culture for culture in read[first] if culture in read[second]]
    return ReaderPair(first, second, len(both), _agreement(read[first], read[second], both))


def _agreement(first: dict[str, Label], second: dict[str, Label], cultures: Sequence[str]) -> Agreement:
    return agreement([first[c] == "conforming" for c in cultures], [second[c] == "conforming" for c in cultures])
