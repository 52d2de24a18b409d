"""The session file of a person: it proves a login to the next command, and can sign nothing.

The file is readable by its owner alone and lies outside the site. It holds a random secret whose digest is in the log
with the login. A session ends at logout, after fifteen minutes without a command, and twelve hours after the login at
the latest.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import AuthenticationError

IDLE_LIMIT = timedelta(minutes=15)
LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SessionFile:
    """What a session file holds.

    Attributes:
        origin: Origin of the log of the site.
        person: Who logged in.
        secret: Random secret, hexadecimal.
        last_used: When the last command ran.
    """

    origin: str
    person: str
    secret: str
    last_used: datetime

    @property
    def digest(self) -> str:
        """The session's name in the log."""
        return sha256_hex(self.secret.encode())


def new_session(origin: str, person: str, now: datetime) -> SessionFile:
    """A fresh session."""
    return SessionFile(origin, person, secrets.token_hex(32), now)


def session_path(folder: Path, origin: str) -> Path:
    """Where the session of one site lies in a person's folder of sessions."""
    return folder / f"{sha256_hex(origin.encode())[:24]}.json"


def write_session(path: Path, session: SessionFile) -> None:
    """Write a session file that its owner alone can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(
            {
                "origin": session.origin,
                "person": session.person,
                "secret": session.secret,
                "last_used": session.last_used.isoformat(),
            },
            stream,
        )
    temporary.replace(path)


def read_session(path: Path, now: datetime) -> SessionFile:
    """Read a session file.

    Raises:
        AuthenticationError: There is none, others can read it, it cannot be read, or it was idle too long.
    """
    remedy = "Log in with `nesqc login`."
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.getuid():
            raise AuthenticationError("the session file can be read by others", where=str(path), remedy=remedy)
        value = json.loads(path.read_text())
        origin, person, secret, last_used = (value[name] for name in ("origin", "person", "secret", "last_used"))
        if not all(isinstance(text, str) for text in (origin, person, secret)):
            raise TypeError("a field is no text")
        session = SessionFile(origin, person, secret, datetime.fromisoformat(last_used))
        idle = now - session.last_used
    except FileNotFoundError:
        raise AuthenticationError("nobody is logged in", remedy=remedy) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise AuthenticationError("the session file cannot be read", where=str(path), remedy=remedy) from None
    if not timedelta(minutes=-1) <= idle <= IDLE_LIMIT:
        raise AuthenticationError(
            f"the session was idle for more than {IDLE_LIMIT.seconds // 60} minutes", remedy=remedy
        )
    return session
