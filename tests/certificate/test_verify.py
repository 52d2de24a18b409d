"""Verification: the untouched file passes every step, and every known attack fails one."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from asn1crypto import parser
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from nesqc_gmp.certificate.render import render
from nesqc_gmp.certificate.sign import sign
from nesqc_gmp.certificate.verify import CertificateReport, require_valid, verify
from nesqc_gmp.errors import CertificateInvalidError, InvalidInputError

WHEN = datetime(2026, 11, 22, 20, 58, 34, tzinfo=timezone(timedelta(hours=1)))
State = dict[str, Any]


def _sign(pdf: bytes, keys: Any) -> bytes:
    return sign(
        pdf, private_key=keys.person.private_pkcs8, certificate=keys.person_certificate,
        authority=keys.authority.certificate_pem, crl=keys.crl, timestamper=keys.timestamp, when=WHEN,
        name="Dr. María Ejemplo", reason="released",
    )  # fmt: skip


@pytest.fixture(scope="module")
def state(sample: Callable[..., Any], attachments: Mapping[str, bytes], keys: Any) -> State:
    content, pictures = sample()
    unsigned = render(content, pictures, attachments)
    return {"unsigned": unsigned, "signed": _sign(unsigned, keys), "root": keys.authority.certificate_pem, "keys": keys}


def _check(state: State, pdf: bytes) -> CertificateReport:
    return verify(pdf, authority_pem=state["root"])


@pytest.mark.requirement("UR-CERTIFICATES-08", reviewed="f16fb75d")
def test_the_untouched_file_passes_every_step(state: State, attachments: Mapping[str, bytes]) -> None:
    report = require_valid(_check(state, state["signed"]))
    assert report.passed
    assert [step.number for step in report.steps] == list(range(1, 9))
    assert report.signer == "m.ejemplo"
    assert report.signer_name == "Dr. María Ejemplo"
    assert report.signed_at == "2026-11-22T19:58:34Z"
    assert report.identifier == "QC-2026-000417/1"
    assert {item.name: item.data for item in report.attachments} == dict(attachments)


def _update(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    change(writer)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _page(writer: IncrementalPdfFileWriter) -> Any:
    return writer.root["/Pages"]["/Kids"].raw_get(0).get_object()


def _add_page(writer: IncrementalPdfFileWriter) -> None:
    pages = writer.root["/Pages"]
    page = generic.DictionaryObject({generic.pdf_name("/Type"): generic.pdf_name("/Page")})
    page["/Parent"] = writer.root.raw_get("/Pages")
    page["/MediaBox"] = generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 595, 842)])
    pages["/Kids"].append(writer.add_object(page))
    pages["/Count"] = generic.NumberObject(int(pages["/Count"]) + 1)
    writer.update_container(pages)
    writer.update_container(pages["/Kids"])


def _add_annotation(writer: IncrementalPdfFileWriter) -> None:
    page = _page(writer)
    note = generic.DictionaryObject({generic.pdf_name("/Type"): generic.pdf_name("/Annot")})
    note["/Subtype"] = generic.pdf_name("/FreeText")
    note["/Rect"] = generic.ArrayObject([generic.NumberObject(n) for n in (60, 650, 500, 720)])
    note["/Contents"] = generic.TextStringObject("COMPLIES")
    page["/Annots"].append(writer.add_object(note))
    writer.update_container(page["/Annots"])
    writer.update_container(page)


def _replace_content(writer: IncrementalPdfFileWriter) -> None:
    page = _page(writer)
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"0 0 100 100 re f"))
    writer.update_container(page)


def _replace_attachment(writer: IncrementalPdfFileWriter) -> None:
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    for position in range(0, len(names), 2):
        if str(names[position]) == "record.json":
            specification = names[position + 1]
            specification["/EF"]["/F"] = writer.add_object(generic.StreamObject(stream_data=b"{}"))
            writer.update_container(specification["/EF"])


def _replace_metadata(writer: IncrementalPdfFileWriter) -> None:
    writer.root["/Lang"] = generic.TextStringObject("de")
    writer.update_root()


def _foreign_signature(pdf: bytes, keys: Any) -> bytes:
    from asn1crypto import keys as asn1_keys
    from asn1crypto import pem, x509
    from pyhanko.sign import fields, signers

    signer = signers.SimpleSigner(
        signing_cert=x509.Certificate.load(pem.unarmor(keys.person_certificate)[2]),
        signing_key=asn1_keys.PrivateKeyInfo.load(keys.person.private_pkcs8),
        cert_registry=None,
    )
    place = fields.SigFieldSpec("Foreign", on_page=0, box=(60, 650, 500, 720))
    signed: io.BytesIO = signers.sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(pdf)), signers.PdfSignatureMetadata("Foreign"), signer, new_field_spec=place
    )
    return signed.getvalue()


def _saved_again(pdf: bytes) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.save(target)
    return target.getvalue()


def _cut_after_signature(pdf: bytes) -> bytes:
    signature = PdfFileReader(io.BytesIO(pdf)).embedded_signatures[0]
    return pdf[: sum(int(value) for value in list(signature.byte_range)[2:])]


def _flip(pdf: bytes, at: int, bit: int = 1) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ bit]) + pdf[at + 1 :]


def _swapped_signature(pdf: bytes, unsigned: bytes) -> bytes:
    """Everything after the drawn pages put behind other drawn pages of the same length."""
    return _flip(unsigned, unsigned.index(b"stream") + 40) + pdf[len(unsigned) :]


ATTACKS: dict[str, tuple[Callable[[State], bytes], set[int]]] = {
    "page added": (lambda s: _update(s["signed"], _add_page), {1}),
    "annotation over the verdict": (lambda s: _update(s["signed"], _add_annotation), {1}),
    "page content replaced": (lambda s: _update(s["signed"], _replace_content), {1}),
    "attachment replaced": (lambda s: _update(s["signed"], _replace_attachment), {1}),
    "metadata replaced": (lambda s: _update(s["signed"], _replace_metadata), {1}),
    "foreign signature": (lambda s: _foreign_signature(s["signed"], s["keys"]), {1}),
    "cut after the signature": (lambda s: _cut_after_signature(s["signed"]), {1}),
    "never signed": (lambda s: s["unsigned"], {1}),
    "saved again": (lambda s: _saved_again(s["signed"]), {1}),
    "page content flipped": (lambda s: _flip(s["signed"], s["unsigned"].index(b"stream") + 40), {1, 3}),
    "padding of the signature changed": (
        lambda s: s["signed"].replace(b"0000000>", b"0000001>", 1), {2},
    ),
    "signature behind other pages": (lambda s: _swapped_signature(s["signed"], s["unsigned"]), {1, 3}),
    "bytes appended": (lambda s: s["signed"] + b"\n% more\n%%EOF\n", {1, 6}),
    "empty": (lambda s: b"", {1}),
}  # fmt: skip


@pytest.mark.requirement("UR-CERTIFICATES-08", reviewed="f16fb75d", negative=True)
@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_an_attack_fails_a_step(state: State, attack: str) -> None:
    make, expected = ATTACKS[attack]
    report = _check(state, make(state))
    failed = [step.number for step in report.steps if not step.passed]
    assert failed
    assert failed[0] in expected, report.steps
    assert all(step.detail == "not reached" for step in report.steps[failed[0] :])
    with pytest.raises(CertificateInvalidError):
        require_valid(report)


@pytest.mark.parametrize(
    "change", [_add_page, _add_annotation, _replace_content, _replace_attachment, _replace_metadata]
)
def test_the_same_changes_between_signature_and_time_stamp_are_found(
    state: State, change: Callable[[IncrementalPdfFileWriter], None]
) -> None:
    """An insider with the site's clock: cut after the signature, change, and stamp the whole again, in one update."""
    from pyhanko.sign.signers import PdfTimeStamper

    from nesqc_gmp.certificate.names import TIMESTAMP_FIELD
    from nesqc_gmp.certificate.sign import _pdf_timestamper

    writer = IncrementalPdfFileWriter(io.BytesIO(_cut_after_signature(state["signed"])))
    _copy_validation_data(state, writer)
    change(writer)
    stamper = PdfTimeStamper(_pdf_timestamper(state["keys"].timestamp), field_name=TIMESTAMP_FIELD)
    stamped: io.BytesIO = stamper.timestamp_pdf(writer, "sha256", None)
    report = _check(state, stamped.getvalue())
    failed = [step.number for step in report.steps if not step.passed]
    assert failed[:1] == [5], report.steps


def _copy_validation_data(state: State, writer: IncrementalPdfFileWriter) -> None:
    from asn1crypto import pem
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    crl = pem.unarmor(state["keys"].crl)[2]
    from asn1crypto import crl as asn1_crl

    DocumentSecurityStore.supply_dss_in_writer(writer, None, crls=[asn1_crl.CertificateList.load(crl)])


@pytest.mark.requirement("UR-CERTIFICATES-08", reviewed="f16fb75d", negative=True)
def test_another_site_is_not_trusted(state: State, keys: Any) -> None:
    from nesqc_gmp.identity.authority import create_authority

    twin = create_authority("Beispiel Cell Therapeutics GmbH", WHEN)
    report = verify(state["signed"], authority_pem=twin.certificate_pem)
    assert next(step.number for step in report.steps if not step.passed) == 3


def test_another_record_than_the_one_named_is_found(
    sample: Callable[..., Any], attachments: Mapping[str, bytes], keys: Any, state: State
) -> None:
    """A signer who draws one record and attaches another; only the last step can see it."""
    unsigned = _swap_record(state["unsigned"])
    report = _check(state, _sign(unsigned, keys))
    assert [step.number for step in report.steps if not step.passed] == [8]


def _swap_record(pdf: bytes) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for item in opened.Root.AF:
            if str(item.UF) == "record.json":
                item.EF.F.write(b'{"note":"another record"}')
        opened.save(target, force_version="1.7", object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return target.getvalue()


@pytest.mark.requirement("UR-CERTIFICATES-08", reviewed="f16fb75d", negative=True)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_fails(state: State, data: st.DataObject) -> None:
    """Everywhere but in the last token itself, which nothing signs: see the next test."""
    signed = state["signed"]
    first, end = _last_token(signed)
    at = data.draw(st.one_of(st.integers(0, first - 1), st.integers(end, len(signed) - 1)))
    assert not _check(state, _flip(signed, at, 1 << data.draw(st.integers(0, 7)))).passed


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_in_the_last_token_fails_or_changes_nothing_that_is_reported(
    state: State, data: st.DataObject
) -> None:
    signed = state["signed"]
    first, end = _last_token(signed)
    report = _check(state, _flip(signed, data.draw(st.integers(first, end - 1)), 1 << data.draw(st.integers(0, 7))))
    assert not report.passed or report == _check(state, signed)


def _last_token(signed: bytes) -> tuple[int, int]:
    """Where the hexadecimal digits of the document time stamp are, without their padding."""
    _, first, second, _ = (int(value) for value in PdfFileReader(io.BytesIO(signed)).embedded_signatures[1].byte_range)
    value = bytes.fromhex(signed[first + 1 : second - 1].decode())
    return first + 1, first + 1 + 2 * parser.peek(value)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_cut_or_noise_fails_and_nothing_escapes(state: State, data: st.DataObject) -> None:
    signed = state["signed"]
    cut = data.draw(st.integers(0, len(signed) - 3))
    noise = data.draw(st.binary(max_size=40))
    assert not _check(state, signed[:cut] + noise).passed
    assert not _check(state, noise).passed


@pytest.mark.parametrize("pem", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_root_that_is_no_certificate_is_refused(state: State, pem: bytes) -> None:
    with pytest.raises(InvalidInputError):
        verify(state["signed"], authority_pem=pem)


def test_checking_does_not_load_the_page_engine() -> None:
    """Who only verifies does not load what draws."""
    code = "import sys, nesqc_gmp.certificate.verify; print([n for n in ('reportlab', 'pyhanko') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
