"""Somebody who owns the files of a site and does with them what they like, outside the tool."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp import merkle, store
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.ledger import LogSigner
from nesqc_gmp.ledger.projections import PROJECTIONS


class Intruder:
    """Raw SQL on the ledger of a site; guards are taken away before and put back after."""

    def __init__(self, world: Any) -> None:
        world.close()
        self.paths = world.paths
        self.database = sqlite3.connect(self.paths.ledger, isolation_level=None)
        self._guards = self.database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"
        ).fetchall()

    def __enter__(self) -> Intruder:
        for name, _ in self._guards:
            self.database.execute(f"DROP TRIGGER {name}")
        return self

    def __exit__(self, *_: object) -> None:
        for _, sql in self._guards:
            self.database.execute(sql)
        self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.close()

    def sql(self, statement: str, *values: Any) -> None:
        assert self.database.execute(statement, values).rowcount != 0, statement

    def bodies(self) -> list[bytes]:
        return [row[0] for row in self.database.execute("SELECT body FROM leaf ORDER BY idx")]

    def index(self, kind: str, last: bool = False) -> int:
        """Index of the first (or last) entry of a kind."""
        found = [n for n, body in enumerate(self.bodies()) if json.loads(body)["record"]["kind"] == kind]
        return found[-1 if last else 0]

    def edited(self, index: int, change: Callable[[dict[str, Any]], None]) -> bytes:
        """The body of an entry after a change, in canonical form."""
        value = json.loads(self.bodies()[index])
        change(value)
        return canonical_json(value)

    def rewrite(self, bodies: list[bytes]) -> None:
        """Replace all leaves; compute every hash and subtree and fill every read model again."""
        edge = merkle.CompactRange()
        for table in ("leaf", "node", *PROJECTIONS):
            self.database.execute(f"DELETE FROM {table}")
        for index, body in enumerate(bodies):
            leaf = merkle.leaf_hash(body)
            self.sql("INSERT INTO leaf VALUES (?, ?, ?)", index, body, leaf)
            for level, place, value in edge.append(leaf):
                self.sql("INSERT INTO node VALUES (?, ?, ?, ?)", store.node_id(level, place), level, place, value)
            for table, project in PROJECTIONS.items():
                if row := project(json.loads(body)):
                    self.sql(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)

    def cut(self, size: int) -> None:
        """Take away everything after a size, with its checkpoints."""
        self.rewrite(self.bodies()[:size])
        self.database.execute("DELETE FROM checkpoint WHERE size > ?", (size,))

    def sign_again(self, *, state: bool) -> None:
        """Sign a checkpoint of every size with the stolen key; with ``state`` also replace what the key remembers."""
        signer = LogSigner(self.paths.log_key, self.paths.log_state)
        self.database.execute("DELETE FROM checkpoint")
        edge, note = merkle.CompactRange(), ""
        for number, body in enumerate(self.bodies(), start=1):
            edge.append(merkle.leaf_hash(body))
            note = signer.sign(number, edge.root())
            self.sql("INSERT INTO checkpoint VALUES (?, ?, ?)", number, edge.root(), note)
        if state:
            signer.remember(note)
        signer.close()


@pytest.fixture
def intruder() -> type[Intruder]:
    """To be set on a world."""
    return Intruder


def overwrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put a changed file in the place of a read-only one; copies of the site share files by links."""
    data, mode = path.read_bytes(), path.stat().st_mode
    path.unlink()
    path.write_bytes(change(data))
    path.chmod(mode)


@pytest.fixture
def edit_file() -> Callable[[Path, Callable[[bytes], bytes]], None]:
    """Changes the bytes of a read-only file."""
    return overwrite
