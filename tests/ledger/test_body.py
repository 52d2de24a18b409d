"""The bytes of an entry, against the RFC 8785 library over the whole entry."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import RecordTooLargeError
from nesqc_gmp.ledger.body import ENTRY_LIMIT, compose
from nesqc_gmp.ledger.projections import PROJECTIONS
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.batches import ImageReceived
from nesqc_gmp.records.entry import Actor, Entry, Subject
from nesqc_gmp.records.images import FrameFacts
from nesqc_gmp.records.people import AuthenticationFailed

# Everything but lone surrogates, which are no Unicode text; quotes, controls and letters beyond 16 bits included.
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
_DIGITS = st.integers(0, 99).map("{:02}".format)
_INSTANT = st.builds(
    lambda hour, minute, zone: Instant(
        utc=f"2026-01-02T{hour}:{minute}:00.000001Z", local=f"2026-01-02T{hour}:{minute}:00.000001+01:00", zone=zone
    ),
    _DIGITS,
    _DIGITS,
    _TEXT,
)
_ACTOR = st.builds(
    Actor,
    person=st.just("op1"),
    name=_TEXT,
    role=_TEXT,
    authentication=st.sampled_from(["session", "passphrase", "none"]),
    session=st.none() | _TEXT,
)
_RECORD = st.builds(AuthenticationFailed, person=st.just("op1"), purpose=_TEXT, locked=st.booleans())
# A reason is one visible line; controls, invisible and direction-changing characters are refused before.
_VISIBLE = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Zl", "Zp"])
_REASON = st.none() | st.text(_VISIBLE, min_size=8, max_size=50).filter(lambda text: len(text.strip()) >= 8)


@pytest.mark.requirement("UR-AUDIT-11", reviewed="67f55908")
@given(st.integers(0, 2**53 - 1), _INSTANT, _ACTOR, _REASON, _RECORD, _TEXT)
@settings(max_examples=50, deadline=None)
def test_bytes_are_canonical_json_of_the_whole_entry(
    index: int, time: Instant, actor: Actor, reason: str | None, record: AuthenticationFailed, origin: str
) -> None:
    subject = Subject(type="person", id="op1")
    body, data = compose(origin, index, time, actor, subject, reason, record)
    entry = Entry.model_validate_json(data)
    assert data == rfc8785.dumps(body)
    assert data == rfc8785.dumps(entry.model_dump(mode="json"))
    assert json.loads(data) == body
    assert (entry.origin, entry.index, entry.time, entry.actor, entry.record) == (origin, index, time, actor, record)
    assert (entry.reason or "").strip() == (reason or "").strip()


def test_limit() -> None:
    time = Instant(utc="2026-01-02T09:00:00.000000Z", local="2026-01-02T10:00:00.000000+01:00", zone="UTC")
    actor = Actor(person="a", name="a", role="a", authentication="none", session=None)
    record = AuthenticationFailed.model_construct(person="a", purpose="é" * 40_000, locked=False)
    with pytest.raises(RecordTooLargeError, match=f"limit is {ENTRY_LIMIT}"):
        compose("o", 0, time, actor, Subject(type="person", id="a"), None, record)


def test_read_models_of_a_received_image() -> None:
    """Rows written out by hand from the fields of one entry."""
    facts = FrameFacts(
        sha256="a" * 64,
        byte_length=1,
        format="PNG",
        decoder="d",
        width=1,
        height=1,
        channels=1,
        bit_depth=8,
        pixel_size_um=None,
        pixels_sha256="b" * 64,
        perceptual_hash="c" * 16,
    )
    record = ImageReceived(
        image="C1-F1",
        culture="C1",
        passage=3,
        field="F1",
        captured_at=None,
        pixel_size_um=None,
        file_name="x.png",
        facts=facts,
        duplicates=(),
    )
    time = Instant(utc="2026-01-02T09:00:00.000000Z", local="2026-01-02T10:00:00.000000+01:00", zone="UTC")
    actor = Actor(person="op1", name="Anna", role="operator", authentication="session", session="s")
    body, data = compose("o", 7, time, actor, Subject(type="batch", id="B-9"), "because of it", record)
    rows = {table: project(body) for table, project in PROJECTIONS.items()}
    assert rows == {
        "entry": (7, "image_received", "batch", "B-9", "op1", "operator", time.utc, "because of it", 1),
        "image": (7, "B-9", "C1-F1", "a" * 64, "b" * 64, "c" * 16),
        "score": None,
    }
    assert rows == {table: project(json.loads(data)) for table, project in PROJECTIONS.items()}


def test_no_entry_can_hold_what_the_two_encoders_write_differently() -> None:
    """RFC 8785 differs from the standard library's encoder in numbers with a fraction and in the order of member
    names outside ASCII. The JSON schema of an entry, made from the types, has neither."""

    def walk(schema: object) -> None:
        if isinstance(schema, dict):
            assert schema.get("type") != "number"
            for name in schema.get("properties", {}):
                assert name.isascii()
            # An object with free member names could bring names that are not ASCII.
            assert schema.get("type") != "object" or schema.get("additionalProperties") is False
            for value in schema.values():
                walk(value)
        elif isinstance(schema, list):
            for value in schema:
                walk(value)

    walk(Entry.model_json_schema())
