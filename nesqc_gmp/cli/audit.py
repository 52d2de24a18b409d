"""``nesqc audit``: read, search, verify, review and anchor the log."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nesqc_gmp.cli.options import BatchArgument, JsonOption, Role, SiteOption, TrustOption
from nesqc_gmp.cli.run import logged_in, noun
from nesqc_gmp.errors import IntegrityError

if TYPE_CHECKING:
    from nesqc_gmp.ledger import IndexRow
    from nesqc_gmp.procedures.audit import ReviewSheet
    from nesqc_gmp.procedures.session import Session

app = noun(
    """The log: every act of every person, in one order, each entry proven by signed checkpoints.

    `log` and `search` read it. `verify` computes everything again, without a login and on a read-only copy. `review`
    is the signed review of one batch's audit trail, by a person who did nothing on it. `checkpoint` writes the signed
    head of the log to a file: keep it where the owner of this computer cannot change it, and name it to `verify`.

    \b
    Example:
      nesqc audit search --who anna --what image_read --from 2026-11-01
      nesqc audit checkpoint /media/usb/2026-11-20.checkpoint
      nesqc audit verify --checkpoint /media/usb/2026-11-20.checkpoint
      nesqc audit review B-0421
    """
)
_ID_ROOM: Final = 32
"""Characters of an id in a table; longer ones, digests, end in dots."""
_HEADS = ("#Entry", "Time (UTC)", "Who", "What", "Record", "Reason")


@app.command()
def log(
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="So many entries.", min=1, max=100_000)] = 20,
    after: Annotated[
        int | None, typer.Option("--after", metavar="N", help="Those after this entry; else the last ones.")
    ] = None,
    index: Annotated[
        int | None, typer.Option("--index", metavar="N", help="One entry in full, as it is hashed.")
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the last entries of the log, or one entry in full."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import audit

    with logged_in(site) as session:
        if index is not None:
            _print_entry(audit.entry(session, index).model_dump(mode="json"), as_json=as_json)
            return
        rows = audit.log(session, limit, after)
    if as_json:
        show.print_json([_row(row) for row in rows])
    else:
        show.print_table(_HEADS, map(_cells, rows), "There is no such entry.")


def _print_entry(entry: dict[str, Any], *, as_json: bool) -> None:
    from nesqc_gmp.cli import show

    if as_json:
        show.print_json(entry)
    else:
        print(show.indented_json(entry))


def _row(row: IndexRow) -> dict[str, Any]:
    return {
        "entry": row.index,
        "time_utc": row.utc,
        "person": row.person,
        "role": row.role,
        "what": row.kind,
        "record": f"{row.subject_type} {row.subject_id}",
        "reason": row.reason,
        "content": row.content,
    }


def _cells(row: IndexRow) -> tuple[object, ...]:
    who, what = f"{row.person} ({row.role})", row.kind.replace("_", " ")
    about = row.subject_id if len(row.subject_id) <= _ID_ROOM else f"{row.subject_id[:_ID_ROOM]}…"
    record = f"{row.subject_type} {about}"
    return (row.index, row.utc[:19].replace("T", " "), who, what, record, row.reason)


@app.command()
def search(
    who: Annotated[str | None, typer.Option("--who", metavar="ID", help="Id of the person.")] = None,
    role: Annotated[Role | None, typer.Option("--role", metavar="ROLE", help="Role in which they acted.")] = None,
    what: Annotated[str | None, typer.Option("--what", metavar="KIND", help="Kind of entry, or a part of it.")] = None,
    record: Annotated[
        str | None, typer.Option("--record", metavar="ID", help="Id of the record it is about, or a part of it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="First moment, UTC; a date is enough.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Last moment, UTC, itself included.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="A part of the reason.")] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the log. An entry is shown that fits every option given."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import audit

    with logged_in(site) as session:
        rows = audit.search(
            session,
            who=who,
            role=role,
            what=what and what.replace(" ", "_"),
            record=record,
            since=since,
            until=until,
            reason=reason,
        )
    if as_json:
        show.print_json([_row(row) for row in rows])
    else:
        show.print_table(_HEADS, map(_cells, rows), "No entry fits.")


@app.command()
def verify(
    certificates: Annotated[
        Path | None, typer.Option("--certificates", metavar="DIR", help="Issued certificates kept elsewhere.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", metavar="FILE", help="Checkpoint kept elsewhere; repeatable.")
    ] = None,
    trust: TrustOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the whole site; needs no login. Exit code 30 where a step fails.

    Nothing is written. The first bad record is named. What is held against the log from outside (checkpoints,
    certificates) bounds what a thief of the log key could have rewritten unseen.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.config import find_site
    from nesqc_gmp.procedures import audit

    paths = replace(find_site(site), pinned=trust)
    with show.progress("verifying") as bar:
        report = audit.verify(paths, certificates=certificates, checkpoints=checkpoint or (), progress=bar.at)
    show.print_report(report, as_json=as_json)
    if not report.verified:
        raise typer.Exit(IntegrityError.exit_code)


@app.command()
def review(batch: BatchArgument, site: SiteOption = None) -> None:
    """Review the audit trail of a batch, signed. Every exception is assessed on its own, a sample is shown."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import audit

    with logged_in(site) as session:
        terminal.require_terminal()
        sheet = audit.sheet(session, batch)
        assessments = _assess(batch, sheet)
        _show_sample(session, sheet)
        conclusion = terminal.ask("Your conclusion")
        acceptable = terminal.ask_choice("Does nothing stand against a decision?", ("yes", "no")) == "yes"
        # The assessments can be an hour's work; a mistyped passphrase at the end does not lose them.
        terminal.signed_again(partial(audit.review, session, batch, assessments, conclusion, acceptable))
    show.say(f"The audit trail of {batch} is reviewed up to entry {sheet.last}.")


def _assess(batch: str, sheet: ReviewSheet) -> dict[int, str]:
    """Ask for what the reviewer says of each exception; there is no way to accept several at once."""
    from nesqc_gmp.cli import show, terminal

    show.print_facts(
        [
            ("batch", batch),
            ("entries", f"{sheet.first} to {sheet.last}, {sheet.entries} about the batch"),
            ("exceptions", len(sheet.exceptions)),
        ]
    )
    assessments: dict[int, str] = {}
    for number, exception in enumerate(sheet.exceptions, 1):
        show.print_title(f"Exception {number} of {len(sheet.exceptions)}: {exception.what}, entry {exception.index}")
        show.say(exception.detail)
        assessments[exception.index] = terminal.ask("Your assessment", at_least=3)
    return assessments


def _show_sample(session: Session, sheet: ReviewSheet) -> None:
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import audit

    show.print_title(f"Random sample, seed {sheet.sample_seed[:16]}")
    for index in sheet.sample:
        entry = audit.entry(session, index)
        show.say(f"entry {index}, {entry.time.local[:19]}, {entry.actor.name} as {entry.actor.role}: {entry.kind}")
        print(show.indented_json(entry.record.model_dump(mode="json"), shortened=True))


@app.command()
def checkpoint(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, best on another medium.")],
    site: SiteOption = None,
) -> None:
    """Write the signed head of the log to a file. It is to be kept outside this computer."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import audit

    with logged_in(site) as session:
        audit.checkpoint(session, out)
    show.say(f"The checkpoint is written to {out}. Keep it where the owner of this computer cannot change it.")
