"""``nesqc login``, ``logout``, ``whoami``: the session of the person at the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from nesqc_gmp.cli.options import JsonOption, SiteOption
from nesqc_gmp.cli.run import logged_in, noun

app = noun("Your session.")


@app.command()
def login(
    person: Annotated[str | None, typer.Argument(metavar="[ID]", help="Your id; asked where it is left out.")] = None,
    site: SiteOption = None,
) -> None:
    """Open a session with id and passphrase. It ends after 15 idle minutes, after 12 hours, or with `nesqc logout`."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.config import find_site, sessions_folder
    from nesqc_gmp.procedures import people
    from nesqc_gmp.procedures.context import Site

    terminal.require_terminal()
    with Site(find_site(site)) as opened:
        session = people.login(opened, terminal.ask_credentials(person), sessions_folder())
        show.say(f"{session.person} is logged in at {opened.founded.name}. The session ends after 15 idle minutes.")


@app.command()
def logout(site: SiteOption = None) -> None:
    """Close your session; the log keeps when."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.config import sessions_folder
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        people.logout(session, sessions_folder())
        show.say(f"{session.person} is logged out.")


@app.command()
def whoami(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Say who is logged in at this site, and in which roles."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import people

    with logged_in(site) as session:
        person = people.whoami(session)
        founded, today = session.site.founded, session.site.now().local[:10]
    roles = sorted(person.roles(today))
    if as_json:
        value = {"person": person.id, "name": person.name, "roles": roles, "site": founded.name}
        show.print_json({**value, "purpose": founded.purpose})
        return
    show.print_facts(
        [
            ("person", f"{person.name} ({person.id})"),
            ("roles", ", ".join(roles) or "none"),
            ("site", f"{founded.name}{'' if founded.for_gmp_use else f' ({founded.purpose}, not for GMP use)'}"),
        ]
    )
