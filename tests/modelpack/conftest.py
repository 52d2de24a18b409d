"""The shipped demonstration package as files in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from nesqc_gmp.modelpack.package import LockedModel, open_package

SHIPPED = Path(__file__).parents[2] / "models" / "nes-morphology-sim-1.1.0"


@pytest.fixture(scope="session")
def shipped() -> LockedModel:
    return open_package(SHIPPED)
