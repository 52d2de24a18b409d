"""What a recorded score costs beside a bare one: the whole path of an analysis against plain loops on the same images.

Usage: ``python benchmarks/recorded_path.py --out DIR [--images 10 30 100 ...] [--folder DIR]``

One site, and one batch for each count of images. For each batch, by turns in one run, block by block of images, each
contender in a process of its own:

- *recorded*: ``batches.analyse`` as an operator runs it (original read and hashed again, decoded, input check, image
  statistics, inference, result committed durably, then shown);
- *bare*: the same decoding and one onnxruntime session with the locked settings, nothing kept;
- *torch*: the same decoding and the network in torch, eager, one thread (random weights: the time is the same);
- *OpenVINO*: the same decoding and OpenVINO in 32-bit floats on one thread, where it is installed;
- *arithmetic*: operations of the convolutions over the fastest matrix product of one thread.

A block begins with its fourth image: by then every contender is warm, and as much is under way at the end of the block
as at its beginning. Written to ``--out``: ``recorded_path.json`` with every block, and three pictures.

Images are mosaics of simulated ones, so that thousands of different ones exist quickly.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from nesqc_gmp.config import SitePaths
from nesqc_gmp.demonstration.people import OPERATOR, Turns
from nesqc_gmp.demonstration.script import play
from nesqc_gmp.imaging.check import check
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.duplicates import KnownImages
from nesqc_gmp.imaging.measures import illumination_unevenness
from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.maps import heat_map, tile_scores
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.modelpack.package import LockedModel, open_package
from nesqc_gmp.procedures import batches
from nesqc_gmp.procedures.batches.receipt import Incoming
from nesqc_gmp.procedures.context import Site
from nesqc_gmp.records.images import KnownImage
from nesqc_gmp.reports.document import Chart, Limit, Series
from nesqc_gmp.reports.html import svg
from nesqc_gmp.simulation.culture import PIXEL_SIZE_UM, simulate
from nesqc_gmp.simulation.files import write_simulated
from nesqc_gmp.simulation.look import draw_look

EDGE, TILE, BASES, CULTURES = 512, 128, 24, 3
SIZES = [10, 30, 100, 300, 1000, 3000, 10_000]
BLOCK, WARM, IMAGES_MIN, OTHERS_EVERY = 100, 3, 300, 3
"""Images a block; of them not timed; timed at least for a count of images; blocks in which torch and OpenVINO run."""

ILLUMINATION_MAX = 0.3
CONSOLE = Console()
LOOPS = ("bare", "torch", "OpenVINO")


def package() -> LockedModel:
    """The shipped model."""
    return open_package(sorted((Path(__file__).parents[1] / "models").glob("nes-morphology-sim-*/"))[-1])


def mosaics(folder: Path, count: int) -> None:
    """Images in which tiles of simulated ones are shuffled and turned; no two are alike, all pass the input check."""
    folder.mkdir(parents=True)
    bases = [simulate(n, good=True, severity=0.0, culture=draw_look(n)) for n in range(BASES)]
    tiles = np.stack([b[y : y + TILE, x : x + TILE] for b in bases for y in range(0, EDGE, TILE)
                      for x in range(0, EDGE, TILE)])  # fmt: skip
    generator, known = np.random.default_rng([count, EDGE]), KnownImages()
    for number in track(range(count), f"writing {count} images", console=CONSOLE, transient=True):
        path = folder / f"simulated-F{number // CULTURES:04d}-C{number % CULTURES}.tif"
        while not path.exists():
            chosen = generator.integers(0, len(tiles), (4, 4))
            rows = [np.hstack([np.rot90(tiles[n], generator.integers(4)) for n in row]) for row in chosen]
            picture = np.ascontiguousarray(np.vstack(rows))
            if illumination_unevenness(picture) > ILLUMINATION_MAX:
                continue
            write_simulated(path, picture)
            facts = decode(path.read_bytes(), name=path.name).facts
            if known.like(facts):
                path.unlink()
        known.add([KnownImage(batch="-", image=path.stem, **{
            name: getattr(facts, name) for name in ("sha256", "pixels_sha256", "perceptual_hash")})])  # fmt: skip


def timed(call: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def seal_batch(folder: Path, images: Path, specification: str, count: int) -> dict[str, float]:
    """A batch of the first images, received and sealed; seconds an image."""
    with Site(SitePaths(folder / "demo" / "site")) as site:
        operator, today = Turns(site, folder / "sessions").of(OPERATOR), site.today()
        later = (today + timedelta(days=365)).isoformat()
        batches.register(operator, "BENCH", specification, "LINE-BENCH", today.isoformat(), later)
        files = [
            Incoming(path, culture, 14, field, datetime.now(UTC).isoformat(timespec="seconds"), PIXEL_SIZE_UM)
            for path in sorted(images.iterdir())[:count]
            for field, culture in [path.stem.split("-")[1:]]
        ]
        receive = timed(lambda: batches.receive(operator, "BENCH", files))
        return {"receive": receive / count, "seal": timed(lambda: batches.seal(operator, "BENCH")) / count}


def look_back(folder: Path) -> dict[str, float]:
    """Seconds of showing the batch and of verifying the whole ledger."""
    from nesqc_gmp.ledger import LogSigner, verify_database
    from nesqc_gmp.store import reading_engine

    paths = SitePaths(folder / "demo" / "site")
    with Site(paths) as site:
        operator = Turns(site, folder / "sessions").of(OPERATOR)
        shown = timed(lambda: batches.show(operator, "BENCH"))
    signer = LogSigner(paths.log_key, paths.log_state)
    engine = reading_engine(paths.ledger, immutable=False)
    return {"show": shown, "verify": timed(lambda: verify_database(engine, signer.verifier, anchors={}))}


def bare(model: LockedModel) -> Callable[[Any], object]:
    """One onnxruntime session."""
    return Session(model.parts[MODEL], model.manifest.graph, model.manifest.runtime).run


def openvino_call(model: LockedModel) -> Callable[[Any], object] | None:
    """OpenVINO with 32-bit floats on one thread, or nothing where it is not installed."""
    try:
        import openvino
    except ImportError:
        return None
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    compiled = openvino.Core().compile_model(openvino.Core().read_model(model.parts[MODEL]), "CPU", hints)
    return lambda gray: compiled(gray[None, None])


def torch_call(_: LockedModel) -> Callable[[Any], object] | None:
    """The network of the plan in torch, eager, one thread, or nothing where torch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    from nesqc_gmp.training.fit import counts
    from nesqc_gmp.training.network import Network
    from nesqc_gmp.training.plan_file import read_plan

    torch.set_num_threads(1)
    settings = read_plan(Path(__file__).parents[1] / "models" / "nes-morphology-sim.toml").plan.network
    network = Network(settings).eval()

    def run(gray: Any) -> object:
        with torch.no_grad():
            return network(counts(gray, settings.input_pool))

    return run


CALLS = {"bare": bare, "torch": torch_call, "OpenVINO": openvino_call}


class Clock:
    """Time of one block: wall, own processor time, and processors that other work used meanwhile."""

    def __init__(self, images: int) -> None:
        self._warm = min(WARM, images - 2)
        self._images = images
        self._done = 0
        self._start = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), time.process_time(), busy

    def tick(self) -> dict[str, float] | None:
        """One more image is done; the block's figures with its last."""
        self._done += 1
        if self._done == self._warm:
            self._start = self._now()
        if self._done < self._images:
            return None
        wall, own, busy = (end - start for end, start in zip(self._now(), self._start, strict=True))
        images = self._done - self._warm
        return {"images": images, "wall": wall / images, "own": own / images, "others": (busy - own) / wall}


def peak_mib() -> float:
    """Peak memory of this process; getrusage begins with the peak of the process that started this one."""
    return int(Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) / 1024


def loop_process(name: str, pipe: Connection, images: Path) -> None:
    """A plain loop; takes ``(start, stop)`` and gives a block, until ``None`` asks for the peak memory."""
    call, paths = CALLS[name](package()), sorted(images.iterdir())
    pipe.send(call is not None)
    while call is not None and (block := pipe.recv()) is not None:
        clock, found = Clock(block[1] - block[0]), None
        for path in paths[block[0] : block[1]]:
            call(gray_samples(decode(path.read_bytes(), name=path.name).samples))
            found = clock.tick()
        pipe.send(found)
    pipe.send(peak_mib())


def recorded_process(pipe: Connection, folder: Path, attempts: int) -> None:
    """The recorded path; stands still after each block until it is asked for the next."""
    with Site(SitePaths(folder / "demo" / "site")) as site:
        operator = Turns(site, folder / "sessions").of(OPERATOR)
        pipe.recv()
        for attempt in range(attempts):
            clock: Clock | None = None

            def shown(progress: batches.Progress) -> None:
                nonlocal clock
                before = (progress.done - 1) // BLOCK * BLOCK
                clock = clock or Clock(min(BLOCK, progress.total - before))
                found = clock.tick()
                if found is not None:
                    clock = None
                    pipe.send(found)
                    pipe.recv()

            batches.analyse(operator, "BENCH", "Repeated for a benchmark" if attempt else None, shown)
    pipe.send(peak_mib())


def measure(folder: Path, images: Path, specification: str, count: int) -> dict[str, Any]:
    """Every block of every contender on one batch, peak memory of each, and what else a batch of this size costs."""
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(1) as pool:
        found: dict[str, Any] = {"count": count, **pool.apply(seal_batch, (folder, images, specification, count))}
    attempts = -(-IMAGES_MIN // count)
    ends = {name: spawn.Pipe() for name in ("recorded", *LOOPS)}
    work = {"recorded": spawn.Process(target=recorded_process, args=(ends["recorded"][1], folder, attempts))}
    work |= {name: spawn.Process(target=loop_process, args=(name, ends[name][1], images)) for name in LOOPS}
    for process in work.values():
        process.start()
    pipes = {name: ends[name][0] for name in work}
    loops = [name for name in LOOPS if pipes[name].recv()]
    blocks: dict[str, list[dict[str, float]]] = {name: [] for name in ("recorded", *loops)}
    starts = [start for _ in range(attempts) for start in range(0, count, BLOCK)]
    for number, start in enumerate(track(starts, f"{count} images", console=CONSOLE, transient=True)):
        pipes["recorded"].send(None)
        blocks["recorded"].append(pipes["recorded"].recv())
        for name in loops:
            if name == "bare" or number % OTHERS_EVERY == 0:
                pipes[name].send((start, min(start + BLOCK, count)))
                blocks[name].append(pipes[name].recv())
    for pipe in pipes.values():
        pipe.send(None)
    found["peak_mib"] = {name: pipes[name].recv() for name in blocks}
    for process in work.values():
        process.join()
    with spawn.Pool(1) as pool:
        found |= pool.apply(look_back, (folder,))
    return found | {"blocks": blocks}


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
    best = min(timed(lambda: square @ square) for _ in range(30))
    return operations / (2 * 1024**3 / best)


def _sized(model: Any) -> Any:
    for dim, size in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 1, EDGE, EDGE), strict=True):
        dim.dim_value = size
    return model


def stage_seconds(model: LockedModel, images: Path) -> dict[str, float]:
    """Processor time of each stage by itself, one thread, median over images."""
    session = Session(model.parts[MODEL], model.manifest.graph, model.manifest.runtime)
    space, decimals = model.manifest.input_space, model.manifest.score_decimals
    found: dict[str, list[float]] = {}

    def stage(name: str, call: Callable[[], Any]) -> Any:
        start = time.thread_time()
        value = call()
        found.setdefault(name, []).append(time.thread_time() - start)
        return value

    for path in sorted(images.iterdir())[:BLOCK]:
        data = stage("read", path.read_bytes)
        frame = stage("decode", lambda data=data: decode(data, name="image"))
        gray = stage("gray", lambda frame=frame: gray_samples(frame.samples))
        stage("input check", lambda frame=frame: check(frame, space, pixel_size_um=PIXEL_SIZE_UM))
        stage("image statistics", lambda gray=gray: image_statistics(gray))
        outputs = stage("network", lambda gray=gray: session.run(gray))
        stage("map and tiles", lambda values=outputs["map"][0, 0]: (heat_map(values), tile_scores(values, decimals)))
    return {name: statistics.median(values) for name, values in found.items()}


def ratios(found: dict[str, Any], name: str) -> list[float]:
    """Wall time of each block over that of the bare loop on the same images beside it in time."""
    beside = found["blocks"]["bare"][:: 1 if name in {"recorded", "bare"} else OTHERS_EVERY]
    return [block["wall"] / bare["wall"] for block, bare in zip(found["blocks"][name], beside, strict=True)]


def charts(sizes: list[dict[str, Any]]) -> dict[str, Chart]:
    """Ratio, time and memory over the count of images; the abscissa is logarithmic."""
    x = tuple(math.log10(found["count"]) for found in sizes)
    label = "images of the batch, decadic logarithm; simulated images of 512 x 512 pixels"
    names = list(sizes[0]["blocks"])

    def over(value: Callable[[dict[str, Any], str], float]) -> tuple[Series, ...]:
        return tuple(Series(name, x, tuple(value(found, name) for found in sizes)) for name in names)

    quarters = [statistics.quantiles(ratios(found, "recorded"), n=4, method="inclusive") for found in sizes]
    recorded = Series("recorded", x, tuple(q[1] for q in quarters), tuple(q[0] for q in quarters),
                      tuple(q[2] for q in quarters))  # fmt: skip
    others = tuple(
        Series(name, x, tuple(statistics.median(ratios(found, name)) for found in sizes))
        for name in names if name not in {"recorded", "bare"}
    )  # fmt: skip
    return {
        "ratio": Chart("Wall time over that of the bare loop, median and quartiles of blocks", label, "ratio",
                       (recorded, *others), (Limit(1.05, "goal 1.05"),)),
        "time": Chart("Wall time of one image, median of blocks", label, "milliseconds",
                      over(lambda found, name: 1000 * statistics.median(b["wall"] for b in found["blocks"][name]))),
        "memory": Chart("Peak memory of each process", label, "MiB", over(lambda found, name: found["peak_mib"][name]),
                        y_range=(0.0, max(max(found["peak_mib"].values()) for found in sizes))),
    }  # fmt: skip


def write(out: Path, facts: dict[str, Any], sizes: list[dict[str, Any]]) -> None:
    """The figures so far, as JSON and pictures."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "recorded_path.json").write_text(json.dumps(facts | {"sizes": sizes}, indent=1) + "\n", encoding="utf-8")
    for name, chart in charts(sizes).items():
        text = svg(chart).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        (out / f"recorded_path_{name}.svg").write_text(text + "\n", encoding="utf-8")


def line(found: dict[str, Any]) -> str:
    """One count of images in a line."""
    wall = {k: statistics.median(b["wall"] for b in v) * 1000 for k, v in found["blocks"].items()}
    own = {k: statistics.median(b["own"] for b in v) * 1000 for k, v in found["blocks"].items()}
    load = statistics.median(b["others"] for v in found["blocks"].values() for b in v)
    parts = [
        f"{k} {wall[k]:.2f} ms (processor {own[k]:.2f}), {statistics.median(ratios(found, k)):.2f} x bare, "
        f"{found['peak_mib'][k]:.0f} MiB" for k in wall
    ]  # fmt: skip
    rest = ", ".join(f"{k} {found[k] * 1000:.1f} ms an image" for k in ("receive", "seal"))
    rest += ", " + ", ".join(f"{k} {found[k]:.2f} s" for k in ("show", "verify"))
    return f"{found['count']:6d} images: {'; '.join(parts)}; {rest}; other work used {load:.1f} processors"


def main() -> None:
    """Print one line a count of images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=SIZES)
    parser.add_argument("--out", type=Path, required=True, help="where the figures and pictures go")
    parser.add_argument("--folder", type=Path, help="where the sites are made; a temporary folder by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        # A day with images of one's own has the smallest sampling plan, which a batch of ten images fulfils.
        mosaics(folder / "first", 2)
        played = play(folder / "site" / "demo", folder / "first", lambda who, what: None, lambda *_: None)
        with Site(SitePaths(folder / "site" / "demo" / "site")) as site:
            operator = Turns(site, folder / "site" / "sessions").of(OPERATOR)
            specification = batches.show(operator, played.batch).specification.identifier
        mosaics(folder / "images", max(arguments.images))
        model = package()
        facts = {
            "processor": platform.processor() or platform.machine(), "processors": os.cpu_count(),
            "python": platform.python_version(), "model": f"{model.manifest.name} {model.manifest.model_version}",
            "simulated": True, "arithmetic": arithmetic_seconds(model),
            "stages": stage_seconds(model, folder / "images"),
        }  # fmt: skip
        print(json.dumps(facts), flush=True)
        sizes: list[dict[str, Any]] = []
        for count in arguments.images:
            work = folder / f"of-{count}"
            shutil.copytree(folder / "site", work)
            sizes.append(measure(work, folder / "images", specification, count))
            shutil.rmtree(work)
            print(line(sizes[-1]), flush=True)
            write(arguments.out, facts, sizes)


if __name__ == "__main__":
    sys.exit(main())
