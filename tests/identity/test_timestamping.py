"""Time-stamp tokens: checked with ``openssl ts``, another implementation, and for the time they take."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from asn1crypto import cms, tsp

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.identity.authority import create_authority, issue_timestamp_certificate
from nesqc_gmp.identity.personal_key import new_person_key
from nesqc_gmp.identity.timestamping import issue_timestamp

NOW = datetime(2026, 11, 22, 20, 58, 34, 123456, tzinfo=timezone(timedelta(hours=1)))
AUTHORITY = create_authority("Beispiel", NOW)
KEY = new_person_key()
CERTIFICATE = issue_timestamp_certificate(AUTHORITY, KEY.public_key, "Beispiel", NOW, 2)
DIGEST = hashlib.sha256(b"data").digest()


def _token(digest: bytes = DIGEST, serial: int = 7, when: datetime = NOW) -> bytes:
    return issue_timestamp(
        digest,
        certificate_pem=CERTIFICATE,
        private_pkcs8=KEY.private_pkcs8,
        chain_pem=(AUTHORITY.certificate_pem,),
        serial=serial,
        when=when,
    )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
@pytest.mark.parametrize("when", [NOW, NOW + timedelta(days=39 * 365)])
def test_openssl_verifies_a_token_and_refuses_it_for_other_data(tmp_path: Path, when: datetime) -> None:
    (tmp_path / "token").write_bytes(_token(when=when))
    (tmp_path / "root").write_bytes(AUTHORITY.certificate_pem)
    at = str(int(when.timestamp()) + 1)
    command = ["openssl", "ts", "-verify", "-token_in", "-in", tmp_path / "token", "-CAfile", tmp_path / "root",
               "-attime", at, "-digest"]  # fmt: skip
    good = subprocess.run([*command, DIGEST.hex()], capture_output=True, text=True, check=False)
    assert "Verification: OK" in good.stdout, good.stderr
    bad = subprocess.run([*command, hashlib.sha256(b"other").hexdigest()], capture_output=True, text=True, check=False)
    assert bad.returncode != 0


def test_a_token_carries_the_time_in_utc_and_the_serial_number_given() -> None:
    signed = cms.ContentInfo.load(_token())["content"]
    info = tsp.TSTInfo.load(bytes(signed["encap_content_info"]["content"]))
    assert info["gen_time"].native == datetime(2026, 11, 22, 19, 58, 34, tzinfo=UTC)
    assert info["serial_number"].native == 7
    assert info["message_imprint"]["hashed_message"].native == DIGEST


def test_reading_many_tokens_again_never_takes_long() -> None:
    """The worst of thirty, not the median: a badly encoded attribute once cost 8 to 17 seconds for one in five."""
    longest = 0.0
    for serial in range(1, 31):
        started = time.process_time()
        token = _token(serial=serial)
        copy = cms.ContentInfo.load(token)
        assert copy.copy().dump(force=True) == token
        longest = max(longest, time.process_time() - started)
    assert longest < 2.0


@pytest.mark.parametrize(
    ("digest", "serial", "when"),
    [(b"", 1, NOW), (bytes(20), 1, NOW), (DIGEST, 0, NOW), (DIGEST, 1 << 200, NOW), (DIGEST, 1, datetime(2026, 1, 1))],  # noqa: DTZ001
)
def test_unusable_input_is_refused(digest: bytes, serial: int, when: datetime) -> None:
    with pytest.raises(InvalidInputError):
        _token(digest, serial, when)


def test_a_key_that_is_not_the_certificates_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        issue_timestamp(
            DIGEST,
            certificate_pem=CERTIFICATE,
            private_pkcs8=new_person_key().private_pkcs8,
            chain_pem=(),
            serial=1,
            when=NOW,
        )
