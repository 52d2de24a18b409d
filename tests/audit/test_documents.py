"""The documents for auditors name only tests and files that exist, and never claim more than support."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nesqc_gmp.records.entry import CONTENT_KINDS
from nesqc_gmp.records.signatures import _LABELS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted((ROOT / "audit").glob("*.md"))


def test_every_test_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", "".join(d.read_text("utf-8") for d in DOCUMENTS))
    assert len(named) > 30
    for path, function in named:
        assert f"def {function}" in (ROOT / path).read_text("utf-8"), f"{path}::{function}"


@pytest.mark.requirement("UR-AUDIT-19", reviewed="57e13078")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_nothing_is_called_compliant(document: Path) -> None:
    assert "complian" not in document.read_text("utf-8").casefold()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_named_beside_the_document_exist(document: Path) -> None:
    for name in re.findall(r"`([\w-]+\.(?:md|sh))`", document.read_text("utf-8")):
        if name != "CARD.md":
            assert (ROOT / "audit" / name).is_file(), name


def test_the_formats_name_the_content_kinds_and_the_labels_of_a_statement() -> None:
    text = (ROOT / "audit" / "byte-formats.md").read_text("utf-8")
    section = text.split("## Content digest")[1].split("## ")[0]
    assert set(re.findall(r"`([a-z]+_[a-z_]+)`", section)) == CONTENT_KINDS
    block = text.split("```text\n")[1].split("```")[0]
    assert re.findall(r"^([A-Z][^:\n]*):", block, re.MULTILINE) == [*_LABELS, "Summary"]
