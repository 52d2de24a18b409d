"""QA's signature on what has a number: a document, a run or a change."""

from __future__ import annotations

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.procedures.qualification.changes import approve_change
from nesqc_gmp.procedures.qualification.common import load_validation, unknown
from nesqc_gmp.procedures.qualification.documents import approve_document
from nesqc_gmp.procedures.qualification.runs import approve_run
from nesqc_gmp.procedures.session import Session


def approve(session: Session, number: str, *, accept: bool, reason: str, ceremony: Ceremony) -> str:
    """Approve what a number names.

    Returns:
        What became of it, in words.

    Raises:
        NotFoundError: The number names nothing.
        InvalidInputError: A document or change is to be concluded as not accepted: it is left unapproved instead.
    """
    with session.viewing("qualify.approve") as reader:
        validation = load_validation(reader)
    if number in validation.runs:
        return approve_run(session, number, accept=accept, reason=reason, ceremony=ceremony)
    if not accept:
        raise InvalidInputError(
            "only a run is concluded as not accepted",
            where=number,
            remedy="Leave a document or change unapproved, and have it prepared again.",
        )
    if number in validation.documents:
        approve_document(session, number, reason, ceremony)
    elif number in validation.changes:
        approve_change(session, number, reason, ceremony)
    else:
        raise unknown(number)
    return "approved"
