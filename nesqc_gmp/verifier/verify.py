"""An evidence bundle, checked in numbered steps.

1. The folder is whole: exactly the files of the manifest, each with its digest.
2. The keys of the bundle are the pinned ones.
3. The checkpoint is signed by the log.
4. Every entry stands in the log at its index; entry 0 founds the site with these keys.
5. Certificates of people were issued by the authority for those people.
6. Every signature holds.
7. The batch is complete, and every step was done in order by people who may.
8. Every original file is there, byte for byte.
9. The certificate says what the entries say.

A step that stands on a failed one counts as failed. A bundle is evidence from outside: whatever is in it, the answer
is a report, never an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nesqc_gmp.errors import IntegrityError, NesqcError
from nesqc_gmp.evidence import EvidenceBundle, read
from nesqc_gmp.notes import Checkpoint, open_checkpoint
from nesqc_gmp.verifier.completeness import check_complete
from nesqc_gmp.verifier.originals import check_originals
from nesqc_gmp.verifier.proven import Keys, Proven, prove, read_keys
from nesqc_gmp.verifier.record import check_record
from nesqc_gmp.verifier.report import Step, VerificationReport
from nesqc_gmp.verifier.signing import check_certificates, check_signatures


def verify_bundle(
    bundle: EvidenceBundle | Path, *, log_key: str | None, authority: bytes | None, record_sha256: str | None
) -> VerificationReport:
    """Check a bundle.

    Args:
        bundle: A bundle, or the folder of one.
        log_key: Verifier key of the log from another source than the bundle; without it the bundle vouches for itself.
        authority: Certificate of the site's authority, PEM, from another source than the bundle; likewise.
        record_sha256: Digest of ``record.json`` as the certificate prints it.

    Returns:
        Nine steps.
    """
    return _Verification(bundle, log_key, authority, record_sha256).report()


class _Verification:
    """One verification; each step leaves what it found for those that stand on it."""

    def __init__(
        self, source: EvidenceBundle | Path, log_key: str | None, authority: bytes | None, record_sha256: str | None
    ) -> None:
        self._source = source
        self._pinned = (log_key, authority)
        self._record_sha256 = record_sha256
        self.bundle: EvidenceBundle
        self.keys: Keys
        self.checkpoint: Checkpoint
        self.proven: Proven

    def report(self) -> VerificationReport:
        """Run every step that can be run."""
        steps: dict[int, Step] = {}
        for number, name, check, needed in _STEPS:
            missing = [n for n in needed if not steps[n].passed]
            if missing:
                passed, detail = False, f"not reached: stands on step {missing[0]}"
            else:
                passed, detail = self._run(check)
            steps[number] = Step(number=number, name=name, passed=passed, detail=detail)
        return VerificationReport(steps=tuple(steps.values()))

    def _run(self, check: Callable[[_Verification], str]) -> tuple[bool, str]:
        try:
            return True, check(self)
        except NesqcError as error:
            return False, f"{error.where}: {error.what}" if error.where else error.what
        except Exception as error:  # a forger chooses what is parsed here; nothing he chooses may stop the report
            return False, f"the evidence cannot be read as what it claims to be ({type(error).__name__})"

    def whole(self) -> str:
        """Step 1."""
        if isinstance(self._source, EvidenceBundle):
            self.bundle = self._source
            return "handed over in memory, not as a folder"
        self.bundle = read(self._source)
        return f"{len(self.bundle.entries)} entries, {len(self.bundle.objects)} originals"

    def pinned(self) -> str:
        """Step 2."""
        log_key, authority = self._pinned
        self.keys = read_keys(self.bundle.log_key, self.bundle.authority)
        trusted = read_keys(
            self.bundle.log_key if log_key is None else log_key.removesuffix("\n"),
            self.bundle.authority if authority is None else authority,
        )
        if trusted.log != self.keys.log:
            raise IntegrityError("the log key of the bundle is not the pinned one")
        if trusted.authority != self.keys.authority:
            raise IntegrityError("the authority of the bundle is not the pinned one")
        names = {"log key": log_key, "authority": authority}
        if unpinned := [name for name, value in names.items() if value is None]:
            return f"ATTENTION: {' and '.join(unpinned)} TAKEN FROM THE BUNDLE ITSELF: pin them, or this proves little"
        return "log key and authority are the pinned ones"

    def signed_checkpoint(self) -> str:
        """Step 3."""
        self.checkpoint = open_checkpoint(self.bundle.checkpoint, self.keys.log)
        return f"log {self.checkpoint.origin}, {self.checkpoint.size} entries"

    def included(self) -> str:
        """Step 4."""
        self.proven = prove(self.bundle, self.keys, self.checkpoint)
        return f"{len(self.proven.entries)} entries, batch {self.proven.batch}"

    def certificates(self) -> str:
        """Step 5."""
        return check_certificates(self.proven)

    def signatures(self) -> str:
        """Step 6."""
        return check_signatures(self.proven)

    def complete(self) -> str:
        """Step 7."""
        return check_complete(self.proven)

    def originals(self) -> str:
        """Step 8."""
        return check_originals(self.proven, self.bundle.objects)

    def record(self) -> str:
        """Step 9."""
        return check_record(self.proven, self.bundle.record, self._record_sha256)


_STEPS: tuple[tuple[int, str, Callable[[_Verification], str], tuple[int, ...]], ...] = (
    (1, "the folder is whole", _Verification.whole, ()),
    (2, "the keys are the pinned ones", _Verification.pinned, (1,)),
    (3, "the checkpoint is signed by the log", _Verification.signed_checkpoint, (2,)),
    (4, "every entry stands in the log", _Verification.included, (3,)),
    (5, "certificates of people were issued by the authority", _Verification.certificates, (4,)),
    (6, "every signature holds", _Verification.signatures, (4, 5)),
    (7, "the batch is complete and in order", _Verification.complete, (4, 6)),
    (8, "every original file is there", _Verification.originals, (4,)),
    (9, "the certificate says what the entries say", _Verification.record, (4, 7)),
)
