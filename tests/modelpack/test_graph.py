"""What an ONNX file may contain: compared with the onnx library, and attacked with crafted models."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.modelpack.graph import inspect
from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.modelpack.package import LockedModel

_NO_ONNX = "onnx is not installed (extra [train]); crafted models cannot be built"


def _model(onnx: Any, **changes: Any) -> Any:
    """A model of one Relu, with the changes an attack asks for."""
    helper = onnx.helper
    kind = onnx.TensorProto.FLOAT
    node = helper.make_node(changes.get("operator", "Relu"), ["x"], ["y"], domain=changes.get("domain", ""))
    node.attribute.extend(changes.get("attributes", []))
    x, y = (helper.make_tensor_value_info(name, kind, (1,)) for name in "xy")
    graph = helper.make_graph([node], "g", [x], [y], changes.get("weights", []))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model


def test_the_facts_are_those_the_onnx_library_reads(shipped: LockedModel) -> None:
    onnx = pytest.importorskip("onnx", reason=_NO_ONNX)
    model = onnx.load_from_string(shipped.parts[MODEL])
    facts = inspect(shipped.parts[MODEL])
    assert facts.opset == model.opset_import[0].version == 20
    assert facts.operators == {node.op_type for node in model.graph.node}
    assert facts.weights == len(model.graph.initializer)
    assert not model.metadata_props
    assert "Log" not in facts.operators


def test_a_plain_model_passes() -> None:
    onnx = pytest.importorskip("onnx", reason=_NO_ONNX)
    assert inspect(_model(onnx).SerializeToString()).operators == {"Relu"}


@pytest.mark.requirement("UR-MODELS-03", reviewed="d4997a2b", negative=True)
@pytest.mark.parametrize("where", ["location", "entries"])
def test_weights_outside_the_file_are_refused(where: str) -> None:
    onnx = pytest.importorskip("onnx", reason=_NO_ONNX)
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[1])
    if where == "location":
        tensor.data_location = onnx.TensorProto.EXTERNAL
    else:
        tensor.external_data.add(key="location", value="../../secret")
    for change in ({"weights": [tensor]}, {"attributes": [onnx.helper.make_attribute("value", tensor)]}):
        with pytest.raises(ModelRefusedError, match="outside its file"):
            inspect(_model(onnx, **change).SerializeToString())


@pytest.mark.requirement("UR-MODELS-03", reviewed="d4997a2b", negative=True)
@pytest.mark.parametrize(
    "change", [{"domain": "com.microsoft.nchwc"}, {"operator": "Log"}, {"operator": "If"}, {"operator": ""}]
)
def test_an_unknown_operator_or_domain_is_refused(change: dict[str, str]) -> None:
    onnx = pytest.importorskip("onnx", reason=_NO_ONNX)
    with pytest.raises(ModelRefusedError, match=r"domain|not allowed"):
        inspect(_model(onnx, **change).SerializeToString())


@pytest.mark.requirement("UR-MODELS-03", reviewed="d4997a2b", negative=True)
def test_subgraphs_functions_metadata_and_a_second_operator_set_are_refused() -> None:
    onnx = pytest.importorskip("onnx", reason=_NO_ONNX)
    inner = _model(onnx).graph
    attacks = [_model(onnx, attributes=[onnx.helper.make_attribute("then_branch", inner)])]
    for _ in range(4):
        attacks.append(_model(onnx))
    attacks[1].metadata_props.add(key="path", value="x")
    attacks[2].opset_import.add(domain="com.microsoft", version=1)
    attacks[3].functions.add(name="f")
    attacks[4].graph.node[0].metadata_props.add(key="stack", value="x")
    for attack in attacks:
        with pytest.raises(ModelRefusedError):
            inspect(attack.SerializeToString())


def test_a_file_cut_anywhere_is_refused_or_has_lost_its_graph(shipped: LockedModel) -> None:
    data = shipped.parts[MODEL]
    for end in range(0, len(data) - 1, max(1, len(data) // 37)):
        with pytest.raises(ModelRefusedError):
            inspect(data[:end])


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_random_bytes_never_pass_and_never_leak_another_error(data: bytes) -> None:
    with pytest.raises(ModelRefusedError):
        inspect(data)
