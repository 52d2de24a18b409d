"""``nesqc batches``: the life of a batch, from registration to the decision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nesqc_gmp.cli.options import (
    BatchArgument,
    CommentOption,
    JsonOption,
    Outcome,
    ReasonOption,
    RepeatReasonOption,
    SiteOption,
    day,
)
from nesqc_gmp.cli.run import logged_in, noun
from nesqc_gmp.errors import ImageRejectedError

if TYPE_CHECKING:
    from nesqc_gmp.procedures.batches import Progress, Received

app = noun(
    """The life of a batch. Performer, reviewer and releaser are three different people; a step that is not due is
    refused, and the refusal is recorded.

    \b
    The order:
      register, receive, explain, seal   operator: images in, the set made final
      analyse                            operator: every attempt counts
      read                               operator or reviewer: your own eyes
      record-result, verify-result       operator, then a second person
      submit, review                     operator, then reviewer, both signed
      (nesqc audit review)               who did nothing on the batch, signed
      release, reject, hold              QA, signed; a score never decides

    \b
    Example:
      nesqc batches register B-0421 --specification NES-01.v1 --line L-07 \\
          --manufactured 2026-11-02 --expires 2027-11-02
      nesqc batches receive B-0421 sample-sheet.csv
      nesqc batches seal B-0421
      nesqc batches analyse B-0421
      nesqc batches show B-0421 --images
    """
)
ImageArgument = Annotated[str, typer.Argument(metavar="IMAGE", help="Image id: culture and field, such as C01_F03.")]
TestOption = Annotated[str, typer.Option("--test", metavar="TEST", help="Id of the test in the specification.")]


@app.command()
def register(
    batch: BatchArgument,
    specification: Annotated[
        str, typer.Option("--specification", metavar="ID", help="Approved specification, such as NES-01.v1.")
    ],
    line: Annotated[str, typer.Option("--line", metavar="CODE", help="Pseudonymous code of cell line or donor.")],
    manufactured: Annotated[
        str, typer.Option("--manufactured", metavar="DATE", help="Day of manufacture, YYYY-MM-DD.", callback=day)
    ],
    expires: Annotated[str, typer.Option("--expires", metavar="DATE", help="Expiry day, YYYY-MM-DD.", callback=day)],
    site: SiteOption = None,
) -> None:
    """Register a batch against a specification. Its number is used once."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.register(session, batch, specification, line, manufactured, expires)
    show.say(f"Batch {batch} is registered.")


@app.command()
def receive(
    batch: BatchArgument,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Image files, folders, or sample sheets (CSV).")
    ],
    culture: Annotated[
        str | None, typer.Option("--culture", metavar="ID", help="Culture of files that no sheet describes.")
    ] = None,
    passage: Annotated[
        int | None, typer.Option("--passage", metavar="N", help="Passage number of files that no sheet describes.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """Store the original bytes of images.

    A file that is no acceptable image is kept, counts as submitted, and the command ends with exit code 20.

    A sample sheet is a CSV file with the columns file, culture, passage, field, captured_at, and pixel_size_um where
    the files do not say it.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        files = batches.incoming(paths, culture, passage)
        with show.progress("receiving") as bar:
            done: list[Received] = []

            def shown(received: Received) -> None:
                done.append(received)
                bar.at(len(done), len(files))
                if received.note:
                    show.say(f"{received.file_name}: {received.image or 'REFUSED'}: {received.note}")

            batches.receive(session, batch, files, shown)
    refused = sum(received.image is None for received in done)
    alike = sum(bool(received.image and received.note) for received in done)
    show.say(f"{len(done) - refused} images received, {alike} of them like others, {refused} files refused.")
    if refused:
        raise typer.Exit(ImageRejectedError.exit_code)


@app.command()
def explain(batch: BatchArgument, image: ImageArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Explain why an image is like another one. Until then the set cannot be sealed."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.explain(session, batch, image, reason)
    show.say(f"The likeness of {image} is explained.")


@app.command()
def seal(batch: BatchArgument, site: SiteOption = None) -> None:
    """Make the image set final. Nothing is scored before, nothing can be added or left out after."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        count = batches.seal(session, batch)
    show.say(f"The set of batch {batch} is sealed with {count} images.")


@app.command()
def analyse(batch: BatchArgument, reason: RepeatReasonOption = None, site: SiteOption = None) -> None:
    """Score every image with the locked model. A result is printed only after it is recorded."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session, show.progress("analysing") as bar, _aborted_aloud(batch):

        def shown(progress: Progress) -> None:
            bar.at(progress.done, progress.total)
            score = progress.scored.judged_score or "-"
            show.say(f"{progress.scored.image:<24} {score:>8}  {progress.scored.outcome}")

        done = batches.analyse(session, batch, reason, shown)
    counts = ", ".join(f"{n} {outcome}" for outcome, n in done.outcomes.items())
    show.say(f"Attempt {done.attempt} completed: {counts}")


@contextmanager
def _aborted_aloud(batch: str) -> Iterator[None]:
    """Say after Ctrl-C what became of the attempt, which the procedure has closed by then."""
    from nesqc_gmp.cli import terminal

    try:
        yield
    except KeyboardInterrupt:
        terminal.tell("The attempt is closed as aborted and stays on record with its results.")
        terminal.tell(f"See `nesqc batches show {batch} --attempts`.")
        raise


@app.command()
def read(
    batch: BatchArgument,
    image: ImageArgument,
    reading: Annotated[Outcome, typer.Option("--reading", metavar="OUTCOME", help="What you see: conforming, "
                                             "not conforming, or undecided.")],
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="What you saw; needed where your reading differs "
                                 "from the model's, and for every blinded reading.")
    ] = None,
    blinded: Annotated[
        bool, typer.Option("--blinded", help="You have not seen the model's score; nothing of it is shown.")
    ] = False,
    site: SiteOption = None,
) -> None:  # fmt: skip
    """Record your own reading of an image. It stands beside the model's outcome and never replaces it."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        record = batches.read(session, batch, image, reading, reason, blinded=blinded)
    show.say(f"Your reading of {image} is recorded: {record.reading}.")
    if not blinded:
        show.say(f"The model said: {record.model_outcome or 'nothing yet'}.")


@app.command("record-result")
def record_result(
    batch: BatchArgument,
    test: TestOption,
    value: Annotated[str, typer.Option("--value", metavar="TEXT", help="The result, as measured.")],
    performed_on: Annotated[
        str, typer.Option("--performed-on", metavar="DATE", help="Day of the test, YYYY-MM-DD.", callback=day)
    ],
    evidence: Annotated[Path, typer.Option("--evidence", metavar="FILE", help="Report or raw data; a copy is kept.")],
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", metavar="TEXT", help="Why it is repeated or entered late; both need it.", show_default=False
        ),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Record a test done elsewhere, with evidence, signed.

    A repeat needs a reason, and both results are kept. So does a late entry, more than a day after the test: work that
    went on on paper while the tool was down is entered like this, with the paper as evidence. It is marked as late in
    the review of the audit trail and on the certificate.
    """
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        result = batches.record_result(
            session, batch, test, value, performed_on, evidence, reason, terminal.ceremony
        )  # fmt: skip
    show.say(f"{test} is recorded: {value}, {result.outcome}. A second person verifies it with `verify-result`.")


@app.command("verify-result")
def verify_result(batch: BatchArgument, test: TestOption, site: SiteOption = None) -> None:
    """Verify a result as a second person, signed. It is the last recorded one that is compared with its evidence."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.verify_result(session, batch, test, terminal.ceremony)
    show.say(f"The result of {test} is verified.")


@app.command()
def submit(batch: BatchArgument, site: SiteOption = None) -> None:
    """Sign that the work is done and the data complete."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.submit(session, batch, terminal.ceremony)
    show.say(f"Batch {batch} is submitted.")


@app.command()
def review(
    batch: BatchArgument,
    comment: CommentOption,
    deviation: Annotated[
        list[str] | None, typer.Option("--deviation", metavar="REF", help="Reference of a deviation; repeatable.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """Sign that the batch was reviewed. The reviewer did none of the work."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.review(session, batch, deviation or (), comment, terminal.ceremony)
    show.say(f"Batch {batch} is reviewed. Next: `nesqc audit review {batch}`.")


@app.command()
def release(batch: BatchArgument, comment: CommentOption, site: SiteOption = None) -> None:
    """Release a batch, signed by QA. Every test conforms and every step is signed, or it is refused."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.release(session, batch, comment, terminal.ceremony)
    show.say(f"Batch {batch} is released. Next: `nesqc certificates issue {batch}`.")


@app.command()
def reject(batch: BatchArgument, comment: CommentOption, reason: ReasonOption, site: SiteOption = None) -> None:
    """Reject a batch for good, signed by QA."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.reject(session, batch, comment, reason, terminal.ceremony)
    show.say(f"Batch {batch} is rejected.")


@app.command()
def hold(batch: BatchArgument, comment: CommentOption, reason: ReasonOption, site: SiteOption = None) -> None:
    """Place a batch on hold, signed by QA. It can go on later."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        batches.hold(session, batch, comment, reason, terminal.ceremony)
    show.say(f"Batch {batch} is on hold.")


@app.command("show")
def show_batch(
    batch: BatchArgument,
    images: Annotated[bool, typer.Option("--images", help="Every image: score, outcome, readings.")] = False,
    attempts: Annotated[bool, typer.Option("--attempts", help="Every attempt, aborted and failed ones too.")] = False,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one batch and whether its signatures stand. JSON has every image and attempt in any case."""
    from nesqc_gmp.cli import batches_show, show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        view = batches.show(session, batch)
    if as_json:
        show.print_json(batches_show.as_json(view))
    else:
        batches_show.print_batch(view, images=images, attempts=attempts)


@app.command("list")
def list_batches(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List all batches with their stage."""
    from nesqc_gmp.cli import batches_show, show
    from nesqc_gmp.procedures import batches

    with logged_in(site) as session:
        found = batches.batches(session)
    if as_json:
        show.print_json([batches_show.summary(batch) for batch in found])
        return
    rows = [
        (b.registered.batch, b.stage, b.registered.specification_id, len(b.images), len(b.attempts),
         b.registered.expires_on)
        for b in found
    ]  # fmt: skip
    heads = ("Batch", "Stage", "Specification", "#Images", "#Attempts", "Expires")
    show.print_table(heads, rows, "There is no batch.")
