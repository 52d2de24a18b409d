"""What can be prepared: plan, protocols and summary report, from the files of the release and of the site."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.procedures.files import read_given_file, read_given_toml
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.qualification.documents import prepare as prepare_document
from nesqc_gmp.procedures.qualification.reports.content import deviation_log, site_lines
from nesqc_gmp.procedures.qualification.reports.summary import ProcedureLine
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.qualification.traceability import problems, read_trace
from nesqc_gmp.records.base import Frozen, Line
from nesqc_gmp.records.qualification import DocumentKind, Stage

if TYPE_CHECKING:
    from nesqc_gmp.records.qualification import ProtocolContent

PLAN: Final = "plan.toml"
KINDS: Final[dict[str, DocumentKind]] = {
    "plan": "validation plan",
    "iq": "IQ protocol",
    "oq": "OQ protocol",
    "pq": "PQ protocol",
    "deviations": "deviation log",
    "summary": "summary report",
}
"""What is typed, and what it prepares."""

_TITLES: Final[dict[Stage, str]] = {
    "IQ": "Installation qualification",
    "OQ": "Operational qualification",
    "PQ": "Performance qualification",
}


class SummaryFacts(Frozen):
    """What the author of a summary report says, as TOML.

    Attributes:
        fit: Whether the system is fit for its intended use.
        conclusion: Why.
        open_points: What is still to be done.
        procedures: The procedures the site works by.
    """

    fit: bool
    conclusion: Line
    open_points: tuple[Line, ...] = ()
    procedures: tuple[ProcedureLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document is made from.

    Attributes:
        validation: Folder ``validation`` of the release.
        facts: TOML file with what the site says; ``None`` where nothing is said.
    """

    validation: Path
    facts: Path | None


def prepare(session: Session, what: str, source: Source, ceremony: Ceremony) -> str:
    """Write a document and sign it as its author.

    Args:
        session: A validation engineer.
        what: One of ``KINDS``.
        source: Where it is made from.
        ceremony: Shows the statement and asks for id and passphrase.

    Returns:
        The number of the document.

    Raises:
        InvalidInputError: What is asked for is unknown, or a file cannot be used.
    """
    if what not in KINDS:
        raise InvalidInputError(
            f"{what!r} cannot be prepared", where="WHAT", remedy=f"Write one of {', '.join(KINDS)}."
        )
    if what == "plan":
        return _plan(session, source, ceremony)
    if what == "summary":
        return _summary(session, source, ceremony)
    if what == "deviations":
        return _deviations(session, ceremony)
    content, digest = protocol(source.validation, KINDS[what][:2])
    title = f"{_TITLES[content.stage]} protocol, {len(content.cases)} cases"
    return prepare_document(session, KINDS[what], title, content, digest, ceremony)


def protocol(validation: Path, stage: str) -> tuple[ProtocolContent, str]:
    """The protocol of a stage as it lies in files, and the digest of what is executed.

    Raises:
        NotFoundError: There is no case.
        InvalidInputError: A case cannot be used.
    """
    if stage == "IQ":
        from nesqc_gmp.procedures.qualification.installing import installation_protocol

        found = installation_protocol(validation)
        return found.content, found.sha256
    if stage == "OQ":
        from nesqc_gmp.qualification.operational import content_of
        from nesqc_gmp.qualification.oq.protocol import read_protocol

        read = read_protocol(validation)
        return content_of(read), read.protocol_sha256
    from nesqc_gmp.procedures.qualification.performance import read_protocol as read_performance

    performance = read_performance(validation)
    return performance.content, performance.protocol_sha256


def _plan(session: Session, source: Source, ceremony: Ceremony) -> str:
    from nesqc_gmp.procedures.qualification.reports.plan import read_plan

    text = read_given_file(source.validation / PLAN).decode("utf-8")
    lines = site_lines(session.site.founded, session.site.ledger.origin)
    content = read_plan(text, {} if source.facts is None else _words(source.facts), lines)
    return prepare_document(session, "validation plan", content.title, content, None, ceremony)


def _deviations(session: Session, ceremony: Ceremony) -> str:
    site = session.site
    with session.viewing("qualify.prepare") as reader:
        content = deviation_log(site_lines(site.founded, site.ledger.origin), load_validation(reader), site.now())
    title = "Every execution of a case that did not pass, with its assessment"
    return prepare_document(session, "deviation log", title, content, None, ceremony)


def _words(path: Path) -> dict[str, str]:
    try:
        found: dict[str, Any] = tomllib.loads(read_given_file(path).decode("utf-8"))
    except ValueError as error:
        raise InvalidInputError(f"the file cannot be read: {error}", where=str(path), remedy="Write TOML.") from error
    wrong = [name for name, value in found.items() if not isinstance(value, str)]
    if wrong:
        raise InvalidInputError("a fact is not text", where=f"{path}: {wrong[0]}", remedy='Write it as name = "text".')
    return found


def _summary(session: Session, source: Source, ceremony: Ceremony) -> str:
    from nesqc_gmp.procedures.qualification.summary import Given, gather_summary

    if source.facts is None:
        raise InvalidInputError(
            "a summary report needs the conclusion of its author",
            where="--facts",
            remedy='Name a TOML file with fit = true or false and conclusion = "text"; see SOP-10.',
        )
    facts = read_given_toml(source.facts, SummaryFacts, "file of the summary", "See SOP-10.")
    given = Given(facts.fit, facts.conclusion, facts.open_points, facts.procedures, *_traced(source.validation))
    with session.viewing("qualify.prepare") as reader:
        content = gather_summary(session.site, reader, given)
    return prepare_document(session, "summary report", "Validation summary report", content, None, ceremony)


def _traced(validation: Path) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Facts of the traceability, and the documents of the clause map with their status."""
    trace = read_trace(validation)
    broken = list(problems(trace))
    facts = (
        ("Requirements", str(len(trace.requirements))),
        ("Cases of the protocols", str(len(trace.cases))),
        ("Marks in tests of the release", str(len(trace.marks)) if trace.marks else "the tests are not at hand"),
        ("Broken links", str(len(broken))),
    )
    return facts, tuple((document.title, document.status) for document in trace.clauses.documents)
