"""The protocol of the operational qualification: every case, driver script and seeded fault, and one digest of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StringConstraints, TypeAdapter

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.procedures.files import parse_given_toml, read_given_file
from nesqc_gmp.qualification.oq.case import Case, CaseId, CasePath, PythonStep, parse_case
from nesqc_gmp.records.base import Frozen, Line
from nesqc_gmp.records.qualification import StepResult

NOT_EXECUTED: Final = "Not executed."


class Seed(Frozen):
    """A fault that is put into a copy of the tool on purpose; the case has to fail, or the qualification shows nothing.

    Attributes:
        id: ``SEED-nn``.
        title: The fault in words.
        file: The file, as a path inside the package ``nesqc_gmp``.
        find: The text that stands in it exactly once.
        replace: What stands there instead.
        case: The case that has to fail.
        step: The step at which it has to fail: a copy that does not even start fails elsewhere and proves nothing.
        why: What such a fault would mean.
    """

    id: Annotated[str, StringConstraints(pattern=r"^SEED-[0-9]{2}$")]
    title: Line
    file: CasePath
    find: Annotated[str, StringConstraints(min_length=1)]
    replace: str
    case: CaseId
    step: Annotated[int, Field(ge=1)]
    why: Line

    @property
    def heading(self) -> str:
        """Its title among the titles of cases."""
        return f"Seeded fault: {self.title}"

    @property
    def prerequisites(self) -> str:
        """What has to be before it is put in."""
        return f"{self.case} passed"

    @property
    def planned(self) -> StepResult:
        """Its one step before it is executed."""
        return StepResult(
            do=f"Put the fault into a copy of {self.file} and execute {self.case} with the copy.",
            expected=f"{self.case} fails at step {self.step}.",
            actual=NOT_EXECUTED,
            verdict="not executed",
        )


_SEED: TypeAdapter[Seed] = TypeAdapter(Seed)


@dataclass(frozen=True, slots=True)
class OqProtocol:
    """A protocol as it was read; what is executed is exactly what was read, and what the digest names.

    Attributes:
        cases: The cases by id.
        seeds: The seeded faults by id.
        drivers: Driver scripts by name.
        files: SHA-256 of every file, by its path inside the folder ``validation``.
    """

    cases: tuple[Case, ...]
    seeds: tuple[Seed, ...]
    drivers: Mapping[str, bytes]
    files: Mapping[str, str]

    @property
    def protocol_sha256(self) -> str:
        """SHA-256 over the canonical JSON of paths and digests of all files: what is approved before it is executed."""
        return sha256_hex(canonical_json(dict(self.files)))


def read_protocol(validation: Path) -> OqProtocol:
    """Read the protocol from ``oq`` and ``seeds`` in the folder of validation.

    Raises:
        NotFoundError: There is no case.
        InvalidInputError: A file is wrong, an id is used twice, or a driver or a case is named that is not there.
    """
    cases = sorted((validation / "oq").glob("*.toml"))
    seeds = sorted((validation / "seeds").glob("*.toml"))
    drivers = {path.name: path for path in sorted((validation / "oq" / "drivers").glob("*.py"))}
    if not cases:
        raise NotFoundError(
            "there is no case of an operational qualification",
            where=str(validation / "oq"),
            remedy="Name the folder that holds the protocols with --validation.",
        )
    content = {path: read_given_file(path) for path in (*cases, *seeds, *drivers.values())}
    found = OqProtocol(
        cases=tuple(parse_case(content[path], path) for path in cases),
        seeds=tuple(
            parse_given_toml(content[path], path, _SEED, "seeded fault", "Compare with another one.") for path in seeds
        ),
        drivers={name: content[path] for name, path in drivers.items()},
        files={path.relative_to(validation).as_posix(): sha256_hex(data) for path, data in content.items()},
    )
    _require_coherent(found, (*cases, *seeds))
    return found


def _require_coherent(protocol: OqProtocol, paths: tuple[Path, ...]) -> None:
    items: tuple[Case | Seed, ...] = (*protocol.cases, *protocol.seeds)
    steps = {case.id: len(case.steps) for case in protocol.cases}
    seen: set[str] = set()
    for item, path in zip(items, paths, strict=True):
        problem = None
        if item.id in seen:
            problem = f"id: {item.id} is used twice"
        elif not path.name.startswith(f"{item.id}-"):
            problem = f"id: {item.id} does not begin the name of the file"
        elif isinstance(item, Case):
            problem = next((f"steps: there is no driver {name}" for name in _drivers(item, protocol)), None)
        elif item.step > steps.get(item.case, 0):
            problem = f"case: there is no step {item.step} of {item.case}"
        if problem is not None:
            raise InvalidInputError(problem, where=str(path), remedy="Correct the file.")
        seen.add(item.id)


def _drivers(case: Case, protocol: OqProtocol) -> list[str]:
    """Drivers that a case names and that are not there."""
    named = (step.script for step in case.steps if isinstance(step, PythonStep))
    return [name for name in named if name not in protocol.drivers]
