"""Results of tests done elsewhere: recorded with evidence by one person, verified by another."""

from __future__ import annotations

from pathlib import Path

from nesqc_gmp.decision.manual import judge_manual
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import InvalidInputError, NotAuthorisedError, NotFoundError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.batches.common import load_batch, subject
from nesqc_gmp.procedures.context import require_day
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.batches import ResultRecorded, ResultVerified
from nesqc_gmp.records.products import ManualTest, Specification
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state import release
from nesqc_gmp.state.late_entry import is_late_result
from nesqc_gmp.state.people import Person


def _manual_test(specification: Specification, name: str) -> ManualTest:
    for test in specification.manual:
        if test.test == name:
            return test
    names = ", ".join(test.test for test in specification.manual) or "none"
    raise NotFoundError(f"the specification has no such test done elsewhere; it has: {names}", where=name)


def record_result(
    session: Session,
    batch: str,
    test: str,
    value: str,
    performed_on: str,
    evidence: Path,
    reason: str | None,
    ceremony: Ceremony,
) -> ResultRecorded:
    """Record a result, signed by the person who performed the test; a repeat needs a reason and both results stay.

    A result that is entered more than a day after its test is a late entry and needs a reason too.

    Raises:
        InvalidInputError: The value or the date is not one, the evidence cannot be read, or a late entry has no reason.
        OutOfSequenceError: There is a result already and no reason is given.
    """
    data = read_given_file(evidence)
    if not data:
        raise InvalidInputError("the evidence file is empty", where=str(evidence))
    if require_day(performed_on, "performed_on") > session.site.today():
        raise InvalidInputError("the test cannot have been performed in the future", where="performed_on")
    digest = sha256_hex(data)
    made: list[ResultRecorded] = []

    def prepare(reader: Reader, _: Person) -> Prepared:
        state, specification = load_batch(reader, batch)
        release.require_open(state)
        wanted = _manual_test(specification, test)
        if state.result(test) is not None and not reason:
            raise OutOfSequenceError(
                "the test has a result already; a repeat needs a reason, and both are kept", where=test
            )
        late = is_late_result(performed_on, session.site.now().local)
        if late and not reason:
            raise InvalidInputError(
                f"the test was performed on {performed_on}: a late entry needs a reason", where="performed_on",
                remedy="Give --reason: why it was not entered at the time, and where it was written down until now.",
            )  # fmt: skip
        outcome = judge_manual(wanted, value)
        session.site.objects.put(data)

        def make(signature: ElectronicSignature) -> ResultRecorded:
            record = ResultRecorded(
                test=test,
                value=value,
                outcome=outcome,
                performed_on=performed_on,
                evidence_name=evidence.name,
                evidence_sha256=digest,
                signature=signature,
            )
            made.append(record)
            return record

        done = f"Performed on {performed_on}{', entered late' if late else ''}"
        lines = (
            f"Batch {batch}: {wanted.name}"[:390],
            f"Result {value} {wanted.unit}".strip()[:390] + f": {outcome} ({wanted.criterion})"[:200],
            f"{done}; evidence {evidence.name}, SHA-256 {digest}"[:390],
        )
        return make, Signer("performed", lines)

    session.sign("batches.record-result", subject(batch), prepare, ceremony, reason)
    return made[-1]


def verify_result(session: Session, batch: str, test: str, ceremony: Ceremony) -> None:
    """Verify the last recorded result of a test against its evidence, as a second person.

    Raises:
        NotFoundError: There is no result.
        NotAuthorisedError: The verifier recorded it.
        OutOfSequenceError: It was verified.
    """

    def prepare(reader: Reader, person: Person) -> Prepared:
        state, specification = load_batch(reader, batch)
        release.require_open(state)
        wanted = _manual_test(specification, test)
        result = state.result(test)
        if result is None:
            raise NotFoundError("the test has no result yet", where=test)
        if result.verified_by:
            raise OutOfSequenceError("the result was verified already", where=test)
        if result.person == person.id:
            raise NotAuthorisedError("nobody verifies their own result", where=test)
        session.site.objects.read(result.recorded.evidence_sha256)

        def make(signature: ElectronicSignature) -> ResultVerified:
            return ResultVerified(test=test, recorded_index=result.index, signature=signature)

        recorded = result.recorded
        lines = (
            f"Batch {batch}: {wanted.name}"[:390],
            f"Result {recorded.value} {wanted.unit}".strip()[:390] + f": {recorded.outcome} ({wanted.criterion})"[:200],
            f"Performed on {recorded.performed_on}, recorded by {result.name}"[:390],
            f"Evidence {recorded.evidence_name}, SHA-256 {recorded.evidence_sha256}"[:390],
        )
        return make, Signer("verified", lines)

    session.sign("batches.verify-result", subject(batch), prepare, ceremony)
