"""Backups: made while others write, whole or not at all, found when damaged, and a site again when restored.

The oracle for a whole copy is `nesqc audit verify` of the restored site and SHA-256 of the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import (
    IntegrityError,
    InvalidInputError,
    NesqcError,
    NotAuthorisedError,
    NotFoundError,
    OutOfSequenceError,
)
from nesqc_gmp.procedures import audit, backup, batches
from nesqc_gmp.procedures import site as site_procedures
from nesqc_gmp.procedures.backup import checks
from nesqc_gmp.procedures.backup.manifest import LEDGER_COPY, MANIFEST
from nesqc_gmp.procedures.context import Site

PROGRAM = Path(__file__).with_name("backup_processes.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where backups go."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture
def backed(released: Any, place: Path) -> tuple[Any, Path]:
    """A site with a released batch, and its backup."""
    made = backup.make(released.session("admin"), place)
    return released, place / made.backup


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _incidents(world: Any) -> list[str]:
    return [entry.record.incident_kind for entry in world.entries("incident_opened")]


@pytest.mark.requirement("UR-SITE-05", reviewed="9361a221")
def test_a_backup_is_a_whole_private_copy_and_a_record(backed: tuple[Any, Path]) -> None:
    world, folder = backed
    manifest = json.loads((folder / MANIFEST).read_bytes())
    files = _files(folder)
    record = world.entries("backup_made")[-1].record
    assert record.manifest_sha256 == hashlib.sha256(files.pop(MANIFEST)).hexdigest()
    assert {f["path"]: f["sha256"] for f in manifest["files"]} == {
        path: hashlib.sha256(data).hexdigest() for path, data in files.items()
    }
    originals = {path: data for path, data in files.items() if path.startswith("objects/")}
    assert originals == {f"objects/{path}": data for path, data in _files(world.paths.objects).items()}
    assert (record.objects, record.object_bytes) == (len(originals), sum(map(len, originals.values())))
    assert record.files == len(files)
    assert files["keys/authority.pem"] == world.paths.authority.read_bytes()
    assert "certificates/QC-" in str(sorted(files))
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if not path.is_dir()} == {0o600}
    size = world.entries("backup_made")[-1].index
    assert record.size == size
    assert folder.name == record.backup
    assert folder.name.endswith(f"Z-{size:06d}")


def test_nobody_works_on_a_backup_by_mistake(backed: tuple[Any, Path]) -> None:
    """It holds no file that a site is known by."""
    from nesqc_gmp.config import find_site

    with pytest.raises(NotFoundError, match="holds no site"):
        find_site(backed[1])


def test_same_device_is_warned_of_and_recorded(backed: tuple[Any, Path]) -> None:
    (warning,) = backed[0].entries("backup_made")[-1].record.warnings
    assert "same device" in warning


def test_another_device_is_not_warned_of(founded: Any) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == founded.folder.stat().st_dev:
        pytest.skip("there is no second device")
    place = other / f"backup-test-{os.getpid()}"
    place.mkdir()
    try:
        assert backup.make(founded.session("admin"), place).warnings == ()
    finally:
        shutil.rmtree(place)


@pytest.mark.requirement("UR-SITE-05", reviewed="9361a221", negative=True)
@pytest.mark.parametrize("who", ["qa", "operator", "reviewer", "auditor", "scientist"])
def test_only_an_administrator_makes_a_backup(who: str, founded: Any, place: Path) -> None:
    with pytest.raises(NotAuthorisedError):
        backup.make(founded.session(who), place)
    assert list(place.iterdir()) == []
    assert founded.refused()[-1][1:] == ("site.backup", "NotAuthorisedError")


def test_a_place_in_the_site_or_none_is_refused(founded: Any) -> None:
    for place, what in (
        (founded.paths.objects.parent / "keys", "inside the site"),
        (Path("nowhere"), "no such folder"),
    ):
        with pytest.raises(InvalidInputError, match=what):
            backup.make(founded.session("admin"), place)


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4")
def test_a_passed_restore_test_is_recorded_and_leaves_nothing(
    backed: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, folder = backed
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = _files(folder)
    test = backup.restore_test(world.session("qa"), folder)
    assert test.report.verified, test.report.sentence
    record = world.entries("restore_tested")[-1].record
    assert record == test.record
    assert record.passed
    # DI-06: the last image of B-1 is scored again from the restored files.
    assert record.rescored == "C01_F03 of batch B-1, attempt 1"
    assert list(scratch.iterdir()) == []
    assert _files(folder) == before
    assert _incidents(world) == []


def test_a_backup_without_any_batch_passes_too(founded: Any, place: Path) -> None:
    made = backup.make(founded.session("admin"), place)
    test = backup.restore_test(founded.session("admin"), place / made.backup)
    assert test.report.verified, test.report.sentence
    assert test.record.rescored is None


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _first(folder: Path, pattern: str) -> Path:
    return next(path for path in sorted(folder.glob(pattern)) if path.is_file())


PARTS = (LEDGER_COPY, MANIFEST, "keys/log.key", "keys/log.state", "keys/authority.pem", "keys/timestamp.der",
         "keys/people/*.json", "objects/*/*", "certificates/*.pdf", "certificates/*.evidence/manifest.json",
         "trust/log.vkey", "trust/authority.pem")  # fmt: skip


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4", negative=True)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["flipped", "cut", "missing", "link"])
def test_every_part_that_is_damaged_is_found(part: str, how: str, backed: tuple[Any, Path], tmp_path: Path) -> None:
    """One byte flipped, the end cut off, the file taken away, a link in its place; nothing of it becomes a site."""
    world, folder = backed
    path = _first(folder, part)
    match how:
        case "flipped":
            _flip(path)
        case "cut":
            path.write_bytes(path.read_bytes()[:-1])
        case "missing":
            path.unlink()
        case _:
            path.rename(tmp_path / "elsewhere")
            path.symlink_to(tmp_path / "elsewhere")
    test = backup.restore_test(world.session("admin"), folder)
    record = world.entries("restore_tested")[-1].record
    assert not record.passed
    assert not test.report.verified
    assert _incidents(world) == ["restore test failed"]
    assert folder.name in world.entries("incident_opened")[-1].record.detail
    with pytest.raises(NesqcError):
        backup.restore(folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert [left for left in tmp_path.iterdir() if "unfinished" in left.name] == []


def test_a_file_that_was_added_is_found(backed: tuple[Any, Path]) -> None:
    world, folder = backed
    (folder / "trust" / "more.pem").write_text("another key")
    test = backup.restore_test(world.session("admin"), folder)
    assert "trust/more.pem was added" in test.report.sentence


def _write_manifest_anew(folder: Path) -> None:
    """What a careful thief does: the manifest fits the altered files again."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    for file in manifest["files"]:
        data = (folder / file["path"]).read_bytes()
        file |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _edit_score(folder: Path) -> None:
    with sqlite3.connect(folder / LEDGER_COPY) as database:
        (guard,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'score_no_update'").fetchone()
        database.execute("DROP TRIGGER score_no_update")
        database.execute("UPDATE score SET score = '0.1'")
        database.execute(guard)
    database.close()
    for side in folder.glob(f"{LEDGER_COPY}-*"):
        side.unlink()


def _swap_authority(folder: Path) -> None:
    from datetime import UTC, datetime

    from nesqc_gmp.identity.authority import create_authority, serialise

    (folder / "keys/authority.pem").write_bytes(serialise(create_authority("Another", datetime.now(UTC))))


def _swap_sealed_keys(folder: Path) -> None:
    first, second = sorted((folder / "keys/people").iterdir())[:2]
    first.write_bytes(second.read_bytes())


def _exchange_object(folder: Path) -> None:
    _first(folder, "objects/*/*").write_bytes(b"another")


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4", negative=True)
@pytest.mark.parametrize("attack", [_edit_score, _swap_authority, _swap_sealed_keys, _exchange_object])
def test_a_manifest_written_anew_hides_nothing(
    attack: Callable[[Path], None], backed: tuple[Any, Path], tmp_path: Path
) -> None:
    """The log recorded another manifest; and without the log the verification of the site itself finds it."""
    world, folder = backed
    attack(folder)
    _write_manifest_anew(folder)
    test = backup.restore_test(world.session("admin"), folder)
    assert f"{MANIFEST} is not the one of" in test.report.sentence
    with pytest.raises(IntegrityError, match="does not verify"):
        backup.restore(folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_path_that_leads_out_of_the_site_is_refused(backed: tuple[Any, Path], tmp_path: Path) -> None:
    _, folder = backed
    for path in ("../outside", "objects/../../outside", "/etc/passwd", "keys", "ledger.sqlite", "other/x"):
        manifest = json.loads((folder / MANIFEST).read_bytes())
        manifest["files"][0]["path"] = path
        altered = tmp_path / "altered"
        shutil.copytree(folder, altered, dirs_exist_ok=True)
        (altered / MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(IntegrityError, match="cannot be read"):
            backup.restore(altered, tmp_path / "new")


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4", negative=True)
def test_the_ledger_of_another_site_is_found(backed: tuple[Any, Path], founded_origin: Any, tmp_path: Path) -> None:
    world, folder = backed
    site_procedures.init(
        tmp_path / "other",
        site_procedures.SiteFacts("Other", "Street 1", "none", "Europe/Stockholm", "demonstration"),
        (
            site_procedures.Founder("a.one", "Anna One", "test", "amber quarry lantern one"),
            site_procedures.Founder("q.two", "Qamar Two", "test", "cobalt meadow compass two"),
        ),
    )
    shutil.copy(tmp_path / "other" / "ledger.sqlite", folder / LEDGER_COPY)
    _write_manifest_anew(folder)
    assert not backup.restore_test(world.session("admin"), folder).record.passed
    with pytest.raises(IntegrityError):
        backup.restore(folder, tmp_path / "new")


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4", negative=True)
def test_an_older_backup_under_a_newer_name_is_found(backed: tuple[Any, Path], place: Path) -> None:
    world, older = backed
    newer = place / backup.make(world.session("admin"), place).backup
    shutil.rmtree(newer)
    older.rename(newer)
    test = backup.restore_test(world.session("admin"), newer)
    assert "is not the one of" in test.report.sentence


def test_a_backup_the_log_does_not_know_is_refused(backed: tuple[Any, Path], place: Path) -> None:
    world, folder = backed
    renamed = folder.rename(place / "yesterday")
    with pytest.raises(NotFoundError, match="records no backup of this name"):
        backup.restore_test(world.session("admin"), renamed)
    with pytest.raises(NotFoundError, match="no such backup"):
        backup.restore_test(world.session("admin"), folder)
    assert world.entries("restore_tested") == []


def _checkpoint(world: Any, path: Path) -> Path:
    return Path(audit.checkpoint(world.session("qa"), path))


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4", negative=True)
def test_checkpoints_kept_elsewhere_are_compared(backed: tuple[Any, Path], tmp_path: Path, life: Any) -> None:
    """One before the backup and one after it agree; the log put back behind one of them is found."""
    world, folder = backed
    kept = _checkpoint(world, tmp_path / "after.checkpoint")
    world.close()
    shutil.copytree(world.paths.folder, tmp_path / "put-back")
    for _ in range(4):
        life(world).register(f"B-{_ + 5}")
    later = _checkpoint(world, tmp_path / "later.checkpoint")
    size = len(world.entries()) - 1
    test = backup.restore_test(world.session("admin"), folder, [kept, later])
    assert test.report.verified, test.report.sentence
    assert [text.split(" of size ")[0] for text in test.record.compared] == ["after.checkpoint", "later.checkpoint"]
    world.close()
    shutil.rmtree(world.paths.folder)
    shutil.copytree(tmp_path / "put-back", world.paths.folder)
    assert backup.restore_test(world.session("admin"), folder).record.passed, "without a checkpoint nothing is seen"
    assert audit.verify(world.paths).verified
    test = backup.restore_test(world.session("admin"), folder, [later])
    assert not test.record.passed
    # Four batches were registered before the checkpoint; one restore test was recorded since in their place.
    said = f"later.checkpoint is of size {size}, but the log has {size - 3} entries: it was cut or put back"
    assert said in test.report.sentence
    assert _incidents(world) == ["restore test failed"]
    for _ in range(3):
        life(world).register(f"B-{_ + 15}")
    test = backup.restore_test(world.session("admin"), folder, [later])
    assert f"the first {size} entries are not those of later.checkpoint" in test.report.sentence


def test_a_file_that_is_no_checkpoint_of_this_log_is_refused(backed: tuple[Any, Path], tmp_path: Path) -> None:
    world, folder = backed
    wrong = tmp_path / "wrong"
    wrong.write_text("nothing\n")
    with pytest.raises(InvalidInputError, match="no checkpoint"):
        backup.restore_test(world.session("admin"), folder, [wrong])
    assert world.entries("restore_tested") == []


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4", negative=True)
def test_another_score_from_the_restored_files_fails_the_test(
    backed: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nesqc_gmp.inference.engine import Engine

    world, folder = backed
    predict = Engine.predict
    monkeypatch.setattr(
        Engine, "predict", lambda *args: predict(*args).model_copy(update={"score": "0.5000"}), raising=True
    )
    test = backup.restore_test(world.session("admin"), folder)
    assert "another score was found" in test.report.sentence
    assert "0.5" not in test.report.sentence


@pytest.mark.requirement("UR-SITE-05", reviewed="9361a221", negative=True)
def test_a_damaged_site_gives_no_backup_but_an_incident(released: Any, place: Path) -> None:
    path = _first(released.paths.objects, "*/*")
    data = path.read_bytes()
    path.unlink()  # the file is shared with other copies of the site
    path.write_bytes(data + b"x")
    with pytest.raises(IntegrityError, match="altered"):
        backup.make(released.session("admin"), place)
    assert list(place.iterdir()) == []
    assert released.refused()[-1][1:] == ("site.backup", "IntegrityError")
    assert _incidents(released) == ["backup failed"]


@pytest.mark.requirement("UR-SITE-05", reviewed="9361a221", negative=True)
def test_a_missing_original_or_key_gives_no_backup(released: Any, place: Path) -> None:
    received = released.entries("image_received")[0].record
    original = released.site.objects.path(received.facts.sha256)
    sealed = released.paths.envelope("r.ozdemir")
    for path, what in ((original, "is missing"), (sealed, "sealed key of r.ozdemir")):
        kept = path.rename(released.folder / "kept")
        with pytest.raises(IntegrityError, match=what):
            backup.make(released.session("admin"), place)
        assert list(place.iterdir()) == []
        kept.rename(path)
    assert backup.make(released.session("admin"), place).warnings


@pytest.mark.requirement("UR-SITE-05", reviewed="9361a221")
def test_backups_while_others_write(ready: Any, pictures: Any, place: Path) -> None:
    """Two processes register batches and receive images all the while; every backup is whole, nobody waits long."""
    ready.close()
    images = [str(path) for path in pictures.good(3)]
    writers = [
        subprocess.Popen(
            [sys.executable, PROGRAM, "write", ready.folder, name, *images],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for name in ("W1", "W2")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    folders = []
    for _ in range(3):
        folders.append(place / backup.make(ready.session("admin"), place).backup)
        time.sleep(1)
    slowest = []
    for writer in writers:
        said, _ = writer.communicate("stop\n", timeout=60)
        assert writer.returncode == 0
        slowest.append(json.loads(said))
    sizes = [entry.record.size for entry in ready.entries("backup_made")]
    assert len(set(sizes)) == 3
    assert ready.entries()[-1].index > sizes[-1]
    print(f"\nbackups of {sizes} entries; slowest act of the writers meanwhile: {max(slowest):.2f} s")
    for folder in folders:
        test = backup.restore_test(ready.session("admin"), folder)
        assert test.report.verified, test.report.sentence


@pytest.mark.requirement("UR-SITE-05", reviewed="9361a221", negative=True)
@pytest.mark.parametrize("delay", [0.05, 0.2, 0.4, 0.8])
def test_killed_while_making_a_backup(delay: float, released: Any, place: Path, tmp_path: Path) -> None:
    """SIGKILL: what is left is no backup, says so, and is named by the next one; the site goes on."""
    released.close()
    words = [sys.executable, PROGRAM, "make", released.folder, place]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=ENVIRONMENT) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
    left = list(place.iterdir())
    assert len(left) <= 1
    unfinished = [path for path in left if path.name.startswith(".unfinished-")]
    for path in unfinished:
        with pytest.raises(InvalidInputError, match="no finished backup"):
            backup.restore(path, tmp_path / "new")
    made = backup.make(released.session("admin"), place)
    assert [path.name for path in unfinished] == [w.split()[0] for w in made.warnings if "never finished" in w]
    assert backup.restore_test(released.session("admin"), place / made.backup).report.verified


@pytest.mark.requirement("UR-SITE-05", reviewed="9361a221", negative=True)
@pytest.mark.parametrize("limit", [300_000, 700_000])
def test_a_full_target_leaves_nothing(limit: int, released: Any, place: Path) -> None:
    """A limit on the size of a file stands for a full disk: the ledger, or a certificate, does not fit."""
    released.close()
    done = subprocess.run(
        [sys.executable, PROGRAM, "make-small", released.folder, place, str(limit)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    assert done.stdout.splitlines()[-1].startswith("NesqcError"), done.stdout + done.stderr
    assert list(place.iterdir()) == []
    assert released.refused()[-1][1:] == ("site.backup", "NesqcError")
    assert audit.verify(released.paths).verified


def test_no_room_for_the_passing_folder_is_no_result_of_the_backup(
    backed: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, folder = backed
    monkeypatch.setattr("tempfile.tempdir", str(folder / MANIFEST))
    with pytest.raises(NesqcError, match="the copy cannot be made"):
        backup.restore_test(world.session("admin"), folder)
    assert world.entries("restore_tested") == []
    assert _incidents(world) == []
    assert world.refused()[-1][1] == "site.restore-test"


@pytest.mark.requirement("UR-SITE-06", reviewed="630297a4")
def test_a_restored_site_is_worked_on_and_says_that_it_was_restored(
    backed: tuple[Any, Path], tmp_path: Path, life: Any, pictures: Any
) -> None:
    world, folder = backed
    life(world).register("B-LOST")
    kept = _checkpoint(world, tmp_path / "kept.checkpoint")
    size = world.entries("backup_made")[-1].record.size
    written = len(world.entries())
    with world.site.ledger.reading() as reader:
        root = reader.root(size)
    world.close()
    shutil.rmtree(world.paths.folder)
    restored = backup.restore(folder, world.paths.folder, [kept])
    assert audit.verify(world.paths).verified
    entries = world.entries()
    assert entries[size].record == restored.record
    assert (entries[size].actor.person, entries[size].kind) == ("system", "site_restored")
    assert len(entries) == size + 2
    with world.site.ledger.reading() as reader:
        assert reader.root(size) == root, "nothing before the restore was made anew"
    # The export of the checkpoint was itself entered after it, so nothing kept elsewhere knows of that entry.
    assert (restored.record.lost, written) == (2, size + 3)
    (incident,) = world.entries("incident_opened")
    assert incident.record.incident_kind == "site restored"
    assert f"{restored.record.lost} entries beyond the backup" in incident.record.detail
    acts = life(world)
    acts.register("B-2")
    acts.receive("B-2", pictures.good(3, culture=2))
    acts.seal("B-2")
    with pytest.raises(OutOfSequenceError, match="an incident is open"):
        acts.analyse("B-2")
    number = incident.record.incident
    site_procedures.assess(world.session("qa"), number, "B-LOST is registered again", world.signs("qa"))
    acts.analyse("B-2")
    assert "B-LOST" not in [b.registered.batch for b in batches.batches(world.session("qa"))]
    # The lost part stays visible for whoever holds a checkpoint of it.
    assert not audit.verify(world.paths, checkpoints=[kept]).verified


def test_modes_of_a_restored_site_are_those_of_the_site(backed: tuple[Any, Path], tmp_path: Path) -> None:
    world, folder = backed
    backup.restore(folder, tmp_path / "new")

    def modes(root: Path) -> dict[str, int]:
        found = (path for path in root.rglob("*") if path.is_file() and "ledger" not in path.name)
        return {str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in found}

    assert modes(tmp_path / "new") == modes(world.paths.folder)
    assert stat.S_IMODE((tmp_path / "new" / "ledger.sqlite").stat().st_mode) == 0o600


def test_a_restore_without_a_checkpoint_says_that_the_loss_is_not_known(
    backed: tuple[Any, Path], tmp_path: Path
) -> None:
    _, folder = backed
    restored = backup.restore(folder, tmp_path / "new")
    assert (restored.record.compared, restored.record.lost) == ((), 0)
    with Site(SitePaths(tmp_path / "new")) as site, site.ledger.reading() as reader:
        detail = site.state(reader).open_incidents[0].detail
    assert "what is lost is not known" in detail


def test_a_backup_that_contradicts_a_checkpoint_becomes_no_site(backed: tuple[Any, Path], tmp_path: Path) -> None:
    """Two histories of one log: the checkpoint is of the other one, at a size that the backup holds too."""
    world, folder = backed
    twin = world.copy(tmp_path / "twin")
    for _ in range(3):
        site_procedures.status(twin.session("qa"))
        _checkpoint(twin, tmp_path / f"twin-{_}.checkpoint")
    twin.close()
    _checkpoint(world, tmp_path / "own.checkpoint")
    for _ in range(4):
        _checkpoint(world, tmp_path / f"own-{_}.checkpoint")
    newer = folder.parent / backup.make(world.session("admin"), folder.parent).backup
    with pytest.raises(IntegrityError, match=r"contradicts a checkpoint kept elsewhere: twin-2\.checkpoint"):
        backup.restore(newer, tmp_path / "new", [tmp_path / "twin-2.checkpoint"])
    assert not (tmp_path / "new").exists()


def test_nothing_is_laid_over_a_folder_that_holds_something(backed: tuple[Any, Path], tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="not empty"):
        backup.restore(backed[1], tmp_path / "full")
    with pytest.raises(InvalidInputError, match="no folder to make it in"):
        backup.restore(backed[1], tmp_path / "none" / "new")
    backup.restore(backed[1], tmp_path / "empty")
    assert audit.verify(SitePaths(tmp_path / "empty")).verified


def test_keys_pinned_by_somebody_outside_decide(backed: tuple[Any, Path], tmp_path: Path) -> None:
    world, folder = backed
    trust = tmp_path / "trust"
    shutil.copytree(world.paths.trust, trust)
    backup.restore(folder, tmp_path / "good", trust=trust)
    key = (trust / "log.vkey").read_text()
    name, identifier, rest = key.strip().split("+", 2)
    (trust / "log.vkey").write_text(f"{name}x+{identifier}+{rest}\n")
    with pytest.raises(NesqcError):
        backup.restore(folder, tmp_path / "bad", trust=trust)
    assert not (tmp_path / "bad").exists()


@pytest.mark.requirement("UR-SITE-07", reviewed="fd9f255f")
def test_status_tells_the_age_of_backup_and_restore_test(founded: Any, place: Path) -> None:
    def warnings() -> str:
        return "\n".join(site_procedures.status(founded.session("auditor")).warnings)

    assert "no backup was made yet" in warnings()
    assert "no restore test passed yet" in warnings()
    made = backup.make(founded.session("admin"), place)
    backup.restore_test(founded.session("admin"), place / made.backup)
    assert "backup was made" not in warnings()
    assert "restore test passed" not in warnings()
    facts = dict(site_procedures.status(founded.session("auditor")).facts)
    assert facts["last backup"] == founded.entries("backup_made")[-1].time.utc
    assert facts["last passed restore test"] == founded.entries("restore_tested")[-1].time.utc


@pytest.mark.requirement("UR-SITE-07", reviewed="fd9f255f", negative=True)
def test_status_warns_of_old_ones_and_of_one_person_only(founded: Any, place: Path) -> None:
    made = backup.make(founded.session("admin"), place)
    backup.restore_test(founded.session("admin"), place / made.backup)
    state, people = _state(founded)
    from datetime import timedelta

    at = founded.site.moment()
    told = list(site_procedures.backup_warnings(state, at + timedelta(days=1, seconds=30)))
    assert told == ["no backup was made for more than 1 day: use `nesqc site backup`"]
    told = list(site_procedures.backup_warnings(state, at + timedelta(days=30, seconds=30)))
    assert told[1] == "no restore test passed for more than 30 days: use `nesqc site restore-test`"
    alone = list(site_procedures._people_warnings(people.values(), "2026-01-01"))
    assert [text.split(":")[0] for text in alone] == [
        "only a.lindqvist can act as administrator", "only q.ekstrom can act as qa",
    ]  # fmt: skip


def _state(world: Any) -> tuple[Any, Any]:
    with world.site.ledger.reading() as reader:
        return world.site.state(reader), world.site.people(reader)


def test_findings_are_shown_up_to_a_limit() -> None:
    assert checks.first_of(iter("abcdefgh")) == "a; b; c; d; e; and more"
    assert checks.first_of(iter("abcde")) == "a; b; c; d; e"
    assert checks.first_of(iter(())) == ""
