"""The trained net as one ONNX graph, built node by node: gray samples in, probability, map and distance out.

Written with onnx alone and not by torch's exporter, so that each operator is there on purpose and the file carries no
path, no stack trace and no metadata. Batch normalisation is folded into the convolutions.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from nesqc_gmp.records.models import Graph, OutputName
from nesqc_gmp.training.alterations import Discriminants
from nesqc_gmp.training.measure import Gaussian
from nesqc_gmp.training.network import (
    MEAN_FLOOR,
    MEAN_GAIN,
    SPREAD_FLOOR,
    SPREADS_OF,
    VARIANCE_FLOOR,
    VIEWS,
    Block,
    Network,
    View,
    means_of,
)
from nesqc_gmp.training.plan import NetworkSection

_WITH_ALTERATION = Graph(input="image", outputs=get_args(OutputName), opset=20)
GRAPH = _WITH_ALTERATION.model_copy(
    update={"outputs": tuple(name for name in get_args(OutputName) if name != "alteration")}
)
"""Input and outputs of a graph that tells no alterations."""


def graph_of(*, alterations: bool) -> Graph:
    """Input and outputs of a graph that tells alterations, or does not."""
    return _WITH_ALTERATION if alterations else GRAPH


_IR_VERSION = 10


class _Builder:
    """Nodes and weights of a graph under construction; each method adds nodes and gives the name of the result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}

    def node(self, operator: str, *inputs: str, name: str | None = None, **attributes: int | list[int]) -> str:
        output = name or f"v{len(self.nodes)}"
        node = helper.make_node(operator, list(inputs), [output], name=f"n{len(self.nodes)}")
        node.attribute.extend(helper.make_attribute(key, value) for key, value in sorted(attributes.items()))
        self.nodes.append(node)
        return output

    def weight(self, name: str, value: NDArray[np.float32] | NDArray[np.int64]) -> str:
        self.weights[name] = numpy_helper.from_array(value, name)
        return name

    def number(self, name: str, value: float) -> str:
        return self.weight(name, np.array(value, dtype=np.float32))

    def mean(self, value: str, axes: str, *, keep: bool, name: str | None = None) -> str:
        return self.node("ReduceMean", value, axes, name=name, keepdims=int(keep))


def export(network: Network, temperature: float, features: Gaussian, alterations: Discriminants | None = None) -> bytes:
    """Bytes of the ONNX file; the same weights give the same bytes.

    Args:
        network: The trained net.
        temperature: Divides the logit and the map.
        features: Distribution of the features over the training images.
        alterations: What tells altered images by the whitened features.
    """
    settings = network.settings
    build = _Builder()
    build.weight("space", np.array([2, 3], dtype=np.int64))
    build.weight("all", np.array([1, 2, 3], dtype=np.int64))
    build.weight("one", np.array([1], dtype=np.int64))
    views = VIEWS[settings.views]
    image = _normalised(build, settings)
    viewed = [_levels(build, network, _laid(build, image, view)) for view in views]
    last = _mean_of(build, [_back(build, levels[-1], view) for levels, view in zip(viewed, views, strict=True)])
    # The head scores *not conforming* where the worst place decides; the map is positive for conforming.
    factor = (-1 if settings.pooling == "worst" else 1) / temperature
    weight, bias = (parameter.detach().double().numpy()[:1] * factor for parameter in network.head.parameters())
    build.weight("head.weight", weight.astype(np.float32))
    build.weight("head.bias", bias.astype(np.float32))
    build.node("Conv", last, "head.weight", "head.bias", name="map", kernel_shape=[1, 1])
    pooled = "ReduceMin" if settings.pooling == "worst" else "ReduceMean"
    build.node(pooled, _inner(build, "map", settings.border_cells), "all", name="logit", keepdims=0)
    build.node("Sigmoid", "logit", name="probability")
    build.mean(last, "space", keep=False, name="embedding")
    white = _whitened(build, _mean_of(build, [_features(build, levels) for levels in viewed]), features)
    build.node("Sqrt", build.node("ReduceSum", build.node("Mul", white, white), "one", keepdims=0), name="distance")
    if alterations is not None:
        _alteration(build, white, alterations)
    tile = [settings.tile_cells] * 2
    build.node("AveragePool", last, name="tile_embeddings", kernel_shape=tile, strides=tile)
    return _model(build, graph_of(alterations=alterations is not None))


def _normalised(build: _Builder, settings: NetworkSection) -> str:
    """Average pool (an odd last row or column is dropped), then each image on one scale."""
    counts = build.node("Cast", GRAPH.input, to=onnx.TensorProto.FLOAT)
    if settings.input_pool > 1:
        edge: list[int] = [settings.input_pool] * 2
        counts = build.node("AveragePool", counts, kernel_shape=edge, strides=edge)
    mean = build.mean(counts, "all", keep=True)
    nearly = build.node("Sub", counts, mean)
    centred = build.node("Sub", nearly, build.mean(nearly, "all", keep=True))
    parts = []
    if settings.normalisation in ("mean", "both"):
        scaled = build.node("Mul", centred, build.number("mean_gain", MEAN_GAIN))
        parts.append(build.node("Div", scaled, build.node("Add", mean, build.number("mean_floor", MEAN_FLOOR))))
    if settings.normalisation in ("mean and deviation", "both"):
        variance = build.mean(build.node("Mul", centred, centred), "all", keep=True)
        floor = build.number("variance_floor", VARIANCE_FLOOR)
        parts.append(build.node("Div", centred, build.node("Sqrt", build.node("Add", variance, floor))))
    return parts[0] if len(parts) == 1 else build.node("Concat", *parts, axis=1)


def _laid(build: _Builder, image: str, view: View) -> str:
    """The image in a view: what ``View.of`` does."""
    return _mirrored(build, _transposed(build, image) if view.transposed else image, view)


def _back(build: _Builder, level: str, view: View) -> str:
    """What the network gave for a view, laid over the image again: what ``View.back`` does."""
    level = _mirrored(build, level, view)
    return _transposed(build, level) if view.transposed else level


def _transposed(build: _Builder, value: str) -> str:
    return build.node("Transpose", value, perm=[0, 1, 3, 2])


def _mirrored(build: _Builder, value: str, view: View) -> str:
    """Axes reversed, by a slice that steps backwards."""
    if not view.mirrored:
        return value
    count = len(view.mirrored)
    values = {"from": [-1] * count, "to": [np.iinfo(np.int64).min] * count, "axes": view.mirrored, "step": [-1] * count}
    axes = "".join(map(str, view.mirrored))
    names = [build.weight(f"{name}.{axes}", np.array(each, dtype=np.int64)) for name, each in values.items()]
    return build.node("Slice", value, *names)


def _inner(build: _Builder, value: str, border: int) -> str:
    """A map without the cells along its borders."""
    if not border:
        return value
    values = {"inner.from": [border] * 2, "inner.to": [-border] * 2, "inner.axes": [2, 3]}
    return build.node("Slice", value, *(build.weight(name, np.array(each)) for name, each in values.items()))


def _mean_of(build: _Builder, values: list[str]) -> str:
    """Mean of tensors of one shape, added in their order."""
    total = values[0]
    for value in values[1:]:
        total = build.node("Add", total, value)
    return build.node("Mul", total, build.number("share", 1 / len(values))) if len(values) > 1 else total


def _levels(build: _Builder, network: Network, image: str) -> list[str]:
    """Outputs of the stem and of the residual blocks."""
    levels = [build.node("Relu", _convolution(build, network.stem, image, "stem"))]
    for index, stage in enumerate(network.stages):
        if not isinstance(stage, Block):
            raise TypeError("a stage is not a Block")
        before, name = levels[-1], f"stage{index + 1}"
        inner = build.node("Relu", _convolution(build, stage.first, before, f"{name}.first"))
        outer = _convolution(build, stage.second, inner, f"{name}.second")
        kept = before if stage.shortcut is None else _convolution(build, stage.shortcut, before, f"{name}.shortcut")
        levels.append(build.node("Relu", build.node("Add", outer, kept)))
    return levels


def _convolution(build: _Builder, layer: nn.Sequential, value: str, name: str) -> str:
    """A convolution with its batch normalisation folded in, in 64-bit arithmetic."""
    convolution, norm = layer[0], layer[1]
    if not (isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)):
        raise TypeError("a layer is not a convolution with batch normalisation")
    if norm.running_mean is None or norm.running_var is None:
        raise TypeError("a batch normalisation keeps no running statistics")
    scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = convolution.weight.detach().double() * scale.reshape(-1, 1, 1, 1)
    bias = norm.bias.detach().double() - norm.running_mean.double() * scale
    build.weight(f"{name}.weight", weight.float().numpy())
    build.weight(f"{name}.bias", bias.float().numpy())
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    return build.node(
        "Conv",
        value,
        f"{name}.weight",
        f"{name}.bias",
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[kernel // 2] * 4,
    )


def _features(build: _Builder, levels: list[str]) -> str:
    """Means and standard deviations of channels: what the distance is measured on."""
    floor = build.number("spread_floor", SPREAD_FLOOR)
    columns = [build.mean(levels[index], "space", keep=False) for index in means_of(len(levels))]
    for index in SPREADS_OF:
        centred = build.node("Sub", levels[index], build.mean(levels[index], "space", keep=True))
        variance = build.mean(build.node("Mul", centred, centred), "space", keep=False)
        columns.append(build.node("Sqrt", build.node("Add", variance, floor)))
    return build.node("Concat", *columns, axis=1)


def _whitened(build: _Builder, found: str, features: Gaussian) -> str:
    """The whitened features; their length is the Mahalanobis distance from the training images."""
    centre = build.weight("features.mean", features.mean.astype(np.float32)[None])
    whitening = build.weight("features.whitening", np.ascontiguousarray(features.whitening, dtype=np.float32))
    return build.node("MatMul", build.node("Sub", found, centre), whitening)


def _alteration(build: _Builder, white: str, alterations: Discriminants) -> None:
    """The largest of the discriminants."""
    weights = build.weight("alterations.weights", np.ascontiguousarray(alterations.weights, dtype=np.float32))
    offsets = build.weight("alterations.offsets", alterations.offsets.astype(np.float32)[None])
    ratios = build.node("Add", build.node("MatMul", white, weights), offsets)
    build.node("ReduceMax", ratios, "one", name="alteration", keepdims=0)


def _model(build: _Builder, shape: Graph) -> bytes:
    shapes = {
        "map": (1, 1, "rows", "columns"),
        "embedding": (1, "channels"),
        "tile_embeddings": (1, "channels", "tile_rows", "tile_columns"),
    }
    image = helper.make_tensor_value_info(shape.input, onnx.TensorProto.UINT16, (1, 1, "height", "width"))
    outputs = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shapes.get(name, (1,))) for name in shape.outputs
    ]
    graph = helper.make_graph(build.nodes, "nesqc", [image], outputs, list(build.weights.values()))
    opset = helper.make_opsetid("", shape.opset)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="nesqc_gmp")
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
