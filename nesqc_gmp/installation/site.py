"""The lines of one site: database and its guards, who may read and write, and the models."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from nesqc_gmp.config import LEDGER_FILE, SitePaths
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.installation.files import FileDigests, Tree, walk
from nesqc_gmp.installation.lines import UNREADABLE, Line, some, unreadable
from nesqc_gmp.objects import ObjectStore

_OPTIONS = ("THREADSAFE=", "OMIT_", "DEFAULT_SYNCHRONOUS", "DEFAULT_WAL_SYNCHRONOUS", "DEFAULT_RECURSIVE_TRIGGERS")
"""Compile options that durability, guards and threads depend on."""

Schema = Iterable[tuple[str, str, str, str]]
"""Type, name, table and text of everything a database holds."""

NO_GUARD = "no guard"


def tables_value(schema: Schema) -> str:
    """How a line names the tables, indexes and views of a schema: their number and one digest."""
    rows = sorted([kind, name, text] for kind, name, _, text in schema if kind != "trigger")
    return f"{len(rows)} tables and indexes, SHA-256 {sha256(json.dumps(rows).encode()).hexdigest()}"


def guard_values(schema: Schema) -> dict[str, str]:
    """How lines name the triggers of each table: names in order, and one digest over their texts."""
    rows = sorted(schema)
    tables = [name for kind, name, _, _ in rows if kind == "table" and not name.startswith("sqlite_")]
    guards = {table: [row for row in rows if row[0] == "trigger" and row[2] == table] for table in tables}
    return {table: _guards(found) if found else NO_GUARD for table, found in guards.items()}


def _guards(rows: list[tuple[str, str, str, str]]) -> str:
    names = ", ".join(name for _, name, _, _ in rows)
    return f"{names}, SHA-256 {sha256(json.dumps([list(row) for row in rows]).encode()).hexdigest()}"


def database_lines(ledger: Path) -> Iterator[Line]:
    """The library, how the ledger's file is kept, its tables, and the guards of each table."""
    memory = sqlite3.connect(":memory:")
    version, source = memory.execute("SELECT sqlite_version(), sqlite_source_id()").fetchone()
    options = [str(row[0]) for row in memory.execute("PRAGMA compile_options")]
    memory.close()
    yield Line("database", "SQLite", f"{version}, source {str(source).split()[-1]}")
    yield Line("database", "compile options", ", ".join(sorted(o for o in options if o.startswith(_OPTIONS))) or "none")
    try:
        journal, schema = _ledger(ledger)
    except sqlite3.Error as error:
        yield Line("database", "journal mode", f"{UNREADABLE}: {error}")
        return
    yield Line("database", "journal mode", journal)
    yield Line("database", "tables and indexes", tables_value(schema))
    for table, value in guard_values(schema).items():
        yield Line("database", f"guards of {table}", value)


def _ledger(path: Path) -> tuple[str, list[tuple[str, str, str, str]]]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=60)
    try:
        journal = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
        rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master").fetchall()
    finally:
        connection.close()
    return journal, [(str(kind), str(name), str(table), str(text)) for kind, name, table, text in rows]


def grant_lines(paths: SitePaths, trees: Mapping[str, Tree]) -> Iterator[Line]:
    """Owner and mode of the site's folder, ledger and keys, and who else may write there and in the libraries.

    Inside the site's folder the entries of its first level are looked at; below them lie objects by the thousand,
    each read-only and hashed at each use.
    """
    yield Line("grants", "site folder", _grant(paths.folder))
    yield Line("grants", "ledger", _grant(paths.ledger) + _beside(paths.ledger))
    yield Line("grants", "keys", _keys(paths.keys))
    yield Line("grants", "other writers in the site folder", _others_in_site(paths))
    for number, (folder, tree) in enumerate(trees.items(), start=1):
        inside = [path for path, facts in (*tree.files.items(), *tree.folders.items()) if facts.st_mode & 0o022]
        writable = [path for path in inside if writers(f"{folder}/{path}")]
        more = f"; others may write: {some(writable)}" if writable else ""
        yield Line(
            "grants", f"library folder {number}" if number > 1 else "library folder", _grant(Path(folder)) + more
        )


def _beside(ledger: Path) -> str:
    """Who else may write in the files that SQLite keeps beside the ledger while it is open."""
    places = [f"{ledger}{suffix}" for suffix in ("-wal", "-shm", "-journal")]
    found = {who for place in places if os.path.lexists(place) and (who := writers(place))}
    return f"; beside it writable for {', '.join(sorted(found))}" if found else ""


def _grant(path: Path) -> str:
    """Owner, group and mode, and who else may write."""
    try:
        facts = path.stat()
    except OSError as error:
        return unreadable(error)
    others = writers(str(path))
    more = f", writable for {others}" if others else ""
    mode = stat.S_IMODE(facts.st_mode)
    return f"owner {_user(facts.st_uid)}, group {_group(facts.st_gid)}, mode {mode:04o}{more}"


def writers(path: str) -> str:
    """Who may write besides the owner, or nothing.

    A group with no other member than the owner counts as the owner. An access list shows in the mode as rights of the
    group, so it is looked for only there (acl(5)).
    """
    facts = os.lstat(path)
    if stat.S_ISLNK(facts.st_mode):
        return ""
    if facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX:
        return "everybody"
    if not facts.st_mode & stat.S_IWGRP:
        return ""
    with contextlib.suppress(OSError):  # a file system without access lists
        if "system.posix_acl_access" in os.listxattr(path):
            return "an access list"
    return "" if _private(facts.st_gid, facts.st_uid) else f"group {_group(facts.st_gid)}"


def _private(group: int, owner: int) -> bool:
    try:
        name = pwd.getpwuid(owner).pw_name
        members = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        return False
    return (members | {user.pw_name for user in pwd.getpwall() if user.pw_gid == group}) <= {name}


def _user(number: int) -> str:
    try:
        return f"{pwd.getpwuid(number).pw_name} ({number})"
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return f"{grp.getgrgid(number).gr_name} ({number})"
    except KeyError:
        return str(number)


def _keys(folder: Path) -> str:
    """The folder of keys, and every file in it that is not its owner's alone."""
    try:
        owner = folder.stat().st_uid
        tree = walk(str(folder))
    except OSError as error:
        return unreadable(error)
    # Nobody else can enter the folder, and each file is closed by itself too.
    odd = [path for path, facts in tree.files.items() if facts.st_mode & 0o077 or facts.st_uid != owner]
    odd += tree.links
    inside = f"not the owner's alone: {some(odd)}" if odd else "every file is the owner's alone"
    return f"{_grant(folder)}; {inside}"


def _others_in_site(paths: SitePaths) -> str:
    try:
        names = {name for name in os.listdir(paths.folder) if not name.startswith(LEDGER_FILE)} - {paths.keys.name}
        found = [f"{name}: {who}" for name in names if (who := writers(f"{paths.folder}/{name}"))]
    except OSError as error:
        return unreadable(error)
    return some(found, 10) or "nobody"


def model_lines(
    shipped: Path | None, active: Mapping[str, str], store: ObjectStore, digests: FileDigests
) -> Iterator[Line]:
    """Each package that the release brings, and each that is active on the site, hashed file by file.

    Args:
        shipped: Folder of the packages of the release.
        active: Digest of each active package by its name and version.
        store: Objects of the site, where the bytes of installed packages lie.
        digests: Digests of files.
    """
    for folder in sorted(shipped.iterdir()) if shipped is not None else ():
        if (folder / "manifest.json").is_file():
            yield Line("models", f"package {folder.name}", _package(folder, digests))
    for name, digest in sorted(active.items()):
        yield Line("models", f"active {name}", _installed(digest, store, digests))


def _package(folder: Path, digests: FileDigests) -> str:
    tree = walk(str(folder))
    found = {path: digests.digest(f"{folder}/{path}", facts) for path, facts in tree.files.items()}
    manifest = found.pop("manifest.json", "none")
    try:
        named = _parts((folder / "manifest.json").read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return f"SHA-256 {manifest}; the manifest cannot be read"
    odd = {path for path in found.keys() | named.keys() | tree.links.keys() if found.get(path) != named.get(path)}
    return f"SHA-256 {manifest}" + (f"; not as its manifest names: {some(odd)}" if odd else "")


def _installed(digest: str, store: ObjectStore, digests: FileDigests) -> str:
    try:
        places = {"manifest.json": digest, **_parts(store.read(digest))}
    except (IntegrityError, ValueError, KeyError, TypeError):
        return f"SHA-256 {digest}; its manifest is missing or altered"
    odd = [path for path, named in places.items() if digests.of(str(store.path(named))) != named]
    return f"SHA-256 {digest}" + (f"; missing or altered in the store: {some(odd)}" if odd else "")


def _parts(manifest: bytes) -> dict[str, str]:
    """Digest of each part by path, as a model manifest names them."""
    return {str(part["path"]): str(part["sha256"]) for part in json.loads(manifest)["parts"]}
