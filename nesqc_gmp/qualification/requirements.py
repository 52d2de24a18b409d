"""User requirements: one small TOML file each, its risk, and the fingerprint of the text that was reviewed.

The priority follows from the risk by the two tables of GAMP 5, Appendix M3: severity and likelihood give the class of
the risk, class and detectability the priority; the priority says how deep is tested. The tables are in
``validation/README.md``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.procedures.files import read_given_toml
from nesqc_gmp.records.base import Frozen, Line

Level = Literal["high", "medium", "low"]
"""A degree of severity, likelihood, detectability or priority."""

Noun = Literal["people", "products", "models", "test-sets", "batches", "certificates", "audit", "site", "qualify"]
"""What a requirement is about; also the command, the procedure and the folder of its file."""

Method = Literal["test", "inspection", "analysis", "demonstration"]
"""How it is shown that a requirement is met."""

RequirementId = Annotated[str, StringConstraints(pattern=r"^UR-[A-Z]+(-[A-Z]+)*-[0-9]{2}$")]
"""Such as ``UR-AUDIT-03``: the noun and a number that is never used again."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
"""The first eight hexadecimal digits of a SHA-256."""

FOLDER: Final = "requirements"
REMEDY: Final = "The fields of a requirement are described in validation/README.md."

RISK_CLASS: Final[dict[tuple[Level, Level], Literal[1, 2, 3]]] = {
    ("high", "high"): 1, ("high", "medium"): 1, ("high", "low"): 2,
    ("medium", "high"): 1, ("medium", "medium"): 2, ("medium", "low"): 3,
    ("low", "high"): 2, ("low", "medium"): 3, ("low", "low"): 3,
}  # fmt: skip
"""Severity and likelihood to the class of a risk, 1 being the gravest (GAMP 5, Appendix M3)."""

PRIORITY: Final[dict[tuple[Literal[1, 2, 3], Level], Level]] = {
    (1, "low"): "high", (1, "medium"): "high", (1, "high"): "medium",
    (2, "low"): "high", (2, "medium"): "medium", (2, "high"): "low",
    (3, "low"): "medium", (3, "medium"): "low", (3, "high"): "low",
}  # fmt: skip
"""Class and detectability to the priority (GAMP 5, Appendix M3)."""


class Risk(Frozen):
    """What happens where the requirement is not met.

    Attributes:
        harm: The harm to product, patient or records.
        severity: How grave it is.
        likelihood: How likely, were there no control.
        detectability: How easily the failure is noticed before it does harm; low is hardly.
    """

    harm: Line
    severity: Level
    likelihood: Level
    detectability: Level

    @property
    def priority(self) -> Level:
        """How deep is tested: high needs a test that attacks, the others a test."""
        return PRIORITY[RISK_CLASS[self.severity, self.likelihood], self.detectability]


class Verification(Frozen):
    """How the requirement is shown to be met."""

    method: Method


class Requirement(Frozen):
    """One user requirement.

    Attributes:
        id: Its number.
        shall: One sentence with one *shall*.
        rationale: Why it is asked.
        sources: Rows of the map of clauses.
        reviewed: Fingerprint of the text as a person last reviewed it.
        risk: What happens where it is not met.
        verification: How it is shown to be met.
    """

    id: RequirementId
    shall: Line
    rationale: Line
    sources: Annotated[tuple[Line, ...], Field(min_length=1)]
    reviewed: Fingerprint
    risk: Risk
    verification: Verification

    @model_validator(mode="after")
    def _one_testable_sentence(self) -> Self:
        if not re.fullmatch(r"The system shall .+\.", self.shall):
            raise ValueError("shall: begin with “The system shall” and end with a full stop")
        if len(re.findall(r"\bshall\b", f"{self.shall} {self.rationale}")) != 1:
            raise ValueError("shall: the word stands once in the sentence, and not in the rationale")
        if len(set(self.sources)) != len(self.sources):
            raise ValueError("sources: a source is named twice")
        return self

    @property
    def noun(self) -> str:
        """Its noun, as in the command line."""
        return self.id.removeprefix("UR-")[:-3].lower()

    @property
    def fingerprint(self) -> str:
        """First eight digits of the SHA-256 over everything but ``reviewed``, as canonical JSON (RFC 8785)."""
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude={"reviewed"})))[:8]


def read_requirement(file: Path) -> Requirement:
    """One requirement.

    Raises:
        InvalidInputError: A field is missing, unknown or wrong, or the file is not where its id says.
    """
    requirement = read_given_toml(file, Requirement, "requirement", REMEDY)
    place = Path(requirement.noun) / f"{requirement.id}.toml"
    if Path(*file.parts[-2:]) != place:
        raise InvalidInputError(
            f"id: {requirement.id} does not belong into this file",
            where=str(file),
            remedy=f"Name the file {place} below {FOLDER}, or correct the id.",
        )
    return requirement


def read_requirements(validation: Path) -> tuple[Requirement, ...]:
    """All requirements, by id.

    Args:
        validation: The validation folder.

    Raises:
        NotFoundError: There are none.
        InvalidInputError: A file is wrong.
    """
    files = sorted((validation / FOLDER).rglob("*.toml"))
    if not files:
        raise NotFoundError(
            "there are no requirements", where=str(validation / FOLDER), remedy="Name the validation folder."
        )
    return tuple(sorted(map(read_requirement, files), key=lambda each: each.id))
