"""``nesqc site``: found a site, see how it stands, assess its incidents."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nesqc_gmp.cli.options import JsonOption, Purpose, ReasonOption, SiteOption
from nesqc_gmp.cli.run import logged_in, noun
from nesqc_gmp.cli.site_backup import backup, restore, restore_test

if TYPE_CHECKING:
    from nesqc_gmp.procedures.site import Founder, Posture

app = noun(
    """A site: one folder with its log, its keys, its original images and its certificates.

    The order: `init` once, by two founding people together; then `status` every day; `assess` whenever an incident is
    open, since an open incident blocks releases. Keep the folder's `trust` files and every exported checkpoint
    (`nesqc audit checkpoint`) where the owner of the database cannot reach them. `backup` every day to another device,
    `restore-test` one of them every month; `restore` is for the day on which the site is lost.

    \b
    Example:
      nesqc site init lab-uppsala --name "Uppsala QC" --zone Europe/Stockholm
      export NESQC_SITE=$PWD/lab-uppsala
      nesqc login
      nesqc site status
      nesqc site backup /media/disk
    """
)


def _asked(name: str, help_text: str, metavar: str = "TEXT") -> Any:
    """An option whose value is asked on the terminal where it is left out."""
    return typer.Option(name, metavar=metavar, help=f"{help_text} Asked where it is left out.", show_default=False)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default=False)],
    name: Annotated[str | None, _asked("--name", "Name of the site.")] = None,
    address: Annotated[str | None, _asked("--address", "Postal address.")] = None,
    authorisation: Annotated[
        str | None, _asked("--authorisation", "Number of the manufacturing authorisation.")
    ] = None,
    zone: Annotated[str | None, _asked("--zone", "IANA time zone, such as Europe/Stockholm.", "ZONE")] = None,
    purpose: Annotated[
        Purpose, typer.Option("--purpose", help="What the site is for, for ever; only production is for GMP use.")
    ] = "production",
    administrator: Annotated[str | None, _asked("--administrator", "Id of the founding administrator.", "ID")] = None,
    administrator_name: Annotated[str | None, _asked("--administrator-name", "Printed name.")] = None,
    administrator_identity: Annotated[
        str | None, _asked("--administrator-identity", "Who checked which document.")
    ] = None,
    qa: Annotated[str | None, _asked("--qa", "Id of the founding QA person.", "ID")] = None,
    qa_name: Annotated[str | None, _asked("--qa-name", "Printed name.")] = None,
    qa_identity: Annotated[str | None, _asked("--qa-identity", "Who checked which document.")] = None,
) -> None:
    """Found a site with two people, none of whom can act alone. Each types a passphrase on this terminal."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import site as procedures
    from nesqc_gmp.records.signatures import MEANING_SENTENCES

    terminal.require_terminal()
    facts = procedures.SiteFacts(
        name or terminal.ask("Name of the site"),
        address or terminal.ask("Postal address"),
        authorisation or terminal.ask("Number of the manufacturing authorisation"),
        zone or terminal.ask("Time zone (such as Europe/Stockholm)"),
        purpose,
    )
    founders = (
        _identified("administrator", administrator, administrator_name, administrator_identity),
        _identified("QA person", qa, qa_name, qa_identity),
    )
    procedures.check_founding(folder, facts, founders)
    for meaning in ("founded", "acknowledged"):
        terminal.tell(f"Each founder signs: {MEANING_SENTENCES[meaning]}")
    first, second = (replace(f, passphrase=terminal.ask_new_passphrase(f.person)) for f in founders)
    paths = procedures.init(folder, facts, (first, second))
    show.say(f"The site {facts.name} is founded in {paths.folder}.")
    show.say(f"Copy {paths.trust} to a place that the owner of this computer cannot change; auditors pin it.")
    show.say(f"Next: nesqc login {first.person} --site {paths.folder}; then `nesqc people enrol`.")


def _identified(who: str, person: str | None, name: str | None, identity: str | None) -> Founder:
    """A founder without a passphrase yet; what is missing is asked."""
    from nesqc_gmp.cli import terminal
    from nesqc_gmp.procedures.site import Founder

    person = person or terminal.ask(f"Id of the founding {who}")
    name = name or terminal.ask(f"Printed name of {person}")
    return Founder(person, name, identity or terminal.ask(f"Who checked which document of {person}"), "")


@app.command()
def status(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show how the site stands.

    Versions, clock, permissions, open incidents, and the unanchored tail: what no checkpoint kept outside covers.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import site as procedures

    with logged_in(site) as session:
        posture = procedures.status(session)
    if as_json:
        show.print_json(_as_json(posture))
        return
    show.print_facts([(name, value) for name, value in posture.facts])
    show.print_title("Needs attention")
    for warning in posture.warnings or ("nothing",):
        show.say(f"  {warning}")
    show.print_title("Open incidents")
    rows = [(i.id, i.kind, i.batch or "all batches", i.opened, i.detail) for i in posture.open_incidents]
    show.print_table(("Number", "Kind", "Touches", "Opened (UTC)", "What was seen"), rows, "  none")
    show.print_title("Unanchored tail")
    show.say(
        f"  {posture.unanchored_records} records of the last {posture.unanchored_minutes} minutes are covered by no "
        "checkpoint kept outside. Who holds this computer and the log key could rewrite these, and only these, unseen. "
        "Shorten the tail with `nesqc audit checkpoint`."
    )


def _as_json(posture: Posture) -> dict[str, Any]:
    return {
        "facts": dict(posture.facts),
        "warnings": list(posture.warnings),
        "open_incidents": [asdict(incident) for incident in posture.open_incidents],
        "unanchored": {"records": posture.unanchored_records, "minutes": posture.unanchored_minutes},
    }


@app.command()
def assess(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Number, such as I-000042.", show_default=False)],
    reason: ReasonOption,
    site: SiteOption = None,
) -> None:
    """Sign the assessment of an open incident. The reason is the assessment."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import site as procedures

    with logged_in(site) as session:
        procedures.assess(session, incident, reason, terminal.ceremony)
    show.say(f"Incident {incident} is assessed.")


app.command("backup")(backup)
app.command("restore-test")(restore_test)
app.command("restore")(restore)
