"""Dividing labelled images by culture and donor, never by image, the same way on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence

from nesqc_gmp.datasets.manifest import ManifestRow
from nesqc_gmp.errors import InvalidInputError


def groups_of(rows: Sequence[ManifestRow], by: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Positions of rows that must stay together: rows that share a value of one of the columns, and so on.

    Raises:
        InvalidInputError: A row has no value in one of the columns.
    """
    leader = list(range(len(rows)))

    def root(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    first: dict[Hashable, int] = {}
    for place, row in enumerate(rows):
        for column in by:
            value = row.group(column)
            if not value:
                raise InvalidInputError(
                    f"the image {row.image} has no {column}", where=f"manifest, column {column}", remedy="Fill it in."
                )
            leader[root(place)] = root(first.setdefault((column, value), place))
    found: dict[int, list[int]] = {}
    for place in range(len(rows)):
        found.setdefault(root(place), []).append(place)
    return tuple(tuple(members) for members in found.values())


def split_groups(
    rows: Sequence[ManifestRow], fractions: Mapping[str, float], *, by: Sequence[str], seed: int
) -> tuple[str, ...]:
    """The split of each row; groups are drawn one after another into the split that lacks most of their class.

    The order of the draw is that of SHA-256 over the seed and the group, so it is the same on every machine.

    Args:
        rows: The rows.
        fractions: Wished share of the images of each split; a split with share 0 stays empty.
        by: Columns whose values are kept together.
        seed: Of the draw.

    Raises:
        InvalidInputError: A wished split would be empty: there are too few groups.
    """
    groups = groups_of(rows, by)
    wished = {name: share for name, share in fractions.items() if share > 0}
    held = {(name, label): 0 for name in wished for label in ("conforming", "not conforming")}
    labels = [row.label for row in rows]
    order = sorted(groups, key=lambda members: _draw(seed, [rows[place].image for place in members]))
    result = [""] * len(rows)
    for members in order:
        counts = {label: sum(labels[place] == label for place in members) for label in set(labels)}
        main = max(sorted(counts), key=lambda label: counts[label])
        total = labels.count(main)
        chosen = max(wished, key=lambda name: (wished[name] * total - held[name, main]) / wished[name])
        for place in members:
            result[place] = chosen
            held[chosen, labels[place]] += 1
    for name in wished:
        if name not in result:
            raise InvalidInputError(
                f"the split {name} would be empty: {len(groups)} groups by {' and '.join(by)}",
                where="manifest",
                remedy="Give more cultures and donors; images of one are never divided.",
            )
    return tuple(result)


def require_apart(rows: Sequence[ManifestRow], splits: Sequence[str], by: Sequence[str]) -> None:
    """Refuse a division, given by hand, in which a culture or donor is in two splits.

    Raises:
        InvalidInputError: One is; the first is named.
    """
    seen: dict[tuple[str, str], str] = {}
    for row, split in zip(rows, splits, strict=True):
        for column in by:
            value = row.group(column)
            if seen.setdefault((column, value), split) != split:
                raise InvalidInputError(
                    f"{column} {value} is in {seen[column, value]} and in {split}",
                    where="manifest, column of the split",
                    remedy=f"Keep every {column} in one split.",
                )


def _draw(seed: int, images: Sequence[str]) -> str:
    return hashlib.sha256("\n".join([str(seed), *sorted(images)]).encode()).hexdigest()
