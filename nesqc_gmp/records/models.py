"""The manifest of a locked model package: every part by digest, thresholds, and what the model is for."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from nesqc_gmp.records.base import DecimalText, Frozen, Identifier, Line, Sha256, Text
from nesqc_gmp.records.images import InputSpace
from nesqc_gmp.records.signatures import ElectronicSignature

PartPath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$")
]
"""Path of a part inside the package: at most one folder deep, no hidden name, no way out of the package."""

OutputName = Literal["logit", "probability", "map", "embedding", "distance", "tile_embeddings", "alteration"]
"""Output tensors of the graph, 32-bit floats:

- ``logit`` ``(1,)``: calibrated log-odds of *conforming*, the mean or the least value of ``map``, as the card says;
- ``probability`` ``(1,)``: the logistic function of ``logit``;
- ``map`` ``(1, 1, rows, columns)``: exact class-activation map, positive for conforming;
- ``embedding`` ``(1, channels)``: mean of the last feature map;
- ``distance`` ``(1,)``: Mahalanobis distance of the features from the training images;
- ``tile_embeddings`` ``(1, channels, tile rows, tile columns)``: mean of the last feature map in each tile;
- ``alteration`` ``(1,)``: largest log-likelihood ratio of an image altered in a known way against one as it came.
"""


class PackagePart(Frozen):
    """One file of a package.

    Attributes:
        path: Path inside the folder, with forward slashes.
        byte_length: Size in bytes.
        sha256: Digest of the bytes.
    """

    path: PartPath
    byte_length: Annotated[int, Field(ge=0, le=64 * 2**20)]
    sha256: Sha256


class Graph(Frozen):
    """Shape of the ONNX graph in ``model.onnx``.

    Attributes:
        input: Name of the one input: ``(1, 1, height, width)`` unsigned 16-bit gray samples.
        outputs: Names of the outputs, in their order.
        opset: Version of the default operator set.
    """

    input: Literal["image"]
    outputs: tuple[OutputName, ...]
    opset: Literal[20]


class RuntimeSettings(Frozen):
    """Settings of the session, fixed at lock and applied as they stand.

    Attributes:
        provider: Execution provider of onnxruntime.
        threads: Threads a session.
        graph_optimisation: Level of graph optimisation.
        deterministic: Ask for deterministic compute.
        onnxruntime: The version with which the golden outputs were made.
    """

    provider: Literal["CPUExecutionProvider"]
    threads: Literal[1]
    graph_optimisation: Literal["EXTENDED"]
    deterministic: Literal[True]
    onnxruntime: str


class AlterationCheck(Frozen):
    """Known ways to alter an image, and the limit above which an image is taken for one of them.

    Attributes:
        kinds: What the check was shown, such as inverted contrast.
        limit: Largest value of the output ``alteration`` inside the input sample space.
    """

    kinds: Annotated[tuple[Line, ...], Field(min_length=1)]
    limit: DecimalText

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.kinds)) != len(self.kinds):
            raise ValueError("a kind of alteration is named twice")
        return self


class ModelDescription(Frozen):
    """What is said of a model before it is locked: everything of the manifest but the digests.

    Attributes:
        version: Version of this format.
        name: Name of the model.
        model_version: Version of the model.
        demonstration: Whether the model is for demonstration only; then nothing made with it is for GMP use.
        intended_use: What the model is for, and what it is not for.
        training_data: On what it was trained.
        labels: Labels in the order of the output; index 1 is *conforming*.
        conforming_from: Scores at or above this are conforming.
        not_conforming_below: Scores below this are not conforming; between the two, undecided.
        score_decimals: Decimals to which a score is rounded before anything is decided.
        calibration_temperature: Temperature that divides the logit inside the graph.
        distance_limit: Largest distance inside the input sample space.
        statistics_mean: Mean of the image statistics over the development images.
        statistics_precision: Inverse covariance of the same, row by row.
        statistics_limit: Largest statistics distance inside the input sample space.
        alterations: Check for images altered in known ways; absent where the package has none.
        tile_embedding_scale: Spread of the tile embeddings of a typical conforming development image, by which those of
            every image are divided; absent where the package does not measure it.
        input_space: The input sample space.
        graph: Shape of the ONNX graph.
        runtime: Settings of the session.
        golden: Names of the golden images; see ``modelpack.layout`` for their files.
    """

    version: Literal[1]
    name: Identifier
    model_version: Identifier
    demonstration: bool
    intended_use: Text
    training_data: Text
    labels: tuple[Literal["not conforming"], Literal["conforming"]]
    conforming_from: DecimalText
    not_conforming_below: DecimalText
    score_decimals: Annotated[int, Field(ge=2, le=6)]
    calibration_temperature: DecimalText
    distance_limit: DecimalText
    statistics_mean: tuple[DecimalText, ...]
    statistics_precision: tuple[tuple[DecimalText, ...], ...]
    statistics_limit: DecimalText
    alterations: AlterationCheck | None = Field(default=None, exclude_if=lambda check: check is None)
    tile_embedding_scale: DecimalText | None = Field(default=None, exclude_if=lambda scale: scale is None)
    input_space: InputSpace
    graph: Graph
    runtime: RuntimeSettings
    golden: Annotated[tuple[Identifier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        below, conforming = Decimal(self.not_conforming_below), Decimal(self.conforming_from)
        if not 0 < below <= conforming < 1:
            raise ValueError("the thresholds must satisfy 0 < not_conforming_below <= conforming_from < 1")
        count = len(self.statistics_mean)
        if len(self.statistics_precision) != count or any(len(row) != count for row in self.statistics_precision):
            raise ValueError("statistics_precision must be square, one row for each value of statistics_mean")
        if len(set(self.golden)) != len(self.golden):
            raise ValueError("a golden image is named twice")
        if (self.alterations is not None) != ("alteration" in self.graph.outputs):
            raise ValueError("alterations and the output alteration go together")
        if self.tile_embedding_scale is not None:
            if Decimal(self.tile_embedding_scale) <= 0:
                raise ValueError("tile_embedding_scale must be above 0")
            if "tile_embeddings" not in self.graph.outputs:
                raise ValueError("tile_embedding_scale needs the output tile_embeddings")
        return self

    def check_lines(self) -> tuple[tuple[str, str], ...]:
        """The limits of the check by the model as label and text, in a fixed order."""
        told = self.alterations
        return (
            ("distance of the features", f"at most {self.distance_limit}"),
            ("distance of the image statistics", f"at most {self.statistics_limit}"),
            ("likeness to altered images", "not checked by this package" if told is None else
             f"at most {told.limit}; shown to it: {'; '.join(told.kinds)}"),
        )  # fmt: skip


class ModelManifest(ModelDescription):
    """Everything that decides about a score, in one file whose digest names the package.

    Attributes:
        parts: Every other file of the package, in the order of their paths.
    """

    parts: Annotated[tuple[PackagePart, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _parts_in_order(self) -> Self:
        paths = [part.path for part in self.parts]
        if paths != sorted(set(paths)):
            raise ValueError("the parts must be in the order of their paths, each named once")
        return self


class ModelInstalled(Frozen):
    """A locked package was brought to the site; it cannot run before it is approved and active.

    Attributes:
        model_sha256: Digest of the package's manifest.
        manifest: The manifest itself.
        self_test: Outcome of the golden run at installation.
    """

    kind: Literal["model_installed"] = "model_installed"
    model_sha256: Sha256
    manifest: ModelManifest
    self_test: Text


class ModelApproved(Frozen):
    """A package may be activated."""

    kind: Literal["model_approved"] = "model_approved"
    model_sha256: Sha256
    signature: ElectronicSignature


class ModelActivated(Frozen):
    """A package may run."""

    kind: Literal["model_activated"] = "model_activated"
    model_sha256: Sha256
    signature: ElectronicSignature


class ModelRetired(Frozen):
    """A package may no longer run."""

    kind: Literal["model_retired"] = "model_retired"
    model_sha256: Sha256
    signature: ElectronicSignature
