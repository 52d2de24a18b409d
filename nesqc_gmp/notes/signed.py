"""Signed notes: text with signature lines under it (C2SP ``signed-note``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.notes.keys import NoteSigner, NoteVerifier
from nesqc_gmp.notes.text import (
    CONTROL,
    SIGNATURE_START,
    from_base64,
    is_unicode,
    name_problem,
    read_text,
    refuse,
    to_base64,
)

MAX_SIGNATURES = 100
"""Most signature lines that are read; the specification asks for at least 16."""


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line of a note, not yet verified.

    Attributes:
        name: Key name.
        key_id: 4 bytes.
        signature: The bytes after the key id; 64 for Ed25519.
    """

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """The line, without its newline."""
        return f"{SIGNATURE_START}{self.name} {to_base64(self.key_id + self.signature)}"


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A parsed note. Its text says nothing until a signature was verified: use :func:`open_note`.

    Attributes:
        text: Signed text with its final newline.
        signatures: At least one, in the order of the file.
    """

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, data: bytes | str) -> SignedNote:
        """Read a note without verifying it.

        Raises:
            IntegrityError: It is not a signed note.
        """
        note = read_text(data, "signed note")
        # The text may hold empty lines itself: the last one ends it.
        split = note.rfind("\n\n")
        text, lines = note[: split + 1], note[split + 2 :]
        if split < 0 or not lines.endswith("\n"):
            refuse("The text has no signature lines under it.", "signed note")
        rows = lines[:-1].split("\n")
        if len(rows) > MAX_SIGNATURES:
            refuse(f"There are more than {MAX_SIGNATURES} signatures.", "signed note")
        return cls(text, tuple(_signature(row) for row in rows))

    def __str__(self) -> str:
        """The note as it stands in a file."""
        return f"{self.text}\n" + "".join(f"{signature}\n" for signature in self.signatures)


def sign(text: str, signer: NoteSigner) -> str:
    """Make a signed note.

    Args:
        text: Ends with a newline and holds no other control character.
        signer: Whose signature goes under it.

    Raises:
        InvalidInputError: The text cannot be a note.
    """
    if not text.endswith("\n") or CONTROL.search(text) or not is_unicode(text):
        raise InvalidInputError(
            "A note ends with a newline and has no other control characters.",
            where="signed note",
            remedy="Remove tabs, carriage returns and broken letters.",
        )
    return f"{text}\n{signer.signature_line(text)}"


def open_note(data: bytes | str, verifiers: Iterable[NoteVerifier]) -> str:
    """Read a note and verify it: every signature by a known key must hold, and there must be one.

    Lines of unknown keys are ignored, as the specification asks, so that a witness can add its own.

    Args:
        data: The note as it stands in a file.
        verifiers: Trusted keys.

    Returns:
        The signed text.

    Raises:
        IntegrityError: It is not a note, a signature is wrong, or no known key signed.
    """
    note = SignedNote.parse(data)
    known = list(verifiers)
    message = note.text.encode()
    signed = False
    for line in note.signatures:
        for verifier in known:
            if (line.name, line.key_id) == (verifier.name, verifier.key_id):
                verifier.check(message, line.signature)
                signed = True
    if not signed:
        names = ", ".join(verifier.name for verifier in known) or "none given"
        refuse(f"No trusted key signed the text (trusted: {names}).", "signed note")
    return note.text


def _signature(line: str) -> NoteSignature:
    """One signature line, without its newline."""
    name, _, encoded = line.removeprefix(SIGNATURE_START).partition(" ")
    if not line.startswith(SIGNATURE_START) or name_problem(name):
        refuse("A line under the text is not a signature.", "signed note")
    raw = from_base64(encoded, "signed note")
    if len(raw) < 5:
        refuse("A signature is too short.", "signed note")
    return NoteSignature(name, raw[:4], raw[4:])
