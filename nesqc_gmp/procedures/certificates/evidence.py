"""The evidence folder of a certificate: records, proofs and originals that can be checked without this site."""

from __future__ import annotations

from pathlib import Path

from nesqc_gmp.evidence import EvidenceBundle, EvidenceEntry, write
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.certificates.content import Source
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.records.batches import ImageReceived, ImageRefused, ResultRecorded


def write_evidence(site: Site, reader: Reader, source: Source, record: bytes, folder: Path) -> None:
    """Write what proves a certificate: every entry behind it with its inclusion proof, and the original files.

    Args:
        site: The open site.
        reader: A view of the ledger.
        source: What the certificate was computed from; its size is the size of all proofs.
        record: The attached ``record.json``.
        folder: A folder that does not exist yet.
    """
    entries = tuple(
        EvidenceEntry(index, reader.body(index), reader.inclusion(index, source.size).format())
        for index in _indexes(reader, source)
    )
    objects = {digest: site.objects.read(digest) for digest in _originals(source)}
    bundle = EvidenceBundle(
        log_key=site.founded.log_key,
        authority=site.founded.authority.encode(),
        checkpoint=reader.checkpoint_note(source.size),
        record=record,
        entries=entries,
        objects=objects,
    )
    write(folder, bundle)


def _indexes(reader: Reader, source: Source) -> list[int]:
    """The founding, everybody who could have signed, the specification, the model and the batch."""
    entries = [
        reader.entry(0),
        *reader.entries_about("person", before=source.size),
        *reader.entries("specification", source.specification.identifier, before=source.size),
        *reader.entries("model", source.model.model_sha256, before=source.size),
        *source.entries,
    ]
    return sorted({entry.index for entry in entries if entry.index < source.size})


def _originals(source: Source) -> list[str]:
    digests: list[str] = []
    for entry in source.entries:
        match entry.record:
            case ImageReceived(facts=facts):
                digests.append(facts.sha256)
            case ImageRefused(sha256=digest) | ResultRecorded(evidence_sha256=digest):
                digests.append(digest)
            case _:
                continue
    return list(dict.fromkeys(digests))
