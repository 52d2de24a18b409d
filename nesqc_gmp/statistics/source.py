"""The digest of the analysis: what computes the figures of a test is fixed before it (EU GMP Annex 22 draft 7.2)."""

from __future__ import annotations

from pathlib import Path

from nesqc_gmp.digest import canonical_json, sha256_hex


def analysis_sha256() -> str:
    """Digest over the source files of this package: SHA-256 of the canonical JSON of name and SHA-256 of each file."""
    folder = Path(__file__).parent
    return sha256_hex(canonical_json({file.name: sha256_hex(file.read_bytes()) for file in folder.glob("*.py")}))
