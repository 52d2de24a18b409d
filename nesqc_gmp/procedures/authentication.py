"""Checking id and passphrase; every failure is recorded, and five without a login in between lock."""

from __future__ import annotations

from datetime import datetime

from nesqc_gmp.errors import (
    AccountLockedError,
    AuthenticationError,
    IntegrityError,
)
from nesqc_gmp.esign import Credentials, open_key
from nesqc_gmp.identity.personal_key import load_certificate
from nesqc_gmp.procedures.context import SYSTEM, Site
from nesqc_gmp.records.entry import Subject
from nesqc_gmp.records.people import AuthenticationFailed
from nesqc_gmp.records.site import ActRefused
from nesqc_gmp.state import people as people_state
from nesqc_gmp.state.people import FAILURES_LIMIT


def authenticate(site: Site, credentials: Credentials, purpose: str) -> tuple[bytes, people_state.Credential]:
    """Check id and passphrase; every failure is recorded and the fifth since the last login locks (21 CFR 11.300(d)).

    Returns:
        The opened private key (PKCS#8 DER) and the credential it belongs to.

    Raises:
        AuthenticationError: Wrong id or passphrase, in the same words for both.
        AccountLockedError: The account cannot be used.
    """
    wrong = AuthenticationError(
        "id or passphrase is wrong", remedy="Five failures without a login in between lock the account."
    )
    with site.ledger.reading() as reader:
        person = site.people(reader).get(credentials.person)
    if person is None:
        _record_failure(site, None, purpose)
        raise wrong
    try:
        credential = people_state.require_usable(person)
    except AccountLockedError as error:
        _record_refusal(site, person.id, purpose, error)
        raise
    try:
        envelope = site.paths.envelope(person.id).read_bytes()
        return open_key(envelope, credential, credentials), credential
    except OSError as error:
        raise IntegrityError("the sealed key is missing", where=f"key of {person.id}") from error
    except AuthenticationError:
        if _record_failure(site, person.id, purpose):
            raise AccountLockedError(
                f"the account is locked after {FAILURES_LIMIT} failures",
                where=person.id,
                remedy="Two people reset it with `nesqc people reset`.",
            ) from None
        raise wrong from None


def authenticate_to_sign(site: Site, credentials: Credentials, purpose: str) -> tuple[bytes, people_state.Credential]:
    """Check id and passphrase for a signature; the person's certificate has to be valid now.

    Raises:
        AuthenticationError: Wrong id or passphrase, or the certificate has run out or not begun.
        AccountLockedError: The account cannot be used.
    """
    private, credential = authenticate(site, credentials, purpose)
    outside = _outside_validity(credential, site.moment(), credentials.person)
    if outside is not None:
        _record_refusal(site, credentials.person, purpose, outside)
        raise outside
    return private, credential


def _outside_validity(credential: people_state.Credential, now: datetime, person: str) -> AuthenticationError | None:
    certificate = load_certificate(credential.certificate.encode())
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begins:
        return AuthenticationError(
            f"your signing certificate is valid only from {begins:%Y-%m-%d %H:%M} UTC; the clock was set back",
            where=person,
            remedy="Set the clock of this machine right.",
        )
    if now > ends:
        return AuthenticationError(
            f"your signing certificate ran out on {ends:%Y-%m-%d}",
            where=person,
            remedy="Make a new one with `nesqc people passphrase --change`.",
        )
    return None


def _record_refusal(site: Site, person: str, purpose: str, error: AuthenticationError) -> None:
    """Record that somebody tried an account or a certificate that cannot be used (21 CFR 11.300(d))."""
    with site.ledger.writing() as transaction:
        record = ActRefused(act=purpose, why=str(error), error=type(error).__name__)
        site.append(transaction, SYSTEM, Subject(type="person", id=person), record)


def _record_failure(site: Site, person_id: str | None, purpose: str) -> bool:
    """Record a failed attempt; returns whether it locked the account."""
    with site.ledger.writing() as transaction:
        subject = Subject(type="person", id=person_id) if person_id else Subject(type="site", id="site")
        failures = site.people(transaction)[person_id].failures if person_id else 0
        locked = failures + 1 >= FAILURES_LIMIT
        record = AuthenticationFailed(person=person_id or "unknown", purpose=purpose, locked=locked)
        site.append(transaction, SYSTEM, subject, record)
        if locked:
            site.open_incident(transaction, "account locked", f"{person_id}: {FAILURES_LIMIT} failures, {purpose}")
        return locked
