"""The rule by which a signature holds, on a hand-made entry of a hand-made person."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.identity.authority import create_authority, issue_person_certificate
from nesqc_gmp.identity.binding import _MEANINGS, Certificates, act_digest, check_signature, signature_of
from nesqc_gmp.identity.personal_key import load_certificate, new_person_key, sign_statement
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.batches import BatchReviewed, BatchSubmitted
from nesqc_gmp.records.content import Content
from nesqc_gmp.records.entry import SIGNED_KINDS, Actor, Entry, Subject
from nesqc_gmp.records.people import CredentialSet
from nesqc_gmp.records.signatures import ElectronicSignature, Statement

ISSUED = datetime(2026, 1, 2, tzinfo=UTC)
AUTHORITY = create_authority("Example site", ISSUED)
KEY = new_person_key()
PEM = issue_person_certificate(AUTHORITY, KEY.public_key, "a.b", "A B", ISSUED, 7)
DIGEST = load_certificate(PEM).fingerprint(hashes.SHA256()).hex()
ROOT = bytes(32)
CONTENT = Content.of([bytes(32), bytes([1]) * 32])
NO_SIGNATURE = ElectronicSignature(statement="-", signature="-", certificate_sha256="0" * 64)
# By hand: SHA-256 of the RFC 8785 form of a submission without its signature.
SUBMITTED = hashlib.sha256(b'{"kind":"batch_submitted"}').hexdigest()


def instant(day: str) -> Instant:
    """Noon of a day."""
    return Instant(utc=f"{day}T12:00:00.000000Z", local=f"{day}T13:00:00.000000+01:00", zone="Europe/Berlin")


def credential(**changes: Any) -> CredentialSet:
    """The person's credential."""
    fields = {
        "person": "a.b", "certificate": PEM.decode(), "certificate_sha256": DIGEST, "envelope_sha256": "0" * 64,
        "acknowledgement": NO_SIGNATURE,
    }  # fmt: skip
    return CredentialSet(**(fields | changes))


def admitted() -> Certificates:
    """Certificates with that of the person."""
    certificates = Certificates(AUTHORITY.certificate_pem)
    certificates.admit(credential())
    return certificates


def statement(**changes: Any) -> Statement:
    """What is signed."""
    fields = {
        "origin": "example.org/log", "subject": "batch B-1", "version": CONTENT.version,
        "content_sha256": CONTENT.sha256, "act_sha256": SUBMITTED, "meaning": "performed", "person": "a.b",
        "name": "A B", "role": "operator", "time": instant("2026-03-01"), "previous_size": 9,
        "previous_root": base64.b64encode(ROOT).decode(), "reason": "-", "summary": ("Batch B-1",),
    }  # fmt: skip
    return Statement(**(fields | changes))


def entry(signed: Statement, entered: str = "2026-03-01", **signature: Any) -> Entry:
    """An entry that carries a statement, signed."""
    text = signed.format()
    raw = base64.b64encode(sign_statement(KEY.private_pkcs8, text.encode())).decode()
    fields = {"statement": text, "signature": raw, "certificate_sha256": DIGEST} | signature
    return Entry(
        version=1, origin="example.org/log", index=9, time=instant(entered),
        actor=Actor(person="a.b", name="A B", role="operator", authentication="passphrase", session=None),
        subject=Subject(type="batch", id="B-1"), reason=None, software="test",
        record=BatchSubmitted(signature=ElectronicSignature(**fields)),
    )  # fmt: skip


@pytest.mark.requirement("UR-PEOPLE-13", reviewed="e2287dcc")
def test_an_honest_signature_holds() -> None:
    assert check_signature(entry(statement()), CONTENT, admitted(), lambda size: ROOT) == statement()
    assert check_signature(entry(statement()), CONTENT, admitted(), lambda size: None) == statement()


def test_every_signed_kind_has_its_meanings() -> None:
    """But the founding, which carries no signature of its own, and the disposition, which is its own meaning."""
    assert set(_MEANINGS) | {"site_founded", "batch_disposed"} == SIGNED_KINDS


def test_the_act_digest_leaves_out_what_comes_after_signing() -> None:
    assert act_digest(entry(statement()).record) == SUBMITTED
    reviewed = BatchReviewed(deviations=(), comment="fine", signature=NO_SIGNATURE)
    expected = hashlib.sha256(b'{"comment":"fine","deviations":[],"kind":"batch_reviewed"}').hexdigest()
    assert act_digest(reviewed) == expected
    assert signature_of(entry(statement())) is not None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"origin": "example.org/other"}, "the log"),
        ({"subject": "batch B-2"}, "the record"),
        ({"version": 3}, "the version"),
        ({"content_sha256": "1" * 64}, "the content"),
        ({"act_sha256": "1" * 64}, "the act"),
        ({"name": "B A"}, "the printed name"),
        ({"role": "qa"}, "the role"),
        ({"reason": "Another reason"}, "the reason"),
        ({"person": "c.d"}, "no such certificate"),
        ({"meaning": "released"}, "does not fit this record"),
        ({"previous_size": 10}, "later than itself"),
        ({"previous_root": base64.b64encode(bytes([1]) * 32).decode()}, "not of this log"),
        ({"time": instant("2026-03-02")}, "signed later than it was entered"),
        ({"time": instant("2026-01-01")}, "not valid at that time"),
    ],
)
def test_a_statement_that_says_something_else_does_not_hold(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(IntegrityError, match=reason):
        check_signature(entry(statement(**changes)), CONTENT, admitted(), lambda size: ROOT)


def test_a_certificate_does_not_sign_after_its_three_years() -> None:
    last = entry(statement(time=instant("2029-01-01")), "2029-01-01")
    assert check_signature(last, CONTENT, admitted(), lambda size: None).time.utc.startswith("2029-01-01")
    late = entry(statement(time=instant("2029-01-03")), "2029-01-03")
    with pytest.raises(IntegrityError, match="not valid at that time"):
        check_signature(late, CONTENT, admitted(), lambda size: None)


def test_other_bytes_keys_and_digests_do_not_hold() -> None:
    other = base64.b64encode(sign_statement(new_person_key().private_pkcs8, statement().format().encode())).decode()
    good = entry(statement()).record.signature.signature
    for signature in (other, good[:-8], "no base64!", "", good.replace(good[:4], "AAAA")):
        with pytest.raises(IntegrityError):
            check_signature(entry(statement(), signature=signature), CONTENT, admitted(), lambda size: None)
    with pytest.raises(IntegrityError, match="no such certificate"):
        check_signature(entry(statement(), certificate_sha256="1" * 64), CONTENT, admitted(), lambda size: None)
    with pytest.raises(IntegrityError, match="no such certificate"):
        check_signature(entry(statement()), CONTENT, Certificates(AUTHORITY.certificate_pem), lambda size: None)


def test_an_unsigned_kind_or_a_record_without_its_signature_does_not_hold() -> None:
    unsigned = entry(statement()).model_copy(update={"record": credential()})
    assert signature_of(unsigned) == NO_SIGNATURE
    with pytest.raises(IntegrityError, match="not a signature statement"):
        check_signature(unsigned, CONTENT, admitted(), lambda size: None)


@pytest.mark.requirement("UR-PEOPLE-16", reviewed="59224b91", negative=True)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"person": "c.d"}, "another person's"),
        ({"certificate_sha256": "1" * 64}, "not the one of the digest"),
        ({"certificate": "nonsense"}, "Not an X.509 certificate"),
        ({"certificate": AUTHORITY.certificate_pem.decode()}, "Not the certificate of a person"),
    ],
)
def test_a_credential_that_is_not_the_persons_is_not_admitted(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(IntegrityError, match=reason):
        Certificates(AUTHORITY.certificate_pem).admit(credential(**changes))


def test_a_certificate_of_another_authority_is_not_admitted() -> None:
    other = create_authority("Example site", ISSUED)
    with pytest.raises(IntegrityError, match="Not issued by"):
        Certificates(other.certificate_pem).admit(credential())
