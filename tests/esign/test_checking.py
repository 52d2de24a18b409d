"""Every fact a signature is bound to, changed one at a time: the entry is not signed in its present form."""

from __future__ import annotations

from typing import Any

import pytest

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.esign import check_signatures
from nesqc_gmp.identity.binding import Certificates, check_signature
from nesqc_gmp.records.content import Content
from nesqc_gmp.records.entry import SIGNED_KINDS

CHANGES = {
    "the log": {"origin": "nesqc/other/1"},
    "the record": {"subject": {"id": "B-9"}},
    "the act": {"record": {"comment": "Another comment"}},
    "the person": {"actor": {"person": "q.ekstrom"}},
    "the printed name": {"actor": {"name": "Olle Brannstrom"}},
    "the role": {"actor": {"role": "qa"}},
    "the reason": {"reason": "A reason that nobody signed"},
}


def changed(value: Any, change: dict[str, Any]) -> Any:
    """A copy with some fields replaced, nested ones too."""
    update = {
        name: changed(getattr(value, name), new) if isinstance(new, dict) else new for name, new in change.items()
    }
    return value.model_copy(update=update)


@pytest.fixture
def reviewed(released: Any) -> Any:
    """The reviewer's entry, the content it was signed over, certificates and roots."""
    entry = released.entries("batch_reviewed")[0]
    certificates = Certificates(released.site.founded.authority.encode())
    for credential in released.entries("credential_set"):
        certificates.admit(credential.record)
    with released.site.ledger.reading() as reader:
        yield entry, reader.content("batch", "B-1", before=entry.index), certificates, reader.root


def test_unchanged_it_holds(reviewed: Any) -> None:
    entry, content, certificates, root = reviewed
    assert check_signature(entry, content, certificates, root).name == entry.actor.name == "Rana Özdemir"


@pytest.mark.requirement("UR-PEOPLE-13", reviewed="e2287dcc", negative=True)
@pytest.mark.parametrize("what", CHANGES)
def test_each_fact_is_bound(what: str, reviewed: Any) -> None:
    entry, content, certificates, root = reviewed
    with pytest.raises(IntegrityError, match=f"^{what} is not what was signed"):
        check_signature(changed(entry, CHANGES[what]), content, certificates, root)


@pytest.mark.requirement("UR-PEOPLE-13", reviewed="e2287dcc", negative=True)
def test_content_is_bound(reviewed: Any) -> None:
    entry, content, certificates, root = reviewed
    for other, what in (
        (Content(content.version + 1, content.sha256), "the version of the content"),
        (Content(content.version, "0" * 64), "the content"),
    ):
        with pytest.raises(IntegrityError, match=f"^{what} is not what was signed"):
            check_signature(entry, other, certificates, root)


@pytest.mark.requirement("UR-PEOPLE-13", reviewed="e2287dcc", negative=True)
def test_time_and_place_in_the_log_are_bound(reviewed: Any) -> None:
    entry, content, certificates, root = reviewed
    with pytest.raises(IntegrityError, match="later than itself"):
        check_signature(changed(entry, {"index": 3}), content, certificates, root)
    with pytest.raises(IntegrityError, match="later than it was entered"):
        check_signature(changed(entry, {"time": {"utc": "2020-01-01T00:00:00.000000Z"}}), content, certificates, root)
    with pytest.raises(IntegrityError, match="not of this log"):
        check_signature(entry, content, certificates, lambda size: b"\0" * 32)


@pytest.mark.parametrize("field", ["statement", "signature", "certificate_sha256"])
def test_a_changed_signature_does_not_hold(field: str, reviewed: Any) -> None:
    entry, content, certificates, root = reviewed
    old = getattr(entry.record.signature, field)
    new = {
        "statement": old.replace("Meaning: reviewed - I reviewed", "Meaning: reviewed - I reviewed ", 1),
        "signature": old[:-8] + ("AAAA" if old[-8:-4] != "AAAA" else "BBBB") + old[-4:],
        "certificate_sha256": "0" * 64,
    }[field]
    with pytest.raises(IntegrityError):
        check_signature(changed(entry, {"record": {"signature": {field: new}}}), content, certificates, root)


def test_every_signed_kind_is_checked(released: Any) -> None:
    """All of them that a released batch has, each once; and none fails."""
    with released.site.ledger.reading() as reader:
        found = {entry.kind for entry in reader.entries_of(SIGNED_KINDS)}
        assert list(check_signatures(reader)) == []
    assert found >= {
        "role_granted",
        "credential_set",
        "model_approved",
        "model_activated",
        "specification_approved",
        "result_recorded",
        "result_verified",
        "batch_submitted",
        "batch_reviewed",
        "audit_trail_reviewed",
        "batch_disposed",
        "certificate_issued",
    }
