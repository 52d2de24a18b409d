"""The runtime tells nobody what is computed: no device id, no events, nothing under the home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import os, sys
from pathlib import Path
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.modelpack.package import open_package
Engine(open_package(Path(sys.argv[1])))
open_files = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
print([name for name in open_files if name.startswith(os.environ["HOME"])])
"""


@pytest.mark.requirement("UR-SITE-09", reviewed="2ea04d93")
def test_nothing_is_kept_or_sent(tmp_path: Path) -> None:
    """Loads a model and repeats its golden run with an empty home folder."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT / "models" / "nes-morphology-sim-1.1.0")],
        env={**kept, "HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.strip() == "[]"
    assert list(home.rglob("*")) == []
