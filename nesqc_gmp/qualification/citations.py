"""Who cites a requirement: marks of tests, found without running anything, and cases of protocols.

A test cites by ``@pytest.mark.requirement("UR-AUDIT-03", reviewed="1f0c2a7b", negative=True)``; ``reviewed`` is the
fingerprint of the requirement when the test was last compared with it, ``negative`` says that the test attacks. The
mark may stand on a test, in ``pytest.param(..., marks=...)`` of its parameters, on a class, or in ``pytestmark``.

A case cites by ``requirements = ["UR-AUDIT-03"]``, with the fingerprints beside it in
``reviewed = { UR-AUDIT-03 = "1f0c2a7b" }``.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.qualification.requirements import Fingerprint, Level, RequirementId
from nesqc_gmp.records.base import Identifier, Line

Kind: TypeAlias = Literal["test", "IQ", "OQ", "PQ"]
"""Where a citation stands."""

STAGES: Final[tuple[Kind, ...]] = ("IQ", "OQ", "PQ")
MARK: Final = "requirement"

_Test: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_MARK_REMEDY: Final = 'Write @pytest.mark.requirement("UR-AUDIT-03", reviewed="1f0c2a7b", negative=True).'


@dataclass(frozen=True, slots=True)
class Citation:
    """One citation of one requirement.

    Attributes:
        kind: A test, or a case of a protocol.
        source: Node id of the test without its parameters, or id of the case.
        requirement: What is cited.
        reviewed: Fingerprint of the text it was compared with; ``None`` where a case gives none.
        negative: Whether it attacks.
        place: File and, of a test, line.
    """

    kind: Kind
    source: str
    requirement: str
    reviewed: str | None
    negative: bool
    place: str


class Case(BaseModel):
    """Of a case of a protocol, the fields that trace it; the steps belong to who executes it.

    Attributes:
        id: Its number.
        title: What it shows.
        requirements: What it cites.
        reviewed: Fingerprint of each requirement it was compared with.
        findings: Findings and traps it executes.
        risk: How deep it goes.
        negative: Whether it attacks.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier
    title: Line
    requirements: tuple[RequirementId, ...] = ()
    reviewed: dict[RequirementId, Fingerprint] = {}
    findings: tuple[Identifier, ...] = ()
    risk: Level = "medium"
    negative: bool = False


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case, its stage and its file."""

    case: Case
    stage: Kind
    place: str

    @property
    def citations(self) -> Iterator[Citation]:
        """What it cites."""
        for requirement in self.case.requirements:
            yield Citation(
                self.stage, self.case.id, requirement, self.case.reviewed.get(requirement), self.case.negative,
                self.place,
            )  # fmt: skip


def read_cases(validation: Path) -> tuple[FoundCase, ...]:
    """Every case of IQ, OQ and PQ, by stage and file.

    Raises:
        InvalidInputError: A file is not TOML, or a field that traces is wrong.
    """
    return tuple(
        FoundCase(_read_case(file), stage, file.relative_to(validation.parent).as_posix())
        for stage in STAGES
        for file in sorted((validation / stage.lower()).glob("*.toml"))
    )


def _read_case(file: Path) -> Case:
    try:
        return Case.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidInputError(
            f"the case cannot be traced: {fields}", where=str(file), remedy="Correct the field."
        ) from error
    except ValueError as error:
        raise InvalidInputError(
            f"the case cannot be read: {error}", where=str(file), remedy="Write it as TOML in UTF-8."
        ) from error


def read_marks(tests: Path) -> tuple[Citation, ...]:
    """Every mark of every test, read from the source of the tests without importing it.

    Args:
        tests: The folder of the tests.

    Raises:
        InvalidInputError: A mark is not written as it has to be, or stands where no test carries it.
    """
    return tuple(citation for file in sorted(tests.rglob("*.py")) for citation in _file_marks(file, tests.parent))


def _file_marks(file: Path, root: Path) -> Iterator[Citation]:
    name = file.relative_to(root).as_posix()
    text = file.read_text(encoding="utf-8")
    # Most files carry no mark, and parsing is what takes time.
    if f"mark.{MARK}" not in text:
        return
    module = ast.parse(text, filename=name)
    carried: set[ast.Call] = set()
    for path, marks in _tests(module):
        for call in marks:
            carried.add(call)
            yield _citation(call, f"{name}::{path}", name)
    for call in _marks([module]):
        if call not in carried:
            raise _wrong_mark("no test carries this mark", name, call)


def _tests(module: ast.Module) -> Iterator[tuple[str, list[ast.Call]]]:
    """Each test with the marks it carries, those of its class and module included."""
    common = _pytestmarks(module.body)
    for node in module.body:
        if isinstance(node, _Test) and node.name.startswith("test"):
            yield node.name, [*common, *_marks(node.decorator_list)]
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            shared = [*common, *_marks(node.decorator_list), *_pytestmarks(node.body)]
            for inner in node.body:
                if isinstance(inner, _Test) and inner.name.startswith("test"):
                    yield f"{node.name}::{inner.name}", [*shared, *_marks(inner.decorator_list)]


def _pytestmarks(body: Iterable[ast.stmt]) -> list[ast.Call]:
    """Marks that ``pytestmark`` gives to all tests beside it."""
    values = [
        node.value
        for node in body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
    ]
    return list(_marks(values))


def _marks(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and ast.unparse(inner.func).endswith(f"mark.{MARK}"):
                yield inner


def _citation(call: ast.Call, source: str, file: str) -> Citation:
    try:
        (requirement,) = (ast.literal_eval(argument) for argument in call.args)
        options: dict[str | None, Any] = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    except ValueError:
        raise _wrong_mark("a mark names one requirement, and its arguments are plain values", file, call) from None
    reviewed, negative = options.pop("reviewed", None), options.pop("negative", False)
    if options or not isinstance(negative, bool) or not all(isinstance(each, str) for each in (requirement, reviewed)):
        raise _wrong_mark("a mark has a requirement, reviewed=, and negative= where the test attacks", file, call)
    return Citation("test", source, requirement, reviewed, negative, f"{file}, line {call.lineno}")


def _wrong_mark(what: str, file: str, call: ast.Call) -> InvalidInputError:
    return InvalidInputError(what, where=f"{file}, line {call.lineno}", remedy=_MARK_REMEDY)
