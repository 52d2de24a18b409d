"""The rotation tag of EXIF and TIFF: an image that asks to be rotated is refused, never rotated silently."""

from __future__ import annotations

from PIL import Image

from nesqc_gmp.errors import ImageRejectedError

ORIENTATION_TAG = 0x0112
"""Orientation (TIFF 6.0, section 8; Exif 2.32, 4.6.4 A)."""

_AS_STORED = 1


def refuse_rotation(exif: bytes) -> None:
    """Refuse an EXIF block whose orientation is not the stored one.

    Raises:
        ImageRejectedError: The tag asks for a rotation or reflection.
    """
    values = Image.Exif()
    values.load(exif)
    refuse_orientation(values.get(ORIENTATION_TAG, _AS_STORED))


def refuse_orientation(value: object) -> None:
    """Refuse an orientation value that is not 1.

    Raises:
        ImageRejectedError: The value asks for a rotation or reflection.
    """
    if value != _AS_STORED:
        raise ImageRejectedError(
            f"The file asks the viewer to rotate or mirror the image (orientation {str(value)[:20]}).",
            remedy="Export the image as it was recorded, without an orientation tag.",
        )
