"""Signing a PDF of the site with a person's key: certificates and reports of validation go this one way."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from cryptography import x509

from nesqc_gmp.certificate.sign import Timestamper
from nesqc_gmp.certificate.sign import sign as sign_file
from nesqc_gmp.identity.authority import Revocation, issue_crl, load
from nesqc_gmp.identity.personal_key import load_certificate
from nesqc_gmp.identity.timestamping import issue_timestamp
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.state.people import Credential, People, Person


def sign_pdf(site: Site, unsigned: bytes, signer: tuple[Person, bytes, str], when: datetime, sentence: str) -> bytes:
    """Sign a file that has one empty signature field: revocation list and time stamps come from the site.

    Args:
        site: The open site.
        unsigned: The file; it stays the beginning of the signed one.
        signer: The person, their private key (PKCS#8 DER) as the ceremony opened it, and their certificate (PEM).
        when: Time of signing.
        sentence: The meaning of the signature in words.

    Returns:
        The signed file, PAdES baseline B-LTA.

    Raises:
        InvalidInputError: The file, the key or the certificate is not usable.
    """
    person, private, certificate = signer
    authority = load(site.paths.authority.read_bytes())
    with site.ledger.reading() as reader:
        revoked = revocations(site.people(reader))
        number = reader.size
    return sign_file(
        unsigned,
        private_key=private,
        certificate=certificate.encode(),
        authority=authority.certificate_pem,
        crl=issue_crl(authority, revoked, when, number),
        timestamper=timestamper(site, when),
        when=when.astimezone(ZoneInfo(site.founded.zone)),
        name=person.name,
        reason=sentence,
    )


def timestamper(site: Site, when: datetime) -> Timestamper:
    """The site's time-stamping authority at one moment; every token has a number of its own."""
    key = site.paths.timestamp_key.read_bytes()

    def stamp(digest: bytes) -> bytes:
        return issue_timestamp(
            digest,
            certificate_pem=site.founded.timestamp_certificate.encode(),
            private_pkcs8=key,
            chain_pem=(site.founded.authority.encode(),),
            serial=x509.random_serial_number(),
            when=when,
        )

    return stamp


def revocations(people: People) -> tuple[Revocation, ...]:
    """Certificates that no longer count: replaced by a later one, or of a closed account."""
    revoked: list[Revocation] = []
    for person in people.values():
        later: list[Credential | None] = [*person.credentials[1:], None]
        # Somebody who is enrolled but has set no passphrase yet has no certificate.
        for credential, successor in zip(person.credentials, later, strict=False):
            end = successor.set_at if successor else person.closed_at
            if end is not None:
                serial = load_certificate(credential.certificate.encode()).serial_number
                revoked.append(Revocation(serial, datetime.fromisoformat(end)))
    return tuple(revoked)
