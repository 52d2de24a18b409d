"""The engine: same input, same bytes; scores that another computation confirms; no score without a receipt."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nesqc_gmp.errors import ImageRejectedError, InvalidInputError, ModelRefusedError
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.inference.golden import load_array
from nesqc_gmp.modelpack.layout import MODEL, golden_image
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.records.images import AttemptReceipt, Prediction
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look

GOOD = simulate(1, good=True, severity=0.0, culture=draw_look(7000), size=640)
BAD = simulate(1, good=False, severity=0.8, culture=draw_look(7001), size=640)

_OTHER_PROCESS = """
import sys
from pathlib import Path
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.modelpack.package import open_package
from nesqc_gmp.records.images import AttemptReceipt
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look
picture = simulate(1, good=False, severity=0.8, culture=draw_look(7001), size=640)
receipt = AttemptReceipt(record="B-1", attempt=1, index=0, checkpoint="test only")
print(Engine(open_package(Path(sys.argv[1]))).predict(picture, receipt).model_dump_json())
"""


def _map(prediction: Prediction) -> np.ndarray[Any, Any]:
    heat = prediction.heat_map
    return np.frombuffer(base64.b64decode(heat.values), dtype="<f4").reshape(heat.rows, heat.columns)


def test_the_classes_come_out(engine: Engine, shipped: LockedModel, receipt: AttemptReceipt) -> None:
    """The simulator knows the class; both cultures are in no split of the training."""
    assert Decimal(engine.predict(GOOD, receipt).score) >= Decimal(shipped.manifest.conforming_from)
    assert Decimal(engine.predict(BAD, receipt).score) < Decimal(shipped.manifest.not_conforming_below)


@pytest.mark.requirement("UR-MODELS-05", reviewed="c58b887a")
def test_a_hundred_repeats_give_the_same_bytes(engine: Engine, receipt: AttemptReceipt) -> None:
    first = engine.predict(GOOD[:512, :512], receipt)
    assert all(engine.predict(GOOD[:512, :512], receipt) == first for _ in range(100))


def test_another_process_gives_the_same_bytes(engine: Engine, receipt: AttemptReceipt) -> None:
    package = Path(__file__).parents[2] / "models" / "nes-morphology-sim-1.1.0"
    other = subprocess.run(
        [sys.executable, "-c", _OTHER_PROCESS, str(package)], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == engine.predict(BAD, receipt).model_dump_json()
    assert other.stderr == ""


def test_sixteen_bit_samples_that_are_257_times_the_eight_bit_ones_give_the_same_prediction(
    engine: Engine, receipt: AttemptReceipt
) -> None:
    wide = BAD.astype(np.uint16) * np.uint16(257)
    assert engine.predict(wide, receipt) == engine.predict(BAD, receipt)


def test_rgb_with_equal_channels_gives_the_prediction_of_gray(engine: Engine, receipt: AttemptReceipt) -> None:
    assert engine.predict(np.stack([BAD] * 3, axis=-1), receipt) == engine.predict(BAD, receipt)


@pytest.mark.requirement("UR-MODELS-05", reviewed="c58b887a", negative=True)
def test_memory_order_and_views_do_not_matter(engine: Engine, receipt: AttemptReceipt) -> None:
    expected = engine.predict(np.ascontiguousarray(BAD[:520, 7:600]), receipt)
    assert engine.predict(BAD[:520, 7:600], receipt) == expected
    assert engine.predict(np.asfortranarray(BAD[:520, 7:600]), receipt) == expected


@pytest.mark.requirement("UR-MODELS-20", reviewed="a141f895")
def test_the_score_is_the_logistic_function_of_the_mean_of_the_map(engine: Engine, receipt: AttemptReceipt) -> None:
    """math.exp on the recorded map, by hand: the class-activation map is exact."""
    for picture in (GOOD, BAD):
        prediction = engine.predict(picture, receipt)
        log_odds = math.fsum(_map(prediction).ravel().tolist()) / (20 * 20)
        assert float(prediction.score) == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=6e-5)


def test_every_tile_is_the_logistic_function_of_its_part_of_the_map(engine: Engine, receipt: AttemptReceipt) -> None:
    prediction = engine.predict(BAD, receipt)
    activation = _map(prediction)
    for row, column in ((0, 0), (1, 3), (3, 2)):
        part = activation[5 * row : 5 * row + 5, 5 * column : 5 * column + 5].astype(np.float64)
        assert float(prediction.tiles[row][column]) == pytest.approx(1 / (1 + math.exp(-part.mean())), abs=6e-5)


@pytest.mark.parametrize(("height", "width"), [(512, 512), (513, 600), (527, 640)])
def test_odd_sizes_are_taken(engine: Engine, receipt: AttemptReceipt, height: int, width: int) -> None:
    heat = engine.predict(GOOD[:height, :width], receipt).heat_map
    assert (heat.rows, heat.columns) == (-(-(height // 2) // 16), -(-(width // 2) // 16))


def test_the_odd_last_row_and_column_are_dropped(engine: Engine, receipt: AttemptReceipt) -> None:
    odd, even = engine.predict(GOOD[:601, :601], receipt), engine.predict(GOOD[:600, :600], receipt)
    assert odd.outputs_sha256 == even.outputs_sha256


@pytest.mark.parametrize("shape", [(511, 512), (512, 511), (512, 4097)])
def test_sizes_outside_the_input_space_are_refused(
    engine: Engine, receipt: AttemptReceipt, shape: tuple[int, int]
) -> None:
    with pytest.raises(ImageRejectedError, match="the model takes"):
        engine.predict(np.zeros(shape, dtype=np.uint8), receipt)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((256, 256), dtype=np.float32),
        np.zeros((256, 256), dtype=np.int16),
        np.zeros((256, 256, 4), dtype=np.uint8),
        np.zeros((1, 256, 256, 3), dtype=np.uint8),
        np.zeros((256,), dtype=np.uint8),
    ],
)
def test_other_arrays_are_refused(engine: Engine, receipt: AttemptReceipt, samples: Any) -> None:
    with pytest.raises(ImageRejectedError, match="not 8- or 16-bit gray or RGB"):
        engine.predict(samples, receipt)


@pytest.mark.requirement("UR-MODELS-07", reviewed="7c8e21dd", negative=True)
@pytest.mark.parametrize("receipt_like", [None, "receipt", {"batch": "B-1"}])
def test_no_score_without_a_receipt(engine: Engine, receipt_like: Any) -> None:
    with pytest.raises(InvalidInputError, match="no receipt"):
        engine.predict(GOOD, receipt_like)


def test_predicting_prints_nothing(engine: Engine, receipt: AttemptReceipt, capfd: pytest.CaptureFixture[str]) -> None:
    engine.predict(GOOD, receipt)
    assert capfd.readouterr() == ("", "")


def test_the_digest_of_the_outputs_is_that_of_a_session_with_default_settings_at_the_same_level(
    shipped: LockedModel, engine: Engine, receipt: AttemptReceipt
) -> None:
    """onnxruntime used directly, several threads: the same bytes, as measured for level EXTENDED."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    session = onnxruntime.InferenceSession(shipped.parts[MODEL], options, providers=["CPUExecutionProvider"])
    image = (BAD.astype(np.uint16) * np.uint16(257))[None, None]
    values = session.run(list(shipped.manifest.graph.outputs), {"image": image})
    digest = hashlib.sha256(b"".join(value.tobytes() for value in values)).hexdigest()
    assert engine.predict(BAD, receipt).outputs_sha256 == digest


@pytest.mark.requirement("UR-MODELS-20", reviewed="a141f895")
def test_the_runtime_facts_name_the_environment(engine: Engine) -> None:
    import onnxruntime

    facts = engine.runtime_facts()
    assert facts.onnxruntime.startswith(onnxruntime.__version__)
    assert (facts.provider, facts.threads, facts.graph_optimisation) == ("CPUExecutionProvider", 1, "EXTENDED")
    assert facts.deterministic
    assert facts.self_test == "identical"
    assert f"numpy=={np.__version__}" in facts.packages
    assert facts.processor
    json.loads(facts.model_dump_json())


@pytest.mark.requirement("UR-MODELS-05", reviewed="c58b887a")
def test_the_onnx_reference_evaluator_gives_the_golden_outputs(shipped: LockedModel) -> None:
    """Another implementation of the operators, in NumPy."""
    pytest.importorskip("onnx", reason="onnx is not installed (extra [train]); no second implementation to compare")
    import onnx
    from onnx.reference import ReferenceEvaluator

    from nesqc_gmp.inference.gray import gray_samples
    from nesqc_gmp.modelpack.layout import golden_output

    reference = ReferenceEvaluator(onnx.load_from_string(shipped.parts[MODEL]))
    for name in ("02-blank", "03-sixteen-bit", "05-rgb"):
        gray = gray_samples(load_array(shipped, golden_image(name)))
        for output, value in zip(
            shipped.manifest.graph.outputs, reference.run(None, {"image": gray[None, None]}), strict=True
        ):
            expected = load_array(shipped, golden_output(name, output))
            assert value == pytest.approx(expected, rel=2e-3, abs=2e-3), (name, output)


def test_a_value_that_is_not_finite_is_refused(
    engine: Engine, receipt: AttemptReceipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"logit": np.array([np.nan], dtype=np.float32)}
    monkeypatch.setattr(engine._session, "run", lambda gray: broken)
    with pytest.raises(ModelRefusedError, match="not finite"):
        engine.predict(GOOD, receipt)
