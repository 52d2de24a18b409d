"""What a recorded score costs beside a bare one: the whole path of an analysis against plain loops on the same images.

Usage: ``python benchmarks/recorded_path.py [--images 10 100 1000 10000] [--folder DIR]``

One site, one batch for each count of images, and for each batch by turns in one run:

- *recorded*: ``batches.analyse`` as an operator runs it (original read and hashed again, decoded, input check, image
  statistics, inference, result committed durably, then shown);
- *bare*: the same decoding and one onnxruntime session with the locked settings, nothing kept;
- *torch*: the same decoding and the network in torch, eager, one thread (random weights: the time is the same);
- *OpenVINO*: the same decoding and OpenVINO in 32-bit floats on one thread, where it is installed;
- *arithmetic*: operations of the convolutions over the fastest matrix product of one thread.

Images are mosaics of simulated ones, so that thousands of different ones exist quickly.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from nesqc_gmp.demonstration.images import CAPTURED_AT
from nesqc_gmp.demonstration.people import OPERATOR, Turns
from nesqc_gmp.demonstration.script import play
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.modelpack.package import LockedModel, open_package
from nesqc_gmp.procedures import batches
from nesqc_gmp.procedures.batches.receipt import Incoming
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.simulation.culture import PIXEL_SIZE_UM, simulate
from nesqc_gmp.simulation.files import write_simulated
from nesqc_gmp.simulation.look import draw_look

EDGE, TILE, BASES, FIELDS = 512, 128, 24, 10
ROUNDS = 3
CONSOLE = Console()


def package() -> LockedModel:
    """The shipped model."""
    return open_package(sorted((Path(__file__).parents[1] / "models").glob("nes-morphology-sim-*/"))[-1])


def mosaics(folder: Path, count: int) -> list[Path]:
    """Images in which tiles of simulated ones are shuffled and turned; no two are alike."""
    folder.mkdir(parents=True)
    bases = [simulate(n, good=True, severity=0.0, culture=draw_look(n)) for n in range(BASES)]
    tiles = np.stack([b[y : y + TILE, x : x + TILE] for b in bases for y in range(0, EDGE, TILE)
                      for x in range(0, EDGE, TILE)])  # fmt: skip
    generator, paths = np.random.default_rng(count), []
    for number in track(range(count), f"writing {count} images", console=CONSOLE, transient=True):
        chosen = generator.integers(0, len(tiles), (4, 4))
        rows = [np.hstack([np.rot90(tiles[n], generator.integers(4)) for n in row]) for row in chosen]
        path = folder / f"simulated-C{number // FIELDS:04d}-F{number % FIELDS:02d}.tif"
        write_simulated(path, np.ascontiguousarray(np.vstack(rows)))
        paths.append(path)
    return paths


def sealed(site: Site, turns: Turns, specification: str, batch: str, paths: list[Path]) -> None:
    """A batch with these images, sealed."""
    operator, today = turns.of(OPERATOR), site.today()
    later = (today + timedelta(days=365)).isoformat()
    batches.register(operator, batch, specification, "LINE-BENCH", today.isoformat(), later)
    files = [
        Incoming(
            path, path.stem.split("-")[1], 14, path.stem.split("-")[2], CAPTURED_AT.format(minute=0), PIXEL_SIZE_UM
        )
        for path in paths
    ]
    for item in batches.receive(operator, batch, files):
        if item.note and item.image:
            batches.explain(operator, batch, item.image, "A mosaic of the same simulated tiles, for a benchmark")
    batches.seal(operator, batch)


def decoded(paths: list[Path]) -> Iterator[Any]:
    """What every plain loop does before its network."""
    for path in paths:
        yield gray_samples(decode(path.read_bytes(), name=path.name).samples)


def bare(model: LockedModel) -> Callable[[list[Path]], None]:
    """One onnxruntime session in a loop."""
    session = Session(model.parts[MODEL], model.manifest.graph, model.manifest.runtime)

    def run(paths: list[Path]) -> None:
        for gray in decoded(paths):
            session.run(gray)

    return run


def openvino_loop(model: LockedModel) -> Callable[[list[Path]], None] | None:
    """OpenVINO with 32-bit floats on one thread, or nothing where it is not installed."""
    try:
        import openvino
    except ImportError:
        return None
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    compiled = openvino.Core().compile_model(openvino.Core().read_model(model.parts[MODEL]), "CPU", hints)

    def run(paths: list[Path]) -> None:
        for gray in decoded(paths):
            compiled(gray[None, None])

    return run


def torch_loop() -> Callable[[list[Path]], None] | None:
    """The network of the plan in torch, eager, one thread, or nothing where torch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    from nesqc_gmp.training.fit import counts
    from nesqc_gmp.training.network import Network
    from nesqc_gmp.training.plan import read_plan

    torch.set_num_threads(1)
    settings = read_plan(Path(__file__).parents[1] / "models" / "nes-morphology-sim.toml").plan.network
    network = Network(settings).eval()

    def run(paths: list[Path]) -> None:
        with torch.no_grad():
            for gray in decoded(paths):
                network(counts(gray, settings.input_pool))

    return run


def arithmetic_seconds(model: LockedModel) -> float | None:
    """Operations of one image over the fastest matrix product of one thread; ``None`` without torch or onnx."""
    try:
        import onnx
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    inferred = onnx.shape_inference.infer_shapes(_sized(onnx.load_from_string(model.parts[MODEL])), data_prop=True)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
              for v in (*inferred.graph.value_info, *inferred.graph.output)}  # fmt: skip
    weights = {w.name: list(w.dims) for w in inferred.graph.initializer}
    operations = sum(
        2 * int(np.prod(weights[node.input[1]])) * int(np.prod(shapes[node.output[0]][2:]))
        for node in inferred.graph.node
        if node.op_type == "Conv"
    )
    square = torch.rand(1024, 1024)
    best = min(_timed(lambda: square @ square) for _ in range(30))
    return operations / (2 * 1024**3 / best)


def _sized(model: Any) -> Any:
    for dim, size in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 1, EDGE, EDGE), strict=True):
        dim.dim_value = size
    return model


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(folder: Path, specification: str, number: int, count: int) -> dict[str, float]:
    """Seconds an image of each contender on one batch, and the peak memory of the recorded path."""
    model = package()
    paths = mosaics(folder / f"images-{number}", count)
    with Site(_paths(folder)) as site:
        turns = Turns(site, folder / "sessions")
        sealed(site, turns, specification, f"BENCH-{number}", paths)
    memory = _recorded_memory(folder, f"BENCH-{number}")
    loops: dict[str, Callable[[list[Path]], None]] = {"bare": bare(model)}
    loops |= {name: loop for name, loop in (("torch", torch_loop()), ("OpenVINO", openvino_loop(model))) if loop}
    times: dict[str, list[float]] = {name: [] for name in ("recorded", *loops)}
    with Site(_paths(folder)) as site:
        operator = Turns(site, folder / "sessions").of(OPERATOR)
        for _ in range(ROUNDS if count <= 1000 else 1):
            for name, loop in loops.items():
                times[name].append(_timed(lambda loop=loop: loop(paths)) / count)  # type: ignore[misc]
            began: list[float] = []
            batches.analyse(operator, f"BENCH-{number}", "Repeated for a benchmark",
                            lambda _, began=began: began.append(time.perf_counter()))  # type: ignore[misc] # fmt: skip
            times["recorded"].append((began[-1] - began[0]) / (len(began) - 1))
    return {name: statistics.median(values) for name, values in times.items()} | {"peak MiB": memory}


def _paths(folder: Path) -> Any:
    from nesqc_gmp.config import SitePaths

    return SitePaths(folder / "demo" / "site")


def _recorded_memory(folder: Path, batch: str) -> float:
    """Peak memory of one analysis in a process of its own, in MiB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_analyse_alone, (folder, batch))


def _analyse_alone(folder: Path, batch: str) -> float:
    with Site(_paths(folder)) as site:
        batches.analyse(Turns(site, folder / "sessions").of(OPERATOR), batch)
    # Not getrusage: a new process begins with the peak of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Print one line a count of images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--folder", type=Path, help="where the site is made; a temporary folder by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        played = play(folder / "demo", None, lambda who, what: None, lambda what, done, total: None)
        with Site(_paths(folder)) as site:
            specification = batches.show(Turns(site, folder / "sessions").of(OPERATOR), played.batch).specification
        limit = arithmetic_seconds(package())
        if limit is not None:
            print(f"arithmetic limit of one thread: {limit * 1000:.2f} ms an image", flush=True)
        for number, count in enumerate(arguments.images):
            found = measure(folder, specification.identifier, number, count)
            parts = [
                f"{k} {v * 1000:.2f} ms ({v / found['bare']:.2f} x bare)" for k, v in found.items() if "MiB" not in k
            ]
            print(f"{count:6d} images: {'; '.join(parts)}; peak {found['peak MiB']:.0f} MiB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
