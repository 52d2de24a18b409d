"""``nesqc site backup``, ``restore-test`` and ``restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nesqc_gmp.cli.options import JsonOption, SiteOption, TrustOption
from nesqc_gmp.cli.run import logged_in
from nesqc_gmp.errors import IntegrityError

BackupArgument = Annotated[
    Path, typer.Argument(metavar="BACKUP", help="The folder of one backup, under its own name.", show_default=False)
]
CheckpointOption = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", metavar="FILE", help="Checkpoint kept elsewhere; repeatable.", show_default=False),
]


def backup(
    place: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="A folder on another device, such as a mounted disk.", show_default=False),
    ],
    site: SiteOption = None,
) -> None:
    """Copy the whole site while others go on working.

    The copy becomes a new folder in DIR, whose name is made of site, UTC time and size of the log; do not change it.
    The copy is verified before the command says done, and the act is recorded. It holds the keys of the site, since
    without them nobody could go on: keep it as safe as the site itself, and on another device. A backup says nothing
    of later entries: keep exported checkpoints (`nesqc audit checkpoint`) at a third place.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import backup as procedures

    with logged_in(site) as session, show.progress("copying") as bar:
        made = procedures.make(session, place, bar.of)
    show.say(f"The site is backed up and the copy verified: {made.size} entries, {made.objects} originals.")
    show.print_facts([("backup", str(place / made.backup)), ("manifest", f"SHA-256 {made.manifest_sha256}")])
    for warning in made.warnings:
        show.say(f"Warning: {warning}.")
    show.say("Next, at least every 30 days:")
    show.say_command(f"nesqc site restore-test {place / made.backup}")


def restore_test(
    folder: BackupArgument,
    checkpoint: CheckpointOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup on trial and record the result.

    It is laid out in a passing folder, verified there and taken away again. Exit code 30 where a step fails.

    Every file is compared with the digests of the day it was made; the restored site is verified as a whole; one
    recorded score is found again from the restored files; the log of the site has to go on from the backup. A backup
    holds the log key's own memory too, so only a checkpoint kept elsewhere shows that both logs were put back: name
    it with --checkpoint. A failed test opens an incident. The passing folder is in TMPDIR and needs as much room as
    the backup.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import backup as procedures

    with logged_in(site) as session, show.progress("restoring") as bar:
        test = procedures.restore_test(session, folder, checkpoint or (), bar.of)
    show.print_report(test.report, as_json=as_json)
    if not test.record.passed:
        raise typer.Exit(IntegrityError.exit_code)


def restore(
    folder: BackupArgument,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default=False)],
    checkpoint: CheckpointOption = None,
    trust: TrustOption = None,
) -> None:
    """Make a site of a backup, where the site is lost.

    Needs no login, since there is no site yet. It is for that day, not for undoing work: what was entered after the
    backup is not in the restored log, and only one of two logs can go on. The backup is verified first, nothing is
    signed anew, and the log says that it was restored, with an open incident that QA assesses before any analysis or
    release. Name the newest checkpoint kept elsewhere: only it shows how many entries are lost.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import backup as procedures

    with show.progress("restoring") as bar:
        restored = procedures.restore(folder, target, checkpoint or (), trust, bar.of)
    record = restored.record
    show.say(f"The site is restored in {target}, with the {record.size} entries of {record.backup}.")
    for compared in record.compared:
        show.say(f"Checkpoint {compared}.")
    if not record.compared:
        show.say("No checkpoint kept elsewhere was named, so what was entered after the backup is not known.")
    show.say("Put the folder where the site was. QA assesses the open incident with `nesqc site assess`.")
