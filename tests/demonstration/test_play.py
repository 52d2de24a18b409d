"""The demonstration, played with pictures given by the person; the simulated ones are played in the CI script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nesqc_gmp.config import SitePaths
from nesqc_gmp.demonstration import play, script
from nesqc_gmp.demonstration.images import simulate_batch
from nesqc_gmp.demonstration.people import ENGINEER
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.imaging.sample_sheet import read_sample_sheet
from nesqc_gmp.procedures import audit, certificates


def quiet(*_: Any) -> None:
    """Says nothing."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, pictures: Any) -> Any:
    """A demonstration of three good pictures: what it left, what was said, what ticked."""
    script.find_model()
    folder = tmp_path_factory.mktemp("demonstration")
    (folder / "images").mkdir()
    for path in pictures.good(3):
        (folder / "images" / path.name).write_bytes(path.read_bytes())
    said: list[tuple[str, str]] = []
    ticks: list[tuple[str, int, int]] = []
    left = play(folder / "out", folder / "images", lambda *s: said.append(s), lambda *t: ticks.append(t))
    return left, said, ticks


def test_it_ends_released_and_verifies(shown: Any) -> None:
    left, said, _ = shown
    assert left.decision == "released"
    paths = SitePaths(left.site)
    assert audit.verify(paths).verified
    assert certificates.verify(left.certificate, site=paths, evidence=left.evidence).verified
    assert certificates.verify(left.certificate, site=None, evidence=left.evidence, trust=paths.trust).verified
    parts = {player.name for player in left.players} - {ENGINEER.name}
    assert {who for who, _ in said} == {"", *parts}, "all have a part but the engineer, who qualifies the site"


@pytest.mark.requirement("UR-SITE-10", reviewed="2ff7c07d")
def test_it_says_what_it_is(shown: Any) -> None:
    left, _, _ = shown
    from nesqc_gmp.procedures.context import Site

    with Site(SitePaths(left.site)) as site:
        assert site.founded.purpose == "demonstration"
        assert "demonstration" in site.founded.authorisation


def test_progress_counts_to_its_end(shown: Any) -> None:
    _, _, ticks = shown
    assert {name for name, _, _ in ticks} == {"receiving images", "analysing images"}
    for name in ("receiving images", "analysing images"):
        assert [(done, total) for n, done, total in ticks if n == name] == [(1, 3), (2, 3), (3, 3)]


def test_players_passphrases_open_their_accounts(shown: Any, tmp_path: Path) -> None:
    from nesqc_gmp.esign import Credentials
    from nesqc_gmp.procedures import people
    from nesqc_gmp.procedures.context import Site

    left, _, _ = shown
    with Site(SitePaths(left.site)) as site:
        for player in left.players:
            people.login(site, Credentials(player.person, player.passphrase), tmp_path)


def test_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    script.find_model()
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match="not empty"):
        play(tmp_path, None, quiet, quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_files_that_are_no_images_are_refused_with_the_reason(tmp_path: Path) -> None:
    script.find_model()
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInputError, match="none of the 1 files is an acceptable image"):
        play(tmp_path / "out", tmp_path / "images", quiet, quiet)


def test_an_own_picture_that_is_noise_is_not_believed(tmp_path: Path) -> None:
    """White noise can score as anything; it ends undecided, so the demonstration ends on hold."""
    script.find_model()
    (tmp_path / "images").mkdir()
    samples = np.random.default_rng(3).integers(0, 256, (600, 600), dtype=np.uint8)
    Image.fromarray(samples).save(tmp_path / "images" / "noise.png", dpi=(25_400, 25_400))
    assert play(tmp_path / "out", tmp_path / "images", quiet, quiet).decision == "on hold"


def test_without_the_shipped_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(script, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match="shipped demonstration model is not there"):
        script.find_model()


@pytest.mark.requirement("UR-CERTIFICATES-11", reviewed="54f5bb02")
def test_simulated_batch_says_so_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nesqc_gmp.demonstration import images

    monkeypatch.setattr(images, "CULTURES", (("C01", 900_001),))
    monkeypatch.setattr(images, "FIELDS", 2)
    ticks: list[tuple[int, int]] = []
    sheet = simulate_batch(tmp_path / "new", lambda *t: ticks.append(t))
    rows = list(read_sample_sheet(sheet.read_bytes(), sheet.name))
    assert [(row.culture, row.field, row.pixel_size_um) for row in rows] == [("C01", "F01", "1"), ("C01", "F02", "1")]
    for row in rows:
        assert row.file.startswith("simulated-")
        with Image.open(sheet.parent / row.file) as picture:
            assert "not a real culture" in picture.info["Description"]
    assert ticks == [(1, 2), (2, 2)]
