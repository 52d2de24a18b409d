"""Pixel size in micrometres from what a file says of resolution.

Scanners, cameras and image editors write a print resolution (72, 96, 300, 1200 dots per inch) where nobody
measured anything. A resolution is believed only where the pixel would be 0.02 to 20 micrometres on edge: a
microscope image; 1200 dots per inch is 21. JPEG and BMP resolutions are never believed: they hold whole numbers
made for printing.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.records.base import decimal_text

SIZE_MIN_UM = Decimal("0.02")
"""Smallest pixel edge that is believed, in micrometres."""

SIZE_MAX_UM = Decimal("20")
"""Largest pixel edge that is believed, in micrometres."""

_AGREEMENT = Decimal("0.001")
_DECIMALS = 6


def believable_size(x_um: Decimal, y_um: Decimal) -> str | None:
    """The pixel edge from resolution tags as decimal text, or ``None`` where no microscope image has it.

    Raises:
        ImageRejectedError: Both edges are believable and differ by more than 0.1 %.
    """
    if not all(SIZE_MIN_UM <= size <= SIZE_MAX_UM for size in (x_um, y_um)):
        return None
    return square_size(x_um, y_um)


def square_size(x_um: Decimal, y_um: Decimal) -> str:
    """The edge of a square pixel, in micrometres, as decimal text.

    Raises:
        ImageRejectedError: A size is not a positive number a microscope can have, or the pixel is not square.
    """
    for size in (x_um, y_um):
        if not size.is_finite() or not Decimal("0.0001") <= size <= Decimal("100000"):
            raise ImageRejectedError(
                f"The file gives a pixel size of {str(size)[:40]} micrometres, which cannot be.",
                remedy="Correct the calibration in the acquisition software and export again.",
            )
    if abs(x_um - y_um) > _AGREEMENT * min(x_um, y_um):
        raise ImageRejectedError(
            f"The pixels are not square: {decimal_text(x_um, _DECIMALS)} x {decimal_text(y_um, _DECIMALS)} "
            "micrometres.",
            remedy="Export the image with square pixels.",
        )
    return decimal_text(x_um, _DECIMALS)


def edge_um(pixels: int, unit_um: Decimal, units: int = 1) -> Decimal:
    """Edge of a pixel in micrometres where ``pixels`` cover ``units`` of a length; zero where none is given."""
    if pixels <= 0 or units <= 0:
        return Decimal(0)
    with localcontext() as context:
        context.prec = 40
        return unit_um * units / pixels
