"""Acts without a signature: receive, analyse, read, enrol, reset, checkpoint, and their refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nesqc_gmp.demonstration.people import Player
from tests.cli.conftest import DECIDED, SEALED, Played, Run, Terminal, ended

LogIn = Callable[[str], Player]


def attempts(nesqc: Run, batch: str) -> list[dict[str, object]]:
    return list(json.loads(nesqc("batches", "show", batch, "--json").out)["attempts"])


@pytest.mark.requirement("UR-MODELS-20", reviewed="a141f895")
def test_analysis_prints_what_the_log_holds(log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    done = nesqc("batches", "analyse", SEALED)
    assert done.code == 0, done.err
    lines = re.findall(r"^(C0\d_F\d\d) +([0-9.]+|-)  (.+)$", done.out, re.MULTILINE)
    images = json.loads(nesqc("batches", "show", SEALED, "--json").out)["images"]
    assert lines == [(image["image"], image["score"] or "-", image["model_outcome"]) for image in images]
    assert len(lines) == 18
    assert "\nAttempt 1 completed: " in done.out
    again = nesqc("batches", "analyse", SEALED)
    assert again.code == 11
    assert "a repeat needs a reason" in again.err


def test_ctrl_c_closes_the_attempt_as_aborted(site: Path, log_in: LogIn, nesqc: Run, terminal: Terminal) -> None:
    log_in("operator")
    child = terminal("batches", "analyse", SEALED)
    child.expect("C01_F03 ")
    child.sendintr()
    child.expect("closed as aborted")
    assert ended(child) == 130
    (attempt,) = attempts(nesqc, SEALED)
    assert attempt["ending"] == "aborted"
    assert 3 <= int(str(attempt["scored"])) < 18


@pytest.mark.requirement("UR-BATCHES-15", reviewed="6cc0800e")
def test_a_blinded_reading_tells_nothing_of_the_score(log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    assert nesqc("batches", "analyse", SEALED).code == 0
    own = nesqc("batches", "read", SEALED, "C01_F01", "--reading", "conforming", "--blinded", "--reason", "Rosettes")
    assert own.code == 12
    log_in("reviewer")
    words = ("batches", "read", SEALED, "C01_F01", "--blinded", "--reading")
    # The refusal is the same whether the reading agrees with the model or not.
    refusals = {nesqc(*words, reading).err for reading in ("conforming", "not conforming")}
    assert len(refusals) == 1
    assert "a blinded reading needs a reason" in refusals.pop()
    read = nesqc(*words, "not conforming", "--reason", "Detached cells at the rim")
    assert (read.code, read.err) == (0, "")
    assert read.out == "Your reading of C01_F01 is recorded: not conforming.\n"


@pytest.mark.requirement("UR-BATCHES-14", reviewed="ae7ce173")
def test_an_open_reading_that_differs_needs_a_reason(log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    nesqc("batches", "analyse", SEALED)
    said = json.loads(nesqc("batches", "show", SEALED, "--json").out)["images"][0]["model_outcome"]
    other = "undecided" if said == "conforming" else "conforming"
    words = ("batches", "read", SEALED, "C01_F01", "--reading", other)
    refused = nesqc(*words)
    assert refused.code == 40
    assert f"differs from the model's outcome ({said})" in refused.err
    read = nesqc(*words, "--reason", "The focus is between two layers")
    assert read.out.endswith(f"The model said: {said}.\n")


@pytest.mark.requirement("UR-BATCHES-05", reviewed="4b724c4e", negative=True)
def test_refused_files_and_likenesses_are_told_and_end_with_20(
    site: Path, tmp_path: Path, played: Played, log_in: LogIn, nesqc: Run
) -> None:
    log_in("operator")
    days = ("--manufactured", "2026-11-02", "--expires", "2027-11-02")
    assert nesqc("batches", "register", "B-3", "--specification", "NES-DEMO.v1", "--line", "L", *days).code == 0
    junk = tmp_path / "junk.tif"
    junk.write_bytes(b"II*\x00")
    known = played.site.parent / "images" / "simulated-C01-F01.png"
    done = nesqc("batches", "receive", "B-3", junk, known, "--culture", "C01", "--passage", "4")
    assert done.code == 20
    assert "junk.tif: REFUSED: " in done.out
    assert f"same bytes of C01_F01 in {DECIDED}" in done.out
    assert done.out.endswith("1 images received, 1 of them like others, 1 files refused.\n")
    sealed = nesqc("batches", "seal", "B-3")
    assert sealed.code == 11
    assert "nobody has explained why" in sealed.err


@pytest.mark.requirement("UR-BATCHES-21", reviewed="56900c1c", negative=True)
def test_a_batch_number_that_cannot_be_a_name_is_refused_in_words(log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    days = ("--manufactured", "2026-11-02", "--expires", "2027-11-02")
    refused = nesqc("batches", "register", "B 3", "--specification", "NES-DEMO.v1", "--line", "L", *days)
    assert refused.code == 40
    assert "  where: batch\n  remedy: Use letters, digits" in refused.err


@pytest.mark.requirement("UR-PEOPLE-04", reviewed="0bfe2a0d")
def test_enrolling_prints_the_first_half_once(log_in: LogIn, nesqc: Run) -> None:
    log_in("administrator")
    done = nesqc("people", "enrol", "e.berg", "--name", "Eva Berg", "--identity", "HR 12, seen by A. L.")
    (code,) = re.findall(r"^    ((?:[0-9a-f]{5}-){3}[0-9a-f]{5})$", done.out, re.MULTILINE)
    assert code not in nesqc("people", "list", "--json").out
    assert nesqc("people", "enrol", "e.berg", "--name", "Eva Berg", "--identity", "HR 12, seen by A. L.").code == 40


@pytest.mark.requirement("UR-PEOPLE-06", reviewed="34197d7a", negative=True)
def test_a_reset_needs_two_people(log_in: LogIn, nesqc: Run) -> None:
    words = ("people", "reset", "o.brannstrom", "--reason", "Passphrase was forgotten")
    log_in("qa")
    assert "The first half of the code" in nesqc(*words).out
    alone = nesqc(*words)
    assert alone.code == 12
    assert "a reset needs two people" in alone.err
    log_in("administrator")
    assert "The second half of the code" in nesqc(*words).out


@pytest.mark.requirement("UR-AUDIT-08", reviewed="a7403078")
def test_a_checkpoint_carried_outside_shortens_the_tail(tmp_path: Path, log_in: LogIn, nesqc: Run) -> None:
    log_in("qa")
    out = tmp_path / "kept.checkpoint"
    before = json.loads(nesqc("site", "status", "--json").out)["unanchored"]["records"]
    assert nesqc("audit", "checkpoint", out).code == 0
    assert json.loads(nesqc("site", "status", "--json").out)["unanchored"]["records"] < before
    verified = nesqc("audit", "verify", "--checkpoint", out)
    assert verified.code == 0
    assert "checkpoint kept.checkpoint" in verified.out
    again = nesqc("audit", "checkpoint", out)
    assert again.code == 40


@pytest.mark.requirement("UR-BATCHES-01", reviewed="37ccabae", negative=True)
def test_a_refusal_is_in_the_log(log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    assert nesqc("batches", "seal", DECIDED).code == 11
    (row,) = json.loads(nesqc("audit", "search", "--what", "act_refused", "--json").out)
    assert (row["person"], row["record"]) == ("o.brannstrom", f"batch {DECIDED}")


@pytest.mark.requirement("UR-PEOPLE-12", reviewed="ef50933d", negative=True)
def test_a_signature_needs_a_terminal(log_in: LogIn, nesqc: Run) -> None:
    log_in("qa")
    refused = nesqc("batches", "hold", SEALED, "--comment", "Waits", "--reason", "Waits for a second lot")
    assert refused.code == 13
    assert "no option, variable or pipe can give a passphrase" in refused.err
    assert json.loads(nesqc("batches", "show", SEALED, "--json").out)["stage"] == "sealed"
