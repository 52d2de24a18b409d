"""Reports of validation: what they say of a run that a test made up, and what other programs say of signed files."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from nesqc_gmp.certificate.verify import require_valid
from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import CertificateInvalidError, InvalidInputError, OutOfSequenceError
from nesqc_gmp.procedures import certificates, qualification
from nesqc_gmp.procedures.qualification.reports import change, deviations, files, plan, protocol, run, summary
from nesqc_gmp.procedures.qualification.reports import content as contents
from nesqc_gmp.procedures.qualification.runs import Execution
from nesqc_gmp.procedures.qualification.signing import Rendered
from nesqc_gmp.procedures.qualification.summary import Given, gather_summary
from nesqc_gmp.procedures.qualification.views import verify, write_report
from nesqc_gmp.records.qualification import ProtocolContent
from nesqc_gmp.reports.document import Document, Table, Tally, texts
from nesqc_gmp.reports.html import render_html
from nesqc_gmp.reports.pdf import render_pdf
from nesqc_gmp.reports.signable import render_signable
from tests.certificate.conftest import make_keys
from tests.procedures.test_qualification import FILES, ROOT, Bench, state
from tests.procedures.test_qualification import protocol as cases

PLAN = (ROOT / "validation" / "plan.toml").read_text("utf-8")


def lines(world: Any) -> contents.SiteLines:
    return contents.site_lines(world.site.founded, world.site.ledger.origin)


def run_document(bench: Bench, name: str, conclusion: Any = None) -> Document:
    content = files.content_of_run(bench.world.site, bench.validation(), name)
    return run.document(content, conclusion, None)


def said(document: Document) -> str:
    return "\n".join(texts(document))


def printed_words(pdf: bytes) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


@pytest.fixture
def bench(founded: Any) -> Bench:
    return Bench(founded)


@pytest.fixture(scope="module")
def concluded_origin(founded_origin: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of which one case failed and one was not executed, concluded as not accepted; and one that passed."""
    world = founded_origin.copy(tmp_path_factory.mktemp("concluded"))
    bench = Bench(world)
    bench.documents("IQ")
    name = bench.execute("IQ", A="failed", B="not executed")
    bench.deviation(name, "IQ-A")
    bench.deviation(name, "IQ-B", accepted=False)
    bench.signed(name)
    assert bench.approve(name, accept=False) == "not accepted"
    bench.passed("IQ")
    world.close()
    return world


@pytest.fixture
def concluded(concluded_origin: Any, tmp_path: Path) -> Iterator[Bench]:
    """A copy of it."""
    world = concluded_origin.copy(tmp_path / "concluded-copy")
    yield Bench(world)
    world.close()


def pdf_of(bench: Bench, name: str) -> bytes:
    validation = bench.validation()
    conclusion = validation.runs[name].conclusion
    assert conclusion is not None
    return bytes(bench.world.site.objects.read(conclusion.pdf_sha256))


def authority(bench: Bench) -> bytes:
    return bytes(bench.world.site.founded.authority.encode())


def test_what_did_not_pass_comes_first_and_nothing_counts_as_passed_that_was_not_executed(concluded: Bench) -> None:
    document = run_document(concluded, "IQ-0001", "not accepted")
    assert next(block for block in document.blocks if isinstance(block, Tally)) == Tally(0, 1, 1)
    table = next(block for block in document.blocks if isinstance(block, Table) and block.head[0] == "Case")
    assert [(row[0], row[4]) for row in table.rows] == [("IQ-A", "failed"), ("IQ-B", "not executed")]
    assert document.cover is not None
    assert (document.cover.word, document.cover.tone) == ("NOT ACCEPTED", "bad")
    words = said(document)
    assert "0 of 2 cases passed, 1 failed, 1 were not executed; deviations recorded: 2." in words
    for expected in (
        "DV-0001: IQ-A of IQ-0001, accepted",
        "DV-0002: IQ-B of IQ-0001, not accepted",
        "Because of the test",
    ):
        assert expected in words
    assert "validated" not in words.casefold(), "one run never says that the system is validated"


def test_an_earlier_run_stays_in_the_report_of_a_later_one(concluded: Bench) -> None:
    content = files.content_of_run(concluded.world.site, concluded.validation(), "IQ-0002")
    assert [(line.run, line.failed, line.conclusion) for line in content.earlier] == [("IQ-0001", 1, "not accepted")]
    assert "IQ-0001" in said(run_document(concluded, "IQ-0002"))


def test_every_execution_of_a_case_stays_in_the_report(bench: Bench) -> None:
    bench.documents("IQ")
    with Execution(bench.world.session("engineer"), cases("IQ"), FILES["IQ"], state()) as execution:
        execution.record(bench.case(execution.run, "IQ", "A", "failed"))
        execution.record(bench.case(execution.run, "IQ", "A", "passed"))
    document = run_document(bench, execution.run)
    table = next(block for block in document.blocks if isinstance(block, Table) and block.head[0] == "Case")
    assert [(row[0], row[4], row[5]) for row in table.rows] == [
        ("IQ-B", "not executed", ""),
        ("IQ-A", "passed", "failed"),
    ]
    assert next(block for block in document.blocks if isinstance(block, Tally)) == Tally(1, 0, 1)
    words = said(document)
    assert "IQ-A Case A, earlier execution 1 of 2" in words
    assert "Without any result, and so counted as not executed: IQ-B." in words
    assert document.cover is not None
    assert document.cover.word == "NOT CONCLUDED"
    assert "IQ-A failed, without a deviation" in words


@pytest.mark.requirement("UR-QUALIFY-13", reviewed="803020cb")
def test_the_signed_report_verifies_and_carries_its_content(concluded: Bench) -> None:
    pdf, record = pdf_of(concluded, "IQ-0001"), concluded.validation().runs["IQ-0001"].conclusion
    report = require_valid(files.verify_report(pdf, authority(concluded)))
    assert (report.signer, report.identifier) == ("q.ekstrom", "IQ-0001/1")
    assert record is not None
    assert report.record_sha256 == record.content_sha256
    attached = {item.name: item.data for item in report.attachments}
    content = json.loads(attached["record.json"])
    assert canonical_json(content) == attached["record.json"]
    assert content["run"]["failed"] == 1
    assert concluded.world.site.objects.read(record.content_sha256) == attached["record.json"]
    words = printed_words(pdf)
    for expected in (
        "Vera Nyström", "Rana Özdemir", "Qamar Ekström", "I performed this work", "NOT ACCEPTED", "IQP-0001",
        record.content_sha256, "DEMONSTRATION – NOT FOR GMP USE",
    ):  # fmt: skip
        assert expected in words, expected
    assert words.count("NOT FOR GMP USE") == words.count("Page "), "the mark stands on every page"


def test_other_programs_call_the_file_valid(concluded: Bench, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_of(concluded, "IQ-0001"))
    with pikepdf.open(path) as file:
        assert file.check_pdf_syntax() == []
    if shutil.which("pdfsig") is None:
        pytest.skip("pdfsig is not installed")
    done = subprocess.run(["pdfsig", str(path)], capture_output=True, text=True, check=False)
    assert "Signature is Valid" in done.stdout
    assert "Qamar Ekström" in done.stdout
    assert "ETSI.CAdES.detached" in done.stdout


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed")
def test_qpdf_finds_no_error(concluded: Bench, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(pdf_of(concluded, "IQ-0001"))
    done = subprocess.run(["qpdf", "--check", tmp_path / "report.pdf"], capture_output=True, check=False)
    assert done.returncode == 0


def test_the_signed_report_breaks_no_rule_of_the_archive_format(concluded: Bench, tmp_path: Path) -> None:
    pdfa = pytest.importorskip("pikepdf.pdfa", reason="pikepdf[pdfa] is not installed", exc_type=ImportError)
    (tmp_path / "report.pdf").write_bytes(pdf_of(concluded, "IQ-0001"))
    found = pdfa.validate_written(tmp_path / "report.pdf", "3b")
    assert [finding for finding in found.findings if finding.kind != "unsupported"] == []


@pytest.mark.requirement("UR-QUALIFY-13", reviewed="803020cb", negative=True)
def test_a_changed_byte_and_another_site_are_found(concluded: Bench) -> None:
    pdf = pdf_of(concluded, "IQ-0001")
    place = pdf.index(b"/Type /Page") if b"/Type /Page" in pdf else len(pdf) // 3
    changed = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
    assert not files.verify_report(changed, authority(concluded)).passed
    assert not files.verify_report(pdf + b"\n%added", authority(concluded)).passed
    other = make_keys().authority.certificate_pem
    with pytest.raises(CertificateInvalidError):
        require_valid(files.verify_report(pdf, other))


def test_a_report_is_no_certificate(concluded: Bench, tmp_path: Path) -> None:
    path = tmp_path / "QC-2026-000001.pdf"
    path.write_bytes(pdf_of(concluded, "IQ-0001"))
    report = certificates.verify(path, site=concluded.world.paths, evidence=None)
    assert not report.verified
    assert next(step for step in report.steps if not step.passed).detail.startswith("the file carries no disposition")


def test_a_file_signed_with_the_statement_of_another_document_is_refused(
    concluded: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody signs a plan, keeps the open key, and puts the report of a run under the same statement."""
    world, kept, honest = concluded.world, [], files.document_pdf

    def caught(site: Any, name: str, rendered: Rendered) -> bytes:
        kept.append(rendered)
        return honest(site, name, rendered)

    concluded.document("validation plan", None, approve=False)
    monkeypatch.setattr(files, "document_pdf", caught)
    concluded.approve("VP-0002")
    (rendered,) = kept
    content = files.content_of_run(world.site, concluded.validation(), "IQ-0001")
    document = run.document(content, "accepted", rendered.statement)
    forged = files.signed_report(world.site, document, contents.content_bytes(content), rendered)
    report = files.verify_report(forged, authority(concluded))
    assert [step.number for step in report.steps if not step.passed] == [len(report.steps)]
    assert "qualification VP-0002" in report.steps[-1].detail


def test_protocol_and_plan_are_signed_before_anything_is_executed(bench: Bench) -> None:
    bench.documents("IQ")
    for name, expected in (("VP-0001", "Which rules are applied, and why"), ("IQP-0001", "IQ-A")):
        pdf = bench.world.site.objects.read(bench.validation().documents[name].pdf_sha256)
        assert files.verify_report(pdf, authority(bench)).passed
        words = printed_words(pdf)
        assert expected in words
        assert "APPROVED" in words


def test_before_approval_a_document_says_so(bench: Bench) -> None:
    name = bench.document("IQ protocol", "1" * 64, approve=False)
    document = bench.validation().documents[name]
    line = contents.document_line(lines(bench.world), document)
    content = ProtocolContent.model_validate_json(bench.world.site.objects.read(document.prepared.content_sha256))
    shown = protocol.document(lines(bench.world), line, content, None)
    assert shown.cover is not None
    assert (shown.cover.word, shown.cover.signer) == ("NOT APPROVED", "")
    assert "not signed" in said(shown)
    with pytest.raises(InvalidInputError, match="not one for signing"):
        render_signable(shown, contents.content_bytes(content), {})


def test_the_deviation_log_and_the_record_of_a_change(concluded: Bench) -> None:
    world = concluded.world
    concluded.change(state(machine="4.0"), "IQ", "OQ")
    validation = concluded.validation()
    line = contents.document_line(lines(world), validation.documents["VP-0001"])
    log = deviations.document(line, contents.deviation_log(lines(world), validation, world.site.now()), None)
    assert "2 deviations, 0 not assessed." in said(log)
    assert [row[0] for block in log.blocks if isinstance(block, Table) for row in block.rows] == ["DV-0001", "DV-0002"]
    record = change.document(contents.change_content(lines(world), validation.changes["CC-0001"]))
    words = said(record)
    for expected in ("NOT APPROVED", "3.0", "4.0", "Tested again before use: IQ, OQ.", "As the plan says"):
        assert expected in words
    for document in (log, record):
        assert render_pdf(document) == render_pdf(document)
        assert all(text in render_html(document) for text in ("NOT FOR GMP USE", "content sha256"))


def test_the_deviation_log_is_signed_like_every_document(concluded: Bench) -> None:
    world = concluded.world
    content = contents.deviation_log(lines(world), concluded.validation(), world.site.now())
    name = qualification.prepare(
        world.session("engineer"), "deviation log", "Every deviation", content, None, world.signs("engineer")
    )
    concluded.approve(name)
    pdf = concluded.validation().documents[name].pdf_sha256
    assert name == "DVL-0001"
    assert pdf is not None
    assert files.verify_report(world.site.objects.read(pdf), authority(concluded)).passed


def test_a_report_is_verified_without_a_login_and_against_the_log(concluded: Bench, tmp_path: Path) -> None:
    """Another run's number on a whole signed file, and a file that the log does not know, are both found."""
    world = concluded.world
    (out,) = [path for path in write_report(world.session("auditor"), "IQ-0001", tmp_path) if path.suffix == ".pdf"]
    assert verify(out, site=world.paths, trust=None).verified
    draft = tmp_path / "draft.pdf"
    draft.write_bytes(out.read_bytes()[:-1])
    assert not verify(draft, site=world.paths, trust=None).verified
    with pytest.raises(InvalidInputError, match="checked against the log of its site"):
        verify(out, site=None, trust=world.paths.trust)


def test_the_summary_is_assembled_from_the_log(concluded: Bench) -> None:
    world = concluded.world
    with world.site.ledger.reading() as reader:
        content = gather_summary(
            world.site, reader, Given(False, "The OQ is still to come", ("Train one person more",))
        )
    assert {line.person for line in content.access} == {
        entry.record.person for entry in world.entries("person_enrolled")
    }
    assert [line.run for line in content.runs] == ["IQ-0001", "IQ-0002"]
    assert [line.number for line in content.documents] == ["VP-0001", "IQP-0001"]
    assert content.open_points == (
        "The OQ of the installed state is not approved.",
        "No model has an approved performance qualification on the installed state.",
        "Train one person more",
    )
    validation = concluded.validation()
    line = contents.document_line(lines(world), validation.documents["VP-0001"])
    document = summary.document(line, content, None)
    assert document.cover is not None
    assert (document.cover.word, document.cover.tone) == ("NOT APPROVED", "bad")
    assert "NOT fit for its intended use" in said(document)
    assert "compliant" not in said(document).casefold()


def test_a_summary_cannot_say_fit_before_iq_and_oq_are_approved(concluded: Bench) -> None:
    with (
        concluded.world.site.ledger.reading() as reader,
        pytest.raises(OutOfSequenceError, match="the OQ of the installed state is not approved"),
    ):
        gather_summary(concluded.world.site, reader, Given(True, "It looks well"))


def test_a_plan_for_gmp_use_leaves_nothing_open(founded: Any) -> None:
    site = lines(founded)
    production = site.model_copy(update={"purpose": "production"})
    with pytest.raises(InvalidInputError, match="leaves nothing open: intended use"):
        plan.read_plan(PLAN, {"process_owner": "Anna Beispiel"}, production)
    names = list(plan.read_plan(PLAN, {}, site).open)
    given = {name: f"FACT {name}" for name in names}
    filled = plan.read_plan(PLAN, given, production)
    assert filled.open == ()
    text = canonical_json(filled.model_dump(mode="json")).decode()
    assert all(f"FACT {name}" in text for name in names), "every fact that is asked is used"
    assert "to be filled in" not in text
    assert "{" not in "".join(each for section in filled.sections for each in section.paragraphs)


@pytest.mark.parametrize(
    ("text", "given", "match"),
    [
        ("title = ", {}, "no validation plan"),
        ('title = "x"\n', {}, "no validation plan"),
        (PLAN, {"unknown": "x"}, "no such fact"),
        (PLAN.replace("{intended_use}", "{intended_us}"), {}, "a fact that is not asked: intended_us"),
    ],
)
def test_a_wrong_plan_is_refused(founded: Any, text: str, given: dict[str, str], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        plan.read_plan(text, given, lines(founded))


def test_the_plan_has_every_part_that_is_expected_of_one() -> None:
    """What GAMP 5 and PIC/S PI 041 9.3 ask a plan to treat."""
    import tomllib

    sections = {section["id"] for section in tomllib.loads(PLAN)["sections"]}
    assert sections >= {
        "purpose", "rules", "system", "roles", "risk", "supplier", "levels", "strategy", "acceptance", "deviations",
        "traceability", "migration", "tools", "procedures", "training", "change", "review", "credibility", "records",
        "limits",
    }  # fmt: skip


def test_what_a_program_printed_is_never_lost_and_never_an_empty_box(bench: Bench) -> None:
    bench.documents("IQ")
    strange = "Head\n" + "─" * 60 + "\n" + "x" * 300 + "\n日本 <b>&amp; \u202e"
    with Execution(bench.world.session("engineer"), cases("IQ"), FILES["IQ"], state()) as execution:
        case = bench.case(execution.run, "IQ", "A")
        (step,) = case.steps
        long = step.model_copy(update={"actual": "\n".join(["line"] * 390)})
        shown = (step.model_copy(update={"actual": strange}), long)
        execution.record(case.model_copy(update={"steps": shown}))
    words = printed_words(render_pdf(run_document(bench, execution.run)))
    for expected in ("[U+2500 × 60]", "[U+65E5][U+672C]", "<b>&amp;", "[U+202E]"):
        assert expected in words, expected
    assert words.count("line") >= 390


def test_the_same_content_gives_the_same_bytes(concluded: Bench) -> None:
    first, second = (run_document(concluded, "IQ-0001", "not accepted") for _ in range(2))
    assert sha256_hex(render_pdf(first)) == sha256_hex(render_pdf(second))
    assert first.cover is not None
    with pikepdf.open(io.BytesIO(render_pdf(first))) as file:
        assert len(file.pages) >= 2
