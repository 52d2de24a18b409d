"""Assembling the validation summary report from the live system."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from nesqc_gmp.errors import OutOfSequenceError
from nesqc_gmp.identity.roles import EXCLUSIVE, RIGHTS
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.qualification.reports import content as contents
from nesqc_gmp.procedures.qualification.reports.standing import IncidentLine
from nesqc_gmp.procedures.qualification.reports.summary import ProcedureLine, SummaryContent
from nesqc_gmp.procedures.qualification.standing import (
    access_lines,
    audit_review_lines,
    change_lines,
    incident_lines,
    qualified_line,
    waiting_for_review,
)
from nesqc_gmp.records.qualification import Stage
from nesqc_gmp.state.batches import outline_batch
from nesqc_gmp.state.models import fold_models
from nesqc_gmp.state.qualification import Validation


@dataclass(frozen=True, slots=True)
class Given:
    """What the author of a summary report adds to what the log holds.

    Attributes:
        fit: Whether the system is fit for its intended use.
        conclusion: Why.
        open_points: What is still to be done.
        procedures: The procedures the site works by.
        traceability: Facts of the matrix from requirements to results.
        clauses: Documents of the clause map with their status.
    """

    fit: bool
    conclusion: str
    open_points: tuple[str, ...] = ()
    procedures: tuple[ProcedureLine, ...] = ()
    traceability: tuple[tuple[str, str], ...] = ()
    clauses: tuple[tuple[str, str], ...] = ()


def gather_summary(site: Site, reader: Reader, given: Given) -> SummaryContent:
    """The content of a summary report at the present size of the log.

    Raises:
        OutOfSequenceError: It is to say that the system is fit, and IQ or OQ of the installed state is not approved.
    """
    lines = contents.site_lines(site.founded, site.ledger.origin)
    validation = load_validation(reader)
    if given.fit:
        _require_qualified(validation)
    incidents = incident_lines(reader.entries("site", "site"))
    waiting = tuple(waiting_for_review(outline_batch(reader.entries("batch", name), name) for name in reader.batches()))
    size = reader.size
    return SummaryContent(
        site=lines,
        made=site.now(),
        fit=given.fit,
        conclusion=given.conclusion,
        open_points=(*_found(validation, incidents, waiting), *given.open_points),
        size=size,
        root=base64.b64encode(reader.root(size)).decode("ascii"),
        qualified=qualified_line(reader, lines, validation, fold_models(reader.entries_about("model"))),
        documents=tuple(contents.document_line(lines, each) for each in validation.documents.values()),
        runs=tuple(contents.run_line(lines, run) for run in validation.runs.values()),
        deviations=contents.deviation_log(lines, validation, site.now()).deviations,
        changes=change_lines(lines, validation),
        incidents=incidents,
        access=access_lines(reader.entries_about("person"), site.today()),
        roles=tuple((role, ", ".join(sorted(rights))) for role, rights in RIGHTS.items()),
        exclusions=tuple(sorted(" and ".join(sorted(pair)) for pair in EXCLUSIVE)),
        audit_reviews=audit_review_lines(reader.entries_of({"audit_trail_reviewed"})),
        waiting=waiting,
        procedures=given.procedures,
        traceability=given.traceability,
        clauses=given.clauses,
    )


def _missing(validation: Validation) -> tuple[Stage, ...]:
    approved = validation.qualified.stages if validation.qualified else frozenset[Stage]()
    needed: tuple[Stage, ...] = ("IQ", "OQ")
    return tuple(stage for stage in needed if stage not in approved)


def _require_qualified(validation: Validation) -> None:
    missing = _missing(validation)
    if missing:
        raise OutOfSequenceError(
            f"nobody can conclude that the system is fit: the {' and '.join(missing)} of the installed state "
            f"{'is' if len(missing) == 1 else 'are'} not approved",
            where="summary report",
            remedy="Run and approve it first, or conclude that the system is not fit.",
        )


def _found(validation: Validation, incidents: tuple[IncidentLine, ...], waiting: tuple[str, ...]) -> Iterator[str]:
    """What is open by the log alone."""
    for stage in _missing(validation):
        yield f"The {stage} of the installed state is not approved."
    if validation.qualified is None or not validation.qualified.models:
        yield "No model has an approved performance qualification on the installed state."
    for document in validation.documents.values():
        if document.approved is None:
            yield f"{document.prepared.document}, {document.prepared.document_kind}, is not approved."
    for run in validation.runs.values():
        if run.approved is None:
            yield f"Nobody has concluded on {run.number}."
    for change in validation.changes.values():
        if change.approved is None:
            yield f"Change {change.recorded.change} is not approved."
    for incident in incidents:
        if incident.assessment is None:
            yield f"Incident {incident.incident} ({incident.kind}) is not assessed."
    for batch in waiting:
        yield f"The audit trail of batch {batch} waits for its review."
