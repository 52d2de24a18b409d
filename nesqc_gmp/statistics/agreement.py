"""Agreement with human readers: raw, beyond chance, and adjusted for prevalence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.statistics.boundary import perfect_agreement, perfect_disagreement
from nesqc_gmp.statistics.interval import LEVEL, Interval, not_estimable, proportion, reaching, unbounded


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two readers on two classes.

    Attributes:
        both_positive: Units that both called positive.
        first_only: Units that only the first called positive.
        second_only: Units that only the second called positive.
        neither: Units that neither called positive.
        raw: Share of equal answers.
        kappa: Cohen's kappa (1960) with the interval of Fleiss, Cohen and Everitt (1969), never better than full
            agreement shows once the errors are put right, whichever reader made them (``statistics.boundary``).
        prevalence_adjusted: Twice the raw agreement less one (Byrt, Bishop and Carlin 1993), which does not collapse
            where one class is rare.
        positive_agreement: Share of equal answers among those that called positive (Cicchetti and Feinstein 1990).
        negative_agreement: The same for the other class.
    """

    both_positive: int
    first_only: int
    second_only: int
    neither: int
    raw: Interval
    kappa: Interval
    prevalence_adjusted: float | None
    positive_agreement: float | None
    negative_agreement: float | None


def agreement(first: Sequence[bool], second: Sequence[bool]) -> Agreement:
    """Agreement of two readers, for example the model and a person.

    Raises:
        InvalidInputError: They did not read the same number of units.
    """
    if len(first) != len(second):
        raise InvalidInputError(f"{len(first)} and {len(second)} readings", remedy="Pair the readings by unit.")
    pairs = list(zip(map(bool, first), map(bool, second), strict=True))
    a, b, c, d = (pairs.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False)))
    raw = proportion(a + d, len(pairs))
    return Agreement(
        both_positive=a,
        first_only=b,
        second_only=c,
        neither=d,
        raw=raw,
        kappa=_kappa(a, b, c, d),
        prevalence_adjusted=None if raw.estimate is None else 2 * raw.estimate - 1,
        positive_agreement=2 * a / (2 * a + b + c) if a + b + c else None,
        negative_agreement=2 * d / (2 * d + b + c) if b + c + d else None,
    )


def _kappa(a: int, b: int, c: int, d: int) -> Interval:
    """Cohen's kappa; not estimable where both readers gave one answer only.

    An error moves the margins, and with them the agreement by chance, which may fall. The bound of full agreement is
    therefore that of the least balanced table that is left when each error is put right in one way or the other.
    """
    total = a + b + c + d
    if total == 0:
        return not_estimable("Cohen", "no unit")
    observed = (a + d) / total
    rows, columns = ((a + b) / total, (c + d) / total), ((a + c) / total, (b + d) / total)
    chance = sum(row * column for row, column in zip(rows, columns, strict=True))
    if chance >= 1:
        return not_estimable("Cohen", "both gave one and the same answer to every unit", total)
    kappa = (observed - chance) / (1 - chance)
    if 1 in {*rows, *columns}:
        return unbounded(kappa, "Cohen", "one of the two gave one and the same answer to every unit", total)
    table = ((a / total, b / total), (c / total, d / total))
    on = sum(table[i][i] * ((1 - chance) - (rows[i] + columns[i]) * (1 - observed)) ** 2 for i in range(2))
    off = (1 - observed) ** 2 * sum(table[i][j] * (columns[i] + rows[j]) ** 2 for i, j in ((0, 1), (1, 0)))
    rest = (observed * chance - 2 * chance + observed) ** 2
    variance = max((on + off - rest) / (total * (1 - chance) ** 4), 0.0)
    from scipy.stats import norm

    reach = float(norm.ppf(0.5 + LEVEL / 2)) * math.sqrt(variance)
    found = Interval(kappa, max(-1.0, kappa - reach), min(1.0, kappa + reach), "Cohen; Fleiss 1969", total)
    best, worst = perfect_agreement(total, min(a, d) / total), perfect_disagreement(total, min(b, c) / total)
    return reaching(found, best, worst)


def fleiss_kappa(counts: Sequence[Sequence[int]]) -> float | None:
    """Kappa of more than two readers (Fleiss 1971).

    Args:
        counts: For each unit, how many readers gave each answer; the same number of readers, at least two, each time.

    Returns:
        ``None`` where every reader always gave one answer, or nothing was read.

    Raises:
        InvalidInputError: The number of readers differs.
    """
    if not counts:
        return None
    readers = sum(counts[0])
    if readers < 2 or any(sum(row) != readers for row in counts):
        raise InvalidInputError("the number of readers differs, or is below two", remedy="Give complete readings.")
    within = sum((sum(n * n for n in row) - readers) / (readers * (readers - 1)) for row in counts) / len(counts)
    shares = [sum(column) / (len(counts) * readers) for column in zip(*counts, strict=True)]
    chance = sum(share * share for share in shares)
    return None if chance >= 1 else (within - chance) / (1 - chance)
