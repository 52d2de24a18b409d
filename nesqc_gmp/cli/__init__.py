"""The command ``nesqc``: one noun a file; each command parses, calls one procedure and prints one value.

The top level imports nothing but typer and the standard library, and the file of a noun only when that noun was
typed, so that help comes at once.
"""

from __future__ import annotations

import importlib
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

import nesqc_gmp
from nesqc_gmp.cli.run import HELP, rim

NOUNS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo", "Play one simulated batch from images to certificate."),
    "site": ("site", "Found a site, see how it stands, back it up, restore it."),
    "login": ("session", "Open a session with id and passphrase."),
    "logout": ("session", "Close your session."),
    "whoami": ("session", "Say who is logged in, in which roles."),
    "people": ("people", "Accounts, roles, passphrases, access lists."),
    "products": ("products", "Specifications that batches are tested against."),
    "models": ("models", "Locked model packages, from lock to retirement."),
    "test-sets": ("test_sets", "Sealed images that models are tested with."),
    "batches": ("batches", "The life of a batch, from registration to release."),
    "certificates": ("certificates", "QC certificates: issue, verify, withdraw, replace."),
    "qualify": ("qualify", "Qualification, change control and periodic review."),
    "audit": ("audit", "The log: read, search, verify, review, anchor."),
}
"""What follows ``nesqc``: the file it lives in, and its sentence in the help."""

_LONE = frozenset({"demo", "login", "logout", "whoami"})
"""Commands without a noun."""

_EPILOG = """\b
Exit codes:
  0 done                    20 image rejected
  2 wrong usage             21 model refused
 10 not found               30 integrity broken
 11 out of sequence         31 certificate invalid
 12 not authorised          40 invalid input, 41 record too large
 13 not authenticated       50 ledger busy
 14 account locked          70 unexpected fault, 130 stopped by Ctrl-C
 15 not qualified
"""


def load(name: str) -> Any:
    """The command or group of commands that follows ``nesqc``, from its file."""
    module, sentence = NOUNS[name]
    group = get_group(importlib.import_module(f"nesqc_gmp.cli.{module}").app)
    command = group.commands[name] if name in _LONE else group
    command.name, command.short_help = name, sentence
    return command


class Nouns(TyperGroup):
    """Knows every noun by its sentence and loads a noun's file when the noun was typed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperGroup(name=name, help=sentence) for name, (_, sentence) in NOUNS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Replace the noun that was typed by what its file holds."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in NOUNS else command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command inside the rim that turns every refusal into a message and an exit code."""
        with rim():
            return super().invoke(ctx)


app = typer.Typer(cls=Nouns, epilog=_EPILOG, **HELP)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nesqc {nesqc_gmp.__version__}")
        raise typer.Exit


@app.callback()
def nesqc(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Batch release of cell cultures: a locked image classifier scores, people decide, every act is a signed record.

    Begin with `nesqc demo`, which plays a whole batch on a demonstration site. On a site of your own: `nesqc site
    init`, `nesqc login`, then the nouns in the order below. Each noun teaches itself: `nesqc batches --help`.
    """


def main() -> None:
    """Entry point of the command."""
    app(prog_name="nesqc")
