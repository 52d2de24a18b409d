"""The rim: every way a command can fail ends in one message, one exit code, and never a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from nesqc_gmp.cli.run import STOPPED, UNEXPECTED, rim
from nesqc_gmp.errors import ImageRejectedError, NesqcError, NotFoundError
from nesqc_gmp.records.base import DateText, DecimalText, Frozen, Identifier, Reason


class Form(Frozen):
    """One field of each kind a person types."""

    name: Identifier = "x"
    on: DateText = "2026-01-01"
    reason: Reason = "good enough"
    value: DecimalText = "1"


def end(error: BaseException) -> int:
    with pytest.raises(typer.Exit) as ended, rim():
        raise error
    return ended.value.exit_code


@pytest.mark.requirement("UR-SITE-08", reviewed="63573cb8")
def test_a_refusal_says_what_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert end(NotFoundError("there is no such batch", where="B-9", remedy="See the list.")) == 10
    said = capsys.readouterr()
    assert said.err == "Error: there is no such batch\n  where: B-9\n  remedy: See the list.\n"
    assert said.out == ""


@pytest.mark.requirement("UR-SITE-08", reviewed="63573cb8")
@pytest.mark.parametrize("error", NesqcError.__subclasses__())
def test_each_class_ends_with_its_own_code(error: type[NesqcError]) -> None:
    assert end(error("refused")) == error.exit_code


def test_a_file_name_cannot_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    end(ImageRejectedError("not an image", where="a\x1b[2J\u202egnp.b\r\n"))
    assert capsys.readouterr().err == "Error: not an image\n  where: a\\x1b[2J\\u202egnp.b\\r\\n\n"


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("name", "a b", "Use letters, digits"),
        ("on", "1.2.2026", "YYYY-MM-DD"),
        ("reason", "short", "Write at least 8 characters."),
        ("reason", "x" * 1001, "Write at most 1000 characters."),
        ("value", "1e3", "plain decimal number"),
    ],
)
def test_a_wrong_field_is_named_with_its_remedy(
    field: str, value: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, rim():
        Form.model_validate({field: value})
    said = capsys.readouterr().err
    assert ended.value.exit_code == 40
    assert f"\n  where: {field}\n" in said
    assert remedy in said


@pytest.mark.requirement("UR-AUDIT-17", reviewed="0fbb59d9")
def test_a_fault_tells_class_and_place_and_no_content(capsys: pytest.CaptureFixture[str]) -> None:
    assert end(KeyError("score 0.913 of patient 7")) == UNEXPECTED
    said = capsys.readouterr().err
    assert "KeyError" in said
    assert "0.913" not in said
    assert "Traceback" not in said


@pytest.mark.requirement("UR-SITE-08", reviewed="63573cb8", negative=True)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_a_refusal_and_no_fault(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert end(OSError(number, os.strerror(number), "objects/ab/cd")) == NesqcError.exit_code
    said = capsys.readouterr().err
    assert f"a file could not be written: {os.strerror(number)}" in said
    assert "where: objects/ab/cd" in said
    assert "Make room on the disk" in said


def test_another_error_of_the_system_stays_a_fault() -> None:
    assert end(OSError(errno.ELOOP, "Too many levels of symbolic links")) == UNEXPECTED


def test_a_fault_inside_the_package_names_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    from nesqc_gmp.records.base import decimal_text

    with pytest.raises(typer.Exit), rim():
        decimal_text(float("nan"), 2)
    assert "nesqc_gmp/records/base.py, line " in capsys.readouterr().err


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), typer.Abort()])
def test_stopping_is_quiet(stop: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert end(stop) == STOPPED == 130
    assert capsys.readouterr().err == "\nstopped\n"


def test_usage_errors_are_left_to_typer() -> None:
    with pytest.raises(typer.BadParameter), rim():
        raise typer.BadParameter("no")


def test_a_reader_that_stops_reading_brings_no_complaint(tmp_path: Path) -> None:
    program = "from nesqc_gmp.cli.run import rim\nwith rim():\n    [print('x' * 10000) for _ in range(1000)]\n"
    with (tmp_path / "err").open("w+") as errors:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=errors)
        assert child.stdout is not None
        child.stdout.read(5)
        child.stdout.close()
        child.wait(timeout=30)
        errors.seek(0)
        # typer.Exit is what main turns into the exit code; here nothing stands around the rim.
        said = errors.read()
    assert "BrokenPipeError" not in said
    assert "Exception ignored" not in said


def test_a_model_of_another_kind_is_still_a_wrong_field(capsys: pytest.CaptureFixture[str]) -> None:
    class Other(BaseModel):
        count: int

    with pytest.raises(typer.Exit) as ended, rim():
        Other.model_validate({"count": "many"})
    assert ended.value.exit_code == 40
    assert "Correct this value" in capsys.readouterr().err
