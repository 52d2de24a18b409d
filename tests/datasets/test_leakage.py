"""Copies across splits: planted ones of every kind, and the real ones of the set of living and dead cells."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nesqc_gmp.datasets.leakage import CopyPair, Fingerprint, find_copies, fingerprint, require_no_leakage
from nesqc_gmp.errors import ImageRejectedError, InvalidInputError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.simulation.culture import unlabelled
from nesqc_gmp.simulation.look import draw_look

LDC = Path(__file__).resolve().parents[3] / "shared" / "data" / "ldc" / "images"


def marked(name: str, samples: Any) -> Fingerprint:
    own = hashlib.sha256(name.encode()).hexdigest()
    return fingerprint(name, own, own, np.ascontiguousarray(samples))


@pytest.fixture(scope="module")
def pictures() -> list[Any]:
    """Fields of six simulated cultures, cut to 256 pixels."""
    return [
        unlabelled(seed, good=seed % 2 == 0, severity=0.5 * (seed % 2), culture=draw_look(seed))[:256, :256]
        for seed in range(6)
    ]


def saved_again(samples: Any) -> Any:
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "JPEG", quality=80)
    return np.asarray(Image.open(io.BytesIO(stream.getvalue())))


PLANTED: dict[str, Callable[[Any], Any]] = {
    "saved again as JPEG": saved_again,
    "turned by 90 degrees": np.rot90,
    "turned by 270 degrees and mirrored": lambda s: np.rot90(s, 3)[:, ::-1],
    "mirrored": lambda s: s[:, ::-1],
    "brighter": lambda s: np.clip(s * 1.2, 0, 255).astype(np.uint8),
    "less contrast": lambda s: (s * 0.7 + 30).astype(np.uint8),
    "cut to 80 %": lambda s: s[20:249, 15:244],
    "cut to 60 %": lambda s: s[5:203, 50:248],
    "cut to 60 %, mirrored and turned": lambda s: np.rot90(s[5:203, 50:248][:, ::-1], 3),
    "cut to 80 %, turned": lambda s: np.rot90(s[20:249, 15:244]),
}


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("source", [0, 3])
def test_planted_copy_is_found_and_no_other(kind: str, source: int, pictures: list[Any]) -> None:
    images = [marked(str(number), samples) for number, samples in enumerate(pictures)]
    planted = marked("planted", PLANTED[kind](pictures[source]))
    assert {frozenset((p.first, p.second)) for p in find_copies([*images, planted])} == {
        frozenset((str(source), "planted"))
    }


def test_images_that_share_only_a_line_of_the_chamber_are_no_copies() -> None:
    generator = np.random.default_rng(4)
    images = []
    for name in ("one", "other"):
        field = generator.normal(100, 2, (220, 220))
        field[:, 40:44] = 30
        field[150:153, :] = 180
        for row, column in generator.integers(20, 200, (6, 2)):
            field[row - 6 : row + 6, column - 6 : column + 6] += generator.normal(60, 25, (12, 12))
        images.append(marked(name, field.clip(0, 255).astype(np.uint8)))
    assert find_copies(images) == ()


@pytest.mark.requirement("UR-MODELS-23", reviewed="fd438ad3", negative=True)
def test_every_planted_copy_across_splits_is_listed(pictures: list[Any]) -> None:
    images = [marked(str(number), samples) for number, samples in enumerate(pictures)]
    planted = [marked(f"copy by {kind}", change(pictures[2])) for kind, change in PLANTED.items()]
    split_of = {image.name: "training" for image in images} | {image.name: "test" for image in planted}
    with pytest.raises(InvalidInputError) as refusal:
        require_no_leakage(find_copies([*images, *planted]), split_of)
    for image in planted:
        assert f"2 (training) and {image.name} (test)" in str(refusal.value)


def test_no_images_and_one_image_have_no_copies(pictures: list[Any]) -> None:
    assert find_copies([]) == ()
    assert find_copies([marked("one", pictures[0])]) == ()


def test_flat_images_of_different_level_are_no_copies() -> None:
    assert find_copies([marked(str(v), np.full((64, 80), v, np.uint8)) for v in (0, 40, 255)]) == ()


def test_leakage_lists_the_pairs_with_their_splits() -> None:
    pairs = (CopyPair("a", "b", "same pixels", "00ff"), CopyPair("a", "c", "near copy", "3 of 63 bits differ"))
    require_no_leakage(pairs, {"a": "training", "b": "training", "c": "training"})
    with pytest.raises(InvalidInputError) as refusal:
        require_no_leakage(pairs, {"a": "training", "b": "training", "c": "test"})
    assert "a (training) and c (test): near copy" in str(refusal.value)
    assert "b" not in re.findall(r"\b[abc]\b \(", str(refusal.value))


@pytest.mark.skipif(not LDC.is_dir(), reason="the set of living and dead cells is not in ../shared/data")
def test_real_duplicates_under_other_names_are_found() -> None:
    """Checked against plain equality of the decoded samples, over every image that is like its neighbour in size."""
    images, samples = [], {}
    for path in sorted(LDC.glob("image*25?.png")) + sorted(LDC.glob("image_100?.png")):
        data = path.read_bytes()
        try:
            frame = decode(data, name=path.name)
        except ImageRejectedError:
            continue
        samples[path.stem] = frame.samples
        facts = frame.facts
        images.append(fingerprint(path.stem, facts.sha256, facts.pixels_sha256, frame.samples))
    equal = {
        frozenset((a, b))
        for a in samples
        for b in samples
        if a < b and samples[a].shape == samples[b].shape and (samples[a] == samples[b]).all()
    }
    found = find_copies(images)
    assert len(equal) >= 5
    assert equal == {frozenset((p.first, p.second)) for p in found if p.kind in {"same bytes", "same pixels"}}
    assert Counter(p.kind for p in found)["same bytes"] + Counter(p.kind for p in found)["same pixels"] == len(equal)


def test_near_hashes_alone_make_no_copy(pictures: list[Any]) -> None:
    """Two fields whose hashes are made equal: nothing else agrees, so they are no copies."""
    first, second = (marked(name, picture) for name, picture in zip("ab", pictures[:2], strict=True))
    forged = dataclasses.replace(second, perceptual=first.perceptual)
    assert find_copies([first, forged]) == ()


@pytest.mark.parametrize("shape", [(31, 90), (33, 32), (220, 219)])
def test_small_pictures_of_any_size_are_means_of_parts(shape: tuple[int, int]) -> None:
    """The bright pixels of one corner stand out in the same corner, whatever the size of the image."""
    picture = np.full(shape, 1000, np.uint16)
    picture[: shape[0] // 16, -shape[1] // 16 :] = 32_000
    small = marked("corner", picture).small
    assert small.shape == (32, 32)
    assert np.isfinite(small).all()
    row, column = np.unravel_index(small.argmax(), small.shape)
    assert row <= 2
    assert column >= 29
