"""A demonstration site played by the real procedures: one batch released, one eventful batch rejected.

Played once a session; the bundles are read-only and each attack works on values of its own.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.config import SitePaths
from nesqc_gmp.demonstration import play
from nesqc_gmp.demonstration.people import OPERATOR, PLAYERS, QA, REVIEWER, Turns, signs
from nesqc_gmp.demonstration.script import find_model
from nesqc_gmp.errors import AuthenticationError, NotAuthorisedError, NotFoundError
from nesqc_gmp.esign import Credentials
from nesqc_gmp.evidence import EvidenceBundle, read
from nesqc_gmp.identity import envelope
from nesqc_gmp.identity.envelope import open_envelope
from nesqc_gmp.notes import NoteSigner
from nesqc_gmp.procedures import audit, batches, certificates
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.simulation.culture import PIXEL_SIZE_UM, simulate
from nesqc_gmp.simulation.files import write_simulated
from nesqc_gmp.simulation.look import draw_look

EVENTFUL = "NES-EVENT-2"
FIELDS = 6
CAPTURED_AT = "2026-01-10T09:00:00+01:00"


@dataclass(frozen=True)
class Played:
    """What the fixture leaves.

    Attributes:
        released: Evidence folder of the released batch.
        rejected: Evidence folder of the eventful, rejected batch.
        bundle: The first one, read.
        paths: The site.
        log: The log's private key, as a thief would hold it.
        people: Private keys of the four people by id, likewise.
    """

    released: Path
    rejected: Path
    bundle: EvidenceBundle
    paths: SitePaths
    log: NoteSigner
    people: dict[str, bytes]

    @property
    def keys(self) -> dict[str, object]:
        """The pinned keys, from the site itself."""
        return {
            "log_key": self.paths.log_verifier.read_text(),
            "authority": self.paths.authority_certificate.read_bytes(),
        }


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The played site."""
    try:
        find_model()
    except NotFoundError:
        pytest.skip("the demonstration model is not in models/")
    with pytest.MonkeyPatch.context() as patch:
        # Argon2id takes 0.3 s each of about fifty times; tests/identity tests it, and nothing here depends on it.
        patch.setattr(envelope, "_key", lambda text, header: hashlib.sha256(f"{header.salt}{text}".encode()).digest())
        return _play(tmp_path_factory.mktemp("played"))


def _play(folder: Path) -> Played:
    sheet = _images(folder / "images")
    demo = play(folder / "demo", sheet, lambda *_: None, lambda *_: None)
    paths = SitePaths(demo.site)
    with Site(paths) as site:
        rejected = _eventful(site, Turns(site, folder / "sessions"), folder, sheet)
    people = {p.person: open_envelope(paths.envelope(p.person).read_bytes(), p.passphrase) for p in PLAYERS}
    log = NoteSigner.parse(paths.log_key.read_text().strip())
    return Played(demo.evidence, rejected, read(demo.evidence), paths, log, people)


def _images(folder: Path) -> Path:
    folder.mkdir()
    sheet = folder / "sheet.csv"
    with sheet.open("x", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "culture", "passage", "field", "captured_at", "pixel_size_um"))
        for culture, seed in (("C01", 900_001), ("C02", 900_002), ("C03", 900_003)):
            look = draw_look(seed)
            for field in range(1, FIELDS + 1):
                name = f"simulated-{culture}-F{field:02d}.png"
                write_simulated(folder / name, simulate(seed * 100 + field, good=True, severity=0.0, culture=look))
                writer.writerow((name, culture, look.passage, f"F{field:02d}", CAPTURED_AT, PIXEL_SIZE_UM))
    return sheet


def _eventful(site: Site, turns: Turns, folder: Path, sheet: Path) -> Path:
    """A batch in which nearly everything happens that can happen to an honest one."""
    operator = turns.of(OPERATOR)
    batches.register(operator, EVENTFUL, "NES-DEMO.v1", "LINE-SIM-02", "2026-01-05", "2027-01-05")
    (folder / "broken.png").write_bytes(b"no image at all")
    files = (*batches.incoming([sheet], None, None), *batches.incoming([folder / "broken.png"], "C01", 3))
    received = [item for item in batches.receive(operator, EVENTFUL, files) if item.image]
    for item in received:
        batches.explain(operator, EVENTFUL, item.image or "", "The same simulated files on purpose")
    batches.seal(operator, EVENTFUL)
    with contextlib.suppress(KeyboardInterrupt):
        batches.analyse(operator, EVENTFUL, None, _interrupt)
    batches.analyse(operator, EVENTFUL)
    batches.analyse(operator, EVENTFUL, "The lamp was changed meanwhile")
    name = received[0].image or ""
    batches.read(operator, EVENTFUL, name, "not conforming", "Rosettes in the lower half", blinded=False)
    _results(operator, turns, folder)
    with contextlib.suppress(AuthenticationError):
        batches.submit(operator, EVENTFUL, lambda _: Credentials(OPERATOR.person, "not the passphrase"))
    with contextlib.suppress(NotAuthorisedError):
        batches.submit(turns.of(REVIEWER), EVENTFUL, signs(REVIEWER))
    batches.submit(turns.of(OPERATOR), EVENTFUL, signs(OPERATOR))
    batches.review(turns.of(REVIEWER), EVENTFUL, ("DEV-1",), "One deviation, see there", signs(REVIEWER))
    quality = turns.of(QA)
    assessed = {e.index: "Seen and assessed" for e in audit.sheet(quality, EVENTFUL).exceptions}
    audit.review(quality, EVENTFUL, assessed, "The trail is complete", True, signs(QA))
    batches.reject(quality, EVENTFUL, "Rejected in this test", "The viability is too low", signs(QA))
    return certificates.issue(quality, EVENTFUL, signs(QA)).evidence


def _interrupt(progress: batches.Progress) -> None:
    if progress.done == 2:
        raise KeyboardInterrupt


def _results(operator: object, turns: Turns, folder: Path) -> None:
    for test, value, reason in (
        ("viability", "71.5", "Counted while the tool was down"),
        ("viability", "93.4", "Counted again on a fresh aliquot"),
        ("mycoplasma", "not detected", "The report came on paper"),
    ):
        evidence = folder / f"{test}-{value[:2]}.txt"
        evidence.write_text(f"Test evidence, no measurement: {test} {value}\n")
        batches.record_result(operator, EVENTFUL, test, value, "2026-02-01", evidence, reason, signs(OPERATOR))  # type: ignore[arg-type]
    for test in ("viability", "mycoplasma"):
        batches.verify_result(turns.of(REVIEWER), EVENTFUL, test, signs(REVIEWER))


@pytest.fixture(scope="session")
def forger() -> Any:
    """The module of the forger."""
    specification = importlib.util.spec_from_file_location("forger", Path(__file__).with_name("forger.py"))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
