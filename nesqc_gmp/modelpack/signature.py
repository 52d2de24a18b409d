"""Signature over a package folder in the layout of OpenSSF model signing, so that its public command verifies it.

A DSSE envelope (in-toto Statement v1, predicate ``https://model_signing/signature/v1.0``) in a sigstore bundle v0.3, by
an ECDSA P-256 key. It says that whoever held the key signed these files. It says neither who that was nor whether
the model was approved, and it never ends: approval, activation and retirement are records of the site's log.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nesqc_gmp.errors import InvalidInputError, ModelRefusedError

_BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"
_SERIALIZATION: Final = {
    "allow_symlinks": False,
    "ignore_paths": [".git", ".gitignore", ".gitattributes", ".github"],
    "method": "files",
    "hash_type": "sha256",
}
_ECDSA: Final = ec.ECDSA(hashes.SHA256())


def sign_files(name: str, files: Mapping[str, bytes], private_key: bytes, password: bytes | None = None) -> bytes:
    """A bundle that signs every file of a package.

    Args:
        name: Name of the folder.
        files: Bytes of every file by path.
        private_key: ECDSA P-256 private key, PEM.
        password: Of the key, where it has one.

    Raises:
        InvalidInputError: The key is not such a key, or the password is wrong.
    """
    try:
        key = serialization.load_pem_private_key(private_key, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInputError(f"the key cannot be read: {error}", where="signing key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInputError("the key is not an ECDSA P-256 key", where="signing key")
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    payload = json.dumps(_statement(name, files)).encode()
    signature = key.sign(_encoded(payload), _ECDSA)
    bundle = {
        "mediaType": _BUNDLE,
        "verificationMaterial": {
            "publicKey": {"hint": hashlib.sha256(public).hexdigest()},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": _PAYLOAD,
            "signatures": [{"sig": base64.b64encode(signature).decode("ascii"), "keyid": ""}],
        },
    }
    return json.dumps(bundle).encode()


def verify_signature(files: Mapping[str, bytes], bundle: bytes, public_key: bytes) -> None:
    """Check that a bundle signs exactly these files with this key.

    Args:
        files: Bytes of every file by path.
        bundle: The bundle.
        public_key: The public key one trusts, PEM.

    Raises:
        ModelRefusedError: The bundle cannot be read, the signature does not hold, or the files are others.
        InvalidInputError: The key is not an ECDSA public key.
    """
    try:
        key = serialization.load_pem_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInputError(f"the key cannot be read: {error}", where="public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidInputError("the key is not an ECDSA key", where="public key")
    payload, signature = _envelope(bundle)
    try:
        key.verify(signature, _encoded(payload), _ECDSA)
    except InvalidSignature:
        raise ModelRefusedError("the signature was not made with this key", where="signature") from None
    signed = _signed(payload)
    present = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    other = sorted(path for path in {*signed, *present} if signed.get(path) != present.get(path))
    if other:
        raise ModelRefusedError("the file is not the one that was signed, or was not signed at all", where=other[0])


def _statement(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    digests = {path: hashlib.sha256(files[path]) for path in sorted(files)}
    root = hashlib.sha256(b"".join(digest.digest() for digest in digests.values())).hexdigest()
    resources = [{"algorithm": "sha256", "name": path, "digest": d.hexdigest()} for path, d in digests.items()]
    return {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": _PREDICATE,
        "predicate": {"serialization": _SERIALIZATION, "resources": resources},
    }


def _encoded(payload: bytes) -> bytes:
    """Pre-authentication encoding of DSSE 1.0: type and content with their lengths."""
    kind = _PAYLOAD.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _envelope(bundle: bytes) -> tuple[bytes, bytes]:
    """Payload and signature of a bundle with exactly one signature."""
    try:
        envelope = json.loads(bundle)["dsseEnvelope"]
        (entry,) = envelope["signatures"]
        if envelope["payloadType"] != _PAYLOAD:
            raise ValueError("the payload is of another type")
        return base64.b64decode(envelope["payload"], validate=True), base64.b64decode(entry["sig"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise ModelRefusedError(f"the signature file cannot be read: {error}", where="signature") from error


def _signed(payload: bytes) -> dict[str, str]:
    """Digests by path of a signed statement."""
    try:
        statement = json.loads(payload)
        if (statement["_type"], statement["predicateType"]) != (_STATEMENT, _PREDICATE):
            raise ValueError("it is a statement of another kind")
        resources = statement["predicate"]["resources"]
        found = {str(each["name"]): str(each["digest"]) for each in resources if each["algorithm"] == "sha256"}
        if len(found) != len(resources):
            raise ValueError("a file is named twice, or hashed otherwise")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRefusedError(f"the signed statement cannot be read: {error}", where="signature") from error
    return found
