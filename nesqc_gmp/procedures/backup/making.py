"""Making a backup: a verified copy of the whole site in a new folder, while others go on working.

The ledger is copied first; what its records name was in the store before them, so the originals that are copied after
it are complete. Certificates are those that the copied ledger names: one issued meanwhile would speak of a later log.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

from nesqc_gmp.config import LEDGER_FILE, SitePaths
from nesqc_gmp.digest import sha256_file, sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError
from nesqc_gmp.ledger import SOFTWARE, Reader, reading_copy
from nesqc_gmp.ledger.signer import state_bytes
from nesqc_gmp.procedures.audit.verification import verify
from nesqc_gmp.procedures.backup.checks import first_of, obstacles
from nesqc_gmp.procedures.backup.manifest import LEDGER_COPY, MANIFEST, BackupFile, BackupManifest, present_files
from nesqc_gmp.procedures.backup.writing import (
    blocks_of,
    flush,
    flush_folder,
    flush_folders,
    passing_folder,
    write_file,
)
from nesqc_gmp.procedures.context import Site, checkpoint_of
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.site import BackupMade
from nesqc_gmp.state.certificates import fold_certificates

SITE = Subject(type="site", id="site")
UNFINISHED = ".unfinished-"
"""How the name of a copy begins until it is whole and verified."""

Progress = Callable[[str, int, int], None]
_NAME_ROOM = 33


def make(session: Session, place: Path, progress: Progress = lambda what, done, total: None) -> BackupMade:
    """Copy the whole site into a new folder at a place, verify the copy, and record it.

    Args:
        session: An administrator.
        place: A folder on another device; the backup becomes a folder in it, under a name the tool makes.
        progress: Called with what is going on, how much of it is done, and how much there is.

    Returns:
        The record.

    Raises:
        NotAuthorisedError: The person may not; recorded.
        InvalidInputError: The place is no folder, or lies in the site itself.
        IntegrityError: The site is damaged, so its copy would be too; recorded, with an incident.
        NesqcError: The place is full or cannot be written; recorded.
    """
    site = session.site
    with session.viewing("site.backup"):
        pass
    _require_place(site.paths.folder, place)
    warnings = _warnings(site.paths.folder, place)
    moment = site.moment().astimezone(UTC)
    unfinished = place / f"{UNFINISHED}{moment:%Y%m%dT%H%M%SZ}-{os.getpid()}"
    try:
        with passing_folder(unfinished):
            copy = _Copy(site, unfinished, progress)
            copy.fill()
            copy.require_whole()
            head = checkpoint_of(copy.note)
            name = _name(site.ledger.origin, f"{moment:%Y%m%dT%H%M%SZ}", head.size)
            manifest = BackupManifest(
                version=1,
                backup=name,
                site=site.founded.name,
                made_at=site.now().utc,
                software=SOFTWARE,
                checkpoint=copy.note,
                files=tuple(copy.listed()),
            )
            data = manifest.format()
            write_file(unfinished / MANIFEST, [data])
            flush_folders(unfinished)
            os.rename(unfinished, place / name)
            flush_folder(place)
    except NesqcError as error:
        _record_failure(session, error)
    originals = [file for file in manifest.files if file.path.startswith("objects/")]
    record = BackupMade(
        backup=name,
        place=str(place.absolute())[:2000],
        size=head.size,
        root=base64.b64encode(head.root).decode("ascii"),
        objects=len(originals),
        object_bytes=sum(file.bytes for file in originals),
        files=len(manifest.files),
        manifest_sha256=sha256_hex(data),
        warnings=warnings,
    )
    with session.acting("site.backup") as act:
        act.append(SITE, record)
    return record


def _require_place(site: Path, place: Path) -> None:
    if not place.is_dir():
        raise InvalidInputError(
            "there is no such folder",
            where=str(place),
            remedy="Name a folder on another device, such as a mounted disk.",
        )
    if place.resolve().is_relative_to(site.resolve()):
        raise InvalidInputError(
            "a backup inside the site is lost with the site",
            where=str(place),
            remedy="Name a folder on another device.",
        )


def _warnings(site: Path, place: Path) -> tuple[str, ...]:
    """What speaks against a place (EU GMP Annex 11 draft 17: backups are kept apart from what they are made of)."""
    found: list[str] = []
    if place.stat().st_dev == site.stat().st_dev:
        found.append("the backup lies on the same device as the site and is lost together with it")
    found += [
        f"{left.name} is a copy that was never finished, with keys in it: delete it"
        for left in sorted(place.iterdir())
        if left.name.startswith(UNFINISHED)
    ]
    return tuple(found)


def _name(origin: str, moment: str, size: int) -> str:
    """Name of a backup: site, UTC time, size of the log."""
    words, _, distinct = origin.split("/")[-2].rpartition("-")
    return f"{words[: _NAME_ROOM - len(distinct)]}-{distinct}-{moment}-{size:06d}"


def _record_failure(session: Session, error: NesqcError) -> None:
    """Record that a backup was not made; where the site itself is damaged, QA has to assess it."""
    if isinstance(error, IntegrityError):
        with session.site.ledger.writing() as transaction:
            session.site.open_incident(transaction, "backup failed", str(error))
    session.refuse("site.backup", error, SITE)


@dataclass(slots=True)
class _Copy:
    """A copy of a site as it grows; laid out like a site until it is verified.

    Attributes:
        site: What is copied.
        folder: Where to.
        progress: Called as in ``make``.
        note: The signed head of the log in the copy.
        written: Digest of the bytes that were read from the site, by path in the copy.
        modes: Who may read a file in the site.
    """

    site: Site
    folder: Path
    progress: Progress
    note: str = ""
    written: dict[str, str] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)

    def fill(self) -> None:
        """Copy ledger, keys, originals, certificates, reports and trust.

        Raises:
            IntegrityError: An original was altered.
            OSError: Something cannot be read or written.
        """
        paths, copied = self.site.paths, SitePaths(self.folder)
        keys = self.site.ledger.copy_to(
            copied.ledger, lambda: dict(_keys(paths)), lambda done, total: self.progress("copying the log", done, total)
        )
        for path, data in keys.items():
            self._write(path, [data], 0o600)
        with reading_copy(copied.ledger) as engine, engine.connect() as connection:
            reader = Reader(connection)
            self.note = reader.checkpoint_note()
            issued = list(fold_certificates(reader.entries_about("certificate")))
        # The state goes with the copied log, not with the log as it is by now.
        self._write("keys/log.state", [state_bytes(self.note)], 0o600)
        self._write_objects()
        for number in issued:
            self._write_tree(paths.certificates / f"{number}.pdf")
            self._write_tree(paths.certificates / f"{number}.evidence")
        for folder in (paths.reports, self.site.paths.folder / "trust"):
            self._write_tree(folder)

    def _write_objects(self) -> None:
        store = self.site.objects
        digests = list(store.digests())
        for done, digest in enumerate(digests, 1):
            self._write(f"objects/{digest[:2]}/{digest[2:]}", [store.read(digest)], 0o444)
            self.progress("copying originals", done, len(digests))

    def _write_tree(self, source: Path) -> None:
        """Copy a file or a folder of the site to the same place in the copy, where there is one."""
        files = present_files(source) if source.is_dir() else [("", source)] if source.exists() else []
        for _, path in files:
            if not path.name.startswith("."):
                relative = path.relative_to(self.site.paths.folder).as_posix()
                self._write(relative, blocks_of(path), path.stat().st_mode & 0o777)

    def _write(self, path: str, blocks: Iterable[bytes], mode: int) -> None:
        self.written[path], self.modes[path] = write_file(self.folder / path, blocks), mode

    def require_whole(self) -> None:
        """The copy verifies as a site does, its keys fit its log, and the log of the site goes on from it.

        Raises:
            IntegrityError: It does not.
        """
        copied = SitePaths(self.folder, pinned=self.site.paths.trust)
        report = verify(copied, progress=lambda done, total: self.progress("verifying the copy", done, total))
        problem = "" if report.verified else report.sentence
        head = checkpoint_of(self.note)
        problem = problem or first_of(obstacles(SitePaths(self.folder), head))
        with self.site.ledger.reading() as reader:
            if not problem and (reader.size < head.size or reader.root(head.size) != head.root):
                problem = "the log of the site does not go on from the copy"
        if problem:
            raise IntegrityError(
                f"the copy of this site does not verify and was not kept: {problem}"[:1900],
                where=str(self.site.paths.folder),
                remedy="Run `nesqc audit verify`; what is damaged is restored from an earlier backup.",
            )

    def listed(self) -> Iterator[BackupFile]:
        """Every file of the copy, read back from the disk; the ledger gets the name it has in a backup.

        Raises:
            IntegrityError: The disk gives back other bytes than were written.
        """
        (self.folder / LEDGER_FILE).rename(self.folder / LEDGER_COPY)
        with (self.folder / LEDGER_COPY).open("rb") as stream:
            flush(stream.fileno())
        files: Mapping[str, Path] = dict(present_files(self.folder))
        for done, (relative, path) in enumerate(sorted(files.items()), 1):
            digest = sha256_file(path)
            if relative != LEDGER_COPY and digest != self.written.get(relative):
                raise IntegrityError("the disk gave back other bytes than were written", where=str(path))
            mode = self.modes.get(relative, 0o600)
            yield BackupFile(path=relative, bytes=path.stat().st_size, sha256=digest, mode=f"0{mode:03o}")
            self.progress("reading the copy back", done, len(files))


def _keys(paths: SitePaths) -> Iterator[tuple[str, bytes]]:
    """Everything a site needs to go on but the state of the log key; sealed keys stay sealed."""
    for path in (paths.log_key, paths.authority, paths.timestamp_key, *sorted((paths.keys / "people").glob("*.json"))):
        if not path.name.startswith("."):
            yield path.relative_to(paths.folder).as_posix(), read_given_file(path)
