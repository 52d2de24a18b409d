"""The golden run: every golden image gives every output tensor byte for byte as locked, or there is no engine.

What the input check measures outside the graph is compared as well, so that a limit never meets a number of another
definition. Sums of 32-bit numbers may differ in their last bits between processors, so these agree within a tolerance.
"""

from __future__ import annotations

import io
from tokenize import TokenError
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.imaging.measures import focus_measure, illumination_unevenness, saturated_share
from nesqc_gmp.imaging.statistics import image_statistics
from nesqc_gmp.inference.gray import GraySamples, gray_samples
from nesqc_gmp.inference.session import Outputs, Session
from nesqc_gmp.modelpack.layout import golden_image, golden_measures, golden_output
from nesqc_gmp.modelpack.package import LockedModel

MEASURES_TOLERANCE = 1e-4
"""Largest difference of a measure, absolute below 1 and relative above: far above rounding, far below any limit's step
from one definition to another."""

IDENTICAL = "identical"
"""Outcome of a golden run that passed; there is no other that leaves an engine."""


def require_identical(model: LockedModel, session: Session) -> str:
    """Run every golden image and compare every byte.

    Returns:
        ``identical``.

    Raises:
        ModelRefusedError: An output differs by one bit or more, or a measure by more than its tolerance; the message
            names image and output.
    """
    for name in model.manifest.golden:
        image = load_array(model, golden_image(name))
        gray = gray_samples(image)
        _require_measures(model, name, measures(gray))
        outputs = session.run(gray)
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


def measures(samples: GraySamples) -> NDArray[np.float64]:
    """What the input check measures of an image, ``(19,)``: its statistics, saturated share, focus, illumination."""
    light = (saturated_share(samples), focus_measure(samples), illumination_unevenness(samples))
    return np.concatenate([image_statistics(samples), np.array(light, dtype=np.float64)])


def _require_measures(model: LockedModel, name: str, measured: NDArray[np.float64]) -> None:
    expected = load_array(model, golden_measures(name))
    # An infinite number would allow an infinite difference.
    if (
        measured.shape != expected.shape
        or not np.isfinite(expected).all()
        or not (np.abs(measured - expected) <= MEASURES_TOLERANCE * np.maximum(1.0, np.abs(expected))).all()
    ):
        raise ModelRefusedError(
            f"what the input check measures of golden image {name!r} is not what was locked",
            where=golden_measures(name),
            remedy="This software measures images otherwise than the one that made the package: use the qualified one.",
        )


def load_array(model: LockedModel, path: str) -> NDArray[Any]:
    """An array of the package, read without pickle.

    Raises:
        ModelRefusedError: The part is not an array in NumPy's format.
    """
    try:
        array = np.load(io.BytesIO(model.parts[path]), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError, SyntaxError, TokenError) as error:
        raise ModelRefusedError(f"not an array: {error}", where=path, remedy="Use the released package.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fu":
        raise ModelRefusedError("not an array of numbers", where=path, remedy="Use the released package.")
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
