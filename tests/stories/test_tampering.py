"""Every way to alter a finished site behind the tool's back, and what the tool says of it.

The rows are those of the published comparison of hash chains, checkpoints and outside anchors in the threat model of
the project, and more that only a whole site has. The first bad record expected in each test is the one the test itself
altered, or for a rewritten log the lowest that the anchor allows.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import IntegrityError, ModelRefusedError, NesqcError, OutOfSequenceError
from nesqc_gmp.procedures import audit, batches, certificates, models
from nesqc_gmp.procedures import site as site_procedures

KEY, ANCHORS, WHOLE, SIGNATURES, OBJECTS, SEALED = range(6)


def verified(world: Any, **anchors: Any) -> Any:
    world.close()
    return audit.verify(world.paths, **anchors)


def failed(report: Any) -> set[int]:
    return {step.number - 1 for step in report.steps if not step.passed}


def first_bad(report: Any, step: int) -> int:
    found = re.search(r"first bad record(?: at or after)?: entry (\d+)", report.steps[step].detail)
    assert found, report.steps[step]
    return int(found.group(1))


def certificate(world: Any) -> Path:
    return next(world.paths.certificates.glob("*.pdf"))


def kept_elsewhere(world: Any, folder: Path) -> Path:
    """The certificate as its receiver has it; the copy in the site is taken away."""
    folder.mkdir()
    shutil.move(certificate(world), folder)
    return folder


def refuses_to_open(world: Any) -> IntegrityError:
    with pytest.raises(IntegrityError) as refused:
        world.site  # noqa: B018
    return refused.value


def rename(value: dict[str, Any]) -> None:
    value["actor"]["name"] = "Somebody Else"


@pytest.mark.requirement("UR-AUDIT-06", reviewed="3b2a38d3")
def test_untouched_site_verifies(released: Any) -> None:
    assert verified(released).verified


@pytest.mark.requirement("UR-AUDIT-06", reviewed="3b2a38d3", negative=True)
def test_edited_entry(released: Any, intruder: Any) -> None:
    with intruder(released) as attack:
        index = attack.index("image_scored")
        attack.sql("UPDATE leaf SET body = ? WHERE idx = ?", attack.edited(index, rename), index)
    report = verified(released)
    assert first_bad(report, WHOLE) == index
    with pytest.raises(IntegrityError, match="bytes do not match") as refused:
        batches.show(released.session("operator"), "B-1")
    assert refused.value.first_bad == index


@pytest.mark.requirement("UR-AUDIT-06", reviewed="3b2a38d3", negative=True)
def test_edited_entry_with_every_hash_computed_again(released: Any, intruder: Any) -> None:
    with intruder(released) as attack:
        index = attack.index("image_scored")
        bodies = attack.bodies()
        bodies[index] = attack.edited(index, rename)
        attack.rewrite(bodies)
    report = verified(released)
    assert first_bad(report, WHOLE) == index
    assert SIGNATURES in failed(report), "what was signed over that entry is not signed in its present form"
    refuses_to_open(released)


def test_cut_tail(released: Any, intruder: Any, tmp_path: Path) -> None:
    with intruder(released) as attack:
        index = attack.index("batch_disposed")
        attack.cut(index)
    report = verified(released)
    assert first_bad(report, WHOLE) == index
    assert refuses_to_open(released).first_bad == index


def test_cut_tail_with_the_state_replaced_too(released: Any, intruder: Any, tmp_path: Path) -> None:
    with intruder(released) as attack:
        index = attack.index("batch_disposed")
        attack.cut(index)
        attack.sign_again(state=True)
    folder = kept_elsewhere(released, tmp_path / "receiver")
    assert not failed(verified(released)), "the log alone cannot tell: whoever has its key can cut it"
    report = verified(released, certificates=folder)
    assert failed(report) == {WHOLE}
    assert first_bad(report, WHOLE) == index
    standing = certificates.verify(next(folder.glob("*.pdf")), site=released.paths, evidence=None)
    assert not standing.verified, "its receiver sees that the site no longer knows it"


@pytest.mark.requirement("UR-AUDIT-07", reviewed="62b50a0c", negative=True)
def test_old_backup_of_the_whole_site(analysed: Any, life: Any, tmp_path: Path) -> None:
    """Database, keys and state together: nothing inside contradicts it, whatever left the site does."""
    backup = tmp_path / "backup"
    analysed.close()
    shutil.copytree(analysed.folder, backup)
    acts = life(analysed)
    size = len(analysed.entries())
    acts.signed("B-1")
    acts.release("B-1")
    acts.issue("B-1")
    note = audit.checkpoint(analysed.session("qa"), tmp_path / "kept.checkpoint")
    folder = kept_elsewhere(analysed, tmp_path / "receiver")
    analysed.close()
    shutil.rmtree(analysed.folder)
    shutil.copytree(backup, analysed.folder)
    assert verified(analysed).verified
    for report in (verified(analysed, certificates=folder), verified(analysed, checkpoints=[note])):
        assert failed(report) == {WHOLE}
        assert first_bad(report, WHOLE) == size


def test_old_backup_of_the_database(analysed: Any, life: Any, tmp_path: Path) -> None:
    analysed.close()
    backup = analysed.paths.ledger.read_bytes()
    size = len(analysed.entries())
    life(analysed).submit("B-1")
    analysed.close()
    for side in ("-wal", "-shm"):
        Path(f"{analysed.paths.ledger}{side}").unlink(missing_ok=True)
    analysed.paths.ledger.write_bytes(backup)
    assert first_bad(verified(analysed), WHOLE) == size
    assert refuses_to_open(analysed).first_bad == size


def test_swapped_entries(released: Any, intruder: Any) -> None:
    with intruder(released) as attack:
        bodies = attack.bodies()
        index = attack.index("image_scored")
        bodies[index], bodies[index + 1] = bodies[index + 1], bodies[index]
        attack.rewrite(bodies)
    assert first_bad(verified(released), WHOLE) == index
    refuses_to_open(released)


def test_back_dated_entry_put_in(released: Any, intruder: Any) -> None:
    with intruder(released) as attack:
        bodies = attack.bodies()
        index = attack.index("batch_submitted")
        bodies.insert(index, bodies[index - 1])
        for number in range(index, len(bodies)):
            value = json.loads(bodies[number])
            value["index"] = number
            bodies[number] = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        attack.rewrite(bodies)
    report = verified(released)
    assert first_bad(report, WHOLE) == index
    refuses_to_open(released)


def test_key_stolen_and_everything_signed_again(released: Any, intruder: Any, tmp_path: Path) -> None:
    """A score is edited in the log, in every hash, every read model, every checkpoint and the key's memory.

    The people's signatures still tell: they cover the content. So the thief takes an entry nobody signed over: a
    refusal recorded after the release.
    """
    with pytest.raises(OutOfSequenceError):
        batches.seal(released.session("operator"), "B-1")
    note = audit.checkpoint(released.session("qa"), tmp_path / "kept.checkpoint")
    with intruder(released) as attack:
        index = attack.index("act_refused")
        bodies = attack.bodies()
        bodies[index] = attack.edited(index, rename)
        attack.rewrite(bodies)
        attack.sign_again(state=True)
    assert verified(released).verified, "nothing inside the site contradicts the thief of the key"
    report = verified(released, checkpoints=[note])
    assert failed(report) == {WHOLE}
    assert "at or after" in report.steps[WHOLE].detail
    assert first_bad(report, WHOLE) <= index


def test_key_stolen_and_a_score_edited_everywhere(released: Any, intruder: Any, tmp_path: Path) -> None:
    def better(value: dict[str, Any]) -> None:
        value["record"]["prediction"]["score"] = "0.9999"

    folder = kept_elsewhere(released, tmp_path / "receiver")
    with intruder(released) as attack:
        index, signed = attack.index("image_scored"), attack.index("result_recorded")
        bodies = attack.bodies()
        bodies[index] = attack.edited(index, better)
        attack.rewrite(bodies)
        attack.sign_again(state=True)
    report = verified(released)
    assert failed(report) == {SIGNATURES}
    assert first_bad(report, SIGNATURES) == signed, "the first signature over the edited content"
    assert released.batch("B-1").unsigned[0].index == signed
    assert failed(verified(released, certificates=folder)) == {WHOLE, SIGNATURES}


@pytest.mark.requirement("UR-AUDIT-08", reviewed="a7403078", negative=True)
def test_honest_limit_and_its_size_is_printed(released: Any, intruder: Any, tmp_path: Path) -> None:
    """What came after the last anchor outside, a thief of the log key can rewrite; the tool says how much that is."""
    note = audit.checkpoint(released.session("qa"), tmp_path / "kept.checkpoint")
    folder = kept_elsewhere(released, tmp_path / "receiver")
    size = int(note.read_text().splitlines()[1])
    with pytest.raises(OutOfSequenceError):
        batches.seal(released.session("operator"), "B-1")
    with intruder(released) as attack:
        index = attack.index("act_refused")
        bodies = attack.bodies()
        bodies[index] = attack.edited(index, rename)
        attack.rewrite(bodies)
        attack.sign_again(state=True)
    assert index >= size
    assert verified(released, certificates=folder, checkpoints=[note]).verified, "documented: this is not found"
    released.clock.move(minutes=11)
    posture = site_procedures.status(released.session("qa"))
    assert posture.unanchored_records == len(released.entries()) - size == 2
    assert posture.unanchored_minutes == 11


@pytest.mark.requirement("UR-AUDIT-10", reviewed="3eed6ceb", negative=True)
def test_edited_read_model_of_scores(released: Any, intruder: Any) -> None:
    with intruder(released) as attack:
        index = attack.index("image_scored")
        attack.sql("UPDATE score SET score = '0.9999', outcome = 'conforming' WHERE idx = ?", index)
    report = verified(released)
    assert failed(report) == {WHOLE}
    assert first_bad(report, WHOLE) == index


def test_batch_moved_away_in_the_audit_index(released: Any, intruder: Any) -> None:
    """A record withheld from the view of its batch."""
    with intruder(released) as attack:
        index = attack.index("image_scored")
        attack.sql("UPDATE entry SET subject_id = 'B-0' WHERE idx = ?", index)
    report = verified(released)
    assert WHOLE in failed(report)
    assert first_bad(report, WHOLE) == index


@pytest.mark.requirement("UR-AUDIT-02", reviewed="c3fe6bb5", negative=True)
def test_dropped_guards(released: Any) -> None:
    import sqlite3

    released.close()
    with sqlite3.connect(released.paths.ledger) as database:
        database.execute("DROP TRIGGER leaf_no_update")
    report = verified(released)
    assert failed(report) == {WHOLE}
    assert "leaf_no_update" in report.steps[WHOLE].detail
    assert "tables or guards" in refuses_to_open(released).what


def image_object(world: Any) -> tuple[Path, int]:
    entry = world.entries("image_received")[0]
    return world.site.objects.path(entry.record.facts.sha256), entry.index


def flipped(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 1]) + data[201:]


@pytest.mark.requirement("UR-BATCHES-04", reviewed="a8bb5430", negative=True)
def test_edited_original_is_found_by_verify_release_analyse_and_issue(analysed: Any, life: Any, edit_file: Any) -> None:
    acts = life(analysed)
    path, index = image_object(analysed)
    acts.signed("B-1")
    edit_file(path, flipped)
    report = verified(analysed)
    assert failed(report) == {OBJECTS}
    assert first_bad(report, OBJECTS) == index
    with pytest.raises(IntegrityError, match="was altered"):
        acts.release("B-1")
    assert analysed.refused()[-1] == ("q.ekstrom", "batches.release", "IntegrityError")
    acts.reject("B-1")
    with pytest.raises(IntegrityError, match="was altered"):
        acts.issue("B-1")


@pytest.mark.requirement("UR-BATCHES-04", reviewed="a8bb5430", negative=True)
def test_edited_original_stops_an_analysis(analysed: Any, life: Any, edit_file: Any) -> None:
    path, _ = image_object(analysed)
    edit_file(path, flipped)
    with pytest.raises(IntegrityError, match="was altered"):
        life(analysed).analyse("B-1", "The lamp flickered")
    attempt = analysed.batch("B-1").batch.attempts[-1]
    assert (attempt.closed.ending, attempt.closed.scored) == ("failed", 0)
    assert [e.record.incident_kind for e in analysed.entries("incident_opened")] == ["object altered"]


@pytest.mark.requirement("UR-BATCHES-04", reviewed="a8bb5430", negative=True)
def test_deleted_original(released: Any) -> None:
    path, index = image_object(released)
    path.unlink()
    report = verified(released)
    assert failed(report) == {OBJECTS}
    assert first_bad(report, OBJECTS) == index


def test_edited_certificate_copy(released: Any, edit_file: Any) -> None:
    index = released.entries("certificate_issued")[0].index
    edit_file(certificate(released), flipped)
    report = verified(released)
    assert failed(report) == {ANCHORS, OBJECTS}
    assert first_bad(report, OBJECTS) == index
    assert not certificates.verify(certificate(released), site=released.paths, evidence=None).verified


def test_edited_certificate_kept_elsewhere(released: Any, edit_file: Any, tmp_path: Path) -> None:
    (tmp_path / "receiver").mkdir()
    copy = Path(shutil.copy(certificate(released), tmp_path / "receiver"))
    edit_file(copy, lambda data: data.replace(b"/Title", b"/Titel", 1) if b"/Title" in data else flipped(data))
    report = verified(released, certificates=copy.parent)
    assert failed(report) == {ANCHORS}
    assert copy.name in report.steps[ANCHORS].detail
    assert not certificates.verify(copy, site=released.paths, evidence=None).verified


@pytest.mark.requirement("UR-CERTIFICATES-08", reviewed="f16fb75d", negative=True)
def test_certificate_that_the_log_does_not_know(released: Any, founded: Any) -> None:
    checked = certificates.verify(certificate(released), site=founded.paths, evidence=None)
    assert [step.name for step in checked.steps if not step.passed] == ["The certificate stands"]


def model_digest(world: Any) -> str:
    return str(world.entries("model_installed")[0].record.model_sha256)


@pytest.mark.requirement("UR-MODELS-02", reviewed="7d0442eb", negative=True)
@pytest.mark.requirement("UR-MODELS-22", reviewed="132e5da0", negative=True)
def test_swapped_model_file(analysed: Any, life: Any, edit_file: Any) -> None:
    digest = model_digest(analysed)
    installed = analysed.entries("model_installed")[0]
    part = next(part for part in installed.record.manifest.parts if part.path == "model.onnx")
    edit_file(analysed.site.objects.path(part.sha256), flipped)
    with pytest.raises(ModelRefusedError, match="was altered"):
        life(analysed).analyse("B-1", "The lamp flickered")
    with pytest.raises(ModelRefusedError, match="was altered"):
        models.start(analysed.site, digest)
    with pytest.raises(OutOfSequenceError, match="an incident is open"):
        life(analysed).analyse("B-1", "The lamp flickered")
    kinds = [e.record.incident_kind for e in analysed.entries("incident_opened")]
    assert kinds == ["model refused", "model refused"]
    assert len(analysed.batch("B-1").batch.attempts) == 1, "no attempt was opened with it"
    life(analysed).signed("B-1")
    with pytest.raises(OutOfSequenceError, match="an incident is open"):
        life(analysed).release("B-1")
    report = verified(analysed)
    assert failed(report) == {OBJECTS}
    assert first_bad(report, OBJECTS) == installed.index


@pytest.mark.requirement("UR-MODELS-02", reviewed="7d0442eb", negative=True)
@pytest.mark.requirement("UR-PRODUCTS-02", reviewed="dea341fc", negative=True)
def test_whole_package_replaced(analysed: Any, edit_file: Any) -> None:
    """Another manifest, complete in itself, under the digest of the approved one."""
    digest = model_digest(analysed)
    edit_file(
        analysed.site.objects.path(digest),
        lambda data: data.replace(b'"conforming_from":"0.8"', b'"conforming_from":"0.1"'),
    )
    with pytest.raises(ModelRefusedError, match="was altered"):
        models.start(analysed.site, digest)
    assert first_bad(verified(analysed), OBJECTS) == analysed.entries("model_installed")[0].index


def appended(world: Any, entry: Any, record: Any, subject: Any) -> int:
    """What a thief of the log key appends with the tool's own ledger: the actor and reason of another entry."""
    with world.site.ledger.writing() as transaction:
        receipt = transaction.append(
            time=world.site.now(), actor=entry.actor, subject=subject, record=record, reason=entry.reason
        )
    return int(receipt.index)


@pytest.mark.requirement("UR-PEOPLE-13", reviewed="e2287dcc", negative=True)
def test_signature_copied_from_another_version(analysed: Any, life: Any) -> None:
    acts = life(analysed)
    acts.submit("B-1")
    acts.review("B-1")
    reviewed = analysed.entries("batch_reviewed")[0]
    batches.read(analysed.session("operator"), "B-1", "C01_F01", "conforming", None, blinded=False)
    acts.submit("B-1")
    index = appended(analysed, reviewed, reviewed.record, reviewed.subject)
    acts.audit("B-1")
    assert [finding.index for finding in analysed.batch("B-1").unsigned] == [index]
    with pytest.raises(IntegrityError, match="version of the content is not what was signed") as refused:
        acts.release("B-1")
    assert refused.value.first_bad == index
    report = verified(analysed)
    assert failed(report) == {SIGNATURES}
    assert first_bad(report, SIGNATURES) == index


@pytest.mark.requirement("UR-PEOPLE-13", reviewed="e2287dcc", negative=True)
def test_signature_copied_from_another_batch(released: Any, life: Any, pictures: Any) -> None:
    acts = life(released)
    acts.analysed("B-2", pictures.good(2, culture=2))
    submitted = released.entries("batch_submitted")[0]
    subject = released.entries("batch_registered")[1].subject
    index = appended(released, submitted, submitted.record, subject)
    assert [finding.index for finding in released.batch("B-2").unsigned] == [index]
    report = verified(released)
    assert failed(report) == {SIGNATURES}
    assert first_bad(report, SIGNATURES) == index
    assert "the record is not what was signed" in report.steps[SIGNATURES].detail


@pytest.mark.requirement("UR-PEOPLE-16", reviewed="59224b91", negative=True)
def test_signature_of_another_person(released: Any) -> None:
    """The releasing entry again, with the name of somebody who never signed."""
    disposed = released.entries("batch_disposed")[0]
    forged = disposed.model_copy(
        update={"actor": disposed.actor.model_copy(update={"person": "r.ozdemir", "name": "Rana Özdemir"})}
    )
    index = appended(released, forged, disposed.record, disposed.subject)
    assert first_bad(verified(released), SIGNATURES) == index


@pytest.mark.requirement("UR-PEOPLE-16", reviewed="59224b91", negative=True)
def test_exchanged_sealed_key(founded: Any, tmp_path: Path, people: Any, spoken: Any) -> None:
    """The attacker seals a key of their own under the name of QA."""
    from nesqc_gmp.identity.envelope import seal
    from nesqc_gmp.identity.personal_key import new_person_key
    from nesqc_gmp.procedures import people as people_procedures

    qa = people["qa"][0]
    path = founded.paths.envelope(qa)
    own = seal(new_person_key().private_pkcs8, "attacker knows this", owner=qa, purpose="signing-key")
    path.write_bytes(own)
    with pytest.raises(IntegrityError, match="not the one its owner set"):
        people_procedures.grant(
            founded.session("qa"), "u.hallgren", "data scientist", "TR-9", None, "Needed for the attack",
            founded.signs("qa", "attacker knows this"),
        )  # fmt: skip
    index = next(e.index for e in founded.entries("credential_set") if e.subject.id == qa)
    report = verified(founded)
    assert failed(report) == {SEALED}
    assert first_bad(report, SEALED) == index


def test_forged_credential_is_a_documented_limit(released: Any, life: Any, people: Any, spoken: Any) -> None:
    """Whoever owns log key and authority of the site can give themselves a person's name.

    Verification cannot tell the new certificate from one its owner asked for: both lead to the authority. What tells
    is the owner, whose passphrase no longer opens anything, and the entry itself, which nobody can take back.
    """
    from nesqc_gmp.esign import Credentials
    from nesqc_gmp.procedures import credentials
    from nesqc_gmp.procedures import people as people_procedures

    qa, name, _ = people["qa"]
    credentials.enter(released.site, credentials.new_key(released.site, qa, name), "attacker knows this")
    with pytest.raises(NesqcError):
        people_procedures.login(released.site, Credentials(qa, spoken("qa")), released.folder / "sessions")
    people_procedures.login(
        released.site, Credentials(qa, "attacker knows this"), released.folder / "sessions"
    )  # fmt: skip
    assert verified(released).verified, "documented: this is not found"
    found = audit.search(
        released.session("auditor"), who=qa, role=None, what="credential_set", record=None, since=None, until=None,
        reason=None,
    )  # fmt: skip
    assert len(found) == 2


def test_certificate_that_the_authority_never_issued(founded: Any, tmp_path: Path, people: Any) -> None:
    """The same without the authority's key: found."""
    from nesqc_gmp.identity.authority import create_authority, issue_person_certificate
    from nesqc_gmp.identity.personal_key import new_person_key
    from nesqc_gmp.procedures import credentials

    qa, name, _ = people["qa"]
    key = new_person_key()
    other = create_authority("Prüfstelle Åre", founded.site.moment())
    pem = issue_person_certificate(other, key.public_key, qa, name, founded.site.moment(), 4711)
    forged = credentials.NewKey(qa, name, key.private_pkcs8, pem.decode())
    credentials.enter(founded.site, forged, "attacker knows this")
    index = founded.entries("credential_set")[-1].index
    report = verified(founded)
    assert SIGNATURES in failed(report)
    assert first_bad(report, SIGNATURES) == index
