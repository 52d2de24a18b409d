"""The heads of the log, checked as the tree grows past them: checkpoints stored in it and checkpoints kept elsewhere.

A root covers everything before it. So the first head that disagrees bounds the altered records from above, the last
one that agreed before it bounds them from below, and a head that agrees later clears what is stored before it.

A checkpoint stored in the ledger that was merely taken out, with later ones left, leaves no trace: the later ones sign
the same entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nesqc_gmp import merkle
from nesqc_gmp.errors import IntegrityError, InvalidInputError
from nesqc_gmp.ledger.report import FindingList
from nesqc_gmp.notes import Checkpoint, NoteVerifier, open_checkpoint
from nesqc_gmp.notes.checkpoint import MAX_SIZE

_NAMES_SHOWN = 3


class Heads:
    """Compares the growing tree with every checkpoint there is.

    Args:
        verifier: Public key of the log.
        rows: Rows of the table ``checkpoint``: size, root, note; by size.
        anchors: Checkpoints kept elsewhere, by name.
        findings: Where to note contradictions.

    Raises:
        InvalidInputError: A checkpoint kept elsewhere is of another log.
    """

    def __init__(
        self, verifier: NoteVerifier, rows: Iterator[Any], anchors: Mapping[str, Checkpoint], findings: FindingList
    ) -> None:
        self._verifier = verifier
        self._rows = rows
        self._anchors = _by_size(anchors, verifier.name)
        self._sizes = sorted(self._anchors, reverse=True)
        self._findings = findings
        self._signed = 0
        self._vouched = 0
        self._diverged = False
        self.checked = 0
        self.agreed: list[str] = []
        self._last_row = 0
        self._row = next(rows, None)
        self._skip_impossible_rows()
        if self._sizes and self._sizes[-1] == 0:
            self._compare_anchors(0, merkle.EMPTY_ROOT)
        self.next_size = self._next_size()

    @property
    def last_good(self) -> int:
        """Size of the last head that agreed."""
        return max(self._signed, self._vouched)

    def compare(self, size: int, root: bytes) -> None:
        """Compare the tree at the size of the next head."""
        if self._row is not None and self._row[0] == size:
            self.checked += 1
            self._compare_row(size, root, *self._row[1:])
            self._row = next(self._rows, None)
        if self._sizes and self._sizes[-1] == size:
            self._compare_anchors(size, root)
        self.next_size = self._next_size()

    def end(self, size: int) -> None:
        """Note heads beyond the end of the log, and an end that no head covers."""
        if self._row is not None:
            signed = "was signed" if self._opens(self._row[2]) else "is stored that this log did not sign"
            self._findings.add(
                f"entries from {size} on are missing: a checkpoint of size {self._row[0]} {signed}", size
            )
        for later in reversed(self._sizes):
            names = _joined([name for name, _ in self._anchors[later]])
            self._findings.add(f"entries from {size} on were cut: {names} recorded {later} entries", size)
        if self._last_row < size:
            self._findings.add(
                f"no checkpoint is stored over the last {size - self._last_row} entries",
                min(self.last_good, size - 1),
                exact=False,
            )

    def _next_size(self) -> int:
        """Size of the next head; no log reaches it where there is none."""
        stored = MAX_SIZE if self._row is None else int(self._row[0])
        return min(stored, self._sizes[-1]) if self._sizes else stored

    def _skip_impossible_rows(self) -> None:
        while self._row is not None and self._row[0] <= 0:
            self._findings.add(f"a checkpoint of size {self._row[0]} is stored; the log never made one", 0, exact=False)
            self._row = next(self._rows, None)

    def _compare_row(self, size: int, root: bytes, stored: Any, note: Any) -> None:
        self._last_row = size
        opened = self._opens(note)
        if opened is not None and (opened.size, opened.root, stored) == (size, root, root):
            self._signed, self._diverged = size, False
        elif opened is None:
            self._note(f"the checkpoint of size {size} is not one that this log signed", self.last_good, size)
        elif opened.size == size and opened.root == root:
            self._note(f"the root stored beside the checkpoint of size {size} was edited", size - 1, size)
        elif not self._diverged:
            self._diverged = True
            self._note(f"{_entries(self.last_good, size)} not what was signed at size {size}", self.last_good, size)

    def _compare_anchors(self, size: int, root: bytes) -> None:
        wrong = []
        self._sizes.pop()
        for name, checkpoint in self._anchors[size]:
            if checkpoint.root == root:
                self.agreed.append(name)
                self._vouched = size
            else:
                wrong.append(name)
        if wrong:
            # Where no checkpoint in the ledger disagreed before, the key itself may have been misused: then only what
            # is kept elsewhere counts.
            first = self.last_good if self._diverged else self._vouched
            self._note(f"{_entries(first, size)} not what {_joined(wrong)} recorded", first, size)

    def _opens(self, note: Any) -> Checkpoint | None:
        try:
            return open_checkpoint(note, self._verifier) if isinstance(note, str) else None
        except IntegrityError:
            return None

    def _note(self, what: str, first: int, size: int) -> None:
        self._findings.add(what, first, exact=first == size - 1)


def _by_size(anchors: Mapping[str, Checkpoint], origin: str) -> dict[int, list[tuple[str, Checkpoint]]]:
    by_size: dict[int, list[tuple[str, Checkpoint]]] = {}
    for name, checkpoint in anchors.items():
        if checkpoint.origin != origin:
            raise InvalidInputError(
                f"it is a checkpoint of the log {checkpoint.origin}, not {origin}",
                where=name,
                remedy="Compare a log with its own checkpoints.",
            )
        by_size.setdefault(checkpoint.size, []).append((name, checkpoint))
    return by_size


def _entries(first: int, size: int) -> str:
    return f"entry {first} is" if first == size - 1 else f"entries {first} to {size - 1} are"


def _joined(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"
