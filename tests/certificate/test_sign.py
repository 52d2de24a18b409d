"""Signing: what other programs say of the file, what is refused, and how long it takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.certificate.render import render
from nesqc_gmp.certificate.sign import sign
from nesqc_gmp.certificate.verify import verify
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.identity.authority import Revocation, issue_crl
from nesqc_gmp.identity.personal_key import new_person_key

WHEN = datetime(2026, 11, 22, 20, 58, 34, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture(scope="module")
def unsigned(sample: Callable[..., Any], attachments: Mapping[str, bytes]) -> bytes:
    content, pictures = sample()
    return render(content, pictures, attachments)


def _sign(pdf: bytes, keys: Any, **changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "private_key": keys.person.private_pkcs8,
        "certificate": keys.person_certificate,
        "authority": keys.authority.certificate_pem,
        "crl": keys.crl,
        "timestamper": keys.timestamp,
        "when": WHEN,
        "name": "Dr. María Ejemplo",
        "reason": "released – I release this batch for the tests listed in its specification.",
    }
    return sign(pdf, **(arguments | changes))


@pytest.fixture(scope="module")
def signed(unsigned: bytes, keys: Any) -> bytes:
    return _sign(unsigned, keys)


def test_the_unsigned_file_is_the_beginning_of_the_signed_one(unsigned: bytes, signed: bytes) -> None:
    assert signed.startswith(unsigned)


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed")
def test_qpdf_finds_no_error(signed: bytes, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed)
    assert (
        subprocess.run(["qpdf", "--check", tmp_path / "signed.pdf"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig is not installed")
def test_pdfsig_calls_the_signature_valid(signed: bytes, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed)
    done = subprocess.run(["pdfsig", tmp_path / "signed.pdf"], capture_output=True, text=True, check=False)
    assert "Signature is Valid" in done.stdout
    assert "Dr. María Ejemplo" in done.stdout
    assert "ETSI.CAdES.detached" in done.stdout


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
def test_openssl_verifies_the_signature_and_the_time_stamp(signed: bytes, keys: Any, tmp_path: Path) -> None:
    """With the standard library and ``openssl`` alone: cut the signed bytes out, verify both CMS structures."""
    matches = list(re.finditer(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", signed))
    assert len(matches) == 2
    (tmp_path / "root.pem").write_bytes(keys.authority.certificate_pem)
    for number, match in enumerate(matches):
        _, first, second, length = (int(value) for value in match.groups())
        (tmp_path / "data").write_bytes(signed[:first] + signed[second : second + length])
        (tmp_path / "cms").write_bytes(bytes.fromhex(signed[first + 1 : second - 1].decode()))
        at = str(int(WHEN.timestamp()) + 1)
        command = (
            ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "cms", "-content",
             tmp_path / "data", "-CAfile", tmp_path / "root.pem", "-purpose", "any", "-attime", at,
             "-out", tmp_path / "out"]
            if number == 0
            else ["openssl", "ts", "-verify", "-token_in", "-in", tmp_path / "cms", "-data", tmp_path / "data",
                  "-CAfile", tmp_path / "root.pem", "-attime", at]
        )  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_no_signature_takes_long(unsigned: bytes, keys: Any) -> None:
    """The worst of eight: one badly encoded attribute of the time stamps once cost 8 to 17 seconds in one of five."""
    longest = 0.0
    for _ in range(8):
        started = time.process_time()
        _sign(unsigned, keys)
        longest = max(longest, time.process_time() - started)
    assert longest < 4.0


@pytest.mark.requirement("UR-CERTIFICATES-10", reviewed="9f1bef9e")
def test_the_signed_file_breaks_no_rule_of_the_archive_format(signed: bytes, tmp_path: Path) -> None:
    pdfa = pytest.importorskip("pikepdf.pdfa", reason="pikepdf[pdfa] is not installed", exc_type=ImportError)
    (tmp_path / "signed.pdf").write_bytes(signed)
    report = pdfa.validate_written(tmp_path / "signed.pdf", "3b")
    assert [finding for finding in report.findings if finding.kind != "unsupported"] == []


def test_a_long_name_in_three_scripts_is_signed(unsigned: bytes, keys: Any) -> None:
    name = ("Ångström Παπαδοπούλου Иванова " * 7)[:200]
    assert verify(_sign(unsigned, keys, name=name), authority_pem=keys.authority.certificate_pem).passed


@pytest.mark.parametrize(
    "case", ["not a pdf", "already signed", "other key", "no time zone", "expired", "not yet valid", "revoked",
             "no certificate", "no key", "other root"],
)  # fmt: skip
def test_what_cannot_be_signed_is_refused(unsigned: bytes, signed: bytes, keys: Any, case: str) -> None:
    revoked = issue_crl(keys.authority, (Revocation(3, WHEN),), WHEN, 2)
    changes: dict[str, dict[str, Any]] = {
        "not a pdf": {"pdf": b"not a pdf"},
        "already signed": {"pdf": signed},
        "other key": {"private_key": new_person_key().private_pkcs8},
        "no time zone": {"when": WHEN.replace(tzinfo=None)},
        "expired": {"when": WHEN + timedelta(days=365 * 4)},
        "not yet valid": {"when": WHEN - timedelta(days=2)},
        "revoked": {"crl": revoked, "when": WHEN + timedelta(seconds=5)},
        "no certificate": {"certificate": b"nothing"},
        "no key": {"private_key": b"nothing"},
        "other root": {"authority": keys.person_certificate},
    }
    arguments = changes[case]
    with pytest.raises(InvalidInputError):
        _sign(arguments.pop("pdf", unsigned), keys, **arguments)
