"""The documents hold together: links lead somewhere, examples load, names exist, words are honest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from nesqc_gmp.decision.input_space import require_within
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.procedures.intended_use import read_intended_use
from nesqc_gmp.procedures.model_tests import read_plan
from nesqc_gmp.procedures.products import read_specification
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.model_tests import Metric
from tests.docs.commands import DOCUMENTS, ROOT

NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

CLAIMS = re.compile(r"\b(compliant|compliance|complies|comply|certified by|guarantees? compliance)\b", re.IGNORECASE)
"""Words that claim what only an inspection could find."""

MACHINES = re.compile(r"(?<![\w.])/(work|root|home|opt|srv|mnt|Users)/|pythonhosted|pypi\.org|localhost|127\.0\.0\.1")
"""Hosts of package registries and paths of one computer."""


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().casefold()).replace(" ", "-")


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", _without_code(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.is_relative_to(ROOT), target
        assert found.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), re.MULTILINE)
            assert fragment in map(_anchor, headings), target


@pytest.mark.requirement("UR-AUDIT-19", reviewed="57e13078")
@pytest.mark.parametrize("name", NAMES)
def test_no_document_claims_what_an_inspection_finds(name: str) -> None:
    assert not CLAIMS.findall((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_no_document_names_a_registry_or_a_path_of_one_computer(name: str) -> None:
    assert not MACHINES.findall((ROOT / name).read_text("utf-8"))


def test_what_is_searched_for_would_be_found() -> None:
    assert CLAIMS.search("This software is compliant with Part 11.")
    assert MACHINES.search("see /" + "root/notes")
    assert not MACHINES.search("models/home/x")


def test_the_first_screen_says_what_it_is_not() -> None:
    first_screen = (ROOT / "README.md").read_text("utf-8").split("\n## ", 1)[0]
    words = ("not for GMP use", "simulated", "Designed to support", "consultation draft of 7 July 2025")
    assert [word for word in words if word not in " ".join(first_screen.split())] == []


def test_the_example_specification_loads_and_names_the_shipped_model(tmp_path: Path) -> None:
    text = (ROOT / "sops" / "SOP-02-products.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "NES-01.v1.toml"
    file.write_text(example, "utf-8")
    specification = read_specification(file)
    test = specification.morphology
    manifest = (ROOT / "models" / f"{test.model}-{test.model_version}" / "manifest.json").read_bytes()
    assert specification.identifier == "NES-01.v1"
    assert test.model_sha256 == sha256_hex(manifest)
    assert specification.input_space.model_dump(mode="json") == json.loads(manifest)["input_space"]


def test_the_example_of_an_intended_use_loads_and_stays_inside_the_shipped_model(tmp_path: Path) -> None:
    text = (ROOT / "sops" / "SOP-04-models.md").read_text("utf-8")
    (example,) = (block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "cell_type" in block)
    file = tmp_path / "intended-use.toml"
    file.write_text(example, "utf-8")
    manifest = (ROOT / "models" / "nes-morphology-sim-1.1.0" / "manifest.json").read_text("utf-8")
    locked = InputSpace.model_validate_json(json.dumps(json.loads(manifest)["input_space"]))
    require_within(read_intended_use(file).input_space, locked)


def test_the_example_of_a_test_plan_loads_and_has_every_kind_of_figure_once_for_all_images(tmp_path: Path) -> None:
    text = (ROOT / "sops" / "SOP-04-models.md").read_text("utf-8")
    (example,) = (block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "criteria" in block)
    file = tmp_path / "plan.toml"
    file.write_text(example, "utf-8")
    plan = read_plan(file)
    shown = {each.metric for each in plan.criteria if each.subgroup is None}
    assert shown == set(get_args(Metric)) - {"not missed"}
    assert any(each.subgroup for each in plan.criteria)


def test_every_named_test_exists() -> None:
    text = (ROOT / "audit" / "how-this-is-tested.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) >= 20
    for file, test in named:
        source = (ROOT / file).read_text("utf-8")
        assert not test or f"def {test}(" in source, f"{file}::{test}"


@pytest.mark.parametrize("picture", ["terminal.png", "certificate-1.png", "certificate-2.png"])
def test_pictures_are_there_and_small(picture: str) -> None:
    data = (ROOT / "audit" / "pictures" / picture).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) < 400_000
