"""The evidence bundle: a folder that lets anybody check a certificate without the site, its database or this software.

The folder holds exact bytes only: entries as they were logged, proofs, the signed checkpoint, the two public keys,
what each person signed, and the original files. ``manifest.json`` names every file with its digest; it protects
against damage, not against a forger. What protects against a forger are the proofs and signatures, checked by
``nesqc_gmp.verifier`` or by hand (``audit/verify-without-us.md``).
"""

from nesqc_gmp.evidence.bundle import EvidenceBundle, EvidenceEntry
from nesqc_gmp.evidence.folder import read, write

__all__ = ["EvidenceBundle", "EvidenceEntry", "read", "write"]
