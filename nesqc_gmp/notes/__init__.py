"""Signed text: notes, checkpoints and inclusion proofs, parsed strictly and printed exactly.

Three published formats, so that a reader needs none of this code: C2SP ``signed-note`` (text with Ed25519 signature
lines), ``tlog-checkpoint`` (origin, size and root of a log as such a text) and ``tlog-proof`` (a checkpoint with the
audit path of one entry).

What is parsed comes from outside and may be forged: parsers raise only
:class:`~nesqc_gmp.errors.IntegrityError`, accept one spelling of each value, and everything they accept prints again
byte for byte. Values made here from wrong arguments raise :class:`~nesqc_gmp.errors.InvalidInputError`.
"""

from nesqc_gmp.notes.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from nesqc_gmp.notes.keys import NoteSigner, NoteVerifier
from nesqc_gmp.notes.proof import InclusionProof
from nesqc_gmp.notes.signed import NoteSignature, SignedNote, open_note, sign

__all__ = [
    "Checkpoint",
    "InclusionProof",
    "NoteSignature",
    "NoteSigner",
    "NoteVerifier",
    "SignedNote",
    "open_checkpoint",
    "open_note",
    "sign",
    "sign_checkpoint",
]
