"""Entries that are proven to stand in the log, and what can be read from them: keys, checkpoint, inclusion."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography import x509

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.evidence import EvidenceBundle
from nesqc_gmp.identity.personal_key import load_certificate
from nesqc_gmp.merkle import leaf_hash
from nesqc_gmp.notes import Checkpoint, InclusionProof, NoteVerifier
from nesqc_gmp.records.batches import BatchRegistered
from nesqc_gmp.records.content import Content
from nesqc_gmp.records.entry import CONTENT_KINDS, Entry
from nesqc_gmp.records.products import Specification, SpecificationDrafted
from nesqc_gmp.records.site import SiteFounded, purpose_of


@dataclass(frozen=True, slots=True)
class Keys:
    """The two public keys that everything else is checked with."""

    log: NoteVerifier
    authority: x509.Certificate


@dataclass(frozen=True, slots=True)
class Proven:
    """Entries that stand in the log of the checkpoint.

    Attributes:
        checkpoint: The checkpoint.
        founded: The founding record.
        entries: Every entry of the bundle, oldest first.
        leaf_hashes: Leaf hash of each entry by index.
        specification: The specification the batch was registered against.
        batch: Batch number.
    """

    checkpoint: Checkpoint
    founded: SiteFounded
    entries: tuple[Entry, ...]
    leaf_hashes: Mapping[int, bytes]
    specification: Specification
    batch: str

    _about: Mapping[tuple[str, str | None], list[Entry]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups: defaultdict[tuple[str, str | None], list[Entry]] = defaultdict(list)
        for entry in self.entries:
            groups[entry.subject.type, entry.subject.id].append(entry)
            groups[entry.subject.type, None].append(entry)
        object.__setattr__(self, "_about", dict(groups))

    def about(self, subject_type: str, subject_id: str | None = None, before: int | None = None) -> Sequence[Entry]:
        """Entries about one record, or about every record of a type, below an index."""
        found = self._about.get((subject_type, subject_id), [])
        return found if before is None else found[: bisect_left(found, before, key=lambda entry: entry.index)]

    def content_before(self, entry: Entry) -> Content:
        """The content of an entry's subject just before it."""
        earlier = self.about(entry.subject.type, entry.subject.id, entry.index)
        return Content.of(self.leaf_hashes[e.index] for e in earlier if e.kind in CONTENT_KINDS)


def read_keys(log_key: str, authority: bytes) -> Keys:
    """The keys of a bundle, or pinned ones.

    Raises:
        IntegrityError: One of them is not a key of its kind.
    """
    return Keys(NoteVerifier.parse(log_key), load_certificate(authority))


def require_canonical(data: bytes, what: str) -> None:
    """JSON that has one reading only: RFC 8785 form, no member named twice.

    Raises:
        IntegrityError: It is not.
    """
    try:
        same = canonical_json(json.loads(data)) == data
    except (ValueError, RecursionError):
        same = False
    if not same:
        raise IntegrityError(f"{what} is not canonical JSON")


def prove(bundle: EvidenceBundle, keys: Keys, checkpoint: Checkpoint) -> Proven:
    """Check that every entry stands in the log, and that nothing stands among them that has no place there.

    Raises:
        IntegrityError: An entry does not, cannot be read, or is about something else.
    """
    entries: list[Entry] = []
    hashes: dict[int, bytes] = {}
    for item in bundle.entries:
        if entries and item.index <= entries[-1].index:
            raise IntegrityError("the entries are not in the order of the log")
        proof = InclusionProof.parse(item.proof)
        if proof.checkpoint != bundle.checkpoint or proof.index != item.index:
            raise IntegrityError(f"the proof of entry {item.index} is for another checkpoint or index")
        try:
            proof.verify(item.body, keys.log)
        except IntegrityError as error:
            raise IntegrityError(f"entry {item.index}: {error.what}", first_bad=item.index) from error
        entries.append(_read(item.body, item.index, checkpoint))
        hashes[item.index] = leaf_hash(item.body)
    return _sorted_out(checkpoint, keys, tuple(entries), hashes)


def _read(body: bytes, index: int, checkpoint: Checkpoint) -> Entry:
    require_canonical(body, f"entry {index}")
    try:
        entry = Entry.model_validate_json(body)
    except ValueError as error:
        raise IntegrityError(f"entry {index} is not a record this software knows") from error
    if (entry.index, entry.origin) != (index, checkpoint.origin):
        raise IntegrityError(f"entry {index} says it stands elsewhere")
    return entry


def _sorted_out(checkpoint: Checkpoint, keys: Keys, entries: tuple[Entry, ...], hashes: Mapping[int, bytes]) -> Proven:
    founded = entries[0].record if entries and entries[0].index == 0 else None
    if not isinstance(founded, SiteFounded):
        raise IntegrityError("entry 0, the founding of the site, is missing")
    if founded.log_key != str(keys.log) or load_certificate(founded.authority.encode()) != keys.authority:
        raise IntegrityError("the site was founded with other keys")
    if purpose_of(checkpoint.origin) != founded.purpose:
        raise IntegrityError("the founding of the site and the origin of its log name two purposes")
    registered = [entry.record for entry in entries if isinstance(entry.record, BatchRegistered)]
    if len(registered) != 1:
        raise IntegrityError(f"{len(registered)} batches are registered in the bundle instead of one")
    name, specification_id = registered[0].batch, registered[0].specification_id
    drafts = (entry.record for entry in entries if isinstance(entry.record, SpecificationDrafted))
    drafted = [d.specification for d in drafts if d.specification.identifier == specification_id]
    if len(drafted) != 1:
        raise IntegrityError(f"the specification {specification_id} is missing or drafted twice")
    subjects = {
        ("specification", specification_id), ("model", drafted[0].morphology.model_sha256), ("batch", name),
    }  # fmt: skip
    for entry in entries[1:]:
        subject = (entry.subject.type, entry.subject.id)
        if entry.subject.type != "person" and subject not in subjects:
            raise IntegrityError(f"entry {entry.index} is about the {' '.join(subject)}, which has no place here")
    return Proven(checkpoint, founded, entries, hashes, drafted[0], name)
