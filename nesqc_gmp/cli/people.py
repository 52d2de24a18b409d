"""``nesqc people``: accounts, roles, passphrases, and who could do what on any day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nesqc_gmp.cli.options import JsonOption, ReasonOption, Role, SiteOption, day
from nesqc_gmp.cli.run import logged_in, noun

if TYPE_CHECKING:
    from nesqc_gmp.state.people import Person

app = noun(
    """The people of a site: accounts, roles and passphrases. Nobody can act alone: the administrator enrols and
    grants nothing, QA grants and enrols nobody, and each hands the new person one half of a code.

    The order: `enrol` (administrator), `grant` (QA, signed), `passphrase` (the person, with both halves of the code).
    A lost passphrase: `reset` by two people, then `passphrase`. Who leaves: `revoke` or `disable`.

    \b
    Example:
      nesqc people enrol anna --name "Anna Lind" --identity "HR 118, by K. Berg"
      nesqc people grant anna operator --training TR-0118 \\
          --reason "Trained on SOP-01"
      nesqc people passphrase anna
    """
)
PersonArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the person.", show_default=False)]
RoleArgument = Annotated[Role, typer.Argument(metavar="ROLE", help="The role.", show_default=False)]


@app.command()
def enrol(
    person: PersonArgument,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Name as it is printed under signatures.")],
    identity: Annotated[
        str, typer.Option("--identity", metavar="TEXT", help="Who checked which document; no personal number.")
    ],
    site: SiteOption = None,
) -> None:
    """Make an account without any right. The first half of its code is printed once."""
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        code = people.enrol(session, person, name, identity)
    _print_half(person, "first", code, "QA hands over the second half with the first role: `nesqc people grant`.")


@app.command("list")
def list_people(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List all accounts with their standing and roles."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        found = list(people.people(session).values())
    if as_json:
        show.print_json([_person(person) for person in found])
        return
    rows = [(p.id, p.name, p.standing, ", ".join(sorted(g.role for g in p.grants)) or None) for p in found]
    show.print_table(("Id", "Name", "Standing", "Roles"), rows, "There is nobody.")


def _person(person: Person) -> dict[str, Any]:
    return {
        "person": person.id,
        "name": person.name,
        "standing": person.standing,
        "identity_reference": person.identity_reference,
        "enrolled_by": person.enrolled_by,
        "failures": person.failures,
        "roles": [
            {"role": grant.role, "training_reference": grant.training_reference, "expires_on": grant.expires_on}
            for grant in person.grants
        ],
    }


@app.command()
def grant(
    person: PersonArgument,
    role: RoleArgument,
    training: Annotated[str, typer.Option("--training", metavar="REF", help="Training record that allows the role.")],
    reason: ReasonOption,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DATE", help="Last day of the role, YYYY-MM-DD.", callback=day)
    ] = None,
    site: SiteOption = None,
) -> None:
    """Grant a role, signed by QA. With the first role the second half of the person's code is printed once."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        code = people.grant(session, person, role, training, expires, reason, terminal.ceremony)
    show.say(f"{person} is {role}.")
    if code:
        _print_half(person, "second", code, "With both halves the person runs `nesqc people passphrase`.")


@app.command()
def revoke(person: PersonArgument, role: RoleArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Take a role away from a person."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        people.revoke(session, person, role, reason)
    show.say(f"{person} is no longer {role}.")


@app.command()
def disable(person: PersonArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Close an account for good. It is never deleted and its id never used again."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        people.disable(session, person, reason)
    show.say(f"The account of {person} is closed.")


@app.command()
def passphrase(
    person: Annotated[str | None, typer.Argument(metavar="[ID]", help="Your id; asked where it is left out.")] = None,
    change: Annotated[bool, typer.Option("--change", help="Change your own passphrase while logged in.")] = False,
    site: SiteOption = None,
) -> None:
    """Set or change your own passphrase. It needs both halves of your code, or --change while you are logged in."""
    if change and person is not None:
        raise typer.BadParameter("an id cannot go with --change: you change your own passphrase", param_hint="ID")
    if change:
        _change_passphrase(site)
    else:
        _set_passphrase(person, site)


def _change_passphrase(site: Path | None) -> None:
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        current = terminal.ask_secret("Present passphrase")
        _announce()
        people.change_passphrase(session, current, terminal.ask_new_passphrase(session.person))
        show.say(f"The passphrase of {session.person} is changed.")


def _set_passphrase(person: str | None, site: Path | None) -> None:
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.config import find_site
    from nesqc_gmp.procedures import people
    from nesqc_gmp.procedures.context import Site

    terminal.require_terminal()
    with Site(find_site(site)) as opened:
        name = person or terminal.ask("Id")
        first = terminal.ask_secret("First half of the code (from the administrator)")
        second = terminal.ask_secret("Second half of the code (from QA)")
        _announce()
        people.set_passphrase(opened, name, first, second, terminal.ask_new_passphrase(name))
    show.say(f"The passphrase of {name} is set. Log in with `nesqc login {name}`.")


def _announce() -> None:
    """Say what the owner's first signature will acknowledge (21 CFR 11.100(c))."""
    from nesqc_gmp.cli import terminal
    from nesqc_gmp.records.signatures import MEANING_SENTENCES

    terminal.tell("With the new passphrase you get a new signing key, and sign this:")
    terminal.tell(f"  {MEANING_SENTENCES['acknowledged']}")


@app.command()
def reset(person: PersonArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Reset a lost passphrase, by two people.

    The first to run it asks, the second approves; each time one half of the person's code is printed once.
    """
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        code = people.reset(session, person, reason)
        waiting = people.people(session)[person].standing == "reset requested"
    if waiting:
        _print_half(person, "first", code, "The account works no more; a second person now runs the same command.")
    else:
        _print_half(person, "second", code, "With both halves the person runs `nesqc people passphrase`.")


def _print_half(person: str, half: str, code: str, then: str) -> None:
    from nesqc_gmp.cli import show

    show.say(f"The {half} half of the code of {person}, shown this once:")
    show.say(f"    {code}")
    show.say(f"Hand it to {person} in person. {then}")


@app.command("access-list")
def access_list(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="The day, YYYY-MM-DD; else today.", callback=day)
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who could do what on any day, from the log."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        day = as_of or session.site.now().local[:10]
        lines = people.access_list(session, day)
    if as_json:
        access = [{"person": a.person, "name": a.name, "standing": a.standing, "roles": list(a.roles)} for a in lines]
        show.print_json({"as_of": day, "access": access})
        return
    show.say(f"Access on {day}")
    rows = [(a.person, a.name, a.standing, ", ".join(a.roles) or None) for a in lines]
    show.print_table(("Id", "Name", "Standing", "Roles"), rows, "There was nobody.")
