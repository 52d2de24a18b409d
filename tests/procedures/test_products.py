"""Specifications: who approves them, what is refused by name, and that a version is never changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import InvalidInputError, ModelRefusedError, NotAuthorisedError, OutOfSequenceError
from nesqc_gmp.procedures import models, people, products
from tests.conftest import test_specification

SOP = Path(__file__).parents[2] / "sops" / "SOP-02-products.md"
WHY = "Needed for the tests"


def specification(world: Any, **changes: Any) -> Any:
    (model,) = models.models(world.session("qa")).values()
    return test_specification(model, product="NES-X", **changes)


@pytest.mark.requirement("UR-PRODUCTS-01", reviewed="5807be34", negative=True)
def test_nobody_approves_their_own_draft(ready: Any) -> None:
    """QA as well as reviewer may be one person; still another person approves."""
    people.grant(ready.session("qa"), "r.ozdemir", "qa", "TR-9", None, WHY, ready.signs("qa"))
    name = products.draft(ready.session("reviewer"), specification(ready))
    with pytest.raises(NotAuthorisedError, match="nobody approves their own draft"):
        products.approve(ready.session("reviewer"), name, WHY, ready.signs("reviewer"))
    assert products.specifications(ready.session("qa"))[name].standing == "drafted"
    products.approve(ready.session("qa"), name, WHY, ready.signs("qa"))
    assert products.specifications(ready.session("qa"))[name].standing == "approved"


@pytest.mark.requirement("UR-PRODUCTS-01", reviewed="5807be34")
def test_a_version_is_never_drafted_twice_nor_left_out(ready: Any) -> None:
    session = ready.session("scientist")
    for version, fits in ((2, False), (1, True), (1, False), (3, False), (2, True)):
        draft = specification(ready, version=version)
        if fits:
            products.draft(session, draft)
        else:
            with pytest.raises(OutOfSequenceError, match="the next version of NES-X is"):
                products.draft(session, draft)
    assert len(ready.entries("specification_drafted")) == 3


@pytest.mark.requirement("UR-PRODUCTS-02", reviewed="dea341fc", negative=True)
def test_another_model_than_the_named_one_is_refused(ready: Any) -> None:
    """The digest decides; a name and a version that do not belong to it are refused, and so is an unknown digest."""
    session, qa = ready.session("scientist"), ready.session("qa")
    wrong_name = products.draft(session, specification(ready, test={"model_version": "9.9.9"}))
    with pytest.raises(InvalidInputError, match="the digest belongs to"):
        products.approve(qa, wrong_name, WHY, ready.signs("qa"))
    unknown = products.draft(session, specification(ready, version=2, test={"model_sha256": "0" * 64}))
    with pytest.raises(ModelRefusedError):
        products.approve(qa, unknown, WHY, ready.signs("qa"))
    assert len(ready.entries("specification_approved")) == 1


@pytest.mark.requirement("UR-PRODUCTS-04", reviewed="d20b7bfa", negative=True)
@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("valid_images_min = 4", "valid_image_min = 4", "valid_image_min"),
        ("valid_images_min = 4", "", "valid_images_min"),
        ('conforming_share_min = "0.90"', 'conforming_share_min = "90 %"', "conforming_share_min"),
        ("retention_years = 30", "retention_years = 0", "retention_years"),
        ('undecided_images = "two readings"', 'undecided_images = "pass"', "undecided_images"),
    ],
    ids=["unknown", "missing", "no number", "out of range", "no such rule"],
)
def test_a_wrong_field_is_named(old: str, new: str, field: str, tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", SOP.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "NES-01.v1.toml"
    file.write_text(text, "utf-8")
    assert products.read_specification(file).identifier == "NES-01.v1"
    file.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(InvalidInputError, match=field) as refused:
        products.read_specification(file)
    assert refused.value.where == str(file)
    assert refused.value.remedy
