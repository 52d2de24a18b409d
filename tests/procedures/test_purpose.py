"""A site says for ever what it is for: in its founding, its log, each statement that is signed, and on each page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.procedures import site as site_procedures
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.site import Founder, SiteFacts
from nesqc_gmp.records.site import MARKS, Purpose
from nesqc_gmp.state.incidents import fold_site

FOUNDERS = (
    Founder("a.one", "Ada One", "test: nobody was seen", "lantern quarry meadow one"),
    Founder("b.two", "Bo Two", "test: nobody was seen", "lantern quarry meadow two"),
)


def found(folder: Path, purpose: Purpose) -> Site:
    facts = SiteFacts("Uppsala production", "Storgatan 1", "none: test site", "Europe/Stockholm", purpose)
    return Site(site_procedures.init(folder, facts, FOUNDERS))


@pytest.mark.requirement("UR-SITE-01", reviewed="f81efc83")
@pytest.mark.requirement("UR-SITE-01", reviewed="f81efc83")
@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_every_entry_and_every_signed_statement_name_the_purpose(tmp_path: Path, purpose: Purpose) -> None:
    with found(tmp_path / "site", purpose) as site, site.ledger.reading() as reader:
        entries = [reader.entry(index) for index in range(reader.size)]
        statements = [entry.record.signature.statement for entry in entries if hasattr(entry.record, "signature")]
        assert all(entry.origin.startswith(f"nesqc/{purpose}/uppsala-production-") for entry in entries)
        assert statements
        assert all(f"\nLog: nesqc/{purpose}/uppsala-production-" in statement for statement in statements)
        assert reader.checkpoint_note().startswith(f"nesqc/{purpose}/")
        assert site.founded.for_gmp_use == (purpose == "production")
        assert ("NOT FOR GMP USE" in site.founded.mark) == (purpose != "production")


@pytest.mark.requirement("UR-CERTIFICATES-11", reviewed="54f5bb02")
def test_only_a_production_site_has_no_mark() -> None:
    assert [purpose for purpose, mark in MARKS.items() if not mark] == ["production"]


@pytest.mark.requirement("UR-SITE-01", reviewed="f81efc83", negative=True)
@pytest.mark.requirement("UR-SITE-01", reviewed="f81efc83", negative=True)
@pytest.mark.parametrize("purpose", ["demonstration", "qualification"])
def test_a_founding_that_contradicts_its_log_is_refused(tmp_path: Path, purpose: Purpose) -> None:
    """Who holds every key can write any founding record; under this origin it founds no production site."""
    with found(tmp_path / "site", purpose) as site, site.ledger.reading() as reader:
        (first, *rest) = [reader.entry(index) for index in range(reader.size)]
    record: Any = first.record
    forged = first.model_copy(update={"record": record.model_copy(update={"purpose": "production"})})
    assert fold_site([first, *rest]).founded.purpose == purpose
    with pytest.raises(IntegrityError, match="name two purposes"):
        fold_site([forged, *rest])


@pytest.mark.requirement("UR-SITE-01", reviewed="f81efc83", negative=True)
def test_a_site_that_takes_the_key_of_another_purpose_does_not_open(tmp_path: Path) -> None:
    """The origin is the name of the log key: a demonstration cannot go on under the key of a production site."""
    for purpose in ("production", "demonstration"):
        found(tmp_path / purpose, purpose).close()  # type: ignore[arg-type]
    for name in ("log.key", "log.state"):
        key = tmp_path / "demonstration" / "keys" / name
        key.write_bytes((tmp_path / "production" / "keys" / name).read_bytes())
    with pytest.raises(IntegrityError):
        Site(site_procedures.SitePaths(tmp_path / "demonstration"))
