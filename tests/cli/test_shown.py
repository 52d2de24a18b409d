"""What the eye sees: plain where it is piped, honest about signatures, and clear where something is refused."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nesqc_gmp.cli import batches_show, show
from nesqc_gmp.config import SitePaths, sessions_folder
from nesqc_gmp.demonstration.people import Player
from nesqc_gmp.esign import SignatureFinding
from nesqc_gmp.procedures import batches, people
from nesqc_gmp.procedures.batches import BatchView
from nesqc_gmp.procedures.context import Site
from tests.cli.conftest import DECIDED, SEALED, Run
from tests.conftest import model_folder

LogIn = Callable[[str], Player]


@pytest.mark.parametrize(
    "command",
    [
        "whoami",
        "site status",
        "people list",
        "people access-list",
        "products show NES-DEMO.v1",
        "models show nes-morphology-sim:1.1.0",
        "batches list",
        f"batches show {DECIDED} --images --attempts",
        "certificates show QC-2026-000001",
        "audit log --limit 50",
        "audit log --index 3",
        "audit verify",
    ],
)
def test_piped_output_is_plain(command: str, log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    ended = nesqc(*command.split())
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    assert all(line == line.rstrip() for line in ended.out.splitlines())


def test_a_model_is_shown_with_the_input_space_that_people_compare(log_in: LogIn, nesqc: Run) -> None:
    """As the manifest of the shipped package has it, read here from the file."""
    manifest = json.loads((model_folder() / "manifest.json").read_text())
    locked = manifest["input_space"]
    log_in("reviewer")
    shown = nesqc("models", "show", "nes-morphology-sim:1.1.0").out
    part, checked = shown.split("Input sample space of the package")[1].split("Input check by the model")
    found = dict(re.split(r"\s{2,}", line.strip()) for line in part.splitlines() if line.strip())
    as_text = {name: ", ".join(map(str, v)) if isinstance(v, list) else str(v) for name, v in locked.items()}
    assert found == {name.replace("_", " "): value for name, value in as_text.items()}
    for limit in ("distance_limit", "statistics_limit"):
        assert f"at most {manifest[limit]}" in checked
    assert "not checked by this package" in checked
    value = json.loads(nesqc("models", "show", "nes-morphology-sim:1.1.0", "--json").out)
    assert value["manifest"]["input_space"] == locked


def test_a_batch_is_shown_with_all_that_was_asked_for(log_in: LogIn, nesqc: Run) -> None:
    log_in("reviewer")
    short = nesqc("batches", "show", DECIDED).out
    assert "C01_F01" not in short
    assert "Attempts" not in short
    long = nesqc("batches", "show", DECIDED, "--images", "--attempts").out
    assert sum(line.startswith("C0") and "_F" in line for line in long.splitlines()) == 24
    assert "every image has a result" in long


@pytest.mark.requirement("UR-BATCHES-05", reviewed="4b724c4e")
def test_a_refused_file_is_shown(log_in: LogIn, nesqc: Run) -> None:
    log_in("reviewer")
    out = nesqc("batches", "show", SEALED, "--images").out
    assert "18 received, 1 files refused, sealed" in out
    assert "refused: broken.png: " in out


def test_a_missing_file_or_folder_is_named_with_what_to_do(tmp_path: Path, nesqc: Run) -> None:
    """Signing and checking a package need no login."""
    folder, key = model_folder(), tmp_path / "key.pem"
    for words, what, where in (
        (
            ("sign", folder, "--key", key, "--out", tmp_path / "no" / "x.sig"),
            "there is no folder",
            tmp_path / "no" / "x.sig",
        ),
        (("sign", folder, "--key", key, "--out", tmp_path / "x.sig"), "there is no such file", key),
        (("check", folder, tmp_path / "x.sig", "--public-key", key), "there is no such file", tmp_path / "x.sig"),
    ):
        ended = nesqc("models", *words)
        assert (ended.code, ended.out) == (40, "")
        said = ended.err.replace("\n", " ")
        assert said.startswith(f"Error: {what}")
        assert str(where) in said
        assert "remedy: " in said
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_batch_is_named(log_in: LogIn, nesqc: Run) -> None:
    log_in("operator")
    ended = nesqc("batches", "show", "B-404")
    assert ended.code == 10
    assert ended.out == ""
    assert ended.err.startswith("Error: there is no such batch\n  where: B-404\n  remedy: ")


@pytest.mark.requirement("UR-BATCHES-21", reviewed="56900c1c", negative=True)
def test_a_day_that_is_none_is_refused(log_in: LogIn, nesqc: Run) -> None:
    log_in("qa")
    for wrong in ("2026-02-30", "20260228", "yesterday"):
        ended = nesqc("people", "access-list", "--as-of", wrong)
        assert (ended.code, ended.out) == (40, "")
        assert "YYYY-MM-DD" in ended.err


@pytest.mark.requirement("UR-PEOPLE-19", reviewed="e6512590")
def test_access_is_rebuilt_for_a_day_before_anybody_was_there(log_in: LogIn, nesqc: Run) -> None:
    log_in("qa")
    assert nesqc("people", "access-list", "--as-of", "2001-01-01").out == "Access on 2001-01-01\nThere was nobody.\n"


def test_a_role_without_the_right_is_refused(log_in: LogIn, nesqc: Run) -> None:
    log_in("administrator")
    ended = nesqc("batches", "show", DECIDED)
    assert ended.code == 12
    assert "may not do this: batches show" in ended.err


@pytest.fixture
def view(site: Path, log_in: LogIn) -> BatchView:
    log_in("reviewer")
    with Site(SitePaths(site)) as opened:
        return batches.show(people.resume(opened, sessions_folder()), DECIDED)


@pytest.mark.requirement("UR-PEOPLE-14", reviewed="8e43b3fd", negative=True)
def test_a_signature_over_earlier_content_is_called_so(view: BatchView, capsys: pytest.CaptureFixture[str]) -> None:
    grown = replace(view, batch=replace(view.batch, version=view.batch.version + 1))
    assert {s["in_present_form"] for s in batches_show.signatures(grown)} == {False}
    batches_show.print_batch(grown, images=False, attempts=False)
    assert capsys.readouterr().out.count("not signed in its present form") == 4


@pytest.mark.requirement("UR-PEOPLE-14", reviewed="8e43b3fd", negative=True)
def test_a_signature_that_does_not_hold_is_called_so(view: BatchView, capsys: pytest.CaptureFixture[str]) -> None:
    assert view.batch.reviewed is not None
    broken = replace(
        view, unsigned=(SignatureFinding(view.batch.reviewed.index, "the content is not what was signed"),)
    )
    assert [s["in_present_form"] for s in batches_show.signatures(broken)] == [True, False, True, True]
    batches_show.print_batch(broken, images=False, attempts=False)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("reviewed "))
    assert line.endswith("not signed in its present form")


def test_an_altered_entry_stops_every_command_without_a_traceback(site: Path, log_in: LogIn, nesqc: Run) -> None:
    log_in("reviewer")
    with sqlite3.connect(site / "ledger.sqlite") as database:
        database.execute("PRAGMA writable_schema = ON")
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE leaf SET body = replace(body, 'registered', 'REGISTERED')")
    database.close()
    for command in ("batches list", f"batches show {DECIDED}", "audit verify"):
        ended = nesqc(*command.split())
        assert ended.code == 30, ended
        assert "Traceback" not in ended.err + ended.out


@pytest.mark.parametrize("damage", [b"", b"this is no database" * 100])
def test_a_file_that_is_no_ledger_ends_in_a_sentence(damage: bytes, site: Path, nesqc: Run) -> None:
    (site / "ledger.sqlite").write_bytes(damage)
    for command in ("whoami", "audit verify"):
        ended = nesqc(*command.split())
        assert ended.code == 30, ended
        assert "Traceback" not in ended.err


def test_text_from_outside_cannot_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show.print_table(("Name", "#Count"), [("a\x1b[31m\u202eb", 3)], "none")
    show.print_facts([("name", "x\ry")])
    show.say("bell\x07")
    out = capsys.readouterr().out
    assert set(out) & {"\x1b", "\u202e", "\r", "\x07"} == set()
    assert "a\\x1b[31m\\u202eb" in out
    assert "x\\ry" in out


def test_markup_in_names_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    show.print_table(("Name",), [("[red]x[/red] :smile:",)], "none")
    assert "[red]x[/red] :smile:" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_narrow_table_wraps_and_loses_no_character(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    row = ("D01", "not conforming", "1.0000 (6/6, 0 undecided)", "at least 0.90", "CULTURE-CONFORMING-SHARE")
    long = ("batch", "conforming", "c" * 40, "printed storage condition corrected", "x" * 70)
    show.print_table(("About", "Outcome", "Measured", "Limit", "Rule"), [row, long], "none")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    rule = next(number for number, line in enumerate(lines) if set(line) == {"─"})
    printed = "".join("".join(lines[rule + 1 :]).split())
    assert sorted(printed) == sorted("".join("".join(row + long).split()))


def test_json_for_the_eye_is_the_same_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    value = {"b": [["1.0000", "0.9999"]] * 3, "a": {}, "c": {"long": "ä" * 50, "list": [1, None, True, []]}}
    text = show.indented_json(value)
    assert json.loads(text) == value
    assert '    ["1.0000", "0.9999"],' in text.splitlines()
