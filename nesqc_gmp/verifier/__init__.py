"""Checking an evidence bundle in numbered steps, far from the site that made it.

No database, no network, no image or model software: the standard library, `cryptography`, `pydantic` and the records.
"""

from nesqc_gmp.verifier.report import Step, VerificationReport
from nesqc_gmp.verifier.verify import verify_bundle

__all__ = ["Step", "VerificationReport", "verify_bundle"]
