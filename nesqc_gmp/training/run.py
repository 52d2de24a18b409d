"""A plan to a locked package and its report: load, divide, fit, calibrate, export, measure, lock.

Nothing is written to the output folder before everything is there.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import InvalidInputError, NesqcError, NotFoundError
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import CARD, MODEL, TRAINING
from nesqc_gmp.modelpack.lock import lock
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.reports.html import render_html
from nesqc_gmp.reports.pdf import render_pdf
from nesqc_gmp.training import scoring
from nesqc_gmp.training.card import card, training_facts
from nesqc_gmp.training.checkpoint import Work, refused_where_full, write_whole
from nesqc_gmp.training.comparison import compare
from nesqc_gmp.training.data import Loaded, load
from nesqc_gmp.training.description import RUNTIME, Calibration, describe
from nesqc_gmp.training.device import device_used
from nesqc_gmp.training.disturbance import disturbed
from nesqc_gmp.training.export import export, graph_of
from nesqc_gmp.training.findings import Findings
from nesqc_gmp.training.fit import Epoch, Measured, counts, evaluate, fit, require_enough
from nesqc_gmp.training.golden import golden_images, write_golden
from nesqc_gmp.training.heat_map_checks import check_heat_maps
from nesqc_gmp.training.heterogeneity import embedding_scale, measured_spreads
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.judge import Judged, judged
from nesqc_gmp.training.limit_checks import Exported, LimitCheck, limit_checks
from nesqc_gmp.training.measure import temperature
from nesqc_gmp.training.network import Network
from nesqc_gmp.training.outside import require_images
from nesqc_gmp.training.plan import Plan
from nesqc_gmp.training.plan_file import Places
from nesqc_gmp.training.report import PICTURES_OF_A_CLASS, Material, report
from nesqc_gmp.training.results import Results, measure

EXPORT_TOLERANCE = 1e-3
"""Largest relative difference of an output of the graph from that of torch, on the golden images: both add 32-bit
numbers in another order, and the distance multiplies by a whitening matrix."""


@dataclass(frozen=True, slots=True)
class Show:
    """Where progress goes.

    Attributes:
        step: Takes what is done now.
        part: Takes what is read or compared, how much is done, and how much there is.
        epoch: Takes each epoch.
    """

    step: Callable[[str], None]
    part: Callable[[str, int, int], None]
    epoch: Callable[[Epoch], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run.

    Attributes:
        model: The locked package.
        folder: Its folder.
        reports: The files of its report.
        results: What was measured.
        checks: Every limit of the plan with what was reached, failed ones first.
        exported: Largest relative difference of the graph from torch on the golden images.
    """

    model: LockedModel
    folder: Path
    reports: tuple[Path, ...]
    results: Results
    checks: tuple[LimitCheck, ...]
    exported: float


def train(places: Places, out: Path, work: Path, show: Show) -> Trained:
    """Make a locked package from a plan.

    Args:
        places: The plan and where its images lie.
        out: Folder that receives the package as ``NAME-VERSION``, and its report beside it.
        work: Folder of the checkpoints; a run that was stopped goes on from there.
        show: Where progress goes.

    Raises:
        NotFoundError: There is no folder of images.
        InvalidInputError: The package exists, or the plan, the manifest or the images are wrong.
        NesqcError: Training cannot go on (see ``fit``), or the disk is full.
    """
    folder = out / f"{places.plan.model.name}-{places.plan.model.version}"
    if folder.exists():
        raise InvalidInputError(
            "the package exists", where=str(folder), remedy="A locked package is never overwritten: take a new version."
        )
    for place in (out, work):
        if place.exists() and not place.is_dir():
            raise InvalidInputError("not a folder", where=str(place), remedy="Name a folder, or one that is not there.")
    if not places.images.is_dir():
        raise NotFoundError(
            "there is no folder of images", where=str(places.images), remedy="Correct data.images, or give --images."
        )
    require_images(places.outside)
    show.step("reading the images")
    loaded = load(places, show.part)
    for images in (loaded.division.training, *(fold.training for fold in loaded.division.folds)):
        require_enough(images, places.plan)
    with refused_where_full(work):
        division = loaded.division.sha256
        kept = Work(work, {"plan": places.plan.fit_digest, "manifest": loaded.manifest_sha256, "division": division})
    fits = _fitted(loaded, places.plan, kept, show)
    with refused_where_full(out):
        out.mkdir(parents=True, exist_ok=True)
        # A folder of its own, so that two runs with one output folder never write into each other's.
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=out))
        try:
            return _packed(partial, folder, places, loaded, fits, show)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Fits:
    """What the fits gave.

    Attributes:
        network: The network to export.
        known: Its view of its own training images.
        check: Its input check.
        development: Images that a network had not seen.
        altered: Some of them altered, by the kind; empty without cross-validation.
        epochs: Every epoch of every fit.
        device: On what they ran, in words.
    """

    network: Network
    known: Measured
    check: scoring.Check
    development: scoring.Unseen
    altered: dict[str, scoring.Unseen]
    epochs: tuple[Epoch, ...]
    device: str


def _fitted(loaded: Loaded, plan: Plan, work: Work, show: Show) -> _Fits:
    """The final network, and the scores that calibrate it."""
    division, epochs = loaded.division, list[Epoch]()
    device = device_used(plan.training, resumed=work.begun)

    def keep(epoch: Epoch) -> None:
        epochs.append(epoch)
        show.epoch(epoch)

    folds = None
    if division.folds:
        show.step(f"cross-validation: {len(division.folds)} families")
        folds = scoring.out_of_fold(division, plan, work, keep)
    show.step(f"training on {len(division.training)} images")
    network = fit(division.training, plan, "final", work, keep)
    known = evaluate(network, division.training, plan)
    check = scoring.fit_check(network, known, division.training, plan)
    if folds is None:
        unseen = scoring.unseen(evaluate(network, division.calibration, plan), division.calibration, check)
        return _Fits(network, known, check, unseen, {}, tuple(epochs), device)
    return _Fits(network, known, check, folds.images, folds.altered, tuple(epochs), device)


def _packed(partial: Path, folder: Path, places: Places, loaded: Loaded, fits: _Fits, show: Show) -> Trained:
    """Export, calibrate, measure and lock in a hidden folder; only then the package gets its name."""
    plan, division, unseen = places.plan, loaded.division, fits.development
    degree = temperature(unseen.logit, unseen.conforming)
    statistics, alterations = fits.check.statistics, fits.check.alterations
    model = export(fits.network, degree, fits.check.features, alterations)
    session = Session(model, graph_of(alterations=alterations is not None), RUNTIME)
    golden = golden_images(plan.golden)
    exported = _difference(session, fits.network, degree, fits.check, [gray_samples(each) for each in golden.values()])
    show.step("measuring")
    columns = Judged(1 / (1 + np.exp(-unseen.logit / degree)), unseen.distance, unseen.statistics, unseen.alteration)
    scale = embedding_scale(session, unseen.images)
    calibration = Calibration(degree, statistics, columns, unseen.conforming, unseen.images, scale)
    package = partial / "package"
    package.mkdir()
    (package / MODEL).write_bytes(model)
    description = describe(plan, calibration, write_golden(package, golden, session))
    test = division.test
    tested = (test, judged(session, [image.samples for image in test], statistics)) if test else None
    results = measure(plan, (fits.known, division.training), (unseen, columns), tested, description)
    measured = test or unseen.images
    spreads = measured_spreads(session, measured, results.scores, scale)
    show.step("comparing input checks")
    outside = compare(places, session, fits.check, scoring.OutOfFold(unseen, fits.altered), test, description)
    show.step("disturbing images")
    robustness = disturbed(plan.robustness, session, statistics, measured, description)
    show.step("checking heat maps")
    found = Findings(results, outside, robustness, check_heat_maps(plan, session, measured), spreads)
    checks = limit_checks(plan, found, (unseen, columns), description, Exported(exported, EXPORT_TOLERANCE))
    (package / TRAINING).write_bytes(canonical_json(training_facts(plan, loaded, description, found)))
    (package / CARD).write_text(card(plan, loaded, description, found, checks), encoding="utf-8")
    locked = lock(package, description)
    Engine(locked)
    show.step("writing the report")
    material = Material(
        plan, loaded, found, checks, fits.epochs, _pictured(measured), description, locked.digest, exported, fits.device
    )
    document = report(material, session)
    written = {
        f"{folder.name}.report.pdf": render_pdf(document),
        f"{folder.name}.report.html": render_html(document).encode(),
    }
    for name, data in written.items():
        write_whole(partial / name, data)
    _named(package, folder)
    for name in written:
        (partial / name).replace(folder.with_name(name))
    return Trained(locked, folder, tuple(map(folder.with_name, written)), results, checks, exported)


def _named(package: Path, folder: Path) -> None:
    """Give the package its name, unless another run has taken it meanwhile.

    Raises:
        InvalidInputError: The name is taken.
    """
    try:
        package.rename(folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        raise InvalidInputError(
            "the package exists: another run wrote it meanwhile",
            where=str(folder),
            remedy="Compare the two; a locked package is never overwritten.",
        ) from error


def _pictured(images: Sequence[LabelledImage]) -> tuple[LabelledImage, ...]:
    """Images of each class, evenly chosen and never by how they look."""
    chosen: list[LabelledImage] = []
    for conforming in (False, True):
        members = [image for image in images if image.conforming == conforming]
        chosen += members[:: max(1, -(-len(members) // PICTURES_OF_A_CLASS))]
    return tuple(chosen)


def _difference(
    session: Session, network: Network, degree: float, check: scoring.Check, images: list[np.ndarray]
) -> float:
    """Largest relative difference of the graph from torch.

    Raises:
        NesqcError: It is larger than ``EXPORT_TOLERANCE``.
    """
    largest = 0.0
    for image in images:
        outputs = session.run(image)
        with torch.no_grad():
            found = network.viewed(counts(image, network.settings.input_pool))
        features = found.features.double().numpy()
        expected = {
            "logit": found.logit.numpy() / degree,
            "map": found.map.numpy() / degree,
            "embedding": found.embedding.numpy(),
            "distance": check.features.distance(features),
        }
        if check.alterations is not None:
            expected["alteration"] = check.alterations.ratio(check.features.whitened(features))
        for name, value in expected.items():
            scale = max(1.0, float(np.abs(value).max()))
            largest = max(largest, float(np.abs(outputs[name] - value).max()) / scale)
    if not largest <= EXPORT_TOLERANCE:
        raise NesqcError(
            f"the exported graph differs from the network by {largest:.2g}",
            where=MODEL,
            remedy="Report this plan: the export is wrong.",
        )
    return largest
