"""The shipped demonstration package opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.modelpack.package import LockedModel, open_package
from nesqc_gmp.records.images import AttemptReceipt

SHIPPED = Path(__file__).parents[2] / "models" / "nes-morphology-sim-1.1.0"


@pytest.fixture(scope="session")
def shipped() -> LockedModel:
    return open_package(SHIPPED)


@pytest.fixture(scope="session")
def engine(shipped: LockedModel) -> Engine:
    return Engine(shipped)


@pytest.fixture(scope="session")
def receipt() -> AttemptReceipt:
    return AttemptReceipt(record="B-1", attempt=1, index=0, checkpoint="test only")
