"""Golden images and the bytes that the graph gives for them, written as arrays that need no pickle to read.

The images are simulated whatever the model was trained on: they fix what the software computes, and a package then
never carries a picture of a patient's cells.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.inference.golden import measures
from nesqc_gmp.inference.gray import gray_samples
from nesqc_gmp.inference.session import Session
from nesqc_gmp.modelpack.layout import golden_image, golden_measures, golden_output
from nesqc_gmp.simulation.culture import simulate
from nesqc_gmp.simulation.look import draw_look
from nesqc_gmp.training.plan import GoldenSection

_CULTURE = 9000
"""Number of the first golden culture: in none of the splits."""


def golden_images(plan: GoldenSection) -> dict[str, NDArray[Any]]:
    """Simulated golden images by name: growing severity; 8 bits, 16 bits, an odd size and RGB in turn.

    The first is conforming and the second is blank.
    """
    images: dict[str, NDArray[Any]] = {"01-conforming": _field(0, 0.0, plan.edge)}
    kinds = (_blank, _sixteen_bit, _odd, _rgb, lambda field: field)
    names = ("blank", "sixteen-bit", "odd-size", "rgb", "not-conforming")
    for number in range(1, plan.number):
        kind = (number - 1) % len(kinds)
        field = _field(number, number / plan.number, plan.edge)
        images[f"{number + 1:02d}-{names[kind]}"] = kinds[kind](field)
    return images


def _field(number: int, severity: float, edge: int) -> NDArray[np.uint8]:
    look = draw_look(_CULTURE + number)
    return simulate(number, good=severity == 0, severity=severity, culture=look, size=edge)


def _blank(field: NDArray[np.uint8]) -> NDArray[Any]:
    return np.full_like(field, 90)


def _sixteen_bit(field: NDArray[np.uint8]) -> NDArray[Any]:
    return field.astype(np.uint16) * np.uint16(16) + np.uint16(7)


def _odd(field: NDArray[np.uint8]) -> NDArray[Any]:
    return np.ascontiguousarray(field[:-1, :-3])


def _rgb(field: NDArray[np.uint8]) -> NDArray[Any]:
    return np.stack((field, field[::-1], field[:, ::-1]), axis=-1)


def write_golden(folder: Path, images: dict[str, NDArray[Any]], session: Session) -> tuple[str, ...]:
    """Write every golden image, what is measured of it and every output tensor under the folder; gives the names."""
    (folder / "golden").mkdir()
    for name, image in images.items():
        (folder / golden_image(name)).write_bytes(array_bytes(image))
        gray = gray_samples(image)
        (folder / golden_measures(name)).write_bytes(array_bytes(measures(gray)))
        for output, value in session.run(gray).items():
            (folder / golden_output(name, output)).write_bytes(array_bytes(value))
    return tuple(sorted(images))


def array_bytes(value: NDArray[Any]) -> bytes:
    """NumPy's own file format, without pickle."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(value), allow_pickle=False)
    return stream.getvalue()
