"""Files of simulated pictures: another library reads the statement, the pixel size and the very samples back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.files import write_simulated
from nesqc_gmp.simulation.look import draw_look

PICTURE = simulate(0, good=True, severity=0.0, culture=draw_look(0), size=128)


@pytest.mark.requirement("UR-SITE-10", reviewed="2ff7c07d")
def test_png_says_it_is_simulated(tmp_path: Path) -> None:
    path = tmp_path / "simulated-a.png"
    write_simulated(path, PICTURE)
    with Image.open(path) as image:
        assert "simulated" in image.info["Description"]
        assert "not a real culture" in image.info["Description"]
        assert image.info["dpi"] == pytest.approx((25_400, 25_400))
        assert np.array_equal(np.asarray(image), PICTURE)


@pytest.mark.parametrize("factor", [1, 257])
def test_tiff_says_it_is_simulated(tmp_path: Path, factor: int) -> None:
    path = tmp_path / "simulated-a.tif"
    samples = PICTURE if factor == 1 else PICTURE.astype(np.uint16) * np.uint16(factor)
    write_simulated(path, samples)
    with Image.open(path) as image:
        assert "simulated" in image.tag_v2[270]  # type: ignore[attr-defined]
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages.first.tags["XResolution"].value == (10_000, 1)
        assert np.array_equal(tiff.asarray(), samples)


@pytest.mark.parametrize("name", ["simulated-a.png", "simulated-a.tif"])
def test_same_samples_give_same_bytes(tmp_path: Path, name: str) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_simulated(tmp_path / folder / name, PICTURE)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("name", ["culture.png", "simulated-a.jpg", "simulated-a"])
def test_refuses_a_name_that_does_not_say_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError):
        write_simulated(tmp_path / name, PICTURE)


def test_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "simulated-a.png"
    path.write_bytes(b"kept")
    with pytest.raises(InvalidInputError, match="exists"):
        write_simulated(path, PICTURE)
    assert path.read_bytes() == b"kept"
