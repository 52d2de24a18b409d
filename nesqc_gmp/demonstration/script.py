"""The script of the demonstration: found a site, enrol people, approve a model and a product, release one batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path

from nesqc_gmp.config import SitePaths
from nesqc_gmp.demonstration.images import simulate_batch
from nesqc_gmp.demonstration.people import (
    ADMINISTRATOR,
    ENGINEER,
    OPERATOR,
    PLAYERS,
    QA,
    REVIEWER,
    Player,
    Turns,
    signs,
)
from nesqc_gmp.errors import InvalidInputError, NotFoundError
from nesqc_gmp.procedures import audit, batches, certificates, models, people, products
from nesqc_gmp.procedures import site as site_procedures
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.procedures.session import Session
from nesqc_gmp.procedures.site import Founder, SiteFacts
from nesqc_gmp.records.models import ModelManifest
from nesqc_gmp.records.products import Specification
from nesqc_gmp.state import release
from nesqc_gmp.state.batches import Batch

BATCH = "NES-DEMO-0001"
_IDENTITY = "demonstration: no document was seen"
_TRAINING = "demonstration training record"

Say = Callable[[str, str], None]
"""Called with the person's name (or an empty text) and one sentence."""

Tick = Callable[[str, int, int], None]
"""Called on long work with its name, steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the demonstration left.

    Attributes:
        site: The site folder.
        batch: The batch.
        decision: What QA decided.
        certificate: The certificate's PDF.
        evidence: The folder with records and proofs.
        players: The people with their demonstration passphrases.
    """

    site: Path
    batch: str
    decision: str
    certificate: Path
    evidence: Path
    players: tuple[Player, ...]


def find_model() -> Path:
    """The shipped demonstration package.

    Raises:
        NotFoundError: It is not there.
    """
    for base in (Path(__file__).resolve().parents[2], Path.cwd()):
        found = sorted((base / "models").glob("nes-morphology-sim-*/manifest.json"))
        if found:
            return found[-1].parent
    raise NotFoundError(
        "the shipped demonstration model is not there",
        where="models/",
        remedy="Run the demonstration from a clone of the project.",
    )


def play(out: Path, images: Path | None, say: Say, tick: Tick) -> Demonstration:
    """Play one batch from images to certificate.

    Args:
        out: A new folder for the site and the images.
        images: The person's own images (a folder or a sample sheet), or ``None`` for simulated ones.
        say: Tells each step.
        tick: Tells progress.

    Raises:
        InvalidInputError: The folder holds something already, or there is no image.
    """
    package = find_model()
    paths = _found(out, say)
    with Site(paths) as site:
        turns = Turns(site, out / "sessions")
        _enrol(turns, site, say)
        specification = _approve(turns, package, out, say, own_images=images is not None)
        source = images or _simulate(out, say, tick)
        _work(turns, specification, source, say, tick)
        _review(turns, say)
        return _decide(turns, paths, say)


def _found(out: Path, say: Say) -> SitePaths:
    if out.exists() and any(out.iterdir()):
        raise InvalidInputError("the folder is not empty", where=str(out), remedy="Name a new folder with --out.")
    facts = SiteFacts(
        name="Demonstration Cell Therapy Centre",
        address="Examplegatan 1, 413 46 Göteborg, Sweden",
        authorisation="none: demonstration site",
        zone="Europe/Stockholm",
        purpose="demonstration",
    )
    founders = tuple(Founder(p.person, p.name, _IDENTITY, p.passphrase) for p in (ADMINISTRATOR, QA))
    say("", "A demonstration site is founded by two people, none of whom can act alone.")
    return site_procedures.init(out / "site", facts, (founders[0], founders[1]))


def _enrol(turns: Turns, site: Site, say: Say) -> None:
    for player in (OPERATOR, REVIEWER, ENGINEER):
        administrator = turns.of(ADMINISTRATOR)
        first = people.enrol(administrator, player.person, player.name, _IDENTITY)
        quality = turns.of(QA)
        second = people.grant(
            quality, player.person, player.role, _TRAINING, None, "Role in the demonstration", signs(QA)
        )
        people.set_passphrase(site, player.person, first, second or "", player.passphrase)
        say(ADMINISTRATOR.name, f"enrols {player.name}; QA grants the role {player.role}, signed.")


def _approve(turns: Turns, package: Path, out: Path, say: Say, *, own_images: bool) -> str:
    reviewer = turns.of(REVIEWER)
    model = models.install(reviewer, package)
    say(REVIEWER.name, f"installs the locked model {model.label}; its golden outputs are identical byte for byte.")
    example = out / "specification.toml"
    example.write_text(example_text(model.model_sha256, model.manifest), encoding="utf-8")
    specification = products.read_specification(example)
    if own_images:
        specification = for_own_images(specification)
    name = products.draft(reviewer, specification)
    quality = turns.of(QA)
    models.approve(quality, model.model_sha256, "Approved for the demonstration", signs(QA))
    models.activate(quality, model.model_sha256, "Activated for the demonstration", signs(QA))
    products.approve(quality, name, "Approved for the demonstration", signs(QA))
    say(QA.name, f"approves the model and the specification {name}, each signed.")
    return name


def example_text(model_sha256: str, manifest: ModelManifest) -> str:
    """The demonstration specification as TOML, for one model package; the input space is that of its manifest."""
    text = (resources.files("nesqc_gmp.demonstration") / "specification.toml").read_text("utf-8")
    for placeholder, value in (
        ("MODEL-NAME", manifest.name),
        ("MODEL-VERSION", manifest.model_version),
        ("0" * 64, model_sha256),
    ):
        text = text.replace(placeholder, value)
    # JSON texts, numbers and lists of them are written the same way in TOML.
    space = manifest.input_space.model_dump(mode="json")
    return text + "".join(f"{name} = {json.dumps(value)}\n" for name, value in space.items())


def for_own_images(specification: Specification) -> Specification:
    """The same specification with the smallest sampling plan, so that a few own images can be tried."""
    sampling = specification.sampling.model_copy(
        update={"cultures_min": 1, "fields_min": 1, "description": "the images that were given"}
    )
    tests = tuple(
        test.model_copy(update={"valid_images_min": 1}) if test == specification.morphology else test
        for test in specification.tests
    )
    return specification.model_copy(update={"sampling": sampling, "tests": tests})


def _simulate(out: Path, say: Say, tick: Tick) -> Path:
    sheet = simulate_batch(out / "images", lambda done, total: tick("simulating images", done, total))
    say("", "Images of three simulated cultures are written; each says in picture, name and metadata what it is.")
    return sheet


def _work(turns: Turns, specification: str, source: Path, say: Say, tick: Tick) -> None:
    operator = turns.of(OPERATOR)
    today = operator.site.today()
    batches.register(
        operator, BATCH, specification, "LINE-SIM-01", today.isoformat(), (today + timedelta(days=365)).isoformat()
    )
    files = batches.incoming([source], "C01", 0) if source.is_dir() else batches.incoming([source], None, None)
    counter = iter(range(1, len(files) + 1))
    received = batches.receive(operator, BATCH, files, lambda _: tick("receiving images", next(counter), len(files)))
    kept = [item for item in received if item.image]
    say(OPERATOR.name, f"registers batch {BATCH} and receives {len(kept)} of {len(received)} files.")
    if not kept:
        raise InvalidInputError(
            f"none of the {len(received)} files is an acceptable image; first reason: {received[0].note}",
            where=str(source),
            remedy="Each refusal is in the log of the demonstration site.",
        )
    for item in kept:
        if item.note and item.image:
            batches.explain(operator, BATCH, item.image, "Demonstration: likeness accepted without investigation")
    batches.seal(operator, BATCH)
    say(OPERATOR.name, "seals the image set: from here on no image can be added or left out.")
    done = batches.analyse(operator, BATCH, None, lambda p: tick("analysing images", p.done, p.total))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in done.outcomes.items())
    say(OPERATOR.name, f"analyses it with the locked model: {counts}.")
    _other_tests(turns, operator, say)
    _read_undecided(turns, operator, say)
    batches.submit(turns.of(OPERATOR), BATCH, signs(OPERATOR))
    say(OPERATOR.name, "signs the work as performed.")


def _other_tests(turns: Turns, operator: Session, say: Say) -> None:
    today = operator.site.today().isoformat()
    folder = operator.site.paths.folder.parent
    for test, value in (("viability", "93.4"), ("mycoplasma", "not detected")):
        evidence = folder / f"{test}-demonstration.txt"
        evidence.write_text(f"Demonstration evidence, not a measurement.\n{test}: {value}\n")
        batches.record_result(operator, BATCH, test, value, today, evidence, None, signs(OPERATOR))
    reviewer = turns.of(REVIEWER)
    for test in ("viability", "mycoplasma"):
        batches.verify_result(reviewer, BATCH, test, signs(REVIEWER))
    say(REVIEWER.name, "verifies the two results of tests done elsewhere, as a second person.")


def _read_undecided(turns: Turns, operator: Session, say: Say) -> None:
    """Undecided images stay undecided in the demonstration: nobody looks at them in earnest."""
    operator = turns.of(OPERATOR)
    state = batches.show(operator, BATCH).batch
    undecided = [name for name in state.images if release.model_outcome(state, name) == "undecided"]
    for name in undecided:
        batches.read(operator, BATCH, name, "undecided", None, blinded=False)
    if undecided:
        say(OPERATOR.name, f"reads {len(undecided)} undecided images and leaves them undecided.")


def _review(turns: Turns, say: Say) -> None:
    batches.review(turns.of(REVIEWER), BATCH, (), "Data, attempts and exceptions reviewed", signs(REVIEWER))
    say(REVIEWER.name, "reviews the batch and signs.")
    quality = turns.of(QA)
    sheet = audit.sheet(quality, BATCH)
    assessed = {exception.index: "Seen in the demonstration" for exception in sheet.exceptions}
    audit.review(quality, BATCH, assessed, "Audit trail complete and without contradiction", True, signs(QA))
    say(QA.name, f"reviews the audit trail: {sheet.entries} entries, {len(sheet.exceptions)} exceptions, and signs.")


def _decide(turns: Turns, paths: SitePaths, say: Say) -> Demonstration:
    quality = turns.of(QA)
    view = batches.show(quality, BATCH)
    if view.outcome == "conforming":
        batches.release(quality, BATCH, "Demonstration release, not for GMP use", signs(QA))
    elif view.outcome == "not conforming":
        batches.reject(quality, BATCH, "Demonstration rejection", "At least one test does not conform", signs(QA))
    else:
        batches.hold(quality, BATCH, "Demonstration hold", "At least one test is undecided", signs(QA))
    decided: Batch = batches.show(quality, BATCH).batch
    say(QA.name, f"signs the decision: {decided.stage}.")
    issued = certificates.issue(quality, BATCH, signs(QA))
    say(QA.name, f"issues and signs certificate {issued.number}.")
    people.logout(quality, paths.folder.parent / "sessions")
    return Demonstration(paths.folder, BATCH, decided.stage, issued.pdf, issued.evidence, PLAYERS)
