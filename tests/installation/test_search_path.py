"""Attacks with files that nobody calls: run at every start, imported first, or loaded because something asks for them.

Each makes changed or added code run in a locked installation; each must be seen by a fresh installation qualification.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.installation.release import StartUpFile
from nesqc_gmp.installation.roots import present_installation
from tests.installation.places import Place, row, write_distribution

START_UP = "files run at every start"
LOOSE = "files that no distribution brought"
FIRST = "found before the installed files"
ENTRY_POINTS = "entry points of other distributions"

PRECEDENCE = "import os; __import__('_distutils_hack').add_shim();\n"
HACK = "def add_shim():\n    pass\n"
EVIL = "print('other code')\n"

pytestmark = [
    pytest.mark.requirement("UR-QUALIFY-01", reviewed="c4e82033", negative=True),
    pytest.mark.requirement("UR-QUALIFY-02", reviewed="595b5123", negative=True),
]


def failed(place: Place) -> dict[str, str]:
    """What was found, of every line that did not pass."""
    return {one.name: one.actual for one in place.findings() if one.verdict != "passed"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def claim(place: Place, distribution: str, *paths: str) -> None:
    """Add rows to what the installation of a distribution noted, as an installer would write them."""
    (info,) = place.library.glob(f"{distribution}-*.dist-info")
    with (info / "RECORD").open("a") as stream:
        stream.writelines(row(place.library, place.library / path) for path in paths)


def module(place: Place, path: str, text: str = EVIL) -> str:
    (place.library / path).parent.mkdir(exist_ok=True)
    (place.library / path).write_text(text)
    return path


@pytest.fixture
def setuptools(place: Place) -> Path:
    """A distribution setuptools whose start-up file the release knows; its folder of notes."""
    files = {"distutils-precedence.pth": PRECEDENCE, "_distutils_hack/__init__.py": HACK, "setuptools/__init__.py": ""}
    info = write_distribution(place.library, "setuptools", "65.5.0", files)
    # By hand: SHA-256 over the line path,sha256,size of the one file.
    package = sha256(f"__init__.py,{sha256(HACK)},{len(HACK)}\n")
    known = StartUpFile(
        name="distutils-precedence.pth",
        place="the libraries",
        brought_by="setuptools 65.5.0",
        sha256=sha256(PRECEDENCE),
        runs=f"1 files, SHA-256 {package}",
    )
    place.manifest = place.manifest.model_copy(update={"start_up": (known,)})
    return info


class TestStartUp:
    """Files that the interpreter runs at every start."""

    def test_known_bytes_pass_and_are_shown(self, place: Place, setuptools: Path) -> None:
        assert failed(place) == {}
        (line,) = (line for line in place.state() if line.name == START_UP)
        assert line.value.startswith(
            f"distutils-precedence.pth in the libraries, SHA-256 {sha256(PRECEDENCE)} with _distutils_hack, 1 files, "
        )
        assert str(place.folder) not in line.value

    @pytest.mark.parametrize("path", ["distutils-precedence.pth", "_distutils_hack/__init__.py"])
    @pytest.mark.parametrize("note", ["kept", "deleted", "forged"])
    def test_an_edited_list_of_files_hides_nothing(self, place: Place, setuptools: Path, path: str, note: str) -> None:
        module(place, path)
        rows = (setuptools / "RECORD").read_text().splitlines(keepends=True)
        if note != "kept":
            (setuptools / "RECORD").write_text("".join(one for one in rows if not one.startswith(path)))
        if note == "forged":
            claim(place, "setuptools", path)
        found = failed(place)
        assert START_UP in found
        # A module that is on no list any more is loose as well.
        assert set(found) <= {START_UP, LOOSE}

    @pytest.mark.parametrize("name", ["__init__.abi3.so", "__init__.pyc", "more.py"])
    def test_a_file_more_beside_the_module_that_it_imports(self, place: Place, setuptools: Path, name: str) -> None:
        claim(place, "setuptools", module(place, f"_distutils_hack/{name}"))
        assert list(failed(place)) == [START_UP]

    def test_a_version_that_the_release_does_not_know(self, place: Place, setuptools: Path) -> None:
        place.manifest = place.manifest.model_copy(update={"start_up": ()})
        assert list(failed(place)) == [START_UP]

    @pytest.mark.parametrize(
        "name",
        [
            *("sitecustomize.py", "sitecustomize.pyc", "sitecustomize.abi3.so", "sitecustomize/__init__.py"),
            *("usercustomize.py", "usercustomize/__init__.so"),
        ],
    )
    def test_a_start_up_module_in_the_standard_library(self, place: Place, name: str) -> None:
        path = place.folder / "lib" / "standard" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(EVIL)
        assert list(failed(place)) == [START_UP]
        assert f"SHA-256 {sha256(EVIL)}" in failed(place)[START_UP]

    def test_the_start_up_module_of_an_operating_system_has_known_bytes(self, place: Place) -> None:
        # Typed off the package of Debian 12.
        text = (
            "# install the apport exception handler if available\ntry:\n    import apport_python_hook\n"
            "except ImportError:\n    pass\nelse:\n    apport_python_hook.install()\n"
        )
        path = place.folder / "lib" / "standard" / "sitecustomize.py"
        path.write_text(text)
        assert failed(place) == {}
        path.write_text(text.replace("apport_python_hook", "report_python_hook"))
        assert list(failed(place)) == [START_UP]
        path.write_text(text)
        (place.library / "usercustomize.py").write_text("import sys\n")
        assert list(failed(place)) == [START_UP]

    def test_the_bytes_are_read_from_the_wheel(self, maker: ModuleType, tmp_path: Path) -> None:
        folder = tmp_path / "library"
        folder.mkdir()
        files = {"distutils-precedence.pth": PRECEDENCE, "_distutils_hack/__init__.py": HACK}
        inner = {"setuptools/_vendor/a-1.dist-info/RECORD": "of another distribution\n"}
        info = write_distribution(folder, "setuptools", "1.0", {**inner, **files})
        path = tmp_path / "setuptools-1.0-py3-none-any.whl"

        def pack() -> Path:
            with zipfile.ZipFile(path, "w") as archive:
                for name in (*inner, *files, f"{info.name}/METADATA", f"{info.name}/RECORD"):
                    archive.write(folder / name, name)
            return path

        found = maker.start_up_of(pack(), "1.0")
        package = sha256(f"__init__.py,{sha256(HACK)},{len(HACK)}\n")
        assert (found.sha256, found.runs) == (sha256(PRECEDENCE), f"1 files, SHA-256 {package}")
        (folder / "distutils-precedence.pth").write_text(EVIL)
        with pytest.raises(IntegrityError, match="not what the wheel lists"):
            maker.start_up_of(pack(), "1.0")

    def test_what_is_installed_here_is_known(self, place: Place) -> None:
        """The newest setuptools, as pip installed it; the other opinion on the bytes of the wheel."""
        (library,) = present_installation().libraries
        if not (Path(library) / "distutils-precedence.pth").exists():
            pytest.skip("this environment has no setuptools")
        for name in ("distutils-precedence.pth", "_distutils_hack/__init__.py", "_distutils_hack/override.py"):
            module(place, name, (Path(library) / name).read_text())
        assert START_UP not in failed(place)


class TestClaims:
    """What an installation noted can be edited, so it counts only as far as the release knows the distribution."""

    def shadow(self, place: Place) -> str:
        """A package beside the module ``typing_extensions.py``; the package is imported."""
        write_distribution(place.library, "typing_extensions", "4.0", {"typing_extensions.py": "x = 1\n"})
        place.facts = replace(place.facts, locked={*place.facts.locked, "typing-extensions"})
        return module(place, "typing_extensions/__init__.py")

    def test_the_interpreter_takes_the_package(self, place: Place) -> None:
        self.shadow(place)
        command = [sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.'); import typing_extensions"]
        run = subprocess.run(command, cwd=place.library, capture_output=True, text=True, check=True)
        assert run.stdout == "other code\n"

    @pytest.mark.parametrize("claimant", ["pip", "setuptools", "wheel", "nesqc_gmp", "extra"])
    def test_a_module_that_another_distribution_claims(self, place: Place, claimant: str) -> None:
        path = self.shadow(place)
        if claimant != "nesqc_gmp":
            write_distribution(place.library, claimant, "1.0", {f"{claimant}/__init__.py": ""})
        claim(place, claimant, path)
        found = {line.name: line.value for line in place.state()}
        number = 2 if claimant == "extra" else 1  # of an unknown distribution every module is named
        assert found[LOOSE].startswith(f"{number}: ")
        assert path in found[LOOSE]
        assert found[FIRST] == "typing_extensions is a package and a file"

    def test_a_module_that_is_there_twice_is_named_although_it_is_claimed(self, place: Place) -> None:
        claim(place, "typing_inspection", module(place, "typing_inspection.py"))
        found = failed(place)
        assert set(found) == {FIRST, "typing-inspection"}
        assert found[FIRST] == "typing_inspection is a package and a file"

    def test_installers_may_bring_their_own_packages(self, place: Place) -> None:
        write_distribution(place.library, "pip", "23.2.1", {"pip/__init__.py": "", "pip/_internal/x.py": ""})
        write_distribution(place.library, "wheel", "0.45", {"wheel/__init__.py": ""})
        assert failed(place) == {}


class TestEntryPoints:
    """Plug-ins that a locked module would load from any distribution on the search path."""

    PLUGIN = "[pydantic]\nevil = evil:plugin\n"
    NAMED = "pydantic: evil = evil:plugin"

    @pytest.mark.parametrize("name", ["pip", "wheel", "nesqc_gmp"])
    def test_an_entry_point_of_a_distribution_that_is_not_locked(self, place: Place, name: str) -> None:
        if name != "nesqc_gmp":
            write_distribution(place.library, name, "1.0", {})
        (info,) = place.library.glob(f"{name}-*.dist-info")
        (info / "entry_points.txt").write_text(f"[console_scripts]\nx = y:z\n\n# more\n{self.PLUGIN}")
        claim(place, name, f"{info.name}/entry_points.txt")
        assert failed(place) == {ENTRY_POINTS: f"{name.replace('_', '-')}: {self.NAMED}"}

    @pytest.mark.parametrize("folder", ["lib/standard", "bin", "lib/site-packages"])
    @pytest.mark.parametrize("info", ["evil.dist-info", "evil-1.0.egg-info"])
    def test_notes_without_a_distribution(self, place: Place, folder: str, info: str) -> None:
        path = place.folder / folder / info
        path.mkdir()
        (path / "entry_points.txt").write_text(self.PLUGIN)
        assert failed(place)[ENTRY_POINTS].endswith(self.NAMED)

    def test_a_locked_distribution_answers_with_its_digest(self, place: Place) -> None:
        (info,) = place.library.glob("rfc8785-*.dist-info")
        (info / "entry_points.txt").write_text(self.PLUGIN)
        claim(place, "rfc8785", f"{info.name}/entry_points.txt")
        assert list(failed(place)) == ["rfc8785"]

    def test_what_installs_may_extend_what_installs(self, place: Place) -> None:
        info = write_distribution(place.library, "wheel", "0.45", {})
        (info / "entry_points.txt").write_text("[distutils.commands]\nbdist_wheel = wheel:bdist_wheel\n")
        claim(place, "wheel", f"{info.name}/entry_points.txt")
        assert failed(place) == {}
        (info,) = place.library.glob("nesqc_gmp-*.dist-info")
        (info / "entry_points.txt").write_text("[distutils.commands]\nx = y:z\n")
        claim(place, "nesqc_gmp", f"{info.name}/entry_points.txt")
        assert list(failed(place)) == [ENTRY_POINTS]


class TestWorkingFolder:
    """``python -m nesqc_gmp`` looks for modules in the working folder first."""

    @pytest.mark.parametrize("name", ["shellingham.py", "cffi/__init__.py", "module_that_is_not_locked.py"])
    @pytest.mark.parametrize("first", ["", "its path"])
    def test_a_module_in_it_is_named(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, name: str, first: str
    ) -> None:
        folder = place.folder / "working"
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(EVIL)
        monkeypatch.chdir(folder)
        path = place.installation.search_path
        place.installation = replace(place.installation, search_path=(first and str(folder), *path[1:]))
        stem = name.partition(".")[0].partition("/")[0]
        assert failed(place) == {FIRST: f"{stem} in {folder}"}

    def test_beside_the_command_only_what_would_be_taken_counts(self, place: Place) -> None:
        (place.folder / "bin" / "activate_this.py").write_text("x = 1\n")
        assert failed(place) == {}
        (place.folder / "bin" / "rfc8785.py").write_text("x = 1\n")
        assert list(failed(place)) == [FIRST]

    def test_the_interpreter_puts_it_first(self, tmp_path: Path) -> None:
        (tmp_path / "hello.py").write_text("import sys; print(sys.path[0])\n")
        command = [sys.executable, "-m", "hello"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == str(tmp_path)
