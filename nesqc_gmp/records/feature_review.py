"""The review of features: an expert looked at the heat maps of a sample that the frozen plan had drawn, and signed.

EU GMP Annex 22 draft 8.1 and 8.2: the features behind the outputs are recorded in the test, and looking at them is part
of approving its results.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nesqc_gmp.records.base import DecimalText, Frozen, Line, Sha256, Text
from nesqc_gmp.records.signatures import ElectronicSignature

Place = Literal["cells", "background", "edge", "debris", "scale bar or text", "cannot tell"]
"""Where the weight of a heat map lies, as the expert sees it."""

PLACES: tuple[Place, ...] = ("cells", "background", "edge", "debris", "scale bar or text", "cannot tell")

SAMPLE_MAX = 100
"""Most images of a sample."""


class WeightShares(Frozen):
    """Shares of the weight of one sign, 0 to 1, as ``robustness.weight`` computes them."""

    cells: DecimalText
    background: DecimalText
    border: DecimalText


class FeatureSeen(Frozen):
    """One image of the sample: what was shown, and what the expert said.

    Attributes:
        image: The image.
        png_sha256: Digest of the PNG with image and heat map, as it stands in the page.
        positive: Where the weight for conforming lies, ``None`` where nothing speaks for it.
        negative: Where the weight against it lies, ``None`` where nothing does.
        place: Where the expert sees the weight.
    """

    image: Text
    png_sha256: Sha256
    positive: WeightShares | None
    negative: WeightShares | None
    place: Place


class PlaceCount(Frozen):
    """How often one place was named."""

    place: Place
    images: Annotated[int, Field(ge=0)]


class FeaturesReviewed(Frozen):
    """An expert reviewed the heat maps of the sample and concluded; the last review of a test counts.

    Attributes:
        model_sha256: The package.
        plan: Number of the plan that drew the sample.
        test: Number of the test that made the maps.
        seen: Every image of the sample that has a map, in the order shown.
        without_map: Images of the sample that the input check kept from the model.
        counts: How often each place was named.
        sensible: Whether the features make sense for the intended use.
        comment: What the expert says of it.
        html_sha256: Digest of the page that was shown.
        pdf_sha256: Digest of the same as PDF.
        signature: Signature of the expert.
    """

    kind: Literal["features_reviewed"] = "features_reviewed"
    model_sha256: Sha256
    plan: Annotated[int, Field(ge=1)]
    test: Annotated[int, Field(ge=1)]
    seen: Annotated[tuple[FeatureSeen, ...], Field(min_length=1, max_length=SAMPLE_MAX)]
    without_map: Annotated[tuple[Text, ...], Field(max_length=SAMPLE_MAX)]
    counts: tuple[PlaceCount, ...]
    sensible: bool
    comment: Line
    html_sha256: Sha256
    pdf_sha256: Sha256
    signature: ElectronicSignature

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.counts != place_counts(self.seen):
            raise ValueError("the counts are not those of the answers")
        return self


def place_counts(seen: tuple[FeatureSeen, ...]) -> tuple[PlaceCount, ...]:
    """How often each place was named, places that were never named included."""
    found = Counter(item.place for item in seen)
    return tuple(PlaceCount(place=place, images=found[place]) for place in PLACES)
