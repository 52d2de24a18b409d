"""An installation and a site for each test, copied from one that is built once."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from nesqc_gmp.installation.release import ReleaseManifest, parse_manifest
from tests.installation.places import COMMAND, COPIED, MODEL, RELEASE, ROOT, Place, build, linked


@pytest.fixture(scope="session")
def manifest() -> ReleaseManifest:
    """The committed manifest, with those dependencies and models alone that the copies have."""
    whole = parse_manifest((RELEASE / "manifest.json").read_bytes())
    few = tuple(one for one in whole.dependencies if one.name in COPIED)
    models = tuple(one for one in whole.models if one.folder == MODEL)
    return whole.model_copy(update={"dependencies": few, "models": models})


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, manifest: ReleaseManifest) -> Path:
    """The installation that every test copies."""
    old = os.umask(0o022)
    try:
        folder = tmp_path_factory.mktemp("installation") / "original"
        build(folder, manifest)
    finally:
        os.umask(old)
    return folder


@pytest.fixture
def place(original: Path, tmp_path: Path, manifest: ReleaseManifest) -> Place:
    """An installation of one's own."""
    folder = tmp_path / "place"
    shutil.copytree(original, folder, symlinks=True, copy_function=linked)
    (folder / "bin" / "nesqc").write_text(f"#!{folder}/bin/python\n{COMMAND}")
    return Place(folder, manifest)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let ten seconds pass, as far as remembered digests are concerned."""

    def pass_time() -> None:
        from nesqc_gmp.installation import files

        now = files.time.time_ns
        monkeypatch.setattr(files.time, "time_ns", lambda: now() + 10_000_000_000)

    return pass_time


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """The developer's command ``validation/release.py``."""
    spec = importlib.util.spec_from_file_location("validation_release", ROOT / "validation" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
