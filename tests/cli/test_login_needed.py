"""Everything but help, version, demonstration, founding, restore, login, passphrase, training, package signatures,
verifiers, traceability matrix and supplier pack needs a login."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nesqc_gmp.errors import AuthenticationError
from tests.cli.conftest import DECIDED, Run
from tests.cli.test_help import COMMANDS

OPEN = {
    "demo", "site init", "site restore", "login", "people passphrase", "audit verify", "certificates verify",
    "models train", "models sign", "models check", "qualify matrix", "qualify verify", "qualify supplier-pack",
}  # fmt: skip
VALUES = {
    "role": "operator",
    "reading": "conforming",
    "manufactured": "2026-01-01",
    "expires": "2027-01-01",
    "performed_on": "2026-01-01",
    "index": "0",
}


def typed(command: Any, file: Path) -> list[str]:
    """Every required argument and option of a command, with a value of its kind."""
    words: list[str] = []
    for parameter in command.params:
        if parameter.required:
            is_path = "path" in str(parameter.type_descriptor).casefold()
            value = VALUES.get(parameter.name, str(file) if is_path else "anything-long-enough")
            words += [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]
    return words


@pytest.mark.requirement("UR-PEOPLE-02", reviewed="96de0b9c", negative=True)
@pytest.mark.parametrize("name", sorted(set(COMMANDS) - OPEN))
def test_without_a_login_nothing_is_done(name: str, site: Path, nesqc: Run) -> None:
    before = (site / "ledger.sqlite").read_bytes()
    ended = nesqc(*name.split(), *typed(COMMANDS[name], site / "trust" / "log.vkey"))
    assert ended.code == AuthenticationError.exit_code, ended.err
    assert "nesqc login" in ended.err
    assert ended.out == ""
    assert (site / "ledger.sqlite").read_bytes() == before


@pytest.mark.requirement("UR-PEOPLE-12", reviewed="ef50933d", negative=True)
@pytest.mark.parametrize("name", ["login", "people passphrase", "site init"])
def test_a_passphrase_needs_a_terminal(name: str, site: Path, tmp_path: Path, nesqc: Run) -> None:
    ended = nesqc(*name.split(), *([tmp_path / "new"] if name == "site init" else []))
    assert ended.code == AuthenticationError.exit_code
    assert "no option, variable or pipe can give a passphrase" in ended.err
    assert not (tmp_path / "new").exists()


@pytest.mark.requirement("UR-PEOPLE-02", reviewed="96de0b9c")
def test_the_verifiers_need_no_login(site: Path, nesqc: Run) -> None:
    assert nesqc("audit", "verify").code == 0
    pdf = next((site / "certificates").glob("*.pdf"))
    assert nesqc("certificates", "verify", pdf).code == 0


@pytest.mark.requirement("UR-PEOPLE-02", reviewed="96de0b9c")
def test_logging_out_ends_the_session(site: Path, log_in: Any, nesqc: Run) -> None:
    log_in("operator")
    assert nesqc("batches", "show", DECIDED).code == 0
    assert nesqc("logout").code == 0
    assert nesqc("batches", "show", DECIDED).code == AuthenticationError.exit_code
