"""Signed notes, checkpoints and proof files against published examples, other programs' files and forgeries."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import IntegrityError, InvalidInputError
from nesqc_gmp.merkle import EMPTY_ROOT, CompactRange, inclusion_proof, leaf_hash
from nesqc_gmp.notes import (
    Checkpoint,
    InclusionProof,
    NoteSigner,
    NoteVerifier,
    SignedNote,
    open_checkpoint,
    open_note,
    sign,
    sign_checkpoint,
)

LOG = Path(__file__).resolve().parents[3] / "shared" / "data" / "vectors" / "tlog-tiles-log" / "log"
"""A log written by Tessera (transparency-dev/tessera, Apache-2.0); not part of the repository."""
LOG_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"

# The example in the documentation of golang.org/x/mod/sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
GO_NOTE = f"{GO_TEXT}\n— PeterNeumann {GO_LINE}\n"

# The example of C2SP signed-note v1, section "Verifier keys".
C2SP_PUBLIC = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

SIGNER = NoteSigner("example.org/nesqc/site-a/1", bytes(range(32)))
OTHER = NoteSigner("example.org/nesqc/site-a/1", bytes(range(1, 33)))


# --- notes ----------------------------------------------------------------------------------------


def test_signing_gives_the_published_note() -> None:
    assert sign(GO_TEXT, NoteSigner.parse(GO_PRIVATE)) == GO_NOTE


def test_published_notes_open() -> None:
    assert open_note(GO_NOTE.encode(), [NoteVerifier.parse(GO_PUBLIC)]) == GO_TEXT
    assert open_note(C2SP_NOTE.encode(), [NoteVerifier.parse(C2SP_PUBLIC)]) == "This is an example message.\n"


def test_a_text_may_hold_empty_lines_and_lines_that_look_like_signatures() -> None:
    for text in ("one\n\ntwo\n", "\n", "one\n\n", f"{GO_NOTE}\nmore\n", "— name AAAA\n"):
        assert open_note(sign(text, SIGNER), [SIGNER.verifier]) == text


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "return\r\n", "zero\x00\n", "broken \udc80\n"])
def test_texts_that_cannot_be_notes_are_not_signed(text: str) -> None:
    with pytest.raises(InvalidInputError, match="ends with a newline"):
        sign(text, SIGNER)


def test_lines_of_unknown_keys_are_ignored_and_of_known_keys_must_hold() -> None:
    note = sign("text\n", SIGNER)
    witness = NoteSigner("example.org/witness", bytes(32))
    both = note + witness.signature_line("text\n")
    assert open_note(both, [SIGNER.verifier]) == "text\n"
    assert open_note(both, [witness.verifier]) == "text\n"
    forged = note + witness.signature_line("other text\n")
    assert open_note(forged, [SIGNER.verifier]) == "text\n"
    with pytest.raises(IntegrityError, match="does not fit"):
        open_note(forged, [SIGNER.verifier, witness.verifier])


def test_a_note_no_trusted_key_signed_is_refused() -> None:
    note = sign("text\n", SIGNER)
    for trusted in ([], [OTHER.verifier], [NoteSigner("example.org/else", bytes(range(32))).verifier]):
        with pytest.raises(IntegrityError, match="No trusted key"):
            open_note(note, trusted)


def test_a_key_of_the_same_name_cannot_sign_under_the_known_key_id() -> None:
    line = OTHER.signature_line("text\n").rstrip("\n").split(" ")
    raw = SIGNER.verifier.key_id + base64.b64decode(line[2])[4:]
    forged = f"text\n\n— {SIGNER.name} {base64.b64encode(raw).decode()}\n"
    with pytest.raises(IntegrityError, match="does not fit"):
        open_note(forged, [SIGNER.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        GO_TEXT,
        f"{GO_TEXT}\n",
        GO_NOTE[:-1],
        GO_NOTE + "\n",
        GO_NOTE.replace("\n\n", "\n"),
        GO_NOTE.replace("—", "-"),
        GO_NOTE.replace("— ", "—"),
        GO_NOTE.replace("— PeterNeumann", "— "),
        GO_NOTE.replace("— PeterNeumann", "— Peter+Neumann"),
        GO_NOTE.replace("— PeterNeumann", "— Peter\u00a0Neumann"),
        GO_NOTE.replace(GO_LINE, ""),
        GO_NOTE.replace(GO_LINE, "x08g"),
        GO_NOTE.replace(GO_LINE, GO_LINE[:-1]),
        GO_NOTE.replace(GO_LINE, GO_LINE + " "),
        GO_NOTE.replace(GO_LINE, GO_LINE.replace("/", "_")),
        GO_NOTE.replace("nAM=", "nAN="),
        GO_NOTE.replace("\n", "\r\n"),
        GO_NOTE.replace("think", "th\x00nk"),
        GO_NOTE.replace("think", "th\udc80nk"),
        GO_NOTE + f"— PeterNeumann {GO_LINE}\n" * 100,
        "x" * 1_000_001,
    ],
)
def test_malformed_notes_are_refused(note: str) -> None:
    with pytest.raises(IntegrityError):
        open_note(note, [NoteVerifier.parse(GO_PUBLIC)])


@pytest.mark.parametrize("line", ["", "text", "— name", "— name ", "— name AAAA", "— na+me AAAAAAA=", "— name AAAAAA"])
def test_a_malformed_line_under_a_good_signature_spoils_the_note(line: str) -> None:
    assert open_note(f"{GO_NOTE}— name AAAAAAA=\n", [NoteVerifier.parse(GO_PUBLIC)]) == GO_TEXT
    with pytest.raises(IntegrityError):
        open_note(f"{GO_NOTE}{line}\n", [NoteVerifier.parse(GO_PUBLIC)])


def test_a_note_longer_than_any_real_one_is_not_read() -> None:
    with pytest.raises(IntegrityError, match="longer than 1000000 bytes"):
        open_note(sign("x" * 1_000_000 + "\n", SIGNER), [SIGNER.verifier])


def test_a_note_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(IntegrityError, match="UTF-8"):
        open_note(GO_NOTE.encode("latin-1", "replace").replace(b"?", b"\x97"), [NoteVerifier.parse(GO_PUBLIC)])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(GO_NOTE.encode()) * 8 - 1))
def test_any_changed_bit_spoils_a_note(bit: int) -> None:
    data = bytearray(GO_NOTE.encode())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IntegrityError):
        open_note(bytes(data), [NoteVerifier.parse(GO_PUBLIC)])


# --- checkpoints ----------------------------------------------------------------------------------


def test_checkpoints_written_by_another_program_open_and_print_again() -> None:
    if not LOG.is_dir():
        pytest.skip(f"no log at {LOG}")
    for size in range(16):
        data = (LOG / f"checkpoint.{size}").read_bytes()
        checkpoint = open_checkpoint(data, NoteVerifier.parse(LOG_KEY))
        assert (checkpoint.origin, checkpoint.size) == ("example.com/log/testdata", size)
        assert str(SignedNote.parse(data)).encode() == data
        assert str(checkpoint) == SignedNote.parse(data).text


def test_a_signed_checkpoint_opens_with_its_key_only() -> None:
    checkpoint = Checkpoint(SIGNER.name, 2**63 - 1, EMPTY_ROOT)
    note = sign_checkpoint(checkpoint, SIGNER)
    assert note == sign(str(checkpoint), SIGNER)
    assert open_checkpoint(note, SIGNER.verifier) == checkpoint
    with pytest.raises(IntegrityError, match="No trusted key"):
        open_checkpoint(note, OTHER.verifier)


def test_a_log_is_signed_by_its_own_key() -> None:
    checkpoint = Checkpoint("example.org/nesqc/site-b/1", 0, EMPTY_ROOT)
    with pytest.raises(InvalidInputError, match="own key"):
        sign_checkpoint(checkpoint, SIGNER)
    with pytest.raises(IntegrityError, match="of the log example"):
        open_checkpoint(sign(str(checkpoint), SIGNER), SIGNER.verifier)


ROOT = base64.b64encode(EMPTY_ROOT).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"example.org/a\n0\n{ROOT}",
        f"example.org/a\n0\n{ROOT}\nextension\n",
        f"\n0\n{ROOT}\n",
        f"example.org/a\n00\n{ROOT}\n",
        f"example.org/a\n+1\n{ROOT}\n",
        f"example.org/a\n-1\n{ROOT}\n",
        f"example.org/a\n1_0\n{ROOT}\n",
        f"example.org/a\n\u0661\n{ROOT}\n",
        f"example.org/a\n{2**63}\n{ROOT}\n",
        f"example.org/a\n\n{ROOT}\n",
        "example.org/a\n0\n\n",
        "example.org/a\n0\nAAAA\n",
        f"example.org/a\n0\n{ROOT[:-2]}V=\n",
        f"example.org/a\n0\n {ROOT}\n",
        f"example org/a\n0\n{ROOT}\n",
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(("size", "root"), [(-1, EMPTY_ROOT), (2**63, EMPTY_ROOT), (0, b""), (0, EMPTY_ROOT + b"x")])
def test_checkpoints_that_cannot_be_are_not_made(size: int, root: bytes) -> None:
    with pytest.raises(InvalidInputError):
        Checkpoint("example.org/a", size, root)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.from_regex(r"[a-zä.]{1,9}/[0-9]", fullmatch=True)
)
def test_checkpoints_print_and_parse_exactly(size: int, root: bytes, origin: str) -> None:
    checkpoint = Checkpoint(origin, size, root)
    assert Checkpoint.parse(str(checkpoint)) == checkpoint


# --- inclusion proofs -----------------------------------------------------------------------------

ENTRIES = [b'{"kind":"simulated","number":%d}' % number for number in range(13)]


def proof_of(index: int, extra: bytes | None = None) -> InclusionProof:
    """Proof of one entry of a log of 13, with its signed checkpoint."""
    nodes = {(0, number): leaf_hash(entry) for number, entry in enumerate(ENTRIES)}
    growing = CompactRange()
    for number in range(len(ENTRIES)):
        nodes.update({(level, at): node for level, at, node in growing.append(nodes[0, number])})
    note = sign_checkpoint(Checkpoint(SIGNER.name, growing.size, growing.root()), SIGNER)
    hashes = inclusion_proof(index, growing.size, lambda level, at: nodes[level, at])
    return InclusionProof(index, tuple(hashes), note, extra)


def test_the_layout_is_the_one_of_the_specification() -> None:
    # C2SP tlog-proof: header, optional extra, index, hashes, an empty line, the checkpoint as it is.
    hashes = (bytes(32), bytes([255]) * 32)
    proof = InclusionProof(5, hashes, GO_NOTE, b"extra information")
    assert proof.format() == (
        "c2sp.org/tlog-proof@v1\n"
        "extra ZXh0cmEgaW5mb3JtYXRpb24=\n"
        "index 5\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "//////////////////////////////////////////8=\n"
        f"\n{GO_NOTE}"
    )
    assert InclusionProof(0, (), GO_NOTE).format() == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{GO_NOTE}"


@pytest.mark.parametrize("extra", [None, b"\x00more"])
def test_every_proof_prints_parses_and_verifies(extra: bytes | None) -> None:
    for index, entry in enumerate(ENTRIES):
        proof = proof_of(index, extra)
        assert InclusionProof.parse(proof.format().encode()) == proof
        assert proof.verify(entry, SIGNER.verifier).size == 13
        with pytest.raises(IntegrityError, match="not the one the log holds"):
            proof.verify(entry + b"\n", SIGNER.verifier)
        with pytest.raises(IntegrityError, match="No trusted key"):
            proof.verify(entry, OTHER.verifier)


HEAD = "c2sp.org/tlog-proof@v1\nindex 0\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        f"c2sp.org/tlog-proof@v1\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v2\nindex 0\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 00\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex -1\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex {2**63 - 1}\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra AAAA\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra AAA\nindex 0\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 0\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{'A' * 44}\n\n{GO_NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{f'{ROOT}{chr(10)}' * 64}\n{GO_NOTE}",
        HEAD + GO_TEXT,
        (HEAD + GO_NOTE).replace("\n", "\r\n"),
    ],
)
def test_malformed_proof_files_are_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        InclusionProof.parse(text)


@pytest.mark.parametrize(
    ("index", "hashes", "extra"), [(-1, (), None), (2**63, (), None), (0, (b"x",), None), (0, (), b"")]
)
def test_proofs_that_cannot_be_are_not_made(index: int, hashes: tuple[bytes, ...], extra: bytes | None) -> None:
    with pytest.raises(InvalidInputError):
        InclusionProof(index, hashes, GO_NOTE, extra)


# --- anything at all ------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        "— ",
        "+",
        " ",
        "name",
        GO_PUBLIC,
        GO_LINE,
        GO_TEXT,
        HEAD,
        "index 0",
        "extra AAAA",
        "0",
        ROOT,
        "\u2028",
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=8).map("".join) | st.binary(max_size=80))
def test_parsers_of_anything_print_it_again_or_raise_integrity_errors(data: str | bytes) -> None:
    expected = data if isinstance(data, str) else data.decode(errors="replace")
    text = data if isinstance(data, str) else data.decode("latin-1")
    for read in (
        lambda: str(SignedNote.parse(data)) == expected,
        lambda: InclusionProof.parse(data).format() == expected,
        lambda: str(Checkpoint.parse(text)) == text,
        lambda: str(NoteVerifier.parse(text)) == text,
        lambda: NoteSigner.parse(text).private_text() == text,
    ):
        try:
            assert read()
        except IntegrityError:
            continue
