"""No score without a record: the order of record, commit and sight."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

import numpy as np
import pytest

from nesqc_gmp.errors import InvalidInputError, ModelRefusedError, OutOfSequenceError
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.ledger import Transaction
from nesqc_gmp.procedures import ahead, batches, models
from nesqc_gmp.procedures.batches.common import subject
from nesqc_gmp.procedures.context import SYSTEM
from nesqc_gmp.records.batches import AttemptClosed


@pytest.fixture
def sealed(ready: Any, life: Any, pictures: Any) -> Any:
    acts = life(ready)
    acts.register("B-2")
    acts.receive("B-2", pictures.good(2))
    acts.seal("B-2")
    return ready


def failing_append(monkeypatch: pytest.MonkeyPatch, kind: str, after: int = 0) -> None:
    """The disk is full when a record of this kind is to be written."""
    append, met = Transaction.append, []

    def broken(self: Any, **given: Any) -> Any:
        if given["record"].kind == kind:
            met.append(kind)
            if len(met) > after:
                raise sqlite3.OperationalError("database or disk is full")
        return append(self, **given)

    monkeypatch.setattr(Transaction, "append", broken)


@pytest.mark.requirement("UR-MODELS-07", reviewed="7c8e21dd", negative=True)
def test_engine_gives_nothing_without_a_receipt(ready: Any) -> None:
    engine = models.start(ready.site, ready.entries("model_installed")[0].record.model_sha256)
    samples = np.zeros((512, 512), dtype=np.uint8)
    for receipt in (None, {"batch": "B-1"}, "receipt"):
        with pytest.raises(InvalidInputError, match="no receipt"):
            engine.predict(samples, receipt)  # type: ignore[arg-type]


@pytest.mark.requirement("UR-MODELS-07", reviewed="7c8e21dd", negative=True)
def test_nothing_is_scored_where_the_attempt_cannot_be_recorded(
    sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_append(monkeypatch, "attempt_opened")
    monkeypatch.setattr(Engine, "predict_prepared", lambda *_: pytest.fail("scored without a record"))
    with pytest.raises(Exception, match="disk is full"):
        life(sealed).analyse("B-2", shown=lambda progress: pytest.fail("shown without a record"))
    assert sealed.batch("B-2").batch.attempts == ()


def test_number_of_images_under_way_changes_no_result(
    ready: Any, life: Any, pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = life(ready)
    acts.register("B-3")
    acts.receive("B-3", pictures.good(4))
    acts.seal("B-3")
    found = []
    for under_way in (0, 1, 2, 5):
        monkeypatch.setattr(ahead, "AHEAD", under_way)
        done = acts.analyse("B-3", reason="Repeated to compare" if found else None)
        attempt = ready.batch("B-3").batch.attempts[-1]
        assert done.outcomes == Counter(score.outcome for score in attempt.scores.values())
        found.append([score.model_copy(update={"attempt": 1}).model_dump_json() for score in attempt.scores.values()])
    assert len(found[0]) == 4
    assert found[1:] == [found[0]] * 3


def test_another_process_that_closes_the_attempt_ends_the_run(sealed: Any, life: Any) -> None:
    """Between two commits somebody takes this process for dead; only what is new in the log is read, and says so."""

    def closed_meanwhile(progress: Any) -> None:
        if progress.done == 1:
            with sealed.site.ledger.writing() as transaction:
                record = AttemptClosed(attempt=1, ending="aborted", scored=1, detail="closed by another process")
                sealed.site.append(transaction, SYSTEM, subject("B-2"), record)

    with pytest.raises(OutOfSequenceError, match="closed meanwhile"):
        life(sealed).analyse("B-2", shown=closed_meanwhile)
    attempt = sealed.batch("B-2").batch.attempts[0]
    assert (len(attempt.scores), attempt.closed.detail) == (1, "closed by another process")


@pytest.mark.requirement("UR-BATCHES-09", reviewed="d52d1b84", negative=True)
@pytest.mark.parametrize("written", [0, 1])
def test_nothing_is_shown_that_could_not_be_recorded(
    written: int, sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_append(monkeypatch, "image_scored", written)
    seen: list[Any] = []
    with pytest.raises(Exception, match="disk is full"):
        life(sealed).analyse("B-2", shown=seen.append)
    attempt = sealed.batch("B-2").batch.attempts[0]
    assert len(seen) == len(attempt.scores) == attempt.closed.scored == written
    assert attempt.closed.ending == "failed"


def test_attempt_that_cannot_even_be_closed_stays_listed(
    sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing_append(patch, "attempt_closed")
        with pytest.raises(Exception, match="disk is full"):
            life(sealed).analyse("B-2")
    attempt = sealed.batch("B-2").batch.attempts[0]
    assert (attempt.closed, len(attempt.scores)) == (None, 2)
    with pytest.raises(OutOfSequenceError, match="no analysis has been completed"):
        life(sealed).submit("B-2")


@pytest.mark.requirement("UR-BATCHES-09", reviewed="d52d1b84")
def test_what_is_shown_was_committed_before(sealed: Any, life: Any) -> None:
    """A second connection, as another program would open it, sees each result at the moment it is shown."""
    seen: list[tuple[int, int, str]] = []

    def shown(progress: batches.Progress) -> None:
        with sqlite3.connect(f"file:{sealed.paths.ledger}?mode=ro", uri=True) as other:
            rows = other.execute("SELECT image, score FROM score WHERE batch = 'B-2' ORDER BY idx").fetchall()
            size, signed = other.execute("SELECT (SELECT max(idx) + 1 FROM leaf), max(size) FROM checkpoint").fetchone()
        other.close()
        assert rows[-1] == (progress.scored.image, progress.scored.prediction.score)
        assert size == signed, "and under a signed checkpoint"
        seen.append((progress.done, progress.total, progress.scored.image))

    life(sealed).analyse("B-2", shown=shown)
    assert seen == [(1, 2, "C01_F01"), (2, 2, "C01_F02")]


@pytest.mark.requirement("UR-BATCHES-09", reviewed="d52d1b84")
def test_receipt_names_the_attempt_and_its_checkpoint(sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    predict, receipts = Engine.predict_prepared, []

    def noted(self: Any, image: Any, receipt: Any) -> Any:
        receipts.append(receipt)
        return predict(self, image, receipt)

    monkeypatch.setattr(Engine, "predict_prepared", noted)
    life(sealed).analyse("B-2")
    opened = sealed.entries("attempt_opened")[0]
    assert {(r.record, r.attempt, r.index) for r in receipts} == {("B-2", 1, opened.index)}
    assert receipts[0].checkpoint.splitlines()[1] == str(opened.index + 1)


@pytest.mark.requirement("UR-MODELS-19", reviewed="dafc72f8", negative=True)
@pytest.mark.requirement("UR-PRODUCTS-02", reviewed="dea341fc", negative=True)
def test_model_that_is_not_active_scores_nothing(sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = sealed.entries("model_installed")[0].record.model_sha256
    models.retire(sealed.session("qa"), digest, "A better one is there", sealed.signs("qa"))
    monkeypatch.setattr(Engine, "predict_prepared", lambda *_: pytest.fail("scored by a retired model"))
    with pytest.raises(ModelRefusedError, match="is retired, not active"):
        life(sealed).analyse("B-2")
    assert sealed.batch("B-2").batch.attempts == ()


def test_model_retired_during_the_golden_run(sealed: Any, life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nesqc_gmp.procedures import models as model_procedures

    start, digest = model_procedures.start, sealed.entries("model_installed")[0].record.model_sha256

    def slow(site: Any, name: str) -> Any:
        engine = start(site, name)
        models.retire(sealed.session("qa"), digest, "A better one is there", sealed.signs("qa"))
        return engine

    monkeypatch.setattr(model_procedures, "start", slow)
    with pytest.raises(ModelRefusedError, match="is retired, not active"):
        life(sealed).analyse("B-2")
    assert sealed.batch("B-2").batch.attempts == ()


@pytest.mark.requirement("UR-BATCHES-01", reviewed="37ccabae", negative=True)
@pytest.mark.requirement("UR-BATCHES-08", reviewed="b97a68c3", negative=True)
@pytest.mark.requirement("UR-PRODUCTS-03", reviewed="44c7f0ae", negative=True)
def test_nothing_is_analysed_before_the_seal(ready: Any, life: Any, pictures: Any) -> None:
    acts = life(ready)
    acts.register("B-2")
    acts.receive("B-2", pictures.good(2))
    with pytest.raises(OutOfSequenceError, match="not sealed"):
        acts.analyse("B-2")
    acts.seal("B-2")
    with pytest.raises(OutOfSequenceError, match="no image can be added"):
        acts.receive("B-2", pictures.good(3)[2:])
    with pytest.raises(OutOfSequenceError, match="is sealed"):
        acts.seal("B-2")
    assert ready.refused() == [
        ("o.brannstrom", "batches.analyse", "OutOfSequenceError"),
        ("o.brannstrom", "batches.receive", "OutOfSequenceError"),
        ("o.brannstrom", "batches.seal", "OutOfSequenceError"),
    ]
