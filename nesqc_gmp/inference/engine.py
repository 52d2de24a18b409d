"""A locked model and a frame to a prediction.

``Engine`` takes a ``LockedModel``, never a path: who holds an engine holds a verified model that gave every golden
output byte for byte in this very process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nesqc_gmp.decision import heterogeneity
from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import ImageRejectedError, InvalidInputError, ModelRefusedError
from nesqc_gmp.imaging.statistics import image_statistics, statistics_distance
from nesqc_gmp.inference.golden import output_bytes, require_identical
from nesqc_gmp.inference.gray import GraySamples, gray_samples
from nesqc_gmp.inference.maps import heat_map, relative_distances, tile_distances, tile_scores
from nesqc_gmp.inference.session import Outputs, Session
from nesqc_gmp.modelpack.layout import MODEL
from nesqc_gmp.modelpack.package import LockedModel
from nesqc_gmp.records.base import DecimalText, decimal_text
from nesqc_gmp.records.images import AttemptReceipt, Prediction, RuntimeFacts

DISTANCE_DECIMALS = 3
"""Decimals to which distances and the log-likelihood ratio are rounded before they are compared with their limits."""


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image as the graph takes it, with what was measured outside the graph.

    Attributes:
        gray: ``(height, width)`` 16-bit gray samples.
        statistics_distance: Distance of its statistics from those of the development images.
    """

    gray: GraySamples
    statistics_distance: float


class Engine:
    """A session that passed the golden run.

    Args:
        model: The verified package.

    Raises:
        ModelRefusedError: The session cannot be built as the manifest asks, or a golden output differs by one bit.
    """

    def __init__(self, model: LockedModel) -> None:
        self._manifest = model.manifest
        self._session = Session(model.parts[MODEL], model.manifest.graph, model.manifest.runtime)
        self._self_test = require_identical(model, self._session)
        self._mean = np.array([float(value) for value in self._manifest.statistics_mean])
        self._precision = np.array([[float(value) for value in row] for row in self._manifest.statistics_precision])

    def runtime_facts(self) -> RuntimeFacts:
        """The environment in which this engine runs."""
        return self._session.facts(self._self_test)

    def predict(self, samples: NDArray[np.uint8] | NDArray[np.uint16], receipt: AttemptReceipt) -> Prediction:
        """What the model says of one image.

        Args:
            samples: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or uint16.
            receipt: Proof that the attempt is in the ledger; without one there is no score.

        Raises:
            InvalidInputError: There is no receipt.
            ImageRejectedError: The samples have a shape, type or size that the model does not take.
            ModelRefusedError: The model gave a value that is not finite.
        """
        return self.predict_prepared(self.prepare(samples), receipt)

    def prepare(self, samples: NDArray[np.uint8] | NDArray[np.uint16]) -> PreparedImage:
        """What is measured of an image before the model sees it; no score exists yet.

        Args:
            samples: ``(height, width)`` gray or ``(height, width, 3)`` RGB, uint8 or uint16.

        Raises:
            ImageRejectedError: The samples have a shape, type or size that the model does not take.
        """
        gray = gray_samples(samples)
        self._require_size(gray)
        return PreparedImage(gray, self._statistics_distance(gray))

    def predict_prepared(self, image: PreparedImage, receipt: AttemptReceipt) -> Prediction:
        """What the model says of one prepared image; see ``predict``."""
        if not isinstance(receipt, AttemptReceipt):
            raise InvalidInputError("no receipt of the attempt", remedy="Record the attempt before the first score.")
        outputs = self._session.run(image.gray)
        if not all(np.isfinite(value).all() for value in outputs.values()):
            raise ModelRefusedError("the model gave a value that is not finite", remedy="Report this image.")
        return self._prediction(outputs, image.statistics_distance)

    def _require_size(self, gray: GraySamples) -> None:
        height, width = gray.shape
        space = self._manifest.input_space
        if not (space.width_min <= width <= space.width_max and space.height_min <= height <= space.height_max):
            raise ImageRejectedError(
                f"the image is {width} x {height} pixels; the model takes {space.width_min} to {space.width_max} by "
                f"{space.height_min} to {space.height_max}",
                remedy="Take the image as the specification says; do not resize it.",
            )

    def _statistics_distance(self, gray: GraySamples) -> float:
        return statistics_distance(image_statistics(gray), self._mean, self._precision)

    def _prediction(self, outputs: Outputs, statistics: float) -> Prediction:
        manifest, told = self._manifest, self._manifest.alterations
        activation = outputs["map"][0, 0]
        seen = heat_map(activation)
        return Prediction(
            score=decimal_text(float(outputs["probability"][0]), manifest.score_decimals),
            tiles=tile_scores(activation, manifest.score_decimals),
            heat_map=seen,
            heterogeneity=heterogeneity.of_image(seen, self._tile_distances(outputs)),
            embedding_sha256=sha256_hex(output_bytes({"embedding": outputs["embedding"]})),
            distance=decimal_text(float(outputs["distance"][0]), DISTANCE_DECIMALS),
            distance_limit=manifest.distance_limit,
            statistics_distance=decimal_text(statistics, DISTANCE_DECIMALS),
            statistics_limit=manifest.statistics_limit,
            alteration=None if told is None else decimal_text(float(outputs["alteration"][0]), DISTANCE_DECIMALS),
            alteration_limit=None if told is None else told.limit,
            outputs_sha256=sha256_hex(output_bytes(outputs)),
        )

    def _tile_distances(self, outputs: Outputs) -> tuple[DecimalText, ...]:
        """Relative distances of the tiles; none where the package does not measure them."""
        scale = self._manifest.tile_embedding_scale
        return () if scale is None else relative_distances(tile_distances(outputs["tile_embeddings"][0]), scale)
