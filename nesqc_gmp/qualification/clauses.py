"""The map of clauses: what rules, guides, findings and traps ask, and whether the software meets it.

One versioned file, ``validation/clauses.toml``, in this project's own words, with the status of each document. Two of
the documents are consultation drafts; the head of the file says how it is issued again.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from nesqc_gmp.procedures.files import read_given_toml
from nesqc_gmp.records.base import DateText, Frozen, Identifier, Line

Met = Literal["yes", "partly", "no", "site"]
"""Whether the software meets a clause; ``site`` where it is no matter of software."""

FILE: Final = "clauses.toml"
EXECUTED: Final = frozenset({"findings", "traps"})
"""Documents whose rows a case executes, or that say why none does."""


class SourceDocument(Frozen):
    """A rule, a guide or a collection.

    Attributes:
        id: How its clauses name it.
        title: Its title.
        status: In force, consultation draft, final guide ...
        note: What is known of its standing.
    """

    id: Identifier
    title: Line
    status: Literal["in force", "consultation draft", "final guide", "guide", "observed", "left to the site"]
    note: Line


class Clause(Frozen):
    """One row of the map.

    Attributes:
        id: Its number, which sources of requirements name.
        document: The document.
        clause: Where in the document.
        asks: What is asked, in this project's words.
        met: Whether the software meets it.
        lacks: What is missing; needed for ``partly`` and ``no``.
        site: What the site does instead; needed for all but ``yes``.
        not_executed: Why no case executes a finding or trap.
    """

    id: Identifier
    document: Identifier
    clause: Line
    asks: Line
    met: Met
    lacks: Line | None = None
    site: Line | None = None
    not_executed: Line | None = None

    @model_validator(mode="after")
    def _says_what_is_missing(self) -> Self:
        if (self.lacks is not None) != (self.met in {"partly", "no"}):
            raise ValueError("lacks: say what is missing where a row is met partly or not, and nowhere else")
        if (self.site is not None) != (self.met != "yes"):
            raise ValueError("site: say what the site does where a row is not wholly met, and nowhere else")
        if self.not_executed and self.document not in EXECUTED:
            raise ValueError("not_executed: only findings and traps are executed")
        return self

    @property
    def needs_requirement(self) -> bool:
        """A requirement has to cover it."""
        return self.met in {"yes", "partly"}


class ClauseMap(Frozen):
    """The whole file.

    Attributes:
        version: Its version.
        date: The day of this version.
        note: What everybody who reads it has to know.
        documents: The documents, in order.
        clauses: The rows, in order.
    """

    version: Line
    date: DateText
    note: Line
    documents: Annotated[tuple[SourceDocument, ...], Field(min_length=1)]
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _every_id_once(self) -> Self:
        counted = Counter([*(each.id for each in self.documents), *(each.id for each in self.clauses)])
        if twice := sorted(id for id, times in counted.items() if times > 1):
            raise ValueError(f"id: used twice: {', '.join(twice)}")
        known = {each.id for each in self.documents}
        if unknown := sorted({each.document for each in self.clauses} - known):
            raise ValueError(f"document: there is none called {', '.join(unknown)}")
        return self


def read_clauses(validation: Path) -> ClauseMap:
    """The map of clauses.

    Args:
        validation: The validation folder.

    Raises:
        InvalidInputError: The file cannot be read, or a field is wrong; each is named.
    """
    return read_given_toml(
        validation / FILE, ClauseMap, "map of clauses", "Its fields are described at the head of the file."
    )
