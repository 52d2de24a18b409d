"""Keys of signed notes: RFC 8032 vectors, key texts of other programs, and keys nobody should trust."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from nesqc_gmp.errors import IntegrityError, InvalidInputError
from nesqc_gmp.merkle import EMPTY_ROOT
from nesqc_gmp.notes import Checkpoint, NoteSigner, NoteVerifier

# The key of a log written by Tessera (transparency-dev/tessera, testdata).
LOG_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"

# The example in the documentation of golang.org/x/mod/sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

# The example of C2SP signed-note v1, section "Verifier keys".
C2SP_PUBLIC = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

# RFC 8032 section 7.1, tests 1 to 3: private key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

SIGNER = NoteSigner("example.org/nesqc/site-a/1", bytes(range(32)))


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_rfc_8032_vectors(seed: str, public: str, message: str, signature: str) -> None:
    signer = NoteSigner("example.org/key", bytes.fromhex(seed))
    assert signer.verifier.public_key.hex() == public
    assert signer.sign(bytes.fromhex(message)).hex() == signature
    signer.verifier.check(bytes.fromhex(message), bytes.fromhex(signature))


def test_a_second_spelling_of_a_signature_is_refused() -> None:
    # RFC 8032 section 5.1.7: S must be below the group order L, or S + L would be a second valid signature.
    order = 2**252 + 27742317777372353535851937790883648493
    signature = SIGNER.sign(b"text")
    scalar = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(IntegrityError, match="does not fit"):
        SIGNER.verifier.check(b"text", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(IntegrityError, match="does not fit"):
        SIGNER.verifier.check(b"text", (SIGNER.sign(b"text") * 2)[:length])


def test_key_texts_of_other_programs_print_again() -> None:
    signer = NoteSigner.parse(GO_PRIVATE)
    assert signer.private_text() == GO_PRIVATE
    assert str(signer.verifier) == GO_PUBLIC
    for text in (GO_PUBLIC, C2SP_PUBLIC, LOG_KEY):
        assert str(NoteVerifier.parse(text)) == text


def test_a_generated_key_is_new_and_comes_back_from_its_text() -> None:
    first, second = NoteSigner.generate("example.org/a"), NoteSigner.generate("example.org/a")
    assert first.private_text() != second.private_text()
    assert NoteSigner.parse(first.private_text()).verifier == first.verifier


def test_the_private_key_does_not_show_in_a_log_line() -> None:
    assert GO_PRIVATE[-20:] not in repr(NoteSigner.parse(GO_PRIVATE))


@pytest.mark.parametrize("text", [GO_PUBLIC, C2SP_PUBLIC, LOG_KEY])
def test_every_changed_missing_or_added_letter_spoils_a_verifier_key(text: str) -> None:
    for at in range(len(text)):
        for mangled in (text[:at] + text[at + 1 :], text[:at] + "A" + text[at:], text[:at] + "b" + text[at + 1 :]):
            if mangled != text:
                with pytest.raises(IntegrityError):
                    NoteVerifier.parse(mangled)


def test_every_changed_or_missing_letter_spoils_a_private_key_and_stays_out_of_the_message() -> None:
    for at in range(len(GO_PRIVATE)):
        for mangled in (GO_PRIVATE[:at] + GO_PRIVATE[at + 1 :], GO_PRIVATE[:at] + "!" + GO_PRIVATE[at + 1 :]):
            with pytest.raises(IntegrityError) as caught:
                NoteSigner.parse(mangled)
            assert "FALVFGyN" not in str(caught.value)


@pytest.mark.parametrize("kind", [0x00, 0x02, 0x04, 0x06, 0xFF])
def test_other_signature_types_are_refused(kind: int) -> None:
    encoded = base64.b64encode(bytes([kind]) + SIGNER.verifier.public_key).decode()
    with pytest.raises(IntegrityError, match="plain Ed25519"):
        NoteVerifier.parse(f"example.org/key+00000000+{encoded}")


@pytest.mark.parametrize("name", ["", "a+b", "a b", "a\tb", "a\nb", "a\u00a0b", "a\u2003b", "a\u0000b", "a\ud800b"])
def test_names_that_would_break_a_line_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="key name"):
        NoteSigner.generate(name)
    with pytest.raises(InvalidInputError, match="key name"):
        NoteVerifier(name, SIGNER.verifier.public_key)
    with pytest.raises(InvalidInputError, match="key name"):
        Checkpoint(name, 0, EMPTY_ROOT)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        NoteVerifier("example.org/key", b"\x05" * length)
    with pytest.raises(InvalidInputError, match="32 bytes"):
        NoteSigner("example.org/key", b"\x05" * length)


# edwards25519 by the formulas of RFC 8032 section 5.1, to find the points of low order independently of the table.
P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
Point = tuple[int, int]


def added(one: Point, two: Point) -> Point:
    """Sum of two points (RFC 8032 section 5.1.4, affine)."""
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P
    return x, y


def times(count: int, point: Point) -> Point:
    """A multiple of a point."""
    total = (0, 1)
    while count:
        if count & 1:
            total = added(total, point)
        point, count = added(point, point), count >> 1
    return total


def point_of(y: int) -> Point | None:
    """A point with this y coordinate (RFC 8032 section 5.1.3), where there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return None if (x * x - square) % P else (x, y)


def low_order_keys() -> set[bytes]:
    """Encodings of all points of low order: the group order times any points leaves only those."""
    points = [point for y in range(2, 16) if (point := point_of(y))]
    torsion = {times(ORDER, point) for point in points}
    torsion |= {added(one, two) for one in torsion for two in torsion}
    return {(y | (x & 1) << 255).to_bytes(32, "little") for x, y in torsion}


def test_all_eight_points_of_low_order_are_refused() -> None:
    keys = low_order_keys()
    assert len(keys) == 8
    for key in keys:
        with pytest.raises(InvalidInputError, match="low order"):
            NoteVerifier("example.org/key", key)
        text = f"example.org/key+00000000+{base64.b64encode(bytes([1]) + key).decode()}"
        with pytest.raises(IntegrityError, match="low order"):
            NoteVerifier.parse(text)


def test_the_danger_of_low_order_keys_is_real() -> None:
    # The identity as public key: R = identity, S = 0 is accepted for every message by the library below.
    identity = (1).to_bytes(32, "little")
    for message in (b"released", b"rejected"):
        Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), message)


@pytest.mark.parametrize("y", [P, P + 1, P + 5, 2**255 - 1])
@pytest.mark.parametrize("sign_bit", [0, 1])
def test_a_second_spelling_of_a_key_is_refused(y: int, sign_bit: int) -> None:
    with pytest.raises(InvalidInputError, match="canonical"):
        NoteVerifier("example.org/key", (y | sign_bit << 255).to_bytes(32, "little"))
