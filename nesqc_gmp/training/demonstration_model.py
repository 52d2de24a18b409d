"""Make the demonstration model from nothing: simulate, fit, calibrate, export, measure, lock.

``OPENBLAS_NUM_THREADS=1 python -m nesqc_gmp.training.demonstration_model --out models/nes-morphology-sim-1.0.0`` makes
the shipped package; production needs the package, never this program. Two processor cores take a few minutes. One
thread for OpenBLAS, because the last bits of its matrix inverse depend on their number.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import CARD, MODEL, TRAINING
from nesqc_gmp.modelpack.lock import lock
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.training.card import card, training_facts
from nesqc_gmp.training.cultures import SPLITS, Pictures, simulate_split
from nesqc_gmp.training.description import RUNTIME, Calibration, describe
from nesqc_gmp.training.export import GRAPH, export
from nesqc_gmp.training.fit import Recipe, evaluate, fit
from nesqc_gmp.training.golden import write_golden
from nesqc_gmp.training.judge import judged, statistics_of
from nesqc_gmp.training.measure import fit_gaussian, temperature
from nesqc_gmp.training.report import measure

FEATURE_SHRINKAGE = 0.05
STATISTICS_SHRINKAGE = 0.02


def make(out: Path, workers: int, say: Callable[[str], None]) -> LockedModel:
    """Make and lock the demonstration model.

    Args:
        out: The package folder; must not exist.
        workers: Processes that simulate; the result does not depend on it.
        say: Takes lines of progress.

    Raises:
        InvalidInputError: The folder exists.
    """
    if out.exists():
        raise InvalidInputError("the folder exists", where=str(out), remedy="A locked package is never overwritten.")
    splits = {}
    for split in SPLITS:
        say(f"simulating {split.name}: {len(split.cultures)} cultures")
        splits[split.name] = simulate_split(split, workers)
    return make_from(splits, out, Recipe(), say)


def make_from(splits: dict[str, Pictures], out: Path, recipe: Recipe, say: Callable[[str], None]) -> LockedModel:
    """Fit, calibrate, export, measure and lock with pictures already simulated."""
    training, calibration = splits["training"], splits["calibration"]
    network = fit(training, recipe, say)
    features = fit_gaussian(evaluate(network, training.samples).features, FEATURE_SHRINKAGE)
    degree = temperature(evaluate(network, calibration.samples).logit, calibration.conforming)
    model = export(network, degree, features)
    session = Session(model, GRAPH, RUNTIME)
    say("measuring")
    statistics = fit_gaussian(statistics_of(training.samples), STATISTICS_SHRINKAGE)
    found = Calibration(degree, statistics, judged(session, calibration.samples, statistics), calibration)
    out.mkdir(parents=True)
    (out / MODEL).write_bytes(model)
    description = describe(found, write_golden(out, session))
    report = measure(session, splits["test"], statistics, description)
    (out / TRAINING).write_bytes(canonical_json(training_facts(recipe, description, report)))
    (out / CARD).write_text(card(description, report), encoding="utf-8")
    locked = lock(out, description)
    Engine(locked)
    return locked


def main() -> None:
    """Parse the command line and make the model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the new package; must not exist")
    parser.add_argument("--workers", type=int, default=2, help="processes that simulate")
    arguments = parser.parse_args()
    model = make(arguments.out, arguments.workers, lambda line: print(line, file=sys.stderr, flush=True))
    print(model.digest)


if __name__ == "__main__":
    main()
