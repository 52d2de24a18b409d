"""The golden run: every golden image gives every output tensor byte for byte as locked, or there is no engine."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Outputs, Session
from nesqc_gmp.modelpack.layout import golden_image, golden_output
from nesqc_gmp.modelpack.package import LockedModel

IDENTICAL = "identical"
"""Outcome of a golden run that passed; there is no other that leaves an engine."""


def require_identical(model: LockedModel, session: Session) -> str:
    """Run every golden image and compare every byte.

    Returns:
        ``identical``.

    Raises:
        ModelRefusedError: An output differs by one bit or more; the message names image and output.
    """
    for name in model.manifest.golden:
        image = load_array(model, golden_image(name))
        outputs = session.run(gray_samples(image))
        for output, measured in outputs.items():
            expected = load_array(model, golden_output(name, output))
            if not _same(measured, expected):
                raise ModelRefusedError(
                    f"output {output!r} of golden image {name!r} differs from the locked one in "
                    f"{_differing(measured, expected)}",
                    where=golden_output(name, output),
                    remedy=f"The package was locked with onnxruntime {model.manifest.runtime.onnxruntime}; this is "
                    f"{onnxruntime.__version__}. Run it in the qualified environment.",
                )
    return IDENTICAL


def load_array(model: LockedModel, path: str) -> NDArray[Any]:
    """An array of the package, read without pickle.

    Raises:
        ModelRefusedError: The part is not an array in NumPy's format.
    """
    try:
        array = np.load(io.BytesIO(model.parts[path]), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ModelRefusedError(f"not an array: {error}", where=path, remedy="Use the released package.") from error
    if not isinstance(array, np.ndarray):
        raise ModelRefusedError("an archive, not an array", where=path, remedy="Use the released package.")
    return array


def output_bytes(outputs: Outputs) -> bytes:
    """Bytes of all output tensors, one after the other, little-endian."""
    return b"".join(np.ascontiguousarray(value, dtype="<f4").tobytes() for value in outputs.values())


def _same(measured: NDArray[Any], expected: NDArray[Any]) -> bool:
    return (
        measured.dtype == expected.dtype
        and measured.shape == expected.shape
        and measured.tobytes() == expected.tobytes()
    )


def _differing(measured: NDArray[Any], expected: NDArray[Any]) -> str:
    if measured.shape != expected.shape or measured.dtype != expected.dtype:
        return f"shape or type: {measured.dtype} {measured.shape}, not {expected.dtype} {expected.shape}"
    return f"{int(np.sum(measured != expected))} of {measured.size} values"
