"""Search every file of the case for texts that must not stand there: search_files.py secrets|scores.

secrets  passphrases of the people of the qualification, in the site and at every terminal
scores   scores of the images, in the homes and at the terminals, where the tool would leave files beside the log
"""

import os
import re
import sys
from pathlib import Path

from nesqc_gmp.qualification.oq.people import PEOPLE

site = Path(os.environ["NESQC_SITE"])
case = site.parent
files = [path for path in case.rglob("*") if path.is_file()]
if sys.argv[1] == "secrets":
    wanted = [person.passphrase.encode() for person in PEOPLE.values()]
    found = [path.relative_to(case) for path in files if any(text in path.read_bytes() for text in wanted)]
else:
    files = [path for path in files if not {site, case / "images"} & {*path.parents} and path.suffix != ".toml"]
    found = [path.relative_to(case) for path in files if re.search(rb"\b[01]\.\d{4}\b", path.read_bytes())]
print(f"{len(files)} files searched, {len(found)} with {sys.argv[1]}: {', '.join(map(str, found)) or 'none'}")
