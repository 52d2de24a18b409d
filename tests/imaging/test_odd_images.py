"""Several hundred odd and malformed files that nobody here wrote: each ends in a frame or in one refusal.

They are decoded in one child process whose address space is limited, so that a crash, a hang or a leak shows as
a failed test and not as a failed test run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "odd_images"
REPOSITORY = Path(__file__).parents[2]
GIBIBYTE = 1024**3

CHILD = """
import json, resource, signal, sys
from pathlib import Path
from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.decode import decode

used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2 * 1024**3,) * 2)
counts = {"frames": 0, "refusals": 0}
for file in sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file()):
    print(file.name, file=sys.stderr)
    signal.alarm(10)
    try:
        frame = decode(file.read_bytes(), name=file.name)
        assert frame.samples.shape[:2] == (frame.facts.height, frame.facts.width)
        counts["frames"] += 1
    except ImageRejectedError as refusal:
        assert refusal.where == file.name and refusal.what.isprintable() and refusal.remedy
        counts["refusals"] += 1
    signal.alarm(0)
counts["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(counts))
"""


@pytest.mark.requirement("UR-BATCHES-06", reviewed="a208aba0", negative=True)
@pytest.mark.skipif(not FOLDER.is_dir(), reason="the odd images of ../shared/data are not on this machine")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits are those of Linux")
def test_every_odd_file_ends_in_a_frame_or_a_refusal() -> None:
    files = sum(path.is_file() for path in FOLDER.rglob("*"))
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(FOLDER)], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    last = result.stderr.splitlines()[-1:]
    assert result.returncode == 0, f"ended with {result.returncode} at {last}: {result.stderr[-2000:]}"
    counts = json.loads(result.stdout)
    assert counts["frames"] + counts["refusals"] == files
    assert counts["frames"] > 50
    assert counts["peak"] < 2 * GIBIBYTE
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < 2 * GIBIBYTE
