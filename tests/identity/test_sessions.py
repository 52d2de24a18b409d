"""Session files: who can read them, when they end, and what they cannot do."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import AuthenticationError
from nesqc_gmp.esign import Credentials
from nesqc_gmp.identity.sessions import SessionFile, new_session, read_session, session_path, write_session
from nesqc_gmp.procedures import batches, people
from nesqc_gmp.procedures.session import Session

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ORIGIN = "nesqc/test/1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = session_path(tmp_path / "sessions", ORIGIN)
    write_session(path, new_session(ORIGIN, "o.brannstrom", NOW))
    return path


@pytest.mark.requirement("UR-PEOPLE-18", reviewed="5996b5ea")
@pytest.mark.requirement("UR-SITE-04", reviewed="e31eedd9")
def test_only_its_owner_can_read_it(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == [path.name], "no temporary file stays"


@pytest.mark.requirement("UR-SITE-04", reviewed="e31eedd9", negative=True)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_file_that_others_can_read_is_refused(mode: int, path: Path) -> None:
    path.chmod(mode)
    with pytest.raises(AuthenticationError, match="can be read by others"):
        read_session(path, NOW)


def test_link_is_refused(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "moved.json"
    path.rename(other)
    path.symlink_to(other)
    with pytest.raises(AuthenticationError, match="can be read by others"):
        read_session(path, NOW)


def test_another_users_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: real + 1)
    with pytest.raises(AuthenticationError, match="can be read by others"):
        read_session(path, NOW)


@pytest.mark.requirement("UR-PEOPLE-18", reviewed="5996b5ea", negative=True)
@pytest.mark.parametrize(
    ("after", "holds"),
    [
        (timedelta(0), True),
        (timedelta(minutes=15), True),
        (timedelta(minutes=15, microseconds=1), False),
        (timedelta(minutes=-1), True),
        (timedelta(minutes=-1, microseconds=-1), False),
        (timedelta(days=400), False),
    ],
)
def test_idle_time(after: timedelta, holds: bool, path: Path) -> None:
    if holds:
        assert read_session(path, NOW + after).person == "o.brannstrom"
    else:
        with pytest.raises(AuthenticationError, match="idle for more than 15 minutes"):
            read_session(path, NOW + after)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "7", "{", '{"origin": "o"}',
     '{"origin":"o","person":"p","secret":5,"last_used":"2026-11-20T09:00:00+00:00"}',
     '{"origin":"o","person":["p"],"secret":"s","last_used":"2026-11-20T09:00:00+00:00"}',
     '{"origin":1,"person":2,"secret":3,"last_used":4}', "\x00",
     '{"origin":"o","person":"p","secret":"s","last_used":"2026-11-20T09:00:00"}'],
)  # fmt: skip
def test_damaged_file(text: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(AuthenticationError):
        read_session(path, NOW)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="nobody is logged in"):
        read_session(tmp_path / "none.json", NOW)


@pytest.mark.requirement("UR-AUDIT-17", reviewed="0fbb59d9")
def test_secrets_differ_and_the_log_holds_only_their_digest(path: Path) -> None:
    import hashlib

    first, second = new_session(ORIGIN, "a", NOW), new_session(ORIGIN, "a", NOW)
    assert first.secret != second.secret
    assert len(bytes.fromhex(first.secret)) == 32
    assert first.digest == hashlib.sha256(first.secret.encode()).hexdigest()


@pytest.fixture
def logged_in(founded: Any, spoken: Any) -> tuple[Any, Path]:
    folder = founded.folder / "own"
    people.login(founded.site, Credentials("o.brannstrom", spoken("operator")), folder)
    return founded, folder


def test_each_command_starts_the_idle_time_again(logged_in: Any) -> None:
    world, folder = logged_in
    for _ in range(3):
        world.clock.move(minutes=14)
        assert people.resume(world.site, folder).person == "o.brannstrom"
    world.clock.move(minutes=16)
    with pytest.raises(AuthenticationError, match="idle"):
        people.resume(world.site, folder)


@pytest.mark.requirement("UR-PEOPLE-18", reviewed="5996b5ea")
def test_twelve_hours_at_most(logged_in: Any) -> None:
    world, folder = logged_in
    for _ in range(72):
        world.clock.move(minutes=10)
        session = people.resume(world.site, folder)
    with pytest.raises(AuthenticationError, match="the session has ended"):
        batches.batches(session)


@pytest.mark.requirement("UR-PEOPLE-18", reviewed="5996b5ea", negative=True)
def test_after_logout_neither_file_nor_copy_works(logged_in: Any) -> None:
    world, folder = logged_in
    session = people.resume(world.site, folder)
    path = next(folder.iterdir())
    copy = path.read_bytes()
    people.logout(session, folder)
    assert not path.exists()
    path.write_bytes(copy)
    path.chmod(0o600)
    with pytest.raises(AuthenticationError, match="the session has ended"):
        people.resume(world.site, folder)
    with pytest.raises(AuthenticationError, match="the session has ended"):
        batches.batches(session)


@pytest.mark.requirement("UR-PEOPLE-18", reviewed="5996b5ea", negative=True)
@pytest.mark.parametrize("field", ["person", "secret", "origin"])
def test_forged_file(field: str, logged_in: Any) -> None:
    world, folder = logged_in
    path = next(folder.iterdir())
    value = json.loads(path.read_text())
    value[field] = {"person": "q.ekstrom", "secret": "0" * 64, "origin": "nesqc/other/1"}[field]
    path.write_text(json.dumps(value))
    with pytest.raises(AuthenticationError, match="the session has ended"):
        people.resume(world.site, folder)


def test_digest_from_the_log_opens_nothing(founded: Any) -> None:
    """Whoever reads the log knows the digests; the file needs the secret behind one."""
    digest = founded.entries("session_opened")[0].record.session
    folder = founded.folder / "stolen"
    path = session_path(folder, founded.site.ledger.origin)
    write_session(path, SessionFile(founded.site.ledger.origin, "a.lindqvist", digest, founded.site.moment()))
    with pytest.raises(AuthenticationError, match="the session has ended"):
        people.resume(founded.site, folder)


def test_another_persons_session_is_nobodys(founded: Any) -> None:
    digest = founded.session("operator").session
    with pytest.raises(AuthenticationError, match="the session has ended"):
        batches.batches(Session(founded.site, "q.ekstrom", digest))
