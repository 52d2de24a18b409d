"""A forger who stole keys: rebuilds a whole log, signs it again, and makes the certificate agree.

With the log key alone he can rewrite entries but no signature; with everybody's keys he can rewrite everything, and
only the rules stand in his way, and the checkpoints that others keep.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.evidence import EvidenceBundle, EvidenceEntry
from nesqc_gmp.identity.personal_key import sign_statement
from nesqc_gmp.merkle import CompactRange, inclusion_proof, leaf_hash
from nesqc_gmp.notes import Checkpoint, InclusionProof, NoteSigner, sign_checkpoint
from nesqc_gmp.records.content import Content
from nesqc_gmp.records.entry import CONTENT_KINDS

Json = dict[str, Any]
RESULTS = ("result_recorded", "result_verified")
AFTER_SIGNING = ("signature", "acknowledgement", "pdf_sha256")


def entries_of(bundle: EvidenceBundle) -> list[Json]:
    """The entries as JSON values, to be changed."""
    return [json.loads(item.body) for item in bundle.entries]


def first(entries: list[Json], kind: str, number: int = 0) -> Json:
    """One entry of a kind."""
    return [entry for entry in entries if entry["record"]["kind"] == kind][number]


def log_of(bodies: list[bytes], signer: NoteSigner) -> tuple[str, list[str]]:
    """Signed checkpoint and proofs of a log of these entries."""
    tree, nodes = CompactRange(), {}
    for number, body in enumerate(bodies):
        nodes[0, number] = leaf_hash(body)
        nodes.update({(level, at): node for level, at, node in tree.append(nodes[0, number])})
    note = sign_checkpoint(Checkpoint(signer.name, tree.size, tree.root()), signer)
    paths = [inclusion_proof(i, tree.size, lambda level, at: nodes[level, at]) for i in range(tree.size)]
    return note, [InclusionProof(i, tuple(path), note).format() for i, path in enumerate(paths)]


def forge(
    bundle: EvidenceBundle,
    change: Callable[[list[Json]], None],
    log: NoteSigner,
    people: dict[str, bytes] | None = None,
    record: Callable[[Json], None] | None = None,
) -> EvidenceBundle:
    """A bundle of another history.

    Args:
        bundle: The honest bundle; it holds its log from the first entry to the last.
        change: What is changed in the entries.
        log: The stolen log key.
        people: Stolen keys of people by id; without them signatures stay as they were.
        record: What is changed in ``record.json``, which otherwise follows the forged log.
    """
    entries = entries_of(bundle)
    change(entries)
    refer(entries, entries_of(bundle))
    tree = CompactRange()
    for index, entry in enumerate(entries):
        entry["index"] = index
        if people is not None:
            resign(entry, entries[:index], people, tree.root())
        tree.append(leaf_hash(canonical_json(entry)))
    bodies = [canonical_json(entry) for entry in entries]
    note, proofs = log_of(bodies, log)
    content = json.loads(bundle.record)
    follow(content, entries, note)
    if record is not None:
        record(content)
    items = tuple(EvidenceEntry(i, body, proof) for i, (body, proof) in enumerate(zip(bodies, proofs, strict=True)))
    return EvidenceBundle(bundle.log_key, bundle.authority, note, canonical_json(content), items, bundle.objects)


def refer(entries: list[Json], before: list[Json]) -> None:
    """Make entries that name others name them at their new places, so that an attack fails for its own reason."""
    moved = {entry["index"]: index for index, entry in enumerate(entries)}

    def own(log: list[Json], subject: Json, end: int) -> int:
        return sum(e["subject"] == subject for e in log[:end])

    for index, entry in enumerate(entries):
        record, old = entry["record"], entry["index"]
        if record["kind"] == "result_verified":
            record["recorded_index"] = moved.get(record["recorded_index"], record["recorded_index"])
        if record["kind"] == "audit_trail_reviewed":
            record["first"] = moved.get(record["first"], record["first"])
            record["last"] = moved.get(record["last"], index - 1)
            record["entries"] += own(entries, entry["subject"], index) - own(before, entry["subject"], old)


def signature_in(record: Json) -> Json | None:
    """The signature of a record, as JSON."""
    found = record.get("signature") or record.get("acknowledgement")
    return found if isinstance(found, dict) else None


def resign(entry: Json, earlier: list[Json], people: dict[str, bytes], root: bytes) -> None:
    """Sign an entry again over what it says now, with the stolen key of its actor."""
    signature = signature_in(entry["record"])
    if signature is None or entry["actor"]["person"] not in people:
        return
    own = [e for e in earlier if e["subject"] == entry["subject"] and e["record"]["kind"] in CONTENT_KINDS]
    content = Content.of(leaf_hash(canonical_json(e)) for e in own)
    act = {key: value for key, value in entry["record"].items() if key not in AFTER_SIGNING}
    subject, actor = entry["subject"], entry["actor"]
    new = {
        "Record": f"{subject['type']} {subject['id']}", "Version": str(content.version),
        "Content SHA-256": content.sha256, "Act SHA-256": sha256_hex(canonical_json(act)), "Role": actor["role"],
        "Signer": actor["person"], "Name": actor["name"], "Reason": entry["reason"] or "-",
        "Previous checkpoint": f"{len(earlier)} {base64.b64encode(root).decode()}",
    }  # fmt: skip
    lines = []
    for line in signature["statement"].split("\n"):
        label = line.partition(": ")[0]
        lines.append(f"{label}: {new[label]}" if label in new and not line.startswith(" ") else line)
    signature["statement"] = "\n".join(lines)
    known = [e["record"] for e in [*earlier, entry] if e["record"]["kind"] == "credential_set"]
    digests = [r["certificate_sha256"] for r in known if r["person"] == actor["person"]]
    signature["certificate_sha256"] = digests[-1] if digests else "0" * 64
    raw = sign_statement(people[actor["person"]], signature["statement"].encode())
    signature["signature"] = base64.b64encode(raw).decode()


def follow(content: Json, entries: list[Json], note: str) -> None:
    """Make the certificate name the forged log and the forged signatures."""
    size, root = note.split("\n")[1:3]
    content["log"] |= {"size": int(size), "root": root}
    batch = content["batch"]["number"]
    own = [e for e in entries if e["subject"] == {"type": "batch", "id": batch}]
    for lines, results in (("manifestations", False), ("result_manifestations", True)):
        signed = [e["record"] for e in own if (e["record"]["kind"] in RESULTS) == results]
        texts = [s["statement"] for s in map(signature_in, signed) if s]
        for line, text in zip(content[lines], texts, strict=False):
            line["statement_sha256"] = sha256_hex(text.encode())
