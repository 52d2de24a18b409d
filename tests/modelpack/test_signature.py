"""Package signatures: the public command of OpenSSF model signing and ours accept each other's, and no altered file."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from nesqc_gmp.errors import InvalidInputError, ModelRefusedError
from nesqc_gmp.modelpack.signature import sign_files, verify_signature

FILES = {"manifest.json": b"{}", "model.onnx": b"weights", "golden/a.npy": b"array"}
COMMAND = shutil.which("model_signing")


def pem(key: Any) -> tuple[bytes, bytes]:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


@pytest.fixture(scope="module")
def keys() -> tuple[bytes, bytes]:
    return pem(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.requirement("UR-MODELS-25", reviewed="edd58855")
def test_signed_files_are_accepted(keys: tuple[bytes, bytes]) -> None:
    verify_signature(FILES, sign_files("pkg", FILES, keys[0]), keys[1])


ALTERED = {
    "one byte": {**FILES, "model.onnx": b"weightS"},
    "a file more": {**FILES, "extra": b""},
    "a file less": {path: data for path, data in FILES.items() if path != "golden/a.npy"},
    "two files exchanged": {**FILES, "manifest.json": FILES["model.onnx"], "model.onnx": FILES["manifest.json"]},
}


@pytest.mark.requirement("UR-MODELS-25", reviewed="edd58855", negative=True)
@pytest.mark.parametrize("kind", ALTERED)
def test_altered_package_is_refused(kind: str, keys: tuple[bytes, bytes]) -> None:
    with pytest.raises(ModelRefusedError, match="not the one that was signed"):
        verify_signature(ALTERED[kind], sign_files("pkg", FILES, keys[0]), keys[1])


@pytest.mark.requirement("UR-MODELS-25", reviewed="edd58855", negative=True)
def test_other_key_or_altered_statement_is_refused(keys: tuple[bytes, bytes]) -> None:
    bundle = sign_files("pkg", FILES, keys[0])
    with pytest.raises(ModelRefusedError, match="not made with this key"):
        verify_signature(FILES, bundle, pem(ec.generate_private_key(ec.SECP256R1()))[1])
    changed = json.loads(bundle)
    payload = base64.b64decode(changed["dsseEnvelope"]["payload"]).replace(b"model.onnx", b"model.onnY")
    changed["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(ModelRefusedError, match="not made with this key"):
        verify_signature(FILES, json.dumps(changed).encode(), keys[1])


@pytest.mark.parametrize("bundle", [b"", b"[]", b"{}", b'{"dsseEnvelope": {"signatures": []}}', b"[" * 100_000])
def test_file_that_is_no_bundle_is_refused(bundle: bytes, keys: tuple[bytes, bytes]) -> None:
    with pytest.raises(ModelRefusedError, match="cannot be read"):
        verify_signature(FILES, bundle, keys[1])


def test_other_kinds_of_key_are_refused(keys: tuple[bytes, bytes]) -> None:
    for key in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(InvalidInputError, match="P-256"):
            sign_files("pkg", FILES, pem(key)[0])
    with pytest.raises(InvalidInputError, match="cannot be read"):
        sign_files("pkg", FILES, b"no key")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        verify_signature(FILES, sign_files("pkg", FILES, keys[0]), b"no key")


@pytest.mark.skipif(COMMAND is None, reason="the public command model_signing is not installed")
def test_public_command_and_ours_accept_each_other(keys: tuple[bytes, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "pkg"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    for name, data in (("k.pem", keys[0]), ("p.pem", keys[1]), ("ours.sig", sign_files("pkg", FILES, keys[0]))):
        (tmp_path / name).write_bytes(data)

    def run(*words: str) -> int:
        return subprocess.run([str(COMMAND), *words], cwd=tmp_path, capture_output=True).returncode

    verify = ("verify", "key", "pkg", "--public_key", "p.pem", "--signature")
    assert run(*verify, "ours.sig") == 0
    assert run("sign", "key", "pkg", "--private_key", "k.pem", "--signature", "theirs.sig") == 0
    verify_signature(FILES, (tmp_path / "theirs.sig").read_bytes(), keys[1])
    (folder / "model.onnx").write_bytes(b"weightS")
    assert run(*verify, "ours.sig") != 0


def test_command_line_signs_and_checks(keys: tuple[bytes, bytes], tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from nesqc_gmp.cli.models import app

    shipped = str(Path(__file__).parents[2] / "models" / "nes-morphology-sim-1.1.0")
    for name, data in zip(("k.pem", "p.pem"), keys, strict=True):
        (tmp_path / name).write_bytes(data)
    out, run = str(tmp_path / "m.sig"), CliRunner().invoke
    assert run(app, ["sign", shipped, "--key", str(tmp_path / "k.pem"), "--out", out]).exit_code == 0
    check = ["check", shipped, out, "--public-key", str(tmp_path / "p.pem")]
    assert run(app, check).exit_code == 0
    again = run(app, ["sign", shipped, "--key", str(tmp_path / "k.pem"), "--out", out])
    assert "nothing is overwritten" in str(again.exception)
    Path(out).write_bytes(Path(out).read_bytes().replace(b"dsseEnvelope", b"dsseenvelope"))
    assert isinstance(run(app, check).exception, ModelRefusedError)
