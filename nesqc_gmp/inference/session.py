"""The onnxruntime session: one thread, one provider, a fixed level of optimisation, and the environment it runs in.

Level EXTENDED and not ALL: ALL chooses kernels by processor, so its last bits differ between machines.
"""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.inference.gray import GraySamples
from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.records.images import RuntimeFacts
from nesqc_gmp.records.models import Graph, RuntimeSettings

Outputs = dict[str, NDArray[np.float32]]
"""Output tensors by name, in the order of the manifest."""

PIXEL_PACKAGES = ("imagecodecs", "numpy", "onnxruntime", "pillow", "tifffile")
"""Packages that touch pixels between the file and the score."""

VECTOR_EXTENSIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")

_LEVELS = {"EXTENDED": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED}


class Session:
    """An onnxruntime session built from bytes in memory.

    Args:
        model: Bytes of the ONNX file.
        graph: Its inputs and outputs.
        settings: How the session runs.

    Raises:
        ModelRefusedError: onnxruntime cannot build the session as the manifest asks.
    """

    def __init__(self, model: bytes, graph: Graph, settings: RuntimeSettings) -> None:
        self._graph = graph
        self._settings = settings
        self._session = _build(model, settings)
        _require(self._session, self._graph, self._settings)

    def run(self, gray: GraySamples) -> Outputs:
        """Every output tensor for one image ``(height, width)``."""
        values = self._session.run(list(self._graph.outputs), {self._graph.input: gray[None, None]})
        return {name: np.asarray(value) for name, value in zip(self._graph.outputs, values, strict=True)}

    def facts(self, self_test: str) -> RuntimeFacts:
        """The environment, with the outcome of the golden run."""
        return RuntimeFacts(
            onnxruntime=f"{onnxruntime.__version__}; {onnxruntime.get_build_info()}",
            provider=", ".join(self._session.get_providers()),
            threads=self._settings.threads,
            graph_optimisation=self._settings.graph_optimisation,
            deterministic=self._settings.deterministic,
            processor=processor(),
            python=platform.python_version(),
            packages=tuple(f"{name}=={importlib.metadata.version(name)}" for name in PIXEL_PACKAGES),
            self_test=self_test,
        )


def _build(model: bytes, settings: RuntimeSettings) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = settings.threads
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = _LEVELS[settings.graph_optimisation]
    options.use_deterministic_compute = settings.deterministic
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, sess_options=options, providers=[settings.provider])
    except Exception as error:  # onnxruntime raises a dozen unrelated classes, some of them plain Exception
        raise _refused(f"onnxruntime cannot load the model: {error}") from error


def _require(session: Any, graph: Graph, settings: RuntimeSettings) -> None:
    """Refuse a session that is not the one the manifest describes."""
    if session.get_providers() != [settings.provider]:
        raise _refused(f"onnxruntime chose {session.get_providers()}, not {settings.provider} alone")
    inputs = [(tensor.name, tensor.type) for tensor in session.get_inputs()]
    if inputs != [(graph.input, "tensor(uint16)")]:
        raise _refused(f"the model takes {inputs}, not one uint16 tensor {graph.input!r}")
    outputs = [(tensor.name, tensor.type) for tensor in session.get_outputs()]
    if outputs != [(name, "tensor(float)") for name in graph.outputs]:
        raise _refused(f"the model gives {outputs}, not the outputs of the manifest")


def _refused(what: str) -> ModelRefusedError:
    return ModelRefusedError(what, where=MODEL, remedy="Use the released package and the qualified onnxruntime.")


def processor() -> str:
    """Name of the processor and the vector extensions that matter, as far as the system says."""
    facts: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    flags = set(facts.get("flags", "").split())
    name = facts.get("model name") or platform.processor() or platform.machine()
    return " ".join([name, *(extension for extension in VECTOR_EXTENSIONS if extension in flags)])
