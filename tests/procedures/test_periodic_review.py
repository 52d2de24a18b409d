"""The periodic review lists each thing that a test put into the log, and nothing is counted as better than it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nesqc_gmp.errors import AuthenticationError, InvalidInputError, NotAuthorisedError
from nesqc_gmp.esign import Credentials
from nesqc_gmp.procedures import audit, backup, batches, certificates, people
from nesqc_gmp.procedures import site as sites
from nesqc_gmp.procedures.qualification.reports import review as printed
from nesqc_gmp.procedures.qualification.reports.content import content_bytes
from nesqc_gmp.procedures.qualification.reports.review import ReaderLine, ReviewContent
from nesqc_gmp.procedures.qualification.review import gather, quartiles
from nesqc_gmp.reports.document import Chart, texts
from tests.procedures.test_qualification import Bench, state


def gathered(world: Any, since: str | None = None, until: str | None = None) -> ReviewContent:
    today = world.site.today().isoformat()
    with world.site.ledger.reading() as reader:
        return gather(world.site, reader, since or today, until or today)


def said(content: ReviewContent) -> str:
    return "\n".join(texts(printed.document(content, "PR-0001", None, None)))


def opened(world: Any, detail: str) -> str:
    with world.site.ledger.writing() as transaction:
        world.site.open_incident(transaction, "clock", detail)
    return str(world.entries("incident_opened")[-1].record.incident)


@pytest.fixture(scope="module")
def seeded_origin(released_origin: Any, life: Any, pictures: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A site on which a good deal happened; each event is looked for below. Never altered."""
    folder = tmp_path_factory.mktemp("seeded")
    world = released_origin.copy(folder / "site-of-review")
    acts, bench = life(world), Bench(world)
    acts.analysed("B-2", [*pictures.unclear(2), *pictures.bad(2)])
    batches.read(world.session("operator"), "B-2", "U01_F01", "conforming", "Seen: rosettes", blinded=False)
    batches.read(world.session("reviewer"), "B-2", "X01_F01", "not conforming", "Seen: no rosettes", blinded=True)
    with pytest.raises(NotAuthorisedError):
        batches.release(world.session("operator"), "B-2", "In a hurry", world.signs("operator"))
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            people.login(world.site, Credentials("c.holm", "wrong lantern quarry"), folder)
    sites.assess(
        world.session("qa"), opened(world, "time service lost"), "Time service replaced", world.signs("qa")
    )  # fmt: skip
    opened(world, "time service lost again")
    ends = (date.fromisoformat(world.site.now().local[:10]) + timedelta(days=9)).isoformat()
    people.grant(
        world.session("qa"), "u.hallgren", "subject matter expert", "TR-2", ends, "Stands in", world.signs("qa")
    )  # fmt: skip
    certificates.withdraw(world.session("qa"), "QC-2026-000001", "Storage misprinted", world.signs("qa"))
    audit.checkpoint(world.session("qa"), folder / "kept-elsewhere")
    bench.documents("IQ")
    run = bench.execute("IQ", A="failed", B="not executed")
    bench.deviation(run, "IQ-A", accepted=True)
    bench.passed("IQ")
    bench.change(state(machine="4.0"), "IQ", "OQ")
    place = folder / "backups"
    place.mkdir()
    made = backup.make(world.session("admin"), place)
    backup.restore_test(world.session("admin"), place / made.backup)
    world.close()
    return world


@pytest.fixture
def seeded(seeded_origin: Any, tmp_path: Path) -> Iterator[Any]:
    """A copy of it."""
    world = seeded_origin.copy(tmp_path / "seeded-copy")
    yield world
    world.close()


@pytest.mark.requirement("UR-QUALIFY-16", reviewed="8ac2464c")
def test_each_seeded_item_is_listed(seeded: Any) -> None:
    content = gathered(seeded)
    assert ("batches.release: NotAuthorisedError", 1) in content.refused
    assert content.people.failed == (("c.holm", 5),)
    assert content.people.locked == (("c.holm", 1),)
    assert [(i.detail, i.assessment) for i in content.incidents if i.kind == "clock"] == [
        ("time service lost", "Time service replaced"),
        ("time service lost again", None),
    ]
    assert content.anchors.certificates == (("issued", 1), ("withdrawn", 1))
    assert len(content.anchors.exported) == 1
    assert content.waiting == ("B-2",)
    assert [(line.batch, line.acceptable) for line in content.audit_reviews] == [("B-1", True)]
    assert [(run.run, run.passed, run.failed, run.not_executed) for run in content.runs] == [
        ("IQ-0001", 0, 1, 1),
        ("IQ-0002", 2, 0, 0),
    ]
    assert [(d.number, d.accepted) for d in content.deviations] == [("DV-0001", True)]
    assert [(c.change, c.retest, c.approved) for c in content.changes] == [("CC-0001", ("IQ", "OQ"), False)]
    assert content.decisions == (("released", 1),)
    assert [(line.kind, line.result.split(",")[0].split(" in ")[0]) for line in content.backups] == [
        ("backup", "verified"),
        ("restore test", "passed"),
    ]
    assert content.attempts == (("completed", 2), ("opened", 2))
    assert content.qualified is not None
    assert content.qualified.stages == ("IQ",)
    assert {line.kind for line in content.in_force} == {"model", "specification"}
    page = said(content)
    for words in (
        "time service lost again", "Time service replaced", "c.holm 5", "CC-0001", "DV-0001", "IQ-0001", "withdrawn 1",
        "batches.release: NotAuthorisedError", "The audit trail of batch B-2 waits for its review.",
        "Change CC-0001 is not approved.", "Nobody has concluded on IQ-0001", "The account c.holm is locked.",
        "The role subject matter expert of u.hallgren ends on", "Nobody has concluded on this review.",
        "Every installed file hashed again", "never",
    ):  # fmt: skip
        assert words in page, words


def test_results_are_counted_as_they_were_and_readers_beside_the_model(seeded: Any) -> None:
    """Three good fields, two unclear ones, two bad ones, by the shipped model; two readings."""
    content = gathered(seeded)
    (month,) = content.months
    assert (month.images, month.conforming, month.undecided, month.not_conforming) == (7, 3, 2, 2)
    scores = [
        Decimal(entry.record.prediction.score)
        for entry in seeded.entries("image_scored")
        if entry.record.outcome != "rejected by input check"
    ]
    expected = np.percentile([float(score) for score in scores], [25, 50, 75])
    assert [float(part or "nan") for part in (month.lower, month.median, month.upper)] == pytest.approx(
        list(expected), abs=5e-5
    )
    assert [(r.person, r.readings, r.compared, r.agreed, r.overrides, r.blinded) for r in content.readers] == [
        ("o.brannstrom", 1, 0, 0, 1, 0),
        ("r.ozdemir", 1, 1, 1, 0, 1),
    ]
    charts = [b for b in printed.document(content, "PR-0001", None, None).blocks if isinstance(b, Chart)]
    assert [chart.title for chart in charts] == ["Undecided and refused images", f"Scores of {month.model}"]
    assert charts[0].series[0].y == pytest.approx((100 * 2 / 7,))


def test_another_period_has_other_events_and_what_stands_now(seeded: Any) -> None:
    seeded.clock.move(days=100)
    today = seeded.site.today()
    since = (today - timedelta(days=30)).isoformat()
    content = gathered(seeded, since=since)
    assert content.months == content.readers == content.runs == content.changes == content.audit_reviews == ()
    assert content.refused == ()
    assert [i.detail for i in content.incidents if i.kind == "clock"] == ["time service lost again"], "still open"
    assert {line.person for line in content.access if line.dormant} == {line.person for line in content.access}
    assert "No checkpoint was written out in the period." in content.overdue
    assert "No backup was made for more than 1 day: use `nesqc site backup`." in content.overdue
    assert "No restore test passed for more than 30 days: use `nesqc site restore-test`." in content.overdue
    assert "The account q.ekstrom is dormant: last login" in "\n".join(content.overdue)


def test_an_account_in_use_is_not_dormant(seeded: Any) -> None:
    seeded.clock.move(days=89)
    seeded.log_in("qa")
    seeded.clock.move(days=2)
    dormant = {line.person for line in gathered(seeded).access if line.dormant}
    assert "q.ekstrom" not in dormant
    assert "o.brannstrom" in dormant


def test_the_same_log_gives_the_same_content(seeded: Any) -> None:
    first, second = (gathered(seeded) for _ in range(2))
    again = second.model_copy(update={"made": first.made})
    assert content_bytes(again) == content_bytes(first)
    assert ReviewContent.model_validate_json(content_bytes(first)) == first


@pytest.mark.parametrize(("since", "until"), [("2026-02-01", "2026-01-01"), ("2026-01-01", "2999-01-01")])
def test_a_period_that_cannot_be_is_refused(founded: Any, since: str, until: str) -> None:
    with pytest.raises(InvalidInputError, match="the period ends before it begins, or after today"):
        gathered(founded, since, until)


@pytest.mark.requirement("UR-QUALIFY-16", reviewed="8ac2464c")
def test_a_site_without_work_has_a_review_that_says_so(founded: Any) -> None:
    page = said(gathered(founded))
    for words in (
        "No image was scored in the period.",
        "No installed state of this site is qualified.",
        "No checkpoint was written out in the period.",
        "Nobody read an image in the period.",
        "None is recorded in the period.",
    ):
        assert words in page


@pytest.mark.parametrize(("readings", "overrides", "asked"), [(19, 0, False), (20, 0, True), (20, 1, False)])
def test_who_never_differs_is_named(readings: int, overrides: int, asked: bool) -> None:
    line = ReaderLine(
        person="a", name="A", readings=readings, compared=readings, agreed=readings - overrides, overrides=overrides,
        blinded=0,
    )  # fmt: skip
    assert line.never_differed is asked


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 11])
def test_quartiles_are_those_of_numpy(count: int) -> None:
    values = [Decimal(n * n % 17) / 17 for n in range(count)]
    found = [float(part or "nan") for part in quartiles(values)]
    assert found == pytest.approx(list(np.percentile([float(v) for v in values], [25, 50, 75])), abs=5e-5)


def test_no_score_has_no_quartiles() -> None:
    assert quartiles([]) == (None, None, None)
