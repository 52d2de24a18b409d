"""Installation qualification as data: one case a group of lines, and the results of a comparison."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import StringConstraints, ValidationError

from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.installation.lines import Finding, Group, Verdict, overall
from nesqc_gmp.records.base import Frozen, Line, Text


class InstallationCase(Frozen):
    """One case of the protocol, a file ``validation/iq/IQ-<nnn>-<words>.toml``.

    Attributes:
        id: For instance ``IQ-501``.
        title: What is looked at.
        requirements: Ids of user requirements.
        reviewed: Of each requirement the fingerprint of the text that the case was compared with.
        findings: Ids of inspection findings and traps that the case answers.
        risk: How bad it is when the case is wrong.
        prerequisites: What must be there before.
        expected: What must be seen, in words.
        group: The lines that the case looks at.
    """

    id: Annotated[str, StringConstraints(pattern=r"^IQ-[0-9]{3}$")]
    title: Line
    requirements: tuple[Line, ...]
    reviewed: dict[str, str]
    findings: tuple[Line, ...]
    risk: Literal["high", "medium", "low"]
    prerequisites: Text
    expected: Text
    group: Group


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of a case as it was executed.

    Attributes:
        do: What was looked at.
        expected: What had to be seen.
        actual: What was seen.
        verdict: Whether they agree.
    """

    do: str
    expected: str
    actual: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case as it was executed.

    Attributes:
        case: The case.
        steps: One for each line of its group; none where the group has no line.
        verdict: Failed where a step failed; passed where every step passed and there is one.
    """

    case: InstallationCase
    steps: tuple[StepResult, ...]
    verdict: Verdict


def read_files(folder: Path) -> dict[str, bytes]:
    """Every case file of a folder by its name, read once.

    Args:
        folder: ``validation/iq``.

    Raises:
        NotFoundError: There is no protocol.
    """
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        remedy = "Bring the folder validation/ of the release."
        raise NotFoundError("there is no protocol of the installation", where=str(folder), remedy=remedy)
    return {path.name: path.read_bytes() for path in paths}


def parse_protocol(files: Mapping[str, bytes]) -> tuple[InstallationCase, ...]:
    """The cases, in the order of their ids; together they look at every group, each at one.

    Args:
        files: Bytes of each case file by its name.

    Raises:
        InvalidInputError: A case is not complete, or two cases have the same id or group, or a group has none.
    """
    folder = "validation/iq"
    cases = tuple(_read(name, data) for name, data in files.items())
    for what, values in (("id", Counter(case.id for case in cases)), ("group", Counter(case.group for case in cases))):
        twice = sorted(value for value, times in values.items() if times > 1)
        if twice:
            raise InvalidInputError(f"two cases have the {what} {twice[0]}", where=folder)
    missing = sorted(set(get_args(Group)) - {case.group for case in cases})
    if missing:
        raise InvalidInputError(f"no case looks at the group {missing[0]}", where=folder)
    return tuple(sorted(cases, key=lambda case: case.id))


def _read(name: str, data: bytes) -> InstallationCase:
    try:
        value = tomllib.loads(data.decode("utf-8"))
        lists = {key: tuple(value[key]) for key in ("requirements", "findings") if isinstance(value.get(key), list)}
        case = InstallationCase.model_validate({**value, **lists})
    except (ValueError, ValidationError) as error:
        raise InvalidInputError(f"the case cannot be used: {error}", where=name) from error
    if not name.startswith(f"{case.id}-"):
        raise InvalidInputError(f"the file holds {case.id}", where=name, remedy="Name the file after its case.")
    return case


def iq_results(protocol: Sequence[InstallationCase], findings: Collection[Finding]) -> tuple[CaseResult, ...]:
    """The result of each case: its group's findings as steps.

    Args:
        protocol: The cases.
        findings: The comparison.

    Raises:
        InvalidInputError: A finding belongs to no case, so it would be dropped.
    """
    groups = {case.group for case in protocol}
    lost = next((finding for finding in findings if finding.group not in groups), None)
    if lost is not None:
        raise InvalidInputError(f"no case looks at the group {lost.group}", where=lost.name)
    return tuple(_result(case, findings) for case in protocol)


def _result(case: InstallationCase, findings: Collection[Finding]) -> CaseResult:
    steps = tuple(
        StepResult(finding.name, finding.expected, finding.actual, finding.verdict)
        for finding in findings
        if finding.group == case.group
    )
    return CaseResult(case, steps, overall(step.verdict for step in steps))
