"""Keys for signed notes: who signed, by name and Ed25519 key (C2SP ``signed-note``, RFC 8032)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.notes.text import SIGNATURE_START, from_base64, name_problem, refuse, to_base64

ED25519 = 0x01
"""Signature type byte of plain Ed25519 in a C2SP key text."""

_KEY_ID = re.compile(r"[0-9a-f]{8}")
_PRIVATE_KEY_START = "PRIVATE+KEY+"

_FIELD_PRIME = 2**255 - 19
_ORDER_EIGHT_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_LOW_ORDER_Y = frozenset({0, 1, _FIELD_PRIME - 1, _ORDER_EIGHT_Y, _FIELD_PRIME - _ORDER_EIGHT_Y})
"""y coordinates of the eight points of order 1, 2, 4 and 8 on edwards25519 (RFC 8032 section 5.1)."""


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A named Ed25519 public key, written as ``name+key id+base64``.

    Attributes:
        name: Key name; for a log, its origin.
        public_key: 32 bytes (RFC 8032 section 5.1.5).

    Raises:
        InvalidInputError: The name has a space, a plus sign or nothing in it, or the key is unsafe.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        problem = name_problem(self.name) or _public_key_problem(self.public_key)
        if problem:
            raise InvalidInputError(problem, where=f"key {self.name!r}", remedy="Make a new key.")

    @classmethod
    def parse(cls, text: str) -> NoteVerifier:
        """Read a key text.

        Raises:
            IntegrityError: The text is damaged, or the key is not one this tool trusts.
        """
        name, _, rest = text.partition("+")
        raw = _key_bytes(rest, "verifier key")
        verifier = _trusted(name, raw, "verifier key")
        if str(verifier) != text:
            refuse("The key id does not belong to the key.", "verifier key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name || newline || 0x01 || public key)."""
        named = self.name.encode() + b"\n" + bytes([ED25519]) + self.public_key
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        """``name+key id+base64(0x01 || public key)``."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([ED25519]) + self.public_key)}"

    def check(self, message: bytes, signature: bytes) -> None:
        """Verify a 64-byte Ed25519 signature (RFC 8032 section 5.1.7) over a message.

        Raises:
            IntegrityError: The signature is not by this key over this message.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            refuse("The signature does not fit the text.", f"key {self.name}")


class NoteSigner:
    """A named Ed25519 private key.

    Args:
        name: Key name; for a log, its origin.
        seed: 32-byte private key (RFC 8032 section 5.1.5).

    Raises:
        InvalidInputError: The name has a space, a plus sign or nothing in it, or the seed is not 32 bytes.
    """

    __slots__ = ("_key", "_key_id", "_line_start", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != 32:
            raise InvalidInputError("A private key is 32 bytes.", where=f"key {name!r}", remedy="Make a new key.")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = NoteVerifier(name, self._key.public_key().public_bytes_raw())
        self._key_id = self.verifier.key_id
        self._line_start = f"{SIGNATURE_START}{name} "

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        """Make a new key from the operating system's random numbers.

        Raises:
            InvalidInputError: The name has a space, a plus sign or nothing in it.
        """
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> NoteSigner:
        """Read ``PRIVATE+KEY+name+key id+base64``.

        Raises:
            IntegrityError: The text is damaged. The message never repeats the text.
        """
        if not text.startswith(_PRIVATE_KEY_START):
            refuse("The text is not a private key.", "private key")
        name, _, rest = text.removeprefix(_PRIVATE_KEY_START).partition("+")
        raw = _key_bytes(rest, "private key")
        if name_problem(name):
            refuse("The key name is not allowed.", "private key")
        signer = cls(name, raw)
        if signer.private_text() != text:
            refuse("The key id does not belong to the key.", "private key")
        return signer

    @property
    def name(self) -> str:
        """Key name."""
        return self.verifier.name

    def private_text(self) -> str:
        """``PRIVATE+KEY+name+key id+base64(0x01 || seed)``: a secret, for the key file only."""
        secret = to_base64(bytes([ED25519]) + self._key.private_bytes_raw())
        return f"{_PRIVATE_KEY_START}{self.name}+{self._key_id.hex()}+{secret}"

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature over raw bytes, 64 bytes (RFC 8032 section 5.1.6)."""
        return self._key.sign(message)

    def signature_line(self, text: str) -> str:
        """The line that goes under a note text, with its newline."""
        return f"{self._line_start}{to_base64(self._key_id + self._key.sign(text.encode()))}\n"


def _key_bytes(rest: str, place: str) -> bytes:
    """The 32 bytes of ``key id+base64(type || key)``; base64 may hold plus signs, so only the first one splits."""
    key_id, _, encoded = rest.partition("+")
    if not _KEY_ID.fullmatch(key_id):
        refuse("The key id is not eight hexadecimal digits.", place)
    raw = from_base64(encoded, place)
    if len(raw) != 33 or raw[0] != ED25519:
        refuse("The key is not a plain Ed25519 key (type 1, 32 bytes).", place)
    return raw[1:]


def _trusted(name: str, public_key: bytes, place: str) -> NoteVerifier:
    """A verifier from parsed values, refused as damaged where the values are not allowed."""
    try:
        return NoteVerifier(name, public_key)
    except InvalidInputError as error:
        refuse(error.what, place)


def _public_key_problem(key: bytes) -> str | None:
    """Why a public key is not safe to trust.

    Under a key of low order one signature fits many texts, so its owner could deny what was signed; a y coordinate not
    reduced modulo the field prime would be a second spelling of the same key (RFC 8032 section 5.1.3).
    """
    if len(key) != 32:
        return "A public key is 32 bytes."
    y = int.from_bytes(key, "little") & (2**255 - 1)
    if y >= _FIELD_PRIME or y in _LOW_ORDER_Y:
        return "The public key is of low order or not in canonical form."
    return None
