"""A small world in which a package is tested: test images, a package that is no demonstration, and a plan."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.graph import _fields
from nesqc_gmp.modelpack.layout import golden_image, golden_output
from nesqc_gmp.modelpack.lock import lock
from nesqc_gmp.procedures import features, intended_use, model_tests, models, test_sets
from nesqc_gmp.records.intended_use import IntendedUse
from nesqc_gmp.records.model_tests import TestPlan
from nesqc_gmp.records.models import ModelDescription, ModelManifest
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look
from tests.conftest import World, model_folder

CULTURES = 6
"""Of each label: all right gives a lower bound of 0.541 (Clopper and Pearson: 0.025 to the power of 1/6)."""

SET = "NES-A"


def write_images(folder: Path, *, first: int = 0, cultures: int = CULTURES, fields: int = 1, **columns: str) -> Path:
    """Pictures of cultures of both labels and their manifest.

    They are drawn by the simulator and, for these tests alone, not called simulated: a package for real use is not
    tested with simulated images.
    """
    (folder / "images").mkdir(parents=True)
    rows: list[dict[str, str]] = []
    for number in range(first, first + 2 * cultures):
        good = number % 2 == 0
        look = draw_look(700_000 + number)
        for field in range(1, fields + 1):
            name = f"T{number:02d}-F{field}.png"
            samples = simulate(
                70_000_000 + number * 100 + field, good=good, severity=0.0 if good else 0.5, culture=look
            )
            # The corner label of the simulator is covered: a drawing is refused in what is not called simulated.
            samples = samples.copy()
            samples[-20:, -50:] = samples[-40:-20, -50:]
            Image.fromarray(samples).save(folder / "images" / name)
            label = "conforming" if good else "not conforming"
            rows.append(
                {"image": name, "label": label, "culture": f"T{number:02d}", "donor": f"N{number // 2:02d}",
                 "readers": "anna;bo", "pixel_size_um": "1", "instrument": f"M{number % 4 // 2}",
                 "reading anna": label, "reading bo": label, **columns}
            )  # fmt: skip
    return write_manifest(folder, rows)


def write_manifest(folder: Path, rows: list[dict[str, str]]) -> Path:
    manifest = folder / "manifest.csv"
    with manifest.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def read_manifest(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def package(
    folder: Path,
    *,
    version: str = "1.0.0",
    development: list[dict[str, Any]] | None = None,
    note: str = "",
    retrained: str | None = None,
    rewritten: bool = False,
    **more: Any,
) -> Path:
    """The shipped package, locked again as no demonstration, with the list of development images given or with none.

    A note is written into the documentation of the graph (``doc_string``, field 6 of ``ModelProto``), so that its bytes
    are others and its outputs the same. A retrained one has another value in the tensor that is named, and the golden
    outputs that go with it. A rewritten one has its golden images under another header of NumPy's format.
    """
    shutil.copytree(model_folder(), folder)
    if note:
        with (folder / "model.onnx").open("ab") as stream:
            stream.write(bytes([6 << 3 | 2, len(note)]) + note.encode())
    value = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()
    if retrained:
        retrain(folder, ModelManifest.model_validate_json(json.dumps(value)), retrained)
    del value["parts"]
    value |= {"name": "nes-test", "model_version": version, "demonstration": False, **more}
    for path in folder.glob("golden/*.image.npy") if rewritten else ():
        image = np.load(path)
        with path.open("wb") as stream:
            np.lib.format.write_array(stream, image, version=(2, 0))
    facts = json.loads((folder / "training.json").read_text())
    facts.pop("development", None)
    listed = {} if development is None else {"development": development}
    (folder / "training.json").write_text(json.dumps(facts | listed))
    lock(folder, ModelDescription.model_validate_json(json.dumps(value)))
    return folder


def retrain(folder: Path, manifest: ModelManifest, tensor: str) -> None:
    """Change one bit of the first value of a tensor (name: field 8 of ``TensorProto``, raw data: field 9)."""
    model = (folder / "model.onnx").read_bytes()
    graph = dict(_fields(model))[7]
    assert isinstance(graph, bytes)
    tensors = [value for number, value in _fields(graph) if number == 5 and isinstance(value, bytes)]
    (whole,) = [each for each in tensors if dict(_fields(each))[8] == tensor.encode()]
    raw = dict(_fields(whole))[9]
    assert isinstance(raw, bytes)
    assert model.count(whole) == whole.count(raw) == 1
    model = model.replace(whole, whole.replace(raw, raw[:2] + bytes([raw[2] ^ 1]) + raw[3:]))
    (folder / "model.onnx").write_bytes(model)
    session = Session(model, manifest.graph, manifest.runtime)
    for name in manifest.golden:
        image = np.load(folder / golden_image(name))
        for output, found in session.run(gray_samples(image)).items():
            np.save(folder / golden_output(name, output), found)


USE: dict[str, Any] = {
    "purpose": "Tell conforming cultures from others", "output_use": "One of several release tests",
    "operator_task": "Looks at every image", "population": "Test product", "cell_type": "NES cells",
    "passage_min": 0, "passage_max": 40, "instruments": ["M0", "M1"], "objectives": ["10x"], "staining": "none",
    "limitations": ["Nothing but these tests"], "biases": ["none known"],
    "subgroups": [{"name": "instrument", "why": "optics"}], "undecided_images": "a person reads them",
    "refused_images": "taken again", "responsible": "Head of process",
}  # fmt: skip


def criterion(metric: str = "sensitivity", limit: str = "0.50", cultures_min: int = 5, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "limit": limit, "cultures_min": cultures_min, **more}


def plan_of(*criteria: dict[str, Any], **more: Any) -> TestPlan:
    """A plan; without criteria one of those the package passes."""
    chosen = criteria or (criterion(), criterion("specificity"), criterion("AUROC", "0.60", 10))
    value = {
        "test_set": SET, "justification": "Small on purpose, for tests", "seed": 17, "feature_images": 2,
        "subgroups": ["instrument"], "criteria": chosen,
    }  # fmt: skip
    return TestPlan.model_validate_json(json.dumps(value | more))


class Bench:
    """The acts of a test, each done by the person whose it is."""

    def __init__(self, world: World) -> None:
        self.world = world

    def seal(self, manifest: Path, name: str = SET, who: str = "custodian") -> Any:
        return test_sets.seal(self.world.session(who), name, manifest, manifest.parent / "images")

    def install(self, folder: Path, *, intended: bool = True) -> Any:
        model = models.install(self.world.session("scientist"), folder)
        if intended:
            self.intend(model)
        return model

    def intend(self, model: Any, reason: str | None = None) -> None:
        use = IntendedUse.model_validate_json(
            json.dumps(USE | {"input_space": model.manifest.input_space.model_dump(mode="json")})
        )
        intended_use.intend(
            self.world.session("expert"), model.model_sha256, use, reason, self.world.signs("expert")
        )  # fmt: skip

    def plan(self, model: Any, written: TestPlan | None = None, who: str = "qa") -> Any:
        return model_tests.plan(
            self.world.session(who), model.model_sha256, written or plan_of(), self.world.signs(who)
        )

    def run(self, model: Any, reason: str | None = None, who: str = "operator", **more: Any) -> Any:
        return model_tests.run(self.world.session(who), model.model_sha256, reason, **more)

    def review(self, model: Any, out: Path) -> None:
        """The expert finds that the features make sense."""
        seen = features.sheet(self.world.session("expert"), model.model_sha256, out)
        answers: dict[str, Any] = {item.image: "cells" for item in seen.shown}
        features.review(
            self.world.session("expert"), seen, answers, True, "Looks at cells", self.world.signs("expert")
        )  # fmt: skip

    def approve(self, model: Any) -> None:
        models.approve(self.world.session("qa"), model.model_sha256, "Tested and reviewed", self.world.signs("qa"))

    def consume(self, name: str = SET, who: str = "custodian") -> None:
        test_sets.consume(self.world.session(who), name, "Threshold was moved, CC-12", self.world.signs(who))

    def tests(self, model: Any) -> Any:
        return model_tests.tests(self.world.session("auditor"), model.model_sha256)[1]
