"""Image statistics: moments and energies by hand, and images unlike the development images are far from them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nesqc_gmp.imaging.frame import Samples
from nesqc_gmp.imaging.statistics import STATISTICS_NAMES, image_statistics, statistics_distance


def culture(seed: int, edge: int = 256) -> Samples:
    """A simulated culture: round bright cells with dark rims on gray, blurred by a pixel, with camera noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:edge, :edge].astype(float)
    field = np.full((edge, edge), 120.0)
    for _ in range(edge * edge // 800):
        cy, cx, radius = *generator.uniform(0, edge, 2), generator.uniform(7, 10)
        top, left = (int(max(0, centre - 24)) for centre in (cy, cx))
        part = np.s_[top : top + 48, left : left + 48]
        distance = np.hypot(y[part] - cy, x[part] - cx)
        field[part] += 60 * np.exp(-((distance / radius) ** 2)) - 35 * np.exp(-(((distance - radius) / 2) ** 2))
    return np.rint(field + generator.normal(0, 2, field.shape)).clip(1, 254).astype(np.uint8)


def value(samples: Samples, name: str) -> float:
    return float(image_statistics(samples)[STATISTICS_NAMES.index(name)])


def resized(samples: Samples, factor: float) -> Samples:
    edge = round(samples.shape[0] * factor)
    return np.array(Image.fromarray(samples).resize((edge, edge), Image.Resampling.BICUBIC))


def compressed(samples: Samples) -> Samples:
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "JPEG", quality=10)
    return np.array(Image.open(stream))


def blurred(samples: Samples) -> Samples:
    padded = np.pad(samples.astype(float), 2, mode="edge")
    shifted = [padded[r : r + samples.shape[0], c : c + samples.shape[1]] for r in range(5) for c in range(5)]
    return np.rint(np.mean(shifted, axis=0)).astype(np.uint8)


UNLIKE = {
    "white noise": lambda samples: np.random.default_rng(1).integers(0, 256, samples.shape, dtype=np.uint8),
    "camera noise": lambda samples: np.clip(
        samples + np.random.default_rng(1).normal(0, 25, samples.shape), 0, 255
    ).astype(np.uint8),
    "blur": blurred,
    "twice the magnification": lambda samples: resized(samples, 2.0)[:256, :256],
    "half the magnification": lambda samples: resized(samples, 0.5),
    "1.25 times the magnification": lambda samples: resized(samples, 1.25)[:256, :256],
    "inverted": lambda samples: 255 - samples,
    "JPEG 10": compressed,
    "empty": lambda samples: np.random.default_rng(1).normal(120, 2, samples.shape).astype(np.uint8),
    "overexposed": lambda samples: np.clip(samples.astype(int) * 2, 0, 255).astype(np.uint8),
    "flat": lambda samples: np.full_like(samples, 120),
    "half black": lambda samples: np.where(np.arange(samples.shape[1]) < samples.shape[1] // 2, 0, samples).astype(
        np.uint8
    ),
}


@pytest.fixture(scope="module")
def development() -> tuple[np.ndarray, np.ndarray, float]:
    """Mean and precision of 80 simulated cultures, and the largest distance of 40 others."""
    rows = np.array([image_statistics(culture(seed)) for seed in range(80)])
    covariance = np.cov(rows.T) + 1e-6 * np.eye(len(STATISTICS_NAMES))
    mean, precision = rows.mean(axis=0), np.linalg.inv(covariance)
    others = [statistics_distance(image_statistics(culture(seed)), mean, precision) for seed in range(100, 140)]
    return mean, precision, max(others)


@pytest.mark.parametrize("kind", UNLIKE)
def test_unlike_images_are_farther_than_any_other_culture(
    kind: str, development: tuple[np.ndarray, np.ndarray, float]
) -> None:
    mean, precision, limit = development
    for seed in range(200, 206):
        distance = statistics_distance(image_statistics(UNLIKE[kind](culture(seed))), mean, precision)
        assert distance > 1.5 * limit, (seed, distance, limit)


def test_larger_field_of_the_same_culture_is_inside(development: tuple[np.ndarray, np.ndarray, float]) -> None:
    mean, precision, limit = development
    for seed in range(3):
        assert statistics_distance(image_statistics(culture(seed, edge=512)), mean, precision) < 1.5 * limit


def test_bit_depth_changes_nothing() -> None:
    samples = culture(1)
    np.testing.assert_array_equal(image_statistics(samples.astype(np.uint16) * 257), image_statistics(samples))


def test_moments_by_hand() -> None:
    """A tenth of the pixels at 200, the rest at 100: p = 0.1 gives skewness 8 / 3 and kurtosis 3 + 46 / 9."""
    samples = np.full((100, 100), 100, np.uint8)
    samples[::10] = 200
    assert value(samples, "skewness") == pytest.approx(0.8 / 0.3)
    assert 10 ** value(samples, "log kurtosis") == pytest.approx(3 + 0.46 / 0.09)
    assert 10 ** value(samples, "log contrast") == pytest.approx(100 * 0.3 / 110)


@pytest.mark.parametrize("shape", [(512, 512), (2049, 40), (2050, 40), (2081, 33), (32, 32), (33, 3000), (150, 700)])
def test_bands_of_rows_add_up_to_the_whole_image(shape: tuple[int, int]) -> None:
    """Against the definitions written down over the whole image in 64-bit floats."""
    samples = np.random.default_rng(shape[0]).integers(0, 65_536, shape, dtype=np.uint16)
    centred = (samples - samples.mean()) / samples.std()
    laplacian = -4 * centred[1:-1, 1:-1]
    laplacian += centred[:-2, 1:-1] + centred[2:, 1:-1] + centred[1:-1, :-2] + centred[1:-1, 2:]
    rows, columns = (edge // 32 for edge in shape)
    blocks = centred[: 32 * rows, : 32 * columns].reshape(rows, 32, columns, 32).std(axis=(1, 3))
    gradient = (np.diff(centred, axis=0) ** 2).mean() + (np.diff(centred, axis=1) ** 2).mean()
    expected = {
        "log contrast": np.log10(samples.std() / samples.mean()),
        "skewness": (centred**3).mean(),
        "log kurtosis": np.log10((centred**4).mean()),
        "log gradient energy": np.log10(gradient),
        "log Laplacian energy": np.log10((laplacian**2).mean()),
        "skewness of the Laplacian": (laplacian**3).mean() / (laplacian**2).mean() ** 1.5,
        "log kurtosis of the Laplacian": np.log10((laplacian**4).mean() / (laplacian**2).mean() ** 2),
        "variation of block contrast": blocks.std() / blocks.mean(),
    }
    for name, wanted in expected.items():
        assert value(samples, name) == pytest.approx(wanted, abs=2e-5), name


def test_wave_has_its_power_in_its_band() -> None:
    for frequency, band in ((0.03, 0), (0.06, 1), (0.12, 2), (0.2, 3), (0.3, 4), (0.45, 5)):
        wave = 128 + 60 * np.sin(2 * np.pi * frequency * np.arange(256))
        statistics = image_statistics(np.tile(np.rint(wave).astype(np.uint8), (256, 1)))
        assert int(np.argmax(statistics[5:11])) == band
        assert 10 ** statistics[5 + band] > 0.9


def test_always_finite_and_sixteen() -> None:
    assert len(STATISTICS_NAMES) == len(set(STATISTICS_NAMES)) == 16
    for level in (0, 7, 255):
        for shape in ((32, 32), (32, 500), (33, 47), (2049, 40)):
            statistics = image_statistics(np.full(shape, level, np.uint8))
            assert statistics.shape == (16,)
            assert np.isfinite(statistics).all()


def test_distance_by_hand() -> None:
    """Difference (1, 2) with precision ((4, 1), (1, 9)): 4 + 2 + 2 + 36 = 44."""
    precision = np.array([[4.0, 1.0], [1.0, 9.0]])
    distance = statistics_distance(np.array([2.0, 2.0]), np.array([1.0, 0.0]), precision)
    assert distance == pytest.approx(44**0.5)
    assert statistics_distance(np.zeros(2), np.zeros(2), precision) == 0.0
