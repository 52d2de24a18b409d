"""A site with its people, an approved model and product, built once a worker and copied for each test.

A passphrase costs a third of a second (Argon2id at its floor), so what needs one and is no subject of a test is done
once. A copy of a site is the same site: same keys, same log, same open sessions.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.requirement_results import pytest_addoption, pytest_configure  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

PEOPLE = {
    "admin": ("a.lindqvist", "Anna Lindqvist", "administrator"),
    "qa": ("q.ekstrom", "Qamar Ekström", "qa"),
    "operator": ("o.brannstrom", "Olle Brännström", "operator"),
    "reviewer": ("r.ozdemir", "Rana Özdemir", "reviewer"),
    "scientist": ("d.sandell", "Disa Sandell", "data scientist"),
    "expert": ("s.moberg", "Siv Moberg", "subject matter expert"),
    "custodian": ("c.holm", "Cajsa Holm", "test data custodian"),
    "engineer": ("v.nystrom", "Vera Nyström", "validation engineer"),
    "auditor": ("u.hallgren", "Ulf Hallgren", "auditor"),
}


def passphrase(who: str) -> str:
    """What each person of the tests types."""
    return f"lantern {who} quarry meadow"


class Clock:
    """A clock that can be moved; it goes on by a microsecond at every look."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def move(self, **by: float) -> None:
        self.shift += timedelta(**by)


def _linked(source: str, target: str) -> None:
    """Link original files, which nobody changes in place, and copy the rest."""
    (os.link if "/site/objects/" in source else shutil.copy2)(source, target)


class World:
    """One site in a folder, with its people, as a test works with it."""

    def __init__(self, folder: Path) -> None:
        from nesqc_gmp.config import SitePaths

        self.folder = folder
        self.paths = SitePaths(folder / "site")
        self.clock = Clock()
        self._site: Any = None

    @property
    def site(self) -> Any:
        """The open site; opened at the first look."""
        from nesqc_gmp.procedures.context import Site

        if self._site is None:
            self._site = Site(self.paths, self.clock)
        return self._site

    def close(self) -> None:
        if self._site is not None:
            self._site.close()
            self._site = None

    def copy(self, folder: Path) -> World:
        self.close()
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, copy_function=_linked)
        return World(folder)

    def log_in(self, who: str) -> None:
        """Log a person in and keep the name of their session."""
        from nesqc_gmp.esign import Credentials
        from nesqc_gmp.procedures import people

        opened = people.login(self.site, Credentials(PEOPLE[who][0], passphrase(who)), self.folder / "sessions" / who)
        kept = self._sessions() | {who: opened.digest}
        (self.folder / "sessions.json").write_text(json.dumps(kept))

    def _sessions(self) -> dict[str, str]:
        path = self.folder / "sessions.json"
        return json.loads(path.read_text()) if path.is_file() else {}

    def session(self, who: str) -> Any:
        """The session a person has open."""
        from nesqc_gmp.procedures.session import Session

        return Session(self.site, PEOPLE[who][0], self._sessions()[who])

    def signs(self, who: str, spoken: str | None = None) -> Callable[[str], Any]:
        """A ceremony in which this person signs; what was shown is kept."""
        from nesqc_gmp.esign import Credentials

        def ceremony(statement: str) -> Any:
            self.shown = statement
            return Credentials(PEOPLE[who][0], spoken or passphrase(who))

        return ceremony

    def entries(self, kind: str | None = None) -> list[Any]:
        """Entries of the log, all or of one kind."""
        with self.site.ledger.reading() as reader:
            found = [reader.entry(index) for index in range(reader.size)]
        return [entry for entry in found if kind in {None, entry.kind}]

    def refused(self) -> list[tuple[str, str, str]]:
        """Recorded refusals: person, act, class of the error."""
        return [(e.actor.person, e.record.act, e.record.error) for e in self.entries("act_refused")]

    def batch(self, number: str) -> Any:
        from nesqc_gmp.procedures import batches

        return batches.show(self.session("operator"), number)

    def root(self) -> bytes:
        with self.site.ledger.reading() as reader:
            return reader.root(reader.size)


class Life:
    """The stages of a batch's life, each done by the person whose it is."""

    EVIDENCE = "evidence.txt"

    def __init__(self, world: World) -> None:
        self.world = world

    def register(self, batch: str, specification: str = "NES-TEST.v1") -> None:
        from nesqc_gmp.procedures import batches

        batches.register(self.world.session("operator"), batch, specification, "LINE-7", "2026-11-20", "2027-11-20")

    def receive(self, batch: str, files: list[Path], culture: str | None = None) -> Any:
        from nesqc_gmp.procedures import batches

        incoming = [
            batches.Incoming(path, culture or path.stem.split("-")[1], 14, path.stem.split("-")[-1].replace(" ", ""))
            for path in files
        ]
        return batches.receive(self.world.session("operator"), batch, incoming)

    def seal(self, batch: str) -> int:
        from nesqc_gmp.procedures import batches

        return batches.seal(self.world.session("operator"), batch)

    def analyse(self, batch: str, reason: str | None = None, **more: Any) -> Any:
        from nesqc_gmp.procedures import batches

        return batches.analyse(self.world.session("operator"), batch, reason, **more)

    def analysed(self, batch: str, files: list[Path], specification: str = "NES-TEST.v1") -> None:
        self.register(batch, specification)
        self.receive(batch, files)
        self.seal(batch)
        self.analyse(batch)

    def test(self, batch: str, value: str = "93.4", *, verified: bool = True, reason: str | None = None) -> None:
        from nesqc_gmp.procedures import batches

        evidence = self.world.folder / self.EVIDENCE
        evidence.write_text(f"viability {value}\n")
        batches.record_result(
            self.world.session("operator"), batch, "viability", value, self.world.site.today().isoformat(), evidence,
            reason,
            self.world.signs("operator"),
        )  # fmt: skip
        if verified:
            self.verify_test(batch)

    def verify_test(self, batch: str) -> None:
        from nesqc_gmp.procedures import batches

        batches.verify_result(self.world.session("reviewer"), batch, "viability", self.world.signs("reviewer"))

    def submit(self, batch: str) -> None:
        from nesqc_gmp.procedures import batches

        batches.submit(self.world.session("operator"), batch, self.world.signs("operator"))

    def review(self, batch: str, comment: str = "Gone through") -> None:
        from nesqc_gmp.procedures import batches

        batches.review(self.world.session("reviewer"), batch, (), comment, self.world.signs("reviewer"))

    def audit(self, batch: str, *, acceptable: bool = True) -> Any:
        from nesqc_gmp.procedures import audit

        session = self.world.session("qa")
        sheet = audit.sheet(session, batch)
        said = {exception.index: "Looked at and understood" for exception in sheet.exceptions}
        audit.review(session, batch, said, "Nothing missing", acceptable, self.world.signs("qa"))
        return sheet

    def release(self, batch: str) -> None:
        from nesqc_gmp.procedures import batches

        batches.release(self.world.session("qa"), batch, "Released for testing", self.world.signs("qa"))

    def reject(self, batch: str) -> None:
        from nesqc_gmp.procedures import batches

        batches.reject(self.world.session("qa"), batch, "Not fit", "A test does not conform", self.world.signs("qa"))

    def hold(self, batch: str) -> None:
        from nesqc_gmp.procedures import batches

        batches.hold(self.world.session("qa"), batch, "Waits", "A test is not decided", self.world.signs("qa"))

    def issue(self, batch: str) -> Any:
        from nesqc_gmp.procedures import certificates

        return certificates.issue(self.world.session("qa"), batch, self.world.signs("qa"))

    def signed(self, batch: str) -> None:
        """Submitted, reviewed and audited."""
        self.submit(batch)
        self.review(batch)
        self.audit(batch)


def test_specification(model: Any, **changes: Any) -> Any:
    """The specification of the tests: one culture of two fields, one test done elsewhere.

    Args:
        model: The installed model.
        changes: Fields of the specification, or of its input space as ``input_space``.
    """
    import tomllib

    from nesqc_gmp.demonstration.script import example_text
    from nesqc_gmp.records.products import Specification

    value = tomllib.loads(example_text(model.model_sha256, model.manifest))
    value |= {"product": "NES-TEST", "tests": value["tests"][:2]}
    value["sampling"] |= {"cultures_min": 1, "fields_min": 2}
    value["tests"][0] |= {"valid_images_min": 2} | changes.pop("test", {})
    value["input_space"] |= changes.pop("input_space", {})
    return Specification.model_validate(value | changes, strict=False)


test_specification.__test__ = False  # type: ignore[attr-defined]


def found_site(folder: Path, purpose: Any = "demonstration") -> World:
    from nesqc_gmp.procedures import people
    from nesqc_gmp.procedures import site as site_procedures
    from nesqc_gmp.procedures.site import Founder, SiteFacts

    facts = SiteFacts(
        "Prüfstelle Åre",
        "Storgatan 1, 837 52 Åre, Sweden",
        "none: test site",
        "Europe/Stockholm",
        purpose,
    )
    first, second = (Founder(*PEOPLE[who][:2], "test: nobody was seen", passphrase(who)) for who in ("admin", "qa"))
    site_procedures.init(folder / "site", facts, (first, second))
    world = World(folder)
    world.log_in("admin")
    world.log_in("qa")
    for who, (person, name, role) in list(PEOPLE.items())[2:]:
        half = people.enrol(world.session("admin"), person, name, "test: nobody was seen")
        other = people.grant(
            world.session("qa"), person, role, "TR-1", None, "Needed for the tests", world.signs("qa")
        )  # fmt: skip
        people.set_passphrase(world.site, person, half, other or "", passphrase(who))
        world.log_in(who)
    return world


def model_folder() -> Path:
    """The shipped package."""
    found = sorted((ROOT / "models").glob("nes-morphology-sim-*/manifest.json"))
    if not found:
        pytest.skip("the shipped model package is not in models/")
    return found[-1].parent


def draft_and_approve(world: World, specification: Any) -> str:
    """Enter a specification and approve it."""
    from nesqc_gmp.procedures import products

    name = products.draft(world.session("scientist"), specification)
    products.approve(world.session("qa"), name, "Approved for tests", world.signs("qa"))
    return str(name)


def approve_model(world: World) -> None:
    from nesqc_gmp.procedures import models

    model = models.install(world.session("scientist"), model_folder())
    for step in (models.approve, models.activate):
        step(world.session("qa"), model.model_sha256, "Needed for the tests", world.signs("qa"))
    draft_and_approve(world, test_specification(model))


@pytest.fixture(scope="session")
def founded_origin(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Nine people on a site that has nothing else; never altered."""
    world = found_site(tmp_path_factory.mktemp("founded"))
    world.close()
    return world


@pytest.fixture(scope="session")
def ready_origin(founded_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with an active model and an approved specification; never altered."""
    model_folder()
    world = founded_origin.copy(tmp_path_factory.mktemp("ready"))
    approve_model(world)
    world.close()
    return world


@pytest.fixture(scope="session")
def analysed_origin(ready_origin: World, pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with batch B-1 analysed and its other test verified; never altered."""
    world = ready_origin.copy(tmp_path_factory.mktemp("analysed"))
    life = Life(world)
    life.analysed("B-1", pictures.good(3))
    life.test("B-1")
    world.close()
    return world


@pytest.fixture(scope="session")
def released_origin(analysed_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with B-1 released and its certificate issued; never altered."""
    world = analysed_origin.copy(tmp_path_factory.mktemp("released"))
    life = Life(world)
    life.signed("B-1")
    life.release("B-1")
    life.issue("B-1")
    world.close()
    return world


@pytest.fixture(scope="session")
def planned_origin(founded_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A package for real use with its intended use, a sealed test set and a frozen plan; never altered."""
    from tests.procedures.model_tests import Bench, package, write_images

    world = founded_origin.copy(tmp_path_factory.mktemp("planned"))
    bench = Bench(world)
    bench.seal(write_images(world.folder / "set"))
    bench.plan(bench.install(package(world.folder / "package")))
    world.close()
    return world


@pytest.fixture(scope="session")
def tested_origin(planned_origin: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with the plan run by the operator; never altered."""
    from nesqc_gmp.procedures import model_tests

    world = planned_origin.copy(tmp_path_factory.mktemp("tested"))
    model_tests.run(world.session("operator"), "nes-test:1.0.0", None)
    world.close()
    return world


def _copied(origin: World, folder: Path) -> Iterator[World]:
    world = origin.copy(folder)
    yield world
    world.close()
    shutil.rmtree(world.folder)


@pytest.fixture
def founded(founded_origin: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the site with people only."""
    yield from _copied(founded_origin, tmp_path / "founded-copy")


@pytest.fixture
def ready(ready_origin: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the site that can receive batches."""
    yield from _copied(ready_origin, tmp_path / "ready-copy")


@pytest.fixture
def analysed(analysed_origin: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the site with B-1 analysed."""
    yield from _copied(analysed_origin, tmp_path / "analysed-copy")


@pytest.fixture
def released(released_origin: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the site with B-1 released and its certificate issued."""
    yield from _copied(released_origin, tmp_path / "released-copy")


@pytest.fixture
def planned(planned_origin: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the site with a package that waits for its test."""
    yield from _copied(planned_origin, tmp_path / "planned-copy")


@pytest.fixture
def tested(tested_origin: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the site with a tested package."""
    yield from _copied(tested_origin, tmp_path / "tested-copy")


@pytest.fixture(scope="session")
def life() -> type[Life]:
    """The stages of a batch's life, to be set on a world."""
    return Life


class Pictures:
    """Simulated pictures, made when first asked for and kept for the session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def good(self, count: int, culture: int = 1, first: int = 1) -> list[Path]:
        """Fields of a conforming culture."""
        return [self._made(900_000 + culture, first + n, f"C{culture:02d}", 0.0) for n in range(count)]

    def bad(self, count: int) -> list[Path]:
        """Fields of a culture that does not conform."""
        return [self._made(910_001, 1 + n, "X01", 0.35) for n in range(count)]

    def unclear(self, count: int) -> list[Path]:
        """Fields between the two thresholds of the shipped model; it scores the first three 0.53, 0.33 and 0.71."""
        return [self._made(910_010, 1 + n, "U01", 0.12) for n in range(count)]

    def _made(self, look: int, field: int, culture: str, severity: float) -> Path:
        from nesqc_gmp.simulation.culture import simulate
        from nesqc_gmp.simulation.files import write_simulated
        from nesqc_gmp.simulation.look import draw_look

        path = self._folder / f"simulated-{culture}-F{field:02d}.png"
        if not path.exists():
            samples = simulate(look * 100 + field, good=not severity, severity=severity, culture=draw_look(look))
            write_simulated(path, samples)
        return path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Simulated pictures of conforming and not conforming cultures."""
    return Pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def specification_of() -> Callable[..., Any]:
    """Builds the specification of the tests for a model, with changes."""
    return test_specification


@pytest.fixture(scope="session")
def approved() -> Callable[[World, Any], str]:
    """Enters a specification and approves it."""
    return draft_and_approve


@pytest.fixture(scope="session")
def people() -> dict[str, tuple[str, str, str]]:
    """Id, name and role of everybody."""
    return PEOPLE


@pytest.fixture(scope="session")
def spoken() -> Callable[[str], str]:
    """What each person types."""
    return passphrase


def shared(folder: str) -> Path:
    """A folder of real images beside the project."""
    place = SHARED / folder
    if not place.is_dir():
        pytest.skip(f"the real images are not there: ../shared/data/{folder}")
    return place


@pytest.fixture(scope="session")
def real_images() -> Callable[[str], Path]:
    """Where real images lie beside the project; the test is skipped where they do not."""
    return shared
