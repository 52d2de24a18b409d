"""What the certificate says, compared with what the entries say, field by field.

Not compared: number, revision and time of the certificate, which the log holds only later; the wording of the image
test and of remarks, but for its numbers; and the example pictures, which are drawn from the originals.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from nesqc_gmp.decision.morphology import MorphologyVerdict
from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError
from nesqc_gmp.identity.binding import signature_of
from nesqc_gmp.records.batches import BatchDisposed, ImageScored, ResultRecorded, ResultVerified
from nesqc_gmp.records.certificate_lines import Manifestation, TestLine
from nesqc_gmp.records.certificates import CertificateContent
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.products import ManualTest, MorphologyTest
from nesqc_gmp.records.signatures import MEANING_SENTENCES, Statement
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch, fold_batch, repeats
from nesqc_gmp.state.late_entry import late_entries
from nesqc_gmp.state.models import fold_models
from nesqc_gmp.verifier.proven import Proven, require_canonical

Fact = tuple[str, Any, Any]
"""What it is, as the certificate says it, as the entries say it."""

_LEAST_FAVOURABLE = ("not conforming", "rejected by input check", "undecided", "conforming")


def check_record(proven: Proven, record: bytes, expected_sha256: str | None) -> str:
    """Compare ``record.json`` with the entries.

    Raises:
        IntegrityError: It is another file than expected, or a field differs.
    """
    digest = sha256_hex(record)
    if expected_sha256 is not None and expected_sha256 != digest:
        raise IntegrityError(f"record.json has the digest {digest}, not the one expected")
    require_canonical(record, "record.json")
    try:
        content = CertificateContent.model_validate_json(record)
    except ValueError as error:
        raise IntegrityError(f"record.json is not the content of a certificate: {_first_line(error)}") from error
    batch = fold_batch(proven.about("batch", proven.batch), proven.batch)
    count = 0
    for what, said, recorded in _facts(content, proven, batch):
        if said != recorded:
            raise IntegrityError(f"{what}: the certificate says {said!r}, the records say {recorded!r}"[:600])
        count += 1
    return f"{count} fields agree with the entries; SHA-256 {digest}"


def _first_line(error: ValueError) -> str:
    return " ".join(str(error).split())[:200]


def _facts(content: CertificateContent, proven: Proven, batch: Batch) -> Iterator[Fact]:
    yield from _identity(content, proven, batch)
    yield from _decision(content, proven, batch)
    verdict = release.morphology(batch, proven.specification)
    yield from _images(content, batch, verdict)
    yield from _tests(content, proven, batch, verdict)
    yield from _people(content, proven, batch)
    yield from _model(content, proven)


def _identity(content: CertificateContent, proven: Proven, batch: Batch) -> Iterator[Fact]:
    founded, specification, registered = proven.founded, proven.specification, batch.registered
    for field in ("name", "address", "authorisation"):
        yield f"site, {field}", getattr(content.site, field), getattr(founded, field)
    for field in ("name", "form", "strength", "storage", "authorisation"):
        yield f"product, {field}", getattr(content.product, field), getattr(specification, field)
    yield "product, code", content.product.code, specification.product
    yield "specification", content.specification.identifier, specification.identifier
    digest = sha256_hex(canonical_json(specification.model_dump(mode="json")))
    yield "digest of the specification", content.specification.sha256, digest
    yield "tests not covered", content.not_covered, (specification.not_covered,)
    yield "batch number", content.batch.number, proven.batch
    for field in ("line_code", "manufactured_on", "expires_on"):
        yield f"batch, {field}", getattr(content.batch, field), getattr(registered, field)
    yield "cultures", content.batch.cultures, batch.cultures
    names = [image.received.file_name for image in batch.images.values()]
    yield "simulated images", content.simulated_images, any(name.startswith("simulated-") for name in names)


def _decision(content: CertificateContent, proven: Proven, batch: Batch) -> Iterator[Fact]:
    disposed = max(e.index for e in proven.about("batch", proven.batch) if isinstance(e.record, BatchDisposed))
    if batch.disposition is None:
        raise IntegrityError("there is no decision about the batch")
    yield "decision", content.decision, batch.disposition.decision
    yield "outcome", content.outcome, release.outcome(batch, proven.specification)
    log, checkpoint = content.log, proven.checkpoint
    yield "origin of the log", log.origin, checkpoint.origin
    yield "size of the log", log.size, checkpoint.size
    yield "root of the log", log.root, base64.b64encode(checkpoint.root).decode("ascii")
    yield "index of the decision", log.disposition_index, disposed
    last = next(e.time.utc for e in proven.entries if e.index == disposed)
    yield "issued after the decision", content.issued.utc >= last, True


def _images(content: CertificateContent, batch: Batch, verdict: MorphologyVerdict) -> Iterator[Fact]:
    yield "images", tuple(line.image for line in content.images), tuple(batch.images)
    yield "files refused", content.counts.refused, len(batch.refused)
    for line in content.images:
        received, scored = batch.images[line.image].received, _decisive(batch, line.image)
        yield f"place of {line.image}", (line.culture, line.field), (received.culture, received.field)
        yield f"outcome of {line.image}", line.outcome, scored.outcome if scored else "not analysed"
        valid = scored is not None and scored.outcome != "rejected by input check"
        score = scored.prediction.score if valid and scored and scored.prediction else None
        yield f"score of {line.image}", line.score, score
        measured = verdict.heterogeneity.images.get(line.image)
        yield f"heterogeneity of {line.image}", line.heterogeneity, measured
        failed = [f for f in (*scored.check.findings, *scored.model_check) if not f.passed] if scored else []
        wanted = "; ".join(f"{f.rule}: {f.measured}, limit {f.limit}" for f in failed)
        yield f"reason of {line.image}", line.reason, wanted if scored else "no attempt reached this image"
    said = [(r.image, r.reader, r.reading, r.blinded, r.override, r.reason) for r in content.readings]
    present = [
        (r.read.image, r.name, r.read.reading, r.read.blinded, release.differs(batch, r), r.reason or "")
        for r in batch.readings
    ]
    yield "readings", said, present


def _decisive(batch: Batch, image: str) -> ImageScored | None:
    """The result that counts: the least favourable over all completed attempts, the lower score among equals."""
    found = [a.scores[image] for a in batch.attempts if a.completed and image in a.scores]

    def rank(scored: ImageScored) -> tuple[int, Decimal]:
        score = Decimal(scored.prediction.score) if scored.prediction else Decimal(-1)
        return _LEAST_FAVOURABLE.index(scored.outcome), score

    return min(found, key=rank, default=None)


def _tests(content: CertificateContent, proven: Proven, batch: Batch, verdict: MorphologyVerdict) -> Iterator[Fact]:
    specification = proven.specification
    yield "tests", tuple(line.name for line in content.tests), tuple(test.name for test in specification.tests)
    for line, test in zip(content.tests, specification.tests, strict=True):
        yield f"procedure of {test.test}", line.sop, test.sop
        if isinstance(test, ManualTest):
            yield from _manual_test(line, test, batch)
        else:
            yield from _morphology_test(line, test, batch, verdict)
    yield "outcomes of cultures", {c.culture: c.outcome for c in content.cultures}, dict(verdict.cultures)
    measured = verdict.heterogeneity
    yield "heterogeneity of cultures", {c.culture: c.heterogeneity for c in content.cultures}, dict(measured.cultures)
    yield "heterogeneity of the batch", content.heterogeneity, measured.batch
    limit = specification.morphology.heterogeneity_max
    yield "limit of heterogeneity", content.specification.heterogeneity_max, limit
    attempts = [(a.number, a.opened, a.closed, a.ending, a.scored, a.detail) for a in content.attempts]
    yield (
        "attempts",
        attempts,
        [
            (a.number, a.opened_at, a.closed_at, a.closed.ending, len(a.scores), a.closed.detail)
            for a in batch.attempts
            if a.closed
        ],
    )


def _manual_test(line: TestLine, test: ManualTest, batch: Batch) -> Iterator[Fact]:
    results = [r for r in batch.results if r.recorded.test == test.test]
    values = "; ".join(f"{r.recorded.value} {test.unit}".strip() for r in results)
    yield f"method of {test.test}", line.method, test.method
    yield f"criterion of {test.test}", line.criterion, test.criterion
    yield f"result of {test.test}", line.result, values or "no result"
    yield f"outcome of {test.test}", line.outcome, release.manual_outcome(batch, test)
    if results:
        people = (results[-1].name, results[-1].verified_name or "not verified")
        yield f"people of {test.test}", (line.performed_by, line.verified_by), people


def _morphology_test(line: TestLine, test: MorphologyTest, batch: Batch, verdict: MorphologyVerdict) -> Iterator[Fact]:
    """Texts are not compared as a whole: every number in them has to be the one that the records give."""
    outcomes, cultures = list(verdict.images.values()), list(verdict.cultures.values())
    counts = (cultures.count("conforming"), len(cultures), outcomes.count("conforming"), len(outcomes))
    shares = _per_cent(test.conforming_share_min), _per_cent(test.rejected_share_max)
    limits = [shares[0], Decimal(test.valid_images_min), shares[1]]
    limits += [] if test.heterogeneity_max is None else [Decimal(test.heterogeneity_max)]
    names = [attempt.opened_by_name for attempt in batch.attempts if attempt.completed]
    yield f"method of {test.test}", line.method.split()[-2:], [test.model, test.model_version]
    yield f"limits of {test.test}", _numbers(line.criterion), tuple(limits)
    yield f"counts of {test.test}", _numbers(line.result), tuple(map(Decimal, counts))
    yield f"outcome of {test.test}", line.outcome, verdict.outcome
    yield f"people of {test.test}", (line.performed_by, line.verified_by), (names[0] if names else "nobody", "")


def _numbers(text: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(number) for number in re.findall(r"\d+(?:\.\d+)?", text))


def _per_cent(share: str) -> Decimal:
    return Decimal(share) * 100


def _people(content: CertificateContent, proven: Proven, batch: Batch) -> Iterator[Fact]:
    entries = tuple(proven.about("batch", proven.batch))
    results = ResultRecorded | ResultVerified
    on_batch = [entry for entry in entries if not isinstance(entry.record, results)]
    yield "signatures", [_said(m) for m in content.manifestations], _signed(on_batch)
    names = {test.test: test.name for test in proven.specification.tests}
    on_results = [entry for entry in entries if isinstance(entry.record, results)]
    yield "signatures on results", [_said(m) for m in content.result_manifestations], _signed(on_results)
    tests = [names[entry.record.test] for entry in on_results if isinstance(entry.record, results)]
    yield "tests of signatures on results", [m.test for m in content.result_manifestations], tests
    said = [(a.when, a.person, a.reason) for a in content.amendments]
    yield "repeats", said, [(e.time.local, e.actor.name, e.reason) for e in repeats(entries)]
    yield "late entries", [tuple(line.model_dump().values()) for line in content.late_entries], _late(batch, names)
    yield "deviations", content.deviations, batch.deviations
    review, line = batch.audit_review, content.audit_review
    yield (
        "review of the audit trail",
        line and (line.reviewer, line.first, line.last, line.exceptions, line.conclusion),
        review and (_name(entries, batch), review.first, review.last, len(review.exceptions), review.conclusion),
    )


def _late(batch: Batch, names: Mapping[str, str]) -> list[tuple[str, ...]]:
    """What was entered late, from the two times of each entry."""
    return [
        (
            names[late.test] if late.test else f"{len(late.images)} of {len(batch.images)} images",
            late.happened,
            late.entered,
            late.person,
            late.reason or "",
        )
        for late in late_entries(batch)
    ]


def _name(entries: Iterable[Entry], batch: Batch) -> str:
    """Printed name of the person who reviewed the audit trail."""
    index = batch.audit_reviewed.index if batch.audit_reviewed else None
    return next((entry.actor.name for entry in entries if entry.index == index), "")


def _said(line: Manifestation) -> tuple[str, ...]:
    return line.person, line.name, line.role, line.meaning, line.local, line.utc, line.statement_sha256


def _signed(entries: Iterable[Entry]) -> list[tuple[str, ...]]:
    texts = [signature.statement for signature in map(signature_of, entries) if signature is not None]
    return [
        (s.person, s.name, s.role, _meaning(s), s.time.local, s.time.utc, sha256_hex(text.encode()))
        for text, s in ((text, Statement.parse(text)) for text in texts)
    ]


def _meaning(statement: Statement) -> str:
    return f"{statement.meaning}: {MEANING_SENTENCES[statement.meaning]}"


def _model(content: CertificateContent, proven: Proven) -> Iterator[Fact]:
    digest = proven.specification.morphology.model_sha256
    manifest, line = fold_models(proven.about("model", digest))[digest].manifest, content.model
    yield "model", (line.name, line.version, line.sha256), (manifest.name, manifest.model_version, digest)
    yield "intended use", line.intended_use, manifest.intended_use
    said = (line.conforming_from, line.not_conforming_below)
    yield "thresholds", said, (manifest.conforming_from, manifest.not_conforming_below)
    yield "demonstration model", line.demonstration, manifest.demonstration
    yield "demonstration", content.demonstration, not proven.founded.for_gmp_use or manifest.demonstration
