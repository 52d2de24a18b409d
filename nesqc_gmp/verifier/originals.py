"""Original files: every one that a record names is there, byte for byte, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.records.batches import ImageReceived, ImageRefused, ImageScored, ResultRecorded
from nesqc_gmp.verifier.proven import Proven


def check_originals(proven: Proven, objects: Mapping[str, bytes]) -> str:
    """Compare the files with the records.

    Raises:
        IntegrityError: One is missing, altered or too much, or an image was scored from other bytes than received.
    """
    received: dict[str, str] = {}
    named: dict[str, str] = {}
    for entry in proven.about("batch", proven.batch):
        match entry.record:
            case ImageReceived(image=image, facts=facts):
                received[image] = facts.sha256
                named[facts.sha256] = image
            case ImageRefused(file_name=name, sha256=digest):
                named[digest] = name
            case ResultRecorded(evidence_name=name, evidence_sha256=digest):
                named[digest] = name
            case ImageScored(image=image, sha256=digest) if received.get(image) != digest:
                raise IntegrityError(f"entry {entry.index}: {image} was scored from other bytes than were received")
            case _:
                continue
    for digest, name in named.items():
        if digest not in objects:
            raise IntegrityError(f"the original of {name} is missing: {digest}")
        if sha256_hex(objects[digest]) != digest:
            raise IntegrityError(f"the original of {name} was altered: {digest}")
    if extra := sorted(set(objects) - set(named)):
        raise IntegrityError(f"no record names the original {extra[0]}")
    return f"{len(named)} originals, hashed"
