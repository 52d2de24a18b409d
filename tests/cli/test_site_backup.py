"""`nesqc site backup`, `restore-test` and `restore` from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nesqc_gmp.demonstration.people import Player
from nesqc_gmp.errors import IntegrityError, NotAuthorisedError
from tests.cli.conftest import Run

LogIn = Callable[[str], Player]


def _backup(nesqc: Run, place: Path) -> Path:
    place.mkdir()
    ended = nesqc("site", "backup", place)
    assert ended.code == 0, ended.err
    (folder,) = place.iterdir()
    assert str(folder) in "".join(ended.out.split())
    assert "Warning: the backup lies on the same device" in ended.out
    assert f"  nesqc site restore-test {folder}\n" in ended.out
    return folder


def test_a_site_goes_to_a_backup_and_back(site: Path, log_in: LogIn, nesqc: Run, tmp_path: Path) -> None:
    log_in("administrator")
    folder = _backup(nesqc, tmp_path / "disk")
    log_in("qa")
    tested = nesqc("site", "restore-test", folder)
    assert (tested.code, tested.out.splitlines()[-1]) == (0, "VERIFIED: all 11 steps passed")
    status = json.loads(nesqc("site", "status", "--json").out)
    assert status["facts"]["last backup"] <= status["facts"]["last passed restore test"]
    shutil.rmtree(site)
    restored = nesqc("site", "restore", folder, site)
    assert restored.code == 0, restored.err
    assert "No checkpoint kept elsewhere was named" in restored.out
    assert nesqc("audit", "verify").code == 0
    assert "site restored" in nesqc("site", "status").out


def test_a_damaged_backup_ends_with_the_code_of_broken_integrity(log_in: LogIn, nesqc: Run, tmp_path: Path) -> None:
    log_in("administrator")
    folder = _backup(nesqc, tmp_path / "disk")
    (folder / "keys" / "log.key").write_text("another")
    tested: Any = nesqc("site", "restore-test", folder, "--json")
    assert tested.code == IntegrityError.exit_code
    value = json.loads(tested.out)
    assert value["verified"] is False
    assert "keys/log.key was altered" in value["sentence"]
    refused = nesqc("site", "restore", folder, tmp_path / "new")
    assert refused.code == IntegrityError.exit_code
    assert "Nothing was kept" in refused.err
    assert "restore test failed" in nesqc("site", "status").out


def test_an_operator_makes_no_backup(log_in: LogIn, nesqc: Run, tmp_path: Path) -> None:
    log_in("operator")
    assert nesqc("site", "backup", tmp_path).code == NotAuthorisedError.exit_code
    assert [path for path in tmp_path.iterdir() if "unfinished" in path.name] == []
