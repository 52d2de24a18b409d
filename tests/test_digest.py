"""Canonical JSON and SHA-256 against published vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.digest import canonical_json, sha256_file, sha256_hex

VECTORS = Path(__file__).resolve().parents[2] / "shared" / "data" / "vectors" / "rfc8785-jcs"
"""The reference vectors of RFC 8785 (cyberphone/json-canonicalization, Apache-2.0); not part of the repository."""


def _cases() -> list[object]:
    names = sorted(path.name for path in (VECTORS / "input").glob("*.json"))
    if not names:
        return [pytest.param("", marks=pytest.mark.skip(reason=f"no RFC 8785 vectors at {VECTORS}"))]
    return list(names)


@pytest.mark.parametrize("name", _cases())
def test_canonical_json_gives_the_reference_bytes(name: str) -> None:
    value = json.loads((VECTORS / "input" / name).read_text(encoding="utf-8"))
    written = canonical_json(value)
    assert written == (VECTORS / "output" / name).read_bytes()
    assert written == bytes.fromhex((VECTORS / "outhex" / name).with_suffix(".txt").read_text())


@pytest.mark.requirement("UR-AUDIT-11", reviewed="67f55908")
def test_canonical_json_gives_the_example_of_the_rfc() -> None:
    # RFC 8785 section 3.2.2 (input) and 3.2.4 (UTF-8 result).
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\u000aA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value) == expected.encode()


def test_keys_sort_by_utf16_code_units() -> None:
    # RFC 8785 section 3.2.3: U+1F600 is the surrogates D83D DE00, so it sorts before U+FB33.
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2, "1": 3}) == '{"1":3,"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, {1: "key"}, "\ud800"])
def test_what_json_cannot_carry_exactly_is_refused(value: object) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcäé€😀"), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_canonical_json_is_read_back_by_the_standard_reader_and_is_its_own_canonical_form(value: object) -> None:
    written = canonical_json(value)
    assert json.loads(written) == value
    assert canonical_json(json.loads(written)) == written


def test_sha256_gives_the_fips_examples(tmp_path: Path) -> None:
    # FIPS 180-4 example computations published by NIST: one block "abc", and one million letters "a".
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    million = tmp_path / "million"
    million.write_bytes(b"a" * 1_000_000)
    assert sha256_file(million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
