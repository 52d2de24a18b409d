"""Wrong labels estimated from copies: by hand, and by drawing labels."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra [train]); nothing can be trained here")
pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); nothing can be exported here")

from nesqc_gmp.statistics.auroc import auroc
from nesqc_gmp.training.label_noise import label_noise


def test_label_noise_by_hand() -> None:
    """2 e (1 - e) = 0.18 gives e = 0.1; with both classes equally many the AUROC is 1 - e."""
    found = label_noise(18, 100, 0.5)
    assert found == pytest.approx((0.1, 0.9))


def test_a_faultless_model_has_that_auroc_against_drawn_labels() -> None:
    random = np.random.default_rng(1)
    truth = random.random(200_000) < 0.7
    labels = truth ^ (random.random(200_000) < 0.08)
    copies = truth ^ (random.random(200_000) < 0.08)
    found = label_noise(int((labels != copies).sum()), 200_000, float(labels.mean()))
    assert found is not None
    assert found[0] == pytest.approx(0.08, abs=0.003)
    assert found[1] == pytest.approx(auroc(labels, truth.astype(float)), abs=0.005)


@pytest.mark.parametrize(("conflicting", "pairs"), [(0, 0), (50, 100), (80, 100)])
def test_nothing_is_estimated_from_no_copies_or_from_chance(conflicting: int, pairs: int) -> None:
    assert label_noise(conflicting, pairs, 0.5) is None
