"""Sample heat maps beside their images."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from nesqc_gmp.imaging.picture import colour_scale, eight_bits, render_heat_map_jpeg, render_jpeg
from nesqc_gmp.inference.maps import heat_map
from nesqc_gmp.inference.session import Session
from nesqc_gmp.reports.document import (
    Block,
    ColourScale,
    Heading,
    Paragraph,
    Picture,
    PictureGrid,
)
from nesqc_gmp.training.images import LabelledImage
from nesqc_gmp.training.report.material import Material

PICTURES_OF_A_CLASS = 4
"""Sample heat maps of each class: evenly chosen from the images that were measured, never by how they look."""

_EDGE = 240


def sample_heat_maps(material: Material, session: Session) -> list[Block]:
    """Images of each class beside their heat maps, and what the colours mean."""
    blocks: list[Block] = [
        Heading("Sample heat maps"),
        Paragraph(
            f"{_READING[material.plan.network.pooling]} The stronger the colour, the more a place speaks for or "
            "against; each picture has its own scale, whose ends stand below it. Images are evenly chosen from those "
            f"that were measured, never by how they look. {_SCORED[material.found.results.basis]}"
        ),
        ColourScale(
            tuple("#" + bytes(colour).hex() for colour in eight_bits(colour_scale(_COLOURS))[0]),
            "Dark blue: speaks for not conforming",
            "grey: speaks for neither (0)",
            "Light yellow: speaks for conforming",
        ),
    ]
    for label, conforming in (("not conforming", False), ("conforming", True)):
        members = [image for image in material.pictured if image.conforming == conforming]
        pictures = [picture for image in members for picture in _pair(image, material, session)]
        if pictures:
            blocks += [Heading(f"Labelled {label}", 2), PictureGrid(tuple(pictures), 4)]
    return blocks


_COLOURS = 100
"""Steps of the legend."""

_READING = {
    "mean": "The mean over the heat map decides the score.",
    "worst": "The place of the heat map that speaks most against conforming decides the score.",
}

_SCORED = {
    "test": "Score and verdict are those of the results above.",
    "out-of-fold": "Score and verdict are those of the results above, by a network that never saw the image; the heat "
    "map is that of the exported model, which was trained on it.",
}


def _pair(image: LabelledImage, material: Material, session: Session) -> tuple[Picture, Picture]:
    """The image, and the same under its heat map."""
    outputs = session.run(image.samples)
    activation = outputs["map"][0, 0]
    row = next(row for row in material.found.results.rows if row.image == image.name)
    score = "no score" if row.score is None else f"score {row.score:.{material.description.score_decimals}f}"
    plain = Picture(_png(render_jpeg(image.samples, size=_EDGE)), image.name, 0.25)
    shown = render_heat_map_jpeg(image.samples, heat_map(activation), size=_EDGE)
    largest = float(np.abs(activation).max())
    words = f"{row.outcome}, {score}; colours from -{largest:.2f} to +{largest:.2f} log-odds"
    return plain, Picture(_png(shown), words, 0.25)


def _png(jpeg: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.save(stream, "PNG")
    return stream.getvalue()
