"""The plan of a training run: every choice is a field, strict and named by its digest.

Unknown fields are refused, so a misspelt one cannot be ignored. The digest is that of the values, so a comment or
another order of the fields does not make another plan.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.records.base import DecimalText, Identifier, Text
from nesqc_gmp.robustness.perturbations import CATALOGUE
from nesqc_gmp.robustness.segmentation import PARTS
from nesqc_gmp.training.corruptions import CORRUPTIONS

Share = Annotated[float, Field(ge=0, le=1)]
WrongShare = Annotated[float, Field(ge=0, lt=0.5)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Positive = Annotated[float, Field(gt=0, le=1e30)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class Section(BaseModel):
    """A table of the plan: frozen, no unknown field. Whole numbers may stand for decimal ones, as TOML writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelSection(Section):
    """What the model is.

    Attributes:
        name: Name of the package.
        version: Version of the package.
        demonstration: Whether it is for demonstration only; always true for simulated data.
        intended_use: What it is for and what it is not for.
        training_data: On what it is trained.
        labels: Who or what gave the labels, and what *conforming* means.
    """

    name: Identifier
    version: Identifier
    demonstration: bool
    intended_use: Text
    training_data: Text
    labels: Text


class Fractions(Section):
    """Shares of the groups of images in each split; their sum is 1."""

    training: Share
    calibration: Share
    test: Share

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(self.training + self.calibration + self.test - 1) > 1e-9:
            raise ValueError("the shares of training, calibration and test must add up to 1")
        if self.training == 0:
            raise ValueError("training needs a share")
        return self


class SplitSection(Section):
    """How the images are divided.

    Attributes:
        by: Columns whose values are kept together: images that share one of them are never in two splits.
        fractions: Shares of the images.
        seed: Of the draw.
        column: Column of the manifest that names the split of each image; then nothing is drawn.
    """

    by: tuple[str, ...] = ("culture", "donor")
    fractions: Fractions = Fractions(training=0.6, calibration=0.2, test=0.2)
    seed: Seed = 1
    column: str | None = None


class DataSection(Section):
    """Where the images are and what is known of them.

    Attributes:
        images: Folder of the images; a relative path starts at the folder of the plan.
        manifest: The manifest CSV; likewise.
        simulated: Whether the images are simulated; then every report says so.
        family: Column of the family for cross-validation.
        subgroups: Columns by which the results are also given.
        not_conforming_objects: Names of the boxes that mark what makes an image not conforming.
        unreadable: What an image that cannot be read does: refuse the run, or be left out and listed.
        split: How the images are divided.
    """

    images: str
    manifest: str
    simulated: bool
    family: str = "family"
    subgroups: tuple[str, ...] = ()
    not_conforming_objects: tuple[str, ...] = ()
    unreadable: Literal["refuse", "leave out"] = "refuse"
    split: SplitSection = SplitSection()


class NetworkSection(Section):
    """The network: a stem, residual blocks, a 1 x 1 head, a pooling of the map.

    Attributes:
        input_pool: Factor of the average pool before everything.
        normalisation: How the samples of an image are brought to one scale; see ``network.normalised``.
        widths: Channels of the stem, then of each residual block.
        strides: Strides of the same.
        stem_kernel: Edge of the kernel of the stem.
        pooling: ``mean``: the logit is the mean of the map; ``worst``: the least conforming place of the map decides.
        tile_cells: Edge, in cells of the map, of the tiles whose embeddings the graph gives.
        living_map: Learn a second map, of the living cells, from the boxes; it is not exported.
        border_cells: Cells of the map along each border in which nothing is judged, with pooling ``worst``: what the
            border cuts off cannot be told.
        views: ``eight``: the exported graph takes the mean over the eight turns by 90 degrees and mirrors of an image,
            so that none of them changes the score; it costs eight times the arithmetic.
    """

    input_pool: Literal[1, 2] = 1
    normalisation: Literal["mean and deviation", "mean", "both"] = "mean and deviation"
    widths: Annotated[tuple[Annotated[int, Field(ge=1, le=2048)], ...], Field(min_length=3, max_length=12)]
    strides: tuple[Literal[1, 2], ...]
    stem_kernel: Literal[3, 5, 7] = 3
    pooling: Literal["mean", "worst"]
    tile_cells: Count = 4
    living_map: bool = False
    border_cells: Annotated[int, Field(ge=0, le=4)] = 0
    views: Literal["one", "eight"] = "one"

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if len(self.strides) != len(self.widths):
            raise ValueError("strides and widths must be equally many: first the stem, then each block")
        if self.living_map and self.pooling != "worst":
            raise ValueError('a map of living cells goes with pooling "worst" only')
        if self.border_cells and self.pooling != "worst":
            raise ValueError('border cells are left out with pooling "worst" only')
        return self

    @property
    def stride(self) -> int:
        """Edge of a cell of the map, in pixels of the image."""
        return self.input_pool * math.prod(self.strides)


class Sometimes(Section):
    """A change that is applied to a share of the images, with a strength drawn between two numbers."""

    share: Share
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.low <= self.high:
            raise ValueError("0 < low <= high must hold")
        return self


class AugmentationSection(Section):
    """What may differ between two images of one class. Every default is *off*.

    Attributes:
        rotation: No turn, quarter turns, or any angle.
        flip: Mirror half of the images.
        scale: Magnify by ``1/scale`` to ``scale``; 1 is off.
        brightness: Multiply the light by ``exp(-x)`` to ``exp(x)``.
        contrast: Multiply the contrast about the mean by ``exp(-x)`` to ``exp(x)``.
        blur: Gaussian blur, sigma in pixels of the network's input.
        noise: Largest standard deviation of added noise, of full scale.
        illumination: Largest fall of the light from the middle to an edge, as a share.
        compression: JPEG compression, qualities 1 to 100.
    """

    rotation: Literal["none", "quarter turns", "any"] = "none"
    flip: bool = False
    scale: Annotated[float, Field(ge=1, le=2)] = 1.0
    brightness: Annotated[float, Field(ge=0, le=2)] = 0.0
    contrast: Annotated[float, Field(ge=0, le=2)] = 0.0
    blur: Sometimes | None = None
    noise: Share = 0.0
    illumination: Share = 0.0
    compression: Sometimes | None = None


class TrainingSection(Section):
    """The fit.

    Attributes:
        seed: Of the weights, the order and the augmentation.
        epochs: Passes over the training images.
        batch: Images a step.
        learning_rate: Highest learning rate of the one-cycle schedule.
        warm_up: Share of the steps in which the learning rate rises.
        weight_decay: Of AdamW.
        gradient_limit: Largest norm of a gradient.
        average: Weight of the past in the moving average of the weights, which is what is exported; 0 exports the last.
        label_smoothing: Share of doubt in the labels of the images.
        crop: Edge of the square that is cut from each image, in pixels; a multiple of the cell of the map.
        dense_weight: Weight of the loss at each place of the map, where the manifest has boxes.
        living_weight: Weight of the loss of the map of living cells.
        head_bias: Log-odds of *not conforming* (pooling ``worst``) or *conforming* at which the map starts.
        threads: Threads of torch on a CPU; another number gives other last bits.
        device: ``auto`` takes a GPU where there is one.
    """

    seed: Seed
    epochs: Count
    batch: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    warm_up: Annotated[float, Field(gt=0, lt=1)] = 0.3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    gradient_limit: Positive = 5.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    crop: Annotated[int, Field(ge=1, le=8192)]
    dense_weight: Annotated[float, Field(ge=0)] = 0.0
    living_weight: Annotated[float, Field(ge=0)] = 0.0
    head_bias: float = 0.0
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"


class CalibrationSection(Section):
    """How thresholds and limits are set, on development images only.

    Attributes:
        distance_refused: Share of development images that the distance of the features may refuse.
        statistics_refused: The same for the distance of the image statistics.
        band: Whether the next two shares hold over all development images, or in each family by itself.
        wrong_conforming: Share of not conforming development images that may score as conforming.
        wrong_not_conforming: Share of conforming development images that may score as not conforming.
        narrowest: Scores between these two are always undecided.
        feature_shrinkage: Weight of the diagonal in the covariance of the features.
        statistics_shrinkage: The same for the image statistics.
    """

    distance_refused: WrongShare = 0.01
    statistics_refused: WrongShare = 0.01
    band: Literal["all images", "each family"] = "all images"
    wrong_conforming: WrongShare = 0.01
    wrong_not_conforming: WrongShare = 0.01
    narrowest: tuple[DecimalText, DecimalText] = ("0.2", "0.8")
    feature_shrinkage: Annotated[float, Field(gt=0, le=1)] = 0.05
    statistics_shrinkage: Annotated[float, Field(gt=0, le=1)] = 0.02

    @model_validator(mode="after")
    def _a_band(self) -> Self:
        if not 0 < Decimal(self.narrowest[0]) <= Decimal(self.narrowest[1]) < 1:
            raise ValueError("narrowest must hold two scores between 0 and 1, the smaller first")
        return self


class AlterationSection(Section):
    """Ways to alter an image that the input check is shown; see ``alterations``.

    Attributes:
        kinds: Names of ``corruptions.CORRUPTIONS``.
        refused: Share of development images, as they came, that the check may refuse.
        images: Training images that are altered, evenly chosen.
        shrinkage: Weight of the diagonal in the covariance within the altered and the plain images.
    """

    kinds: Annotated[tuple[str, ...], Field(min_length=1)]
    refused: WrongShare = 0.005
    images: Count = 300
    shrinkage: Annotated[float, Field(gt=0, le=1)] = 0.3

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = [kind for kind in self.kinds if kind not in CORRUPTIONS]
        if unknown:
            known = "; ".join(f'"{kind}"' for kind in CORRUPTIONS)
            raise ValueError(f'in kinds, "{unknown[0]}" is no kind of alteration; there are {known}')
        if len(set(self.kinds)) != len(self.kinds):
            raise ValueError("kinds names one twice")
        return self


class CrossValidationSection(Section):
    """Each family is held out once and scored by a network that never saw it; thresholds come from those scores."""

    by: Literal["family"]


class InputSection(Section):
    """Images that the model takes; the limits of focus, light and saturation are measured.

    Attributes:
        edge_min: Smallest edge, in pixels.
        edge_max: Largest edge, in pixels.
        pixel_size_um_min: Smallest pixel edge, in micrometres.
        pixel_size_um_max: Largest pixel edge, in micrometres.
        outside: Folders of images that the model is not for; the report gives the share refused of each. A relative
            path starts at the folder of the plan.
        outside_refused_min: Least share of the images of each such folder that the whole input check must refuse; a
            plan without this limit keeps the digest it had before there was one.
    """

    edge_min: Annotated[int, Field(ge=32)]
    edge_max: Annotated[int, Field(le=16384)] = 4096
    pixel_size_um_min: DecimalText
    pixel_size_um_max: DecimalText
    outside: tuple[str, ...] = ()
    outside_refused_min: Share | None = Field(default=None, exclude_if=lambda share: share is None)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < Decimal(self.pixel_size_um_min) <= Decimal(self.pixel_size_um_max):
            raise ValueError("0 < pixel_size_um_min <= pixel_size_um_max must hold")
        if self.edge_min > self.edge_max:
            raise ValueError("edge_min must not be larger than edge_max")
        if self.outside_refused_min is not None and not self.outside:
            raise ValueError("outside_refused_min needs folders of images in outside")
        return self


class HeatMapSection(Section):
    """Limits on what the heat map shows; see ``robustness.heat_map``. ``None`` is no limit.

    Attributes:
        deletion_min: Least area by which taking places away in the order of the map lies below random order.
        insertion_min: Least area by which bringing them back lies above random order.
        random_weights_max: Largest rank correlation with maps of networks that were never trained.
    """

    deletion_min: float | None = None
    insertion_min: float | None = None
    random_weights_max: Share | None = None


class RobustnessSection(Section):
    """What may happen to the verdicts of test images that are turned, lit or compressed otherwise.

    Attributes:
        images: Test images that are changed, evenly chosen.
        limits: Largest share of verdicts that may change, by the printed name of the disturbance.
        heat_map: Limits on the heat map.
    """

    images: Count = 30
    heat_map: HeatMapSection = HeatMapSection()
    limits: dict[str, Share] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = set(self.limits) - {*map(str, CATALOGUE), *PARTS}
        if unknown:
            raise ValueError(f"there is no disturbance named {min(unknown)}")
        return self


class GoldenSection(Section):
    """Golden images: simulated fields, so that a package never carries a picture of a patient's cells.

    Attributes:
        number: How many.
        edge: Their edge, in pixels.
    """

    number: Annotated[int, Field(ge=1, le=20)] = 4
    edge: Annotated[int, Field(ge=128, le=1024)] = 512


class Plan(Section):
    """A whole plan; see the sections."""

    model: ModelSection
    data: DataSection
    network: NetworkSection
    augmentation: AugmentationSection = AugmentationSection()
    training: TrainingSection
    calibration: CalibrationSection = CalibrationSection()
    alterations: AlterationSection | None = Field(default=None, exclude_if=lambda section: section is None)
    cross_validation: CrossValidationSection | None = None
    input: InputSection
    robustness: RobustnessSection = RobustnessSection()
    golden: GoldenSection = GoldenSection()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        cell = self.network.stride
        if self.training.crop % cell:
            raise ValueError(f"training.crop must be a multiple of {cell}, the cell of the map")
        border = 2 * self.network.border_cells
        if self.input.edge_min < cell * max(4 + border, self.network.tile_cells):
            raise ValueError(f"input.edge_min must hold {4 + border} cells of {cell} pixels and one tile of the map")
        if self.training.crop < cell * (1 + border):
            raise ValueError(f"training.crop must hold {1 + border} cells of {cell} pixels")
        if self.data.simulated and not self.model.demonstration:
            raise ValueError("a model trained on simulated images is a demonstration")
        if self.calibration.band == "each family" and self.cross_validation is None:
            raise ValueError("a band that holds in each family needs a cross-validation by family")
        if self.training.living_weight and not self.network.living_map:
            raise ValueError("training.living_weight needs network.living_map")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of all values, defaults included."""
        return sha256_hex(canonical_json(_exact(self.model_dump(mode="json"))))

    @property
    def fit_digest(self) -> str:
        """SHA-256 of what the weights depend on: another calibration or input space needs no new fit."""
        parts = {"data", "network", "augmentation", "training", "cross_validation"}
        return sha256_hex(canonical_json(_exact(self.model_dump(mode="json", include=parts))))


def _exact(value: object) -> object:
    """Decimal numbers as text: canonical JSON of this project holds no floating point number."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in value.items()}
    return [_exact(each) for each in value] if isinstance(value, list) else value
