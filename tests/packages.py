"""The shipped package with tile embeddings, for machines that cannot train one.

Its graph is the shipped one and two fields more, written in the wire format of protobuf: a node that averages the last
feature map over tiles of 4 x 4 cells, and an output of that name. The weights are the shipped ones.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from nesqc_gmp.digest import canonical_json
from nesqc_gmp.modelpack.graph import _fields
from nesqc_gmp.modelpack.layout import MANIFEST, MODEL, golden_image, golden_output
from nesqc_gmp.modelpack.lock import lock
from nesqc_gmp.modelpack.package import LockedModel, open_package
from nesqc_gmp.records.models import ModelDescription

TILE = "tile_embeddings"
SCALE = "7.5"
"""Where the shipped package has none: the spread of a simulated conforming picture, 7.4 being the median of thirty."""


def with_tile_embeddings(shipped: Path, folder: Path, *, measures: bool = True) -> LockedModel:
    """Lock a package in a new folder; one that does not measure has the output and no scale."""
    from nesqc_gmp.inference.gray import gray_samples
    from nesqc_gmp.inference.session import Session

    package = open_package(shipped)
    value: dict[str, Any] = json.loads(package.manifest_bytes)
    del value["parts"]
    parts = dict(package.parts)
    if TILE not in value["graph"]["outputs"]:
        value["graph"]["outputs"].append(TILE)
        parts[MODEL] = averaged(parts[MODEL])
    scale = value.pop("tile_embedding_scale", SCALE)
    value |= {"model_version": "9.0.0", "tile_embedding_scale": scale} if measures else {"model_version": "9.0.1"}
    description = ModelDescription.model_validate_json(canonical_json(value))
    session = Session(parts[MODEL], description.graph, description.runtime)
    for name in description.golden:
        image = np.load(io.BytesIO(parts[golden_image(name)]))
        for output, found in session.run(gray_samples(image)).items():
            stream = io.BytesIO()
            np.save(stream, found)
            parts[golden_output(name, output)] = stream.getvalue()
    for path, data in parts.items():
        if path != MANIFEST:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return lock(folder, description)


def averaged(model: bytes) -> bytes:
    """The ONNX file with one node and one output more (field numbers of ``onnx.proto3``)."""
    graph = dict(_fields(model))[7]
    nodes = [value for number, value in _fields(graph) if number == 1]
    features = next(inputs(node)[0] for node in nodes if b"map" in outputs(node))
    edges = b"".join(b"\x40\x04" for _ in range(2))
    attributes = [
        field(5, field(1, name) + edges + b"\xa0\x01\x07")  # name, two values of 4, type INTS
        for name in (b"kernel_shape", b"strides")
    ]
    name = TILE.encode()
    node = field(1, features) + field(2, name) + field(4, b"AveragePool") + b"".join(attributes)
    shape = b"".join(field(1, field(2, f"tiles{axis}".encode())) for axis in range(4))
    tensor = field(2, field(1, b"\x08\x01" + field(2, shape)))  # 32-bit floats
    longer = graph + field(1, node) + field(12, field(1, name) + tensor)
    return b"".join(
        field(7, longer) if number == 7 else field(number, value) if isinstance(value, bytes) else plain(number, value)
        for number, value in _fields(model)
    )


def inputs(node: bytes) -> list[bytes]:
    """Names of the inputs of a node."""
    return [value for number, value in _fields(node) if number == 1]


def outputs(node: bytes) -> list[bytes]:
    """Names of the outputs of a node."""
    return [value for number, value in _fields(node) if number == 2]


def varint(value: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(number: int, value: bytes) -> bytes:
    """A field of bytes with its length."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def plain(number: int, value: int) -> bytes:
    """A field that is a whole number."""
    return varint(number << 3) + varint(value)
