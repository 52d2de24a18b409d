"""From the records of a batch to the content of its certificate; nothing is typed in, everything is computed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import OutOfSequenceError
from nesqc_gmp.esign import signature_of
from nesqc_gmp.ledger import SOFTWARE, Reader
from nesqc_gmp.procedures.batches.common import load_batch
from nesqc_gmp.procedures.certificates.lines import (
    attempt_lines,
    culture_lines,
    image_lines,
    late_lines,
    reading_lines,
    test_lines,
)
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.batches import BatchDisposed, ResultRecorded, ResultVerified
from nesqc_gmp.records.certificate_lines import (
    AmendmentLine,
    AuditReviewLine,
    BatchLines,
    ExampleImage,
    IssuingSite,
    LogAnchor,
    Manifestation,
    ModelLines,
    ProductLines,
    RemarkLine,
    ResultManifestation,
    SpecificationLines,
)
from nesqc_gmp.records.certificates import CertificateContent, image_counts
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.images import RuntimeFacts
from nesqc_gmp.records.models import ModelApproved
from nesqc_gmp.records.products import Specification, SpecificationApproved
from nesqc_gmp.records.signatures import MEANING_SENTENCES, ElectronicSignature, Statement
from nesqc_gmp.records.site import SiteFounded
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch, repeats
from nesqc_gmp.state.models import ModelState, fold_models

FORM = "NESQC-F-001 version 1"
HEAT_MAP_LEGEND = (
    "Above: the image, stretched. Below: class-activation map; light yellow speaks for conforming, dark blue against; "
    "each map is scaled to its own largest value."
)

_RESULTS = (ResultRecorded, ResultVerified)
"""Records signed for the result of one test, not for the batch as a whole."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """Number, revision and predecessor of a certificate."""

    certificate: str
    revision: int
    supersedes: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """Everything a certificate is computed from.

    Attributes:
        founded: The site.
        batch: The folded batch.
        specification: Its specification.
        model: Its model.
        entries: Every entry about the batch.
        approved_specification: Who approved the specification, with the time.
        approved_model: Who approved the model, with the time.
        size: Size of the log.
        root: Root hash at that size.
        origin: Origin of the log.
    """

    founded: SiteFounded
    batch: Batch
    specification: Specification
    model: ModelState
    entries: tuple[Entry, ...]
    approved_specification: str
    approved_model: str
    size: int
    root: bytes
    origin: str


def gather(reader: Reader, founded: SiteFounded, batch: str, origin: str, size: int | None = None) -> Source:
    """Read what a certificate is computed from, at the present size of the log or the one it carries already."""
    state, specification = load_batch(reader, batch)
    digest = specification.morphology.model_sha256
    size = reader.size if size is None else size
    return Source(
        founded,
        state,
        specification,
        fold_models(reader.entries("model", digest))[digest],
        tuple(reader.entries("batch", batch)),
        _approval(reader.entries("specification", specification.identifier), SpecificationApproved),
        _approval(reader.entries("model", digest), ModelApproved),
        size,
        reader.root(size),
        origin,
    )


def _approval(entries: Iterable[Entry], kind: type[SpecificationApproved | ModelApproved]) -> str:
    for entry in entries:
        if isinstance(entry.record, kind):
            return f"{entry.actor.name}, {entry.time.local[:10]}"
    return "not approved"


def content(
    source: Source, numbering: Numbering, issued: Instant, examples: tuple[ExampleImage, ...]
) -> CertificateContent:
    """The content of a certificate.

    Raises:
        ValueError: Numbers do not agree; then there is no certificate.
    """
    batch, specification = source.batch, source.specification
    verdict = release.morphology(batch, specification)
    images = image_lines(batch)
    disposition = batch.disposition
    if disposition is None:
        raise ValueError("no decision was made about the batch")
    return CertificateContent(
        certificate=numbering.certificate,
        revision=numbering.revision,
        supersedes=numbering.supersedes,
        form=FORM,
        demonstration=not source.founded.for_gmp_use or source.model.manifest.demonstration,
        simulated_images=any(image.received.file_name.startswith("simulated-") for image in batch.images.values()),
        issued=issued,
        site=IssuingSite(
            name=source.founded.name, address=source.founded.address, authorisation=source.founded.authorisation
        ),
        product=_product(specification),
        batch=_batch(batch, specification),
        specification=_specification(source),
        outcome=release.outcome(batch, specification),
        decision=disposition.decision,
        tests=test_lines(batch, specification, verdict),
        not_covered=(specification.not_covered,),
        counts=image_counts(images, len(batch.refused)),
        cultures=culture_lines(batch, images, verdict),
        heterogeneity=verdict.heterogeneity.batch,
        images=images,
        readings=reading_lines(batch),
        attempts=attempt_lines(batch),
        amendments=tuple(_amendments(source.entries)),
        late_entries=late_lines(batch, specification),
        deviations=batch.deviations,
        remarks=tuple(_remarks(source.entries)),
        model=_model(source),
        audit_review=_audit_review(source),
        manifestations=_manifestations(source),
        result_manifestations=tuple(_result_manifestations(source)),
        log=_anchor(source),
        examples=examples,
        heat_map_legend=HEAT_MAP_LEGEND,
        software=SOFTWARE,
    )


def _product(specification: Specification) -> ProductLines:
    return ProductLines(
        name=specification.name,
        code=specification.product,
        form=specification.form,
        strength=specification.strength,
        storage=specification.storage,
        authorisation=specification.authorisation,
    )


def _batch(batch: Batch, specification: Specification) -> BatchLines:
    registered = batch.registered
    passages = sorted({image.received.passage for image in batch.images.values()})
    return BatchLines(
        number=registered.batch,
        line_code=registered.line_code,
        cultures=batch.cultures,
        passages=", ".join(f"P{passage}" for passage in passages) or "none received",
        manufactured_on=registered.manufactured_on,
        expires_on=registered.expires_on,
        retained_until=years_later(registered.expires_on, specification.retention_years),
    )


def years_later(day: str, years: int) -> str:
    """The same day some years later; 29 February becomes 1 March where the year has none."""
    start = date.fromisoformat(day)
    try:
        return start.replace(year=start.year + years).isoformat()
    except ValueError:
        return date(start.year + years, 3, 1).isoformat()


def _specification(source: Source) -> SpecificationLines:
    specification = source.specification
    plan = specification.sampling
    return SpecificationLines(
        identifier=specification.identifier,
        sha256=sha256_hex(canonical_json(specification.model_dump(mode="json"))),
        sampling_plan=f"at least {plan.cultures_min} cultures with {plan.fields_min} fields each; {plan.description}",
        heterogeneity_max=specification.morphology.heterogeneity_max,
        approved_by=source.approved_specification,
    )


def _model(source: Source) -> ModelLines:
    manifest = source.model.manifest
    attempts = source.batch.attempts
    runtime = attempts[-1].opened.runtime if attempts else None
    return ModelLines(
        name=manifest.name,
        version=manifest.model_version,
        sha256=source.model.model_sha256,
        intended_use=manifest.intended_use,
        conforming_from=manifest.conforming_from,
        not_conforming_below=manifest.not_conforming_below,
        self_test=runtime.self_test if runtime else "not run",
        runtime=runtime_words(runtime) if runtime else "not run",
        approved=source.approved_model,
        demonstration=manifest.demonstration,
    )


def runtime_words(facts: RuntimeFacts) -> str:
    """Version, provider, threads and optimisation; the whole build string stands in the entry of the attempt."""
    version = facts.onnxruntime.partition(";")[0]
    provider = facts.provider.removesuffix("ExecutionProvider")
    threads = f"{facts.threads} {'thread' if facts.threads == 1 else 'threads'}"
    return f"onnxruntime {version}, {provider}, {threads}, {facts.graph_optimisation}"


def _audit_review(source: Source) -> AuditReviewLine | None:
    review = source.batch.audit_review
    signed = source.batch.audit_reviewed
    if review is None or signed is None:
        return None
    name = next(entry.actor.name for entry in source.entries if entry.index == signed.index)
    return AuditReviewLine(
        reviewer=name,
        first=review.first,
        last=review.last,
        exceptions=len(review.exceptions),
        conclusion=review.conclusion,
    )


def _manifestations(source: Source) -> tuple[Manifestation, ...]:
    """The signatures on the batch as a whole.

    Raises:
        OutOfSequenceError: The decision is not the last word: the batch was changed or signed after it.
    """
    signed = [(e, s) for e, s in _signed(source.entries) if not isinstance(e.record, _RESULTS)]
    batch = source.batch
    if not isinstance(signed[-1][0].record, BatchDisposed) or not batch.in_present_form(batch.disposed):
        raise OutOfSequenceError(
            "the batch was changed or signed after the decision about it",
            where=batch.registered.batch,
            remedy="Decide about the batch again, then issue.",
        )
    return tuple(Manifestation(**_manifestation(signature)) for _, signature in signed)


def _result_manifestations(source: Source) -> Iterator[ResultManifestation]:
    names = {test.test: test.name for test in source.specification.manual}
    for entry, signature in _signed(source.entries):
        if isinstance(entry.record, _RESULTS):
            yield ResultManifestation(**_manifestation(signature), test=names[entry.record.test])


def _signed(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ElectronicSignature]]:
    for entry in entries:
        signature = signature_of(entry)
        if signature is not None:
            yield entry, signature


def _manifestation(signature: ElectronicSignature) -> dict[str, str]:
    statement = Statement.parse(signature.statement)
    return {
        "person": statement.person,
        "name": statement.name,
        "role": statement.role,
        "meaning": f"{statement.meaning}: {MEANING_SENTENCES[statement.meaning]}",
        "local": statement.time.local,
        "utc": statement.time.utc,
        "statement_sha256": sha256_hex(signature.statement.encode()),
    }


_REPEATS = {"attempt_opened": "analysis repeated", "result_recorded": "result recorded again"}


def _amendments(entries: Iterable[Entry]) -> Iterator[AmendmentLine]:
    for entry in repeats(entries):
        yield AmendmentLine(
            when=entry.time.local, person=entry.actor.name, what=_REPEATS[entry.kind], reason=entry.reason or "-"
        )


def _remarks(entries: Iterable[Entry]) -> Iterator[RemarkLine]:
    for entry in entries:
        record = entry.record
        comment = getattr(record, "comment", None)
        if entry.kind == "duplicate_explained" and entry.reason:
            comment = f"Image {getattr(record, 'image', '')} is like another one: {entry.reason}"
        if entry.kind == "image_refused":
            comment = f"File {getattr(record, 'file_name', '')} was refused: {getattr(record, 'why', '')}"
        if isinstance(record, BatchDisposed) and entry.reason:
            comment = f"{comment}. Reason: {entry.reason}"
        if isinstance(comment, str):
            yield RemarkLine(person=entry.actor.name, text=comment[:2000])


def _anchor(source: Source) -> LogAnchor:
    index = max(entry.index for entry in source.entries if isinstance(entry.record, BatchDisposed))
    return LogAnchor(
        origin=source.origin,
        size=source.size,
        root=base64.b64encode(source.root).decode("ascii"),
        disposition_index=index,
    )
