"""What is typed on the terminal: ids, passphrases, and the signing ceremony.

A passphrase comes from the hands of a person at a terminal and from nowhere else: no option, no environment variable,
no pipe (21 CFR 11.200, 11.300). Everything is asked on standard error, so standard output can be piped.
"""

from __future__ import annotations

import getpass
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import typer

from nesqc_gmp.cli.show import wrapped
from nesqc_gmp.errors import AccountLockedError, AuthenticationError, InvalidInputError

if TYPE_CHECKING:
    from nesqc_gmp.esign import Ceremony, Credentials

_TRIES: Final = 3
_SIGNING_TRIES: Final = 5
"""As many wrong passphrases lock an account, so nobody is asked more often."""


def require_terminal() -> None:
    """A person sits at a terminal.

    Raises:
        AuthenticationError: Standard input or standard error is not a terminal.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise AuthenticationError(
            "a passphrase is typed by its owner at a terminal",
            where="standard input",
            remedy="Run the command in a terminal; no option, variable or pipe can give a passphrase.",
        )


def tell(text: str) -> None:
    """Print a line for the person at the terminal."""
    print(wrapped(text, sys.stderr), file=sys.stderr)


def ask(question: str, at_least: int = 1) -> str:
    """Ask for a line until there is one of so many characters.

    Raises:
        typer.Abort: The input ended.
    """
    while True:
        print(f"{question}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise typer.Abort
        if len(line.strip()) >= at_least:
            return line.strip()
        tell(f"Please type at least {at_least} characters.")


def ask_choice(question: str, choices: Iterable[str]) -> str:
    """Ask until the answer is one of the choices."""
    allowed = tuple(choices)
    while (answer := ask(f"{question} ({'/'.join(allowed)})").casefold()) not in allowed:
        tell(f"Please type {' or '.join(allowed)}.")
    return answer


def ask_secret(question: str) -> str:
    """Ask for something that is not shown while it is typed.

    Raises:
        AuthenticationError: There is no terminal, or it would show what is typed.
    """
    require_terminal()
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{question}: ", stream=sys.stderr)
        except getpass.GetPassWarning:
            raise AuthenticationError(
                "this terminal cannot hide a passphrase", remedy="Use another terminal."
            ) from None


def ask_new_passphrase(person: str) -> str:
    """Ask for a new passphrase twice, until it is good and both are the same.

    Raises:
        InvalidInputError: It was not after three tries.
    """
    from nesqc_gmp.identity.envelope import check_passphrase

    require_terminal()
    tell("Choose a passphrase of at least 12 characters; several unrelated words are best.")
    for _ in range(_TRIES):
        first = ask_secret(f"New passphrase of {person}")
        try:
            check_passphrase(first, person)
        except InvalidInputError as error:
            tell(error.what)
            continue
        if ask_secret("The same again") == first:
            return first
        tell("The two are not the same.")
    raise InvalidInputError("no passphrase was set", where="passphrase", remedy="Repeat the command.")


def ask_credentials(person: str | None) -> Credentials:
    """Ask for id and passphrase.

    Args:
        person: The id, where it was given already.
    """
    from nesqc_gmp.esign import Credentials

    require_terminal()
    name = person or ask("Id")
    return Credentials(name, ask_secret("Passphrase"))


def ceremony(statement: str) -> Credentials:
    """Show the statement between rules, exactly as it will be signed, then ask for id and passphrase.

    Raises:
        AuthenticationError: There is no terminal.
        InvalidInputError: The statement holds characters that a terminal does not show as they are.
    """
    require_terminal()
    hidden = {character for line in statement.split("\n") for character in line if not character.isprintable()}
    if hidden:
        codes = ", ".join(sorted(f"U+{ord(character):04X}" for character in hidden))
        raise InvalidInputError(
            f"the statement holds characters that a terminal does not show as they are: {codes}",
            where="statement",
            remedy="Write names, reasons and comments without them.",
        )
    rule = "-" * min(shutil.get_terminal_size().columns, 80)
    print(file=sys.stderr)
    tell("You are about to sign exactly the text between the two rules:")
    print(f"{rule}\n{statement}{rule}", file=sys.stderr)
    tell("Your id and passphrase sign it. Ctrl-C leaves without signing.")
    return ask_credentials(None)


def signed_again(act: Callable[[Ceremony], None]) -> None:
    """Do a signing act for which a person typed much before: after a wrong id or passphrase they are asked again.

    Every failure is recorded by the act itself, and as many as lock the account end it.

    Args:
        act: Signs with the ceremony it is given.

    Raises:
        AuthenticationError: The account is locked, or nobody was asked for a passphrase.
    """
    asked = 0

    def counted(statement: str) -> Credentials:
        nonlocal asked
        credentials = ceremony(statement)
        asked += 1
        return credentials

    while True:
        before = asked
        try:
            return act(counted)
        except AccountLockedError:
            raise
        except AuthenticationError as error:
            if asked == before or asked >= _SIGNING_TRIES:
                raise
            tell(f"Nothing was signed: {error.what}. What you typed before is kept; sign again, or leave with Ctrl-C.")
