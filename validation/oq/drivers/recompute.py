"""Compute the log again without the tool: canonical bytes, numbers, leaf hashes and root, after RFC 8785 and RFC 6962.

Only the standard library and the reference implementation of RFC 8785 are used. The root is compared with the one that
the log signed last.
"""

import base64
import hashlib
import json
import os
import sqlite3
from pathlib import Path

import rfc8785

site = Path(os.environ["NESQC_SITE"])


def root(leaves: list[bytes]) -> bytes:
    """Merkle tree hash of RFC 6962, section 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def require(fact: bool, what: str) -> None:
    """End with what is wrong unless it is a fact."""
    if not fact:
        raise SystemExit(what)


database = sqlite3.connect(f"{(site / 'ledger.sqlite').as_uri()}?mode=ro", uri=True)
rows = database.execute("SELECT idx, body, hash FROM leaf ORDER BY idx").fetchall()
require([index for index, _, _ in rows] == list(range(len(rows))), "a number is missing")
for index, body, stored in rows:
    entry = json.loads(body)
    require(entry["index"] == index, f"entry {index} has another number")
    require(rfc8785.dumps(entry) == body, f"entry {index} is not in canonical form")
    require(hashlib.sha256(b"\x00" + body).digest() == stored, f"entry {index} has another leaf hash")
size, encoded = (site / "keys" / "log.state").read_text().split("\n")[1:3]
require(int(size) == len(rows), f"the log signed {size} entries")
require(root([stored for _, _, stored in rows]) == base64.b64decode(encoded), "the root is not the signed one")
print(f"{len(rows)} entries from 0 to {len(rows) - 1} without a gap, canonical, hashed, under the signed root")
