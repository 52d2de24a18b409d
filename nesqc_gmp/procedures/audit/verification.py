"""Verifying a whole site without a login, read-only: the ledger, its signatures, its originals, its anchors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from nesqc_gmp.certificate.verify import verify as verify_pdf
from nesqc_gmp.config import SitePaths
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import IntegrityError, InvalidInputError, NesqcError
from nesqc_gmp.esign import check_signatures
from nesqc_gmp.ledger import LedgerReport, Reader, reading_copy, verify_database
from nesqc_gmp.ledger.signer import read_state
from nesqc_gmp.notes import Checkpoint, InclusionProof, NoteVerifier, open_checkpoint
from nesqc_gmp.objects import ObjectStore
from nesqc_gmp.procedures.files import read_given_file
from nesqc_gmp.records import batches, certification, feature_review, model_tests, models, qualification
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.state.people import fold_people
from nesqc_gmp.store import refusals
from nesqc_gmp.verifier.report import Step, VerificationReport

Progress = Callable[[int, int], None]
_OWN_STATE = "the log key's state"
_WITH_OBJECTS = (
    "image_received",
    "image_refused",
    "image_scored",
    "result_recorded",
    "model_installed",
    "test_set_sealed",
    "image_tested",
    "model_test_closed",
    "features_reviewed",
    "certificate_issued",
)


def verify(
    paths: SitePaths,
    *,
    certificates: Path | None = None,
    checkpoints: Sequence[Path] = (),
    anchors: Mapping[str, Checkpoint] | None = None,
    progress: Progress = lambda done, total: None,
) -> VerificationReport:
    """Verify a site, needing no login and writing nothing.

    Steps: 1 the pinned key of the log; 2 checkpoints kept elsewhere can be read and are of this log; 3 every entry,
    subtree, read model and checkpoint of the ledger, computed again, and the ledger extends every checkpoint kept
    elsewhere; 4 every signature; 5 every original, package and certificate; 6 every sealed signing key.

    Args:
        paths: The site, or a read-only copy of it.
        certificates: Folder of issued certificates kept elsewhere; each is an anchor.
        checkpoints: Files with signed checkpoints kept elsewhere.
        anchors: Heads of the log known in other ways, by name.
        progress: Called with entries done and entries in all.

    Raises:
        NotFoundError: There is no ledger.
        InvalidInputError: A file that was named cannot be read.
    """
    steps: list[Step] = []

    def add(name: str, passed: bool, detail: str) -> bool:
        steps.append(Step(number=len(steps) + 1, name=name, passed=passed, detail=detail))
        return passed

    if certificates is not None and not _pdfs(certificates):
        raise InvalidInputError(
            "the folder holds no certificate", where=str(certificates), remedy="Name the folder that holds the PDFs."
        )
    verifier = _log_key(paths)
    add("The public key of the log can be read", True, str(verifier))
    kept, bad = _anchors(paths, verifier, certificates, checkpoints)
    kept |= anchors or {}
    add("Checkpoints kept elsewhere are of this log", not bad, "; ".join(bad) or _named(kept))
    with reading_copy(paths.ledger) as engine:
        report = verify_database(engine, verifier, anchors=kept, progress=progress)
        whole = add("The ledger is whole and extends every checkpoint kept elsewhere", report.whole, _found(report))
        with engine.connect() as connection:
            reader = Reader(connection)
            for name, check in (
                ("Every signature holds over what it was made for", _signatures),
                ("Every original file, package and certificate is what was recorded", _objects),
                ("Every sealed signing key is the one its owner set", _keys),
            ):
                add(name, *_run(check, paths, reader, whole))
    return VerificationReport(steps=tuple(steps))


def _log_key(paths: SitePaths) -> NoteVerifier:
    try:
        return NoteVerifier.parse(paths.log_verifier.read_text().strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"the public key of the log cannot be read: {error}",
            where=str(paths.log_verifier),
            remedy="Put back the trust folder that was pinned at the founding of the site.",
        ) from error


def _anchors(
    paths: SitePaths, verifier: NoteVerifier, certificates: Path | None, checkpoints: Sequence[Path]
) -> tuple[dict[str, Checkpoint], list[str]]:
    """Checkpoints kept outside the database, by name; and those that cannot be used, with the reason."""
    found: dict[str, Checkpoint] = {}
    bad: list[str] = []
    sources: list[tuple[str, Callable[[], Checkpoint]]] = []
    if paths.log_state.is_file():
        sources.append((_OWN_STATE, partial(_state_anchor, paths.log_state, verifier)))
    else:
        bad.append("the log key's state is missing")
    sources += [(f"checkpoint {path.name}", partial(_file_anchor, path, verifier)) for path in checkpoints]
    for folder in dict.fromkeys((paths.certificates, certificates)):
        for path in _pdfs(folder):
            sources.append((f"certificate {path.name}", partial(_certificate_anchor, path, paths, verifier)))
    for name, read in sources:
        try:
            found[name] = read()
        except NesqcError as error:
            bad.append(f"{name}: {error.what}")
    return found, bad


def _pdfs(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.casefold() == ".pdf")


def _state_anchor(path: Path, verifier: NoteVerifier) -> Checkpoint:
    return read_state(read_given_file(path), verifier)


def _file_anchor(path: Path, verifier: NoteVerifier) -> Checkpoint:
    return open_checkpoint(read_given_file(path), verifier)


def _certificate_anchor(path: Path, paths: SitePaths, verifier: NoteVerifier) -> Checkpoint:
    """The checkpoint that a certificate carries, once the file itself has been verified."""
    report = verify_pdf(read_given_file(path), authority_pem=read_given_file(paths.authority_certificate))
    if not report.passed:
        failed = next(step for step in report.steps if not step.passed)
        raise IntegrityError(f"{failed.name}: {failed.detail}")
    attached = {attachment.name: attachment.data for attachment in report.attachments}
    proof = InclusionProof.parse(attached.get("disposition.tlog-proof", b""))
    return proof.verify(attached.get("disposition.json", b""), verifier)


def _named(anchors: dict[str, Checkpoint]) -> str:
    outside = [name for name in anchors if name != _OWN_STATE]
    if not outside:
        return "only the log key's own state: a thief of that key could have rewritten everything; name --checkpoint"
    return f"{len(outside)} kept outside the database: {', '.join(outside[:5])}"


def _found(report: LedgerReport) -> str:
    if report.whole:
        outside = len(set(report.anchors) - {_OWN_STATE})
        agreed = [_OWN_STATE] * (_OWN_STATE in report.anchors) + [f"{outside} checkpoints kept outside the database"]
        return f"{report.size} entries, {report.checkpoints} signed checkpoints; agrees with {' and '.join(agreed)}"
    # A record that is known to be altered says more than the lowest index that others could have.
    found = sorted(report.findings, key=lambda finding: (not finding.exact, finding.first_bad))
    place = "first bad record" if found[0].exact else "first bad record at or after"
    return f"{place}: entry {found[0].first_bad}; {'; '.join(finding.what for finding in found[:5])}"


Check = Callable[[SitePaths, Reader], Iterator[tuple[int, str]]]


def _run(check: Check, paths: SitePaths, reader: Reader, whole: bool) -> tuple[bool, str]:
    """Run one check over the entries; on a ledger that is not whole it may break, which counts as failed."""
    problems: list[tuple[int, str]] = []
    try:
        with refusals(str(paths.ledger)):
            problems += itertools.islice(check(paths, reader), 10)
    except NesqcError as error:
        problems.append((getattr(error, "first_bad", None) or 0, str(error)))
    except (LookupError, ValueError) as error:
        # Altered entries may contradict each other in ways no fold foresees; the step before has named the first.
        problems.append((0, f"the records contradict each other ({type(error).__name__})"))
    if problems:
        index, what = min(problems)
        return False, f"first bad record: entry {index}; {what}" + (f"; {len(problems)} in all" if problems[1:] else "")
    return True, "all of them" if whole else "those that could be read"


def _signatures(_: SitePaths, reader: Reader) -> Iterator[tuple[int, str]]:
    for finding in check_signatures(reader):
        yield finding.index, finding.what


def _objects(paths: SitePaths, reader: Reader) -> Iterator[tuple[int, str]]:
    store = ObjectStore(paths.objects)
    checked: set[str] = set()
    for entry in reader.entries_of(_WITH_OBJECTS):
        for digest in digests_of(entry):
            if digest in checked:
                continue
            checked.add(digest)
            try:
                store.read(digest)
            except IntegrityError as error:
                yield entry.index, f"{_report_of(entry)}{error}"
        yield from _copies(paths, entry)
        yield from _test_images(store, entry, checked)


def _report_of(entry: Entry) -> str:
    """Which report a finding is about: it is written after its record, so a killed program can leave it missing."""
    record = entry.record
    if not isinstance(record, model_tests.ModelTestClosed):
        return ""
    return (
        f"report of test {record.test} of model {record.model_sha256[:16]} "
        "(`nesqc models test` writes one that is missing again): "
    )


def _test_images(store: ObjectStore, entry: Entry, checked: set[str]) -> Iterator[tuple[int, str]]:
    """Every image of a sealed test set, whether a test has used it or not."""
    record = entry.record
    if not isinstance(record, model_tests.TestSetSealed):
        return
    try:
        content = model_tests.TestSetContent.model_validate_json(store.read(record.content_sha256))
    except (IntegrityError, ValueError):
        return  # an altered content is reported by its own digest
    for image in content.images:
        if image.sha256 in checked:
            continue
        checked.add(image.sha256)
        try:
            store.read(image.sha256)
        except IntegrityError as error:
            yield entry.index, str(error)


def _copies(paths: SitePaths, entry: Entry) -> Iterator[tuple[int, str]]:
    """The copy of a certificate that lies open in the site."""
    record = entry.record
    if isinstance(record, certification.CertificateIssued):
        path = paths.certificates / f"{record.certificate}.pdf"
        if path.is_file() and sha256_hex(path.read_bytes()) != record.pdf_sha256:
            yield entry.index, f"certificate {path.name} was altered"


def digests_of(entry: Entry) -> tuple[str, ...]:
    """Digests of the files that an entry names."""
    match entry.record:
        case batches.ImageReceived(facts=facts):
            return (facts.sha256,)
        case batches.ImageRefused(sha256=digest) | batches.ImageScored(sha256=digest):
            return (digest,)
        case batches.ResultRecorded(evidence_sha256=digest):
            return (digest,)
        case models.ModelInstalled(model_sha256=digest, manifest=manifest):
            return (digest, *(part.sha256 for part in manifest.parts))
        case model_tests.TestSetSealed(content_sha256=digest) | model_tests.ImageTested(sha256=digest):
            return (digest,)
        case model_tests.ModelTestClosed(report_pdf_sha256=str(pdf), report_html_sha256=str(page)):
            return (pdf, page)
        case feature_review.FeaturesReviewed(html_sha256=page, pdf_sha256=pdf):
            return (page, pdf)
        case certification.CertificateIssued(pdf_sha256=pdf, content_sha256=record):
            return (pdf, record)
        case qualification.CaseExecuted(evidence=evidence):
            return tuple(each.sha256 for each in evidence)
        case _:
            return ()


def _keys(paths: SitePaths, reader: Reader) -> Iterator[tuple[int, str]]:
    for person in fold_people(reader.entries_about("person")).values():
        credential = person.credential
        path = paths.envelope(person.id)
        if credential is None or not path.is_file():
            continue
        try:
            if sha256_hex(path.read_bytes()) != credential.envelope_sha256:
                yield credential.index, f"the sealed key of {person.id} was exchanged"
        except OSError:
            continue
