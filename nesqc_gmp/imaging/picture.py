"""Pictures for certificates and reports: the image itself, and the image under its class-activation map.

Pictures are for the reader; nothing is measured on them. The same samples give the same bytes in one environment.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nesqc_gmp.errors import InvalidInputError
from nesqc_gmp.imaging.area import area_means
from nesqc_gmp.imaging.frame import Gray, Samples, luminance
from nesqc_gmp.records.images import HeatMap

STRETCH_PERCENTILES = (0.5, 99.5)
"""Darkest and brightest percentile of the luminance, shown as black and white; to be stated beside a picture."""

_QUALITY = 85
_RAMP = np.array([[0.0, 0.14, 0.34], [0.49, 0.48, 0.47], [1.0, 0.92, 0.27]])
"""Dark blue, gray, light yellow: ordered in lightness, so the order survives gray print and colour blindness."""

_SHADE = (0.25, 0.5)
_OPACITY = 0.75


def render_jpeg(samples: Samples, *, size: int) -> bytes:
    """The luminance as 8-bit gray JPEG, stretched between the percentiles 0.5 and 99.5.

    Args:
        samples: Gray or RGB samples.
        size: Longest edge of the picture in pixels; a smaller image is not enlarged.
    """
    return _jpeg(stretched(samples, size=size))


def render_heat_map_jpeg(samples: Samples, heat_map: HeatMap, *, size: int) -> bytes:
    """The stretched image in gray under its class-activation map, as 8-bit RGB JPEG.

    Light yellow speaks for conforming, dark blue against it; strength of colour is the value over the largest
    absolute value of this map, so two pictures are not comparable in strength. In gray print, lighter speaks for.

    Args:
        samples: Gray or RGB samples.
        heat_map: The map; it covers the whole image.
        size: Longest edge of the picture in pixels; a smaller image is not enlarged.

    Raises:
        InvalidInputError: The values of the map are not as many finite numbers as its rows and columns say.
    """
    return _jpeg(under_heat_map(samples, heat_map, size=size))


def under_heat_map(samples: Samples, heat_map: HeatMap, *, size: int) -> Gray:
    """The picture of :func:`render_heat_map_jpeg` as ``(height, width, 3)`` values from 0 to 1.

    Raises:
        InvalidInputError: As there.
    """
    image = stretched(samples, size=size)
    values = map_values(heat_map)
    values = values / max(float(np.abs(values).max()), float(np.finfo(np.float32).tiny))
    return _coloured(image, _enlarged(values, *image.shape))


def colour_scale(width: int) -> Gray:
    """The colours of a heat map over a middle gray, from -1 at the left to 1, as ``(1, width, 3)`` values 0 to 1."""
    return _coloured(np.full((1, width), 0.5), np.linspace(-1.0, 1.0, width)[None, :])


def _coloured(image: Gray, values: Gray) -> Gray:
    """Colours of values from -1 to 1 over an image, the stronger the value the more of its colour."""
    ground = _SHADE[0] + _SHADE[1] * image
    opacity = (_OPACITY * np.abs(values))[..., None]
    places = np.linspace(-1.0, 1.0, len(_RAMP))
    colour = np.stack([np.interp(values, places, _RAMP[:, channel]) for channel in range(3)], axis=-1)
    mixed: Gray = ground[..., None] * (1.0 - opacity) + colour * opacity
    return mixed


def stretched(samples: Samples, *, size: int) -> Gray:
    """Luminance of which black and white are the percentiles 0.5 and 99.5, as ``(height, width)`` values 0 to 1.

    Args:
        samples: Gray or RGB samples.
        size: Longest edge of the picture in pixels; a smaller image is not enlarged.
    """
    image = luminance(samples)
    low, high = (float(level) for level in np.percentile(image, STRETCH_PERCENTILES))
    longest = max(image.shape)
    if size < longest:
        rows, columns = (max(1, round(edge * size / longest)) for edge in image.shape)
        image = area_means(image, rows, columns)
    levels: Gray = np.clip((image - low) / max(high - low, 1e-9), 0.0, 1.0)
    return levels


def map_values(heat_map: HeatMap) -> Gray:
    """The values of a map as ``(rows, columns)`` float64.

    Raises:
        InvalidInputError: They are not as many finite numbers as the map says.
    """
    try:
        data = base64.b64decode(heat_map.values, validate=True)
    except ValueError:
        data = b""
    cells = heat_map.rows * heat_map.columns
    if heat_map.rows < 1 or heat_map.columns < 1 or len(data) != 4 * cells:
        raise InvalidInputError(
            f"The map does not hold {heat_map.rows} x {heat_map.columns} values.",
            where="heat map",
            remedy="Take the map from the prediction record.",
        )
    values = np.frombuffer(data, dtype="<f4").astype(np.float64).reshape(heat_map.rows, heat_map.columns)
    if not np.isfinite(values).all():
        raise InvalidInputError(
            "The map holds a value that is no number.", where="heat map", remedy="Predict the image again."
        )
    return values


def _enlarged(values: Gray, rows: int, columns: int) -> Gray:
    """Bilinear interpolation between the centres of cells; beyond the outer centres the outer values hold."""
    return _interpolated(_interpolated(values, rows).T, columns).T


def _interpolated(values: Gray, count: int) -> Gray:
    """Linear interpolation along the rows to so many rows."""
    places = np.clip((np.arange(count) + 0.5) * values.shape[0] / count - 0.5, 0, values.shape[0] - 1)
    before = places.astype(np.intp)
    after = np.minimum(before + 1, values.shape[0] - 1)
    share = (places - before)[:, None]
    interpolated: Gray = values[before] * (1.0 - share) + values[after] * share
    return interpolated


def eight_bits(image: Gray) -> NDArray[np.uint8]:
    """Values from 0 to 1 as 8-bit levels."""
    levels: NDArray[np.uint8] = np.rint(image * 255.0).astype(np.uint8)
    return levels


def _jpeg(image: Gray) -> bytes:
    """JPEG of values from 0 to 1, gray ``(h, w)`` or RGB ``(h, w, 3)``, without metadata."""
    stream = io.BytesIO()
    Image.fromarray(eight_bits(image)).save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return stream.getvalue()
