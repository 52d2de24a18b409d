"""The steps, in order."""

from __future__ import annotations

from pathlib import Path

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.evidence import EvidenceBundle, read
from nesqc_gmp.verifier.report import Step, VerificationReport


def verify_bundle(
    bundle: EvidenceBundle | Path, *, log_key: str | None, authority: bytes | None, record_sha256: str | None
) -> VerificationReport:
    """Check a bundle.

    Args:
        bundle: A bundle, or the folder of one.
        log_key: Verifier key of the log from another source than the bundle.
        authority: Certificate of the site's authority, PEM, from another source than the bundle.
        record_sha256: Digest of ``record.json`` as the certificate prints it.
    """
    try:
        read(bundle) if isinstance(bundle, Path) else bundle
    except IntegrityError as error:
        return VerificationReport(steps=(Step(number=1, name="the folder is whole", passed=False, detail=str(error)),))
    return VerificationReport(
        steps=(Step(number=1, name="the folder is whole", passed=False, detail="not checked yet"),)
    )
