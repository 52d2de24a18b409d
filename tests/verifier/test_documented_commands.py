"""Every shell command of audit/verify-without-us.md, run as it is printed, on an honest bundle and on tampered ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "audit" / "verify-without-us.md"
TEXT = DOCUMENT.read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
TOOLS = ("openssl", "xxd", "awk", "sed", "grep", "sha256sum", "cmp")
pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs all of {', '.join(TOOLS)}"
)


def block(words: str) -> str:
    """The one block that holds these words."""
    found = [text for text in BLOCKS if words in text]
    assert len(found) == 1, words
    return found[0]


@pytest.fixture
def run(played, tmp_path):
    """Runs a block on a bundle; its exit status and output."""
    pinned = tmp_path / "pinned"
    pinned.mkdir()
    shutil.copy(played.paths.log_verifier, pinned / "log.vkey")
    shutil.copy(played.paths.authority_certificate, pinned / "authority.pem")
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "python3").symlink_to(sys.executable)

    def runner(text: str, bundle: Path) -> tuple[int, str]:
        work = tmp_path / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{binaries}:{os.environ['PATH']}", "BUNDLE": str(bundle),
            "PDF": str(bundle.with_suffix(".pdf")), "PINNED": str(pinned), "AUDIT": str(ROOT / "audit"),
            "TMPDIR": str(work), "LC_ALL": "C", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        done = subprocess.run(
            ["sh", "-eu", "-c", text], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return runner


@pytest.fixture
def copy(played, tmp_path) -> Path:
    """A copy of the bundle that can be changed; the entries are thinned out where a block takes each by itself."""
    folder = tmp_path / "copy.evidence"
    shutil.copytree(played.released, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def thin_out(folder: Path) -> None:
    """Leave four entries, so that a test of a loop stays short."""
    for path in sorted((folder / "entries").iterdir())[4:]:
        path.unlink()


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


SLOW = ("verify-entry.sh", "-signature", "pdfsig")


@pytest.mark.requirement("UR-CERTIFICATES-09", reviewed="118317c1")
@pytest.mark.parametrize("text", [b for b in BLOCKS if not any(word in b for word in SLOW)])
def test_each_command_passes_on_an_honest_bundle(played, run, text) -> None:
    status, said = run(text, played.released)
    assert status == 0, said


def test_there_are_as_many_blocks_as_fences() -> None:
    assert len(BLOCKS) == TEXT.count("```sh\n") >= 12


def test_entries(copy, run) -> None:
    thin_out(copy)
    text = block("for entry in entries/*.json; do\n    index=")
    status, said = run(text, copy)
    assert (status, said.count("VERIFIED: entry")) == (0, 4)
    shutil.copy(copy / "entries/000001.json", copy / "entries/000002.json")
    assert run(text, copy)[0] != 0


def test_signatures(played, copy, run) -> None:
    text = block("-signature")
    status, said = run(text, played.released)
    assert status == 0, said
    assert said.count("Verified OK") == len(list((played.released / "signatures").glob("*.txt"))) > 15
    last = max((copy / "signatures").glob("*.txt"))
    honest = last.read_text()
    for old, new in (("Meaning: released", "Meaning: rejected"), ("Version: ", "Version: 1"), ("Name: ", "Name: X")):
        last.write_text(honest.replace(old, new))
        status, said = run(text, copy)
        assert status != 0, old
        assert "verification failure" in said.lower()


def test_a_signature_moved_to_another_entry_is_seen(copy, run) -> None:
    one, two = sorted((copy / "signatures").glob("*-r.ozdemir.txt"))[-2:]
    for suffix in (".txt", ".der"):
        shutil.copy(one.with_suffix(suffix), two.with_suffix(suffix))
    assert run(block("-signature"), copy)[0] != 0


def test_a_folder_with_a_changed_or_added_file_is_seen(copy, run) -> None:
    text = block("sha256sum --check")
    assert run(text, copy)[0] == 0
    (copy / "entries" / "extra").write_text("x")
    assert run(text, copy)[0] != 0
    (copy / "entries" / "extra").unlink()
    flip(copy / "record.json")
    assert run(text, copy)[0] != 0


def test_other_keys_content_originals_and_records_are_seen(copy, run) -> None:
    digests = sorted((copy / "objects").iterdir())
    scored = max(p for p in (copy / "entries").iterdir() if '"kind":"image_scored"' in p.read_text())
    content, record = block('"Version: $('), block("openssl dgst -sha256 -r record.json")
    originals, present = block("for file in objects/*"), block("while read -r digest")
    for text in (content, record, originals, present, block('cmp "$PINNED/log.vkey"'), block("site_founded")):
        assert run(text, copy)[0] == 0, text
    left = scored.read_bytes()
    scored.unlink()
    assert run(content, copy)[0] != 0
    scored.write_bytes(left.replace(b'"attempt":1', b'"attempt":2'))
    assert run(content, copy)[0] != 0
    flip(digests[0])
    assert run(originals, copy)[0] != 0
    digests[1].unlink()
    assert run(present, copy)[0] != 0
    value = json.loads((copy / "record.json").read_text())
    value["log"]["size"] += 1
    (copy / "record.json").write_text(json.dumps(value, sort_keys=True, separators=(",", ":")))
    assert run(record, copy)[0] != 0
    for name in ("log.vkey", "authority.pem"):
        flip(copy / name)
        assert run(block('cmp "$PINNED/log.vkey"'), copy)[0] != 0
    flip(copy / "entries/000000.json")
    assert run(block("site_founded"), copy)[0] != 0


def test_the_software_on_a_tampered_bundle_ends_with_31(copy, run) -> None:
    flip(copy / "record.json")
    status, said = run(block("PYTHON"), copy)
    assert (status, "1 FAILED the folder is whole" in said) == (31, True)


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("qpdf", "pdfsig", "pdfdetach")), reason="needs qpdf, pdfsig, pdfdetach"
)
def test_the_pdf(played, copy, run) -> None:
    text = block("pdfsig")
    status, said = run(text, played.released)
    assert status == 0, said
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    shutil.copy(played.released.with_suffix(".pdf"), copy.with_suffix(".pdf"))
    flip(copy / "record.json")
    assert run(text, copy)[0] != 0
