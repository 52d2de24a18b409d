"""What keys decide: a certificate that ran out signs nothing, and keys that come with a file are not believed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import AuthenticationError, InvalidInputError, NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.procedures import audit, certificates, people

FOUR_YEARS = 4 * 366
"""Days; a person's certificate is valid for three years."""


def test_a_certificate_that_ran_out_signs_nothing(analysed: Any, life: Any) -> None:
    analysed.clock.move(days=FOUR_YEARS)
    analysed.log_in("operator")
    before = len(analysed.entries("batch_submitted"))
    with pytest.raises(AuthenticationError, match="ran out"):
        life(analysed).submit("B-1")
    assert len(analysed.entries("batch_submitted")) == before


def test_its_owner_makes_a_new_one_and_earlier_signatures_stand(analysed: Any) -> None:
    analysed.clock.move(days=FOUR_YEARS)
    analysed.log_in("operator")
    session = analysed.session("operator")
    people.change_passphrase(session, "lantern operator quarry meadow", "a wholly other sentence 7")
    from nesqc_gmp.procedures import batches

    batches.submit(session, "B-1", analysed.signs("operator", "a wholly other sentence 7"))
    assert analysed.batch("B-1").unsigned == ()
    assert analysed.batch("B-1").batch.stage == "submitted"


def test_keys_beside_a_certificate_are_never_used(released: Any) -> None:
    pdf = next(released.paths.certificates.glob("*.pdf"))
    assert (pdf.with_suffix(".evidence") / "authority.pem").is_file()
    with pytest.raises(InvalidInputError, match="no key"):
        certificates.verify(pdf, site=None, evidence=None)


def test_pinned_keys_need_no_site(released: Any, tmp_path: Path) -> None:
    pdf = next(released.paths.certificates.glob("*.pdf"))
    trust = Path(shutil.copytree(released.paths.trust, tmp_path / "trust"))
    report = certificates.verify(pdf, site=None, evidence=None, trust=trust)
    assert report.verified
    # Nothing that was not asked counts as passed, and the sentence says so.
    assert [step.name for step in report.steps if "stands" in step.name and "log" not in step.name] == []
    assert "NOT ASKED: whether it was withdrawn" in report.sentence


def test_keys_pinned_elsewhere_find_a_site_made_anew(released: Any, tmp_path: Path) -> None:
    """Somebody replaces the whole site, its trust folder included; only the auditor's own copy of the keys helps."""
    from nesqc_gmp.config import SitePaths

    trust = Path(shutil.copytree(released.paths.trust, released.folder / "pinned"))
    other = _another_site(tmp_path / "anew")
    assert audit.verify(other).verified
    report = audit.verify(SitePaths(other.folder, pinned=trust))
    assert not report.verified
    assert "first bad record: entry 0" in report.sentence or "step 2" in report.sentence


def _another_site(folder: Path) -> Any:
    from nesqc_gmp.procedures import site
    from nesqc_gmp.procedures.site import Founder, SiteFacts

    facts = SiteFacts("Prüfstelle Åre", "Storgatan 1", "none: test site", "Europe/Stockholm", purpose="demonstration")
    founders = (
        Founder("a.lindqvist", "Anna Lindqvist", "test: nobody was seen", "wholly other words 51"),
        Founder("q.ekstrom", "Qamar Ekström", "test: nobody was seen", "even more other words 52"),
    )
    return site.init(folder, facts, founders)


@pytest.mark.requirement("UR-CERTIFICATES-06", reviewed="044e137b")
def test_a_batch_has_one_current_certificate(released: Any, life: Any) -> None:
    with pytest.raises(OutOfSequenceError, match="is current"):
        life(released).issue("B-1")


@pytest.mark.requirement("UR-PEOPLE-06", reviewed="34197d7a", negative=True)
def test_two_administrators_never_hold_an_account_of_qa(founded: Any) -> None:
    """Found by attack: with two administrators, one asked for the reset of QA and the other approved it."""
    _make_second_administrator(founded)
    people.reset(founded.session("admin"), "q.ekstrom", "They say they forgot it")
    with pytest.raises(NotAuthorisedError, match="two roles"):
        people.reset(founded.session("operator"), "q.ekstrom", "They say they forgot it")
    assert founded.refused()[-1] == ("o.brannstrom", "people.reset", "NotAuthorisedError")


def _make_second_administrator(world: Any) -> None:
    people.revoke(world.session("qa"), "o.brannstrom", "operator", "Moves to administration")
    people.grant(
        world.session("qa"), "o.brannstrom", "administrator", "TR-9", None, "Moves to administration", world.signs("qa")
    )


def test_a_model_retired_meanwhile_is_shown_to_who_decides(analysed: Any, life: Any) -> None:
    from nesqc_gmp.procedures import models

    stages = life(analysed)
    stages.signed("B-1")
    model = analysed.entries("model_installed")[0].record.model_sha256
    models.retire(analysed.session("qa"), model, "A successor was approved", analysed.signs("qa"))
    stages.release("B-1")
    assert "  Model nes-morphology-sim 1.1.0 is retired now\n" in analysed.shown
