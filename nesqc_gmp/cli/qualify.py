"""``nesqc qualify``: qualification, change control, periodic review."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nesqc_gmp.cli.options import CommentOption, JsonOption, ReasonOption, SiteOption, TrustOption, ValidationOption
from nesqc_gmp.cli.qualify_matrix import matrix
from nesqc_gmp.cli.qualify_pack import supplier_pack
from nesqc_gmp.cli.qualify_pq import pq
from nesqc_gmp.cli.qualify_review import review
from nesqc_gmp.cli.qualify_run import iq, oq
from nesqc_gmp.cli.run import logged_in, noun, site_if_any

if TYPE_CHECKING:
    from nesqc_gmp.state.qualification import Run, Validation

app = noun(
    """Validation of a site: what is installed, whether it operates as specified, whether it performs as intended.

    The order: `prepare plan`, `prepare iq`, `prepare oq` (validation engineer, signed), `approve` each (QA, signed);
    then `iq` and `oq`, each followed by `submit` (who ran it), `check` (reviewer) and `approve` (QA), all signed. What
    did not pass needs a `deviation`, which QA assesses with `assess`. `pq` is of one model. On a production site
    `batches analyse` and `batches release` run only while the installed state is the one that was approved; every
    change goes through `change` and `approve`. `review` is the periodic review.

    \b
    Example:
      nesqc qualify prepare plan
      nesqc qualify approve VP-0001 --reason "Plan read and complete"
      nesqc qualify iq
      nesqc qualify submit IQ-0001
    """
)
app.command()(iq)
app.command()(oq)
app.command()(pq)
app.command()(review)
app.command()(matrix)
app.command()(supplier_pack)

NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help="Number, such as IQ-0001, VP-0001 or CC-0001.", show_default=False)
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Number of the run.", show_default=False)]


@app.command()
def status(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show the qualified state, and what differs from it now.

    Then every document, run, deviation and change.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures.qualification import views

    with logged_in(site) as session:
        seen = views.status(session)
    if as_json:
        show.print_json(seen.as_json())
        return
    show.print_facts(seen.facts())
    if seen.validation.qualified is None:
        show.say("No installed state is qualified yet. The order is in `nesqc qualify --help`.")
    else:
        show.print_title("Differs from the qualified state")
        for line in seen.differing or ("nothing",):
            show.say(f"  {line}")
    _print_documents(seen.validation)
    _print_runs(seen.validation)
    show.print_title("Changes and reviews")
    rows = [(c.recorded.change, c.by.name, c.by.at[:19], c.approved.name if c.approved else "not approved",
             c.recorded.description) for c in seen.validation.changes.values()]  # fmt: skip
    rows += [
        (r.signed.review, r.by.name, r.by.at[:19], "signed", r.signed.conclusion)
        for r in seen.validation.reviews.values()
    ]
    show.print_table(("Number", "By", "UTC", "Approved by", "What"), rows, "  none")


def _print_documents(validation: Validation) -> None:
    from nesqc_gmp.cli import show

    show.print_title("Documents")
    rows = [
        (d.prepared.document, d.prepared.document_kind, d.by.name, d.by.at[:19],
         d.approved.name if d.approved else "not approved")
        for d in validation.documents.values()
    ]  # fmt: skip
    show.print_table(("Number", "Kind", "Prepared by", "UTC", "Approved by"), rows, "  none")


def _print_runs(validation: Validation) -> None:
    from nesqc_gmp.cli import show

    show.print_title("Runs")
    rows = [
        (r.number, r.by.name, r.by.at[:19], r.standing, *_counts(r), _conclusion(r)) for r in validation.runs.values()
    ]
    heads = ("Number", "Run by", "UTC", "Stage", "#Passed", "#Failed", "#Not executed", "Conclusion")
    show.print_table(heads, rows, "  none")
    open_points = [(r.number, point) for r in validation.runs.values() if not r.approved for point in r.outstanding()]
    if open_points:
        show.print_title("Stands against acceptance")
        show.print_table(("Run", "What"), open_points, "")


def _counts(run: Run) -> tuple[int, int, int]:
    verdicts = [case.verdict for case in run.last.values()]
    passed, failed = verdicts.count("passed"), verdicts.count("failed")
    return passed, failed, run.opened.cases - passed - failed


def _conclusion(run: Run) -> str:
    return run.conclusion.conclusion if run.conclusion else ""


Prepared = Annotated[
    str, typer.Argument(metavar="plan|iq|oq|pq|deviations|summary", help="What is prepared.", show_default=False)
]


@app.command()
def prepare(
    what: Prepared,
    facts: Annotated[
        Path | None,
        typer.Option(
            "--facts",
            metavar="FILE.toml",
            help="What the site says: for plan and summary; see SOP-10.",
            show_default=False,
        ),
    ] = None,
    release_key: Annotated[
        Path | None,
        typer.Option(
            "--release-key",
            metavar="FILE.vkey",
            help="For iq: the key of the releases as you received it another way.",
            show_default=False,
        ),
    ] = None,
    site: SiteOption = None,
    validation: ValidationOption = None,
) -> None:
    """Write a plan, protocol, log or summary, and sign it.

    Whoever writes it signs as its author; QA approves it.
    A protocol is taken from the files in the folder `validation`: edit them first where the site needs other limits.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.config import find_validation
    from nesqc_gmp.qualification import prepared

    with logged_in(site) as session:
        folder = find_validation(validation)
        said = prepared.read_facts(facts) if facts else None
        if what == "plan" and said is None:
            terminal.tell("What the plan says of this site. Ctrl-C leaves without writing anything.")
            said = {name: terminal.ask(words.capitalize()) for name, words in prepared.plan_questions(folder).items()}
        source = prepared.Source(folder, said, release_key)
        number = prepared.prepare(session, what, source, terminal.ceremony)
    show.say(f"{number} is prepared. Read it with `nesqc qualify report {number} --out DIR`.")
    show.say(f'QA approves it: `nesqc qualify approve {number} --reason "..."`.')


@app.command()
def approve(
    number: NumberArgument,
    reason: ReasonOption,
    not_accepted: Annotated[bool, typer.Option("--not-accepted", help="Conclude that a run is not accepted.")] = False,
    site: SiteOption = None,
) -> None:
    """Approve a document or change, or conclude on a run, signed.

    The record and the PDF are signed.
    Nobody approves what they prepared, ran or reviewed. A run is accepted only where every case passed or has an
    accepted deviation, and every case of high risk passed.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures.qualification import approval

    with logged_in(site) as session:
        said = approval.approve(session, number, accept=not not_accepted, reason=reason, ceremony=terminal.ceremony)
    show.say(f"{number}: {said}.")


@app.command()
def deviation(
    run: RunArgument,
    case: Annotated[str, typer.Argument(metavar="CASE", help="Case that did not pass.", show_default=False)],
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What happened.")],
    impact: Annotated[str, typer.Option("--impact", metavar="TEXT", help="What it means for the use.")],
    site: SiteOption = None,
) -> None:
    """Record a deviation for a case that did not pass. QA assesses it."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import qualification

    with logged_in(site) as session:
        number = qualification.deviation(session, run, case, description, impact)
    show.say(f"Deviation {number} of {case} is recorded. QA assesses it with `nesqc qualify assess {number}`.")


@app.command()
def assess(
    number: Annotated[str, typer.Argument(metavar="DEVIATION", help="Number, such as DV-0001.", show_default=False)],
    reason: ReasonOption,
    reject: Annotated[bool, typer.Option("--reject", help="The deviation is not accepted.")] = False,
    site: SiteOption = None,
) -> None:
    """Sign the assessment of a deviation.

    The reason is the assessment; nobody assesses what they recorded.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import qualification

    with logged_in(site) as session:
        qualification.assess(session, number, accepted=not reject, reason=reason, ceremony=terminal.ceremony)
    show.say(f"Deviation {number} is {'not accepted' if reject else 'accepted'}.")


@app.command()
def submit(run: RunArgument, site: SiteOption = None) -> None:
    """Sign as the tester that a run is complete.

    Every case that did not pass has its deviation.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import qualification

    with logged_in(site) as session:
        qualification.submit(session, run, terminal.ceremony)
    show.say(f"{run} is submitted. A reviewer goes through it: `nesqc qualify check {run}`.")


@app.command()
def check(run: RunArgument, comment: CommentOption, site: SiteOption = None) -> None:
    """Sign as a second person that a run was reviewed.

    Cases, evidence and deviations were gone through.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import qualification

    with logged_in(site) as session:
        qualification.check(session, run, comment, terminal.ceremony)
    show.say(f"{run} is reviewed. QA concludes: `nesqc qualify approve {run}`.")


@app.command()
def report(
    number: NumberArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files; made where it is missing.")],
    site: SiteOption = None,
) -> None:
    """Write what a number names as PDF and JSON.

    A document, run, change or periodic review.
    What was approved is the file its approver signed; what was not says so on every page. A run brings its evidence.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures.qualification import views

    with logged_in(site) as session:
        for path in views.write_report(session, number, out):
            show.say(str(path))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="The signed document.", show_default=False)],
    trust: TrustOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a signed document or report; needs no login.

    Exit code 31 where a step fails. The log of the site, or of a read-only copy of it, says whether this is the file
    that was signed; --trust names the keys as you keep them. Keys that come with the file are never used.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.errors import CertificateInvalidError
    from nesqc_gmp.procedures.qualification import views

    found = views.verify(file, site=site_if_any(site, file), trust=trust)
    show.print_report(found, as_json=as_json)
    if not found.verified:
        raise typer.Exit(CertificateInvalidError.exit_code)


@app.command()
def change(
    kind: Annotated[list[str], typer.Option("--kind", metavar="KIND", help="What it touches; can be given again.")],
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What is changed, and why.")],
    impact: Annotated[str, typer.Option("--impact", metavar="TEXT", help="What it may do to results and records.")],
    retest_reason: Annotated[
        str, typer.Option("--retest-reason", metavar="TEXT", help="Why these are tested again, and why not the others.")
    ],
    retest: Annotated[
        list[str] | None, typer.Option("--retest", metavar="STAGE", help="IQ, OQ or PQ; can be given again; else none.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """Bring a change under change control, signed.

    What differs from the qualified state is compared line by line; QA approves the change.

    Kinds: software, runtime library, operating system or processor, model, specification or threshold, preprocessing,
    microscope or objective, medium or vessel, site configuration, procedure.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import qualification
    from nesqc_gmp.procedures.qualification.changes import request
    from nesqc_gmp.procedures.qualification.enforcement import installed_for

    with logged_in(site) as session:
        asked = request(kind, description, impact, retest or (), retest_reason)
        installed = installed_for(session, "qualify.change")
        number = qualification.change(session, asked, installed.lines, installed.sha256, terminal.ceremony)
    show.say(f"Change {number} is recorded. QA approves it: `nesqc qualify approve {number}`.")
