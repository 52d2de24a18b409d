"""The content of a record: the digest a signature is bound to.

The content of a record at some moment is the sequence of leaf hashes of its content entries (``records.entry
.CONTENT_KINDS``). Its digest is SHA-256 over those hashes as lower-case hexadecimal, each followed by a newline. Any
further content entry changes the digest, and the record shows as *not signed in its present form*.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Content:
    """Version (count of content entries) and digest of a record's content."""

    version: int
    sha256: str

    @classmethod
    def of(cls, leaf_hashes: Iterable[bytes]) -> Content:
        """The content made of these leaf hashes, in the order of the log."""
        digest = hashlib.sha256()
        version = 0
        for leaf_hash in leaf_hashes:
            digest.update(leaf_hash.hex().encode() + b"\n")
            version += 1
        return cls(version, digest.hexdigest())
