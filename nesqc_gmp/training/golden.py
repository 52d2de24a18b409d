"""Golden images and the bytes that the graph gives for them, written as arrays that need no pickle to read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import golden_image, golden_output
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.label import labelled
from nesqc_gmp.simulation.look import draw_look

_CULTURE = 9000
"""Number of the first golden culture: in none of the splits."""


def golden_images() -> dict[str, NDArray[Any]]:
    """Simulated golden images by name: both classes, 8 and 16 bits, gray and RGB, an odd size, a blank field."""

    def draw(number: int, severity: float, size: int) -> NDArray[np.uint8]:
        look = draw_look(_CULTURE + number)
        return simulate(number, good=severity == 0, severity=severity, culture=look, size=size)

    gray = draw(4, 0.4, 256)
    return {
        "blank": np.full((256, 256), 90, dtype=np.uint8),
        "conforming": draw(0, 0.0, 512),
        "conforming-sixteen-bit": draw(1, 0.0, 256).astype(np.uint16) * np.uint16(16) + np.uint16(7),
        "not-conforming": draw(2, 0.9, 512),
        "odd-size": labelled(draw(3, 0.3, 320)[:257, :319]),
        "rgb": np.stack((gray, gray[::-1], gray[:, ::-1]), axis=-1),
    }


def write_golden(folder: Path, session: Session) -> tuple[str, ...]:
    """Write every golden image and every output tensor under the folder; gives the names."""
    (folder / "golden").mkdir()
    images = golden_images()
    for name, image in images.items():
        (folder / golden_image(name)).write_bytes(array_bytes(image))
        for output, value in session.run(gray_samples(image)).items():
            (folder / golden_output(name, output)).write_bytes(array_bytes(value))
    return tuple(sorted(images))


def array_bytes(value: NDArray[Any]) -> bytes:
    """NumPy's own file format, without pickle."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(value), allow_pickle=False)
    return stream.getvalue()
