"""Checkpoints: the signed head of a log (C2SP ``tlog-checkpoint``)."""

from __future__ import annotations

from dataclasses import dataclass

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.merkle import HASH_SIZE
from nesqc_gmp.notes.keys import NoteSigner, NoteVerifier
from nesqc_gmp.notes.signed import open_note
from nesqc_gmp.notes.text import from_base64, name_problem, read_decimal, refuse, to_base64

MAX_SIZE = 2**63 - 1
"""Largest number of entries of a log."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Head of a log: what the log held when it had this size.

    Extension lines are refused: C2SP advises against them, and no log of this tool writes any.

    Attributes:
        origin: Name of the log, equal to the name of its key.
        size: Number of entries.
        root: Merkle root hash, 32 bytes.

    Raises:
        InvalidInputError: A value is outside its range.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        problem = name_problem(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            problem = f"{self.size} is not a number of entries."
        if len(self.root) != HASH_SIZE:
            problem = f"A root hash is {HASH_SIZE} bytes, not {len(self.root)}."
        if problem:
            raise InvalidInputError(problem, where="checkpoint", remedy="Check the origin of the log.")

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint note.

        Raises:
            IntegrityError: It is not a checkpoint as this tool writes them.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            refuse("A checkpoint has three lines: origin, size, root.", "checkpoint")
        origin, size, root = lines[0], read_decimal(lines[1], "checkpoint"), from_base64(lines[2], "checkpoint")
        try:
            return cls(origin, size, root)
        except InvalidInputError as error:
            refuse(error.what, "checkpoint")

    def __str__(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """Sign the head of a log.

    Raises:
        InvalidInputError: The key carries another name than the log.
    """
    if checkpoint.origin != signer.verifier.name:
        raise InvalidInputError(
            f"The key is named {signer.name}, the log {checkpoint.origin}.",
            where="checkpoint",
            remedy="Sign a log with its own key.",
        )
    # A checkpoint cannot hold what sign() would refuse.
    text = str(checkpoint)
    return f"{text}\n{signer.signature_line(text)}"


def open_checkpoint(data: bytes | str, verifier: NoteVerifier) -> Checkpoint:
    """Read a signed checkpoint and verify it with the key of the log.

    Raises:
        IntegrityError: It is damaged, signed by another key, or of another log.
    """
    checkpoint = Checkpoint.parse(open_note(data, [verifier]))
    if checkpoint.origin != verifier.name:
        refuse(f"The checkpoint is of the log {checkpoint.origin}, not {verifier.name}.", "checkpoint")
    return checkpoint
