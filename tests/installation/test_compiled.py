"""Compiled code is compared with its source, where the interpreter would run it."""

from __future__ import annotations

import importlib.util
import marshal
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from nesqc_gmp.installation.compiled import compiled_line
from nesqc_gmp.installation.files import FileDigests, walk
from tests.installation.places import Place

HONEST = "def answer():\n    return 'refused'\n"
FORGED = "def answer():\n    return 'granted'\n"


def folder_with_forgery(folder: Path, mode: py_compile.PycInvalidationMode) -> Path:
    """A module whose compiled code says something else than its source; made by the standard compiler."""
    path = folder / "module.py"
    path.write_text(HONEST)
    facts = path.stat()
    compiled = Path(str(py_compile.compile(str(path), invalidation_mode=mode)))
    honest = compiled.read_bytes()
    forged = marshal.dumps(compile(FORGED, str(path), "exec", dont_inherit=True))
    compiled.write_bytes(honest[:16] + forged)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return compiled


def value(folder: Path) -> str:
    return compiled_line([walk(str(folder))], FileDigests()).value


def what_runs(folder: Path) -> str:
    """What the interpreter itself takes, as the other opinion."""
    command = [sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.'); import module; print(module.answer())"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.requirement("UR-QUALIFY-01", reviewed="c4e82033")
@pytest.mark.requirement("UR-QUALIFY-02", reviewed="595b5123", negative=True)
@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode), ids=lambda mode: mode.name)
def test_a_forgery_that_would_run_is_found(tmp_path: Path, mode: py_compile.PycInvalidationMode) -> None:
    folder_with_forgery(tmp_path, mode)
    name = f"__pycache__/module.{sys.implementation.cache_tag}.pyc"
    assert what_runs(tmp_path) == "granted"
    assert value(tmp_path) == f"not as its source: {name}"


def test_a_forgery_that_would_not_run_is_no_fault(tmp_path: Path) -> None:
    folder_with_forgery(tmp_path, py_compile.PycInvalidationMode.TIMESTAMP)
    os.utime(tmp_path / "module.py", ns=(0, 0))
    assert value(tmp_path) == "as its source"
    assert what_runs(tmp_path) == "refused"


def test_honest_code_of_another_place_is_as_its_source(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(HONEST)
    py_compile.compile(str(path), dfile="elsewhere/module.py")
    assert value(tmp_path) == "as its source"


@pytest.mark.parametrize("body", [b"", b"\xff" * 20, marshal.dumps(1)], ids=["empty", "nonsense", "a number"])
def test_compiled_code_that_is_none(tmp_path: Path, body: bytes) -> None:
    compiled = folder_with_forgery(tmp_path, py_compile.PycInvalidationMode.TIMESTAMP)
    compiled.write_bytes(compiled.read_bytes()[:16] + body)
    assert value(tmp_path).startswith("not as its source")


def test_it_is_one_line_of_the_state(place: Place) -> None:
    path = place.package / "errors.py"
    before = place.state()
    compiled = Path(importlib.util.cache_from_source(str(path)))
    py_compile.compile(str(path))
    assert place.state() == before
    compiled.write_bytes(compiled.read_bytes()[:16] + marshal.dumps(compile(FORGED, "x", "exec")))
    (line,) = {*place.state()} - {*before}
    assert (line.name, line.value) == (
        "compiled code",
        f"not as its source: nesqc_gmp/__pycache__/{compiled.name}",
    )
    assert [finding.name for finding in place.findings() if finding.verdict == "failed"] == ["compiled code"]


@pytest.mark.requirement("UR-QUALIFY-01", reviewed="c4e82033", negative=True)
@pytest.mark.parametrize("link", [False, True], ids=["a file", "a link, as an operating system may set it"])
def test_compiled_code_beside_the_standard_library_is_looked_at(place: Place, link: bool) -> None:
    standard = place.folder / "lib" / "standard"
    source = standard / "hashlib.py"
    compiled = folder_with_forgery(standard, py_compile.PycInvalidationMode.TIMESTAMP)
    forged = compiled.with_name(compiled.name.replace("module", "hashlib"))
    compiled.rename(forged)
    (standard / "module.py").rename(source)
    before = {finding.name: finding.actual for finding in place.findings()}
    assert before["compiled code"] == f"not as its source: __pycache__/{forged.name}"
    if link:
        source.rename(place.folder / "etc" / "hashlib.py")
        source.symlink_to(place.folder / "etc" / "hashlib.py")
        assert [one.name for one in place.findings() if one.verdict != "passed"] == ["compiled code"]
