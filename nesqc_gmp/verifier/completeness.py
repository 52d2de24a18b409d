"""The batch: nothing left out, every step in its order, by people who were allowed to do it together.

The acts are replayed: before each of them the batch is folded from the entries below it, and the rule that guards the
act (``state.release``) is asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nesqc_gmp.decision import heterogeneity
from nesqc_gmp.decision.input_check import (
    FOCUS,
    ILLUMINATION,
    SATURATION,
    check_measured,
    check_stated,
    model_size,
)
from nesqc_gmp.decision.manual import judge_manual
from nesqc_gmp.decision.model_check import decided, has_locked_limits
from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import IntegrityError, NesqcError
from nesqc_gmp.records import batches as records
from nesqc_gmp.records.entry import Entry
from nesqc_gmp.records.images import Prediction
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch, fold_batch
from nesqc_gmp.state.models import ModelState, fold_models, require_active
from nesqc_gmp.state.products import require
from nesqc_gmp.verifier.approval import approved_model, approved_specification
from nesqc_gmp.verifier.proven import Proven


def check_complete(proven: Proven) -> str:
    """Replay the life of the batch.

    Raises:
        IntegrityError: Something is missing, out of order, or was done by somebody who may not.
    """
    entries = tuple(proven.about("batch", proven.batch))
    _check_registration(proven, entries[0])
    model = approved_model(proven)
    sealed, running, received = False, None, dict[str, records.ImageReceived]()
    for entry in entries[1:]:
        check = _CHECKS.get(type(entry.record))
        if check is None:
            continue
        try:
            check(_Replay(proven, model, entry, sealed, running, received), entry.record)
        except NesqcError as error:
            raise IntegrityError(f"entry {entry.index}: {error.what}", first_bad=entry.index) from error
        if isinstance(entry.record, records.ImageReceived):
            received[entry.record.image] = entry.record
        sealed = sealed or isinstance(entry.record, records.ImageSetSealed)
        if isinstance(entry.record, records.AttemptOpened | records.AttemptClosed):
            running = entry.record if isinstance(entry.record, records.AttemptOpened) else None
    return _summary(fold_batch(entries, proven.batch))


def _check_registration(proven: Proven, first: Entry) -> None:
    if not isinstance(first.record, records.BatchRegistered) or first.record.batch != proven.batch:
        raise IntegrityError("the first entry about the batch is not its registration")
    require(approved_specification(proven, first.index), "approved", "register a batch for")


def _summary(batch: Batch) -> str:
    if batch.disposition is None or not batch.in_present_form(batch.disposed):
        raise IntegrityError("there is no decision over the batch in its present form")
    if batch.open_attempt is not None:
        raise IntegrityError(f"attempt {batch.open_attempt.number} was never closed")
    return (
        f"{batch.version} content entries, {len(batch.images)} images, {len(batch.refused)} files refused, "
        f"{len(batch.attempts)} attempts, all closed; {batch.disposition.decision}"
    )


class _Replay:
    """The batch just before one entry.

    What is asked for every image, whether the set is sealed, which attempt runs and what was received, is handed on
    from entry to entry.
    """

    def __init__(
        self,
        proven: Proven,
        model: ModelState,
        entry: Entry,
        sealed: bool,
        running: records.AttemptOpened | None,
        received: dict[str, records.ImageReceived],
    ) -> None:
        self._proven = proven
        self._model = model
        self._entry = entry
        self._sealed = sealed
        self._running = running
        self._received = received
        self._batch: Batch | None = None

    @property
    def batch(self) -> Batch:
        """The batch, folded where a rule asks for it."""
        if self._batch is None:
            earlier = self._proven.about("batch", self._proven.batch, self._entry.index)
            self._batch = fold_batch(earlier, self._proven.batch)
        return self._batch

    def receipt(self, _: Any) -> None:
        """Nothing is received after the seal."""
        if self._sealed:
            raise IntegrityError("something was received after the seal")

    def seal(self, record: records.ImageSetSealed) -> None:
        """The seal names exactly the images received."""
        release.require_sealable(self.batch, self._proven.specification)
        named = {name: image.received.facts.sha256 for name, image in self.batch.images.items()}
        present = (len(named), sha256_hex(canonical_json(named)), len(self.batch.refused))
        if present != (record.images, record.images_sha256, record.refused):
            raise IntegrityError("the seal is not over the images received")

    def opened(self, record: records.AttemptOpened) -> None:
        """An attempt opens after the seal, with the active model of the specification, over every image."""
        release.require_analysable(self.batch, self._entry.reason)
        digest = self._proven.specification.morphology.model_sha256
        require_active(fold_models(self._proven.about("model", digest, self._entry.index)), digest)
        present = (len(self.batch.attempts) + 1, digest, len(self.batch.images))
        if present != (record.attempt, record.model_sha256, record.images):
            raise IntegrityError("the attempt is not over this set with this model")

    def scored(self, record: records.ImageScored) -> None:
        """Checks and outcome follow from what was received, measured and predicted, by the locked limits."""
        self._require_running(record)
        self._require_input_check(record)
        manifest, prediction = self._model.manifest, record.prediction
        if record.check.passed != (prediction is not None):
            raise IntegrityError(f"{record.image} has a score without a passed input check, or none with one")
        if prediction is not None:
            self._require_heterogeneity(record.image, prediction)
            if not has_locked_limits(prediction, manifest):
                raise IntegrityError(f"the limits recorded with {record.image} are not those of its model")
        findings, outcome = decided(manifest, record.image, prediction)
        if record.model_check != findings:
            raise IntegrityError(f"the check of {record.image} by the model does not follow from what it measured")
        if record.outcome != outcome:
            raise IntegrityError(f"{record.image} is recorded as {record.outcome}; its score says {outcome}")

    def _require_input_check(self, record: records.ImageScored) -> None:
        """Every rule was asked, with the limits of the specification, of the file that was received."""
        original = self._received.get(record.image)
        if original is None or original.facts.sha256 != record.sha256:
            raise IntegrityError(f"{record.image} is not the image that was received under this name")
        space = self._proven.specification.input_space
        measured = {finding.rule: finding.measured for finding in record.check.findings}
        if not {SATURATION, FOCUS, ILLUMINATION} <= set(measured):
            raise IntegrityError(f"the input check of {record.image} lacks a rule")
        expected = (
            *check_stated(original.facts, space, pixel_size_um=original.pixel_size_um),
            *check_measured(measured, space),
            model_size(original.facts, self._model.manifest.input_space),
        )
        if record.check.findings != expected:
            raise IntegrityError(f"the input check of {record.image} does not follow from what was measured")

    def _require_heterogeneity(self, image: str, prediction: Prediction) -> None:
        """It follows from the map and the tiles, and a model that measures tiles has measured them."""
        measures = self._model.manifest.tile_embedding_scale is not None
        if bool(prediction.heterogeneity.tile_distances) != measures:
            raise IntegrityError(f"{image} has distances of tiles that its model does not give, or lacks them")
        if not heterogeneity.follows(prediction):
            raise IntegrityError(f"the heterogeneity of {image} does not follow from its map and its tiles")

    def _require_running(self, record: records.ImageScored) -> None:
        """The last attempt that was opened is this one, and it is not closed."""
        if self._running is None or self._running.attempt != record.attempt:
            raise IntegrityError(f"{record.image} was scored outside an attempt")

    def closed(self, record: records.AttemptClosed) -> None:
        """An attempt closes with the count of its results; a completed one has all, each once."""
        running = self.batch.open_attempt
        if running is None or running.number != record.attempt:
            raise IntegrityError("an attempt was closed that is not open")
        results = [
            entry.record for entry in self._proven.about("batch", before=self._entry.index)
            if isinstance(entry.record, records.ImageScored) and entry.index > running.index
        ]  # fmt: skip
        names = {result.image for result in results}
        wrong = {result.attempt for result in results} - {record.attempt} or names - set(self.batch.images)
        if wrong or len(names) != len(results) or record.scored != len(names):
            raise IntegrityError("the results of the attempt are not those it was closed with")
        if record.ending == "completed" and names != set(self.batch.images):
            raise IntegrityError("the attempt was closed as completed without every image")

    def recorded(self, record: records.ResultRecorded) -> None:
        """A result of a test of the specification, judged by its criterion."""
        release.require_open(self.batch)
        test = next((t for t in self._proven.specification.manual if t.test == record.test), None)
        if test is None or judge_manual(test, record.value) != record.outcome:
            raise IntegrityError(f"the result of {record.test} does not follow from the specification")

    def verified(self, record: records.ResultVerified) -> None:
        """A result is verified by a second person."""
        result = next((r for r in self.batch.results if r.index == record.recorded_index), None)
        if result is None or result.recorded.test != record.test or result.person == self._entry.actor.person:
            raise IntegrityError(f"the verification of {record.test} is not of a result of another person")

    def submitted(self, _: records.BatchSubmitted) -> None:
        """The work was complete, and the submitter did it."""
        release.require_submittable(self.batch, self._proven.specification, self._entry.actor.person)

    def reviewed(self, _: records.BatchReviewed) -> None:
        """It was submitted in that form, and the reviewer did none of the work."""
        release.require_reviewable(self.batch, self._entry.actor.person)

    def audited(self, record: records.AuditTrailReviewed) -> None:
        """The review names every entry about the batch up to that moment."""
        release.require_audit_reviewable(self.batch, self._entry.actor.person)
        indexes = [entry.index for entry in self._proven.about("batch", before=self._entry.index)]
        if (record.first, record.last, record.entries) != (indexes[0], indexes[-1], len(indexes)):
            raise IntegrityError("the audit trail that was reviewed is not the one in the bundle")

    def disposed(self, record: records.BatchDisposed) -> None:
        """Every step before the decision was done, in the present form, by different people."""
        specification = self._proven.specification
        release.require_disposable(self.batch, specification, self._entry.actor.person, record.decision)
        if record.outcome != release.outcome(self.batch, specification):
            raise IntegrityError("the outcome that was decided on does not follow from the records")


_CHECKS: dict[type[Any], Callable[[_Replay, Any], None]] = {
    records.ImageReceived: _Replay.receipt,
    records.ImageRefused: _Replay.receipt,
    records.DuplicateExplained: _Replay.receipt,
    records.ImageSetSealed: _Replay.seal,
    records.AttemptOpened: _Replay.opened,
    records.ImageScored: _Replay.scored,
    records.AttemptClosed: _Replay.closed,
    records.ResultRecorded: _Replay.recorded,
    records.ResultVerified: _Replay.verified,
    records.BatchSubmitted: _Replay.submitted,
    records.BatchReviewed: _Replay.reviewed,
    records.AuditTrailReviewed: _Replay.audited,
    records.BatchDisposed: _Replay.disposed,
}
