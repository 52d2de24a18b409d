"""A small site for the tests of the ledger, and an attacker who owns its files; all records are invented."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nesqc_gmp import merkle, store
from nesqc_gmp.ledger import Ledger, LedgerReport, LogSigner, reading_copy, verify_database
from nesqc_gmp.ledger.projections import PROJECTIONS
from nesqc_gmp.notes import Checkpoint
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.batches import BatchRegistered, ImageReceived, ImageScored
from nesqc_gmp.records.entry import Actor, Record, Subject
from nesqc_gmp.records.images import FrameFacts, HeatMap, InputCheck, InputFinding, Prediction, TileHeterogeneity

ACTOR = Actor(person="op1", name="Anna Ågren", role="operator", authentication="session", session="a" * 64)


def instant(number: int) -> Instant:
    minute, second = divmod(number % 3600, 60)
    clock = f"{minute:02}:{second:02}.{number % 1_000_000:06}"
    return Instant(utc=f"2026-01-02T09:{clock}Z", local=f"2026-01-02T10:{clock}+01:00", zone="Europe/Stockholm")


def subject(number: int) -> Subject:
    return Subject(type="batch", id=f"B-{number // 50}")


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def record(number: int) -> Record:
    """By turns a registered batch, received images and scored images."""
    name = f"C{number % 7}-F{number}"
    if number % 50 == 0:
        return BatchRegistered(
            batch=f"B-{number // 50}",
            specification_id="NES-1",
            line_code="L1",
            manufactured_on="2026-01-01",
            expires_on="2026-02-01",
        )
    if number % 2:
        return received(name)
    return scored(name)


def received(name: str) -> ImageReceived:
    facts = FrameFacts(
        sha256=_sha(name),
        byte_length=12345,
        format="TIFF",
        decoder="tifffile 1",
        width=512,
        height=512,
        channels=1,
        bit_depth=16,
        pixel_size_um="0.65",
        pixels_sha256=_sha("p" + name),
        perceptual_hash="0123456789abcdef",
    )
    return ImageReceived(
        image=name,
        culture="C1",
        passage=12,
        field="F1",
        captured_at=None,
        pixel_size_um="0.65",
        file_name="bild å.tif",
        facts=facts,
        duplicates=(),
    )


def scored(name: str) -> ImageScored:
    rules = ("FORMAT", "DEPTH", "CHANNELS", "SIZE", "SCALE", "SATURATION", "FOCUS", "ILLUMINATION")
    findings = tuple(
        InputFinding(rule=f"INPUT-{rule}", measured="1.25", limit="0.5 to 2", passed=True) for rule in rules
    )
    prediction = Prediction(
        score="0.912345",
        tiles=(("0.91", "0.93", "0.88"),) * 3,
        heat_map=HeatMap(rows=8, columns=8, values="AAAAPwAA" * 43),
        heterogeneity=TileHeterogeneity(appearance=None, score=None, tile_distances=()),
        embedding_sha256=_sha("e" + name),
        distance="3.2",
        distance_limit="9",
        statistics_distance="1.5",
        statistics_limit="7",
        outputs_sha256=_sha("o" + name),
    )
    return ImageScored(
        attempt=1,
        image=name,
        sha256=_sha(name),
        check=InputCheck(findings=findings),
        model_check=(),
        prediction=prediction,
        outcome="conforming",
    )


class Site:
    """A ledger with its key and state in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "ledger.sqlite"
        self.key, self.state = folder / "log.key", folder / "log.state"

    @classmethod
    def founded(cls, folder: Path) -> Site:
        site = cls(folder)
        Ledger.create(site.path, LogSigner.create(site.key, site.state, "example.org/nesqc/test/1")).close()
        return site

    def copy(self, folder: Path) -> Site:
        shutil.copytree(self.folder, folder)
        return Site(folder)

    def signer(self) -> LogSigner:
        return LogSigner(self.key, self.state)

    def open(self) -> Ledger:
        return Ledger(self.path, self.signer())

    def extend(self, count: int, per_transaction: int = 1, build: Callable[[int], Record] = record) -> None:
        ledger = self.open()
        # Only for speed: what these tests look at does not depend on a loss of power.
        ledger._cursor.execute("PRAGMA synchronous = OFF")
        with ledger.reading() as reader:
            first = reader.size
        for start in range(first, first + count, per_transaction):
            with ledger.writing() as transaction:
                for number in range(start, min(start + per_transaction, first + count)):
                    transaction.append(time=instant(number), actor=ACTOR, subject=subject(number), record=build(number))
        ledger.close()

    def checkpoint(self, size: int) -> Checkpoint:
        """The signed checkpoint of a size, as somebody outside would have kept it."""
        ledger = self.open()
        with ledger.reading() as reader:
            checkpoint = Checkpoint(ledger.origin, size, reader.root(size))
        ledger.close()
        return checkpoint

    def verify(self, **anchors: Checkpoint) -> LedgerReport:
        signer = self.signer()
        try:
            with reading_copy(self.path) as engine:
                return verify_database(engine, signer.verifier, anchors=anchors)
        finally:
            signer.close()

    def verify_with_state(self) -> LedgerReport:
        signer = self.signer()
        last = signer.last()
        signer.close()
        return self.verify(state=last)


class Attacker:
    """Somebody who owns the files: takes the guards away, does what they like, puts the guards back."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.database = sqlite3.connect(site.path, isolation_level=None)
        self.database.execute("PRAGMA synchronous = OFF")
        self._guards = self.database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"
        ).fetchall()

    def __enter__(self) -> Attacker:
        for name, _ in self._guards:
            self.database.execute(f"DROP TRIGGER {name}")
        return self

    def __exit__(self, *_: object) -> None:
        for _, sql in self._guards:
            self.database.execute(sql)
        self.database.close()

    def sql(self, statement: str, *values: Any) -> None:
        assert self.database.execute(statement, values).rowcount != 0

    def body(self, index: int) -> bytes:
        return self.database.execute("SELECT body FROM leaf WHERE idx = ?", (index,)).fetchone()[0]

    def edited(self, index: int) -> bytes:
        """The entry with another person in it, the same length."""
        body = self.body(index).replace(b'"person":"op1"', b'"person":"op2"')
        assert body != self.body(index)
        return body

    def edit(self, index: int) -> None:
        """Change who acted, in the leaf, its hash and the audit index."""
        body = self.edited(index)
        self.sql("UPDATE leaf SET body = ?, hash = ? WHERE idx = ?", body, merkle.leaf_hash(body), index)
        self.sql("UPDATE entry SET person = 'op2' WHERE idx = ?", index)

    def rewrite(self, bodies: list[bytes]) -> None:
        """Replace all leaves and compute every hash and subtree again."""
        edge = merkle.CompactRange()
        for table in ("leaf", "node"):
            self.database.execute(f"DELETE FROM {table}")
        for index, body in enumerate(bodies):
            leaf = merkle.leaf_hash(body)
            self.sql("INSERT INTO leaf VALUES (?, ?, ?)", index, body, leaf)
            for level, place, value in edge.append(leaf):
                self.sql("INSERT INTO node VALUES (?, ?, ?, ?)", store.node_id(level, place), level, place, value)

    def bodies(self) -> list[bytes]:
        return [row[0] for row in self.database.execute("SELECT body FROM leaf ORDER BY idx")]

    def recompute(self) -> None:
        """Compute every subtree again over the leaves as they now are."""
        self.rewrite(self.bodies())

    def project_again(self) -> None:
        """Build the read models again from the leaves as they now are."""
        for table, project in PROJECTIONS.items():
            self.database.execute(f"DELETE FROM {table}")
            for body in self.bodies():
                if row := project(json.loads(body)):
                    self.sql(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)

    def sign_again(self, *, with_state: bool = False) -> None:
        """Sign a checkpoint of every size again with the stolen key."""
        signer = self.site.signer()
        self.database.execute("DELETE FROM checkpoint")
        edge, note = merkle.CompactRange(), ""
        for index, body in enumerate(self.bodies()):
            edge.append(merkle.leaf_hash(body))
            note = signer.sign(index + 1, edge.root())
            self.sql("INSERT INTO checkpoint VALUES (?, ?, ?)", index + 1, edge.root(), note)
        if with_state:
            signer.remember(note)
        signer.close()

    def cut(self, size: int) -> None:
        """Take away everything after a size, with its checkpoints."""
        for table in store.PROJECTIONS:
            self.database.execute(f"DELETE FROM {table} WHERE idx >= ?", (size,))
        self.sql("DELETE FROM checkpoint WHERE size > ?", size)
        self.rewrite(self.bodies()[:size])


SIZE = 500
"""Entries of the attacked site, as in the published comparison of tamper-evident logs."""


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """500 entries, one checkpoint each; never altered."""
    site = Site.founded(tmp_path_factory.mktemp("pristine"))
    site.extend(SIZE)
    return site


@pytest.fixture
def site(pristine: Site, tmp_path: Path) -> Site:
    """A copy to be altered."""
    return pristine.copy(tmp_path / "site")


@pytest.fixture
def new_site(tmp_path: Path) -> Site:
    """A site without entries."""
    folder = tmp_path / "new"
    folder.mkdir()
    return Site.founded(folder)


@pytest.fixture(scope="session")
def outside(pristine: Site) -> Checkpoint:
    """The checkpoint of size 400, kept outside the database."""
    return pristine.checkpoint(400)


@pytest.fixture
def attack(site: Site) -> Attacker:
    """The attacker at work on the copy; leave the ``with`` before looking."""
    return Attacker(site)


@pytest.fixture(scope="session")
def samples() -> SimpleNamespace:
    """The builders of sample values."""
    return SimpleNamespace(actor=ACTOR, instant=instant, subject=subject, record=record)


@pytest.fixture(scope="session")
def attacker() -> type[Attacker]:
    """The attacker, to be set on a site."""
    return Attacker
