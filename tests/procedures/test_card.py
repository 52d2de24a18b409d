"""The card of a model: printed as it was locked, and not at all where a byte was altered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.procedures import models

SHIPPED = Path(__file__).parents[2] / "models" / "nes-morphology-sim-1.1.0"
NAME = "nes-morphology-sim:1.1.0"


def test_card_as_locked_or_not_at_all(ready: Any) -> None:
    data = (SHIPPED / "CARD.md").read_bytes()
    assert models.card(ready.session("auditor"), NAME).encode() == data
    digest = next(p.sha256 for p in ready.entries("model_installed")[0].record.manifest.parts if p.path == "CARD.md")
    kept = ready.site.objects.path(digest)
    kept.unlink()  # linked to the other copies of the site: replaced, not changed in place
    kept.write_bytes(data.replace(b"a", b"b", 1))
    with pytest.raises(ModelRefusedError, match="altered"):
        models.card(ready.session("auditor"), NAME)
