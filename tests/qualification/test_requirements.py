"""Requirements and the map of clauses as files: what is read, and each fault named by file, field and remedy."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import get_args

import pytest

from nesqc_gmp.cli import NOUNS
from nesqc_gmp.config import find_validation
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.qualification.clauses import read_clauses
from nesqc_gmp.qualification.requirements import Level, Risk, read_requirement, read_requirements

VALIDATION = Path(__file__).parents[2] / "validation"

REQUIREMENT = """\
id = "UR-AUDIT-03"
shall = "The system shall keep å record."
rationale = "Because."
sources = ["P11-01", "T1"]
reviewed = "00000000"

[risk]
harm = "A record is lost"
severity = "high"
likelihood = "medium"
detectability = "low"

[verification]
method = "test"
"""

DOCUMENTS = """\
version = "1"
date = "2026-11-25"
note = "Drafts."

[[documents]]
id = "part-11"
title = "21 CFR Part 11"
status = "in force"
note = "Unchanged."

[[documents]]
id = "traps"
title = "Traps"
status = "observed"
note = "Seen."

"""
"""How every map of the tests of this folder begins."""

MAP = f"""\
{DOCUMENTS}[[clauses]]
id = "P11-01"
document = "part-11"
clause = "11.10(a)"
asks = "Altered records are found"
met = "yes"

[[clauses]]
id = "T1"
document = "traps"
clause = "T1"
asks = "A cut chain verifies"
met = "partly"
lacks = "Something"
site = "Looks"
"""


def written(folder: Path, text: str, name: str = "audit/UR-AUDIT-03.toml") -> Path:
    file = folder / "requirements" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def test_the_fingerprint_is_the_digest_of_the_canonical_text(tmp_path: Path) -> None:
    """Computed with ``hashlib`` and ``json`` over the fields written down here by hand, sorted by name."""
    content = {
        "id": "UR-AUDIT-03",
        "rationale": "Because.",
        "risk": {"detectability": "low", "harm": "A record is lost", "likelihood": "medium", "severity": "high"},
        "shall": "The system shall keep å record.",
        "sources": ["P11-01", "T1"],
        "verification": {"method": "test"},
    }
    canonical = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    found = read_requirement(written(tmp_path, REQUIREMENT))
    assert found.fingerprint == hashlib.sha256(canonical).hexdigest()[:8]
    reviewed = read_requirement(written(tmp_path, REQUIREMENT.replace("00000000", found.fingerprint)))
    assert reviewed.fingerprint == reviewed.reviewed == found.fingerprint
    assert found.noun == "audit"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("keep å record", "keep a record"),
        ('"Because."', '"Therefore."'),
        (', "T1"', ""),
        ('severity = "high"', 'severity = "low"'),
        ("is lost", "is gone"),
        ('method = "test"', 'method = "analysis"'),
    ],
)
def test_whatever_is_changed_changes_the_fingerprint(old: str, new: str, tmp_path: Path) -> None:
    before = read_requirement(written(tmp_path, REQUIREMENT)).fingerprint
    assert read_requirement(written(tmp_path, REQUIREMENT.replace(old, new))).fingerprint != before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rationale =", "because =", "because"),
        ('rationale = "Because."\n', "", "rationale"),
        ('severity = "high"', 'severity = "grave"', "risk.severity"),
        ("shall keep", "should keep", "shall: begin"),
        ("shall keep å record.", "shall keep a record", "full stop"),
        ("keep å record", "shall keep it", "shall: the word stands once"),
        ("Because.", "It shall be.", "shall: the word stands once"),
        ('["P11-01", "T1"]', "[]", "sources"),
        ('["P11-01", "T1"]', '["T1", "T1"]', "sources: a source is named twice"),
        ("00000000", "0000", "reviewed"),
        ("UR-AUDIT-03", "UR-03", "id"),
        ("UR-AUDIT-03", "UR-AUDIT-04", "id: UR-AUDIT-04 does not belong into this file"),
        ("UR-AUDIT-03", "UR-SITE-03", "id: UR-SITE-03 does not belong into this file"),
        ("[risk]", "[risk", "cannot be read"),
    ],
)
def test_a_wrong_requirement_is_refused_by_file_and_field(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert old in REQUIREMENT
    file = written(tmp_path, REQUIREMENT.replace(old, new))
    with pytest.raises(InvalidInputError, match=re.escape(words)) as refused:
        read_requirements(tmp_path)
    assert refused.value.where == str(file)
    assert refused.value.remedy


def test_no_requirements_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there are no requirements"):
        read_requirements(tmp_path)


def test_the_priority_is_that_of_the_tables_of_the_document() -> None:
    """The two tables as they are printed in ``validation/README.md``; all 27 ways a risk can be."""
    lines = (VALIDATION / "README.md").read_text("utf-8").split("\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    heads = ["likelihood high", "likelihood medium", "likelihood low"]
    levels = get_args(Level)
    at = next(number for number, row in enumerate(cells) if row[1:] == heads)
    classes = {row[0].removeprefix("severity "): row[1:] for row in cells[at + 2 : at + 5]}
    at = next(number for number, row in enumerate(cells) if row[1:] == [f"detectability {each}" for each in levels])
    priorities = {row[0]: row[1:] for row in cells[at + 2 : at + 5]}
    for severity in levels:
        for column, likelihood in enumerate(levels):
            for detectability, expected in zip(levels, priorities[classes[severity][column]], strict=True):
                risk = Risk(
                    harm="x", severity=severity, likelihood=likelihood, detectability=detectability
                )  # fmt: skip
                assert risk.priority == expected


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('id = "T1"', 'id = "P11-01"', "used twice: P11-01"),
        ('document = "traps"', 'document = "trips"', "there is none called trips"),
        ('lacks = "Something"\n', "", "lacks: say what is missing"),
        ('site = "Looks"\n', "", "site: say what the site does"),
        ('met = "yes"', 'met = "yes"\nlacks = "x"', "lacks"),
        ('met = "yes"', 'met = "yes"\nsite = "x"', "site"),
        ('met = "yes"', 'met = "yes"\nnot_executed = "x"', "not_executed: only findings and traps"),
        ('met = "yes"', 'met = "mostly"', "met"),
        ('status = "in force"', 'status = "compliant"', "status"),
        ('date = "2026-11-25"', "date = 2026-11-25", "cannot be read"),
    ],
)
def test_a_wrong_map_of_clauses_is_refused_by_field(old: str, new: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "clauses.toml"
    file.write_text(MAP, "utf-8")
    assert [clause.id for clause in read_clauses(tmp_path).clauses] == ["P11-01", "T1"]
    file.write_text(MAP.replace(old, new, 1), "utf-8")
    with pytest.raises(InvalidInputError, match=re.escape(words)) as refused:
        read_clauses(tmp_path)
    assert refused.value.where == str(file)


@pytest.mark.requirement("UR-AUDIT-19", reviewed="57e13078")
def test_drafts_are_called_drafts() -> None:
    """Both documents of which only a consultation draft of 7 July 2025 was found."""
    clauses = read_clauses(VALIDATION)
    drafts = {each.id: each.note for each in clauses.documents if each.status == "consultation draft"}
    assert set(drafts) == {"annex-11-draft", "annex-22-draft"}
    assert all("7 July 2025" in note for note in (*drafts.values(), clauses.note))


def test_the_map_has_every_row_of_every_table() -> None:
    """How many rows each table of the analysis behind it has, counted there by hand."""
    rows = [clause.id for clause in read_clauses(VALIDATION).clauses]
    counts = {"P11-": 17, "A11-": 12, "D11-": 12, "A22-": 28, "B-": 10, "DI-": 7, "V-": 9, "ST-": 8, "I-": 13, "S-": 11}
    for prefix, count in counts.items():
        assert sorted(r for r in rows if r.startswith(prefix)) == [f"{prefix}{n:02d}" for n in range(1, count + 1)]
    assert sorted((r for r in rows if r[0] == "T"), key=lambda r: int(r[1:])) == [f"T{n}" for n in range(1, 43)]
    assert len(rows) == sum(counts.values()) + 42


def test_the_nouns_of_requirements_are_commands() -> None:
    assert {requirement.noun for requirement in read_requirements(VALIDATION)} <= set(NOUNS)


def test_the_folder_is_beside_the_package_or_named(tmp_path: Path) -> None:
    assert find_validation(None).samefile(VALIDATION)
    assert find_validation(VALIDATION) == VALIDATION
    with pytest.raises(NotFoundError, match="is not there") as refused:
        find_validation(tmp_path)
    assert refused.value.where == str(tmp_path)
