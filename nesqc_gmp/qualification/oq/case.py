"""A case of the operational qualification: one TOML file that a person can read and the runner can execute.

A case begins with a copy of a named site and goes through steps in order. What a step does is one of seven actions:

========  ==============================================================================================
action    what is done
========  ==============================================================================================
nesqc     a command line of the installed tool, on a terminal where it asks
python    a driver script of the protocol with the installed interpreter, for what no command line can do
kill      a command line that is killed, or stopped with Ctrl-C, once so many results stand in the log
race      several command lines at once
limit     a command line with so little room for files that the disk is full for it
sql       statements on the database, behind the back of the tool
file      one file or folder changed, replaced or looked at, behind the back of the tool
========  ==============================================================================================

Every step says what is done and what must be seen, in words; beside the words stands what the runner compares: the exit
code, texts that must appear and texts that must not.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, model_validator

from nesqc_gmp.procedures.files import parse_given_toml
from nesqc_gmp.qualification.oq.people import PEOPLE
from nesqc_gmp.records.base import Frozen, Line

Start = Literal[
    "empty", "founded", "people", "package", "ready", "received", "sealed", "analysed", "reviewed", "released",
    "production",
]  # fmt: skip
"""The site a case begins with.

``empty`` no site; ``founded`` two people; ``people`` everybody enrolled and logged in; ``package`` the same, beside it
a model package and images to test it with; ``ready`` an active model and an approved specification; ``received`` batch
B-1 with its images; ``sealed`` its set sealed; ``analysed`` scored, and the other test recorded and verified;
``reviewed`` submitted, reviewed, the audit trail reviewed; ``released`` released, with its certificate; ``production``
as ``sealed``, on a site founded as a production site that nobody qualified.
"""

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z]+)?)\}")
"""``{qa.passphrase}``, ``{today}``, or the name of something that an earlier step kept."""

TODAY: Final = "today"

_ATTRIBUTES: Final = ("id", "name", "passphrase")


def _regex(text: str) -> str:
    try:
        re.compile(PLACEHOLDER.sub("x", text))
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _one_group(text: str) -> str:
    if re.compile(PLACEHOLDER.sub("x", _regex(text))).groups != 1:
        raise ValueError("exactly one group in parentheses is kept")
    return text


def _inside(text: str) -> str:
    """A path inside the folder of the case: a case touches nothing else."""
    if text.startswith(("/", "~")) or ".." in Path(text).parts:
        raise ValueError("a path begins in the folder of the case and stays in it")
    return text


def _command_line(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"not a command line: {error}") from None
    for word in words:
        _inside(word.partition("=")[2] if word.startswith("--") and "=" in word else word)
    return text


def _known_person(key: str) -> str:
    if key not in PEOPLE:
        raise ValueError(f"nobody of the qualification sites: {key}; there are {', '.join(PEOPLE)}")
    return key


Pattern = Annotated[str, AfterValidator(_regex)]
Kept = Annotated[str, AfterValidator(_one_group)]
KeptName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
CasePath = Annotated[str, AfterValidator(_inside), StringConstraints(min_length=1)]
CommandLine = Annotated[str, AfterValidator(_command_line)]
PersonKey = Annotated[str, AfterValidator(_known_person)]


class Answer(Frozen):
    """What is typed when the tool asks: the end of its question, and the text."""

    prompt: str
    text: str


class _Step(Frozen):
    """What every step has.

    Attributes:
        do: What is done, for the reader.
        expected: What must be seen, for the reader.
        exit: The exit code that must be seen.
        says: Texts that must appear; runs of blanks and line ends count as one blank.
        never: Texts that must not appear. Passphrases of the people never may, in any step.
        matches: Regular expressions that must be found.
        keep: Names for parts of what was seen, by regular expressions with one group; later steps use ``{name}``.
    """

    do: Line
    expected: Line
    exit: Annotated[int, Field(ge=0, le=255)] = 0
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    matches: tuple[Pattern, ...] = ()
    keep: dict[KeptName, Kept] = Field(default_factory=dict)


class _Typed(_Step):
    """A step in which somebody works at a terminal or in a script.

    Attributes:
        person: Who is logged in; left out, it is the terminal of a person who has yet to log in.
        signs: This person types id and passphrase where both are asked.
        answers: What is typed instead, question by question; with either one the command runs on a terminal.
        piped: Text on standard input, without a terminal.
        environment: Further environment variables.
    """

    person: PersonKey | None = None
    signs: PersonKey | None = None
    answers: tuple[Answer, ...] = ()
    piped: str | None = None
    environment: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way_of_typing(self) -> _Typed:
        if sum((self.signs is not None, bool(self.answers), self.piped is not None)) > 1:
            raise ValueError("one of signs, answers and piped")
        return self

    def typed(self) -> tuple[Answer, ...]:
        """Questions and answers, with those of a signature written out."""
        if self.signs is None:
            return self.answers
        return (
            Answer(prompt="Id:", text=f"{{{self.signs}.id}}"),
            Answer(prompt="Passphrase:", text=f"{{{self.signs}.passphrase}}"),
        )


class NesqcStep(_Typed):
    """A command line of the installed tool; ``command`` is what follows ``nesqc``."""

    action: Literal["nesqc"]
    command: CommandLine


class PythonStep(_Typed):
    """A driver script of the protocol."""

    action: Literal["python"]
    script: Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.py$")]
    arguments: CommandLine = ""


class KillStep(_Step):
    """A command line that ends before its time.

    Attributes:
        after: Kind of the entries that are waited for, such as ``image_scored``.
        count: The signal is sent once so many more of them are in the log.
        signal: ``kill`` ends the process at once (SIGKILL); ``interrupt`` is Ctrl-C (SIGINT).
    """

    action: Literal["kill"]
    command: CommandLine
    person: PersonKey
    after: Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]
    count: Annotated[int, Field(ge=1)] = 1
    signal: Literal["kill", "interrupt"] = "kill"


class Contestant(Frozen):
    """One of the command lines that run at once."""

    person: PersonKey
    command: CommandLine


class RaceStep(_Step):
    """Several command lines at once; ``exits`` are their exit codes in ascending order."""

    action: Literal["race"]
    commands: Annotated[tuple[Contestant, ...], Field(min_length=2)]
    exits: tuple[int, ...]


class LimitStep(_Step):
    """A command line that cannot write a file beyond ``bytes``: for it the disk is full."""

    action: Literal["limit"]
    command: CommandLine
    person: PersonKey
    bytes: Annotated[int, Field(ge=0)]


class SqlStep(_Step):
    """Statements on the database of the site; exit code 1 where the database refuses one.

    Attributes:
        statements: One after the other; each row they give is seen as one line. One that changes no row fails the step.
        guards: Whether the guards of the tables stay, are taken away and put back, or are taken away for good.
    """

    action: Literal["sql"]
    statements: Annotated[tuple[str, ...], Field(min_length=1)]
    guards: Literal["kept", "taken away and put back", "taken away"] = "kept"


class FileStep(_Step):
    """One file or folder of the case, without the tool.

    Attributes:
        path: Where it is; a pattern such as ``site/certificates/*.pdf`` must fit exactly one.
        change: ``look`` changes nothing and shows kind, mode, size and digest; ``flip`` turns one bit of the byte in
            the middle; ``truncate`` keeps the first half; ``replace`` puts one text for another that stands there
            exactly once; ``write`` makes a new file; ``copy`` and ``move`` take the place of what is at ``to``.
        to: Where ``copy`` and ``move`` put it.
        old: The text that ``replace`` takes away.
        new: The text that ``replace`` puts there, or that ``write`` writes.
        mode: The permissions that ``mode`` sets, in octal digits.
    """

    action: Literal["file"]
    path: CasePath
    change: Literal["look", "flip", "truncate", "replace", "write", "delete", "copy", "move", "mode"]
    to: CasePath | None = None
    old: str | None = None
    new: str | None = None
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")] | None = None

    @model_validator(mode="after")
    def _fields_of_the_change(self) -> FileStep:
        wanted = {
            "copy": {"to"}, "move": {"to"}, "replace": {"old", "new"}, "write": {"new"}, "mode": {"mode"},
        }.get(self.change, set())  # fmt: skip
        given = {name for name in ("to", "old", "new", "mode") if getattr(self, name) is not None}
        if given != wanted:
            raise ValueError(f"{self.change} takes {', '.join(sorted(wanted)) or 'no further field'}")
        return self


Step = Annotated[
    NesqcStep | PythonStep | KillStep | RaceStep | LimitStep | SqlStep | FileStep, Field(discriminator="action")
]

CaseId = Annotated[str, StringConstraints(pattern=r"^OQ-[1-5][0-9]{2}$")]
RequirementId = Annotated[str, StringConstraints(pattern=r"^UR-[A-Z]+(-[A-Z]+)*-[0-9]{2}$")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
FindingId = Annotated[str, StringConstraints(pattern=r"^(I-(0[1-9]|1[0-3])|T([1-9]|[1-3][0-9]|4[0-2]))$")]
Risk = Literal["high", "medium", "low"]


class Case(Frozen):
    """One case.

    Attributes:
        id: ``OQ-nnn``: 1 people and signatures, 2 products and models, 3 batches and certificates, 4 the log, 5 the
            site.
        title: What it shows.
        requirements: Requirements it verifies.
        reviewed: Of each requirement the fingerprint of the text that the case was compared with.
        findings: Findings of inspectors and traps that it shows, by their ids in ``validation/clauses.toml``.
        risk: Risk of the function, from the risk assessment of the requirement.
        negative: The case attacks: it shows that something is refused or found.
        prerequisites: What is there before the first step, for the reader.
        needs: An extra that has to be installed; without it the case is not executed.
        start: The site it begins with.
        produced: Files that the steps make and that are kept as evidence beside the transcript.
        steps: The steps.
    """

    id: CaseId
    title: Line
    requirements: Annotated[tuple[RequirementId, ...], Field(min_length=1)]
    reviewed: dict[RequirementId, Fingerprint]
    findings: tuple[FindingId, ...] = ()
    risk: Risk
    negative: bool
    prerequisites: Line
    needs: Literal["evaluate"] | None = None
    start: Start
    produced: tuple[CasePath, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_requirement_was_compared(self) -> Case:
        if set(self.reviewed) != set(self.requirements):
            raise ValueError("reviewed names exactly the requirements of the case")
        return self

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> Case:
        known = {TODAY, *(f"{key}.{attribute}" for key in PEOPLE for attribute in _ATTRIBUTES)}
        for number, step in enumerate(self.steps, 1):
            for name in _placeholders(step.model_dump(exclude={"do", "expected", "keep"})):
                if name not in known:
                    raise ValueError(f"steps.{number}: {{{name}}} is no person and was kept by no earlier step")
            known |= set(step.keep)
        return self


def _placeholders(value: Any) -> set[str]:
    """Names of all placeholders in the texts of a value."""
    if isinstance(value, str):
        return set(PLACEHOLDER.findall(value))
    if isinstance(value, dict):
        return {name for item in value.values() for name in _placeholders(item)}
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in _placeholders(item)}
    return set()


_CASE: TypeAdapter[Case] = TypeAdapter(Case)


def parse_case(data: bytes, path: Path) -> Case:
    """A case from the bytes of its file, which were read once: what runs is what the digest of the protocol names.

    Raises:
        InvalidInputError: The file cannot be read, or a field is missing, unknown or wrong; every one is named.
    """
    return parse_given_toml(data, path, _CASE, "case", "The fields are explained in validation/oq/README.md.")
