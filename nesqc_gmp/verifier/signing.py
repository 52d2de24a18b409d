"""People: their certificates, every signature in the bundle, and whether who acted was entitled to."""

from __future__ import annotations

from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.identity.binding import Certificates, check_signature
from nesqc_gmp.records.entry import CONTENT_KINDS, SIGNED_KINDS, Entry
from nesqc_gmp.records.people import CredentialSet, PersonEnrolled
from nesqc_gmp.records.site import SiteFounded
from nesqc_gmp.state.people import People, fold_people
from nesqc_gmp.verifier.proven import Proven

SYSTEM = "system"
"""Actor of what the tool does by itself."""


def check_certificates(proven: Proven) -> str:
    """Every certificate was issued by the authority, for the enrolled person it is entered for.

    Raises:
        IntegrityError: One was not.
    """
    certificates = Certificates(proven.founded.authority.encode())
    enrolled: set[str] = set()
    count = 0
    for entry in proven.about("person"):
        if isinstance(entry.record, PersonEnrolled):
            if entry.record.person in enrolled or entry.record.person != entry.subject.id:
                raise _bad(entry, "a person is enrolled twice or under another id")
            enrolled.add(entry.record.person)
        if isinstance(entry.record, CredentialSet):
            if entry.record.person not in enrolled or entry.record.person != entry.subject.id:
                raise _bad(entry, "a certificate is entered for somebody who is not enrolled")
            _admit(certificates, entry, entry.record)
            count += 1
    return f"{count} certificates of {len(enrolled)} people, issued by the authority"


def check_signatures(proven: Proven) -> str:
    """Every signature holds, and whoever acted could: enrolled under this name, account in use, role held.

    Raises:
        IntegrityError: One does not.
    """
    certificates = Certificates(proven.founded.authority.encode())
    count, people = 0, People()
    for entry in proven.entries:
        if isinstance(entry.record, CredentialSet):
            _admit(certificates, entry, entry.record)
        if entry.kind in CONTENT_KINDS | SIGNED_KINDS and entry.actor.person != SYSTEM:
            _require_entitled(proven, people, entry)
        if entry.kind in SIGNED_KINDS and not isinstance(entry.record, SiteFounded):
            try:
                check_signature(entry, proven.content_before(entry), certificates, lambda size: None)
            except IntegrityError as error:
                raise _bad(entry, error.what) from error
            count += 1
        if entry.subject.type == "person":
            people = fold_people((entry,), people)
    return f"{count} signatures: statement, content, act, person, role, reason and time agree"


def _admit(certificates: Certificates, entry: Entry, record: CredentialSet) -> None:
    try:
        certificates.admit(record)
    except IntegrityError as error:
        raise _bad(entry, error.what) from error


def _require_entitled(proven: Proven, people: People, entry: Entry) -> None:
    """The person was enrolled under the printed name, and held the role with an account in use, just before."""
    actor = entry.actor
    person = people.get(actor.person)
    if person is None or person.name != actor.name:
        raise _bad(entry, f"{actor.person} is not enrolled under the name {actor.name}")
    if isinstance(entry.record, CredentialSet):
        if (actor.person, actor.role) != (entry.subject.id, "owner"):
            raise _bad(entry, "a passphrase was set by somebody else than its owner")
        return
    if person.standing != "active":
        raise _bad(entry, f"the account of {actor.person} was {person.standing}")
    if actor.role == "founder":
        _require_founding(proven, entry)
    elif actor.role not in person.roles(entry.time.local[:10]):
        raise _bad(entry, f"{actor.person} did not hold the role {actor.role}")


def _require_founding(proven: Proven, entry: Entry) -> None:
    """The two founders grant each other one role each, once, and nothing else."""
    founders = set(proven.founded.founders)
    pair = {entry.actor.person, entry.subject.id}
    earlier = proven.about("person", entry.subject.id, entry.index)
    if entry.kind != "role_granted" or pair != founders or any(e.kind == "role_granted" for e in earlier):
        raise _bad(entry, f"{entry.actor.person} acted as a founder where no founding took place")


def _bad(entry: Entry, what: str) -> IntegrityError:
    return IntegrityError(f"entry {entry.index}: {what}", first_bad=entry.index)
