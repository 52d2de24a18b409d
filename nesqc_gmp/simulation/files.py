"""Simulated pictures as files that say what they are: in their name, in their metadata and in the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.simulation.culture import PIXEL_SIZE_UM

NAME_PREFIX = "simulated-"
"""Every file name begins with this."""

STATEMENT = "simulated neuroepithelial stem cell culture in phase contrast; not a real culture; not for GMP use"
"""What the metadata of every file says."""


def write_simulated(path: Path, samples: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write a simulated picture as PNG or TIFF; the same samples give the same bytes.

    Args:
        path: ``simulated-*.png`` or ``simulated-*.tif``; an existing file is not replaced.
        samples: ``(H, W)`` gray, 8 or 16 bits.

    Raises:
        InvalidInputError: The name does not say that the picture is simulated, or has another ending, or exists.
    """
    if not path.name.startswith(NAME_PREFIX):
        raise InvalidInputError(
            f"the name does not begin with {NAME_PREFIX!r}", where=str(path), remedy="A simulated picture says so."
        )
    if path.suffix not in {".png", ".tif"}:
        raise InvalidInputError("not a .png or .tif name", where=str(path), remedy="Choose one of the two.")
    try:
        with path.open("xb") as stream:
            (_write_png if path.suffix == ".png" else _write_tiff)(stream, samples)
    except FileExistsError:
        raise InvalidInputError("the file exists", where=str(path), remedy="Choose another name.") from None


def _write_png(stream: Any, samples: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Description", STATEMENT)
    per_inch = 25_400 / float(PIXEL_SIZE_UM)
    Image.fromarray(samples).save(stream, format="PNG", pnginfo=texts, dpi=(per_inch, per_inch))


def _write_tiff(stream: Any, samples: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    per_centimetre = 10_000 / float(PIXEL_SIZE_UM)
    tifffile.imwrite(
        stream,
        samples,
        photometric="minisblack",
        compression="zlib",
        description=STATEMENT,
        metadata=None,
        software="nesqc_gmp.simulation",
        resolution=(per_centimetre, per_centimetre),
        resolutionunit="CENTIMETER",
    )
