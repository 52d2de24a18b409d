"""A production site analyses and releases only on the installed state that was qualified; other sites are never asked.

The installed state here is the real one of the environment that runs the tests; what is changed is a file mode of the
site, an own line that is put into the qualified state, or the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import NotQualifiedError
from nesqc_gmp.procedures import batches
from nesqc_gmp.procedures.qualification import enforcement
from nesqc_gmp.procedures.qualification.enforcement import present_for_use
from nesqc_gmp.procedures.qualification.present import PresentState, of_lines, read_state
from nesqc_gmp.procedures.qualification.runs import Installed
from nesqc_gmp.records.qualification import StateLine
from tests.conftest import Life, approve_model, found_site
from tests.procedures.test_qualification import Bench


@pytest.fixture(scope="module")
def production_origin(tmp_path_factory: pytest.TempPathFactory, pictures: Any) -> Any:
    """A production site with an active model and a sealed batch, documents approved, nothing qualified."""
    world = found_site(tmp_path_factory.mktemp("production"), "production")
    approve_model(world)
    life = Life(world)
    life.register("B-1")
    life.receive("B-1", pictures.good(3))
    batches.seal(world.session("operator"), "B-1")
    Bench(world).documents("IQ", "OQ", "PQ")
    present_for_use(world.site)
    world.close()
    return world


@pytest.fixture
def production(production_origin: Any, tmp_path: Path) -> Iterator[Bench]:
    world = production_origin.copy(tmp_path / "production")
    yield Bench(world)
    world.close()


def installed_in(bench: Bench) -> Installed:
    """The installed state now; the origin has hashed every file."""
    site = bench.world.site
    with site.ledger.reading() as reader:
        present = read_state(site, reader, (), anew=False)
    return Installed(present.lines, present.sha256, "0" * 64)


def model_of(bench: Bench) -> str:
    return str(bench.world.entries("model_installed")[0].record.model_sha256)


def qualify(bench: Bench, installed: Installed, model: str | None = None) -> None:
    for stage in ("IQ", "OQ"):
        bench.passed(stage, installed)  # type: ignore[arg-type]
    if model is not None:
        bench.passed("PQ", installed, model)


def analyse(bench: Bench) -> Any:
    return batches.analyse(bench.world.session("operator"), "B-1")


def test_no_analysis_before_every_qualification(production: Bench) -> None:
    """Each refusal is recorded, and no attempt is opened."""
    with pytest.raises(NotQualifiedError, match="no installed state of this site is qualified"):
        analyse(production)
    installed = installed_in(production)
    qualify(production, installed)
    with pytest.raises(NotQualifiedError, match="performance qualification of the model is not approved"):
        analyse(production)
    assert not production.world.entries("attempt_opened")
    assert [r for r in production.world.refused() if r[1] == "batches.analyse"] == [
        ("o.brannstrom", "batches.analyse", "NotQualifiedError")
    ] * 2
    production.passed("PQ", installed, model_of(production))
    assert analyse(production).attempt == 1


def test_a_changed_line_stops_analysis_and_release_and_is_named(production: Bench) -> None:
    world = production.world
    qualify(production, installed_in(production), model_of(production))
    life = Life(world)
    analyse(production)
    life.test("B-1")
    life.signed("B-1")
    world.paths.ledger.chmod(0o640)
    for act in (lambda: life.release("B-1"), lambda: batches.analyse(world.session("operator"), "B-1", "Once more")):
        with pytest.raises(NotQualifiedError, match=r"grants, ledger: .*mode 0600 -> .*mode 0640") as refusal:
            act()
        assert "software" not in str(refusal.value)
        assert "nesqc qualify change" in str(refusal.value)
    world.paths.ledger.chmod(0o600)
    life.release("B-1")
    assert world.batch("B-1").batch.stage == "released"


def test_rejecting_and_holding_need_no_qualification(production: Bench) -> None:
    """A batch that must not be used can be stopped at any time."""
    world = production.world
    qualify(production, installed_in(production), model_of(production))
    life = Life(world)
    analyse(production)
    life.test("B-1")
    life.signed("B-1")
    world.paths.ledger.chmod(0o640)
    batches.hold(world.session("qa"), "B-1", "Stopped", "Installed state differs", world.signs("qa"))
    batches.reject(world.session("qa"), "B-1", "Stopped", "Installed state differs", world.signs("qa"))
    assert world.batch("B-1").batch.stage == "rejected"


def test_files_are_hashed_anew_every_day_and_it_is_recorded(production: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    world = production.world
    lines = installed_in(production).lines
    anew: list[bool] = []

    def read(*_: Any, **how: Any) -> PresentState:
        anew.append(how["anew"])
        return of_lines(lines)

    monkeypatch.setattr(enforcement, "read_state", read)
    for hours in (1, 24, 1, -30):
        world.clock.move(hours=hours)
        present_for_use(world.site)
    assert anew == [False, True, False, True], "within a day, after a day, within a day, a clock that went back"
    records = world.entries("installation_verified")
    assert len(records) == 3, "the first is the one of the fixture"
    assert {entry.record.state_sha256 for entry in records[1:]} == {of_lines(lines).sha256}


def test_the_daily_record_names_what_differs(production: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    world = production.world
    installed = installed_in(production)
    qualify(production, installed)
    changed = [StateLine(group=x.group, name=x.name, value=f"{x.value}, changed") for x in installed.lines[:1]]
    monkeypatch.setattr(enforcement, "read_state", lambda *_, **how: of_lines((*changed, *installed.lines[1:])))
    world.clock.move(hours=25)
    present_for_use(world.site)
    first = installed.lines[0]
    assert world.entries("installation_verified")[-1].record.differing == (f"{first.group}, {first.name}",)


def test_a_line_that_is_gone_or_new_is_a_difference(production: Bench) -> None:
    installed = installed_in(production)
    more = StateLine(group="dependencies", name="another", value="1.0")
    qualify(production, replace(installed, lines=(*installed.lines, more), sha256="1" * 64))
    with pytest.raises(NotQualifiedError, match=r"dependencies, another: 1\.0 -> not installed"):
        analyse(production)


def test_a_demonstration_is_never_asked(analysed: Any) -> None:
    assert present_for_use(analysed.site) is None
    assert not analysed.entries("installation_verified")
