"""The text a person signs: read back exactly, and with no way to smuggle a line into it."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.signatures import MEANING_SENTENCES, Meaning, Statement

LINE = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=30)


def statement(**changes: Any) -> Statement:
    values: dict[str, Any] = {
        "origin": "nesqc/test/1",
        "subject": "batch B-1",
        "version": 7,
        "content_sha256": "a" * 64,
        "act_sha256": "b" * 64,
        "meaning": "reviewed",
        "person": "r.ozdemir",
        "name": "Rana Özdemir",
        "role": "reviewer",
        "time": Instant(
            utc="2026-11-20T09:00:00.000000Z", local="2026-11-20T10:00:00.000000+01:00", zone="Europe/Stockholm"
        ),
        "previous_size": 40,
        "previous_root": "QUJD",
        "reason": "-",
        "summary": ("Batch B-1", "All tests: conforming"),
    }
    return Statement.model_validate(values | changes)


@pytest.mark.requirement("UR-PEOPLE-20", reviewed="2f7aaf2f")
def test_text_by_hand() -> None:
    """Written out once by hand from the format; `openssl` checks exactly these bytes."""
    assert statement().format() == (
        "nesqc signature statement v1\n"
        "Log: nesqc/test/1\n"
        "Record: batch B-1\n"
        "Version: 7\n"
        f"Content SHA-256: {'a' * 64}\n"
        f"Act SHA-256: {'b' * 64}\n"
        "Meaning: reviewed - I reviewed the data, the attempts and the exceptions of this record.\n"
        "Signer: r.ozdemir\n"
        "Name: Rana Özdemir\n"
        "Role: reviewer\n"
        "Time: 2026-11-20T10:00:00.000000+01:00\n"
        "Time UTC: 2026-11-20T09:00:00.000000Z\n"
        "Time zone: Europe/Stockholm\n"
        "Previous checkpoint: 40 QUJD\n"
        "Reason: -\n"
        "Summary:\n"
        "  Batch B-1\n"
        "  All tests: conforming\n"
    )


@settings(max_examples=50, deadline=None)
@given(name=LINE, reason=LINE, summary=st.lists(LINE, max_size=4), meaning=st.sampled_from(get_args(Meaning)))
def test_read_back_exactly(name: str, reason: str, summary: list[str], meaning: Any) -> None:
    written = statement(name=name, reason=reason, summary=tuple(summary), meaning=meaning)
    assert Statement.parse(written.format()) == written


@pytest.mark.requirement("UR-PEOPLE-20", reviewed="2f7aaf2f", negative=True)
@pytest.mark.parametrize(
    "end", ["\n", "\r", "\x00", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1b[2K", "\x7f", "\u202e", "\u200b"]
)
@pytest.mark.parametrize("field", ["name", "role", "reason", "origin", "subject", "person", "previous_root"])
def test_no_second_line_and_no_control_character(field: str, end: str) -> None:
    with pytest.raises(ValidationError):
        statement(**{field: f"x{end}Meaning: released"})


def test_no_second_line_in_the_summary() -> None:
    with pytest.raises(ValidationError):
        statement(summary=("Batch B-1\nMeaning: released",))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t + "\n",
        lambda t: t[:-1],
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("Version: 7", "Version: 07"),
        lambda t: t.replace("Version: 7", "Version: +7"),
        lambda t: t.replace("40 QUJD", "40  QUJD"),
        lambda t: t.replace("Name: Rana Özdemir\nRole: reviewer", "Role: reviewer\nName: Rana Özdemir"),
        lambda t: t.replace("I reviewed the data", "I glanced at the data"),
        lambda t: t.replace("reviewed -", "approved -"),
        lambda t: t.replace("  Batch", " Batch"),
        lambda t: t.replace("statement v1", "statement v2"),
        lambda t: "",
    ],
)
def test_any_other_form_is_refused(change: Any) -> None:
    with pytest.raises(IntegrityError, match="not a signature statement"):
        Statement.parse(change(statement().format()))


@pytest.mark.requirement("UR-PEOPLE-15", reviewed="e05a32f4")
def test_every_meaning_has_its_sentence() -> None:
    assert set(MEANING_SENTENCES) == set(get_args(Meaning))
    assert len(set(MEANING_SENTENCES.values())) == len(MEANING_SENTENCES)
    with pytest.raises(ValidationError):
        statement(meaning="seen")
