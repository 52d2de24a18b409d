"""Restoring a backup: into a passing folder as a test, or as a site where the site is lost.

A restore never makes an entry anew and signs nothing again: the log goes on from the head in the backup. The key of the
log and what it last signed are in the backup too, so an older backup is as whole as a newer one. That entries are lost
shows only against something kept elsewhere: the log of the site, where it is still there, or an exported checkpoint.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError
from nesqc_gmp.notes import Checkpoint, NoteVerifier, open_checkpoint
from nesqc_gmp.procedures.audit.verification import verify
from nesqc_gmp.procedures.backup.checks import first_of, obstacles, rescored
from nesqc_gmp.procedures.backup.making import SITE, Progress
from nesqc_gmp.procedures.backup.manifest import MANIFEST, BackupManifest, present_files, read_manifest
from nesqc_gmp.procedures.backup.writing import (
    blocks_of,
    flush_folder,
    flush_folders,
    passing_folder,
    scratch_folder,
    write_file,
)
from nesqc_gmp.procedures.context import SYSTEM, Clock, Site, system_clock
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.site import BackupMade, RestoreTested, SiteRestored
from nesqc_gmp.state import incidents
from nesqc_gmp.verifier.report import Step, VerificationReport


@dataclass(frozen=True, slots=True)
class RestoreTest:
    """A restore test: its record, and every step with what was found."""

    record: RestoreTested
    report: VerificationReport


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored site: where it lies, its record, and the report of its verification."""

    paths: SitePaths
    record: SiteRestored
    report: VerificationReport


@dataclass(slots=True)
class _Steps:
    """Steps as they are asked."""

    asked: list[Step] = field(default_factory=list)

    def add(self, name: str, passed: bool, detail: str) -> bool:
        self.asked.append(Step(number=len(self.asked) + 1, name=name, passed=passed, detail=detail))
        return passed

    def find(self, name: str, problem: str, good: str) -> bool:
        """A step that passes where there is no problem."""
        return self.add(name, not problem, problem or good)

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.asked)

    def report(self) -> VerificationReport:
        return VerificationReport(steps=tuple(self.asked))


def restore_test(
    session: Session,
    backup: Path,
    checkpoints: Sequence[Path] = (),
    progress: Progress = lambda what, done, total: None,
) -> RestoreTest:
    """Restore a backup into a passing folder, verify it there, take it away again, and record the result.

    Args:
        session: An administrator or QA.
        backup: The folder of one backup of this site.
        checkpoints: Files with signed checkpoints kept elsewhere: the backup or the log of the site has to agree.
        progress: Called with what is going on, how much of it is done, and how much there is.

    Returns:
        Record and report; a test that failed is recorded like one that passed, and opens an incident.

    Raises:
        NotAuthorisedError: The person may not; recorded.
        NotFoundError: There is no such folder, or the log records no backup of this name.
        InvalidInputError: The folder is no finished backup, or a checkpoint cannot be read.
        NesqcError: There is no room for the passing folder; recorded, and no result of the backup.
    """
    site = session.site
    with session.viewing("site.restore-test") as reader:
        state = site.state(reader)
    if not backup.is_dir():
        read_manifest(backup)
    made = incidents.backup(state, backup.resolve().name).made
    kept = _read_checkpoints(checkpoints, site.founded.log_key)
    try:
        test = _tested(site, made, backup, kept, progress)
    except NesqcError as error:
        session.refuse("site.restore-test", error, SITE)
    with session.acting("site.restore-test") as act:
        act.append(SITE, test.record)
        if not test.record.passed:
            detail = f"{made.backup}: {'; '.join(test.record.findings)}"
            site.open_incident(act.transaction, "restore test failed", detail)
    return test


def _read_checkpoints(files: Sequence[Path], log_key: str) -> dict[str, Checkpoint]:
    verifier = NoteVerifier.parse(log_key)
    found: dict[str, Checkpoint] = {}
    for path in files:
        try:
            found[path.name] = open_checkpoint(read_given_file(path), verifier)
        except IntegrityError as error:
            raise InvalidInputError(
                f"this is no checkpoint that the log of this site signed: {error.what}",
                where=str(path),
                remedy="Name a file that `nesqc audit checkpoint` wrote.",
            ) from error
    return found


def _tested(
    site: Site, made: BackupMade, backup: Path, kept: Mapping[str, Checkpoint], progress: Progress
) -> RestoreTest:
    steps, score = _Steps(), None
    head = Checkpoint(site.ledger.origin, made.size, base64.b64decode(made.root))
    manifest = _recorded_manifest(steps, made, backup)
    if manifest is not None:
        with scratch_folder() as scratch:
            paths = SitePaths(scratch, pinned=site.paths.trust)
            if _laid_out(steps, backup, manifest, scratch, progress):
                _verify(steps, paths, head, kept, progress)
                score = _score_again(steps, paths) if steps.passed else None
    size_now = _compare_logs(steps, site, head, kept)
    record = RestoreTested(
        backup=made.backup,
        place=str(backup.absolute())[:2000],
        manifest_sha256=made.manifest_sha256,
        size=made.size,
        size_now=size_now,
        steps=len(steps.asked),
        findings=tuple(f"{step.name}: {step.detail}"[:2000] for step in steps.asked if not step.passed),
        compared=tuple(f"{name} of size {checkpoint.size}"[:2000] for name, checkpoint in kept.items()),
        rescored=score,
    )
    return RestoreTest(record, steps.report())


def _recorded_manifest(steps: _Steps, made: BackupMade, backup: Path) -> BackupManifest | None:
    """The manifest, where it is the one whose digest the log recorded when the backup was made."""
    try:
        manifest, digest = read_manifest(backup)
    except (IntegrityError, InvalidInputError) as error:
        steps.add(_IS_RECORDED, False, error.what)
        return None
    if digest != made.manifest_sha256:
        steps.add(_IS_RECORDED, False, f"{MANIFEST} is not the one of {made.backup}")
        return None
    steps.add(_IS_RECORDED, True, f"{made.backup}, {made.size} entries")
    return manifest


_IS_RECORDED = "The backup is the one that the log recorded"


def _laid_out(steps: _Steps, backup: Path, manifest: BackupManifest, folder: Path, progress: Progress) -> bool:
    """Lay the files of a backup out as a site; one that is not what the manifest says fails the step."""
    return steps.find(
        "Every file is what the backup was made with; none is missing, none was added",
        first_of(_copied(backup, manifest, folder, progress)),
        f"{len(manifest.files)} files",
    )


def _copied(backup: Path, manifest: BackupManifest, folder: Path, progress: Progress) -> Iterator[str]:
    """Copy every file of the manifest, and say which cannot be, or is another; then which the manifest does not know.

    Raises:
        OSError: The folder cannot be written.
    """
    known = {file.path for file in manifest.files} | {MANIFEST}
    for done, file in enumerate(manifest.files, 1):
        try:
            digest = write_file(folder / file.site_path, blocks_of(backup / file.path), int(file.mode, 8))
        except IntegrityError as error:
            yield f"{file.path}: {error.what}"
            continue
        if digest != file.sha256:
            yield f"{file.path} was altered"
        progress("restoring files", done, len(manifest.files))
    yield from (f"{path} was added" for path, _ in present_files(backup) if path not in known)


def _verify(
    steps: _Steps, paths: SitePaths, head: Checkpoint, kept: Mapping[str, Checkpoint], progress: Progress
) -> None:
    """Verify a restored site as every site is, and that people can go on working on it."""
    anchors = {"the backup's record": head, **{n: c for n, c in kept.items() if c.size <= head.size}}
    found = verify(paths, anchors=anchors, progress=lambda done, total: progress("verifying the copy", done, total))
    for step in found.steps:
        steps.add(step.name, step.passed, step.detail)
    if found.verified:
        try:
            problem = first_of(obstacles(SitePaths(paths.folder), head))
        except NesqcError as error:
            problem = str(error)
        steps.find(
            "The site opens where the backup ends, and every key that its work needs is there", problem, "all of them"
        )


def _score_again(steps: _Steps, paths: SitePaths) -> str | None:
    """Find one recorded score again from the restored originals and package (PIC/S PI 041 9.9)."""
    which: str | None = None
    try:
        which, problem = rescored(paths), ""
    except NesqcError as error:
        problem = error.what
    steps.find("A recorded score is found again from the restored files", problem, which or "no score is recorded yet")
    return which


def _compare_logs(steps: _Steps, site: Site, head: Checkpoint, kept: Mapping[str, Checkpoint]) -> int:
    """The log of the site goes on from the backup and holds every checkpoint kept elsewhere; gives its size."""
    with site.ledger.reading() as reader:
        size = reader.size
        known = {"the backup": head, **kept}
        wrong = [
            f"{name} is of size {checkpoint.size}, but the log has {size} entries: it was cut or put back"
            if checkpoint.size > size
            else f"the first {checkpoint.size} entries are not those of {name}"
            for name, checkpoint in known.items()
            if checkpoint.size > size or reader.root(checkpoint.size) != checkpoint.root
        ]
    compared = f"{size} entries; {size - head.size} of them came after the backup; "
    told = compared + (f"agrees with {', '.join(kept)}" if kept else "no checkpoint kept elsewhere was named")
    steps.find("The log of the site goes on from the backup and from every checkpoint named", "; ".join(wrong), told)
    return size


def restore(
    backup: Path,
    folder: Path,
    checkpoints: Sequence[Path] = (),
    trust: Path | None = None,
    progress: Progress = lambda what, done, total: None,
    clock: Clock = system_clock,
) -> Restored:
    """Lay a backup out as a site in a new folder, where the site itself is lost; needs no login.

    The restored log carries a record of it and an open incident, so nothing is analysed or released before QA has
    assessed what was lost.

    Args:
        backup: The folder of one backup.
        folder: A new or empty folder.
        checkpoints: Files with signed checkpoints kept elsewhere; they show whether entries are lost, and how many.
        trust: Folder with the public keys of the site as somebody outside keeps them; else those in the backup.
        progress: Called with what is going on, how much of it is done, and how much there is.
        clock: Where the time comes from.

    Raises:
        NotFoundError: There is no such backup.
        InvalidInputError: The folder is not empty, the backup was never finished, or a checkpoint cannot be read.
        IntegrityError: The backup does not verify, or contradicts a checkpoint; nothing was kept.
        NesqcError: There is no room.
    """
    if os.path.lexists(folder) and not (folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())):
        raise InvalidInputError("the folder is not empty", where=str(folder), remedy="Name a new folder.")
    if not folder.absolute().parent.is_dir():
        raise InvalidInputError("there is no folder to make it in", where=str(folder), remedy="Make that folder first.")
    manifest, digest = read_manifest(backup)
    passing = folder.absolute().with_name(f".{folder.absolute().name}.unfinished-{os.getpid()}")
    with passing_folder(passing):
        report = _restored(backup, manifest, passing, trust, progress)
        record = _enter(SitePaths(passing), manifest, digest, checkpoints, clock)
        flush_folders(passing)
        os.replace(passing, folder)
        flush_folder(folder.absolute().parent)
    return Restored(SitePaths(folder), record, report)


def _restored(
    backup: Path, manifest: BackupManifest, folder: Path, trust: Path | None, progress: Progress
) -> VerificationReport:
    steps = _Steps()
    paths = SitePaths(folder, pinned=trust)
    if _laid_out(steps, backup, manifest, folder, progress):
        _verify(steps, paths, manifest.head, {}, progress)
    report = steps.report()
    if not report.verified:
        raise IntegrityError(
            f"the backup does not verify: {report.sentence}", where=str(backup),
            remedy="Nothing was kept. Use another backup, keep this one as it is, and tell QA.",
        )  # fmt: skip
    return report


def _enter(
    paths: SitePaths, manifest: BackupManifest, digest: str, checkpoints: Sequence[Path], clock: Clock
) -> SiteRestored:
    """Append the record of the restore and its incident; both are the tool's own."""
    head = manifest.head
    with Site(paths, clock) as site:
        kept = _read_checkpoints(checkpoints, site.founded.log_key)
        with site.ledger.reading() as reader:
            wrong = [n for n, c in kept.items() if c.size <= head.size and reader.root(c.size) != c.root]
        if wrong:
            raise IntegrityError(
                f"the backup contradicts a checkpoint kept elsewhere: {', '.join(wrong)}", where=manifest.backup,
                remedy="Nothing was kept. Use another backup, keep this one as it is, and tell QA.",
            )  # fmt: skip
        lost = max([checkpoint.size - head.size for checkpoint in kept.values()] + [0])
        record = SiteRestored(
            backup=manifest.backup,
            manifest_sha256=digest,
            size=head.size,
            root=base64.b64encode(head.root).decode("ascii"),
            compared=tuple(_compared(name, checkpoint, head) for name, checkpoint in kept.items()),
            lost=lost,
        )
        with site.ledger.writing() as transaction:
            site.append(transaction, SYSTEM, SITE, record)
            site.open_incident(transaction, "site restored", _loss(manifest, record))
    return record


def _compared(name: str, checkpoint: Checkpoint, head: Checkpoint) -> str:
    beyond = checkpoint.size - head.size
    said = f"{beyond} entries beyond the backup, which are lost" if beyond > 0 else "agrees"
    return f"{name} of size {checkpoint.size}: {said}"[:2000]


def _loss(manifest: BackupManifest, record: SiteRestored) -> str:
    """What the incident says: what is known of what was lost."""
    known = "; ".join(record.compared) or "compared with no checkpoint kept elsewhere, so what is lost is not known"
    return (
        f"restored from {manifest.backup}, made {manifest.made_at}, {record.size} entries; what was entered later is "
        f"not in this log; {known}"
    )
