"""The site's authority: what it issues is checked with the ``openssl`` command, another implementation."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError
from nesqc_gmp.identity.authority import (
    Authority,
    Revocation,
    certified_person_id,
    check_issued_by,
    create_authority,
    issue_crl,
    issue_person_certificate,
    issue_timestamp_certificate,
    load,
    serialise,
)
from nesqc_gmp.identity.personal_key import load_certificate, new_person_key, sign_statement, verify_statement

NOW = datetime(2028, 2, 29, 12, 0, 0, 5, tzinfo=UTC)
AUTHORITY = create_authority("Beispiel Zelltherapie GmbH", NOW)
KEY = new_person_key()
PERSON = issue_person_certificate(AUTHORITY, KEY.public_key, "a.example", "Dr. Anna Beispiel", NOW, 2)

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


def _openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_openssl
def test_openssl_accepts_the_chain_with_the_revocation_list_in_thirty_years(tmp_path: Path) -> None:
    timestamp = issue_timestamp_certificate(AUTHORITY, new_person_key().public_key, "Beispiel", NOW, 3)
    for name, data in {
        "root": AUTHORITY.certificate_pem,
        "person": PERSON,
        "timestamp": timestamp,
        "crl": issue_crl(AUTHORITY, (), NOW, 1),
    }.items():
        (tmp_path / name).write_bytes(data)
    common = ["-x509_strict", "-CAfile", str(tmp_path / "root"), "-crl_check", "-CRLfile", str(tmp_path / "crl")]
    soon, late = str(int(NOW.timestamp()) + 60), str(int((NOW + timedelta(days=39 * 365)).timestamp()))
    _openssl("verify", "-attime", soon, *common, str(tmp_path / "person"))
    _openssl("verify", "-attime", late, "-purpose", "timestampsign", *common, str(tmp_path / "timestamp"))


@needs_openssl
def test_openssl_refuses_a_revoked_person(tmp_path: Path) -> None:
    crl = issue_crl(AUTHORITY, (Revocation(2, NOW + timedelta(days=3)),), NOW + timedelta(days=3), 2)
    for name, data in {"root": AUTHORITY.certificate_pem, "person": PERSON, "crl": crl}.items():
        (tmp_path / name).write_bytes(data)
    at = str(int((NOW + timedelta(days=4)).timestamp()))
    done = subprocess.run(
        ["openssl", "verify", "-attime", at, "-CAfile", tmp_path / "root", "-crl_check", "-CRLfile", tmp_path / "crl",
         tmp_path / "person"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "revoked" in done.stderr


def test_a_statement_is_signed_by_the_person_and_no_other() -> None:
    signature = sign_statement(KEY.private_pkcs8, b"released")
    verify_statement(PERSON, b"released", signature)
    other = issue_person_certificate(AUTHORITY, new_person_key().public_key, "b", "B", NOW, 4)
    for certificate, statement, signed in (
        (PERSON, b"rejected", signature),
        (PERSON, b"released", signature[:-1] + bytes([signature[-1] ^ 1])),
        (PERSON, b"released", b""),
        (other, b"released", signature),
        (b"no certificate", b"released", signature),
    ):
        with pytest.raises(IntegrityError):
            verify_statement(certificate, statement, signed)


@needs_openssl
def test_openssl_verifies_a_statement(tmp_path: Path) -> None:
    (tmp_path / "statement").write_bytes(b"released")
    (tmp_path / "signature").write_bytes(sign_statement(KEY.private_pkcs8, b"released"))
    (tmp_path / "person").write_bytes(PERSON)
    (tmp_path / "key").write_text(_openssl("x509", "-in", str(tmp_path / "person"), "-pubkey", "-noout"))
    verdict = _openssl(
        "dgst", "-sha256", "-verify", str(tmp_path / "key"), "-signature", str(tmp_path / "signature"),
        str(tmp_path / "statement"),
    )  # fmt: skip
    assert "Verified OK" in verdict


@pytest.mark.parametrize(
    "name",
    [
        "Tomáš Novák",
        'O\'Brien, PhD; "MD" + = \\ #',
        "Ελένη Παπαδοπούλου",
        "Дарья Иванова",
        "李 小龍",
        "QA 😀",
        "x" * 200,
        "Ω" * 200,
        " a ",
    ],
)
def test_names_are_certified_whole(name: str) -> None:
    certificate = load_certificate(issue_person_certificate(AUTHORITY, KEY.public_key, "p-1_x", name, NOW, 5))
    full = certificate.subject.get_attributes_for_oid(x509.ObjectIdentifier("2.5.4.41"))[0].value
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert full == name.strip()
    assert len(str(common).encode()) <= 64
    assert str(common).rstrip("…") in name


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 201, "a\nb", "a\x00", "evil\u202egnp.exe", "zero\u200bwidth", "\ud800"]
)
def test_names_that_are_not_what_they_look_like_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        issue_person_certificate(AUTHORITY, KEY.public_key, "p-1", name, NOW, 5)


@pytest.mark.parametrize(
    ("person_id", "serial", "now", "key"),
    [("", 1, NOW, KEY.public_key), ("a b", 1, NOW, KEY.public_key), ("ä", 1, NOW, KEY.public_key),
     ("a", 0, NOW, KEY.public_key), ("a", -1, NOW, KEY.public_key), ("a", 1 << 200, NOW, KEY.public_key),
     ("a", 1, datetime(2028, 1, 1), KEY.public_key), ("a", 1, NOW, b"no key")],  # noqa: DTZ001
    ids=["no id", "blank", "letter", "serial 0", "serial -1", "long serial", "no offset", "no key"],
)  # fmt: skip
def test_other_unusable_input_is_refused(person_id: str, serial: int, now: datetime, key: bytes) -> None:
    with pytest.raises(InvalidInputError):
        issue_person_certificate(AUTHORITY, key, person_id, "A", now, serial)


def test_life_spans_and_usages() -> None:
    """Spans by hand: 29 February 2028 plus 41 and 3 years ends on 28 February; nothing outlives the root."""
    root, person = load_certificate(AUTHORITY.certificate_pem), load_certificate(PERSON)
    assert root.not_valid_after_utc == datetime(2069, 2, 28, 12, tzinfo=UTC)
    assert person.not_valid_after_utc == datetime(2031, 2, 28, 12, tzinfo=UTC)
    late = NOW + timedelta(days=365 * 39)
    stamp = load_certificate(issue_timestamp_certificate(AUTHORITY, KEY.public_key, "Site", late, 6))
    assert stamp.not_valid_after_utc == root.not_valid_after_utc
    usage = person.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    assert not usage.value.key_cert_sign
    assert stamp.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical
    with pytest.raises(x509.ExtensionNotFound):
        person.extensions.get_extension_for_class(x509.CRLDistributionPoints)


def test_a_certificate_of_another_site_is_refused() -> None:
    check_issued_by(PERSON, AUTHORITY.certificate_pem)
    assert certified_person_id(PERSON) == "a.example"
    twin = create_authority("Beispiel Zelltherapie GmbH", NOW)
    with pytest.raises(IntegrityError):
        check_issued_by(PERSON, twin.certificate_pem)
    with pytest.raises(IntegrityError):
        certified_person_id(AUTHORITY.certificate_pem)


def test_an_authority_is_read_back_and_never_shows_its_key() -> None:
    assert load(serialise(AUTHORITY)) == AUTHORITY
    assert "private" not in repr(AUTHORITY)
    other = create_authority("Other", NOW)
    mixed = serialise(Authority(certificate_pem=AUTHORITY.certificate_pem, private_pkcs8=other.private_pkcs8))
    for secret in (mixed, AUTHORITY.certificate_pem, b"", b"\xff" * 40):
        with pytest.raises(IntegrityError):
            load(secret)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=80), st.integers(0, len(PERSON) - 1))
def test_unreadable_certificates_are_refused_inside_the_tree(noise: bytes, at: int) -> None:
    broken = PERSON[:at] + noise + PERSON[at + len(noise) + 1 :]
    try:
        check_issued_by(broken, AUTHORITY.certificate_pem)
        certified_person_id(broken)
    except NesqcError:
        return
    assert load_certificate(broken) == load_certificate(PERSON)
