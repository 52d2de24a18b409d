"""TIFF, BigTIFF and OME-TIFF: one page of gray or RGB, 8 or 16 bits unsigned (TIFF 6.0).

Everything is checked in the header before a sample is decoded: the number of pages, the meaning of the samples,
the compression, the place of every strip or tile in the file, and every size that leads to an allocation.
"""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from decimal import Decimal

import numpy as np
import tifffile

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.frame import PIXELS_MAX, Header, Samples
from nesqc_gmp.imaging.ome import is_ome, read_ome
from nesqc_gmp.imaging.orientation import ORIENTATION_TAG, refuse_orientation
from nesqc_gmp.imaging.resolution import believable_size, edge_um

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DECODER = f"tifffile {tifffile.__version__}"

_COMPRESSIONS = {1: "none", 5: "LZW", 8: "deflate", 32946: "deflate", 32773: "PackBits"}
_PHOTOMETRIC = {1: "MinIsBlack", 2: "RGB"}
_PREDICTORS = frozenset((1, 2))
_UNSIGNED = 1
_TILE_STEP = 16
_UNIT_UM = {2: Decimal(25_400), 3: Decimal(10_000)}
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_FLAVOURS = frozenset(("imagej", "shaped", "ome", "metaseries", "uniform", "geotiff"))
_ONE_IMAGE = "Export each plane and channel as an image of its own."
_PLAIN = "Export the image as plain gray or RGB TIFF with 8 or 16 bits."
_COPY_AGAIN = "Copy the file again from the instrument."


def read(data: bytes) -> tuple[Header, Samples]:
    """Header and samples of a TIFF file.

    Raises:
        ImageRejectedError: The file is damaged or holds something that is not accepted.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        _refuse_other_images(data, file, page)
        _refuse_other_samples(page)
        header = _header(page)
        _refuse_missing_data(page, len(data), header)
        samples = page.asarray(maxworkers=1)
        if page.axes == "SYX":
            samples = np.moveaxis(samples, 0, -1)
        return header, np.ascontiguousarray(samples)


def _refuse_other_images(data: bytes, file: tifffile.TiffFile, page: tifffile.TiffPage) -> None:
    """Refuse a file that holds anything but one image, in every way known of saying so."""
    layout = file.tiff
    (tags,) = struct.unpack_from(layout.tagnoformat, data, page.offset)
    (following,) = struct.unpack_from(layout.offsetformat, data, page.offset + layout.tagnosize + tags * layout.tagsize)
    if following or page.subifds:
        raise ImageRejectedError("The file holds more than one image.", remedy=_ONE_IMAGE)
    strangers = page.flags - _FLAVOURS
    if strangers:
        raise ImageRejectedError(
            f"The file is of a vendor's own kind ({', '.join(sorted(strangers))}).",
            remedy="Export the image as plain TIFF or OME-TIFF.",
        )
    stacked = page.is_imagej and (file.imagej_metadata or {}).get("images", 1) != 1
    shapes = [entry.get("shape") for entry in file.shaped_metadata or ()] if page.is_shaped else []
    if stacked or any(shape is None or int(np.prod(shape, dtype=object)) != page.size for shape in shapes):
        raise ImageRejectedError("The file holds a stack of images in one page.", remedy=_ONE_IMAGE)


def _refuse_other_samples(page: tifffile.TiffPage) -> None:
    """Refuse samples that are not plain unsigned gray or RGB."""
    what = None
    if page.photometric not in _PHOTOMETRIC:
        what = f"The samples mean {_name(page.photometric)}, not gray (MinIsBlack) or RGB."
    elif page.compression not in _COMPRESSIONS:
        what = f"The compression {_name(page.compression)} is not accepted, only none, LZW, deflate or PackBits."
    elif page.sampleformat != _UNSIGNED or page.bitspersample not in (8, 16) or page.fillorder != 1:
        what = f"The samples are {page.bitspersample} bits of format {page.sampleformat}, not 8 or 16 bits unsigned."
    elif page.extrasamples or page.samplesperpixel != (1 if page.photometric == 1 else 3):
        what = f"The image has {page.samplesperpixel} samples per pixel, not 1 (gray) or 3 (RGB)."
    elif page.predictor not in _PREDICTORS or page.axes not in ("YX", "YXS", "SYX"):
        what = f"The samples are laid out as {page.axes} with predictor {page.predictor}."
    if what is not None:
        raise ImageRejectedError(what, remedy=_PLAIN)
    orientation = page.tags.get(ORIENTATION_TAG)
    refuse_orientation(1 if orientation is None else orientation.value)


def _header(page: tifffile.TiffPage) -> Header:
    """The header of an accepted page."""
    width, height, channels = page.imagewidth, page.imagelength, page.samplesperpixel
    sizes = Header("TIFF", width, height, channels, page.bitspersample, None)
    if is_ome(page.description):
        size = read_ome(page.description, width=width, height=height, channels=channels)
    else:
        size = _resolution(page)
    return replace(sizes, pixel_size_um=size)


def _refuse_missing_data(page: tifffile.TiffPage, file_bytes: int, header: Header) -> None:
    """Refuse strips or tiles that are absent, outside the file, too large or too few."""
    samples = 1 if page.planarconfig == 2 else header.channels
    planes = header.channels // samples
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
        sound = rows % _TILE_STEP == 0 == columns % _TILE_STEP and 0 < rows * columns <= PIXELS_MAX
    else:
        rows, columns = min(page.rowsperstrip, header.height), header.width
        sound = rows > 0
    count = planes * -(-header.height // rows) * -(-header.width // columns) if sound else 0
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    inside = all(min(offset, length) > 0 and offset + length <= file_bytes for offset, length in places)
    if not sound or not inside or len(page.dataoffsets) != count or len(page.databytecounts) != count:
        raise ImageRejectedError("Parts of the image are missing from the file.", remedy=_COPY_AGAIN)
    stored = sum(page.databytecounts)
    if page.compression == 1 and stored < header.width * header.height * header.channels * header.bit_depth // 8:
        raise ImageRejectedError("The file holds fewer samples than its header says.", remedy=_COPY_AGAIN)


def _resolution(page: tifffile.TiffPage) -> str | None:
    """Pixel size from the resolution tags, where their unit is a length and the size is believable."""
    x, y, unit = (page.tags.valueof(code) for code in (_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT))
    if x is None or y is None or unit not in _UNIT_UM:
        return None
    (x_pixels, x_units), (y_pixels, y_units) = x, y
    return believable_size(edge_um(x_pixels, _UNIT_UM[unit], x_units), edge_um(y_pixels, _UNIT_UM[unit], y_units))


def _name(value: object) -> str:
    """The name of a tag's value where the decoder knows one."""
    return str(getattr(value, "name", value))
