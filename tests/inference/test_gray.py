"""Gray samples in whole numbers: compared with Pillow and with Python's own integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nesqc_gmp.inference.gray import BLUE, GREEN, RED, gray_samples


def test_the_weights_add_up() -> None:
    assert RED + GREEN + BLUE == 65_536


@given(red=st.integers(0, 65_535), green=st.integers(0, 65_535), blue=st.integers(0, 65_535))
@settings(max_examples=50, deadline=None)
def test_gray_of_sixteen_bit_rgb_is_that_of_unbounded_integers(red: int, green: int, blue: int) -> None:
    gray = gray_samples(np.array([[[red, green, blue]]], dtype=np.uint16))
    assert int(gray[0, 0]) == (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) // 65_536


def test_gray_of_eight_bit_rgb_is_pillows() -> None:
    """Pillow rounds to 8 bits; ours keeps 16, so the two agree to half a step of 257."""
    samples = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    pillow = np.asarray(Image.fromarray(samples).convert("L")).astype(int) * 257
    assert int(np.abs(gray_samples(samples).astype(int) - pillow).max()) <= 129


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (1, 257), (255, 65_535)])
def test_eight_bits_fill_sixteen(value: int, expected: int) -> None:
    assert int(gray_samples(np.full((1, 1), value, dtype=np.uint8))[0, 0]) == expected
    assert int(gray_samples(np.full((1, 1, 3), value, dtype=np.uint8))[0, 0]) == expected
