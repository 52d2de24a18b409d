"""Somebody who owns the files of a site and knows how they are made. The guards are taken away and put back.

edit KIND FIELD VALUE [how]   change one field of the first entry of a kind, such as actor.name
cut KIND [how]                take away the first entry of a kind and all after it
swap KIND [how]               exchange the first entry of a kind with the one after it
insert KIND [how]             enter the first entry of a kind a second time, after itself
pose KIND PERSON NAME         enter the record of the first entry of a kind again, as if another person had made it

How: ``body`` changes the bytes alone; ``hashes`` computes every hash, subtree and table again; ``signed`` signs every
checkpoint again with the stolen key; ``remembered`` replaces also what the key remembers. Each includes those before.
"""

import json
import os
import sqlite3
import sys
from pathlib import Path

from nesqc_gmp import merkle, store
from nesqc_gmp.config import SitePaths
from nesqc_gmp.digest import canonical_json
from nesqc_gmp.ledger import LogSigner
from nesqc_gmp.ledger.projections import PROJECTIONS

HOW = ("body", "hashes", "signed", "remembered")
paths = SitePaths(Path(os.environ["NESQC_SITE"]))


def first(bodies: list[bytes], kind: str) -> int:
    """Index of the first entry of a kind."""
    return next(index for index, body in enumerate(bodies) if json.loads(body)["record"]["kind"] == kind)


def edited(body: bytes, field: str, value: str) -> bytes:
    """The entry with another value in one field."""
    entry = json.loads(body)
    *way, last = field.split(".")
    place = entry
    for name in way:
        place = place[name]
    if place[last] == value:
        raise SystemExit(f"{field} is {value!r} already")
    place[last] = value
    return canonical_json(entry)


def rewrite(database: sqlite3.Connection, bodies: list[bytes]) -> None:
    """Put these entries in the place of all, with every hash, subtree and table that follows from them."""
    for table in ("leaf", "node", *PROJECTIONS):
        database.execute(f"DELETE FROM {table}")
    edge = merkle.CompactRange()
    for index, body in enumerate(bodies):
        leaf = merkle.leaf_hash(body)
        database.execute("INSERT INTO leaf VALUES (?, ?, ?)", (index, body, leaf))
        for level, place, value in edge.append(leaf):
            database.execute("INSERT INTO node VALUES (?, ?, ?, ?)", (store.node_id(level, place), level, place, value))
        for table, project in PROJECTIONS.items():
            if row := project(json.loads(body)):
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    database.execute("DELETE FROM checkpoint WHERE size > ?", (len(bodies),))


def sign_again(database: sqlite3.Connection, bodies: list[bytes], *, remember: bool) -> None:
    """Sign a checkpoint of every size with the key of the log."""
    signer = LogSigner(paths.log_key, paths.log_state)
    database.execute("DELETE FROM checkpoint")
    edge, note = merkle.CompactRange(), ""
    for size, body in enumerate(bodies, 1):
        edge.append(merkle.leaf_hash(body))
        note = signer.sign(size, edge.root())
        database.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (size, edge.root(), note))
    if remember:
        signer.remember(note)
    signer.close()


def renumbered(bodies: list[bytes]) -> list[bytes]:
    """Each entry with the number of its place."""
    return [canonical_json({**json.loads(body), "index": index}) for index, body in enumerate(bodies)]


def pose(kind: str, person: str, name: str) -> None:
    """Append with the tool's own ledger, as somebody who has the key of the log can."""
    from nesqc_gmp.procedures.context import Site

    with Site(paths) as site, site.ledger.writing() as transaction:
        bodies = [transaction.body(index) for index in range(transaction.size)]
        entry = transaction.entry(first(bodies, kind))
        actor = entry.actor.model_copy(update={"person": person, "name": name})
        receipt = transaction.append(
            time=site.now(), actor=actor, subject=entry.subject, record=entry.record, reason=entry.reason
        )
    print(f"entered as entry {receipt.index}")


def main(what: str, kind: str, *rest: str) -> None:
    """Do one of the attacks."""
    if what == "pose":
        pose(kind, *rest)
        return
    how = HOW.index(rest[-1])
    database = sqlite3.connect(paths.ledger, isolation_level=None)
    guards = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid").fetchall()
    for name, _ in guards:
        database.execute(f"DROP TRIGGER {name}")
    bodies = [row[0] for row in database.execute("SELECT body FROM leaf ORDER BY idx")]
    index = first(bodies, kind)
    if what == "edit":
        bodies[index] = edited(bodies[index], rest[0], rest[1])
    elif what == "cut":
        bodies = bodies[:index]
    elif what == "swap":
        bodies[index], bodies[index + 1] = bodies[index + 1], bodies[index]
        bodies = renumbered(bodies)
    elif what == "insert":
        bodies.insert(index + 1, bodies[index])
        bodies = renumbered(bodies)
    if how == 0:
        database.execute("UPDATE leaf SET body = ? WHERE idx = ?", (bodies[index], index))
    else:
        rewrite(database, bodies)
    if how >= 2:
        sign_again(database, bodies, remember=how == 3)
    for _, text in guards:
        database.execute(text)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    print(f"{what} at entry {index} of {len(bodies)}")


main(*sys.argv[1:])
