"""What is asked of a restored site beyond the verification of every site: that people can go on working on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from nesqc_gmp.config import SitePaths
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError, NesqcError
from nesqc_gmp.identity.authority import load as load_authority
from nesqc_gmp.identity.personal_key import key_pair_bytes, load_certificate, load_private_key
from nesqc_gmp.ledger import Reader
from nesqc_gmp.notes import Checkpoint, NoteSigner
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.records.batches import AttemptClosed, AttemptOpened, ImageScored
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.images import AttemptReceipt
from nesqc_gmp.state.people import fold_people


def obstacles(paths: SitePaths, head: Checkpoint) -> Iterator[str]:
    """What keeps people from going on with a restored site: another end of the log, keys that are missing or foreign.

    The log key, the authority and the time-stamping authority are those of the founding record, and the sealed key of
    every account that can be used is there. What a sealed key holds only its owner can see.

    Args:
        paths: A site on which nobody works.
        head: Where its log ends.

    Raises:
        NesqcError: The site cannot be opened at all.
    """
    with Site(paths) as site, site.ledger.reading() as reader:
        founded = site.founded
        people = fold_people(reader.entries_about("person")).values()
        size = reader.size
    if (site.ledger.origin, size) != (head.origin, head.size):
        yield f"the log {site.ledger.origin} ends at {size} entries, not {head.origin} at {head.size}"
    trusted = ((paths.log_verifier, founded.log_key), (paths.authority_certificate, founded.authority))
    for path, expected in trusted:
        if not path.is_file() or path.read_text(errors="replace").strip() != expected.strip():
            yield f"{path.name} in the trust folder is not the one of the founding"
    private: tuple[tuple[Path, Callable[[bytes], bool]], ...] = (
        (paths.log_key, lambda key: str(NoteSigner.parse(key.decode()).verifier) == founded.log_key),
        (paths.authority, lambda key: load_authority(key).certificate_pem.decode() == founded.authority),
        (paths.timestamp_key, lambda key: _public(key) == _certified(founded.timestamp_certificate)),
    )
    for path, fits in private:
        if not _holds(path, fits):
            yield f"{path.name} is missing or is not the key of the founding"
    for person in people:
        if person.standing == "disabled" or person.credential is None:
            continue
        if not _holds(paths.envelope(person.id), partial(_has_digest, person.credential.envelope_sha256)):
            yield f"the sealed key of {person.id} is missing or is not the one its owner set"


def _holds(path: Path, fits: Callable[[bytes], bool]) -> bool:
    try:
        return fits(path.read_bytes())
    except (OSError, ValueError, NesqcError):
        return False


def _has_digest(digest: str, data: bytes) -> bool:
    return sha256_hex(data) == digest


def _public(private_pkcs8: bytes) -> bytes:
    return key_pair_bytes(load_private_key(private_pkcs8)).public_key


def _certified(certificate_pem: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = load_certificate(certificate_pem.encode()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rescored(paths: SitePaths) -> str | None:
    """Find the last recorded score again from the original and the package as they lie in this site.

    Nothing new is learned of the image: the attempt is in the log, and only whether the score is the same is told.

    Returns:
        Which score; ``None`` where none is recorded.

    Raises:
        IntegrityError: Another score was found.
        ModelRefusedError: The package is not what was approved, or gives other golden outputs on this computer.
    """
    with Site(paths) as site:
        with site.ledger.reading() as reader:
            found = _last_scored(reader)
        return None if found is None else _same_again(site, *found)


def _last_scored(reader: Reader) -> tuple[str, AttemptReceipt, str, ImageScored] | None:
    """Batch, proof of its attempt, package and result of the last image with a score in a completed attempt."""
    for closed in reversed(list(reader.entries_of(("attempt_closed",)))):
        if not isinstance(closed.record, AttemptClosed) or closed.record.ending != "completed":
            continue
        batch, number = closed.subject.id, closed.record.attempt
        opened: Entry | None = None
        scored: ImageScored | None = None
        for entry in reader.entries("batch", batch, before=closed.index):
            record = entry.record
            if isinstance(record, AttemptOpened) and record.attempt == number:
                opened = entry
            elif isinstance(record, ImageScored) and record.attempt == number and record.prediction is not None:
                scored = record
        if opened is not None and isinstance(opened.record, AttemptOpened) and scored is not None:
            note = reader.checkpoint_note()
            receipt = AttemptReceipt(record=batch, attempt=number, index=opened.index, checkpoint=note)
            return batch, receipt, opened.record.model_sha256, scored
    return None


def _same_again(site: Site, batch: str, receipt: AttemptReceipt, digest: str, scored: ImageScored) -> str:
    from nesqc_gmp.imaging.decode import decode
    from nesqc_gmp.inference.engine import Engine
    from nesqc_gmp.procedures.models import load

    which = f"{scored.image} of batch {batch}, attempt {scored.attempt}"
    samples = decode(site.objects.read(scored.sha256), name=scored.image).samples
    again = Engine(load(site, digest)).predict(samples, receipt)
    if scored.prediction is None or again.score != scored.prediction.score:
        raise IntegrityError(f"another score was found than the recorded one: {which}", where=str(site.paths.folder))
    return which


def first_of(findings: Iterator[str], more_than: int = 5) -> str:
    """Findings in one line; empty where there is none."""
    shown = list(itertools.islice(findings, more_than + 1))
    return "; ".join(shown[:more_than]) + ("; and more" if len(shown) > more_than else "")
