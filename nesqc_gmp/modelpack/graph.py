"""What an ONNX file may contain, read from its protobuf wire format without onnx or protobuf.

Source: ``onnx.proto3`` of ONNX IR 10 for the field numbers, and the protobuf encoding guide for the wire format.
Refused: weights outside the file, operators of another domain or outside the list below, subgraphs, functions and
metadata. ``Log`` is missing from the list on purpose: onnxruntime computes it differently by position in the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.modelpack.layout import MODEL

OPERATORS = frozenset(
    {
        "Add",
        "AveragePool",
        "Cast",
        "Concat",
        "Constant",
        "Conv",
        "Div",
        "Gemm",
        "Identity",
        "MatMul",
        "MaxPool",
        "Mul",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Sigmoid",
        "Slice",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
    }
)
"""Operators of the default domain that a locked graph may use."""

_MODEL_GRAPH, _MODEL_OPSET, _MODEL_METADATA, _MODEL_FUNCTIONS = 7, 8, 14, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE, _GRAPH_METADATA = 1, 5, 15, 16
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN, _NODE_METADATA = 4, 5, 7, 9
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What was found in an ONNX file.

    Attributes:
        opset: Version of the default operator set.
        operators: Names of the operators used.
        weights: Tensors stored in the file.
    """

    opset: int
    operators: frozenset[str]
    weights: int


def inspect(model: bytes) -> GraphFacts:
    """Check an ONNX file against the list of what a locked graph may contain.

    Raises:
        ModelRefusedError: The file is not readable or contains what is not allowed.
    """
    graphs, opsets, operators, weights = [], [], set[str](), 0
    for number, value in _fields(model):
        if number in (_MODEL_METADATA, _MODEL_FUNCTIONS):
            raise _refused("the model carries metadata or functions")
        if number == _MODEL_GRAPH:
            graphs.append(_message(value))
        elif number == _MODEL_OPSET:
            opsets.append(_opset(_message(value)))
    if len(graphs) != 1 or len(opsets) != 1:
        raise _refused(f"the model has {len(graphs)} graphs and {len(opsets)} operator sets, not one of each")
    for number, value in _fields(graphs[0]):
        if number in (_GRAPH_SPARSE, _GRAPH_METADATA):
            raise _refused("the graph carries sparse weights or metadata")
        if number == _GRAPH_NODE:
            operators.add(_operator(_message(value)))
        elif number == _GRAPH_INITIALIZER:
            _stored_inside(_message(value))
            weights += 1
    return GraphFacts(opset=opsets[0], operators=frozenset(operators), weights=weights)


def _opset(message: bytes) -> int:
    fields = dict(_fields(message))
    domain, version = fields.get(_OPSET_DOMAIN, b""), fields.get(_OPSET_VERSION)
    if domain not in (b"", b"ai.onnx") or not isinstance(version, int):
        raise _refused(f"operator set {domain!r} is not the default one")
    return version


def _operator(node: bytes) -> str:
    name = ""
    for number, value in _fields(node):
        if number == _NODE_METADATA:
            raise _refused("a node carries metadata")
        if number == _NODE_DOMAIN and value not in (b"", b"ai.onnx"):
            raise _refused(f"a node comes from the domain {value!r}")
        if number == _NODE_OPERATOR:
            name = _message(value).decode("utf-8", "replace")
        elif number == _NODE_ATTRIBUTE:
            _plain_attribute(_message(value))
    if name not in OPERATORS:
        raise _refused(f"the operator {name!r} is not allowed")
    return name


def _plain_attribute(attribute: bytes) -> None:
    for number, value in _fields(attribute):
        if number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            raise _refused("a node carries a subgraph")
        if number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            _stored_inside(_message(value))


def _stored_inside(tensor: bytes) -> None:
    for number, value in _fields(tensor):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
            raise _refused("the model keeps weights outside its file")


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _refused("the file is not an ONNX model")
    return value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Every field of a protobuf message as number and value; groups are refused, they are not part of proto3."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == _BYTES:
            length, place = _varint(data, place)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise _refused("the file is not an ONNX model")
        if place + length > len(data):
            raise _refused("the file ends too early")
        yield number, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise _refused("the file ends too early")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise _refused("the file is not an ONNX model")


def _refused(what: str) -> ModelRefusedError:
    return ModelRefusedError(what, where=MODEL, remedy="Export the model again as one plain ONNX file.")
