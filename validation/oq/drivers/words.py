"""Search the installed package and the records of certificates for words that claim what only an inspection finds."""

import os
import re
from pathlib import Path

import nesqc_gmp

claims = re.compile(r"\b(compliant|compliance|released by the (model|software|system|AI))\b", re.I)
package = Path(nesqc_gmp.__file__).parent
files = [
    *package.rglob("*.py"),
    *package.rglob("*.toml"),
    *Path(os.environ["NESQC_SITE"]).glob("certificates/*/*.json"),
]
found = [path for path in files if claims.search(path.read_text("utf-8"))]
print(f"{len(files)} files searched, {len(found)} claim something: {', '.join(path.name for path in found) or 'none'}")
