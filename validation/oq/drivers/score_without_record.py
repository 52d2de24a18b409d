"""Try to get a score from the library without a record of it: in a made-up session, without a receipt."""

import os
from pathlib import Path

import numpy as np

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import NesqcError
from nesqc_gmp.procedures import batches, models
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session

with Site(SitePaths(Path(os.environ["NESQC_SITE"]))) as site:
    with site.ledger.reading() as reader:
        entries = reader.size
        digest = next(entry.subject.id for entry in reader.entries_about("model"))
    engine = models.start(site, digest)
    samples = np.zeros((512, 512), dtype=np.uint8)
    for what, attempt in (
        ("analysis in a made-up session", lambda: batches.analyse(Session(site, "o.lund", "0" * 64), "B-1")),
        ("prediction without a receipt", lambda: engine.predict(samples, None)),
        ("prediction with something else as receipt", lambda: engine.predict(samples, {"attempt": 1})),
    ):
        try:
            attempt()
        except NesqcError as error:
            print(f"{what}: refused: {error.what}")
        else:
            print(f"{what}: GIVEN")
    with site.ledger.reading() as reader:
        print(f"{reader.size - entries} entries more")
