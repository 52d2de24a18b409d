"""Incidents, backups and the site's founding facts, folded from the records about the site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from nesqc_gmp.errors import IntegrityError, NotFoundError, OutOfSequenceError
from nesqc_gmp.records import site as records
from nesqc_gmp.records.entry import Entry


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: what, when, which batch, whether a person assessed it."""

    id: str
    kind: str
    detail: str
    batch: str | None
    opened: str
    index: int
    assessed: bool = False


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup: its record, when it was made (UTC), and when a restore test of it last passed."""

    made: records.BackupMade
    made_at: str
    passed_at: str | None = None


@dataclass(frozen=True, slots=True)
class SiteState:
    """What is known of the site."""

    founded: records.SiteFounded
    incidents: tuple[Incident, ...] = ()
    anchored_size: int = 0
    anchored_at: str | None = None
    backups: tuple[Backup, ...] = ()

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """Incidents that nobody has assessed."""
        return tuple(incident for incident in self.incidents if not incident.assessed)


def fold_site(entries: Iterable[Entry]) -> SiteState:
    """The site, from the entries about it.

    Raises:
        IntegrityError: The log does not begin with the founding of a site.
    """
    state: SiteState | None = None
    for entry in entries:
        record = entry.record
        if isinstance(record, records.SiteFounded) and state is None:
            if records.purpose_of(entry.origin) != record.purpose:
                raise IntegrityError(
                    "the founding of the site and the origin of its log name two purposes", first_bad=0
                )
            state = SiteState(record)
        elif state is not None:
            state = _apply(state, entry)
    if state is None:
        raise IntegrityError("the log does not begin with the founding of a site", first_bad=0)
    return state


def _apply(state: SiteState, entry: Entry) -> SiteState:
    match entry.record:
        case records.IncidentOpened(incident=name, incident_kind=kind, detail=detail, batch=batch):
            incident = Incident(name, kind, detail, batch, entry.time.utc, entry.index)
            return replace(state, incidents=(*state.incidents, incident))
        case records.IncidentAssessed(incident=name):
            done = tuple(replace(i, assessed=True) if i.id == name else i for i in state.incidents)
            return replace(state, incidents=done)
        case records.CheckpointExported(size=size):
            return replace(state, anchored_size=max(size, state.anchored_size), anchored_at=entry.time.utc)
        case records.BackupMade() as made:
            return replace(state, backups=(*state.backups, Backup(made, entry.time.utc)))
        case records.RestoreTested(backup=name, passed=True):
            tested = tuple(replace(b, passed_at=entry.time.utc) if b.made.backup == name else b for b in state.backups)
            return replace(state, backups=tested)
        case _:
            return state


def backup(state: SiteState, name: str) -> Backup:
    """A backup that the log records.

    Raises:
        NotFoundError: The log records none of this name.
    """
    for found in state.backups:
        if found.made.backup == name:
            return found
    raise NotFoundError(
        "the log of this site records no backup of this name",
        where=name,
        remedy="Name the folder as `nesqc site backup` made it; its name is never changed.",
    )


def open_incident(state: SiteState, name: str) -> Incident:
    """An incident that waits for its assessment.

    Raises:
        NotFoundError: There is none of this number, or it was assessed.
    """
    for incident in state.open_incidents:
        if incident.id == name:
            return incident
    raise NotFoundError("there is no open incident of this number", where=name, remedy="See `nesqc site status`.")


def require_no_incident(state: SiteState, batch: str) -> None:
    """Nothing open stands against a batch (EU GMP Annex 11 cl. 13).

    Raises:
        OutOfSequenceError: An open incident touches it.
    """
    touching = [i for i in state.open_incidents if i.batch in {None, batch}]
    if touching:
        names = "; ".join(f"{i.id} ({i.kind}): {i.detail}" for i in touching)
        raise OutOfSequenceError(
            f"an incident is open: {names}", where=batch, remedy="QA assesses it with `nesqc site assess`."
        )
