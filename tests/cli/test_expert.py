"""What the subject matter expert does at the terminal: intended use, heat maps, review of features, as stories."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import pexpect
import pytest

from nesqc_gmp.demonstration.people import QA, Player
from nesqc_gmp.digest import sha256_hex
from tests.cli.conftest import DECIDED, EXPERT, SEALED, Run, Terminal, ended
from tests.cli.test_terminal import sign
from tests.conftest import passphrase
from tests.procedures.test_intended_use import TEXT

LogIn = Callable[[str], Player]
MODEL = "nes-morphology-sim:1.1.0"


@pytest.fixture
def use(tmp_path: Path) -> Path:
    path = tmp_path / "intended-use.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def shown(nesqc: Run, model: str = MODEL) -> Any:
    return json.loads(nesqc("models", "show", model, "--json").out)


def test_an_intended_use_is_signed_shown_and_superseded(
    use: Path, log_in: LogIn, nesqc: Run, terminal: Terminal
) -> None:
    log_in("subject matter expert")
    assert "No expert has signed an intended use" in nesqc("models", "show", MODEL).out
    child = terminal("models", "intend", MODEL, use)
    screen = sign(child, EXPERT)
    child.expect("The intended use of .* is signed")
    assert ended(child) == 0
    # Every line of the file's texts was on the screen before the id was asked.
    for text in re.findall(r'"([^"]+)"', TEXT):
        assert text in screen
    refused = nesqc("models", "intend", MODEL, use)
    assert refused.code == 11
    assert "another needs a reason" in refused.err
    use.write_text(TEXT.replace("passage_max = 25", "passage_max = 20"), encoding="utf-8")
    child = terminal("models", "intend", MODEL, use, "--reason", "Passages above 20 were not studied")
    sign(child, EXPERT)
    assert ended(child) == 0
    first, second = shown(nesqc)["intended_uses"]
    assert (first["intended_use"]["passage_max"], second["intended_use"]["passage_max"]) == (25, 20)
    assert (second["person"], second["reason"]) == ("s.moberg", "Passages above 20 were not studied")
    seen = nesqc("models", "show", MODEL).out
    assert re.search(r"^passages +10 to 20$", seen, re.MULTILINE)
    assert f"Superseded: entry {first['entry']}, signed by Siv Moberg" in seen
    assert "Passages above 20 were not studied" in seen
    assert nesqc("audit", "verify").code == 0


def test_a_wider_input_space_is_refused_by_name(use: Path, log_in: LogIn, nesqc: Run) -> None:
    use.write_text(TEXT.replace("width_max = 2048", "width_max = 5000"), encoding="utf-8")
    log_in("subject matter expert")
    refused = nesqc("models", "intend", MODEL, use)
    assert refused.code == 40
    assert "  where: input_space.width_max\n" in refused.err
    assert shown(nesqc)["intended_uses"] == []


def test_nobody_else_signs_an_intended_use(use: Path, log_in: LogIn, nesqc: Run) -> None:
    for role in ("operator", "reviewer", "qa", "administrator"):
        log_in(role)
        assert nesqc("models", "intend", MODEL, use).code == 12
    log_in("qa")
    assert len(json.loads(nesqc("audit", "search", "--what", "act_refused", "--json").out)) == 4


def test_a_signed_intended_use_that_was_edited_is_found(
    site: Path, use: Path, log_in: LogIn, nesqc: Run, terminal: Terminal
) -> None:
    log_in("subject matter expert")
    child = terminal("models", "intend", MODEL, use)
    sign(child, EXPERT)
    assert ended(child) == 0
    (entry,) = (signed["entry"] for signed in shown(nesqc)["intended_uses"])
    database = sqlite3.connect(site / "ledger.sqlite")
    (guard,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'leaf_no_update'").fetchone()
    database.execute("DROP TRIGGER leaf_no_update")
    (body,) = database.execute("SELECT body FROM leaf WHERE idx = ?", (entry,)).fetchone()
    wider = body.replace(b'"passage_max":25', b'"passage_max":99')
    assert wider != body
    database.execute("UPDATE leaf SET body = ? WHERE idx = ?", (wider, entry))
    database.execute(guard)
    database.commit()
    database.close()
    found = nesqc("audit", "verify")
    assert found.code == 30
    assert f"first bad record: entry {entry}" in found.out


def test_a_heat_map_is_written_and_the_look_is_in_the_log(tmp_path: Path, log_in: LogIn, nesqc: Run) -> None:
    log_in("reviewer")
    out = tmp_path / "map.png"
    written = nesqc("models", "explain", DECIDED, "C01_F01", "--out", out)
    assert (written.code, written.err) == (0, "")
    digest = sha256_hex(out.read_bytes())
    assert digest in written.out
    assert imagecodecs.png_decode(out.read_bytes()).ndim == 3
    (row,) = json.loads(nesqc("audit", "search", "--what", "heat_map_shown", "--json").out)
    assert (row["person"], row["record"]) == ("r.ozdemir", f"batch {DECIDED}")
    entry = json.loads(nesqc("audit", "log", "--index", row["entry"], "--json").out)
    assert entry["record"]["png_sha256"] == digest
    again = nesqc("models", "explain", DECIDED, "C01_F01", "--out", out)
    assert again.code == 40
    assert "something of this name" in again.err
    assert sha256_hex(out.read_bytes()) == digest


def test_a_batch_that_was_not_analysed_has_no_heat_map(tmp_path: Path, log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    refused = nesqc("models", "explain", SEALED, "C01_F01", "--out", tmp_path / "map.png")
    assert refused.code == 11
    assert "no completed or running attempt holds a prediction" in refused.err
    assert not (tmp_path / "map.png").exists()


REAL = "nes-test:1.0.0"
REVIEWER = Player("s.moberg", "Siv Moberg", "subject matter expert", passphrase("expert"))


@pytest.fixture
def reviewing(tested: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> Path:
    """A site with a tested package, of which four images are drawn, and the expert logged in."""
    tested.close()
    monkeypatch.setenv("NESQC_SITE", str(tested.paths.folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("COLUMNS", raising=False)
    child = terminal("login", REVIEWER.person)
    child.expect("Passphrase: ")
    child.sendline(REVIEWER.passphrase)
    assert ended(child) == 0
    return tmp_path / "review"


def begin(terminal: Terminal, out: Path) -> pexpect.spawn[str]:
    """Start the review; drawing the page takes longer than other commands where the machine is busy."""
    child = terminal("models", "features", REAL, "--out", out)
    child.timeout = 120
    return child


def answer(child: pexpect.spawn[str], *answers: str) -> None:
    for text in answers:
        child.expect(r"Where does the weight lie\? .*: ")
        child.sendline(text)


def test_the_review_asks_image_by_image_and_a_slip_loses_nothing(
    reviewing: Path, nesqc: Run, terminal: Terminal
) -> None:
    child = begin(terminal, reviewing)
    child.expect("Image 1 of 4")
    assert (reviewing / "features.html").stat().st_size > 100_000, "the page is there before the first question"
    answer(child, "everywhere")
    child.expect("Please type cells or background or edge or debris or text or unclear")
    answer(child, "cells", "TEXT", "cells", "unclear")
    child.expect(r"Do the features make sense for the intended use\? \(yes/no\): ")
    child.sendline("no")
    child.expect("Your comment: ")
    child.sendline("ok")
    child.expect("at least 3 characters")
    child.expect("Your comment: ")
    child.sendline("It reads the corner label")
    # A wrong passphrase, then the right one: no question is asked a second time.
    child.expect("\nId: ")
    child.sendline(REVIEWER.person)
    child.expect("Passphrase: ")
    child.sendline("not the passphrase")
    child.expect("Not signed: .*wrong")
    child.expect(r"Your answers are kept. Sign again\? \(yes/no\): ")
    child.sendline("yes")
    screen = sign(child, REVIEWER)
    assert "Where does the weight lie" not in screen
    assert "Weight seen, scale bar or text: 1 of 4: 2" in screen
    child.expect("are reviewed: they do not make sense")
    assert ended(child) == 0
    (review,) = shown(nesqc, REAL)["feature_reviews"]
    assert [item["place"] for item in review["review"]["seen"]] == [
        "cells", "scale bar or text", "cells", "cannot tell",
    ]  # fmt: skip
    assert (review["review"]["sensible"], review["review"]["comment"]) == (False, "It reads the corner label")
    assert review["review"]["html_sha256"] == sha256_hex((reviewing / "features.html").read_bytes())
    seen = nesqc("models", "show", REAL).out
    assert "cells 2, scale bar or text 1, cannot tell 1" in seen
    assert "It reads the corner label" in seen


def test_ctrl_c_leaves_the_review_unsigned(reviewing: Path, nesqc: Run, terminal: Terminal) -> None:
    child = begin(terminal, reviewing)
    answer(child, "cells")
    child.expect(r"Where does the weight lie\? .*: ")
    child.sendintr()
    child.expect("stopped")
    assert ended(child) == 130
    assert shown(nesqc, REAL)["feature_reviews"] == []
    last = json.loads(nesqc("audit", "search", "--what", "test_set_read", "--json").out)[-1]
    assert last["person"] == REVIEWER.person, "that the set was opened stays in the log"


def test_who_gives_up_signing_is_told_why_it_is_not_signed(reviewing: Path, nesqc: Run, terminal: Terminal) -> None:
    child = begin(terminal, reviewing)
    answer(child, "cells", "cells", "cells", "cells")
    child.expect("make sense")
    child.sendline("yes")
    child.expect("Your comment: ")
    child.sendline("Rosettes carry the weight")
    child.expect("\nId: ")
    child.sendline(QA.person)
    child.expect("Passphrase: ")
    child.sendline(QA.passphrase)
    child.expect("not that of the person who is logged in")
    child.expect("Sign again")
    child.sendline("no")
    assert ended(child) == 13
    assert shown(nesqc, REAL)["feature_reviews"] == []


def test_a_review_needs_a_terminal_and_a_completed_test(
    tmp_path: Path, log_in: LogIn, nesqc: Run, terminal: Terminal
) -> None:
    log_in("subject matter expert")
    piped = nesqc("models", "features", MODEL, "--out", tmp_path / "review")
    assert piped.code == 13
    child = terminal("models", "features", MODEL, "--out", tmp_path / "review")
    child.expect("no test of this package was completed")
    assert ended(child) == 11
    assert not (tmp_path / "review").exists()
