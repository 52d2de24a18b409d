"""How one batch is shown: for the eye, and as JSON with everything that is known of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nesqc_gmp.cli import show
from nesqc_gmp.records.images import spread_words
from nesqc_gmp.state.late_entry import LateEntry, late_entries
from nesqc_gmp.state.release import differs

if TYPE_CHECKING:
    from nesqc_gmp.procedures.batches import BatchView
    from nesqc_gmp.records.batches import ImageScored
    from nesqc_gmp.records.images import Heterogeneity
    from nesqc_gmp.state.batches import Attempt, Batch, Reading, Result, Signed

NOT_IN_PRESENT_FORM = "not signed in its present form"


def summary(batch: Batch) -> dict[str, Any]:
    """One batch in a list."""
    return {
        "batch": batch.registered.batch,
        "stage": batch.stage,
        "specification": batch.registered.specification_id,
        "line_code": batch.registered.line_code,
        "manufactured_on": batch.registered.manufactured_on,
        "expires_on": batch.registered.expires_on,
        "images": len(batch.images),
        "refused": len(batch.refused),
        "attempts": len(batch.attempts),
    }


def signatures(view: BatchView) -> list[dict[str, Any]]:
    """Every signature on a batch and whether it stands over the batch as it is now (21 CFR 11.70)."""
    batch = view.batch
    broken = {finding.index: finding.what for finding in view.unsigned}
    acts: tuple[tuple[str, Signed | None], ...] = (
        ("performed", batch.submitted),
        ("reviewed", batch.reviewed),
        ("audit trail reviewed", batch.audit_reviewed),
        (batch.disposition.decision if batch.disposition else "decided", batch.disposed),
    )
    return [
        {
            "meaning": meaning,
            "person": signed.person if signed else None,
            "entry": signed.index if signed else None,
            "in_present_form": signed is not None and batch.in_present_form(signed) and signed.index not in broken,
            "problem": broken.get(signed.index) if signed else None,
        }
        for meaning, signed in acts
    ]


def as_json(view: BatchView) -> dict[str, Any]:
    """Everything known of a batch, under stable names."""
    batch = view.batch
    disposition = batch.disposition
    return {
        **summary(batch),
        "outcome": view.outcome,
        "registered_by": batch.registered_by,
        "sealed": batch.sealed.model_dump(mode="json") if batch.sealed else None,
        "signatures": signatures(view),
        "tests": [{"test": test, "outcome": outcome} for test, outcome in tests(view)],
        "cultures": [
            {"culture": c, "outcome": outcome, "heterogeneity": _measured(view.morphology.heterogeneity.cultures[c])}
            for c, outcome in view.morphology.cultures.items()
        ],
        "heterogeneity": _measured(view.morphology.heterogeneity.batch),
        "heterogeneity_max": view.specification.morphology.heterogeneity_max,
        "rules": [rule.model_dump(mode="json") for rule in view.morphology.rules],
        "images": [_image(view, name) for name in batch.images],
        "refused_files": [{"file_name": r.file_name, "sha256": r.sha256, "why": r.why} for r in batch.refused],
        "attempts": [_attempt(attempt) for attempt in batch.attempts],
        "results": [_result(result) for result in batch.results],
        "late_entries": [asdict(late) for late in late_entries(batch)],
        "deviations": list(batch.deviations),
        "review_comment": batch.review_comment,
        "decision": disposition.decision if disposition else None,
        "decision_comment": disposition.comment if disposition else None,
    }


def tests(view: BatchView) -> list[tuple[str, str]]:
    """The tests of the specification with their outcomes, the image test first."""
    return [(view.specification.morphology.test, view.morphology.outcome), *view.manual]


def _scored(batch: Batch, name: str) -> ImageScored | None:
    """What the last attempt that reached an image said of it."""
    return next((a.scores[name] for a in reversed(batch.attempts) if name in a.scores), None)


def _image(view: BatchView, name: str) -> dict[str, Any]:
    image = view.batch.images[name]
    scored = _scored(view.batch, name)
    received = image.received
    return {
        "image": name,
        "culture": received.culture,
        "passage": received.passage,
        "field": received.field,
        "captured_at": received.captured_at,
        "file_name": received.file_name,
        "sha256": received.facts.sha256,
        "score": scored.prediction.score if scored and scored.prediction else None,
        "model_outcome": scored.outcome if scored else None,
        "heterogeneity": _measured(view.morphology.heterogeneity.images.get(name)),
        "failed_checks": _failed_checks(scored),
        "outcome": view.morphology.images[name],
        "readings": [_reading(view.batch, reading) for reading in _readings(view.batch, name)],
        "duplicates": [duplicate.model_dump(mode="json") for duplicate in received.duplicates],
        "explained": image.explained,
    }


def _measured(found: Heterogeneity | None) -> dict[str, Any]:
    """Both measures with their intervals; ``None`` for one that was not measured."""
    known = found.model_dump(mode="json") if found else {}
    return {name: known.get(name) for name in ("appearance", "score")}


def _failed_checks(scored: ImageScored | None) -> list[str]:
    if scored is None:
        return []
    return [finding.rule for finding in (*scored.check.findings, *scored.model_check) if not finding.passed]


def _readings(batch: Batch, name: str) -> list[Reading]:
    return [reading for reading in batch.readings if reading.read.image == name]


def _reading(batch: Batch, reading: Reading) -> dict[str, Any]:
    return {
        "person": reading.person,
        "time": reading.time,
        "reading": reading.read.reading,
        "blinded": reading.read.blinded,
        "override": differs(batch, reading),
        "reason": reading.reason,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    closed = attempt.closed
    return {
        "attempt": attempt.number,
        "ending": closed.ending if closed else "running",
        "detail": closed.detail if closed else None,
        "images": attempt.opened.images,
        "scored": len(attempt.scores),
        "opened_at": attempt.opened_at,
        "opened_by": attempt.opened_by,
        "closed_at": attempt.closed_at,
        "reason": attempt.reason,
        "model_sha256": attempt.opened.model_sha256,
        "outcomes": dict(Counter(scored.outcome for scored in attempt.scores.values())),
    }


def _result(result: Result) -> dict[str, Any]:
    recorded = result.recorded
    return {
        "test": recorded.test,
        "value": recorded.value,
        "outcome": recorded.outcome,
        "performed_on": recorded.performed_on,
        "entered_at": result.entered_at,
        "reason": result.reason,
        "recorded_by": result.person,
        "verified_by": result.verified_by,
        "evidence_name": recorded.evidence_name,
        "evidence_sha256": recorded.evidence_sha256,
    }


def print_batch(view: BatchView, *, images: bool, attempts: bool) -> None:
    """Print a batch for the eye."""
    _print_head(view)
    _print_signatures(view)
    _print_tests(view)
    show.print_title("Rules of the image test")
    rules = [(rule.about, rule.outcome, rule.measured, rule.limit, rule.rule) for rule in view.morphology.rules]
    show.print_table(("About", "Outcome", "Measured", "Limit", "Rule"), rows=rules, empty="none")
    _print_heterogeneity(view)
    if images:
        _print_images(view)
    if attempts:
        _print_attempts(view.batch)


def _print_head(view: BatchView) -> None:
    batch, registered = view.batch, view.batch.registered
    counts = Counter(view.morphology.images.values())
    waiting = [name for name, image in batch.images.items() if image.blocked]
    show.print_facts(
        [
            ("batch", registered.batch),
            ("stage", batch.stage),
            ("outcome of all tests", view.outcome),
            ("specification", f"{registered.specification_id}: {view.specification.name}"),
            ("line", registered.line_code),
            ("manufactured", f"{registered.manufactured_on}, expires {registered.expires_on}"),
            ("images", f"{len(batch.images)} received, {len(batch.refused)} files refused, "
             f"{'sealed' if batch.sealed else 'not sealed'}"),
            ("after readings", ", ".join(f"{n} {outcome}" for outcome, n in counts.items()) or "none"),
            ("cultures", ", ".join(f"{c} {outcome}" for c, outcome in view.morphology.cultures.items()) or "none"),
            ("attempts", ", ".join(f"{a.number} {a.closed.ending if a.closed else 'running'}"
                                   for a in batch.attempts) or "none"),
            ("readings", f"{len(batch.readings)}, {sum(differs(batch, r) for r in batch.readings)} differ from the "
             "model"),
            ("deviations", ", ".join(batch.deviations) or "none"),
            *([("to be explained", ", ".join(waiting))] if waiting else []),
            *(("entered late", _late_words(late)) for late in late_entries(batch)),
            *([("review comment", batch.review_comment)] if batch.review_comment else []),
            *([("decision", f"{batch.disposition.decision}: {batch.disposition.comment}")]
              if batch.disposition else []),
        ]
    )  # fmt: skip


def _late_words(late: LateEntry) -> str:
    what = f"{late.test}, performed" if late.test else f"{len(late.images)} images, captured"
    return f"{what} {late.happened}, entered {late.entered} by {late.person}" + (
        f": {late.reason}" if late.reason else ""
    )


def _print_signatures(view: BatchView) -> None:
    show.print_title("Signatures")
    rows = []
    for signature in signatures(view):
        standing = "signed" if signature["in_present_form"] else NOT_IN_PRESENT_FORM
        if signature["person"] is None:
            standing = "not signed"
        rows.append((signature["meaning"], signature["person"], signature["entry"], standing))
    show.print_table(("Meaning", "Person", "#Entry", "Standing"), rows, "none")


def _print_tests(view: BatchView) -> None:
    show.print_title("Tests")
    rows = []
    for test, outcome in tests(view):
        result = view.batch.result(test)
        value = result.recorded.value if result else None
        by = f"{result.person}, verified by {result.verified_by or 'nobody yet'}" if result else None
        rows.append((test, outcome, value, by))
    show.print_table(("Test", "Outcome", "Last result", "Recorded by"), rows, "none")


def _print_heterogeneity(view: BatchView) -> None:
    found = view.morphology.heterogeneity
    show.print_title("Heterogeneity, 95 % intervals")
    limit = view.specification.morphology.heterogeneity_limit
    rows = [
        (culture, spread_words(each.appearance), limit, spread_words(each.score))
        for culture, each in found.cultures.items()
    ]
    rows.append(("batch", spread_words(found.batch.appearance), "no limit", spread_words(found.batch.score)))
    show.print_table(("About", "Appearance (1 is typical)", "Limit", "Scores of tiles (log-odds)"), rows, "none")


def _print_images(view: BatchView) -> None:
    show.print_title("Images")
    rows = []
    for name in view.batch.images:
        image, scored = _image(view, name), _scored(view.batch, name)
        readings = "; ".join(
            f"{r['person']}: {r['reading']}{' (blinded)' if r['blinded'] else ''}" for r in image["readings"]
        )
        remarks = "; ".join(filter(None, (readings, ", ".join(image["failed_checks"]))))
        seen = view.morphology.heterogeneity.images.get(name)
        unlike = (spread_words(seen.appearance), spread_words(seen.score)) if seen else (None, None)
        rows.append(
            (
                name,
                scored.judged_score if scored else None,
                *unlike,
                image["model_outcome"],
                image["outcome"],
                remarks or None,
            )
        )
    head = ("Image", "#Score", "Heterogeneity", "Tile scores", "Model", "After readings", "Readings, checks")
    show.print_table(head, rows, "none")
    for refused in view.batch.refused:
        show.say(f"refused: {refused.file_name}: {refused.why}")


def _print_attempts(batch: Batch) -> None:
    show.print_title("Attempts")
    rows = []
    for attempt in map(_attempt, batch.attempts):
        said = "; ".join(filter(None, (attempt["reason"], attempt["detail"])))
        scored = f"{attempt['scored']} of {attempt['images']}"
        opened = f"{attempt['opened_at'][:19]} by {attempt['opened_by']}"
        rows.append((attempt["attempt"], attempt["ending"], scored, opened, said))
    show.print_table(("#No", "Ending", "#Scored", "Opened", "Reason and detail"), rows, "none")
