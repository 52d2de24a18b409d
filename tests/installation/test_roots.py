"""The running installation, as a fresh interpreter sees itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nesqc_gmp.installation.roots import present_installation
from tests.installation.places import ROOT, Place

ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from nesqc_gmp.installation.roots import present_installation
found = present_installation()
print(json.dumps([found.flags, found.standard_library, found.libraries, found.package, found.executable]))
"""


def ask(*options: str) -> tuple[list[str], list[str], list[str], str, str]:
    command = [sys.executable, *options, "-c", ASK, str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    flags, standard, libraries, package, executable = json.loads(run.stdout)
    return flags, standard, libraries, package, executable


def test_the_usual_interpreter_has_no_options() -> None:
    flags, standard, libraries, package, executable = ask("-s")
    assert flags == []
    assert any((Path(place) / "os.py").is_file() for place in standard)
    assert not {*standard} & {*libraries}
    assert package == str(ROOT / "nesqc_gmp")
    assert executable == sys.executable


@pytest.mark.parametrize(
    ("option", "flag"),
    [
        ("-O", "optimize=1"),
        ("-OO", "optimize=2"),
        ("-Xdev", "dev_mode=1"),
        ("-Xfrozen_modules=off", "-X frozen_modules=off"),
        ("-Xpycache_prefix=elsewhere", "pycache_prefix=elsewhere"),
        ("-Werror", "-W error"),
        ("--check-hash-based-pycs never", "check_hash_based_pycs=never"),
    ],
)
@pytest.mark.requirement("UR-QUALIFY-01", reviewed="c4e82033", negative=True)
def test_an_option_that_changes_behaviour_is_seen(option: str, flag: str) -> None:
    assert flag in ask(*option.split())[0]


def test_a_folder_for_compiled_code_is_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "elsewhere")
    assert ask()[0] == ["pycache_prefix=elsewhere"]


STATE = """
import sys
from dataclasses import replace
from pathlib import Path
from nesqc_gmp.installation.release import parse_manifest
from nesqc_gmp.installation.roots import present_installation
from tests.installation.places import RELEASE, Place
for name in sys.argv[2:]:
    __import__(name)
place = Place(Path(sys.argv[1]), parse_manifest((RELEASE / "manifest.json").read_bytes()))
place.installation = replace(place.installation, environment=present_installation().environment)
print(*place.state(), sep="\\n")
"""


@pytest.mark.requirement("UR-QUALIFY-11", reviewed="877f13cc")
def test_the_state_does_not_tell_which_modules_a_command_imported(place: Place) -> None:
    def state(*modules: str, **variables: str) -> str:
        command = [sys.executable, "-c", STATE, str(place.folder), *modules]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
        run = subprocess.run(
            command, cwd=ROOT, env={**environment, **variables}, capture_output=True, text=True, check=True
        )
        return run.stdout

    alone = state()
    assert "name='environment variables'" in alone
    assert state("nesqc_gmp.inference") == alone
    # As a command is started by another one that has imported it.
    assert state(ORT_DISABLE_TELEMETRY="1") == alone
    assert "ORT_DISABLE_TELEMETRY=0" in state(ORT_DISABLE_TELEMETRY="0")


def test_without_a_view_of_processes_the_variables_of_the_interpreter_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setenv("BLIS_ARCH_TYPE", "zen")
    monkeypatch.setattr("builtins.open", refused)
    assert present_installation().environment["BLIS_ARCH_TYPE"] == "zen"
