"""Envelopes: opened by the right passphrase, by nothing else, and never below the floor of the derivation."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import AuthenticationError, IntegrityError, InvalidInputError, NesqcError
from nesqc_gmp.identity.envelope import check_passphrase, open_envelope, read_header, seal

PASSPHRASE = "quiet amber window ladder"
SECRET = b"a private key"
SEALED = seal(SECRET, PASSPHRASE, owner="a.example", purpose="signing")


@pytest.mark.requirement("UR-PEOPLE-16", reviewed="59224b91")
def test_opens_with_the_passphrase_and_no_other() -> None:
    assert open_envelope(SEALED, PASSPHRASE) == SECRET
    with pytest.raises(AuthenticationError):
        open_envelope(SEALED, PASSPHRASE + " ")
    assert SECRET not in SEALED
    assert base64.b64encode(SECRET).rstrip(b"=") not in SEALED


def test_two_envelopes_of_one_secret_share_neither_salt_nor_nonce() -> None:
    first, second = read_header(SEALED), read_header(seal(SECRET, PASSPHRASE, owner="a.example", purpose="signing"))
    assert first.salt != second.salt
    assert first.nonce != second.nonce


def test_composed_and_decomposed_letters_are_one_passphrase() -> None:
    sealed = seal(SECRET, "Zu\u0308rich blau Fenster", owner="a", purpose="signing")
    assert open_envelope(sealed, "Z\u00fcrich blau Fenster") == SECRET


def test_key_derivation_equals_the_reference_implementation() -> None:
    """The key was computed with argon2-cffi 25.1.0, which wraps the reference code of RFC 9106."""
    key = bytes.fromhex("164331e401338df67f62c7702ecdbde0d237653d1eb874fe728a98b633bd482e")
    document = json.loads(
        seal(SECRET, PASSPHRASE, owner="a", purpose="signing", salt=bytes(range(16)), nonce=bytes(12))
    )
    header = json.dumps(document["header"], sort_keys=True, separators=(",", ":")).encode()
    assert AESGCM(key).decrypt(bytes(12), base64.b64decode(document["ciphertext"]), header) == SECRET


@pytest.mark.parametrize("field", ["owner", "purpose", "salt", "nonce"])
def test_an_altered_header_does_not_open(field: str) -> None:
    document = json.loads(SEALED)
    old = document["header"][field]
    document["header"][field] = old[:-1] + ("0" if old[-1] != "0" else "1")
    with pytest.raises(AuthenticationError):
        open_envelope(json.dumps(document).encode(), PASSPHRASE)


def test_an_altered_ciphertext_does_not_open() -> None:
    document = json.loads(SEALED)
    sealed = bytearray(base64.b64decode(document["ciphertext"]))
    sealed[0] ^= 1
    document["ciphertext"] = base64.b64encode(sealed).decode()
    with pytest.raises(AuthenticationError):
        open_envelope(json.dumps(document).encode(), PASSPHRASE)


@pytest.mark.parametrize(
    ("field", "value"),
    [("memory_kib", 65535), ("memory_kib", 8), ("memory_kib", 2**31), ("iterations", 1), ("algorithm", "scrypt")],
)
def test_a_cheaper_or_ruinous_derivation_is_refused_before_any_work(field: str, value: object) -> None:
    document = json.loads(SEALED)
    document["header"]["derivation"][field] = value
    with pytest.raises(IntegrityError):
        open_envelope(json.dumps(document).encode(), PASSPHRASE)


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.integers(0, len(SEALED) - 1).map(lambda cut: SEALED[:cut])))
def test_bytes_that_are_no_envelope_are_refused_inside_the_tree(data: bytes) -> None:
    with pytest.raises(NesqcError):
        open_envelope(data, PASSPHRASE)


def test_deep_nesting_and_size_are_refused() -> None:
    for data in (b"[" * 60000, b" " * 70000, b'{"header":' * 5000):
        with pytest.raises(IntegrityError):
            open_envelope(data, PASSPHRASE)


@pytest.mark.requirement("UR-PEOPLE-07", reviewed="d376a45f", negative=True)
@pytest.mark.parametrize(
    "passphrase",
    ["short", "elevenchars", "a.example and more words", "A.EXAMPLE and more words", "aaaaaaaaaaaa", "ababababababab",
     "Password1234", "correct horse battery staple", "ｐａｓｓｗｏｒｄ１２３４", "x" * 2000, "half a \ud800 surrogate"],
)  # fmt: skip
def test_weak_passphrases_are_refused(passphrase: str) -> None:
    with pytest.raises(InvalidInputError):
        check_passphrase(passphrase, "a.example")


@pytest.mark.parametrize("passphrase", [PASSPHRASE, "Größe7Fenster!", "тихое янтарное окно"])
def test_good_passphrases_pass(passphrase: str) -> None:
    check_passphrase(passphrase, "a.example")


@pytest.mark.parametrize(("owner", "secret"), [("", b""), ("../up", b""), ("a\n", b""), ("a", bytes(40000))])
def test_owner_and_secret_outside_their_limits_are_refused(owner: str, secret: bytes) -> None:
    with pytest.raises(InvalidInputError):
        seal(secret, PASSPHRASE, owner=owner, purpose="signing")
