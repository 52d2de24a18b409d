"""The golden run refuses an environment or a package that differs by one bit."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.imaging.statistics import STATISTICS_NAMES, image_statistics
from nesqc_gmp.inference.engine import Engine
from nesqc_gmp.inference.golden import load_array
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import MODEL, golden_measures, golden_output
from nesqc_gmp.modelpack.lock import lock
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.records.models import ModelDescription


def _with(model: LockedModel, path: str, data: bytes) -> LockedModel:
    """A package whose part was changed after verification: only a forger inside the process could."""
    return dataclasses.replace(model, parts=MappingProxyType({**model.parts, path: data}))


@pytest.mark.requirement("UR-MODELS-04", reviewed="3594f036", negative=True)
def test_one_bit_in_any_expected_output_is_refused_by_name(shipped: LockedModel) -> None:
    for name in shipped.manifest.golden:
        for output in shipped.manifest.graph.outputs:
            data = bytearray(shipped.parts[golden_output(name, output)])
            data[-4] ^= 1
            with pytest.raises(ModelRefusedError, match=f"'{output}' of golden image '{name}'.* 1 of "):
                Engine(_with(shipped, golden_output(name, output), bytes(data)))


@pytest.mark.requirement("UR-MODELS-04", reviewed="3594f036", negative=True)
def test_one_bit_of_a_weight_is_refused(shipped: LockedModel) -> None:
    """onnxruntime itself loads a flipped weight without complaint; the golden run is what notices."""
    model = bytearray(shipped.parts[MODEL])
    place = model.find(b"stage1.first.weight") + 400
    model[place] ^= 0x40
    with pytest.raises(ModelRefusedError):
        Engine(_with(shipped, MODEL, bytes(model)))


def test_a_package_locked_with_wrong_golden_outputs_verifies_but_does_not_run(
    shipped: LockedModel, tmp_path: Path
) -> None:
    """A model of another build: every digest fits, and still no engine."""
    path = golden_output("01-conforming", "probability")
    data = bytearray(shipped.parts[path])
    data[-4] ^= 1
    for part, content in {**shipped.parts, path: bytes(data)}.items():
        (tmp_path / part).parent.mkdir(exist_ok=True)
        (tmp_path / part).write_bytes(content)
    described = {name: getattr(shipped.manifest, name) for name in ModelDescription.model_fields}
    relocked = lock(tmp_path, ModelDescription(**described))
    with pytest.raises(ModelRefusedError, match="golden image '01-conforming'") as caught:
        Engine(relocked)
    assert "onnxruntime" in str(caught.value)


def test_another_shape_or_type_is_refused(shipped: LockedModel) -> None:
    path = golden_output("02-blank", "logit")
    for value in (load_array(shipped, path).astype(np.float64), np.zeros((2,), np.float32)):
        stream = io.BytesIO()
        np.save(stream, value)
        with pytest.raises(ModelRefusedError, match="shape or type"):
            Engine(_with(shipped, path, stream.getvalue()))


@pytest.mark.parametrize("kind", ["pickle", "archive", "garbage", "empty"])
def test_arrays_that_are_not_plain_are_refused(shipped: LockedModel, kind: str) -> None:
    stream = io.BytesIO()
    if kind == "pickle":
        np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif kind == "archive":
        np.savez(stream, a=np.zeros(2))
    elif kind == "garbage":
        stream.write(b"\x93NUMPY\x01\x00garbage")
    path = golden_output("02-blank", "logit")
    with pytest.raises(ModelRefusedError, match="not an array"):
        load_array(_with(shipped, path, stream.getvalue()), path)


@pytest.mark.requirement("UR-MODELS-04", reviewed="3594f036", negative=True)
def test_a_session_that_is_not_the_manifests_is_refused(shipped: LockedModel) -> None:
    manifest = shipped.manifest
    fewer = manifest.graph.model_copy(update={"outputs": manifest.graph.outputs[:-1]})
    with pytest.raises(ModelRefusedError, match="not the outputs of the manifest"):
        Session(shipped.parts[MODEL], fewer, manifest.runtime)
    with pytest.raises(ModelRefusedError, match="cannot load the model"):
        Session(b"not a model", manifest.graph, manifest.runtime)


def test_measures_of_another_definition_leave_no_engine(shipped: LockedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph is untouched; the software measures one of nineteen numbers a hundredth higher."""

    def otherwise(samples: Any) -> Any:
        found = image_statistics(samples)
        found[3] += 0.01
        return found

    monkeypatch.setattr("nesqc_gmp.inference.golden.image_statistics", otherwise)
    with pytest.raises(ModelRefusedError, match="input check measures of golden image"):
        Engine(shipped)


@pytest.mark.requirement("UR-MODELS-04", reviewed="3594f036")
def test_every_locked_measure_is_compared(shipped: LockedModel) -> None:
    name = shipped.manifest.golden[0]
    path = golden_measures(name)
    locked = np.load(io.BytesIO(shipped.parts[path]))
    assert locked.shape == (len(STATISTICS_NAMES) + 3,)
    for place in range(len(locked)):
        changed = locked.copy()
        changed[place] += 0.01 * max(1.0, abs(changed[place]))
        stream = io.BytesIO()
        np.save(stream, changed)
        with pytest.raises(ModelRefusedError, match="input check measures"):
            Engine(_with(shipped, path, stream.getvalue()))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_measure_that_is_no_number_allows_nothing(shipped: LockedModel, value: float) -> None:
    path = golden_measures(shipped.manifest.golden[0])
    stream = io.BytesIO()
    np.save(stream, np.full(len(STATISTICS_NAMES) + 3, value))
    with pytest.raises(ModelRefusedError, match="input check measures"):
        Engine(_with(shipped, path, stream.getvalue()))


@pytest.mark.parametrize("array", [np.array(["a"] * 19), np.zeros(19, dtype="datetime64[s]"), np.zeros(19, dtype=bool)])
def test_measures_of_another_kind_are_refused(shipped: LockedModel, array: Any) -> None:
    path = golden_measures(shipped.manifest.golden[0])
    stream = io.BytesIO()
    np.save(stream, array)
    with pytest.raises(ModelRefusedError, match="not an array of numbers"):
        Engine(_with(shipped, path, stream.getvalue()))


def test_a_header_of_more_values_than_there_is_memory_is_refused(shipped: LockedModel) -> None:
    path = golden_measures(shipped.manifest.golden[0])
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(ModelRefusedError, match="not an array"):
        Engine(_with(shipped, path, data))
