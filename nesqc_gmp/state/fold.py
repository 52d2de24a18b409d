"""The shape of a fold: one small function for each kind of record that matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from nesqc_gmp.records.entry import Entry

State = TypeVar("State")
Steps: TypeAlias = Mapping[type[Any], Callable[[State, Entry, Any], State]]


class Fold(Generic[State]):
    """Applies one entry to a state; entries of other kinds leave it as it is."""

    def __init__(self, steps: Steps[State]) -> None:
        self._steps = dict(steps)

    def apply(self, state: State, entry: Entry) -> State:
        """The state after an entry."""
        step = self._steps.get(type(entry.record))
        return state if step is None else step(state, entry, entry.record)
