"""How a site stands, read from its log: people, reviews, incidents, as summary reports and periodic reviews tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import instant_of
from nesqc_gmp.procedures.qualification.reports.content import SiteLines
from nesqc_gmp.procedures.qualification.reports.standing import (
    DORMANT_DAYS,
    AccessLine,
    AuditReviewLine,
    ChangeLine,
    IncidentLine,
    QualifiedLine,
)
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.batches import AuditTrailReviewed
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.people import SessionOpened
from nesqc_gmp.records.qualification import InstallationVerified, Stage
from nesqc_gmp.records.site import IncidentAssessed, IncidentOpened
from nesqc_gmp.state.batches import Batch
from nesqc_gmp.state.models import Models
from nesqc_gmp.state.people import fold_people
from nesqc_gmp.state.qualification import Validation

_STAGES: tuple[Stage, ...] = ("IQ", "OQ", "PQ")


def instant(site: SiteLines, utc: str) -> Instant:
    """A UTC time of a fold, as reports carry it."""
    return instant_of(datetime.fromisoformat(utc), site.zone)


def access_lines(entries: Iterable[Entry], today: date) -> tuple[AccessLine, ...]:
    """Everybody who ever had an account, from the entries about people."""
    found = tuple(entries)
    logins = {entry.subject.id: entry.time for entry in found if isinstance(entry.record, SessionOpened)}
    enrolled = {entry.subject.id: entry.time for entry in reversed(found)}
    lines = []
    for person in fold_people(found).values():
        login = logins.get(person.id)
        used = (login or enrolled[person.id]).local[:10]
        idle = today - date.fromisoformat(used) > timedelta(days=DORMANT_DAYS)
        usable = person.roles(today.isoformat())
        lines.append(
            AccessLine(
                person=person.id,
                name=person.name,
                standing=person.standing,
                roles=tuple((g.role, g.expires_on or "") for g in person.grants if g.role in usable),
                last_login=login,
                dormant=idle and person.standing != "disabled",
            )
        )
    return tuple(lines)


def audit_review_lines(entries: Iterable[Entry]) -> tuple[AuditReviewLine, ...]:
    """Reviews of the audit trails of batches, from the entries that are such reviews."""
    return tuple(
        AuditReviewLine(
            batch=entry.subject.id,
            reviewer=entry.actor.name,
            time=entry.time,
            first=entry.record.first,
            last=entry.record.last,
            exceptions=len(entry.record.exceptions),
            acceptable=entry.record.acceptable,
        )
        for entry in entries
        if isinstance(entry.record, AuditTrailReviewed)
    )


def waiting_for_review(batches: Iterable[Batch]) -> Iterator[str]:
    """Batches that were worked on after the last review of their audit trail, or never had one."""
    for batch in batches:
        decided = batch.disposition is not None and batch.disposition.decision != "on hold"
        if not decided and batch.attempts and not batch.in_present_form(batch.audit_reviewed):
            yield batch.registered.batch


def incident_lines(entries: Iterable[Entry]) -> tuple[IncidentLine, ...]:
    """Incidents with their assessments, from the entries about the site."""
    found: dict[str, IncidentLine] = {}
    for entry in entries:
        match entry.record:
            case IncidentOpened(incident=name, incident_kind=kind, detail=detail, batch=batch):
                found[name] = IncidentLine(
                    incident=name, kind=kind, detail=detail, batch=batch, opened=entry.time, assessment=None,
                    assessed_by="",
                )  # fmt: skip
            case IncidentAssessed(incident=name):
                assessed = {"assessment": entry.reason or "", "assessed_by": entry.actor.name}
                found[name] = found[name].model_copy(update=assessed)
            case _:
                continue
    return tuple(found.values())


def change_lines(site: SiteLines, validation: Validation) -> tuple[ChangeLine, ...]:
    """Every change."""
    return tuple(
        ChangeLine(
            change=change.recorded.change,
            kinds=change.recorded.kinds,
            description=change.recorded.description,
            retest=change.recorded.retest,
            recorded=instant(site, change.by.at),
            approved=change.approved is not None,
        )
        for change in validation.changes.values()
    )


def qualified_line(reader: Reader, site: SiteLines, validation: Validation, models: Models) -> QualifiedLine | None:
    """The state that is qualified, ``None`` where none is."""
    qualified = validation.qualified
    if qualified is None:
        return None
    verified = list(reader.entries_of({"installation_verified"}))
    last = verified[-1] if verified else None
    names = {digest: models[digest].label if digest in models else "not installed" for digest in qualified.models}
    return QualifiedLine(
        state_sha256=qualified.state_sha256,
        basis=qualified.basis,
        since=instant(site, qualified.since),
        stages=tuple(stage for stage in _STAGES if stage in qualified.stages or (stage == "PQ" and qualified.models)),
        models=tuple(sorted((name, digest) for digest, name in names.items())),
        verified=last.time if last else None,
        differing=last.record.differing if last and isinstance(last.record, InstallationVerified) else (),
    )
