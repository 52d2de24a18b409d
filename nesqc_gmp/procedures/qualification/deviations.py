"""Deviations: what did not go as the protocol says, what it means, and QA's assessment."""

from __future__ import annotations

from nesqc_gmp.errors import InvalidInputError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.qualification.common import PREFIXES, load_validation, require_other, subject
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Record
from nesqc_gmp.records.qualification import DeviationAssessed, DeviationRecorded
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.people import Person
from nesqc_gmp.state.qualification import Run, number


def deviation(session: Session, run: str, case: str, description: str, impact: str) -> str:
    """Record that an execution of a case did not pass, and what it means.

    Returns:
        The number of the deviation.

    Raises:
        InvalidInputError: Every execution of the case passed, or has its deviation.
        OutOfSequenceError: QA has concluded on the run.
    """
    with session.acting("qualify.deviation", subject(run)) as act:
        validation = load_validation(act.transaction)
        found = validation.run(run)
        _require_not_concluded(found)
        if case not in {each.case for each in found.without_deviation()}:
            raise InvalidInputError(
                "no execution of this case waits for a deviation",
                where=f"{run}, {case}",
                remedy="See `nesqc qualify status` for what did not pass.",
            )
        name = number(validation, PREFIXES["deviation"])
        record = DeviationRecorded(deviation=name, run=run, case=case, description=description, impact=impact)
        act.append(subject(run), record)
    return name


def assess(session: Session, name: str, *, accepted: bool, reason: str, ceremony: Ceremony) -> None:
    """QA assesses a deviation; the reason is the assessment. Nobody assesses what they recorded.

    Raises:
        OutOfSequenceError: It is assessed already, or QA has concluded on the run.
    """
    with session.viewing("qualify.assess") as reader:
        run = load_validation(reader).deviation(name).recorded.run

    def ready(reader: Reader, person: Person) -> Prepared:
        validation = load_validation(reader)
        found = validation.deviation(name)
        require_other(person.id, {found.by.person}, "assesses", name)
        _require_not_concluded(validation.run(run))
        if found.accepted is not None:
            raise OutOfSequenceError("the deviation is assessed already", where=name)

        def make(signature: ElectronicSignature) -> Record:
            return DeviationAssessed(deviation=name, run=run, accepted=accepted, signature=signature)

        recorded = found.recorded
        lines = (
            f"Deviation {name} of {recorded.case} in {run}: {'accepted' if accepted else 'not accepted'}",
            f"What happened: {recorded.description}",
            f"What it means: {recorded.impact}",
        )
        return make, Signer("reviewed", lines)

    session.sign("qualify.assess", subject(run), ready, ceremony, reason)


def _require_not_concluded(run: Run) -> None:
    if run.approved is not None:
        raise OutOfSequenceError("QA has concluded on the run", where=run.number, remedy="Run the qualification again.")
