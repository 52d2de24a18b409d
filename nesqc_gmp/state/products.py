"""Specifications and their standing, folded from the records about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from nesqc_gmp.errors import NotFoundError, OutOfSequenceError
from nesqc_gmp.records import products as records
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.products import Specification

Standing = Literal["drafted", "approved", "retired"]


@dataclass(frozen=True, slots=True)
class SpecificationState:
    """One version of a specification: its content, who drafted it, where it stands."""

    specification: Specification
    drafted_by: str
    drafted_at: int
    standing: Standing = "drafted"


Specifications = dict[str, SpecificationState]


def fold_specifications(entries: Iterable[Entry]) -> Specifications:
    """All specifications by id, from the entries about specifications."""
    found: Specifications = {}
    for entry in entries:
        match entry.record:
            case records.SpecificationDrafted(specification=specification):
                found[specification.identifier] = SpecificationState(specification, entry.actor.person, entry.index)
            case records.SpecificationApproved(specification_id=name):
                found[name] = replace(found[name], standing="approved")
            case records.SpecificationRetired(specification_id=name):
                found[name] = replace(found[name], standing="retired")
            case _:
                continue
    return found


def get(specifications: Specifications, name: str) -> SpecificationState:
    """One specification.

    Raises:
        NotFoundError: There is none of this id.
    """
    if name not in specifications:
        raise NotFoundError("there is no such specification", where=name, remedy="See `nesqc products list`.")
    return specifications[name]


def require_next_version(specifications: Specifications, draft: Specification) -> None:
    """A draft continues the versions of its product.

    Raises:
        OutOfSequenceError: The version exists, or leaves a gap.
    """
    versions = [s.specification.version for s in specifications.values() if s.specification.product == draft.product]
    expected = max(versions, default=0) + 1
    if draft.version != expected:
        raise OutOfSequenceError(
            f"the next version of {draft.product} is {expected}, not {draft.version}", where="version"
        )


def require(state: SpecificationState, standing: Standing, act: str) -> None:
    """A specification stands where an act needs it.

    Raises:
        OutOfSequenceError: It does not.
    """
    if state.standing != standing:
        raise OutOfSequenceError(
            f"cannot {act} a specification that is {state.standing}; it has to be {standing}",
            where=state.specification.identifier,
        )
