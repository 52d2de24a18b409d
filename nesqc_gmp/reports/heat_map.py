"""A heat map as one PNG: the image, the image under its map, the scale of colours, and what it is of.

The colours are ordered in lightness (``imaging.picture``), so the picture can be read in grey print and by people who
do not see some colours. The same values give the same bytes in one environment.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nesqc_gmp.certificate.fonts import BOLD, MONO, REGULAR, font_file
from nesqc_gmp.imaging.frame import Samples
from nesqc_gmp.imaging.picture import colour_scale, eight_bits, map_values, stretched, under_heat_map
from nesqc_gmp.records.images import HeatMap

EDGE: Final = 640
"""Longest edge of each of the two pictures where nothing else is asked for, in pixels."""

_MARGIN: Final = 24
_WIDTH_MIN: Final = 900
_BAR_HEIGHT: Final = 22
_LABELS: Final = 120
_LINE: Final = 24
_INK: Final = (22, 25, 29)
_GREY: Final = (91, 101, 112)
_RED: Final = (165, 29, 36)


@dataclass(frozen=True, slots=True)
class HeatMapCaption:
    """What stands on the picture.

    Attributes:
        title: Which image it is.
        mark: That it is a demonstration, that the image is simulated; empty where neither holds.
        facts: Labels and texts, one pair a line; a text of digits alone is set as a digest.
    """

    title: str
    mark: str
    facts: tuple[tuple[str, str], ...]


def render_heat_map(samples: Samples, heat_map: HeatMap, caption: HeatMapCaption, *, edge: int = EDGE) -> bytes:
    """The whole picture.

    Args:
        samples: Gray or RGB samples.
        heat_map: The recorded map; it covers the whole image.
        caption: What is written on it.
        edge: Longest edge of each of the two pictures, in pixels.

    Raises:
        InvalidInputError: The map does not hold the values it says.
    """
    plain = Image.fromarray(eight_bits(stretched(samples, size=edge))).convert("RGB")
    mapped = Image.fromarray(eight_bits(under_heat_map(samples, heat_map, size=edge)))
    width = max(_WIDTH_MIN, 2 * plain.width + 3 * _MARGIN)
    top = _MARGIN + 34 + (26 if caption.mark else 0)
    below = top + plain.height + 40
    height = below + _LINE * 2 + _BAR_HEIGHT + _LINE * len(caption.facts) + 2 * _MARGIN
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    draw.text((_MARGIN, _MARGIN - 4), caption.title, _INK, _font(BOLD, 22))
    if caption.mark:
        draw.text((_MARGIN, _MARGIN + 28), caption.mark, _RED, _font(BOLD, 17))
    second = 2 * _MARGIN + (width - 3 * _MARGIN) // 2
    for left, picture, words in (
        (_MARGIN, plain, "Image, gray, darkest and brightest half percent cut off"),
        (second, mapped, "The same under its heat map"),
    ):
        page.paste(picture, (left, top))
        draw.text((left, top + plain.height + 6), words, _GREY, _font(REGULAR, 14))
    largest = float(np.abs(map_values(heat_map)).max())
    _draw_scale(page, draw, below, largest)
    line = below + _LINE * 2 + _BAR_HEIGHT + _MARGIN
    for label, text in caption.facts:
        draw.text((_MARGIN, line), label, _GREY, _font(REGULAR, 15))
        digest = len(text) == 64 and text.isalnum()
        draw.text((_MARGIN + _LABELS, line), text, _INK, _font(MONO if digest else REGULAR, 15))
        line += _LINE
    return _png(page)


def _draw_scale(page: Image.Image, draw: ImageDraw.ImageDraw, top: int, largest: float) -> None:
    """The colours from against to for, with the values they stand for, over the whole width."""
    width = page.width - 2 * _MARGIN
    small, strong = _font(REGULAR, 14), _font(BOLD, 15)
    draw.text((_MARGIN, top), "Blue, dark: speaks against conforming", _INK, strong)
    draw.text((page.width - _MARGIN, top), "Yellow, light: speaks for conforming", _INK, strong, anchor="ra")
    bar = Image.fromarray(eight_bits(colour_scale(width))).resize((width, _BAR_HEIGHT), Image.Resampling.NEAREST)
    page.paste(bar, (_MARGIN, top + _LINE))
    under = top + _LINE + _BAR_HEIGHT + 4
    draw.text((_MARGIN, under), f"−{largest:.2f}", _INK, small)
    middle = "0, log-odds of conforming; the model card says how the map gives the score"
    draw.text((page.width / 2, under), middle, _INK, small, anchor="ma")
    draw.text((page.width - _MARGIN, under), f"+{largest:.2f}", _INK, small, anchor="ra")


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(name), size, layout_engine=ImageFont.Layout.BASIC)


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
