"""Change control: what differs from the qualified state, what it may do, and what is tested again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from nesqc_gmp.errors import InvalidInputError, OutOfSequenceError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.qualification.common import PREFIXES, load_validation, require_other, subject, unknown
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.signing import Prepared, Signer
from nesqc_gmp.records.entry import Record
from nesqc_gmp.records.qualification import (
    ChangeApproved,
    ChangeKind,
    ChangeRecorded,
    Stage,
    StateDifference,
    StateLine,
)
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state.people import Person
from nesqc_gmp.state.qualification import Qualified, Validation, difference_words, differences, number

_IQ: Final[tuple[Stage, ...]] = ("IQ",)
_BOTH: Final[tuple[Stage, ...]] = ("IQ", "OQ")
LEAST: Final[dict[str, tuple[ChangeKind, tuple[Stage, ...]]]] = {
    "software": ("software", _BOTH),
    "fonts": ("software", _BOTH),
    "dependencies": ("runtime library", _BOTH),
    "python": ("runtime library", _BOTH),
    "database": ("runtime library", _BOTH),
    "machine": ("operating system or processor", _IQ),
    "time zone data": ("operating system or processor", _IQ),
    "grants": ("site configuration", _IQ),
    "clock": ("site configuration", _IQ),
}
"""By group of the lines that differ: the kind of change it is, and what is tested again at least (SOP-10, 5.7)."""


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What a person says of a change.

    Attributes:
        kinds: What it touches.
        description: What is changed, and why.
        impact: What it may do to results and records.
        retest: Which qualifications are repeated.
        retest_reason: Why these, and why not the others.
    """

    kinds: tuple[ChangeKind, ...]
    description: str
    impact: str
    retest: tuple[Stage, ...]
    retest_reason: str


def request(
    kinds: Sequence[str], description: str, impact: str, retest: Sequence[str], retest_reason: str
) -> ChangeRequest:
    """What a person typed of a change.

    Raises:
        InvalidInputError: A kind or a stage is none.
    """
    for where, given, known in (("--kind", kinds, get_args(ChangeKind)), ("--retest", retest, get_args(Stage))):
        unknown_ones = [each for each in given if each not in known]
        if unknown_ones:
            raise InvalidInputError(
                f"{unknown_ones[0]!r} is none", where=where, remedy=f"Write one of: {', '.join(known)}."
            )
    stages = tuple(stage for stage in get_args(Stage) if stage in retest)
    named = tuple(kind for kind in get_args(ChangeKind) if kind in kinds)
    return ChangeRequest(named, description, impact, stages, retest_reason)


def change(
    session: Session, asked: ChangeRequest, lines: Sequence[StateLine], state_sha256: str, ceremony: Ceremony
) -> str:
    """Record a change against the qualified state, signed by its author.

    Args:
        session: A validation engineer.
        asked: What is said of it.
        lines: The installed state now, after the change.
        state_sha256: Its digest.
        ceremony: Shows the statement and asks for id and passphrase.

    Returns:
        The number of the change.

    Raises:
        OutOfSequenceError: No state is qualified yet.
        InvalidInputError: The kind does not fit the lines that differ, or too little is tested again.
    """
    with session.viewing("qualify.change") as reader:
        validation = load_validation(reader)
        name = number(validation, PREFIXES["change"])
        _require_reasonable(asked, _compared(validation, lines))

    def ready(reader: Reader, _: Person) -> Prepared:
        validation = load_validation(reader)
        if number(validation, PREFIXES["change"]) != name:
            raise OutOfSequenceError("another change took this number meanwhile", where=name, remedy="Try again.")
        found = _compared(validation, lines)

        def make(signature: ElectronicSignature) -> Record:
            return ChangeRecorded(
                change=name,
                kinds=asked.kinds,
                description=asked.description,
                impact=asked.impact,
                differences=found,
                from_sha256=_qualified(validation).state_sha256,
                to_sha256=state_sha256,
                lines=tuple(lines),
                retest=asked.retest,
                retest_reason=asked.retest_reason,
                signature=signature,
            )

        return make, Signer("prepared", _shown(name, asked, found))

    session.sign("qualify.change", subject(name), ready, ceremony)
    return name


def _qualified(validation: Validation) -> Qualified:
    if validation.qualified is None:
        raise OutOfSequenceError(
            "no state of this site is qualified, so there is nothing to change",
            remedy="Begin with `nesqc qualify iq`.",
        )
    return validation.qualified


def _compared(validation: Validation, lines: Sequence[StateLine]) -> tuple[StateDifference, ...]:
    return differences(_qualified(validation).lines, lines)


def _require_reasonable(asked: ChangeRequest, found: Sequence[StateDifference]) -> None:
    """What a change is called, and what is tested again, is never less than what the differing lines ask for."""
    for each in found:
        kind, stages = LEAST[each.group]
        if kind not in asked.kinds:
            raise InvalidInputError(
                f"{difference_words(each)}: this is a change of the kind {kind}", where="--kind",
                remedy=f'Give --kind "{kind}" too.',
            )  # fmt: skip
        missing = [stage for stage in stages if stage not in asked.retest]
        if missing:
            raise InvalidInputError(
                f"{difference_words(each)}: at least {' and '.join(stages)} are done again", where="--retest",
                remedy=f"Give --retest {missing[0]} too.",
            )  # fmt: skip


def _shown(name: str, asked: ChangeRequest, found: Sequence[StateDifference]) -> tuple[str, ...]:
    return (
        f"Change {name}: {', '.join(asked.kinds)}",
        f"What and why: {asked.description}",
        f"Impact: {asked.impact}",
        *([difference_words(each) for each in found] or ["No line of the installed state differs"]),
        f"Tested again: {', '.join(asked.retest) or 'nothing'}",
        f"Because: {asked.retest_reason}",
    )


def approve_change(session: Session, name: str, reason: str, ceremony: Ceremony) -> None:
    """Approve a change; what is not tested again is carried over to the new state.

    Raises:
        OutOfSequenceError: It is approved already, or another state is qualified meanwhile.
        NotAuthorisedError: The person recorded it.
    """

    def ready(reader: Reader, person: Person) -> Prepared:
        validation = load_validation(reader)
        if name not in validation.changes:
            raise unknown(name)
        found = validation.changes[name]
        require_other(person.id, {found.by.person}, "approves", name)
        if found.approved is not None:
            raise OutOfSequenceError("the change is approved already", where=name)
        if _qualified(validation).state_sha256 != found.recorded.from_sha256:
            raise OutOfSequenceError(
                "another state was qualified since the change was recorded",
                where=name,
                remedy="Record it again with `nesqc qualify change`.",
            )
        recorded = found.recorded
        asked = ChangeRequest(
            recorded.kinds, recorded.description, recorded.impact, recorded.retest, recorded.retest_reason
        )

        def make(signature: ElectronicSignature) -> Record:
            return ChangeApproved(change=name, signature=signature)

        return make, Signer("approved", _shown(name, asked, recorded.differences))

    session.sign("qualify.approve", subject(name), ready, ceremony, reason)
