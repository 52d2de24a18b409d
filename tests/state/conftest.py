"""Batches without ledger, keys or images: entries made by hand, folded by the real fold under the real rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from nesqc_gmp.errors import NesqcError, OutOfSequenceError
from nesqc_gmp.identity.roles import role_for
from nesqc_gmp.records import batches as records
from nesqc_gmp.records.base import Instant
from nesqc_gmp.records.entry import Actor, Entry, Subject
from nesqc_gmp.records.images import Duplicate, FrameFacts, InputCheck, InputSpace, RuntimeFacts
from nesqc_gmp.records.products import ManualTest, MorphologyTest, SamplingPlan, Specification
from nesqc_gmp.records.signatures import ElectronicSignature
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch, fold_batch

NOW = Instant(utc="2026-11-20T09:00:00.000000Z", local="2026-11-20T10:00:00.000000+01:00", zone="Europe/Stockholm")
SIGNATURE = ElectronicSignature(statement="-", signature="-", certificate_sha256="0" * 64)
SHA = "0" * 64
SHARE = "0.5"


def specification(undecided: str = "two readings", reading: str = "undecided images") -> Specification:
    """One culture of two fields, half of which have to conform; one test done elsewhere."""
    morphology = MorphologyTest(
        kind="morphology",
        test="morphology",
        name="Morphology",
        sop="SOP-1",
        model="m",
        model_version="1",
        model_sha256=SHA,
        conforming_share_min=SHARE,
        rejected_share_max="0.5",
        valid_images_min=1,
        undecided_images=undecided,
        reading=reading,
    )
    manual = ManualTest(
        kind="manual", test="viability", name="V", method="M", sop="S", criterion="80 %", minimum="80"
    )  # fmt: skip
    space = InputSpace(
        formats=("PNG",), bit_depths=(8,), channels=(1,), width_min=1, width_max=9, height_min=1, height_max=9,
        pixel_size_um_min="1", pixel_size_um_max="1", saturated_share_max="1", focus_min="0", illumination_max="1",
    )  # fmt: skip
    fields = {name: "text" for name in Specification.model_fields if Specification.model_fields[name].annotation is str}
    known = {
        "product": "P",
        "version": 1,
        "retention_years": 1,
        "tests": (morphology, manual),
        "sampling": SamplingPlan(cultures_min=1, fields_min=2, description="raster"),
        "input_space": space,
    }
    text = {name: "text" for name in Specification.model_fields if name not in known}
    return Specification.model_validate(fields | text | known)


RIGHTS = {
    "register": "batches.register",
    "receive": "batches.receive",
    "receive_again": "batches.receive",
    "refuse": "batches.receive",
    "explain": "batches.explain",
    "seal": "batches.seal",
    "open": "batches.analyse",
    "score": "batches.analyse",
    "close": "batches.analyse",
    "read": "batches.read",
    "record": "batches.record-result",
    "verify": "batches.verify-result",
    "submit": "batches.submit",
    "review": "batches.review",
    "audit": "audit.review",
    "release": "batches.release",
    "reject": "batches.reject",
    "hold": "batches.hold",
}
"""Every command on a batch with the right it needs."""


class Machine:
    """The life of one batch as a list of entries.

    The checks of a command are those of its procedure: right, rule of ``state.release``, and for a verification that
    nobody verifies their own result.
    """

    def __init__(self, roles: dict[str, frozenset[str]], rules: Specification | None = None) -> None:
        self.roles = roles
        self.rules = rules or specification()
        self.entries: list[Entry] = []

    @property
    def batch(self) -> Batch:
        return fold_batch(self.entries, "B-1")

    def do(self, command: str, person: str, choice: int = 0) -> bool:
        """Try a command; returns whether it was done."""
        role = role_for(RIGHTS[command], self.roles[person])
        if role is None or (command == "register") == bool(self.entries):
            return False
        try:
            record = getattr(self, f"_{command}")(person, choice)
        except NesqcError:
            return False
        if record is None:
            return False
        system = command == "close"
        self._append("system" if system else person, "system" if system else role, record, choice)
        return True

    def _append(self, person: str, role: str, record: Any, choice: int) -> None:
        self.entries.append(
            Entry(
                version=1,
                origin="o",
                index=len(self.entries),
                time=NOW,
                actor=Actor(person=person, name=person, role=role, authentication="session", session=None),
                subject=Subject(type="batch", id="B-1"),
                reason="A reason given" if choice % 2 else None,
                software="s",
                record=record,
            )
        )

    def _register(self, person: str, choice: int) -> Any:
        return records.BatchRegistered(
            batch="B-1", specification_id="P.v1", line_code="L", manufactured_on="2026-01-01", expires_on="2027-01-01"
        )

    def _receive(self, person: str, choice: int, duplicates: tuple[Duplicate, ...] = ()) -> Any:
        release.require_receiving(self.batch)
        number = len(self.batch.images)
        if number == 3:
            return None
        return records.ImageReceived(
            image=f"C{1 + choice % 5 // 4}_F{number}",
            culture=f"C{1 + choice % 5 // 4}",
            passage=1,
            field=f"F{number}",
            captured_at=None,
            pixel_size_um=None,
            file_name="f.png",
            facts=FrameFacts(
                sha256=SHA, byte_length=1, format="PNG", decoder="d", width=1, height=1, channels=1, bit_depth=8,
                pixel_size_um=None, pixels_sha256=f"{number:064x}", perceptual_hash="0" * 16,
            ),
            duplicates=duplicates,
        )  # fmt: skip

    def _receive_again(self, person: str, choice: int) -> Any:
        return self._receive(person, choice, (Duplicate(image="i", batch="B-0", kind="same bytes", distance=0),))

    def _refuse(self, person: str, choice: int) -> Any:
        release.require_receiving(self.batch)
        return records.ImageRefused(file_name="f", sha256=SHA, why="no image") if not self.batch.refused else None

    def _explain(self, person: str, choice: int) -> Any:
        release.require_receiving(self.batch)
        blocked = [name for name, image in self.batch.images.items() if image.blocked]
        return records.DuplicateExplained(image=blocked[0]) if blocked else None

    def _seal(self, person: str, choice: int) -> Any:
        release.require_sealable(self.batch, self.rules)
        if not self.batch.images:
            return None
        return records.ImageSetSealed(images=len(self.batch.images), images_sha256=SHA, refused=0)

    def _open(self, person: str, choice: int) -> Any:
        release.require_analysable(self.batch, "A reason given" if choice % 2 else None)
        runtime = RuntimeFacts(
            onnxruntime="1", provider="p", threads=1, graph_optimisation="g", deterministic=True, processor="c",
            python="3", packages=(), self_test="identical",
        )  # fmt: skip
        number = len(self.batch.attempts) + 1
        return records.AttemptOpened(
            attempt=number, model_sha256=SHA, images=len(self.batch.images), runtime=runtime, process="a/1/1"
        )

    def _score(self, person: str, choice: int) -> Any:
        attempt = self.batch.open_attempt
        left = [name for name in self.batch.images if attempt and name not in attempt.scores]
        if attempt is None or not left:
            return None
        outcomes = ("conforming",) * 4 + ("undecided", "undecided", "not conforming", "rejected by input check")
        return records.ImageScored(
            attempt=attempt.number,
            image=left[0],
            sha256=SHA,
            check=InputCheck(findings=()),
            model_check=(),
            prediction=None,
            outcome=outcomes[choice % len(outcomes)],
        )

    def _close(self, person: str, choice: int) -> Any:
        attempt = self.batch.open_attempt
        if attempt is None:
            return None
        whole = len(attempt.scores) == len(self.batch.images)
        return records.AttemptClosed(
            attempt=attempt.number, ending="completed" if whole else "aborted", scored=len(attempt.scores), detail="d"
        )

    def _read(self, person: str, choice: int) -> Any:
        release.require_open(self.batch)
        names = list(self.batch.images)
        if not names:
            return None
        reading = ("conforming", "conforming", "conforming", "undecided", "not conforming")[choice % 5]
        return records.ImageRead(
            image=names[choice % len(names)], reading=reading, blinded=False, model_outcome=None, override=False
        )

    def _record(self, person: str, choice: int) -> Any:
        release.require_open(self.batch)
        return records.ResultRecorded(
            test="viability",
            value="v",
            outcome="not conforming" if choice % 8 == 7 else "conforming",
            performed_on="2026-11-20",
            evidence_name="e",
            evidence_sha256=SHA,
            signature=SIGNATURE,
        )

    def _verify(self, person: str, choice: int) -> Any:
        release.require_open(self.batch)
        result = self.batch.result("viability")
        if result is None or result.verified_by or result.person == person:
            return None
        return records.ResultVerified(test="viability", recorded_index=result.index, signature=SIGNATURE)

    def _submit(self, person: str, choice: int) -> Any:
        release.require_submittable(self.batch, self.rules, person)
        return records.BatchSubmitted(signature=SIGNATURE)

    def _review(self, person: str, choice: int) -> Any:
        release.require_reviewable(self.batch, person)
        return records.BatchReviewed(deviations=(), comment="c", signature=SIGNATURE)

    def _audit(self, person: str, choice: int) -> Any:
        release.require_audit_reviewable(self.batch, person)
        return records.AuditTrailReviewed(
            first=0,
            last=len(self.entries) - 1,
            entries=len(self.entries),
            exceptions=(),
            sample_seed="s",
            sample=(),
            conclusion="c",
            acceptable=choice % 8 != 7,
            signature=SIGNATURE,
        )

    def _release(self, person: str, choice: int) -> Any:
        return self._dispose(person, "released")

    def _reject(self, person: str, choice: int) -> Any:
        return self._dispose(person, "rejected")

    def _hold(self, person: str, choice: int) -> Any:
        return self._dispose(person, "on hold")

    def _dispose(self, person: str, decision: Any) -> Any:
        release.require_disposable(self.batch, self.rules, person, decision)
        return records.BatchDisposed(decision=decision, outcome="undecided", comment="c", signature=SIGNATURE)

    def next_command(self) -> tuple[str, str]:
        """The step that comes next in a good life, and the role whose it is."""
        if not self.entries:
            return "register", "operator"
        batch = self.batch
        steps = [
            (any(image.blocked for image in batch.images.values()), "explain", "operator"),
            (batch.sealed is None and len(batch.images) < 2, "receive", "operator"),
            (batch.sealed is None, "seal", "operator"),
            (batch.open_attempt is not None and self._score("", 0) is not None, "score", "operator"),
            (batch.open_attempt is not None, "close", "operator"),
            (not any(attempt.completed for attempt in batch.attempts), "open", "operator"),
            (batch.result("viability") is None, "record", "operator"),
            (batch.results != () and not batch.results[-1].verified_by, "verify", "reviewer"),
            (not batch.in_present_form(batch.submitted), "submit", "operator"),
            (not batch.in_present_form(batch.reviewed), "review", "reviewer"),
            (not batch.in_present_form(batch.audit_reviewed), "audit", "qa"),
        ]
        return next(((command, role) for wanted, command, role in steps if wanted), ("release", "qa"))


def violations(entries: Sequence[Entry]) -> list[str]:
    """What is wrong with every release in a history: written from the rules of the site's procedures in words, not
    from the program. Nothing is folded; the raw list is searched for each release anew.
    """
    return [
        f"{index}: {what}"
        for index, entry in enumerate(entries)
        if entry.kind == "batch_disposed" and entry.record.decision == "released"
        for what in _wrong(list(entries[:index]), entry.actor.person)
    ]


_SIGNATURES = ("batch_submitted", "batch_reviewed", "audit_trail_reviewed", "batch_disposed")


def _wrong(before: list[Entry], releaser: str) -> list[str]:
    found: list[str] = []
    at = {kind: [n for n, entry in enumerate(before) if entry.kind == kind] for kind in {e.kind for e in before}}
    content = max(n for n, entry in enumerate(before) if entry.kind not in _SIGNATURES)
    who = [entry.actor.person for entry in before]
    decisions = [before[n].record.decision for n in at.get("batch_disposed", [])]
    if set(decisions) & {"released", "rejected"}:
        found.append("decided before")
    order = [at.get(kind, [-1])[-1] for kind in _SIGNATURES[:3]]
    if not content < order[0] < order[1] < order[2]:
        found.append("submitted, reviewed and audited in this order after the last change")
    if order[2] >= 0 and not before[order[2]].record.acceptable:
        found.append("the audit trail is acceptable")
    workers = {who[n] for n, e in enumerate(before) if e.kind not in _SIGNATURES and who[n] != "system"}
    performers = {p for p, e in zip(who, before, strict=True) if p in workers and e.actor.role == "operator"}
    performer, reviewer, auditor = (who[n] if n >= 0 else "nobody" for n in order)
    if reviewer in performers | {performer}:
        found.append("the reviewer performed")
    if releaser in workers | {performer, reviewer}:
        found.append("the releaser performed or reviewed")
    if auditor in workers | {performer, reviewer}:
        found.append("the auditor of the trail acted on the batch")
    return found + _images_wrong(before, at) + _tests_wrong(before, at)


def _images_wrong(before: list[Entry], at: dict[str, list[int]]) -> list[str]:
    found: list[str] = []
    received, seals = at.get("image_received", []), at.get("image_set_sealed", [])
    if len(seals) != 1 or len(received) < 2 or max(received + at.get("image_refused", [])) > seals[0]:
        found.append("one seal after the last image")
    explained = {before[n].record.image for n in at.get("duplicate_explained", []) if seals and n < seals[0]}
    if {before[n].record.image for n in received if before[n].record.duplicates} - explained:
        found.append("every likeness explained before the seal")
    opened, closed = at.get("attempt_opened", []), at.get("attempt_closed", [])
    if len(opened) != len(closed) or (seals and opened and opened[0] < seals[0]):
        found.append("attempts between seal and release, each closed")
    if not any(before[n].record.ending == "completed" for n in closed):
        found.append("one attempt completed")
    again = [n for n in opened if any(before[c].record.ending == "completed" and c < n for c in closed)]
    if any(not before[n].reason for n in again):
        found.append("a repeat has a reason")
    return found


def _tests_wrong(before: list[Entry], at: dict[str, list[int]]) -> list[str]:
    found: list[str] = []
    results = at.get("result_recorded", [])
    verified = {before[n].record.recorded_index: before[n].actor.person for n in at.get("result_verified", [])}
    if not results or any(before[n].record.outcome != "conforming" for n in results):
        found.append("every result conforms")
    if any(verified.get(n, before[n].actor.person) == before[n].actor.person for n in results):
        found.append("every result verified by another person")
    if not _cultures_conform(before, at):
        found.append("every culture conforms")
    return found


def _cultures_conform(before: list[Entry], at: dict[str, list[int]]) -> bool:
    images = {before[n].record.image: before[n].record.culture for n in at.get("image_received", [])}
    whole = {before[n].record.attempt for n in at.get("attempt_closed", []) if before[n].record.ending == "completed"}
    scored: dict[str, set[str]] = {name: set() for name in images}
    for n in at.get("image_scored", []):
        if before[n].record.attempt in whole:
            scored[before[n].record.image].add(before[n].record.outcome)
    read: dict[str, dict[str, str]] = {name: {} for name in images}
    for n in at.get("image_read", []):
        read[before[n].record.image][before[n].actor.person] = before[n].record.reading
    out = len(at.get("image_refused", [])) + sum("rejected by input check" in s - {"x"} for s in scored.values())
    if Fraction(out, len(images) + len(at.get("image_refused", [])) or 1) > Fraction(1, 2):
        return False
    return all(
        _culture_conforms([_possible(scored[i], read[i]) for i in images if images[i] == culture])
        for culture in set(images.values())
    )


def _possible(outcomes: set[str], readings: dict[str, str]) -> str:
    """What an image may truly be: ``good``, ``bad``, ``either``, or ``out`` of the count."""
    said = set(readings.values())
    if "not conforming" in outcomes:
        return "bad"
    if "rejected by input check" in outcomes:
        return "out"
    if outcomes == {"conforming"}:
        return "good" if said <= {"conforming"} else "either"
    if said == {"not conforming"}:
        return "bad"
    return "good" if said == {"conforming"} and len(readings) >= 2 else "either"


def _culture_conforms(images: list[str]) -> bool:
    """Whether the culture conforms however the images that are open turn out."""
    valid = [image for image in images if image != "out"]
    if not valid:
        return False
    choices = [{"good": (1,), "bad": (0,), "either": (0, 1)}[image] for image in valid]
    return all(Fraction(sum(turned), len(valid)) >= Fraction(SHARE) for turned in product(*choices))


@pytest.fixture(scope="session")
def machine() -> type[Machine]:
    """A batch without anything but its entries."""
    return Machine


@pytest.fixture(scope="session")
def commands() -> dict[str, str]:
    """Every command with its right."""
    return RIGHTS


@pytest.fixture(scope="session")
def wrong() -> Callable[[Sequence[Entry]], list[str]]:
    """Everything that is wrong with the releases in a history."""
    return violations


@pytest.fixture(scope="session")
def rules() -> Callable[..., Specification]:
    """Builds the specification."""
    return specification


@pytest.fixture
def refusal() -> type[OutOfSequenceError]:
    """What a step in the wrong place ends in."""
    return OutOfSequenceError
