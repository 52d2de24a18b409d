"""Where everything lies in the folder of a bundle, and what the files derived from others must be."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final

from nesqc_gmp.evidence.bundle import EvidenceBundle, EvidenceEntry
from nesqc_gmp.identity.binding import signature_of
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.people import CredentialSet

MANIFEST: Final = "manifest.json"
README: Final = "README.txt"
LOG_KEY: Final = "log.vkey"
AUTHORITY: Final = "authority.pem"
CHECKPOINT: Final = "checkpoint"
RECORD: Final = "record.json"
ENTRY_FILE: Final = re.compile(r"entries/([0-9]{6,18})\.json")
OBJECT_FILE: Final = re.compile(r"objects/([0-9a-f]{64})")

README_TEXT: Final = """\
Evidence of one batch certificate
=================================

This folder holds what the certificate stands on. Nothing in it is secret; keep it away from people who may not see
the records of the batch.

  manifest.json   every file of this folder with its SHA-256 and its size in bytes
  log.vkey        public key of the site's log
  authority.pem   certificate of the site's certificate authority
  checkpoint      state of the log that the certificate carries, signed by the log
  record.json     what the certificate says, for machines; the same bytes are attached to the PDF
  entries/        entries of the log, byte for byte: NNNNNN.json is the entry with index NNNNNN
  proofs/         for each entry the proof that it stands in the log at this index
  signatures/     for each signature: the text that was signed (.txt), the signature (.der), the certificate (.pem)
  objects/        original images and evidence files; the name is the SHA-256 of the bytes

The two keys in this folder prove nothing by themselves: whoever forged the folder would have put in his own. Compare
them with the copy that the site gave you on paper or by another way.

Check with the software:

  nesqc certificates verify CERTIFICATE.pdf --evidence FOLDER --site SITE

Check without it (needs sh, OpenSSL 3, xxd; the script is audit/verify-entry.sh of the published source, and
audit/verify-without-us.md says the rest):

  sh verify-entry.sh KEY-FILE entries/NNNNNN.json proofs/NNNNNN.tlog-proof
  openssl verify -CAfile PEM-FILE -no_check_time signatures/NNNNNN-PERSON.pem
  openssl x509 -in signatures/NNNNNN-PERSON.pem -pubkey -noout > person.pub
  openssl dgst -sha256 -verify person.pub -signature signatures/NNNNNN-PERSON.der signatures/NNNNNN-PERSON.txt
"""


def entry_path(index: int) -> str:
    """Path of an entry."""
    return f"entries/{index:06d}.json"


def proof_path(index: int) -> str:
    """Path of its proof."""
    return f"proofs/{index:06d}.tlog-proof"


def object_path(digest: str) -> str:
    """Path of an original file."""
    return f"objects/{digest}"


def small_files(bundle: EvidenceBundle) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every file but the manifest, the README and the originals."""
    yield LOG_KEY, f"{bundle.log_key}\n".encode()
    yield AUTHORITY, bundle.authority
    yield CHECKPOINT, bundle.checkpoint.encode()
    yield RECORD, bundle.record
    for entry in bundle.entries:
        yield entry_path(entry.index), entry.body
        yield proof_path(entry.index), entry.proof.encode()
    yield from signature_files(bundle.entries)


def signature_files(entries: tuple[EvidenceEntry, ...]) -> Iterator[tuple[str, bytes]]:
    """Statement, signature and certificate of every signature in the entries, so that `openssl` can check them.

    An entry that cannot be read has none; that it cannot be read is for the verifier to say.
    """
    certificates: dict[str, bytes] = {}
    for item in entries:
        try:
            entry = Entry.model_validate_json(item.body)
            signature = signature_of(entry)
            raw = base64.b64decode(signature.signature, validate=True) if signature else b""
        except ValueError:
            continue
        if isinstance(entry.record, CredentialSet):
            certificates[entry.record.certificate_sha256] = entry.record.certificate.encode()
        if signature is None:
            continue
        stem = f"signatures/{item.index:06d}-{entry.actor.person}"
        yield f"{stem}.txt", signature.statement.encode()
        yield f"{stem}.der", raw
        if signature.certificate_sha256 in certificates:
            yield f"{stem}.pem", certificates[signature.certificate_sha256]
