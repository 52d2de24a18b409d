"""Have the runner of the qualification execute three small cases: run_small_protocol.py outside|inside.

The first case is right, the second one expects what cannot be, the third is a seeded fault in a place where its case
does not look; the runner has to call it a failure that nobody noticed it.
"""

import hashlib
import sys
from pathlib import Path

import nesqc_gmp
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.qualification.oq import execute, read_protocol

HEAD = """id = "OQ-{number}"
title = "A small case"
requirements = ["UR-QUALIFY-04"]
reviewed = {{ UR-QUALIFY-04 = "00000000" }}
risk = "low"
negative = false
prerequisites = "none"
start = "empty"
"""
STEP = """
[[steps]]
do = "Ask for {what}"
expected = "It is there"
action = "nesqc"
command = "--{what}"
says = ["nesqc"]
"""
SEED = """id = "SEED-01"
title = "A fault where nobody looks"
file = "digest.py"
find = "import hashlib"
replace = "import hashlib  # changed"
case = "OQ-101"
step = 1
why = "It has to be reported that this was not noticed"
"""

folder = Path("small-validation")
for name, text in (
    ("oq/OQ-101-right.toml", HEAD.format(number=101) + STEP.format(what="version")),
    ("oq/OQ-102-wrong.toml", HEAD.format(number=102) + STEP.format(what="nothing") + STEP.format(what="version")),
    ("seeds/SEED-01-unnoticed.toml", SEED),
):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)

out = Path("site/run" if sys.argv[1] == "inside" else "small-run")
try:
    results = list(execute(read_protocol(folder), out, Path("model")))
except InvalidInputError as error:
    print(f"refused: {error.what}")
    raise SystemExit from None
for result in sorted(results, key=lambda each: each.case):
    print(f"{result.case} {result.verdict}: {', '.join(step.verdict for step in result.steps)}")
    print(f"  {result.reason}")
kept = [(out / "evidence" / each.name, each.sha256) for result in results for each in result.evidence]
if len(kept) == 3 and all(hashlib.sha256(path.read_bytes()).hexdigest() == digest for path, digest in kept):
    print("evidence of each case is there and has the recorded digest")
if {Path(result.folder) for result in results} == {Path(nesqc_gmp.__file__).parent}:
    print("the tool ran from where it is installed")
