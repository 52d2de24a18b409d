"""Appending and reading: what is committed together, what is refused, what stays as it was."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
import rfc8785

from nesqc_gmp import merkle
from nesqc_gmp.errors import (
    IntegrityError,
    InvalidInputError,
    LedgerBusyError,
    NesqcError,
    NotFoundError,
    OutOfSequenceError,
    RecordTooLargeError,
)
from nesqc_gmp.ledger import Content, LogSigner
from nesqc_gmp.ledger import signer as signer_module
from nesqc_gmp.notes import open_checkpoint
from nesqc_gmp.records.people import AuthenticationFailed


@pytest.fixture
def ledger(new_site: Any) -> Any:
    ledger = new_site.open()
    yield ledger
    ledger.close()


def _append(transaction: Any, samples: Any, number: int, **changes: Any) -> Any:
    values = {
        "time": samples.instant(number),
        "actor": samples.actor,
        "subject": samples.subject(number),
        "record": samples.record(number),
    }
    return transaction.append(**{**values, **changes})


def _size(ledger: Any) -> int:
    with ledger.reading() as reader:
        return reader.size


@pytest.mark.requirement("UR-AUDIT-01", reviewed="31761ba9")
def test_one_transaction_one_checkpoint(ledger: Any, samples: Any, new_site: Any) -> None:
    with ledger.writing() as transaction:
        receipts = [_append(transaction, samples, number, reason="a good reason") for number in range(5)]
        assert transaction.size == 5
    assert [receipt.index for receipt in receipts] == [0, 1, 2, 3, 4]
    with ledger.reading() as reader:
        for receipt in receipts:
            assert merkle.leaf_hash(reader.body(receipt.index)) == receipt.leaf_hash
        with pytest.raises(NotFoundError):
            reader.checkpoint_note(4)
        head = open_checkpoint(reader.checkpoint_note(5), new_site.signer().verifier)
        assert (head.size, head.root) == (5, reader.root(5))
        assert new_site.signer().last() == head
        entry = reader.entry(3)
        assert (entry.record, entry.reason) == (samples.record(3), "a good reason")
        assert rfc8785.dumps(json.loads(reader.body(3))) == reader.body(3)


def test_nothing_appended_signs_nothing(ledger: Any) -> None:
    with ledger.writing():
        pass
    with ledger.reading() as reader, pytest.raises(NotFoundError):
        reader.checkpoint_note()


def test_reads_see_one_moment(ledger: Any, samples: Any, new_site: Any) -> None:
    other = new_site.open()
    with other.reading() as reader:
        assert reader.size == 0
        with ledger.writing() as transaction:
            _append(transaction, samples, 0)
        assert reader.size == 0
    assert _size(other) == 1
    other.close()


@pytest.mark.requirement("UR-AUDIT-03", reviewed="0edbab59")
def test_views_of_one_record(ledger: Any, samples: Any) -> None:
    with ledger.writing() as transaction:
        for number in range(60):
            _append(transaction, samples, number)
    with ledger.reading() as reader:
        assert reader.batches() == ("B-0", "B-1")
        assert [entry.index for entry in reader.entries("batch", "B-1")] == list(range(50, 60))
        assert [entry.index for entry in reader.entries("batch", "B-0", before=3)] == [0, 1, 2]
        assert len(list(reader.entries_about("batch"))) == 60
        assert [row.index for row in reader.index_rows(newest_first=True, limit=2)] == [59, 58]
        hashes = [merkle.leaf_hash(reader.body(index)) for index in range(50, 60)]
        assert reader.content("batch", "B-1") == Content.of(hashes)
        for index in range(60):
            proof = reader.inclusion(index)
            proof.verify(reader.body(index), ledger._signer.verifier)
        for old in range(61):
            merkle.verify_consistency(old, 60, reader.root(old), reader.root(60), reader.consistency(old))


@pytest.mark.requirement("UR-AUDIT-01", reviewed="31761ba9", negative=True)
@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt()])
def test_an_error_in_the_middle_undoes_everything(ledger: Any, samples: Any, error: BaseException) -> None:
    with pytest.raises(type(error)), ledger.writing() as transaction:  # noqa: PT012
        _append(transaction, samples, 0)
        raise error
    assert _size(ledger) == 0
    with ledger.writing() as transaction:
        _append(transaction, samples, 0)
    assert _size(ledger) == 1


@pytest.mark.requirement("UR-AUDIT-01", reviewed="31761ba9", negative=True)
def test_an_error_while_signing_undoes_everything(
    ledger: Any, samples: Any, new_site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(LogSigner, "sign", lambda *_: (_ for _ in ()).throw(OSError("key gone")))
        with pytest.raises(OSError, match="key gone"), ledger.writing() as transaction:
            _append(transaction, samples, 0)
    assert _size(ledger) == 0
    with ledger.writing() as transaction:
        _append(transaction, samples, 0)
    assert new_site.verify_with_state().whole


def test_an_append_that_broke_off_cannot_be_committed(
    ledger: Any, samples: Any, new_site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the caller swallows the error."""
    with ledger.writing() as transaction:
        _append(transaction, samples, 0)
    with pytest.raises(OutOfSequenceError, match="broke off"), ledger.writing() as transaction:  # noqa: PT012
        with monkeypatch.context() as patch:
            patch.setattr("nesqc_gmp.store.node_id", lambda *_: "not a number")
            with pytest.raises(sqlite3.Error):
                _append(transaction, samples, 1)
        with pytest.raises(OutOfSequenceError):
            _append(transaction, samples, 1)
    assert _size(ledger) == 1
    with ledger.writing() as transaction:
        _append(transaction, samples, 1)
    assert new_site.verify_with_state().size == 2


@pytest.mark.requirement("UR-AUDIT-01", reviewed="31761ba9", negative=True)
@pytest.mark.requirement("UR-SITE-08", reviewed="63573cb8")
def test_full_disk(ledger: Any, samples: Any, new_site: Any) -> None:
    run = ledger._cursor.execute
    with ledger.writing() as transaction:
        _append(transaction, samples, 0)
    pages = run("PRAGMA page_count").fetchone()[0]
    run(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(NesqcError, match="full") as refused, ledger.writing() as transaction:  # noqa: PT012
        for number in range(1, 300):
            _append(transaction, samples, number)
    assert type(refused.value) is NesqcError
    assert _size(ledger) == 1
    run("PRAGMA max_page_count = 100000")
    with ledger.writing() as transaction:
        _append(transaction, samples, 1)
    assert new_site.verify_with_state().size == 2


def test_state_that_could_not_be_kept(
    ledger: Any, samples: Any, new_site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit stands; the state lags, which the next transaction and the next opening accept."""
    with monkeypatch.context() as patch:
        patch.setattr(LogSigner, "remember", lambda *_: (_ for _ in ()).throw(OSError("no")))
        with pytest.raises(OSError, match="no"), ledger.writing() as transaction:
            _append(transaction, samples, 0)
    assert new_site.signer().last().size == 0
    new_site.open().close()
    with ledger.writing() as transaction:
        _append(transaction, samples, 1)
    assert new_site.verify_with_state().size == 2


def test_too_large_record_changes_nothing(ledger: Any, samples: Any, new_site: Any) -> None:
    """The largest entry of a tlog-tiles bundle is 65535 bytes."""

    def sized(length: int) -> AuthenticationFailed:
        return AuthenticationFailed.model_construct(person="op1", purpose="x" * length, locked=False)

    with ledger.writing() as transaction:
        _append(transaction, samples, 0, record=sized(0))
    with ledger.reading() as reader:
        room = 65_535 - len(reader.body(0))
    with ledger.writing() as transaction:
        with pytest.raises(RecordTooLargeError, match="65536 bytes"):
            _append(transaction, samples, 0, record=sized(room + 1))
        assert transaction.size == 1
        _append(transaction, samples, 0, record=sized(room))
    assert _size(ledger) == 2
    assert new_site.verify_with_state().whole


@pytest.mark.requirement("UR-AUDIT-05", reviewed="bfb15d6a", negative=True)
@pytest.mark.parametrize("reason", ["short", "x" * 1001, "        "])
def test_bad_reasons(ledger: Any, samples: Any, reason: str) -> None:
    with ledger.writing() as transaction:
        with pytest.raises(InvalidInputError, match="8 to 1000"):
            _append(transaction, samples, 0, reason=reason)
        assert transaction.appended == 0


def test_numbers_json_cannot_carry(ledger: Any, samples: Any) -> None:
    """RFC 8785 numbers are those of IEEE 754 double precision: whole up to 2**53."""
    record = samples.record(2).model_copy(update={"attempt": 2**53})
    with ledger.writing() as transaction:
        with pytest.raises(InvalidInputError, match="cannot be written"):
            _append(transaction, samples, 2, record=record)
        assert transaction.appended == 0


def test_transactions_do_not_outlive_or_nest(ledger: Any, samples: Any) -> None:
    with ledger.writing() as transaction:
        with pytest.raises(OutOfSequenceError), ledger.writing():
            pass
        with pytest.raises(OutOfSequenceError), ledger.reading():
            pass
        _append(transaction, samples, 0)
    with pytest.raises(OutOfSequenceError, match="has ended"):
        _append(transaction, samples, 1)
    with ledger.reading(), pytest.raises(OutOfSequenceError), ledger.writing():
        pass
    assert _size(ledger) == 1


@pytest.mark.requirement("UR-AUDIT-12", reviewed="b1edbd27")
def test_two_open_ledgers_take_turns(new_site: Any, samples: Any) -> None:
    ledgers = [new_site.open(), new_site.open()]
    for number in range(20):
        with ledgers[number % 3 % 2].writing() as transaction:
            assert _append(transaction, samples, number).index == number
    for ledger in ledgers:
        ledger.close()
    assert new_site.verify_with_state().size == 20


def test_writer_lock_is_waited_for_and_then_refused(
    new_site: Any, ledger: Any, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer_module, "_WAIT_SECONDS", 0.05)
    holder = new_site.signer()
    with holder.lock(), pytest.raises(LedgerBusyError), ledger.writing():
        pass
    with ledger.writing() as transaction:
        _append(transaction, samples, 0)


@pytest.mark.requirement("UR-AUDIT-13", reviewed="d2606754", negative=True)
def test_rows_added_by_hand_while_open_are_not_signed_over(ledger: Any, samples: Any, new_site: Any) -> None:
    with ledger.writing() as transaction:
        _append(transaction, samples, 0)
    database = sqlite3.connect(new_site.path, isolation_level=None)
    database.execute("INSERT INTO leaf VALUES (1, x'7b7d', ?)", (merkle.leaf_hash(b"{}"),))
    database.execute("INSERT INTO node VALUES (0, 1, 0, zeroblob(32))")
    database.close()
    with pytest.raises(IntegrityError, match="without the log key"), ledger.writing() as transaction:
        _append(transaction, samples, 2)


def test_cut_while_open_is_refused(ledger: Any, samples: Any, new_site: Any, attacker: Any) -> None:
    for number in range(3):
        with ledger.writing() as transaction:
            _append(transaction, samples, number)
    with attacker(new_site) as attack:
        attack.cut(2)
    with pytest.raises(IntegrityError, match="2 entries, but 3 were signed"), ledger.writing() as transaction:
        _append(transaction, samples, 3)
