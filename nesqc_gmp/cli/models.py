"""``nesqc models``: locked model packages, from lock to retirement."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nesqc_gmp.cli.models_expert import ModelArgument, explain, features, intend
from nesqc_gmp.cli.models_test import plan, run_test
from nesqc_gmp.cli.models_train import train
from nesqc_gmp.cli.options import JsonOption, ReasonOption, SiteOption
from nesqc_gmp.cli.run import logged_in, noun

if TYPE_CHECKING:
    from nesqc_gmp.state.models import FeatureReview, ModelState, SignedUse

app = noun(
    """Locked models. A package is one folder whose manifest names every byte by digest: one changed byte is another
    model. Only a package that is installed, approved and active can score, and only where a specification names it.

    The order: `lock` (data scientist), `install` (data scientist or reviewer), `intend` (subject matter expert,
    signed), `plan` (QA, signed), `test` (operator or test data custodian), `features` (subject matter expert, signed),
    `approve` and `activate` (QA, signed; nobody approves what they installed), `retire`. `verify` repeats every hash
    and the golden run at any time, `explain` shows the heat map of an image.

    \b
    Example:
      nesqc models install models/nes-morphology-sim-1.1.0
      nesqc models approve nes-morphology-sim:1.1.0 --reason "Report VR-07"
      nesqc models activate nes-morphology-sim:1.1.0 --reason "For NES-01.v1"
    """
)
app.command()(train)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the package.", show_default=False)]


@app.command()
def lock(
    folder: FolderArgument,
    description: Annotated[
        Path, typer.Option("--description", metavar="FILE.json", help="What is said of the model; see sops/.")
    ],
    site: SiteOption = None,
) -> None:
    """Lock a folder of model, card and golden images. Writes its manifest and repeats its golden run."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        model = models.lock(session, folder, description)
    show.say(f"{folder} is locked as {model.digest}.")


@app.command()
def sign(
    folder: FolderArgument,
    key: Annotated[
        Path, typer.Option("--key", metavar="KEY.pem", help="ECDSA P-256 private key without a passphrase.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.sig", help="The signature; must not exist.")],
) -> None:
    """Sign a package for transport, as OpenSSF model signing does. Needs no login.

    The signature shows that the package is the one its maker sent. It approves nothing. Keep the file beside the
    folder, not in it; `model_signing verify key` of OpenSSF checks it as well.
    """
    from nesqc_gmp.cli import show
    from nesqc_gmp.errors import InvalidInputError
    from nesqc_gmp.modelpack.package import open_package
    from nesqc_gmp.modelpack.signature import sign_files
    from nesqc_gmp.procedures.files import read_given_file, require_new

    require_new(out)
    files = open_package(folder).files()
    data = sign_files(folder.resolve().name, files, read_given_file(key))
    try:
        with out.open("xb") as stream:
            stream.write(data)
    except OSError as error:
        raise InvalidInputError(
            f"the signature cannot be written: {error.strerror}", where=str(out), remedy="Name one that you may write."
        ) from error
    show.say(f"{folder} is signed in {out}.")


@app.command("check")
def check_signature(
    folder: FolderArgument,
    signature: Annotated[Path, typer.Argument(metavar="FILE.sig", help="The signature.", show_default=False)],
    public_key: Annotated[
        Path, typer.Option("--public-key", metavar="KEY.pem", help="Public key of the maker, from the maker in person.")
    ],
) -> None:
    """Check that a package is the one its maker signed. Needs no login."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.modelpack.package import open_package
    from nesqc_gmp.modelpack.signature import verify_signature
    from nesqc_gmp.procedures.files import read_given_file

    verify_signature(open_package(folder).files(), read_given_file(signature), read_given_file(public_key))
    show.say(f"{folder} is what was signed with this key.")


@app.command()
def install(folder: FolderArgument, site: SiteOption = None) -> None:
    """Bring a locked package to the site. It cannot score before it is approved and active."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        model = models.install(session, folder)
    show.say(f"{model.label} is installed with digest {model.model_sha256}.")


app.command()(intend)
app.command()(plan)
app.command("test")(run_test)
app.command()(features)
app.command()(explain)


@app.command()
def verify(name: ModelArgument, site: SiteOption = None) -> None:
    """Check every byte and repeat the golden run. A failure opens an incident."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        model = models.verify(session, name)
    show.say(f"{model.label} is byte for byte what was installed, and its golden run gives what was locked.")


@app.command()
def approve(name: ModelArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Approve an installed package, signed. Nobody approves what they installed."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        models.approve(session, name, reason, terminal.ceremony)
    show.say(f"{name} is approved.")


@app.command()
def activate(name: ModelArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Put an approved package into use, signed."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        models.activate(session, name, reason, terminal.ceremony)
    show.say(f"{name} is active.")


@app.command()
def retire(name: ModelArgument, reason: ReasonOption, site: SiteOption = None) -> None:
    """Take an active package out of use, signed."""
    from nesqc_gmp.cli import show, terminal
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        models.retire(session, name, reason, terminal.ceremony)
    show.say(f"{name} is retired.")


@app.command()
def card(name: ModelArgument, site: SiteOption = None) -> None:
    """Print the card of a package, after checking every byte."""
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        text = models.card(session, name)
    typer.echo(text, nl=False)


@app.command("list")
def list_models(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List all packages with their standing."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.procedures import models

    with logged_in(site) as session:
        found = models.models(session)
    if as_json:
        show.print_json([_summary(model) for model in found.values()])
        return
    rows = [
        (m.manifest.name, m.manifest.model_version, m.standing, "yes" if m.manifest.demonstration else "no", digest)
        for digest, m in found.items()
    ]
    show.print_table(("Model", "Version", "Standing", "Demonstration", "Digest"), rows, "There is no model.")


def _summary(model: ModelState) -> dict[str, Any]:
    return {
        "model_sha256": model.model_sha256,
        "name": model.manifest.name,
        "model_version": model.manifest.model_version,
        "standing": model.standing,
        "installed_by": model.installed_by,
        "demonstration": model.manifest.demonstration,
    }


@app.command("show")
def show_model(name: ModelArgument, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show one package: use, limits, input space, tests, parts."""
    from nesqc_gmp.cli import show
    from nesqc_gmp.cli.models_test import print_tests, tests_json
    from nesqc_gmp.procedures import model_tests

    with logged_in(site) as session:
        model, package = model_tests.tests(session, name)
    if as_json:
        uses = [_signed_use(signed) for signed in model.intended_uses]
        reviews = [_feature_review(review) for review in model.feature_reviews]
        manifest_json = model.manifest.model_dump(mode="json")
        signed = {"intended_uses": uses, "feature_reviews": reviews}
        show.print_json({**_summary(model), "manifest": manifest_json, **signed, **tests_json(package)})
        return
    manifest = model.manifest
    show.print_facts(
        [
            ("model", f"{model.label}, {model.standing}, installed by {model.installed_by}"),
            ("digest", model.model_sha256),
            ("demonstration", "yes: not for GMP use" if manifest.demonstration else "no"),
            ("intended use", manifest.intended_use),
            ("training data", manifest.training_data),
            ("thresholds", f"conforming from {manifest.conforming_from}; not conforming below "
             f"{manifest.not_conforming_below}; between the two undecided"),
            ("heterogeneity", "of appearance and of scores" if manifest.tile_embedding_scale else
             "of scores only; appearance is not measured, and a specification cannot limit it"),
            ("runtime", f"onnxruntime {manifest.runtime.onnxruntime}, {manifest.runtime.provider}, "
             f"{manifest.runtime.threads} thread, {manifest.runtime.graph_optimisation.lower()} optimisation"),
            ("golden images", ", ".join(manifest.golden)),
        ]
    )  # fmt: skip
    show.print_title("Input sample space of the package")
    show.print_facts(list(manifest.input_space.lines()))
    show.print_title("Input check by the model")
    show.print_facts(list(manifest.check_lines()))
    _print_intended_uses(model.intended_uses)
    print_tests(package)
    _print_feature_reviews(model.feature_reviews)
    show.print_title("Parts")
    parts = [(part.path, part.byte_length, part.sha256[:16]) for part in manifest.parts]
    show.print_table(("Part", "#Bytes", "SHA-256, first digits"), parts, "none")


def _signed_use(signed: SignedUse) -> dict[str, Any]:
    return {
        "entry": signed.index,
        "person": signed.person,
        "name": signed.name,
        "signed_at": signed.signed_at,
        "reason": signed.reason,
        "intended_use": signed.intended_use.model_dump(mode="json"),
    }


def _print_intended_uses(signed: tuple[SignedUse, ...]) -> None:
    """The one in force in full; of each earlier one where it stands in the log."""
    from nesqc_gmp.cli import show

    show.print_title("Intended use")
    if not signed:
        show.say("No expert has signed an intended use; what the manifest says of it is the maker's.")
        return
    last = signed[-1]
    show.say(f"Signed by {last.name}, {last.signed_at[:19]}, entry {last.index}")
    show.print_facts([(label.casefold(), text) for label, text in last.intended_use.lines()])
    for earlier, later in itertools.pairwise(signed):
        show.say(
            f"Superseded: entry {earlier.index}, signed by {earlier.name}, {earlier.signed_at[:19]}; "
            f"by entry {later.index}: {later.reason}"
        )


def _feature_review(review: FeatureReview) -> dict[str, Any]:
    return {
        "entry": review.index,
        "person": review.person,
        "name": review.name,
        "signed_at": review.signed_at,
        "reason": review.reason,
        "review": review.reviewed.model_dump(mode="json", exclude={"kind", "model_sha256", "signature"}),
    }


def _print_feature_reviews(reviews: tuple[FeatureReview, ...]) -> None:
    """Every review; a later one does not hide an earlier one."""
    from nesqc_gmp.cli import show

    if not reviews:
        return
    show.print_title("Reviews of features")
    rows = [
        (
            review.index,
            f"{review.name}, {review.signed_at[:19]}",
            review.reviewed.test,
            ", ".join(f"{count.place} {count.images}" for count in review.reviewed.counts if count.images),
            "yes" if review.reviewed.sensible else "no",
            review.reviewed.comment,
            review.reason or "",
        )
        for review in reviews
    ]
    show.print_table(
        ("#Entry", "Signed by", "#Test", "Weight seen", "Makes sense", "Comment", "Reason of a repeat"), rows, "none"
    )
