"""The sites that cases begin with, made once a run by the installed tool and copied for each case.

Run as a program: ``python -I -m nesqc_gmp.qualification.oq.sites OUT MODEL START...``. The procedures are the real
ones and the signatures real signatures; only the people are invented. Each site lies in a folder of its own beside the
images, a folder of sessions for each person, and files that cases work with.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nesqc_gmp.qualification.oq.people import PEOPLE
from nesqc_gmp.qualification.oq.pictures import captured_on, write_images, write_test_set

if TYPE_CHECKING:
    from nesqc_gmp.esign import Ceremony
    from nesqc_gmp.procedures.context import Site
    from nesqc_gmp.procedures.session import Session
    from nesqc_gmp.records.site import Purpose

BATCH: Final = "B-1"
SPECIFICATION: Final = "NES-OQ.v1"
ZONE: Final = "Europe/Stockholm"
_IDENTITY = "qualification: nobody was seen"
_REASON = "Needed for the qualification"


def signs(key: str) -> Ceremony:
    """A ceremony in which this person signs what is shown."""
    from nesqc_gmp.esign import Credentials

    person = PEOPLE[key]

    def ceremony(statement: str) -> Credentials:
        return Credentials(person.id, person.passphrase)

    return ceremony


class Maker:
    """Makes one site after the other, each from the one before.

    Args:
        out: A folder for all of them.
        model: The model package.
        purpose: What the sites are for.
    """

    def __init__(self, out: Path, model: Path, purpose: Purpose = "qualification") -> None:
        self._out = out
        self._model = model
        self._purpose = purpose
        self._site: Site | None = None
        self._folder = out

    def make(self, wanted: Collection[str]) -> None:
        """Make those that are wanted, and those that they are made from."""
        (self._out / "empty").mkdir(parents=True)
        chain = (
            ("founded", self._found), ("people", self._enrol), ("ready", self._approve), ("received", self._receive),
            ("sealed", self._seal), ("analysed", self._analyse), ("reviewed", self._review),
            ("released", self._release),
        )  # fmt: skip
        names = [name for name, _ in chain]
        made = {"package": "people"}
        needed = [names.index(made.get(start, start)) for start in wanted if start not in {"empty", "production"}]
        self._folder = self._out / "empty"
        for name, step in chain[: max(needed, default=-1) + 1]:
            before, self._folder = self._folder, self._out / name
            shutil.copytree(before, self._folder)
            step()
            if self._site is not None:
                self._site.close()
                self._site = None
        if "package" in wanted:
            self._beside_package()
        if "production" in wanted:
            self._for_production()

    def _for_production(self) -> None:
        """A site that calls itself a production site, with a sealed batch, and that nobody qualified."""
        chain = self._out / "chain"
        Maker(chain, self._model, "production").make({"sealed"})
        (chain / "sealed").rename(self._out / "production")
        shutil.rmtree(chain)

    def _beside_package(self) -> None:
        """Everybody, and files for those who install and test a model."""
        folder = self._out / "package"
        shutil.copytree(self._out / "people", folder)
        shutil.copytree(self._model, folder / "model")
        write_test_set(folder / "test-set")

    @property
    def site(self) -> Site:
        """The site that is being made."""
        from nesqc_gmp.config import SitePaths
        from nesqc_gmp.procedures.context import Site

        if self._site is None:
            self._site = Site(SitePaths(self._folder / "site"))
        return self._site

    def log_in(self, key: str) -> None:
        """Open a session of this person, as the command line would."""
        from nesqc_gmp.esign import Credentials
        from nesqc_gmp.procedures import people

        person = PEOPLE[key]
        people.login(self.site, Credentials(person.id, person.passphrase), sessions_folder(self._folder, key))

    def session(self, key: str) -> Session:
        """The session of a person who is logged in."""
        from nesqc_gmp.procedures import people

        return people.resume(self.site, sessions_folder(self._folder, key))

    def _found(self) -> None:
        from nesqc_gmp.procedures import site as procedures
        from nesqc_gmp.procedures.site import Founder, SiteFacts

        facts = SiteFacts(
            "Qualification site", "Provgatan 1, 413 46 Göteborg, Sweden", "none: qualification site",
            ZONE, self._purpose,
        )  # fmt: skip
        first, second = (
            Founder(PEOPLE[key].id, PEOPLE[key].name, _IDENTITY, PEOPLE[key].passphrase)
            for key in ("administrator", "qa")
        )
        procedures.init(self._folder / "site", facts, (first, second))
        self.log_in("administrator")
        self.log_in("qa")

    def _enrol(self) -> None:
        from nesqc_gmp.procedures import people

        for key, person in list(PEOPLE.items())[2:]:
            first = people.enrol(self.session("administrator"), person.id, person.name, _IDENTITY)
            second = ""
            for role in person.roles:
                given = people.grant(self.session("qa"), person.id, role, "TR-1", None, _REASON, signs("qa"))
                second = given or second
            people.set_passphrase(self.site, person.id, first, second, person.passphrase)
            self.log_in(key)

    def _approve(self) -> None:
        from nesqc_gmp.procedures import models, products

        write_images(self._folder / "images")
        model = models.install(self.session("scientist"), self._model)
        for step in (models.approve, models.activate):
            step(self.session("qa"), model.model_sha256, _REASON, signs("qa"))
        file = self._folder / "specification.toml"
        file.write_text(_specification(model.model_sha256, model.manifest), encoding="utf-8")
        name = products.draft(self.session("scientist"), products.read_specification(file))
        products.approve(self.session("qa"), name, _REASON, signs("qa"))

    def _receive(self) -> None:
        from nesqc_gmp.procedures import batches

        operator = self.session("operator")
        batches.register(operator, BATCH, SPECIFICATION, "LINE-7", captured_on(), "2099-11-20")
        files = batches.incoming([self._folder / "images" / "sheet-C01.csv"], None, None)
        received = batches.receive(operator, BATCH, files)
        if any(item.image is None for item in received):
            raise RuntimeError(f"an image of the qualification was refused: {received}")

    def _seal(self) -> None:
        from nesqc_gmp.procedures import batches

        batches.seal(self.session("operator"), BATCH)

    def _analyse(self) -> None:
        from nesqc_gmp.procedures import batches

        batches.analyse(self.session("operator"), BATCH)
        evidence = self._folder / "viability.txt"
        evidence.write_text("Invented for the qualification.\nviability 93.4 %\n")
        batches.record_result(
            self.session("operator"),
            BATCH,
            "viability",
            "93.4",
            self.site.today().isoformat(),
            evidence,
            None,
            signs("operator"),
        )
        batches.verify_result(self.session("reviewer"), BATCH, "viability", signs("reviewer"))

    def _review(self) -> None:
        from nesqc_gmp.procedures import audit, batches

        batches.submit(self.session("operator"), BATCH, signs("operator"))
        batches.review(self.session("head"), BATCH, (), "Data and attempts gone through", signs("head"))
        sheet = audit.sheet(self.session("qa"), BATCH)
        assessed = {exception.index: "Looked at and understood" for exception in sheet.exceptions}
        audit.review(self.session("qa"), BATCH, assessed, "Nothing missing", True, signs("qa"))

    def _release(self) -> None:
        from nesqc_gmp.procedures import batches, certificates

        batches.release(self.session("qa"), BATCH, "All tests conform", signs("qa"))
        certificates.issue(self.session("qa"), BATCH, signs("qa"))


def sessions_folder(folder: Path, key: str) -> Path:
    """Where the sessions of a person lie in the folder of a case; ``nobody`` is a terminal nobody has logged in at."""
    return state_folder(folder, key) / "nesqc" / "sessions"


def state_folder(folder: Path, key: str) -> Path:
    """What ``XDG_STATE_HOME`` is for a person in the folder of a case."""
    return folder / "terminals" / key


def _specification(model_sha256: str, manifest: Any) -> str:
    """The specification of the qualification: the shipped example with one culture of two fields and two tests."""
    from nesqc_gmp.demonstration.script import example_text

    text = example_text(model_sha256, manifest).replace('"NES-DEMO"', '"NES-OQ"')
    head, mycoplasma = text.split('[[tests]]\nkind = "manual"\ntest = "mycoplasma"')
    text = head + mycoplasma[mycoplasma.index("[sampling]") :]
    for old, new in (
        ("cultures_min = 3", "cultures_min = 1"),
        ("fields_min = 6", "fields_min = 2"),
        ("valid_images_min = 4", "valid_images_min = 2"),
    ):
        if text.count(old) != 1:
            raise ValueError(f"the shipped example no longer says {old!r} once")
        text = text.replace(old, new)
    tomllib.loads(text)
    return text


if __name__ == "__main__":
    Maker(Path(sys.argv[1]), Path(sys.argv[2])).make(sys.argv[3:])
