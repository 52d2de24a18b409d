"""What can be prepared: plan, protocols and summary report, from the files of the release and of the site."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.esign import Ceremony
from nesqc_gmp.notes import NoteVerifier
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.qualification.documents import prepare as prepare_document
from nesqc_gmp.procedures.qualification.installing import require_released
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
        facts: What the site says of itself; ``None`` where nothing is said.
        release_key: File with the key of the releases, received another way; for the IQ protocol.
    """

    validation: Path
    facts: Mapping[str, Any] | None
    release_key: Path | None = None


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
    key = _release_key(session, source) if what == "iq" else None
    content, digest = protocol(source.validation, KINDS[what][:2], key)
    if what == "oq":
        require_released(session.site, source.validation, {file.name: file.sha256 for file in content.files})
    title = f"{_TITLES[content.stage]} protocol, {len(content.cases)} cases"
    return prepare_document(session, KINDS[what], title, content, digest, ceremony)


def protocol(validation: Path, stage: str, release_key: str | None = None) -> tuple[ProtocolContent, str]:
    """The protocol of a stage as it lies in files, and the digest of what is executed.

    Raises:
        NotFoundError: There is no case.
        InvalidInputError: A case cannot be used.
    """
    if stage == "IQ":
        from nesqc_gmp.procedures.qualification.installing import installation_protocol

        found = installation_protocol(validation, release_key)
        return found.content, found.sha256
    if stage == "OQ":
        from nesqc_gmp.qualification.operational import content_of
        from nesqc_gmp.qualification.oq.protocol import read_protocol

        read = read_protocol(validation)
        return content_of(read), read.protocol_sha256
    from nesqc_gmp.procedures.qualification.performance import read_protocol as read_performance

    performance = read_performance(validation)
    return performance.content, performance.protocol_sha256


def _release_key(session: Session, source: Source) -> str | None:
    """The key of the releases; a production site names the one it received another way."""
    if source.release_key is not None:
        return str(NoteVerifier.parse(read_given_file(source.release_key).decode("utf-8").strip()))
    if session.site.founded.for_gmp_use:
        raise InvalidInputError(
            "the protocol of a production site names the key of the releases, received another way than the release",
            where="--release-key",
            remedy="Name the file with the key that the supplier gave you by another way.",
        )
    return None


def _plan(session: Session, source: Source, ceremony: Ceremony) -> str:
    from nesqc_gmp.procedures.qualification.reports.plan import read_plan

    text = read_given_file(source.validation / PLAN).decode("utf-8")
    lines = site_lines(session.site.founded, session.site.ledger.origin)
    content = read_plan(text, _texts(source.facts or {}), lines)
    title = f"{content.title}, {len(content.open)} facts not given" if content.open else content.title
    return prepare_document(session, "validation plan", title, content, None, ceremony)


def _deviations(session: Session, ceremony: Ceremony) -> str:
    site = session.site
    with session.viewing("qualify.prepare") as reader:
        content = deviation_log(site_lines(site.founded, site.ledger.origin), load_validation(reader), site.now())
    title = "Every execution of a case that did not pass, with its assessment"
    return prepare_document(session, "deviation log", title, content, None, ceremony)


def plan_questions(validation: Path) -> dict[str, str]:
    """What the plan asks of the site: the name of each fact, and the words in which it is asked."""
    questions: dict[str, str] = tomllib.loads((validation / PLAN).read_text("utf-8"))["site"]
    return questions


def read_facts(path: Path) -> dict[str, Any]:
    """What a site says of itself, from a TOML file.

    Raises:
        InvalidInputError: The file cannot be read.
    """
    try:
        return tomllib.loads(read_given_file(path).decode("utf-8"))
    except ValueError as error:
        raise InvalidInputError(f"the file cannot be read: {error}", where=str(path), remedy="Write TOML.") from error


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    wrong = [name for name, value in facts.items() if not isinstance(value, str)]
    if wrong:
        raise InvalidInputError("a fact is not text", where=wrong[0], remedy='Write it as name = "text".')
    return dict(facts)


def _summary(session: Session, source: Source, ceremony: Ceremony) -> str:
    from nesqc_gmp.procedures.qualification.summary import Given, gather_summary

    if source.facts is None:
        raise InvalidInputError(
            "a summary report needs the conclusion of its author",
            where="--facts",
            remedy='Name a TOML file with fit = true or false and conclusion = "text"; see SOP-10, 5.8.',
        )
    try:
        facts = SummaryFacts.model_validate_json(json.dumps(source.facts))
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        what = f"the summary cannot be made: {fields}"
        raise InvalidInputError(what, where="--facts", remedy="See SOP-10, 5.8.") from error
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
