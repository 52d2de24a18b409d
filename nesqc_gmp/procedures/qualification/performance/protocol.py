"""The protocol of a performance qualification: its cases as they lie in files, and one digest of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.procedures.files import parse_given_toml, read_given_file
from nesqc_gmp.procedures.qualification.performance.steps import planned_steps
from nesqc_gmp.records.performance import CASES_MAX, ConclusionCase, PerformanceCase
from nesqc_gmp.records.qualification import Evidence, PlannedCase, ProtocolContent

_CASE: Final[TypeAdapter[PerformanceCase]] = TypeAdapter(PerformanceCase)
_EXPLAINED: Final = "The fields are explained in validation/pq/README.md."
_NEEDED: Final = ("people", "procedures", "model-acceptance", "conclusion")
"""Kinds without which nothing is qualified: trained people, procedures, the acceptance of the model, a conclusion."""


@dataclass(frozen=True, slots=True)
class PerformanceProtocol:
    """A protocol as it was read; what is executed is exactly what was read, and what the digest names.

    Attributes:
        cases: The cases in the order of their numbers; the conclusion is the last.
        files: SHA-256 of every file, by its path inside the folder ``validation``.
    """

    cases: tuple[PerformanceCase, ...]
    files: Mapping[str, str]

    @property
    def protocol_sha256(self) -> str:
        """SHA-256 over the canonical JSON of paths and digests of all files: what is approved before it is executed."""
        return sha256_hex(canonical_json(dict(self.files)))

    @property
    def content(self) -> ProtocolContent:
        """What the document of the protocol says."""
        return ProtocolContent(
            stage="PQ",
            files=tuple(Evidence(name=name, sha256=digest) for name, digest in self.files.items()),
            cases=tuple(_planned(case) for case in self.cases),
        )

    def case(self, number: str) -> PerformanceCase:
        """One case.

        Raises:
            NotFoundError: The protocol has none of this number.
        """
        for case in self.cases:
            if case.id == number:
                return case
        known = ", ".join(case.id for case in self.cases)
        raise NotFoundError("the protocol has no such case", where=number, remedy=f"Its cases are {known}.")


def _planned(case: PerformanceCase) -> PlannedCase:
    return PlannedCase(
        case=case.id,
        title=case.title,
        requirements=case.requirements,
        findings=case.findings,
        risk=case.risk,
        prerequisites=case.prerequisites,
        steps=planned_steps(case),
    )


def read_protocol(validation: Path) -> PerformanceProtocol:
    """Read the protocol from ``pq`` in the folder of validation.

    Raises:
        NotFoundError: There is no case.
        InvalidInputError: A file is wrong, a number is used twice, or a case that every protocol needs is missing.
    """
    paths = sorted((validation / "pq").glob("*.toml"))
    if not paths:
        raise NotFoundError(
            "there is no case of a performance qualification", where=str(validation / "pq"),
            remedy="Name the folder that holds the protocols with --validation.",
        )  # fmt: skip
    data = {path: read_given_file(path) for path in paths}
    cases = [parse_given_toml(read, path, _CASE, "case", _EXPLAINED) for path, read in data.items()]
    problem = next(_problems(cases, paths), None)
    if problem is not None:
        where, what = problem
        raise InvalidInputError(what, where=str(where), remedy=f"Correct the files. {_EXPLAINED}")
    files = {path.relative_to(validation).as_posix(): sha256_hex(read) for path, read in data.items()}
    return PerformanceProtocol(tuple(cases), files)


def _problems(cases: Sequence[PerformanceCase], paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for case, path in zip(cases, paths, strict=True):
        if case.id in seen:
            yield path, f"id: {case.id} is used twice"
        if not path.name.startswith(f"{case.id}-"):
            yield path, f"id: {case.id} does not begin the name of the file"
        seen.add(case.id)
    folder = paths[0].parent
    if len(cases) > CASES_MAX:
        yield folder, f"{len(cases)} cases are more than {CASES_MAX}"
    for kind in _NEEDED:
        if not any(case.kind == kind for case in cases):
            yield folder, f"a protocol needs a case of the kind {kind}"
    concluding = [case for case in cases if isinstance(case, ConclusionCase)]
    if len(concluding) > 1 or (concluding and cases[-1] is not concluding[0]):
        yield folder, "the conclusion is one case, and the last one"
