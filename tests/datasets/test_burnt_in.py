"""Drawn bars and text are found; cells, overexposed spots and lines of a counting chamber are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nesqc_gmp.datasets.burnt_in import find_burnt_in, require_nothing_burnt_in
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.simulation.culture import unlabelled
from nesqc_gmp.simulation.label import labelled
from nesqc_gmp.simulation.look import draw_look

LDC = Path(__file__).resolve().parents[3] / "shared" / "data" / "ldc" / "images"


@pytest.fixture(scope="module")
def fields() -> list[Any]:
    return [unlabelled(k, good=k % 2 == 0, severity=0.5 * (k % 2), culture=draw_look(k), size=256) for k in range(6)]


def test_corner_label_of_simulated_fields_is_found_and_fields_without_it_are_clean(fields: list[Any]) -> None:
    for field in fields:
        assert find_burnt_in(field) == ()
        (found,) = find_burnt_in(labelled(field))
        # Three letters of 7 x 17 dots, twice as large, two pixels from the lower right corner.
        assert (found.kind, found.left, found.top, found.right, found.bottom) == ("text", 220, 240, 254, 254)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_bar_is_found_at_its_place(value: int, turned: bool, depth: type, fields: list[Any]) -> None:
    picture = fields[0].astype(depth) * (257 if depth is np.uint16 else 1)
    picture[235:239, 180:240] = value * (257 if depth is np.uint16 else 1)
    (found,) = find_burnt_in(picture.T if turned else picture)
    place = (180, 235, 240, 239) if not turned else (235, 180, 239, 240)
    assert (found.kind, found.left, found.top, found.right, found.bottom) == ("bar", *place)


def test_colour_bar_in_a_colour_image_is_found(fields: list[Any]) -> None:
    picture = np.dstack([fields[1]] * 3)
    picture[20:25, 30:90] = (255, 255, 0)
    assert [found.kind for found in find_burnt_in(picture)] == ["bar"]


def test_refusal_names_image_place_and_remedy(fields: list[Any]) -> None:
    require_nothing_burnt_in(fields[2], "a.png")
    with pytest.raises(InvalidInputError, match=r"a\.png: a text is drawn.*columns 220 to 253.*excluded"):
        require_nothing_burnt_in(labelled(fields[2]), "a.png")


def test_lines_of_a_chamber_flat_images_and_overexposed_spots_are_no_drawing() -> None:
    assert find_burnt_in(np.zeros((64, 64), np.uint8)) == ()
    field = np.random.default_rng(2).normal(100, 3, (220, 220)).clip(0, 255).astype(np.uint8)
    field[:, 40:44] = 255
    field[150:153, :] = 255
    spots = Image.fromarray(field)
    for left, top in ((60, 20), (100, 80), (170, 180)):
        ImageDraw.Draw(spots).ellipse((left, top, left + 14, top + 14), fill=255)
    assert find_burnt_in(np.asarray(spots)) == ()


@pytest.mark.skipif(not LDC.is_dir(), reason="the set of living and dead cells is not in ../shared/data")
def test_real_images_without_drawings_are_clean() -> None:
    for path in sorted(LDC.glob("*.png"))[::20]:
        assert find_burnt_in(decode(path.read_bytes(), name=path.name).samples) == (), path.name
