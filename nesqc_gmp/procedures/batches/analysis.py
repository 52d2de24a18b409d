"""Analysis: the attempt is committed before any score exists, each result before it is shown.

There is no other way to a score. Interruption, failure and loss of power leave an attempt that is listed for ever: a
running command closes its attempt as aborted or failed, and an attempt whose process is gone is closed by the next
command that looks at the batch, with an incident.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from nesqc_gmp.decision.input_check import model_size
from nesqc_gmp.decision.model_check import decided
from nesqc_gmp.errors import IntegrityError, NesqcError, OutOfSequenceError
from nesqc_gmp.imaging.check import check
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.inference.engine import Engine, PreparedImage
from nesqc_gmp.ledger import Reader, Receipt, Transaction
from nesqc_gmp.procedures import models as model_procedures
from nesqc_gmp.procedures.ahead import ahead
from nesqc_gmp.procedures.batches.common import load_outline, subject
from nesqc_gmp.procedures.context import SYSTEM, Site
from nesqc_gmp.procedures.process import running, this_process
from nesqc_gmp.procedures.qualification.enforcement import present_for_use, require_validated
from nesqc_gmp.procedures.qualification.present import PresentState
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.records.batches import AttemptClosed, AttemptOpened, Ending, ImageOutcome, ImageReceived, ImageScored
from nesqc_gmp.records.images import AttemptReceipt, InputCheck, Prediction
from nesqc_gmp.records.models import ModelManifest
from nesqc_gmp.records.products import Specification
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Attempt, Batch
from nesqc_gmp.state.incidents import require_no_incident
from nesqc_gmp.state.models import fold_models, require_active


@dataclass(frozen=True, slots=True)
class Analysed:
    """A completed attempt.

    Attributes:
        attempt: Its number.
        outcomes: How many images had each outcome, in the order in which it came first.
    """

    attempt: int
    outcomes: Mapping[ImageOutcome, int]


@dataclass(frozen=True, slots=True)
class Progress:
    """One recorded result, handed on only after it was committed."""

    done: int
    total: int
    scored: ImageScored


def analyse(
    session: Session,
    batch: str,
    reason: str | None = None,
    shown: Callable[[Progress], None] = lambda progress: None,
) -> Analysed:
    """Score every image of the sealed set with the locked model.

    Args:
        session: An operator.
        batch: The batch.
        reason: Why a batch is analysed again.
        shown: Called after each result is in the ledger.

    Returns:
        The completed attempt; its results are in the ledger.

    Raises:
        ModelRefusedError: The model is not active, not byte for byte what was approved, or fails its golden run.
        OutOfSequenceError: The set is not sealed, or a repeat has no reason.
        NotQualifiedError: On a production site, the installed state is not the one that was qualified.
        KeyboardInterrupt: The person stopped it; the attempt is closed as aborted.
    """
    site = session.site
    recover(site, batch)
    present = present_for_use(site)
    with session.acting("batches.analyse", subject(batch)) as act:
        digest = _startable(site, act.transaction, batch, reason, present)[1].morphology.model_sha256
    engine = model_procedures.start(site, digest)
    manifest = model_procedures.load(site, digest).manifest
    with session.acting("batches.analyse", subject(batch)) as act:
        state, specification = _startable(site, act.transaction, batch, reason, present)
        originals = _originals(act.transaction, batch)
        number = len(state.attempts) + 1
        opened = AttemptOpened(
            attempt=number,
            model_sha256=digest,
            images=len(originals),
            runtime=engine.runtime_facts(),
            process=this_process(),
        )
        receipt = act.append(subject(batch), opened, reason)
    proof = _receipt(site, batch, number, receipt)
    run = _Run(session, batch, number, specification, manifest, engine, proof, receipt.index + 1)
    return run.score_all(originals, shown)


def _startable(
    site: Site, reader: Reader, batch: str, reason: str | None, present: PresentState | None
) -> tuple[Batch, Specification]:
    """The batch, once nothing stands against an attempt; asked before the golden run and again when it opens."""
    state, specification = load_outline(reader, batch)
    release.require_analysable(state, reason)
    model = specification.morphology.model_sha256
    require_active(fold_models(reader.entries_about("model")), model)
    require_validated(reader, present, model, "analysing a batch")
    require_no_incident(site.state(reader), batch)
    return state, specification


@dataclass(frozen=True, slots=True)
class _Original:
    """What an analysis needs of a received image; whole records of thousands would fill the memory."""

    image: str
    sha256: str
    pixel_size_um: str | None


def _originals(reader: Reader, batch: str) -> tuple[_Original, ...]:
    """The sealed set in the order of receipt."""
    received = (e.record for e in reader.entries("batch", batch) if isinstance(e.record, ImageReceived))
    return tuple(_Original(record.image, record.facts.sha256, record.pixel_size_um) for record in received)


def _receipt(site: Site, batch: str, number: int, receipt: Receipt) -> AttemptReceipt:
    with site.ledger.reading() as reader:
        note = reader.checkpoint_note()
    return AttemptReceipt(record=batch, attempt=number, index=receipt.index, checkpoint=note)


@dataclass(frozen=True, slots=True)
class _Checked:
    """An image after the input check; prepared for the model only where it passed."""

    original: _Original
    checked: InputCheck
    prepared: PreparedImage | None


@dataclass(slots=True)
class _Run:
    """One running attempt; ``seen`` entries of the log are known not to have closed it."""

    session: Session
    batch: str
    number: int
    specification: Specification
    manifest: ModelManifest
    engine: Engine
    receipt: AttemptReceipt
    seen: int

    def score_all(self, images: Sequence[_Original], shown: Callable[[Progress], None]) -> Analysed:
        outcomes: Counter[ImageOutcome] = Counter()
        try:
            with closing(ahead(images, self._prepare, self._predict)) as results:
                for done, result in enumerate(results, start=1):
                    shown(Progress(done, len(images), self._commit(result)))
                    outcomes[result.outcome] += 1
        except KeyboardInterrupt:
            self._close("aborted", "stopped by the person")
            raise
        except Exception as error:
            detail = str(error) if isinstance(error, NesqcError) else f"unexpected {type(error).__name__}"
            self._close("failed", detail[:2000])
            if isinstance(error, IntegrityError):
                with self.session.site.ledger.writing() as transaction:
                    self.session.site.open_incident(transaction, "object altered", str(error), self.batch)
            raise
        self._close("completed", "every image has a result")
        return Analysed(self.number, outcomes)

    def _prepare(self, original: _Original) -> _Checked:
        """Read the original again and check it; no score exists yet."""
        frame = decode(self.session.site.objects.read(original.sha256), name=original.image)
        checked = check(frame, self.specification.input_space, pixel_size_um=original.pixel_size_um)
        size = model_size(frame.facts, self.manifest.input_space)
        checked = InputCheck(findings=(*checked.findings, size))
        return _Checked(original, checked, self.engine.prepare(frame.samples) if checked.passed else None)

    def _predict(self, image: _Checked) -> ImageScored:
        """Predict and decide; the attempt was committed before this run began."""
        prediction = self.engine.predict_prepared(image.prepared, self.receipt) if image.prepared else None
        return self._decided(image.original.image, image.original.sha256, image.checked, prediction)

    def _commit(self, scored: ImageScored) -> ImageScored:
        with self.session.acting("batches.analyse", subject(self.batch)) as act:
            self._require_open(act.transaction)
            act.append(subject(self.batch), scored)
        return scored

    def _require_open(self, reader: Reader) -> None:
        """Nobody who took this process for dead has closed the attempt meanwhile."""
        for kind, _, about in reader.since(self.seen):
            if kind == "attempt_closed" and about == self.batch:
                raise OutOfSequenceError(
                    "the attempt was closed meanwhile", where=f"{self.batch}, attempt {self.number}"
                )
        # The log only grows, so nothing is read twice however many images there are.
        self.seen = reader.size

    def _decided(self, image: str, digest: str, checked: InputCheck, prediction: Prediction | None) -> ImageScored:
        findings, outcome = decided(self.manifest, image, prediction)
        return ImageScored(
            attempt=self.number,
            image=image,
            sha256=digest,
            check=checked,
            model_check=findings,
            prediction=prediction,
            outcome=outcome,
        )

    def _close(self, ending: Ending, detail: str) -> None:
        with self.session.site.ledger.writing() as transaction:
            _close_attempt(self.session.site, transaction, self.batch, self.number, ending, detail)


def _close_attempt(site: Site, transaction: Transaction, batch: str, number: int, ending: Ending, detail: str) -> None:
    """Close an open attempt; results are counted in the log, since a stop can fall between commit and count."""
    attempt = load_outline(transaction, batch)[0].open_attempt
    if attempt is None or attempt.number != number:
        raise OutOfSequenceError("the attempt was closed meanwhile", where=batch)
    scored = _scored(transaction, batch, attempt)
    record = AttemptClosed(attempt=attempt.number, ending=ending, scored=scored, detail=detail)
    site.append(transaction, SYSTEM, subject(batch), record)


def _scored(reader: Reader, batch: str, attempt: Attempt) -> int:
    """Images with a result in the open attempt, counted in the log."""
    later = (entry.record for entry in reader.entries("batch", batch, after=attempt.index))
    return len({record.image for record in later if isinstance(record, ImageScored)})


def recover(site: Site, batch: str) -> bool:
    """Close an attempt whose process is gone as aborted, and open an incident; returns whether there was one."""
    with site.ledger.reading() as reader:
        state, _ = load_outline(reader, batch)
    if state.open_attempt is None or running(state.open_attempt.opened.process):
        return False
    with site.ledger.writing() as transaction:
        state, _ = load_outline(transaction, batch)
        attempt = state.open_attempt
        if attempt is None:
            return False
        number = attempt.number
        scored = f"{_scored(transaction, batch, attempt)} of {attempt.opened.images} images scored"
        detail = f"the program ended without closing the attempt; {scored}"
        _close_attempt(site, transaction, batch, number, "aborted", detail)
        site.open_incident(transaction, "interrupted attempt", f"{batch}, attempt {number}: {detail}", batch)
    return True
