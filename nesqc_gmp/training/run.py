"""A plan to a locked package and its report: load, divide, fit, calibrate, export, measure, lock.

Nothing is written to the output folder before everything is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import InvalidInputError, NesqcError
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import CARD, MODEL, TRAINING
from nesqc_gmp.modelpack.lock import lock
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.training import scoring
from nesqc_gmp.training.card import card, training_facts
from nesqc_gmp.training.checkpoint import Work
from nesqc_gmp.training.data import Loaded, load
from nesqc_gmp.training.description import RUNTIME, Calibration, describe
from nesqc_gmp.training.export import GRAPH, export
from nesqc_gmp.training.fit import Epoch, Fitted, Measured, counts, evaluate, fit
from nesqc_gmp.training.golden import golden_images, write_golden
from nesqc_gmp.training.judge import Judged, judged, statistics_of
from nesqc_gmp.training.measure import Gaussian, fit_gaussian, temperature
from nesqc_gmp.training.network import Network
from nesqc_gmp.training.plan import Places, Plan
from nesqc_gmp.training.results import Results, measure

EXPORT_TOLERANCE = 2e-4
"""Largest relative difference of an output of the graph from that of torch, on the golden images: both add 32-bit
numbers, in another order."""


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
        results: What was measured.
        exported: Largest relative difference of the graph from torch on the golden images.
    """

    model: LockedModel
    folder: Path
    results: Results
    exported: float


def train(places: Places, out: Path, work: Path, show: Show) -> Trained:
    """Make a locked package from a plan.

    Args:
        places: The plan and where its images lie.
        out: Folder that receives the package as ``NAME-VERSION``, and its report.
        work: Folder of the checkpoints; a run that was stopped goes on from there.
        show: Where progress goes.

    Raises:
        InvalidInputError: The package exists, or the plan, the manifest or the images are wrong.
        NesqcError: Training cannot go on; see ``fit``.
    """
    plan = places.plan
    folder = out / f"{plan.model.name}-{plan.model.version}"
    if folder.exists():
        raise InvalidInputError(
            "the package exists", where=str(folder), remedy="A locked package is never overwritten: take a new version."
        )
    show.step("reading the images")
    loaded = load(places, show.part)
    kept = Work(work, {"plan": plan.digest, "manifest": loaded.manifest_sha256})
    fitted, found = _fitted(loaded, plan, kept, show)
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f".{folder.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        trained = _packed(partial, folder, loaded, plan, fitted, found, show)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return trained


@dataclass(frozen=True, slots=True)
class _Found:
    """The final network's view of its own training images, and images that a network had not seen."""

    known: Measured
    development: scoring.Unseen


def _fitted(loaded: Loaded, plan: Plan, work: Work, show: Show) -> tuple[Fitted, _Found]:
    """The final network, and the scores that calibrate it."""
    division = loaded.division
    folds = None
    if division.folds:
        show.step(f"cross-validation: {len(division.folds)} families")
        folds = scoring.out_of_fold(division, plan, work, show.epoch)
    show.step(f"training on {len(division.training)} images")
    fitted = fit(division.training, plan, "final", work, show.epoch)
    show.step("measuring")
    known = evaluate(fitted.network, division.training)
    if folds is None:
        seen = evaluate(fitted.network, division.calibration)
        folds = scoring.unseen(known, division.training, seen, division.calibration, plan)
    return fitted, _Found(known, folds)


def _packed(
    partial: Path, folder: Path, loaded: Loaded, plan: Plan, fitted: Fitted, found: _Found, show: Show
) -> Trained:
    """Export, calibrate, measure and lock in a hidden folder, then name it."""
    development = found.development
    degree = temperature(development.logit, development.conforming)
    features = fit_gaussian(found.known.features, plan.calibration.feature_shrinkage)
    model = export(fitted.network, degree, features)
    session = Session(model, GRAPH, RUNTIME)
    golden = golden_images(plan.golden)
    gap = _difference(session, fitted.network, degree, features, [gray_samples(image) for image in golden.values()])
    statistics = fit_gaussian(
        statistics_of([image.samples for image in loaded.division.training]), plan.calibration.statistics_shrinkage
    )
    scores = 1 / (1 + np.exp(-development.logit / degree))
    columns = Judged(scores, development.distance, development.statistics)
    calibration = Calibration(degree, statistics, columns, development.conforming, development.images)
    partial.mkdir()
    (partial / MODEL).write_bytes(model)
    description = describe(plan, calibration, write_golden(partial, golden, session))
    show.step("testing")
    test = loaded.division.test
    tested = judged(session, [image.samples for image in test], statistics) if test else None
    results = measure(
        plan,
        (found.known, loaded.division.training),
        (development, columns),
        None if tested is None else (test, tested),
        description,
    )
    (partial / TRAINING).write_bytes(canonical_json(training_facts(plan, loaded, description, results)))
    (partial / CARD).write_text(card(plan, loaded, description, results), encoding="utf-8")
    locked = lock(partial, description)
    Engine(locked)
    partial.rename(folder)
    return Trained(locked, folder, results, gap)


def _difference(
    session: Session, network: Network, degree: float, features: Gaussian, images: list[np.ndarray]
) -> float:
    """Largest relative difference of the graph from torch.

    Raises:
        NesqcError: It is larger than ``EXPORT_TOLERANCE``.
    """
    largest = 0.0
    for image in images:
        outputs = session.run(image)
        with torch.no_grad():
            found = network(counts(image, network.settings.input_pool))
        expected = {
            "logit": found.logit.numpy() / degree,
            "map": found.map.numpy() / degree,
            "embedding": found.embedding.numpy(),
            "distance": features.distance(found.features.double().numpy()),
        }
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
