"""Attacks on a bundle, from the vandal to the thief of keys; each is seen at the step that promises it."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nesqc_gmp.demonstration.people import ENGINEER
from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.evidence import EvidenceBundle, EvidenceEntry
from nesqc_gmp.notes import NoteSigner, open_checkpoint
from nesqc_gmp.verifier import VerificationReport, verify_bundle
from nesqc_gmp.verifier.proven import prove, read_keys
from nesqc_gmp.verifier.record import check_record


def check(played, bundle: EvidenceBundle | Path, **changes: Any) -> VerificationReport:
    """Verify with the pinned keys."""
    return verify_bundle(bundle, **({"record_sha256": None} | played.keys | changes))


def failed(report: VerificationReport) -> int:
    """The first step that failed, 0 where none did."""
    return next((step.number for step in report.steps if not step.passed), 0)


def replace_entry(bundle: EvidenceBundle, index: int, **changes: Any) -> EvidenceBundle:
    """The bundle with one entry changed."""
    entries = tuple(dataclasses.replace(e, **changes) if e.index == index else e for e in bundle.entries)
    return dataclasses.replace(bundle, entries=entries)


# --- the vandal: one file ---------------------------------------------------------------------------


@pytest.mark.requirement("UR-CERTIFICATES-09", reviewed="118317c1", negative=True)
def test_any_single_file_flipped_or_deleted_or_added_fails_step_1(played, tmp_path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(played.released, folder)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    assert len(files) > 200
    at = random.Random(1)
    for path in files:
        good = path.read_bytes()
        place = at.randrange(len(good))
        path.unlink()
        assert failed(check(played, folder)) == 1, f"deleted {path.name}"
        path.write_bytes(good[:place] + bytes([good[place] ^ (1 << at.randrange(8))]) + good[place + 1 :])
        assert failed(check(played, folder)) == 1, f"flipped {path.name}"
        path.write_bytes(good)
    for name in ("x", "entries/000001.json~", "objects/x", "signatures/.hidden"):
        (folder / name).write_bytes(b"added")
        assert failed(check(played, folder)) == 1, f"added {name}"
        (folder / name).unlink()
    assert check(played, folder).verified


# --- the forger without keys: every byte, the manifest included -------------------------------------


def test_any_entry_or_proof_changed_fails_step_4(played) -> None:
    at = random.Random(2)
    for item in played.bundle.entries:
        place = at.randrange(len(item.body))
        body = item.body[:place] + bytes([item.body[place] ^ 1]) + item.body[place + 1 :]
        assert failed(check(played, replace_entry(played.bundle, item.index, body=body))) == 4
    for item in played.bundle.entries[:: len(played.bundle.entries) // 6]:
        for proof in ("", item.proof.replace("index", "Index"), item.proof + "x", played.bundle.entries[1].proof):
            if proof != item.proof:
                assert failed(check(played, replace_entry(played.bundle, item.index, proof=proof))) == 4


def test_entries_written_in_another_form_fail_step_4(played) -> None:
    item = played.bundle.entries[20]
    value = json.loads(item.body)
    for body in (json.dumps(value).encode(), json.dumps(value, indent=1).encode(), item.body + b"\n"):
        assert failed(check(played, replace_entry(played.bundle, 20, body=body))) == 4


def test_entries_swapped_repeated_or_in_another_order_fail_step_4(played) -> None:
    entries = list(played.bundle.entries)
    swapped = replace_entry(replace_entry(played.bundle, 30, body=entries[31].body), 31, body=entries[30].body)
    assert failed(check(played, swapped)) == 4
    for order in (entries[::-1], [*entries, entries[-1]], [entries[0], *entries]):
        assert failed(check(played, dataclasses.replace(played.bundle, entries=tuple(order)))) == 4


def test_a_bundle_of_another_log_fails_step_2_and_3(played, forger) -> None:
    other = NoteSigner.generate(played.log.name)
    forged = forger.forge(played.bundle, lambda entries: None, other)
    assert failed(check(played, forged)) == 3
    own_key = dataclasses.replace(forged, log_key=str(other.verifier))
    assert failed(check(played, own_key)) == 2
    assert failed(check(played, own_key, log_key=None)) == 4  # the site was founded with another key


def test_a_key_or_authority_of_another_site_fails_step_2(played) -> None:
    certificate = json.loads(played.bundle.entries[3].body)["record"].get("certificate")
    timestamp = json.loads(played.bundle.entries[0].body)["record"]["timestamp_certificate"]
    for pem in (certificate or timestamp, timestamp, "nonsense"):
        assert failed(check(played, dataclasses.replace(played.bundle, authority=pem.encode()))) == 2
    for key in ("nonsense", str(NoteSigner.generate(played.log.name).verifier)):
        assert failed(check(played, dataclasses.replace(played.bundle, log_key=key))) == 2


def test_an_older_checkpoint_fails(played) -> None:
    rejected = verify_bundle(played.rejected, record_sha256=None, **played.keys)
    assert rejected.verified
    later = (played.rejected / "checkpoint").read_text()
    assert failed(check(played, dataclasses.replace(played.bundle, checkpoint=later))) == 4


def kinds_of(bundle: EvidenceBundle) -> list[tuple[int, str, str]]:
    """Index, kind and subject of each entry."""
    values = [json.loads(item.body) for item in bundle.entries]
    return [(v["index"], v["record"]["kind"], v["subject"]["id"]) for v in values]


UNSIGNED_AND_NO_CONTENT = {"session_opened", "session_closed", "authentication_failed"}


def test_any_entry_left_out_is_seen_but_for_those_that_no_signature_covers(played) -> None:
    """Honest limit: what is neither content nor needed for a later step can be left out of a bundle unseen."""
    unseen = set()
    one_of_each = {(kind, subject): index for index, kind, subject in kinds_of(played.bundle)}
    for (kind, subject), index in one_of_each.items():
        rest = tuple(item for item in played.bundle.entries if item.index != index)
        report = check(played, dataclasses.replace(played.bundle, entries=rest))
        if report.verified and subject != ENGINEER.person:
            unseen.add(kind)
    assert unseen <= UNSIGNED_AND_NO_CONTENT, "and whatever is about the engineer, who has no part in the batch"


# --- originals --------------------------------------------------------------------------------------


@pytest.mark.requirement("UR-BATCHES-16", reviewed="10145da1", negative=True)
def test_originals_missing_altered_or_added_fail_step_8(played) -> None:
    digests = list(played.bundle.objects)
    objects = {digest: played.bundle.objects[digest] for digest in digests}
    for digest in digests:
        less = {d: data for d, data in objects.items() if d != digest}
        assert failed(check(played, dataclasses.replace(played.bundle, objects=less))) == 8
    altered = objects | {digests[0]: objects[digests[0]] + b"x"}
    assert failed(check(played, dataclasses.replace(played.bundle, objects=altered))) == 8
    added = objects | {sha256_hex(b"x"): b"x"}
    assert failed(check(played, dataclasses.replace(played.bundle, objects=added))) == 8


# --- the certificate --------------------------------------------------------------------------------


def changed(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("1" if value[-1:] != "1" else "2")
    return value


def fields_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Path of every plain field of a JSON value."""
    if isinstance(value, dict):
        return [p for key, item in value.items() for p in fields_of(item, (*path, key))]
    if isinstance(value, list):
        return [p for key, item in enumerate(value) for p in fields_of(item, (*path, key))]
    return [path] if value is not None else []


NOT_IN_THE_ENTRIES = {
    ("certificate",), ("revision",), ("form",), ("heat_map_legend",), ("software",), ("issued", "local"),
    ("issued", "zone"), ("batch", "passages"), ("batch", "retained_until"),
    ("specification", "sampling_plan"), ("specification", "approved_by"), ("model", "self_test"),
    ("model", "runtime"), ("model", "approved"),
}  # fmt: skip
"""Fields of the certificate that step 9 does not compare, beside texts of tests, remarks and pictures."""


@pytest.mark.requirement("UR-CERTIFICATES-05", reviewed="882024c1", negative=True)
def test_what_is_printed_and_recorded_cannot_differ(played) -> None:
    keys = read_keys(played.bundle.log_key, played.bundle.authority)
    proven = prove(played.bundle, keys, open_checkpoint(played.bundle.checkpoint, keys.log))
    content = json.loads(played.bundle.record)
    unseen = set()
    for path in fields_of(content):
        other = copy.deepcopy(content)
        place = other
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = changed(place[path[-1]])
        with contextlib.suppress(IntegrityError):
            check_record(proven, canonical_json(other), None)
            unseen.add(path)
    unseen -= {p for p in unseen if p[0] in {"examples", "remarks"}}
    assert unseen == NOT_IN_THE_ENTRIES


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b"\xff", b"nul", b'{"a":1,"a":1}', b"[" * 5000])
def test_a_record_that_is_none_fails_step_9(played, record) -> None:
    assert failed(check(played, dataclasses.replace(played.bundle, record=record))) == 9


# --- the thief of the log key: rewrites entries, cannot sign for people -------------------------------


def swap_signatures(entries, forger) -> None:
    one, two = (forger.first(entries, kind)["record"] for kind in ("batch_submitted", "batch_reviewed"))
    one["signature"], two["signature"] = two["signature"], one["signature"]


def swap_results(entries, forger) -> None:
    one, two = (forger.first(entries, "result_recorded", n)["record"] for n in (0, 1))
    one["signature"], two["signature"] = two["signature"], one["signature"]


def alter(kind: str, *path: Any, to: Any, number: int = 0) -> Any:
    """An attack that sets one field of one entry."""

    def attack(entries, forger) -> None:
        place = forger.first(entries, kind, number)
        for key in path[:-1]:
            place = place[key]
        assert place[path[-1]] != to
        place[path[-1]] = to

    return attack


def drop(kind: str, number: int = 0) -> Any:
    """An attack that leaves one entry out of the log."""
    return lambda entries, forger: entries.remove(forger.first(entries, kind, number))


def rename_batch(entries, forger) -> None:
    for entry in entries:
        if entry["subject"]["type"] == "batch":
            entry["subject"]["id"] = "NES-DEMO-0002"
    forger.first(entries, "batch_registered")["record"]["batch"] = "NES-DEMO-0002"


def steal_certificate(entries, forger) -> None:
    one, two = (forger.first(entries, "credential_set", n)["record"] for n in (0, 1))
    for field in ("certificate", "certificate_sha256"):
        one[field], two[field] = two[field], one[field]


LOG_KEY_THEFT = {
    "signatures swapped between two acts": (swap_signatures, 6),
    "signatures swapped between two results": (swap_results, 6),
    "score altered": (alter("image_scored", "record", "prediction", "score", to="0.5123"), 6),
    "outcome altered": (alter("image_scored", "record", "outcome", to="not conforming", number=3), 6),
    "decision altered": (alter("batch_disposed", "record", "decision", to="rejected"), 6),
    "comment of the decision altered": (alter("batch_disposed", "record", "comment", to="Another comment"), 6),
    "deviation added": (alter("batch_reviewed", "record", "deviations", to=["DEV-9"]), 6),
    "reason of a grant altered": (alter("role_granted", "reason", to="Another reason entirely"), 6),
    "role granted altered": (alter("role_granted", "record", "role", to="reviewer", number=2), 6),
    "printed name altered": (alter("batch_reviewed", "actor", "name", to="Somebody Else"), 6),
    "person altered": (alter("batch_reviewed", "actor", "person", to="q.ekstrom"), 6),
    "role of the signer altered": (alter("batch_disposed", "actor", "role", to="reviewer"), 6),
    "enrolled name altered": (alter("person_enrolled", "record", "name", to="Anna Lindquist"), 6),
    "entered before it was signed": (alter("batch_disposed", "time", "utc", to="2020-01-01T00:00:00.000000Z"), 6),
    "batch renamed": (rename_batch, 6),
    "image left out": (drop("image_scored", 5), 6),
    "attempt left out": (drop("attempt_opened"), 6),
    "batch entry moved to another log": (alter("batch_submitted", "origin", to="example.org/other"), 4),
    "certificates exchanged": (steal_certificate, 5),
    "certificate of a foreign authority": (alter("credential_set", "record", "certificate", to="nonsense"), 5),
    "digest of a certificate altered": (alter("credential_set", "record", "certificate_sha256", to="0" * 64), 5),
    "specification altered": (
        alter("specification_drafted", "record", "specification", "retention_years", to=1), 6),
    "manifest of the model altered": (alter("model_installed", "record", "manifest", "intended_use", to="All"), 6),
    "founding left out": (drop("site_founded"), 4),
    "registration left out": (drop("batch_registered"), 4),
    "draft left out": (drop("specification_drafted"), 4),
}  # fmt: skip


@pytest.mark.parametrize("name", LOG_KEY_THEFT)
def test_whoever_holds_the_log_key_cannot_change_what_was_signed(played, forger, name) -> None:
    attack, step = LOG_KEY_THEFT[name]
    forged = forger.forge(played.bundle, lambda entries: attack(entries, forger), played.log)
    assert failed(check(played, forged)) == step


def test_the_forger_himself_is_sound(played, forger) -> None:
    """Without a change his bundle verifies, with and without new signatures; so each attack fails for its reason."""
    for people in (None, played.people):
        report = check(played, forger.forge(played.bundle, lambda entries: None, played.log, people))
        assert report.verified, report.sentence


def test_honest_limit_whoever_holds_every_key_writes_another_history(played, forger) -> None:
    """Only a checkpoint kept elsewhere shows it: the forged log contradicts the honest root of the same size."""

    def change(entries) -> None:
        forger.first(entries, "batch_registered")["record"]["line_code"] = "LINE-OTHER"

    def record(content) -> None:
        content["batch"]["line_code"] = "LINE-OTHER"

    forged = forger.forge(played.bundle, change, played.log, played.people, record)
    assert check(played, forged).verified
    honest, other = (b.checkpoint.split("\n")[:3] for b in (played.bundle, forged))
    assert (honest[:2], honest[2] != other[2]) == (other[:2], True)


# --- the thief of every key: the rules still hold ---------------------------------------------------


def reviewer_is_operator(entries, forger) -> None:
    actor = forger.first(entries, "batch_submitted")["actor"]
    forger.first(entries, "batch_reviewed")["actor"] |= {
        "person": actor["person"], "name": actor["name"], "role": "operator"
    }  # fmt: skip


def add_after_decision(entries, forger) -> None:
    late = copy.deepcopy(forger.first(entries, "image_scored"))
    late["index"] = len(entries)
    entries.append(late)


def refuse_after_the_seal(entries, forger) -> None:
    late = copy.deepcopy(forger.first(entries, "image_received"))
    late["record"] = {"kind": "image_refused", "file_name": "late.png", "sha256": "0" * 64, "why": "came too late"}
    late["index"] = -1
    entries.insert(entries.index(forger.first(entries, "batch_submitted")), late)


def swap(kind_one: str, kind_two: str) -> Any:
    """An attack that exchanges the order of two entries."""

    def attack(entries, forger) -> None:
        one, two = (entries.index(forger.first(entries, kind)) for kind in (kind_one, kind_two))
        entries[one], entries[two] = entries[two], entries[one]

    return attack


def move_to_end_of(kind: str, before: str) -> Any:
    """An attack that moves an entry to just before another one."""

    def attack(entries, forger) -> None:
        entry = forger.first(entries, kind)
        entries.remove(entry)
        entries.insert(entries.index(forger.first(entries, before)), entry)

    return attack


def meaning(kind: str, new: str, old: str) -> Any:
    """An attack that signs an act with another meaning."""

    def attack(entries, forger) -> None:
        signature = forger.first(entries, kind)["record"]["signature"]
        assert old in signature["statement"]
        signature["statement"] = signature["statement"].replace(old, new)

    return attack


def tell_alterations(entries, forger) -> None:
    prediction = forger.first(entries, "image_scored")["record"]["prediction"]
    prediction["alteration"], prediction["alteration_limit"] = "-9.000", "1.000"


RULES = {
    "image left out of the attempt": (drop("image_scored", 5), 7),
    "image left out of the set": (drop("image_received", 5), 7),
    "attempt never closed": (drop("attempt_closed"), 7),
    "attempt never opened": (drop("attempt_opened"), 7),
    "set never sealed": (drop("image_set_sealed"), 7),
    "submission left out": (drop("batch_submitted"), 7),
    "review left out": (drop("batch_reviewed"), 7),
    "audit-trail review left out": (drop("audit_trail_reviewed"), 7),
    "decision left out": (drop("batch_disposed"), 7),
    "result left out": (drop("result_recorded"), 7),
    "verification left out": (drop("result_verified"), 7),
    "approval of the specification left out": (drop("specification_approved"), 7),
    "activation of the model left out": (drop("model_activated"), 7),
    "role left out": (drop("role_granted", 2), 6),
    "reviewed by the operator": (reviewer_is_operator, 7),
    "reviewed before it was submitted": (swap("batch_submitted", "batch_reviewed"), 7),
    "image received after the seal": (move_to_end_of("image_received", "attempt_opened"), 7),
    "file received after the seal": (refuse_after_the_seal, 7),
    "content after the decision": (add_after_decision, 7),
    "score without its outcome": (alter("image_scored", "record", "prediction", "score", to="0.0100"), 7),
    "heterogeneity of an image altered": (
        alter("image_scored", "record", "prediction", "heterogeneity", "score", "value", to="0.100"), 7),
    "bound of a heterogeneity altered": (
        alter("image_scored", "record", "prediction", "heterogeneity", "score", "high", to="0.200"), 7),
    "heterogeneity left out": (alter("image_scored", "record", "prediction", "heterogeneity", "score", to=None), 7),
    "distances of tiles that the model does not measure": (
        alter("image_scored", "record", "prediction", "heterogeneity", "tile_distances", to=["1.0", "1.0"]), 7),
    "heat map that is not its size": (alter("image_scored", "record", "prediction", "heat_map", "rows", to=3), 7),
    "limit of the distance raised": (alter("image_scored", "record", "prediction", "distance_limit", to="99999"), 7),
    "limit of the statistics raised": (
        alter("image_scored", "record", "prediction", "statistics_limit", to="99999"), 7),
    "distance beyond its limit, found inside": (
        alter("image_scored", "record", "prediction", "distance", to="99999"), 7),
    "check by the model left out": (alter("image_scored", "record", "model_check", to=[]), 7),
    "alterations told by a model that tells none": (tell_alterations, 7),
    "rule of the input check left out": (lambda entries, forger: forger.first(entries, "image_scored")["record"][
        "check"]["findings"].pop(), 7),
    "focus below its limit, found inside": (
        alter("image_scored", "record", "check", "findings", 6, "measured", to="0.000001"), 7),
    "limit of the light raised": (
        alter("image_scored", "record", "check", "findings", 7, "limit", to="at most 99999"), 7),
    "size of the file altered": (alter("image_received", "record", "facts", "width", to=8), 7),
    "outcome without its score": (alter("image_scored", "record", "outcome", to="undecided"), 7),
    "seal over fewer images": (alter("image_set_sealed", "record", "images", to=3), 7),
    "attempt with another model": (alter("attempt_opened", "record", "model_sha256", to="0" * 64), 7),
    "manifest that is not the digest's": (
        alter("model_installed", "record", "manifest", "conforming_from", to="0.9999"), 7),
    "result against its criterion": (alter("result_recorded", "record", "value", to="12"), 7),
    "attempt closed with another count": (alter("attempt_closed", "record", "scored", to=3), 7),
    "audit trail reviewed in part": (alter("audit_trail_reviewed", "record", "entries", to=3), 7),
    "audit trail found wanting": (alter("audit_trail_reviewed", "record", "acceptable", to=False), 7),
    "outcome of the decision": (alter("batch_disposed", "record", "outcome", to="undecided"), 7),
    "scored from other bytes": (alter("image_scored", "record", "sha256", to="0" * 64), 7),
    "received another file": (alter("image_received", "record", "facts", "sha256", to="0" * 64), 7),
    "evidence of another test": (alter("result_recorded", "record", "evidence_sha256", to="0" * 64), 8),
    "site renamed": (alter("site_founded", "record", "name", to="Another site"), 9),
    "line of another donor": (alter("batch_registered", "record", "line_code", to="LINE-OTHER"), 9),
    "rejected, signed as released": (meaning("batch_disposed", "Meaning: rejected - I reject this batch.",
        "Meaning: released - I release this batch for the tests listed in its specification."), 6),
    "signed with a certificate long expired": (meaning("batch_disposed", "Time UTC: 2006-", "Time UTC: 2026-"), 6),
}  # fmt: skip


@pytest.mark.requirement("UR-BATCHES-02", reviewed="e58f7b19", negative=True)
@pytest.mark.requirement("UR-PRODUCTS-03", reviewed="44c7f0ae", negative=True)
@pytest.mark.parametrize("name", RULES)
def test_whoever_holds_every_key_is_still_bound_by_the_rules(played, forger, name) -> None:
    attack, step = RULES[name]
    forged = forger.forge(played.bundle, lambda entries: attack(entries, forger), played.log, played.people)
    report = check(played, forged)
    assert failed(report) == step, report.sentence
    assert "cannot be read" not in report.sentence


# --- whatever is in it, the answer is a report ------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**53 - 1) | st.text(max_size=8) | st.just("2026-01-01"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_log_key_thief_with_random_entries_gets_a_report(played, forger, data) -> None:
    def change(entries) -> None:
        entry = entries[data.draw(st.integers(0, len(entries) - 1))]
        path = data.draw(st.sampled_from(fields_of(entry)))
        place = entry
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = data.draw(JSON)
        if data.draw(st.booleans()):
            entries.insert(1, entries.pop(data.draw(st.integers(1, len(entries) - 1))))

    people = played.people if data.draw(st.booleans()) else None
    try:
        forged = forger.forge(played.bundle, change, played.log, people)
    except (TypeError, AttributeError, KeyError, ValueError):
        return  # the forger could not even write it
    assert len(check(played, forged).steps) == 9


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=60), raw=st.binary(max_size=60),
    field=st.sampled_from(["log_key", "authority", "checkpoint", "record", "body", "proof", "index", "entries"]),
)  # fmt: skip
def test_random_bytes_get_a_failed_report(played, text, raw, field) -> None:
    values: dict[str, Any] = {"authority": raw, "record": raw, "body": raw, "index": len(raw) - 5, "entries": ()}
    if field in {"body", "proof", "index"}:
        at = len(text) % len(played.bundle.entries)
        entry = dataclasses.replace(played.bundle.entries[at], **{field: values.get(field, text)})
        if entry == played.bundle.entries[at]:
            return
        entries = tuple(entry if n == at else e for n, e in enumerate(played.bundle.entries))
        bundle = dataclasses.replace(played.bundle, entries=entries)
    else:
        bundle = dataclasses.replace(played.bundle, **{field: values.get(field, text)})
    report = check(played, bundle)
    assert not report.verified
    assert len(report.steps) == 9


def test_an_empty_folder_and_no_folder_get_a_failed_report(played, tmp_path) -> None:
    for folder in (tmp_path, tmp_path / "absent", Path("/dev/null")):
        assert failed(check(played, folder)) == 1
    assert failed(check(played, EvidenceBundle("", b"", "", b"", (EvidenceEntry(0, b"", ""),), {}))) == 2
