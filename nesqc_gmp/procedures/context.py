"""The open site that every procedure stands on: its ledger, its store, its clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from nesqc_gmp.config import SitePaths
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.ledger import Ledger, LogSigner, Reader, Receipt, Transaction
from nesqc_gmp.notes import Checkpoint as NoteCheckpoint
from nesqc_gmp.notes import SignedNote
from nesqc_gmp.objects import ObjectStore
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.entry import Actor, Record, Subject
from nesqc_gmp.records.site import IncidentOpened
from nesqc_gmp.state.incidents import SiteState, fold_site
from nesqc_gmp.state.models import fold_models
from nesqc_gmp.state.people import People, fold_people

Clock = Callable[[], datetime]
SYSTEM = Actor(person="system", name="nesqc_gmp", role="system", authentication="none", session=None)
CLOCK_TOLERANCE = timedelta(seconds=2)


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def instant_of(moment: datetime, zone: str) -> Instant:
    """A moment as text, in UTC and in the site's zone."""
    local = moment.astimezone(ZoneInfo(zone)).isoformat(timespec="microseconds")
    utc = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Instant(utc=utc, local=local, zone=zone)


def require_day(text: str, field: str) -> date:
    """A calendar day.

    Raises:
        InvalidInputError: It is not YYYY-MM-DD.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise InvalidInputError(f"{text!r} is not a day", where=field, remedy="Write it as YYYY-MM-DD.")
    return day


class Site:
    """An open site.

    Args:
        paths: Where it lies.
        clock: Where the time comes from.
    """

    def __init__(self, paths: SitePaths, clock: Clock = system_clock) -> None:
        self.paths = paths
        self._clock = clock
        self._people: tuple[int, People] = (0, {})
        self.ledger = Ledger(paths.ledger, LogSigner(paths.log_key, paths.log_state))
        self.objects = ObjectStore(paths.objects)
        with self.ledger.reading() as reader:
            self.founded = fold_site(reader.entries("site", "site")).founded

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the ledger."""
        self.ledger.close()

    def moment(self) -> datetime:
        """Now."""
        return self._clock()

    def today(self) -> date:
        """The day in the site's time zone."""
        return self._clock().astimezone(ZoneInfo(self.founded.zone)).date()

    def now(self) -> Instant:
        """Now, as records carry it."""
        return instant_of(self._clock(), self.founded.zone)

    def state(self, reader: Reader) -> SiteState:
        """The site, folded."""
        return fold_site(reader.entries("site", "site"))

    def people(self, reader: Reader) -> People:
        """The people, folded; entries folded once are not read again, since the log only grows."""
        size, people = self._people
        if size == 0 or any(subject_type == "person" for _, subject_type, _ in reader.since(size)):
            people = fold_people(reader.entries_about("person", after=size - 1), people)
        if not (isinstance(reader, Transaction) and reader.appended):
            self._people = (reader.size, people)
        return people

    def append(
        self, transaction: Transaction, actor: Actor, subject: Subject, record: Record, reason: str | None = None
    ) -> Receipt:
        """Append a record now; a clock that went backwards opens an incident beside it."""
        now = self.now()
        self._watch_clock(transaction, now)
        return transaction.append(time=now, actor=actor, subject=subject, record=record, reason=reason)

    def open_incident(self, transaction: Transaction, kind: str, detail: str, batch: str | None = None) -> None:
        """Open an incident that a person has to assess."""
        number = f"I-{transaction.size:06d}"
        record = IncidentOpened.model_validate(
            {"incident": number, "incident_kind": kind, "detail": detail[:2000], "batch": batch}
        )
        subject = Subject(type="site", id="site")
        transaction.append(time=self.now(), actor=SYSTEM, subject=subject, record=record)

    def open_incident_if_active(self, transaction: Transaction, digest: str, what: str) -> None:
        """Open an incident where something speaks against a package that is active: every batch may rest on it."""
        model = fold_models(transaction.entries("model", digest))[digest]
        if model.standing == "active":
            detail = f"{model.label}, digest {digest}: {what}"
            self.open_incident(transaction, "active model questioned", detail)

    def _watch_clock(self, transaction: Transaction, now: Instant) -> None:
        if transaction.size == 0 or transaction.appended:
            return
        last = transaction.entry(transaction.size - 1).time.utc
        if datetime.fromisoformat(now.utc) + CLOCK_TOLERANCE < datetime.fromisoformat(last):
            self.open_incident(transaction, "clock", f"the clock reads {now.utc}; the last entry is of {last}")


def checkpoint_of(note: str) -> NoteCheckpoint:
    """The checkpoint in a note of this ledger."""
    return NoteCheckpoint.parse(SignedNote.parse(note).text)
