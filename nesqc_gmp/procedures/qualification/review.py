"""Gathering a periodic review from the log: one pass over what happened, and what should have happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.ledger import Reader
from nesqc_gmp.procedures.context import Site, require_day
from nesqc_gmp.procedures.qualification.common import load_validation
from nesqc_gmp.procedures.qualification.reports import content as contents
from nesqc_gmp.procedures.qualification.reports.content import SiteLines
from nesqc_gmp.procedures.qualification.reports.review import (
    Anchors,
    BackupLine,
    InForce,
    MonthLine,
    PeopleCounts,
    ReaderLine,
    ReviewContent,
)
from nesqc_gmp.procedures.qualification.reports.standing import AccessLine, IncidentLine
from nesqc_gmp.procedures.qualification.standing import (
    access_lines,
    audit_review_lines,
    change_lines,
    incident_lines,
    instant,
    qualified_line,
    waiting_for_review,
)
from nesqc_gmp.procedures.site import backup_warnings
from nesqc_gmp.records.base import decimal_text
from nesqc_gmp.records.batches import AttemptClosed, AttemptOpened, BatchDisposed, ImageRead, ImageScored
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.people import (
    AuthenticationFailed,
    PersonDisabled,
    ResetRequested,
    RoleGranted,
    RoleRevoked,
    SessionOpened,
)
from nesqc_gmp.records.site import ActRefused, BackupMade, CheckpointExported, RestoreTested, SiteRestored
from nesqc_gmp.state.batches import outline_batch
from nesqc_gmp.state.certificates import fold_certificates
from nesqc_gmp.state.models import Models, fold_models
from nesqc_gmp.state.products import fold_specifications
from nesqc_gmp.state.qualification import Validation

YEAR: Final = timedelta(days=366)
SOON: Final = timedelta(days=30)
_DECIMALS: Final = 4


@dataclass(frozen=True, slots=True)
class _Period:
    """Days of the site's time zone, both included."""

    since: str
    until: str

    def holds(self, entry: Entry) -> bool:
        return self.since <= entry.time.local[:10] <= self.until

    def of(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        return tuple(entry for entry in entries if self.holds(entry))


def gather(site: Site, reader: Reader, since: str, until: str) -> ReviewContent:
    """What a periodic review of a site says, from its log.

    Args:
        site: The open site.
        reader: Its records.
        since: First day, in the site's time zone.
        until: Last day; what stands now is told as it is now.

    Raises:
        InvalidInputError: A day is none, or the period ends before it begins or after today.
    """
    if not require_day(since, "--since") <= require_day(until, "--until") <= site.today():
        raise InvalidInputError(
            "the period ends before it begins, or after today", where=f"{since} to {until}", remedy="Name other days."
        )
    period = _Period(since, until)
    lines = contents.site_lines(site.founded, site.ledger.origin)
    validation = load_validation(reader)
    models = fold_models(reader.entries_about("model"))
    people = tuple(reader.entries_about("person"))
    about_batches = tuple(reader.entries_about("batch"))
    batches = [outline_batch(reader.entries("batch", name), name) for name in reader.batches()]
    incidents = incident_lines(reader.entries("site", "site"))
    access = access_lines(people, site.today())
    waiting = tuple(waiting_for_review(batches))
    anchors = _anchors(reader, period)
    deviations = contents.deviation_log(lines, validation, site.now()).deviations
    worked = period.of(about_batches)
    return ReviewContent(
        site=lines,
        since=since,
        until=until,
        made=site.now(),
        size=reader.size,
        previous=_previous(validation),
        overdue=(
            *_overdue(site, validation, incidents, access, waiting, anchors),
            *(f"{each[:1].upper()}{each[1:]}." for each in backup_warnings(site.state(reader), site.moment())),
        ),
        qualified=qualified_line(reader, lines, validation, models),
        software=tuple(dict.fromkeys(entry.software for entry in (*period.of(people), *worked))),
        in_force=tuple(_in_force(reader, models)),
        changes=tuple(c for c in change_lines(lines, validation) if since <= c.recorded.local[:10] <= until),
        runs=tuple(_runs(lines, validation, period)),
        deviations=tuple(d for d in deviations if since <= d.recorded.time.local[:10] <= until),
        incidents=tuple(i for i in incidents if i.assessment is None or since <= i.opened.local[:10] <= until),
        refused=_refused(period.of(reader.entries_of({"act_refused"}))),
        access=access,
        people=_people(period.of(people)),
        audit_reviews=audit_review_lines(worked),
        waiting=waiting,
        readers=_readers(worked),
        attempts=_attempts(worked),
        decisions=_counted(entry.record.decision for entry in worked if isinstance(entry.record, BatchDisposed)),
        months=tuple(_months(about_batches, models, period)),
        backups=tuple(_backups(period.of(reader.entries_of({"backup_made", "restore_tested", "site_restored"})))),
        anchors=anchors,
    )


def _counted(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items()))


def _previous(validation: Validation) -> tuple[str, ...]:
    if not validation.reviews:
        return ()
    last = list(validation.reviews.values())[-1].signed
    return (last.review, f"until {last.until}", "remains valid" if last.remains_valid else "does not remain valid")


def _runs(lines: SiteLines, validation: Validation, period: _Period) -> Iterator[contents.RunLine]:
    for run in validation.runs.values():
        line = contents.run_line(lines, run)
        if period.since <= line.opened.local[:10] <= period.until:
            yield line


def _in_force(reader: Reader, models: Models) -> Iterator[InForce]:
    for digest, model in models.items():
        yield InForce(kind="model", name=model.label, standing=model.standing, detail=digest)
    for name, state in fold_specifications(reader.entries_about("specification")).items():
        test = state.specification.morphology
        yield InForce(
            kind="specification", name=name, standing=state.standing, detail=f"{test.model} {test.model_version}"
        )


def _refused(entries: Iterable[Entry]) -> tuple[tuple[str, int], ...]:
    records = [entry.record for entry in entries]
    return _counted(f"{r.act}: {r.error}" for r in records if isinstance(r, ActRefused))


def _people(entries: tuple[Entry, ...]) -> PeopleCounts:
    records = [(entry, entry.record) for entry in entries]
    failed = [r for _, r in records if isinstance(r, AuthenticationFailed)]
    return PeopleCounts(
        logins=sum(isinstance(record, SessionOpened) for _, record in records),
        failed=_counted(record.person for record in failed),
        locked=_counted(record.person for record in failed if record.locked),
        resets=_counted(record.person for _, record in records if isinstance(record, ResetRequested)),
        granted=tuple(
            f"{record.role} to {record.person} by {entry.actor.person} on {entry.time.local[:10]}"
            for entry, record in records
            if isinstance(record, RoleGranted)
        ),
        ended=tuple(_ended(records)),
    )


def _ended(records: Iterable[tuple[Entry, object]]) -> Iterator[str]:
    for entry, record in records:
        who = f"by {entry.actor.person} on {entry.time.local[:10]}"
        if isinstance(record, RoleRevoked):
            yield f"{record.role} of {record.person} {who}"
        elif isinstance(record, PersonDisabled):
            yield f"account {record.person} closed {who}"


def _readers(entries: Iterable[Entry]) -> tuple[ReaderLine, ...]:
    read: dict[tuple[str, str], list[ImageRead]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry.record, ImageRead):
            read[(entry.actor.person, entry.actor.name)].append(entry.record)
    return tuple(
        ReaderLine(
            person=person,
            name=name,
            readings=len(readings),
            compared=sum(each.model_outcome in _JUDGED for each in readings),
            agreed=sum(each.model_outcome in _JUDGED and each.model_outcome == each.reading for each in readings),
            overrides=sum(each.override for each in readings),
            blinded=sum(each.blinded for each in readings),
        )
        for (person, name), readings in sorted(read.items())
    )


_JUDGED: Final = frozenset({"conforming", "not conforming"})


def _attempts(entries: Iterable[Entry]) -> tuple[tuple[str, int], ...]:
    names = []
    for entry in entries:
        if isinstance(entry.record, AttemptOpened):
            names += ["opened", *(["opened to repeat an analysis"] if entry.reason else [])]
        elif isinstance(entry.record, AttemptClosed):
            names.append(entry.record.ending)
    return _counted(names)


def _months(entries: Iterable[Entry], models: Models, period: _Period) -> Iterator[MonthLine]:
    """Results by month and model; the package is the one that the attempt was opened with."""
    packages: dict[tuple[str, int], str] = {}
    scored: dict[tuple[str, str], list[ImageScored]] = defaultdict(list)
    for entry in entries:
        match entry.record:
            case AttemptOpened(attempt=number, model_sha256=digest):
                packages[(entry.subject.id, number)] = digest
            case ImageScored(attempt=number) as result if period.holds(entry):
                scored[(entry.time.local[:7], packages[(entry.subject.id, number)])].append(result)
            case _:
                continue
    for (month, digest), results in sorted(scored.items()):
        manifest = models[digest].manifest
        outcomes = Counter(result.outcome for result in results)
        lower, median, upper = quartiles(
            [Decimal(result.judged_score) for result in results if result.judged_score is not None]
        )
        yield MonthLine(
            month=month,
            model=models[digest].label,
            images=len(results),
            conforming=outcomes["conforming"],
            not_conforming=outcomes["not conforming"],
            undecided=outcomes["undecided"],
            rejected=outcomes["rejected by input check"],
            lower=lower,
            median=median,
            upper=upper,
            conforming_from=manifest.conforming_from,
            not_conforming_below=manifest.not_conforming_below,
        )


def quartiles(values: Iterable[Decimal]) -> tuple[str | None, str | None, str | None]:
    """Lower quartile, median and upper quartile, linear between values (Hyndman and Fan 1996, type 7)."""
    ordered = sorted(values)
    if not ordered:
        return None, None, None
    first, second, third = (_quantile(ordered, Decimal(part) / 4) for part in (1, 2, 3))
    return first, second, third


def _quantile(ordered: list[Decimal], share: Decimal) -> str:
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return decimal_text(ordered[below] + (place - below) * (ordered[above] - ordered[below]), _DECIMALS)


def _backups(entries: Iterable[Entry]) -> Iterator[BackupLine]:
    for entry in entries:
        match entry.record:
            case BackupMade(backup=name, size=size, place=place, warnings=warnings):
                said = "; ".join(warnings)
                yield BackupLine(
                    kind="backup", backup=name, time=entry.time, size=size,
                    result=f"verified in {place}" + (f"; warning: {said}" if said else ""),
                )  # fmt: skip
            case RestoreTested(backup=name, size=size, steps=steps, findings=findings):
                result = f"FAILED: {'; '.join(findings)}" if findings else f"passed, {steps} steps"
                yield BackupLine(kind="restore test", backup=name, time=entry.time, size=size, result=result)
            case SiteRestored(backup=name, size=size, lost=lost):
                yield BackupLine(
                    kind="restore",
                    backup=name,
                    time=entry.time,
                    size=size,
                    result=f"{lost} later entries known as lost",
                )
            case _:
                continue


def _anchors(reader: Reader, period: _Period) -> Anchors:
    exported = list(reader.entries_of({"checkpoint_exported"}))
    certificates = tuple(reader.entries_about("certificate"))
    sizes = [entry.record.size for entry in exported if isinstance(entry.record, CheckpointExported)]
    sizes += [each.issued.anchored_size for each in fold_certificates(certificates).values()]
    words = {
        "certificate_issued": "issued",
        "certificate_withdrawn": "withdrawn",
        "certificate_superseded": "replaced",
    }
    return Anchors(
        exported=tuple(
            (entry.time, entry.record.size)
            for entry in period.of(exported)
            if isinstance(entry.record, CheckpointExported)
        ),
        certificates=_counted(words[entry.kind] for entry in period.of(certificates) if entry.kind in words),
        unanchored=reader.size - max(sizes, default=0),
    )


def _overdue(
    site: Site,
    validation: Validation,
    incidents: tuple[IncidentLine, ...],
    access: tuple[AccessLine, ...],
    waiting: tuple[str, ...],
    anchors: Anchors,
) -> Iterator[str]:
    """What should have been done and was not, as far as the log shows it."""
    today = site.today()
    yield from _overdue_validation(site, validation, today)
    for incident in incidents:
        if incident.assessment is None:
            yield f"Incident {incident.incident} ({incident.kind}) of {incident.opened.local[:10]} is not assessed."
    for batch in waiting:
        yield f"The audit trail of batch {batch} waits for its review."
    for line in access:
        yield from _overdue_account(line, today)
    if not anchors.exported:
        yield "No checkpoint was written out in the period."


def _overdue_validation(site: Site, validation: Validation, today: date) -> Iterator[str]:
    lines = contents.site_lines(site.founded, site.ledger.origin)
    if validation.qualified is None:
        yield "No installed state is qualified."
    if site.founded.for_gmp_use and validation.verified_at is None:
        yield "The installed files were never hashed again."
    if validation.reviews:
        last = list(validation.reviews.values())[-1].signed
        if today - date.fromisoformat(last.until) > YEAR:
            yield f"The last periodic review, {last.review}, ended on {last.until}, more than a year ago."
    for document in validation.documents.values():
        if document.approved is None:
            yield f"{document.prepared.document} ({document.prepared.document_kind}) is not approved."
    for run in validation.runs.values():
        if run.approved is None:
            opened = instant(lines, run.by.at).local[:10]
            yield f"Nobody has concluded on {run.number}, opened on {opened}."
        for deviation in run.deviations:
            if deviation.accepted is None:
                yield f"Deviation {deviation.recorded.deviation} is not assessed."
    for change in validation.changes.values():
        if change.approved is None:
            yield f"Change {change.recorded.change} is not approved."


def _overdue_account(line: AccessLine, today: date) -> Iterator[str]:
    if line.dormant:
        last = f"last login {line.last_login.local[:10]}" if line.last_login else "no login ever"
        yield f"The account {line.person} is dormant: {last}."
    if line.standing in {"locked", "reset requested"}:
        yield f"The account {line.person} is {line.standing}."
    for role, day in line.roles:
        if day and date.fromisoformat(day) - today <= SOON:
            yield f"The role {role} of {line.person} ends on {day}."


__all__ = ["gather", "quartiles"]
