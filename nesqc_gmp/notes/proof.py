"""Inclusion proofs as one text file that verifies offline (C2SP ``tlog-proof``)."""

from __future__ import annotations

from dataclasses import dataclass

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from nesqc_gmp.notes.checkpoint import MAX_SIZE, Checkpoint, open_checkpoint
from nesqc_gmp.notes.keys import NoteVerifier
from nesqc_gmp.notes.signed import SignedNote
from nesqc_gmp.notes.text import from_base64, read_decimal, read_text, refuse, to_base64

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
"""First line of an inclusion proof file."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Evidence that one entry stands in a log, complete in one text file (``.tlog-proof``).

    Attributes:
        index: Entry, counted from 0.
        hashes: Audit path from the leaf's sibling to the root's child, 32 bytes each.
        checkpoint: The signed checkpoint note, letter for letter.
        extra: Bytes for the reader's convenience; nothing vouches for them.

    Raises:
        InvalidInputError: A value is outside its range.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        problem = None
        if not 0 <= self.index < MAX_SIZE:
            problem = f"{self.index} is not an index of a log."
        if len(self.hashes) > MAX_SIZE.bit_length() or any(len(value) != HASH_SIZE for value in self.hashes):
            problem = f"An audit path has at most {MAX_SIZE.bit_length()} hashes of {HASH_SIZE} bytes."
        if self.extra == b"":
            problem = "Extra data is empty."
        if problem:
            raise InvalidInputError(problem, where="inclusion proof", remedy="Ask the log for the proof again.")

    @classmethod
    def parse(cls, data: bytes | str) -> InclusionProof:
        """Read a proof file without verifying it.

        Raises:
            IntegrityError: It is not a proof file.
        """
        place = "inclusion proof"
        head, empty, checkpoint = read_text(data, place).partition("\n\n")
        lines = head.split("\n")
        if not empty or lines[0] != PROOF_HEADER:
            refuse(f"The file is not a {PROOF_HEADER} file.", place)
        extra = None
        if lines[1:] and lines[1].startswith("extra "):
            extra = from_base64(lines.pop(1).removeprefix("extra "), place)
        if not lines[1:] or not lines[1].startswith("index "):
            refuse("The index line is missing.", place)
        SignedNote.parse(checkpoint)
        index = read_decimal(lines[1].removeprefix("index "), place)
        hashes = tuple(from_base64(line, place) for line in lines[2:])
        try:
            return cls(index, hashes, checkpoint, extra)
        except InvalidInputError as error:
            refuse(error.what, place)

    def format(self) -> str:
        """The text of the proof file."""
        lines = [PROOF_HEADER]
        if self.extra is not None:
            lines.append(f"extra {to_base64(self.extra)}")
        lines += [f"index {self.index}", *map(to_base64, self.hashes), "", self.checkpoint]
        return "\n".join(lines)

    def verify(self, entry: bytes, verifier: NoteVerifier) -> Checkpoint:
        """Check that the log of this key holds exactly these bytes at this index.

        Args:
            entry: The entry's bytes as they were logged.
            verifier: Key of the log; its name is the origin.

        Returns:
            The verified checkpoint.

        Raises:
            IntegrityError: The checkpoint is not signed by the key, or the entry does not stand there.
        """
        checkpoint = open_checkpoint(self.checkpoint, verifier)
        verify_inclusion(leaf_hash(entry), self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint
