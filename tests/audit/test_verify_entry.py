"""The shell verifier: it accepts what the log proves, refuses everything else, and needs nothing of the package.

The proof files are made here; that the maths is right is shown by the published inclusion vectors, shaped into proof
files, and by the verifier sharing no line with the package.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.merkle import CompactRange, inclusion_proof, leaf_hash
from nesqc_gmp.notes import Checkpoint, InclusionProof, NoteSigner, sign, sign_checkpoint

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "audit" / "verify-entry.sh"
VECTORS = ROOT.parent / "shared" / "data" / "vectors" / "rfc6962-merkle" / "inclusion"
"""Cases of transparency-dev/merkle (Apache-2.0); not part of the repository."""

MISSING = [tool for tool in ("sh", "openssl", "xxd", "awk", "sed") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"missing programs: {MISSING}")

SIGNER = NoteSigner("example.org/nesqc/site-a/1", bytes(range(32)))
OTHER = NoteSigner(SIGNER.name, bytes(range(1, 33)))
ENTRIES = [b'{"kind":"simulated","number":%d}' % number for number in range(11)] + [b"", b"\x00\nraw \xff\n\n"]


def proof_of(index: int, signer: NoteSigner = SIGNER, extra: bytes | None = None) -> str:
    """Proof file of one entry of a log of 13."""
    nodes = {(0, number): leaf_hash(entry) for number, entry in enumerate(ENTRIES)}
    growing = CompactRange()
    for number in range(len(ENTRIES)):
        nodes.update({(level, at): node for level, at, node in growing.append(nodes[0, number])})
    note = sign_checkpoint(Checkpoint(signer.name, growing.size, growing.root()), signer)
    hashes = inclusion_proof(index, growing.size, lambda level, at: nodes[level, at])
    return InclusionProof(index, tuple(hashes), note, extra).format()


def verify(folder: Path, proof: str, entry: bytes, key: str = f"{SIGNER.verifier}\n") -> tuple[int, str]:
    """Run the verifier on three files; its exit status and what it said."""
    (folder / "key").write_text(key, encoding="utf-8")
    (folder / "entry").write_bytes(entry)
    (folder / "proof").write_bytes(proof.encode())
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(
        ["sh", str(SCRIPT), "key", "entry", "proof"],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert list(temporary.iterdir()) == [], "the temporary folder was left behind"
    return done.returncode, done.stdout + done.stderr


@pytest.mark.requirement("UR-AUDIT-18", reviewed="540c8514")
@pytest.mark.parametrize("index", range(len(ENTRIES)))
def test_every_entry_of_a_log_verifies(tmp_path: Path, index: int) -> None:
    status, said = verify(tmp_path, proof_of(index), ENTRIES[index])
    assert (status, said) == (0, f"VERIFIED: entry {index} of 13 in the log {SIGNER.name}\n")


def test_extra_data_and_lines_of_witnesses_do_not_matter(tmp_path: Path) -> None:
    witness = NoteSigner("example.org/witness", bytes(32))
    note = proof_of(3, extra=b"anything")
    note += witness.signature_line("some other text\n") + OTHER.signature_line("some other text\n")
    assert verify(tmp_path, note, ENTRIES[3])[0] == 0


def altered_entry(entry: bytes) -> bytes:
    """One bit of an entry changed."""
    return bytes([entry[0] ^ 1]) + entry[1:]


GOOD = proof_of(4)
LINES = GOOD.split("\n")
HASH = LINES[2]
SIZE_LINE = f"{SIGNER.name}\n13\n"


@pytest.mark.requirement("UR-AUDIT-18", reviewed="540c8514", negative=True)
@pytest.mark.parametrize(
    ("proof", "message"),
    [
        (GOOD.replace("index 4", "index 5"), "not the one the log holds at index 5"),
        (GOOD.replace("index 4", "index 13"), "outside the log"),
        (GOOD.replace("index 4", "index 04"), "no proper index"),
        (GOOD.replace("index 4", "index -4"), "no proper index"),
        (GOOD.replace("index 4", "index 9999999999999999999999"), "no proper index"),
        (GOOD.replace("index 4\n", ""), "no proper index"),
        (GOOD.replace("proof@v1", "proof@v2"), "not a C2SP tlog-proof"),
        (GOOD.replace(HASH, "A" * 43 + "="), "not the one the log holds"),
        (GOOD.replace(HASH, "A" * 42), "not a base64 hash"),
        (GOOD.replace(HASH, "AAAA"), "not a base64 hash"),
        (GOOD.replace(HASH, "A" * 44), "not 32 bytes"),
        (GOOD.replace(f"{HASH}\n", ""), "too short"),
        (GOOD.replace(f"{HASH}\n", f"{HASH}\n{HASH}\n"), "too long"),
        (GOOD.replace(f"{HASH}\n", f"{HASH}\n" * 3), "too long"),
        (GOOD.replace(SIZE_LINE, f"{SIGNER.name}\n14\n"), "signature on the checkpoint is wrong"),
        (GOOD.replace(SIZE_LINE, f"{SIGNER.name}\n013\n"), "size in the checkpoint"),
        (GOOD.replace(SIZE_LINE, "example.org/else\n13\n"), "is of the log 'example.org/else'"),
        (GOOD.replace("\n\n— ", "\nextension\n\n— "), "three lines"),
        (GOOD.replace("— ", "- "), "no signature by the key"),
        (proof_of(4, OTHER), "no signature by the key"),
        (GOOD[: GOOD.index("— ")], "no signature by the key"),
        ("", "not a C2SP tlog-proof"),
        (GOOD.replace("\n", "\r\n"), "not a C2SP tlog-proof"),
    ],
)
def test_tampered_proofs_are_refused_with_the_reason(tmp_path: Path, proof: str, message: str) -> None:
    status, said = verify(tmp_path, proof, ENTRIES[4])
    assert status == 1
    assert said.startswith("NOT VERIFIED: ")
    assert message in said


def test_a_changed_entry_is_refused(tmp_path: Path) -> None:
    for entry in (altered_entry(ENTRIES[4]), ENTRIES[4] + b"\n", ENTRIES[4][:-1], b"", ENTRIES[5]):
        status, said = verify(tmp_path, GOOD, entry)
        assert status == 1
        assert "not the one the log holds at index 4" in said


def test_a_signature_of_another_key_under_the_known_key_id_is_refused(tmp_path: Path) -> None:
    line = proof_of(4, OTHER).rstrip("\n").split(" ")[-1]
    forged = base64.b64encode(SIGNER.verifier.key_id + base64.b64decode(line)[4:]).decode()
    status, said = verify(tmp_path, proof_of(4, OTHER).replace(line, forged), ENTRIES[4])
    assert (status, "signature on the checkpoint is wrong" in said) == (1, True)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (f"{OTHER.verifier}\n", "no signature by the key"),
        (str(SIGNER.verifier).replace(SIGNER.name, "example.org/else"), "key id does not belong"),
        (str(SIGNER.verifier).replace("+", "+0", 1), "key id does not belong"),
        (f"{SIGNER.name}+{SIGNER.verifier.key_id.hex()}", "is not 'name+key id+base64'"),
        (f"{SIGNER.name}+{SIGNER.verifier.key_id.hex()}+AAAA", "not a plain Ed25519 key"),
        ("", "is not 'name+key id+base64'"),
    ],
)
def test_a_wrong_or_damaged_key_is_refused(tmp_path: Path, key: str, message: str) -> None:
    status, said = verify(tmp_path, GOOD, ENTRIES[4], key)
    assert (status, message in said) == (1, True)


def test_what_cannot_be_checked_is_not_called_refused(tmp_path: Path) -> None:
    for arguments in ([], ["a", "b"], ["absent", "absent", "absent"]):
        done = subprocess.run(
            ["sh", str(SCRIPT), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.startswith("NOT CHECKED: ")


# --- published vectors ----------------------------------------------------------------------------

# The entries the vectors are about (see tests/test_merkle.py); the vectors name them by leaf hash only.
KNOWN = {
    leaf_hash(bytes.fromhex(text)): bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
}


def _cases() -> list[Any]:
    """The vectors whose entry is known."""
    cases = []
    for file in sorted(VECTORS.rglob("*.json")):
        case = json.loads(file.read_text())
        if base64.b64decode(case["leafHash"]) in KNOWN:
            cases.append(pytest.param(case, id=str(file.relative_to(VECTORS))))
    return cases or [pytest.param({}, marks=pytest.mark.skip(reason=f"no Merkle vectors at {VECTORS}"))]


@pytest.mark.parametrize("case", _cases())
def test_inclusion_vectors(tmp_path: Path, case: dict[str, Any]) -> None:
    note = sign(f"{SIGNER.name}\n{case['treeSize']}\n{case['root']}\n", SIGNER)
    path = "".join(f"{text}\n" for text in case["proof"] or [])
    status, said = verify(
        tmp_path,
        f"c2sp.org/tlog-proof@v1\nindex {case['leafIdx']}\n{path}\n{note}",
        KNOWN[base64.b64decode(case["leafHash"])],
    )
    assert status == (1 if case["wantErr"] else 0), said


def test_most_inclusion_vectors_can_be_shaped_into_proof_files() -> None:
    if not VECTORS.is_dir():
        pytest.skip(f"no Merkle vectors at {VECTORS}")
    assert len(_cases()) == 77
    assert sum(not case.values[0]["wantErr"] for case in _cases()) == 5
