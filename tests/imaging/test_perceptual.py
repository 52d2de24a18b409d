"""Near copies are near, other images are far; the eight orientations follow from the hash alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from nesqc_gmp.imaging.area import area_means
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.duplicates import KnownImages
from nesqc_gmp.imaging.frame import Samples
from nesqc_gmp.imaging.perceptual import (
    NEAR_DUPLICATE_DISTANCE,
    NO_STRUCTURE,
    orientations,
    perceptual_distance,
    perceptual_hash,
)
from nesqc_gmp.records.images import FrameFacts, KnownImage

DATA = Path(__file__).parents[3] / "shared" / "data"


def texture(seed: int, edge: int = 256, grain: float = 4.0) -> Samples:
    """A simulated texture: smoothed noise with an even range."""
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.fftfreq(edge)[None, :])
    smoothing = np.exp(-2 * (np.pi * grain * frequency) ** 2)
    white = np.random.default_rng(seed).normal(size=(edge, edge))
    noise = np.fft.ifft2(np.fft.fft2(white) * smoothing).real
    noise = (noise - noise.min()) / np.ptp(noise)
    return np.rint(30 + 180 * noise).astype(np.uint8)


ORIENTATIONS = tuple(
    (lambda samples, turns=turns, mirror=mirror: np.rot90(samples.T if mirror else samples, turns))
    for mirror in (False, True)
    for turns in range(4)
)


def test_area_means_by_hand() -> None:
    """Three pixels on two cells: the middle one counts half on both sides."""
    np.testing.assert_allclose(area_means(np.array([[0.0, 3.0, 6.0]]), 1, 2), [[1.0, 5.0]])
    np.testing.assert_allclose(area_means(np.array([[2.0], [4.0]]), 4, 1), [[2.0], [2.0], [4.0], [4.0]])


def test_area_means_of_whole_blocks_equal_numpy() -> None:
    image = np.random.default_rng(1).random((96, 64))
    np.testing.assert_allclose(area_means(image, 32, 16), image.reshape(32, 3, 16, 4).mean(axis=(1, 3)), rtol=1e-12)


def dct_by_fft(values: np.ndarray) -> np.ndarray:
    """DCT-II along the last axis by the Fourier transform of the mirrored values (Makhoul 1980)."""
    count = values.shape[-1]
    spectrum = np.fft.fft(np.concatenate([values, values[..., ::-1]], axis=-1))[..., :count]
    return (spectrum * np.exp(-0.5j * np.pi * np.arange(count) / count)).real


def test_hash_equals_the_definition_by_another_transform() -> None:
    """Signs of the transform of the squashed block means, row by row, without the mean, then a 1."""
    samples = texture(3)
    cells = (samples / 255.0).reshape(64, 4, 64, 4).mean(axis=(1, 3))
    squashed = np.tanh((cells - np.median(cells)) / cells.std())
    block = dct_by_fft(dct_by_fft(squashed).T).T[:8, :8].reshape(-1)[1:] > 0
    bits = "".join("1" if bit else "0" for bit in block) + "1"
    assert perceptual_hash(samples) == f"{int(bits, 2):016x}"


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("seed", range(5))
def test_rotations_and_reflections_are_exact(turn: object, seed: int) -> None:
    samples = texture(seed)[:200, :240]
    turned = np.ascontiguousarray(turn(samples))  # type: ignore[operator]
    assert perceptual_distance(perceptual_hash(samples), perceptual_hash(turned)) <= 1


def resaved(samples: Samples, quality: int) -> Samples:
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def resized(samples: Samples, factor: float) -> Samples:
    edge = round(samples.shape[0] * factor)
    return np.array(Image.fromarray(samples).resize((edge, edge), Image.Resampling.BILINEAR))


CHANGES = {
    "JPEG 80": lambda samples: resaved(samples, 80),
    "JPEG 95": lambda samples: resaved(samples, 95),
    "smaller": lambda samples: resized(samples, 0.8),
    "larger": lambda samples: resized(samples, 1.15),
    "brighter": lambda samples: np.clip(samples.astype(int) + 25, 0, 255).astype(np.uint8),
    "less contrast": lambda samples: np.array(ImageEnhance.Contrast(Image.fromarray(samples)).enhance(0.7)),
    "more contrast": lambda samples: np.array(ImageEnhance.Contrast(Image.fromarray(samples)).enhance(1.3)),
    "16 bits": lambda samples: samples.astype(np.uint16) * 257,
    "RGB": lambda samples: np.dstack([samples] * 3),
    "rotated and saved again": lambda samples: resaved(np.rot90(samples).copy(), 80),
}


@pytest.mark.requirement("UR-BATCHES-07", reviewed="fa7af97d")
@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_near(change: str) -> None:
    for seed in range(8):
        samples = texture(seed)
        distance = perceptual_distance(perceptual_hash(samples), perceptual_hash(CHANGES[change](samples)))
        assert distance <= NEAR_DUPLICATE_DISTANCE, (seed, distance)


def test_other_simulated_textures_are_far() -> None:
    hashes = [perceptual_hash(texture(seed, edge=128)) for seed in range(60)]
    distances = [perceptual_distance(a, b) for place, a in enumerate(hashes) for b in hashes[:place]]
    assert min(distances) > NEAR_DUPLICATE_DISTANCE


def test_flat_images_are_near_to_nothing_and_white_noise_is_not_near_to_noise() -> None:
    flat = [np.full((64, 64), value, np.uint8) for value in (0, 128, 255)]
    assert {perceptual_hash(samples) for samples in flat} == {NO_STRUCTURE}
    assert perceptual_distance(NO_STRUCTURE, NO_STRUCTURE) == 64
    generator = np.random.default_rng(5)
    empty = [generator.normal(128, 4, (256, 256)).clip(0, 255).astype(np.uint8) for _ in range(12)]
    hashes = [perceptual_hash(samples) for samples in empty]
    distances = [perceptual_distance(a, b) for place, a in enumerate(hashes) for b in hashes[:place]]
    assert min(distances) > NEAR_DUPLICATE_DISTANCE


def test_distance_is_symmetric_and_zero_only_to_itself_among_orientations() -> None:
    first, second = perceptual_hash(texture(1)), perceptual_hash(texture(2))
    assert perceptual_distance(first, first) == 0
    assert perceptual_distance(first, second) == perceptual_distance(second, first)


def facts(samples: Samples) -> FrameFacts:
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "PNG")
    return decode(stream.getvalue(), name="a.png").facts


def known(of: FrameFacts, image: str, **changes: str) -> KnownImage:
    values = {"sha256": of.sha256, "pixels_sha256": of.pixels_sha256, "perceptual_hash": of.perceptual_hash}
    return KnownImage(**(values | {"batch": "B-1", "image": image} | changes))


def test_each_duplicate_has_its_strongest_kind() -> None:
    new = facts(texture(1))
    other = "0" * 64
    near = facts(resaved(texture(1), 80))
    images = KnownImages()
    assert images.like(new) == ()
    images.add(
        [
            known(new, "bytes"),
            known(new, "pixels", sha256=other),
            known(near, "near"),
            known(facts(texture(2)), "far"),
            known(new, "flat", sha256=other, pixels_sha256=other, perceptual_hash=NO_STRUCTURE),
        ]
    )
    found = images.like(new)
    assert [(each.image, each.kind) for each in found] == [
        ("bytes", "same bytes"),
        ("pixels", "same pixels"),
        ("near", "near copy"),
    ]
    assert found[0].distance == found[1].distance == 0
    assert 0 <= found[2].distance <= NEAR_DUPLICATE_DISTANCE


@pytest.mark.requirement("UR-BATCHES-07", reviewed="fa7af97d")
def test_search_of_many_is_the_definition_pair_by_pair() -> None:
    """3,000 hashes drawn around a few, flat ones among them, in two helpings; the distance of each pair by itself."""
    generator = np.random.default_rng(7)
    centres = generator.integers(0, 2**63, 5, dtype=np.uint64)
    flips = [
        sum(1 << int(bit) for bit in set(generator.integers(1, 64, int(count))))
        for count in generator.integers(0, 20, 3000)
    ]
    texts = [f"{(int(centres[n % 5]) ^ flip) | 1:016x}" for n, flip in enumerate(flips)]
    texts[::50] = [NO_STRUCTURE] * 60
    base = facts(texture(1))
    everything = [
        known(base, f"I{n}", sha256=f"{n:064x}", pixels_sha256=f"{n:064x}", perceptual_hash=text)
        for n, text in enumerate(texts)
    ]
    images = KnownImages()
    images.add(everything[:700])
    images.add(iter(everything[700:]))
    turned = [orientations(texts[7])[5], orientations(texts[8])[3]]
    for text in [*texts[:12], *(f"{value:016x}" for value in turned), NO_STRUCTURE]:
        new = base.model_copy(update={"perceptual_hash": text})
        distances = [(n, perceptual_distance(text, other)) for n, other in enumerate(texts)]
        expected = [(f"I{n}", distance) for n, distance in distances if distance <= NEAR_DUPLICATE_DISTANCE]
        assert [(each.image, each.distance) for each in images.like(new)] == expected
        assert {each.kind for each in images.like(new)} <= {"near copy"}
        assert (len(expected) > 0) == (text != NO_STRUCTURE)


def test_limit_on_phase_contrast_tiles() -> None:
    """The 25 tiles of one mosaic overlap by a tenth and are all different; the three mosaics repeat the tiles."""
    folder = DATA / "phase16" / "tiles"
    if not folder.is_dir():
        pytest.skip("the phase-contrast tiles of ../shared/data are not on this machine")
    first = [decode(file.read_bytes(), name=file.name).facts for file in sorted(folder.glob("*t01_*.tif"))]
    second = [decode(file.read_bytes(), name=file.name).facts for file in sorted(folder.glob("*t02_*.tif"))]
    for place, one in enumerate(first):
        for other in first[:place]:
            assert perceptual_distance(one.perceptual_hash, other.perceptual_hash) > NEAR_DUPLICATE_DISTANCE
        assert one.pixels_sha256 == second[place].pixels_sha256
