"""What every act of validation needs: the record it is about, and what is known."""

from __future__ import annotations

from typing import Final

from nesqc_gmp.errors import NotAuthorisedError, NotFoundError
from nesqc_gmp.ledger import Reader
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.state.qualification import Validation, fold_validation

PREFIXES: Final = {
    "validation plan": "VP",
    "IQ protocol": "IQP",
    "OQ protocol": "OQP",
    "PQ protocol": "PQP",
    "deviation log": "DVL",
    "summary report": "VSR",
    "deviation": "DV",
    "change": "CC",
    "periodic review": "PR",
}
"""How numbers begin; a run begins with its stage."""

_DECISIVE: Final = frozenset(
    {
        "qualification_opened",
        "qualification_approved",
        "change_recorded",
        "change_approved",
        "installation_verified",
    }
)
"""Kinds that say which state is qualified."""


def subject(number: str) -> Subject:
    """The record that a number names."""
    return Subject(type="qualification", id=number)


def load_validation(reader: Reader) -> Validation:
    """Everything that is known of the validation of the site."""
    return fold_validation(reader.entries_about("qualification"))


def load_qualified(reader: Reader) -> Validation:
    """The same without the results of cases: enough to say which state is qualified, at the start of a command."""
    return fold_validation(reader.entries_of(_DECISIVE))


def require_other(person: str, authors: set[str], act: str, number: str) -> None:
    """Nobody signs off their own work (21 CFR 11.10(g); EU GMP Annex 15 cl. 2.4).

    Raises:
        NotAuthorisedError: They would.
    """
    if person in authors:
        raise NotAuthorisedError(f"nobody {act} their own work", where=number, remedy="Another person does it.")


def unknown(number: str) -> NotFoundError:
    """The refusal of a number that names nothing."""
    return NotFoundError("there is no such document, run or change", where=number, remedy="See `nesqc qualify status`.")
