"""Stored rows beside the rows that should be there, both in the order of their key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Row = tuple[Any, ...]


class OrderedRows:
    """Stored rows of one table; the key is the first column.

    Args:
        rows: The stored rows, keys rising.
        surplus: Called with the key of each row that nothing expects.
    """

    __slots__ = ("_next", "_rows", "_surplus")

    def __init__(self, rows: Iterator[Row], surplus: Callable[[int], None]) -> None:
        self._rows = rows
        self._surplus = surplus
        self._next = next(rows, None)

    def take(self, expected: Row) -> str | None:
        """Step over one expected row.

        Returns:
            ``None`` where it is stored as expected, else what is wrong with it.
        """
        stored = self._next
        if stored != expected:
            stored = self.skip_to(expected[0])
            if stored is None or stored[0] != expected[0]:
                return "is missing"
        self._next = next(self._rows, None)
        return None if stored == expected else "was edited"

    def drop(self, key: int) -> None:
        """Step over the row of a key without looking at it, where there is one."""
        stored = self.skip_to(key)
        if stored is not None and stored[0] == key:
            self._next = next(self._rows, None)

    def skip_to(self, key: int) -> Row | None:
        """Report and step over the rows before a key; the row at which that ends."""
        while self._next is not None and self._next[0] < key:
            self._surplus(int(self._next[0]))
            self._next = next(self._rows, None)
        return self._next
