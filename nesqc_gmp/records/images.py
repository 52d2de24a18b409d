"""What is known of one image: the facts of its file, the input check, the prediction."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from nesqc_gmp.records.base import DecimalText, Frozen, Identifier, Sha256

ImageFormat = Literal["TIFF", "PNG", "JPEG", "BMP"]
Outcome = Literal["conforming", "not conforming", "undecided"]
"""The three outcomes of an image, a culture and a batch."""


class FrameFacts(Frozen):
    """Facts of one decoded image file.

    Attributes:
        sha256: Digest of the original bytes.
        byte_length: Size of the original file, in bytes.
        format: Container format; OME-TIFF and BigTIFF are ``TIFF``.
        decoder: Name and version of the one decoder used.
        width: Columns, in pixels.
        height: Rows, in pixels.
        channels: 1 for gray, 3 for RGB.
        bit_depth: 8 or 16 bits per sample.
        pixel_size_um: Edge of a pixel in micrometres, or ``None`` where the file does not say.
        pixels_sha256: Digest of the decoded samples, row by row, little-endian.
        perceptual_hash: 64-bit perceptual hash, 16 hexadecimal digits.
    """

    sha256: Sha256
    byte_length: int
    format: ImageFormat
    decoder: str
    width: int
    height: int
    channels: Literal[1, 3]
    bit_depth: Literal[8, 16]
    pixel_size_um: DecimalText | None
    pixels_sha256: Sha256
    perceptual_hash: str


class KnownImage(Frozen):
    """What is kept of an image received earlier, to find it again.

    Attributes:
        sha256: Digest of the original bytes.
        pixels_sha256: Digest of the decoded samples.
        perceptual_hash: Perceptual hash, 16 hexadecimal digits.
        batch: The batch it was received for.
        image: Its name in that batch.
    """

    sha256: Sha256
    pixels_sha256: Sha256
    perceptual_hash: str
    batch: str
    image: str


class Duplicate(Frozen):
    """An image received earlier that an image repeats.

    Attributes:
        image: Name of the earlier image.
        batch: The batch of the earlier image.
        kind: How far the two agree; only the strongest kind is given.
        distance: Bits in which the perceptual hashes differ; 0 for the same bytes or pixels.
    """

    image: str
    batch: str
    kind: Literal["same bytes", "same pixels", "near copy"]
    distance: int


class SampleRow(Frozen):
    """One line of a sample sheet: which file shows what, and when it was captured.

    Attributes:
        file: Name of the image file, relative to the sheet, with forward slashes.
        culture: The culture vessel.
        passage: Passage number of the culture.
        field: The field of view in the vessel.
        captured_at: ISO 8601 date and time with offset from UTC, as written in the sheet.
        pixel_size_um: Edge of a pixel in micrometres, where the sheet gives it.
        objective: Objective of the microscope, where the sheet gives it.
        instrument: The microscope, where the sheet gives it.
    """

    file: str
    culture: Identifier
    passage: Annotated[int, Field(ge=0, le=200)]
    field: Identifier
    captured_at: str
    pixel_size_um: DecimalText | None
    objective: str | None
    instrument: str | None


class InputFinding(Frozen):
    """One rule of the input check applied to one image.

    Attributes:
        rule: Identifier of the rule, e.g. ``INPUT-FOCUS``.
        measured: What was measured, as text.
        limit: What the specification allows, as text.
        passed: Whether the image is inside the limit.
    """

    rule: str
    measured: str
    limit: str
    passed: bool


class InputCheck(Frozen):
    """All findings for one image; it passes when every rule passes."""

    findings: tuple[InputFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether every rule passed."""
        return all(finding.passed for finding in self.findings)


class InputSpace(Frozen):
    """The input sample space: which images a model or specification is meant for (EU GMP Annex 22 draft 3.1).

    Attributes:
        formats: File formats accepted.
        bit_depths: Bits per sample accepted.
        channels: Channel counts accepted.
        width_min: Smallest width, in pixels.
        width_max: Largest width, in pixels.
        height_min: Smallest height, in pixels.
        height_max: Largest height, in pixels.
        pixel_size_um_min: Smallest pixel edge, in micrometres.
        pixel_size_um_max: Largest pixel edge, in micrometres.
        saturated_share_max: Largest share of pixels at the ends of the range, 0 to 1.
        focus_min: Smallest focus measure (see ``imaging.check``).
        illumination_max: Largest unevenness of illumination (see ``imaging.check``).
    """

    formats: tuple[ImageFormat, ...]
    bit_depths: tuple[Literal[8, 16], ...]
    channels: tuple[Literal[1, 3], ...]
    width_min: int
    width_max: int
    height_min: int
    height_max: int
    pixel_size_um_min: DecimalText
    pixel_size_um_max: DecimalText
    saturated_share_max: DecimalText
    focus_min: DecimalText
    illumination_max: DecimalText

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Every field as label and text, in a fixed order."""
        return tuple(
            (name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value))
            for name, value in self.model_dump(mode="json").items()
        )


class HeatMap(Frozen):
    """Class-activation map of one image.

    Attributes:
        rows: Rows of the map.
        columns: Columns of the map.
        values: Base64 of ``rows * columns`` little-endian 32-bit floats, row by row; positive speaks for
            conforming.
    """

    rows: int
    columns: int
    values: str


class Spread(Frozen):
    """How far the parts of a whole lie apart, with its two-sided 95 % confidence interval.

    Attributes:
        value: The spread, 0 where all parts are alike.
        low: Lower bound; ``None`` where there is no interval.
        high: Upper bound; ``None`` where there is no interval.
        units: Parts that it rests on: tiles of an image, images of a culture, cultures of a batch.
    """

    value: DecimalText
    low: DecimalText | None
    high: DecimalText | None
    units: Annotated[int, Field(ge=1)]


def spread_words(found: Spread | None) -> str:
    """A spread with its interval, for the eye."""
    if found is None:
        return "not measured"
    if found.low is None or found.high is None:
        return f"{found.value} (no interval)"
    return f"{found.value} ({found.low} to {found.high})"


class Heterogeneity(Frozen):
    """How unlike the places of an image are; of a culture the mean over its images, of a batch over its cultures.

    Attributes:
        appearance: Spread of the embeddings of the tiles: 1 is a typical conforming development image. ``None`` where
            it was not measured.
        score: Spread of the scores of the tiles, in log-odds; ``None`` where nothing was measured.
    """

    appearance: Spread | None
    score: Spread | None


class TileHeterogeneity(Heterogeneity):
    """The heterogeneity of one image, with what it is computed from beside the heat map.

    Attributes:
        tile_distances: Distance of the embedding of each tile from their mean, over the scale of the package, row by
            row; empty where the package has no tile embeddings or no scale.
    """

    tile_distances: tuple[DecimalText, ...]


class Prediction(Frozen):
    """What the locked model says of one image.

    Attributes:
        score: Probability of *conforming*, 0 to 1, rounded as the package says.
        tiles: Score of each tile, row by row.
        heat_map: Class-activation map.
        heterogeneity: How unlike the tiles are; it decides nothing about the image.
        embedding_sha256: Digest of the embedding's bytes.
        distance: Distance of the image's features from those of the training images (input check by the model).
        distance_limit: Largest distance at which the image is inside the input sample space.
        statistics_distance: Distance of the image's statistics from those of the training images.
        statistics_limit: Largest statistics distance at which the image is inside the input sample space.
        alteration: Log-likelihood ratio of an image altered in a known way against one as it came; absent where the
            package does not tell alterations.
        alteration_limit: Largest such ratio at which the image is inside the input sample space.
        outputs_sha256: Digest of all output tensors' bytes in the order of the manifest.
    """

    score: DecimalText
    tiles: tuple[tuple[DecimalText, ...], ...]
    heat_map: HeatMap
    heterogeneity: TileHeterogeneity
    embedding_sha256: Sha256
    distance: DecimalText
    distance_limit: DecimalText
    statistics_distance: DecimalText
    statistics_limit: DecimalText
    alteration: DecimalText | None = Field(default=None, exclude_if=lambda value: value is None)
    alteration_limit: DecimalText | None = Field(default=None, exclude_if=lambda value: value is None)
    outputs_sha256: Sha256

    @model_validator(mode="after")
    def _alteration_whole(self) -> Self:
        if (self.alteration is None) != (self.alteration_limit is None):
            raise ValueError("alteration and alteration_limit go together")
        return self


class AttemptReceipt(Frozen):
    """Proof that an attempt was committed to the ledger before its first score: no score without a record.

    Attributes:
        record: The batch, or the test of a model (``state.model_tests.results_id``).
        attempt: Number of the attempt among those of the batch or of the model, from 1.
        index: Index in the log of the record that opened the attempt.
        checkpoint: The signed checkpoint that covers that record.
    """

    record: Identifier
    attempt: Annotated[int, Field(ge=1)]
    index: Annotated[int, Field(ge=0)]
    checkpoint: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class RuntimeFacts(Frozen):
    """The environment in which a session ran, recorded with every attempt (EU GMP Annex 22 draft 2).

    Attributes:
        onnxruntime: Version and build of onnxruntime.
        provider: Execution provider.
        threads: Threads a session.
        graph_optimisation: Level of graph optimisation.
        deterministic: Whether deterministic compute was asked for.
        processor: Processor name and the vector extensions that matter.
        python: Python version.
        packages: Versions of the packages that touch pixels, as ``name==version``.
        self_test: ``identical`` where the golden run was byte for byte as locked.
    """

    onnxruntime: str
    provider: str
    threads: int
    graph_optimisation: str
    deterministic: bool
    processor: str
    python: str
    packages: tuple[str, ...]
    self_test: str
