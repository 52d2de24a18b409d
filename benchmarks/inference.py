"""Speed of the engine beside what a user would pick instead, interleaved in one run, as ratios.

``python benchmarks/inference.py`` compares, for one 512 x 512 picture on one thread: the engine's session (level
EXTENDED), onnxruntime with its default settings, and torch without compilation. The picture is simulated.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.modelpack.package import open_package
from nesqc_gmp.records.images import AttemptReceipt
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look

PACKAGE = Path(__file__).parents[1] / "models" / "nes-morphology-sim-1.1.0"
ROUNDS = 30


def contenders() -> dict[str, Callable[[], Any]]:
    """What is compared, by name; each call evaluates one picture."""
    model = open_package(PACKAGE)
    picture = simulate(0, good=True, severity=0.0, culture=draw_look(1))
    gray = gray_samples(picture)
    engine, receipt = Engine(model), AttemptReceipt(record="benchmark", attempt=1, index=0, checkpoint="benchmark")
    session = Session(model.parts[MODEL], model.manifest.graph, model.manifest.runtime)
    default = onnxruntime.InferenceSession(model.parts[MODEL], providers=["CPUExecutionProvider"])
    found: dict[str, Callable[[], Any]] = {
        "session as locked (1 thread, EXTENDED)": lambda: session.run(gray),
        "onnxruntime, default settings": lambda: default.run(None, {"image": gray[None, None]}),
        "image statistics alone": lambda: image_statistics(gray),
        "Engine.predict, everything": lambda: engine.predict(picture, receipt),
    }
    return found | torch_contender(picture)


def torch_contender(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> dict[str, Callable[[], Any]]:
    """The same network in torch on one thread, where torch is installed; its weights are random."""
    try:
        import torch
    except ImportError:
        print("torch is not installed: left out")
        return {}
    from nesqc_gmp.training.fit import counts
    from nesqc_gmp.training.network import Network
    from nesqc_gmp.training.plan_file import read_plan

    torch.set_num_threads(1)
    settings = read_plan(Path(__file__).parents[1] / "models" / "nes-morphology-sim.toml").plan.network
    network, gray = Network(settings).eval(), gray_samples(picture)

    def evaluate() -> None:
        with torch.no_grad():
            network(counts(gray, settings.input_pool))

    return {"torch eager, 1 thread": evaluate}


def main() -> None:
    """Interleave the contenders and print medians and ratios."""
    calls = contenders()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    base = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"{name:42s} {median * 1000:8.2f} ms   {median / base:5.2f} x the locked session")


if __name__ == "__main__":
    main()
