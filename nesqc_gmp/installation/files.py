"""Files by digest: walked without following links, hashed once, and remembered by identity between two commands.

A remembered digest is taken only where device, inode, size, time of modification and time of change are the same, and
only where the file had not changed shortly before it was hashed: two changes within one tick of the file system's
clock would look alike (the racy time stamp problem that git's index has too). The memory belongs to the owner of the
site and no one else may write it. It guards no secret: who can write as the owner can forge it, so qualification
hashes every file anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

SAFETY_MARGIN_NS = 2_000_000_000
"""A file that changed less than this before hashing began is not remembered; FAT keeps times to two seconds."""

_HEADER = b"nesqc installed files v1 "
_MAX_BYTES = 64 * 2**20


def _identity(facts: os.stat_result) -> str:
    """Device, inode, size in bytes, times of modification and of change in nanoseconds, each with a space after it."""
    return f"{facts.st_dev} {facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns} "


@dataclass(slots=True)
class Tree:
    """What lies in one folder.

    Attributes:
        folder: The folder.
        files: Plain files by path below the folder, without compiled code.
        compiled: Compiled code in folders ``__pycache__``, by path.
        links: What links point to, by path.
        folders: The folders below, by path.
    """

    folder: str
    files: dict[str, os.stat_result] = field(default_factory=dict)
    compiled: dict[str, os.stat_result] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: dict[str, os.stat_result] = field(default_factory=dict)


def walk(folder: str, *, leave_out: frozenset[str] = frozenset()) -> Tree:
    """Everything below a folder; links are read and never followed.

    Args:
        folder: Where to begin.
        leave_out: Names of folders directly below that are not entered.

    Raises:
        OSError: A folder cannot be read.
    """
    tree = Tree(folder)
    pending = [("", folder)]
    while pending:
        prefix, place = pending.pop()
        compiled = prefix.endswith("__pycache__/")
        with os.scandir(place) as entries:
            for entry in entries:
                name = entry.name
                path = prefix + name
                if entry.is_symlink():
                    tree.links[path] = os.readlink(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    if prefix or name not in leave_out:
                        tree.folders[path] = entry.stat(follow_symlinks=False)
                        pending.append((f"{path}/", entry.path))
                else:
                    kind = tree.compiled if compiled and name.endswith(".pyc") else tree.files
                    kind[path] = entry.stat(follow_symlinks=False)
    return tree


class FileDigests:
    """SHA-256 of files, remembered by identity.

    Args:
        remembered: Identity and digest by path, as :func:`load` gives them.
    """

    __slots__ = ("_begun_ns", "_new", "_remembered", "_used", "hashed")

    def __init__(self, remembered: Mapping[str, str] | None = None) -> None:
        self._remembered = remembered or {}
        self._used: dict[str, str] = {}
        self._begun_ns = time.time_ns()
        self._new = False
        self.hashed = 0
        """Files whose bytes were hashed."""

    def digest(self, path: str, facts: os.stat_result) -> str:
        """SHA-256 of a plain file in hexadecimal digits; ``not a plain file`` and ``cannot be read`` are no digests.

        Args:
            path: Absolute path.
            facts: What ``lstat`` said of it.
        """
        identity = _identity(facts)
        known = self._known(path, identity)
        if known is not None:
            return known
        if not stat.S_ISREG(facts.st_mode):
            return "not a plain file"
        self.hashed += 1
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
                after = os.fstat(stream.fileno())
        except OSError:
            return "cannot be read"
        if identity == _identity(after):
            self.keep(path, facts, found)
        return found

    def _known(self, path: str, identity: str) -> str | None:
        known = self._remembered.get(path)
        if known is None or not known.startswith(identity):
            return None
        self._used[path] = known
        return known[len(identity) :]

    def holds(self, path: str, facts: os.stat_result, value: str) -> bool:
        """Whether this value was kept for a file that is the same by identity."""
        return self._known(path, _identity(facts)) == value

    def keep(self, path: str, facts: os.stat_result, value: str) -> None:
        """Remember a value for a file, unless the file changed shortly before this began."""
        self._new = True
        if facts.st_ctime_ns < self._begun_ns - SAFETY_MARGIN_NS:
            self._used[path] = _identity(facts) + value

    def of(self, path: str) -> str | None:
        """SHA-256 of one file with what links lead to, or ``None`` where there is none."""
        try:
            real = os.path.realpath(path, strict=True)
            return self.digest(real, os.lstat(real))
        except OSError:
            return None

    def save(self, path: str) -> None:
        """Keep what was used for the next command; a folder where nothing can be written keeps nothing."""
        if not self._new:
            return
        body = json.dumps(self._used, separators=(",", ":")).encode()
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(prefix=".installed-", dir=os.path.dirname(path))
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(_HEADER + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise


def load(path: str) -> dict[str, str]:
    """Remembered digests; nothing where the file is missing, damaged, or somebody else could have written it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            facts = os.fstat(stream.fileno())
            private = stat.S_ISREG(facts.st_mode) and stat.S_IMODE(facts.st_mode) == 0o600
            if not private or facts.st_uid != os.geteuid() or facts.st_size > _MAX_BYTES:
                return {}
            head, _, body = stream.read().partition(b"\n")
    except OSError:
        return {}
    if head != _HEADER + hashlib.sha256(body).hexdigest().encode():
        return {}
    remembered: dict[str, str] = json.loads(body)
    return remembered


def digest_of_lines(lines: Iterable[tuple[str, str, int]]) -> str:
    """SHA-256 over sorted lines ``path,sha256,size`` with a newline after each.

    Args:
        lines: Path with slashes, SHA-256 in hexadecimal digits, size in bytes.
    """
    text = "".join(sorted(f"{path},{digest},{size}\n" for path, digest, size in lines))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def tree_lines(tree: Tree, digests: FileDigests, *, below: str = "") -> Iterator[tuple[str, str, int]]:
    """Path, digest and size of everything in a tree; a link counts as the text of where it leads.

    Args:
        tree: The tree.
        digests: Digests of files.
        below: How the paths begin that are wanted.
    """
    root = tree.folder
    for path, facts in tree.files.items():
        if path.startswith(below):
            yield path, digests.digest(f"{root}/{path}", facts), facts.st_size
    for path, target in tree.links.items():
        if path.startswith(below):
            yield path, f"link to {target}", 0


def files_value(lines: Iterable[tuple[str, str, int]]) -> str:
    """How a line names a set of files: their number and one digest."""
    found = list(lines)
    return f"{len(found)} files, SHA-256 {digest_of_lines(found)}"
