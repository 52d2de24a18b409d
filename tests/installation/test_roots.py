"""The running installation, as a fresh interpreter sees itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation.places import ROOT

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


@pytest.mark.parametrize(("option", "flag"), [("-O", "optimize=1"), ("-OO", "optimize=2"), ("-Xdev", "dev_mode=1")])
def test_an_option_that_changes_behaviour_is_seen(option: str, flag: str) -> None:
    assert flag in ask(option)[0]
