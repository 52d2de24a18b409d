"""What a network costs in onnxruntime and in torch: the candidates of the shipped plans, side by side.

Usage: ``python benchmarks/architectures.py [--rounds 15]``

Weights are random, since the time does not depend on them. Every network is exported as a package would hold it and
runs with the locked settings (one thread, EXTENDED); torch runs the same network eagerly on one thread. Candidates take
turns in each round; medians are printed, and the ratio to the first of their group. What they reach on real images
stands in ``audit/decisions/0012-labels-of-real-images.md`` and in the cards of the models.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from nesqc_gmp.inference.session import Session
from nesqc_gmp.training.description import RUNTIME
from nesqc_gmp.training.export import GRAPH, export
from nesqc_gmp.training.fit import counts
from nesqc_gmp.training.measure import fit_gaussian
from nesqc_gmp.training.network import Network
from nesqc_gmp.training.plan import NetworkSection

VIABILITY = {"pooling": "worst", "normalisation": "both", "stem_kernel": 5, "strides": (2, 2, 2, 1), "living_map": True}
MORPHOLOGY = {"pooling": "mean", "input_pool": 2, "strides": (2, 1, 2, 2, 2)}

CANDIDATES: dict[str, tuple[int, NetworkSection]] = {
    "viability 16-32-48-64, one view": (220, NetworkSection(widths=(16, 32, 48, 64), **VIABILITY)),
    "viability 16-32-48-64, eight views": (220, NetworkSection(widths=(16, 32, 48, 64), views="eight", **VIABILITY)),
    "viability 16-24-48-48, one view": (220, NetworkSection(widths=(16, 24, 48, 48), **VIABILITY)),
    "viability 32-64-96-128, one view": (220, NetworkSection(widths=(32, 64, 96, 128), **VIABILITY)),
    "morphology 16-16-32-64-128": (512, NetworkSection(widths=(16, 16, 32, 64, 128), **MORPHOLOGY)),
    "morphology 8-8-16-32-64": (512, NetworkSection(widths=(8, 8, 16, 32, 64), **MORPHOLOGY)),
    "morphology 32-32-64-128-256": (512, NetworkSection(widths=(32, 32, 64, 128, 256), **MORPHOLOGY)),
}
"""Edge of the image in pixels, and the network."""


def loops(edge: int, section: NetworkSection) -> tuple[Callable[[], object], Callable[[], object], int]:
    """One image in onnxruntime, one in torch, and the number of weights."""
    torch.manual_seed(1)
    network = Network(section).eval()
    picture = np.random.default_rng(1).integers(8000, 40000, (edge, edge)).astype(np.uint16)
    with torch.no_grad():
        width = network.viewed(counts(picture, section.input_pool)).features.shape[1]
    features = fit_gaussian(np.random.default_rng(2).normal(size=(4 * width, width)), 0.5)
    session = Session(export(network, 1.0, features), GRAPH, RUNTIME)

    def eager() -> object:
        with torch.no_grad():
            return network.viewed(counts(picture, section.input_pool))

    return (lambda: session.run(picture)), eager, sum(weights.numel() for weights in network.parameters())


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    made = {name: loops(*candidate) for name, candidate in CANDIDATES.items()}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in made}
    for turn in range(rounds + 1):
        for name, (graph, eager, _) in made.items():
            for loop, kept in zip((graph, eager), times[name], strict=True):
                begun = time.perf_counter()
                loop()
                if turn:
                    kept.append((time.perf_counter() - begun) * 1000)
    print(f"{'network':<38}{'weights':>9}{'onnxruntime ms':>16}{'torch ms':>10}{'ratio':>7}")
    first: dict[str, float] = {}
    for name, (_, _, weights) in made.items():
        graph_ms, eager_ms = (statistics.median(each) for each in times[name])
        ratio = graph_ms / first.setdefault(name.split()[0], graph_ms)
        print(f"{name:<38}{weights:>9}{graph_ms:>16.2f}{eager_ms:>10.2f}{ratio:>7.2f}")


if __name__ == "__main__":
    main()
